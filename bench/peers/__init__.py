"""What others would build for the same work; each file stands alone."""
