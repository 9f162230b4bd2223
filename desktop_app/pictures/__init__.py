"""What pictures share, as data: words, numbers, tables of text.

May import `text`, `contract` and `support`; knows neither torch nor Qt.
"""
