"""The report as what closes a night."""

from sqlalchemy import Engine, select

from service import schema as t
from service.run_report.writing import write
from service.settings import LoadedCity


def written(city: LoadedCity, engine: Engine, run_id: int) -> None:
    """Write the report of the night of a run. Raises `PenstockError` where the folder cannot be written."""
    with engine.connect() as connection:
        night = connection.execute(select(t.run.c.night).where(t.run.c.run_id == run_id)).scalar_one()
    write(engine, city, night)
