"""Residual stream: how large it is at each layer and position, how it grows, what makes it up."""
