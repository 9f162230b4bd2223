"""How each analysis is computed: one module per analysis with `run(model, params, report)`.

May import `engine` and everything below it; torch lives here and in `engine`, Qt does not.
"""
