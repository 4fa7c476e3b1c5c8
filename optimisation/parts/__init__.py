"""Mathematics that several kinds of assets are made of."""
