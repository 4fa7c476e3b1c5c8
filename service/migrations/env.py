"""What alembic runs: the engine comes from `service.migrations`, the tables from `service.schema`."""

from alembic import context

from service.schema import UtcTime, metadata


def render_item(kind: str, item: object, autogen_context: object) -> str | bool:
    if kind == "type" and isinstance(item, UtcTime):
        autogen_context.imports.add("from service.schema import UtcTime")  # type: ignore[attr-defined]
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
