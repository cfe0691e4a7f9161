"""State that several agents share, and what they do to each other's writes."""
