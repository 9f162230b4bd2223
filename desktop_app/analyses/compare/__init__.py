"""Two models on the same prompts."""
