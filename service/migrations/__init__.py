"""alembic: from an empty database to the tables of `service.schema`, and from any released version to the next."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from city.problems import PenstockError, fault
from service.store import present_tables


def config(engine: Engine, connection: Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.attributes.update(engine=engine, connection=connection)
    return made


def upgrade(engine: Engine, revision: str = "head", connection: Connection | None = None) -> None:
    """Bring the database to `revision`, in one transaction where the database can: in that of `connection` when it is given.

    Raises `PenstockError` when it does not answer, or comes from a release that this one does not know.
    """
    present_tables(engine)
    try:
        command.upgrade(config(engine, connection), revision)
    except CommandError as error:
        raise _newer(error) from None


def require_known(engine: Engine, revision: str) -> None:
    """Raises `PenstockError` for tables of a release that this one does not know."""
    try:
        ScriptDirectory.from_config(config(engine)).get_revision(revision)
    except CommandError as error:
        raise _newer(error) from None


def _newer(error: CommandError) -> PenstockError:
    return fault("database", str(error), "the tables of this release or an older one", "Install the newer release again.")


def downgrade(engine: Engine, revision: str, connection: Connection | None = None) -> None:
    """Bring the database back to `revision`; `connection` as for `upgrade`."""
    command.downgrade(config(engine, connection), revision)


def between(engine: Engine, older: str, newer: str) -> list[tuple[str, str]]:
    """(revision, what it is about) of every migration behind `older` up to `newer`, in their order."""
    steps = list(ScriptDirectory.from_config(config(engine)).iterate_revisions(newer, older))
    return [(str(one.revision), str(one.doc)) for one in reversed(steps)]
