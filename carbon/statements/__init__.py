"""Statements: what the ledger says, as CSV, XLSX, PDF and JSON whose bytes depend on nothing but their content."""
