"""What agents keep: how it grows."""
