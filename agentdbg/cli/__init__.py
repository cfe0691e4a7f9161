"""The command line: one thin file a command. Arguments in, library called, exit code out."""
