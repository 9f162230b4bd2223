"""The frame around every analysis, and what its views share.

May import `widgets`, `pictures` and `contract`; never torch, and never a slice.
"""
