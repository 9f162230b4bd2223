"""The open session: its file, its history, recovery."""
