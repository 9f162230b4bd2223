"""Candidate words for a corrupt prompt: which of them leave everything else as it was."""
