"""Usage to an exact ledger, statements and targets."""
