"""What is asked and answered: one module per analysis, its Params and the fields of its Result.

May import `support`, pydantic and numpy; knows neither torch nor Qt.
"""
