"""The search: actions, analyses, settings, exports, help, heads, prompts and results by words."""
