"""Tokenizers as the files describe them, bounded in time and memory, and chat templates."""
