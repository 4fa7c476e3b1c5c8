"""What alembic runs: the engine comes from `service.migrations`, the tables from `service.schema`."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from service.schema import metadata
from service.store import for_writing
from service.utctime import UtcTime


def render_item(kind: str, item: Any, autogen_context: AutogenContext) -> str | Literal[False]:
    if kind == "type" and isinstance(item, UtcTime):
        autogen_context.imports.add("from service.utctime import UtcTime")
        return "UtcTime()"
    return False


def run() -> None:
    given = context.config.attributes["connection"]
    if given is not None:  # in the caller's transaction: what it does besides is then committed with the tables, or not at all
        _on(given)
        return
    engine = context.config.attributes["engine"]
    with for_writing(engine, []).connect() as connection:
        _on(connection)
        connection.commit()


def _on(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, render_item=render_item, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


run()
