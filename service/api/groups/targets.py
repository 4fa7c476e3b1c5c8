"""How the city stands against what it promised."""

from typing import Any

from sqlalchemy import func, select

from service import schema as t
from service.api.moments import number
from service.api.operation import Asked, declared
from service.api.parameters import day
from service.api.shapes import DAY, NUMBER, TEXT, TRUTH, Shape, maybe, page, told

TARGET = Shape(
    "TargetProgress",
    {
        "night": DAY,
        "target": TEXT,
        "required": told(maybe(NUMBER), "[unit of the target]"),
        "actual": told(maybe(NUMBER), "[unit of the target]"),
        "on_path": maybe(TRUTH),
        "sentence": TEXT,
    },
)


@declared(
    "/v1/targets",
    "targets",
    day("night", "as that night told it; the newest when not given"),
    answer=page(TARGET),
    group="targets",
    whole_city=True,
)
def list_targets(asked: Asked) -> dict[str, Any]:
    """Progress of every target as a night told it; by target."""
    p, (after,) = t.target_progress.c, asked.after(str) or ("",)
    with asked.engine.connect() as connection:
        night = asked["night"] or connection.execute(select(func.max(p.night))).scalar()
        rows = connection.execute(select(t.target_progress).where(p.night == night)).all()
    items = [
        {
            "night": str(row.night),
            "target": row.target_id,
            "required": number(row.required),
            "actual": number(row.actual),
            "on_path": row.on_path,
            "sentence": row.sentence,
        }
        for row in sorted(rows, key=lambda row: str(row.target_id))
        if row.target_id > after
    ]
    return asked.page(items, lambda item: [item["target"]])


OPERATIONS = (list_targets,)
