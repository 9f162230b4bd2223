"""Repeated sequences."""
