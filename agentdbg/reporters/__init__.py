"""One finished result in, text out on a stream: one file a format."""
