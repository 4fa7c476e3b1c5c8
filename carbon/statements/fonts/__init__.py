"""The font that is embedded in PDF statements, its licence, and how it was made."""
