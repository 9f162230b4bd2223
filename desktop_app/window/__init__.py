"""The main window: docks, selection, actions, settings, themes, and who asks the compute thread.

May import `views`, `widgets`, `jobs`, `session` and what lies below them; never torch.
"""
