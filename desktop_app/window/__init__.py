"""The rooms of the main window: frame, prompts, runs, models, sessions, exports.

May import `views`, `widgets`, `jobs`, `session` and what lies below them; never torch.
"""
