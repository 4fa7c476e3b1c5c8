"""The operators' pages: they read the store and start nothing heavy."""
