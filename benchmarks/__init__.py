"""Every figure the documents state, as a command."""
