"""Ablation sweep."""
