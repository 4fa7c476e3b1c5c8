"""What answers look like: records of fields with their JSON schema (2020-12). Every field is always there; what may lack is null."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
TRUTH: Schema = {"type": "boolean"}
DAY: Schema = {"type": "string", "format": "date"}
TIME: Schema = {"type": "string", "format": "date-time", "pattern": r"Z$"}
SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
ANY: Schema = {"type": "object"}


def told(schema: Schema, description: str) -> Schema:
    """A field with what it means; the unit in brackets where its name has none."""
    return {**schema, "description": description}


def maybe(schema: Schema) -> Schema:
    """A field that may be null."""
    return {**schema, "type": [schema["type"], "null"]}


def each(schema: "Schema | Shape") -> Schema:
    """A list of such."""
    return {"type": "array", "items": schema.ref if isinstance(schema, Shape) else schema}


@dataclass(frozen=True)
class Shape:
    """A named record, which stands under components/schemas."""

    name: str
    fields: Mapping[str, "Schema | Shape"]

    @property
    def ref(self) -> Schema:
        return {"$ref": f"#/components/schemas/{self.name}"}

    @property
    def schema(self) -> Schema:
        made = {name: field.ref if isinstance(field, Shape) else field for name, field in self.fields.items()}
        return {"type": "object", "properties": made, "required": list(made), "additionalProperties": False}


@dataclass(frozen=True)
class Page(Shape):
    """A page of records: `items`, and the cursor of the next page or null."""

    of: Shape | None = None


def page(of: Shape) -> Page:
    """A page of `of`."""
    cursor = told(maybe(TEXT), "give it as `cursor` to go on; null: this was the last page")
    return Page(f"{of.name}Page", {"items": each(of), "next": cursor}, of)


PROBLEM = Shape(
    "Problem",
    {
        "type": TEXT,
        "title": TEXT,
        "status": WHOLE,
        "detail": told(TEXT, "the first problem as a sentence"),
        "subject": told(TEXT, "what it is about"),
        "observed": told(TEXT, "what was found there"),
        "allowed": told(TEXT, "what would have been right"),
        "remedy": told(TEXT, "what to do"),
        "problems": each({"type": "object", "additionalProperties": TEXT}),
    },
)
