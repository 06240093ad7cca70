"""`strainwatch doctor`: looks at everything that is often wrong, and says of each what to do."""
