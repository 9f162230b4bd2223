"""Tokenizer inspection."""
