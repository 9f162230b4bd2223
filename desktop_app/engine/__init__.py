"""The one way into a model: catalogue, loading, memory, tokenizing, interventions, sweeps, metrics.

May import `text`, `contract` and `support`; torch lives here, Qt does not.
"""
