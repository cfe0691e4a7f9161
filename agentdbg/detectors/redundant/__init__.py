"""Work that is paid for more than once."""
