"""Attention patterns."""
