"""What every table is made with: the one metadata, and how SQLite keeps a table."""

from typing import Any

from sqlalchemy import MetaData, Table

metadata = MetaData()


def table(name: str, *columns: Any, rowid: bool = True) -> Table:
    """A table of the store; without `rowid` SQLite keeps its rows in the order of the key."""
    return Table(name, metadata, *columns, sqlite_with_rowid=rowid)
