"""What alembic runs: the engine comes from `service.migrations`, the tables from `service.schema`."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from service.schema import metadata
from service.utctime import UtcTime


def render_item(kind: str, item: Any, autogen_context: AutogenContext) -> str | Literal[False]:
    if kind == "type" and isinstance(item, UtcTime):
        autogen_context.imports.add("from service.utctime import UtcTime")
        return "UtcTime()"
    return False


def run() -> None:
    engine = context.config.attributes["engine"]
    with engine.execution_options(writes=True).connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, render_item=render_item, transactional_ddl=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
