"""What is known of the selected head and token."""
