"""The .lens file and the exports: results kept for later, readable without the model.

May import `text`, `contract` and `support`; knows neither torch nor Qt. Files are untrusted input.
"""
