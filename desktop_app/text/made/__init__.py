"""Families of prompts, made from a form: clean prompts, corrupt twins, a reference set for means.

Knows no model: what counts tokens is handed in. May import `text`, `contract` and `support`.
"""
