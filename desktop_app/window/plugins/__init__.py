"""Plug-ins of the installed program: the dialog that lists them, and what a switch changes."""
