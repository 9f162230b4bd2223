"""The compute thread: requests in, plain results out, progress, cancelling, errors.

May import `compute` (on the worker's thread alone), `analyses`, `support` and PySide6's QtCore.
"""
