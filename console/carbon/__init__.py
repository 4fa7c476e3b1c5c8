"""The Carbon page: the ledger, targets, why, statements and their proof."""
