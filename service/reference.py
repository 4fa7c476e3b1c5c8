"""docs/reference.md, made from the models that read city.toml and from the commands: `python -m service.reference > docs/reference.md`."""

from collections.abc import Iterator
from typing import Any, get_origin

import typer.core
import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import carbon.accounts
from carbon.enterprise.plan import Benchmark, MarketYear, Stream
from city.crews import Works
from city.places import MeterPeriod
from meters.roads.loggers import Value
from meters.roads.mapping import Channel, Column, Messages
from networks.losses.targets import LossTarget
from optimisation.assets import KINDS
from optimisation.response.baseline import BaselineRule
from service.city_settings import Deadlines
from service.cli import app
from service.faults import keys_of, models, plain
from service.loss_settings import LossArea, Losses
from service.notices.settings import KINDS as NOTIFY_KINDS
from service.settings import Settings
from service.tariff import Band

HEAD = """# Reference

Made from the code by `python -m service.reference`; a test keeps it so. Every key of `city.toml` and every command.

## city.toml
"""


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "" if value in (None, "", (), [], {}) or isinstance(value, BaseModel) else f"`{value}`"


def table(title: str, model: type[BaseModel], note: str = "") -> Iterator[str]:
    yield f"\n### {title}\n\n{(model.__doc__ or '').strip().splitlines()[0]}{note}\n"
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    for name, field in model.model_fields.items():
        yield f"| `{name}` | {plain(field.annotation)} | {default(field)} | {field.description or ''} |"


def settings() -> Iterator[str]:
    of_kinds: dict[str, tuple[type[BaseModel], ...]] = {"assets": KINDS, "accounts": carbon.accounts.KINDS, "notify": NOTIFY_KINDS}
    for name, field in keys_of(Settings).items():
        if name in of_kinds:
            parts: dict[tuple[str, type[BaseModel]], list[str]] = {}
            for kind in of_kinds[name]:
                yield from table(f'[[{name}]] kind = "{kind.model_fields["kind"].default}"', kind)
                for key, part in kind.model_fields.items():
                    for model in models(part.annotation):
                        parts.setdefault((key, model), []).append(str(kind.model_fields["kind"].default))
            for (key, model), kinds in parts.items():
                yield from table(f"[[{name}.{key}]] of {', '.join(kinds)}", model)
            continue
        many = get_origin(field.annotation) is tuple
        for model in models(field.annotation)[:1]:
            yield from table(f"[[{name}]]" if many else f"[{name}]", model)
            if name == "meters":
                yield from table("[[meters.history]]", MeterPeriod)
            if name == "night":
                yield from table("[night.deadlines]", Deadlines)
            if name == "tariff":
                yield from table("[[tariff.bands]]", Band)
            if name == "water":
                yield from table("[water.losses]", Losses)
                yield from table("[water.losses.areas.<DMA>]", LossArea)
                yield from table("[[water.losses.targets]]", LossTarget)
                yield from table("[water.works]", Works)
            if name == "enterprises":
                yield from table("[[enterprises.streams]]", Stream)
                yield from table("[[enterprises.years]]", MarketYear)
                yield from table("[[enterprises.years.benchmarks]]", Benchmark)
            if name == "programmes":
                yield from table("[programmes.baseline]", BaselineRule)
            if name == "imports":
                yield from table("[imports.mapping]", models(model.model_fields["mapping"].annotation)[0])
                yield from table("[[imports.mapping.columns]]", Column)
            if name == "drops":
                yield from table("[drops.messages]", Messages)
                yield from table("[[drops.messages.channels]]", Channel)
            if name == "loggers":
                yield from table("[[loggers.values]]", Value)


def commands() -> Iterator[str]:
    yield "\n## Commands\n\nExit codes: 0 done, 2 done with problems, 1 failed. Times are ISO 8601 with offset.\n"
    yield from _group("penstock", typer.main.get_command(app))


def _group(prefix: str, group: Any) -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _group(f"{prefix} {name}", command)
            if not command.invoke_without_command:  # else it does something by itself as well
                continue
        yield f"\n### {prefix} {name}\n\n{(command.help or '').strip()}\n"
        yield "| option | meaning |\n|---|---|"
        for parameter in command.params:
            shown = " ".join(parameter.opts) if parameter.opts else str(parameter.name)
            yield f"| `{shown}` | {getattr(parameter, 'help', '') or ''} |"


def page() -> str:
    return "\n".join([HEAD, *settings(), *commands()]) + "\n"


if __name__ == "__main__":
    print(page(), end="")
