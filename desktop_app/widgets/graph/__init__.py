"""The circuit board: a painted graph, and what stands around it (Qt; no torch)."""
