"""What the views share: theme, heatmap, token strip, pattern view, tables, forms and notices.

May import Qt, pyqtgraph, numpy, pydantic and `support`; takes plain values and arrays, and knows
neither torch nor any analysis.
"""
