"""`strainwatch watch`: alerts and the board in a terminal, over the public feed and nothing else."""
