"""What pydantic finds wrong in city.toml, said as a fault: the TOML path, what stands there, and what may stand there instead."""

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from city.problems import Problem

_BOUNDS = {"ge": "{} or more", "gt": "more than {}", "le": "at most {}", "lt": "less than {}", "min_length": "at least {} long"}
_BOUNDS |= {"max_length": "at most {} long"}


def plain(kind: Any) -> str:
    """A type as a reader of TOML would say it."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return plain(inside[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inside)
    if origin in (Union, types.UnionType):
        return " or ".join(plain(part) for part in inside if part is not type(None))
    if origin in (tuple, list):
        return f"list of {plain(inside[0])}"
    if origin is dict:
        return f"table of {plain(inside[1])}"
    names = {str: "text", float: "number", int: "whole number", bool: "true or false"}
    return names.get(kind, getattr(kind, "__name__", str(kind)).lower())


def models(kind: Any) -> list[type[BaseModel]]:
    """The pydantic models inside an annotation."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for part in get_args(kind) for model in models(part)]


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a table of city.toml."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def explained(error: ValidationError, model: type[BaseModel], raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Every fault of a validation as a sentence; a table of a list is told with its id beside its number."""
    for item in _told_once(error.errors(include_url=False)):
        place, owner, field = _place(item["loc"], model)
        kind, value = item["type"], item["input"]
        if kind == "missing":
            yield Problem(
                _path(place, raw), "missing", _allowed(field) if field is None or not models(field.annotation) else "a table", "Add it."
            )
        elif kind == "extra_forbidden":
            keys = ", ".join(keys_of(owner))
            yield Problem(_path(place, raw), f"unknown key with value {_shown(value)}", f"one of {keys}", "Remove it or correct its name.")
        elif kind in ("union_tag_invalid", "union_tag_not_found"):
            tags = [str(one.model_fields["kind"].default) for one in models(field.annotation if field else None)]
            observed = f"kind {value.get('kind', 'missing')!r}" if isinstance(value, dict) else _shown(value)
            yield Problem(_path(place, raw), observed, f"a table with kind = one of {', '.join(tags)}", "Correct its kind.")
        elif kind == "value_error":
            yield Problem(_path(place, raw) or "city.toml", item["msg"].removeprefix("Value error, "), _allowed(field), "Correct it.")
        else:
            yield Problem(_path(place, raw), f"{_shown(value)}: {item['msg']}", _allowed(field), "Correct it.")


def _told_once(errors: Sequence[Any]) -> Iterator[Any]:
    """Without the lists that are too short only because each of their items is at fault, which is told of the items."""
    items = {item["loc"][:-1] for item in errors}
    return (item for item in errors if item["type"] != "too_short" or item["loc"] not in items)


def _place(loc: Sequence[int | str], model: type[BaseModel]) -> tuple[list[int | str], type[BaseModel], FieldInfo | None]:
    """The path without the tags that pydantic adds, the model whose key is at fault, and that key's field where it has one."""
    owner, field, inside = model, None, [model]
    path: list[int | str] = []
    for part in loc:
        tagged = [one for one in inside if len(inside) > 1 and one.model_fields["kind"].default == part]
        if tagged:
            inside = tagged
            continue
        path.append(part)
        if len(inside) == 1 and isinstance(part, str):
            known = keys_of(inside[0])
            if field is None or part in known or models(field.annotation):
                owner, field = inside[0], known.get(part)
            inside = models(field.annotation) if field is not None else []
    return path, owner, field


def _path(place: Sequence[int | str], raw: Mapping[str, Any]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    try:
        name = raw[str(place[0])][place[1]]["id"]
    except (LookupError, TypeError):
        return text
    return f"{text} ({name})" if isinstance(name, str) else text


def _allowed(field: FieldInfo | None) -> str:
    """A key's type, bounds and meaning."""
    if field is None or models(field.annotation):
        return "values that agree with each other"
    bounds = [
        said.format(value) for one in field.metadata for key, said in _BOUNDS.items() if (value := getattr(one, key, None)) is not None
    ]
    kind = ", ".join([plain(field.annotation), *bounds])
    return f"{kind} ({field.description})" if field.description else kind


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
