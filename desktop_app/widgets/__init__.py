"""How pictures are drawn: basics, matrix, tokens, tables, forms.

May import Qt, `pictures` and what lies below; knows neither torch nor any analysis.
"""
