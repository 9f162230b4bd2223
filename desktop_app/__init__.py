"""Lensbench: a desktop workbench for mechanistic interpretability.

The packages here import each other in one direction only:
`app > window > views > widgets | jobs | session`, and
`jobs > compute > engine > text > analyses > support`; `cli` stands beside `app` on `compute` and
`session`. There is no Qt below `jobs` and no torch above it.
"""
