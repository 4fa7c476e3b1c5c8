"""A register map as a TOML file, one line per register, for review in git."""

import json
from typing import Any

from meters.maps.model import DeviceModel


def as_toml(model: DeviceModel) -> str:
    """The file's text; `registers.load_model` reads the same model from it. What equals the default is left out."""
    head = [
        f"{name} = {_value(value)}"
        for name, value in model.model_dump(mode="json", exclude={"name", "registers"}, exclude_defaults=True).items()
    ]
    lines = [
        "    { "
        + ", ".join(f"{key} = {_value(value)}" for key, value in register.model_dump(mode="json", exclude_defaults=True).items())
        + " },"
        for register in model.registers
    ]
    return "\n".join([*head, "registers = [", *lines, "]", ""])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
