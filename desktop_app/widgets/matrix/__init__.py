"""Matrices, head grids and attention patterns, painted by hand, with their axes and scales."""
