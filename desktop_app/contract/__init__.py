"""What is asked and answered: Params, Result, field specs, requests, reports, and the registry.

May import `support`, pydantic and numpy; knows neither torch nor Qt, and no analysis but by name.
"""
