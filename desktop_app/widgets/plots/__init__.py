"""Curves, bars and scatters on pyqtgraph, which is imported when the first one is drawn."""
