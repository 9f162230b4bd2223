"""`circuit`: what a set of kept heads and MLPs can do, and pruning to find one."""
