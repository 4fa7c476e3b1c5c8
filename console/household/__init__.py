"""The page of a household's owner."""
