"""The compute thread: requests in, plain results out, progress, cancelling, errors.

May import `engine` (on the worker's thread alone), `contract`, `support` and PySide6's QtCore.
"""
