"""Every operation answers what it is described to answer."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

from service.api import openapi
from service.api.groups import OPERATIONS
from service.api.operation import Operation
from tests.api.api_town import Client

ROOT = Path(__file__).resolve().parents[2]
ASKED = {"series": "hall.energy", "plan": "plan-20220616-0", "period": "2022-06", "name": "inventory.json"}
QUERY = {
    "list_readings": {"point": ["hall.energy", "sun.energy"]},
    "list_intervals": {"point": "hall.energy", "since": "2022-06-14T22:00Z"},
}
NAMES = [operation.name for operation in OPERATIONS]


def path_of(operation: Operation) -> str:
    return operation.path.format(**ASKED)


def asked(client: Client, operation: Operation) -> Any:
    return client.get(path_of(operation), **QUERY.get(operation.name, {}))


def test_the_committed_description_is_the_one_of_the_code_and_valid_openapi() -> None:
    committed = (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")
    assert committed == openapi.text(), "python -m service.api.openapi > docs/openapi.json"
    OpenAPIV31SpecValidator(json.loads(committed)).validate()


def test_every_operation_is_described_once_with_a_summary() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 19
    assert all(operation.told for operation in OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_every_answer_is_what_its_schema_says(operation: Operation, client: Client) -> None:
    answer = asked(client, operation)
    assert answer.status == 200, answer.body
    if operation.answer is None:
        assert answer.headers["content-type"] == "application/json"
        return
    document = openapi.document()
    schema = {**operation.answer.ref, "components": document["components"], "$schema": "https://json-schema.org/draft/2020-12/schema"}
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(answer.told)
    if "items" in answer.told:
        assert answer.told["items"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_every_answer_costs_at_most_50_ms_of_processor_time(operation: Operation, client: Client) -> None:
    taken_s = []
    for _ in range(5):
        begun = time.process_time()
        asked(client, operation)
        taken_s.append(time.process_time() - begun)
    assert min(taken_s) <= 0.05


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_every_answer_is_not_sent_again_to_who_has_it(operation: Operation, client: Client) -> None:
    first = asked(client, operation)
    again = client.get(path_of(operation), headers={"if-none-match": first.headers["etag"]}, **QUERY.get(operation.name, {}))
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_head_tells_the_length_and_options_the_methods(operation: Operation, client: Client) -> None:
    whole = asked(client, operation)
    head = client.get(path_of(operation), method="HEAD", **QUERY.get(operation.name, {}))
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.body))
    options = client.get(path_of(operation), None, method="OPTIONS")
    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert "access-control-allow-origin" not in whole.headers | options.headers


def test_calls_are_counted_by_the_template_of_their_path(client: Client) -> None:
    client.calls.clear()
    client.get("/v1/plans/plan-20220616-0")
    client.get("/v1/plans/none")
    client.get("/v2/anything")
    assert client.calls == [("/v1/plans/{plan}", 200), ("/v1/plans/{plan}", 404), ("(no such path)", 404)]
