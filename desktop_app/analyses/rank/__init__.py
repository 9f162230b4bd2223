"""Prompt ranking."""
