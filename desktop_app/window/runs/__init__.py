"""What runs, what waits, and which picture was made for which prompts."""
