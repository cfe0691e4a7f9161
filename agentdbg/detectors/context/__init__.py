"""What is in the prompts, and how it grows."""
