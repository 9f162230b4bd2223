"""Pictures and tables on their way out."""
