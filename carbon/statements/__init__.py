"""Statements: what the ledger says, as CSV, XLSX, PDF and JSON whose bytes depend on nothing but their content."""

from carbon.statements.months import HEADER, Statement, statement, write_statement_csv, write_statement_xlsx, write_targets

__all__ = ["HEADER", "Statement", "statement", "write_statement_csv", "write_statement_xlsx", "write_targets"]
