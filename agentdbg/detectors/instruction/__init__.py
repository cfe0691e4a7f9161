"""What became of the task on its way."""
