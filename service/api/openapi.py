"""The API as OpenAPI 3.1 describes it, out of the declarations. `python -m service.api.openapi > docs/openapi.json` writes it anew.

References: OpenAPI Specification 3.1.0; JSON Schema 2020-12; RFC 9457 (problems), 9110 (conditional requests), 9530 (digests).
"""

import json
from typing import Any

from service.api.groups import OPERATIONS
from service.api.groups.statements import MEDIA
from service.api.operation import Operation
from service.api.problem import MEDIA as PROBLEM_MEDIA
from service.api.shapes import PROBLEM, Page, Shape

VERSION = "1.0.0"
ABOUT = (
    "What a city's Penstock knows, for reading only. Times are UTC; a time that is asked for carries its offset. Names carry units. "
    "A list comes in pages: give `next` back as `cursor`. Errors are problem details with subject, observed, allowed and remedy."
)
_REFUSALS = {
    "400": "the request cannot be answered as it stands",
    "401": "no token, or none that is good",
    "403": "the token does not open this",
    "404": "not there, or not open to this token",
    "429": "too many calls; `Retry-After` says when the next may come",
    "503": "the database does not answer",
}


def document() -> dict[str, Any]:
    """The whole description."""
    shapes: dict[str, Shape] = {PROBLEM.name: PROBLEM}
    for operation in OPERATIONS:
        if operation.answer is not None:
            _collect(operation.answer, shapes)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Penstock",
            "version": VERSION,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "this server"}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.group for operation in OPERATIONS)],
        "paths": {operation.path: {"get": _described(operation)} for operation in OPERATIONS},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "NAME.SECRET"}},
            "schemas": {name: shape.schema for name, shape in sorted(shapes.items())},
            "responses": {f"Problem{status}": _problem(text) for status, text in _REFUSALS.items()},
        },
    }


def text() -> str:
    """The description as it is committed."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _collect(shape: Shape, found: dict[str, Shape]) -> None:
    """The shape and all that its fields are made of."""
    found[shape.name] = shape
    for field in shape.fields.values():
        if isinstance(field, Shape):
            _collect(field, found)
    if isinstance(shape, Page) and shape.of is not None:
        _collect(shape.of, found)


def _described(operation: Operation) -> dict[str, Any]:
    if operation.answer is None:
        content: dict[str, Any] = {media.split(";")[0]: {"schema": {}} for media in sorted(MEDIA.values())}
    else:
        content = {"application/json": {"schema": operation.answer.ref}}
    answers: dict[str, Any] = {
        "200": {"description": "the answer", "headers": {"ETag": {"schema": {"type": "string"}}}, "content": content},
        "304": {"description": "unchanged since the `ETag` given in `If-None-Match`"},
    }
    told = ("400", "503") if operation.scope is None else _REFUSALS
    made: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.group],
        "summary": operation.told.split(". ")[0].rstrip("."),
        "description": operation.told,
        "parameters": [parameter.described for parameter in operation.parameters],
        "responses": answers | {status: {"$ref": f"#/components/responses/Problem{status}"} for status in told},
    }
    if operation.scope is None:
        made["security"] = []
    else:
        made["x-scope"] = operation.scope
        made["x-whole-city"] = operation.whole_city
    return made


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {PROBLEM_MEDIA: {"schema": PROBLEM.ref}}}


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201
