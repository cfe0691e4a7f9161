"""Where a running program is held: one file for each library that sends model calls or runs tools.

Standard library only: these run in the program's own interpreter, and know of a library what is imported already."""
