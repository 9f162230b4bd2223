"""Prompt tables, answer resolution, token warnings and their fixes as data.

May import `contract` and `support`; neither torch nor Qt. A tokenizer reaches it as a protocol.
"""
