"""Linear probes: what a stream tells of a label. May not import slices."""
