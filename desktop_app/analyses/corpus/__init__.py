"""The slice `corpus`: what every head does on ordinary text."""
