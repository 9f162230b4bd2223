"""Tokens as strips and cells, their spaces made visible."""
