"""Models on disk: what their files hold, whether it is all read, and what is refused by name."""
