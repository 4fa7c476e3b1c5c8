"""What names in [[drops]] and [[loggers]] stand for must exist and suit; told beside the other faults of city.toml."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from city.problems import Problem
from meters.maps.model import DeviceModel, Register
from meters.roads.loggers import Value
from service.references import some, tables, text


def mismatched(raw: Mapping[str, Any], models: Mapping[str, DeviceModel]) -> Iterator[Problem]:
    """Points, registers and units of [[drops]] and [[loggers]] that do not exist or do not suit, and meters that have two roads."""
    model_of = {text(m.get("id")): models.get(text(m.get("model"))) for _, m in tables(raw, "meters")}
    points = {f"{meter}.{r.name}": r for meter, model in model_of.items() if model is not None for r in model.points}
    for i, drop in tables(raw, "drops"):
        for part, series in (("mapping", "columns"), ("messages", "channels")):
            mapping = drop.get(part)
            for j, column in tables(mapping, series) if isinstance(mapping, dict) else ():
                if isinstance(name := column.get("point"), str) and name not in points:
                    near = [point for point in points if point.startswith(name.partition(".")[0] + ".")] or list(points)
                    path = f"drops[{i}].{part}.{series}[{j}].point"
                    yield Problem(path, f"no point '{name}'", f"one of {some(near, name)}", "Correct the name.")
    linked = {text(meter.get("id")) for _, meter in tables(raw, "meters") if meter.get("link")}
    taken: dict[str, str] = {}
    for i, logger in tables(raw, "loggers"):
        meter = text(logger.get("meter"))
        if meter in linked:
            yield Problem(f"loggers[{i}].meter", f"'{meter}' hangs on a link", "a meter without a link", "Remove one of its two roads.")
        model = model_of.get(meter)
        for j, value in tables(logger, "values") if model is not None else ():
            path, point = f"loggers[{i}].values[{j}]", f"{meter}.{text(value.get('name'))}"
            if isinstance(value.get("name"), str) and point not in points:
                known = some([name.rpartition(".")[2] for name in points if name.rpartition(".")[0] == meter], value["name"])
                yield Problem(f"{path}.name", f"no register '{value['name']}'", f"one of {known}", "Correct it.")
            elif point in points:
                yield from _value(path, value, points[point])
                if taken.setdefault(point, path) != path:
                    yield Problem(path, f"'{point}' has a second value", f"once; see {taken[point]}", "Remove one of them.")


def _value(path: str, raw: Mapping[str, Any], register: Register) -> Iterator[Problem]:
    """A unit that is of another kind than the register's quantity."""
    try:
        Value.model_validate(raw).scale(register)
    except ValidationError:
        return  # told already
    except ValueError as error:
        yield Problem(f"{path}.unit", str(error), f"a unit of {register.quantity}", "Correct it.")
