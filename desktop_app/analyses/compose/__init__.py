"""Composition of heads."""
