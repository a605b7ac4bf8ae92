"""The OpenAPI document is valid, and the studio keeps to it whatever is sent (schemathesis, a small budget)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.studio.server import TOKEN, Studio, studio

EXAMPLES = 12


@pytest.fixture(scope="module")
def running() -> Iterator[Studio]:
    pytest.importorskip("starlette")
    from retort.studio.work import KINDS

    with pytest.MonkeyPatch.context() as patch:
        # The interface is what is tried here: a valid request must not begin to train.
        for name in ("tune", "distil"):
            patch.setitem(KINDS, name, replace(KINDS[name], work=lambda run, models, body: {}))
        with studio("mock:a") as found:
            yield found


def operations() -> list[Any]:
    from retort.studio.app import Studio as Routes
    from retort.studio.app import document
    from retort.studio.runs import Models

    schemathesis = pytest.importorskip("schemathesis")
    schema = schemathesis.openapi.from_dict(
        document(Routes(Models(["mock:a"], lambda name: None)).endpoints())
    )
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.label)
def test_the_studio_keeps_to_its_schema(running: Studio, operation: Any) -> None:
    from hypothesis import HealthCheck, given, settings
    from schemathesis import GenerationMode, checks

    cases = operation.as_strategy(generation_mode=GenerationMode.POSITIVE) | operation.as_strategy(
        generation_mode=GenerationMode.NEGATIVE
    )

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def fuzz(case: Any) -> None:
        answer = case.call(base_url=running.url, headers={"X-Retort-Token": TOKEN}, timeout=10)
        case.validate_response(
            answer,
            checks=[
                checks.not_a_server_error,
                checks.status_code_conformance,
                checks.content_type_conformance,
                checks.response_schema_conformance,
            ],
        )

    fuzz()


def test_the_document_is_served(running: Studio) -> None:
    served = running.ask("GET", "/openapi.json").json
    assert served["openapi"] == "3.1.0"
    assert {"/api/position", "/api/runs/{run}/events"} <= set(served["paths"])
    position = served["paths"]["/api/position"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    assert position["properties"]["model"]["enum"] == ["mock:a"]
