"""Money: what runs and agents cost beside what they usually do."""
