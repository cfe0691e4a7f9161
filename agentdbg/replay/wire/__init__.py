"""The wire forms of the model APIs, one file each."""
