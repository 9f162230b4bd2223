"""Patching by hand."""
