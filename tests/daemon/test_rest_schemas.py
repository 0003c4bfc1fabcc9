"""The OpenAPI document is true: every route stands in it, and what is answered is as it says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from rest import at_home, call
from stage import Stage, staged

from ccflared.api.openapi import described
from ccflared.api.routes import ROUTES

ADMIN = '[admin]\ntoken = "t-1"\n'
PLAN = 'billing = "plan"'
IN_PLACE_OF = {"{name}": "first", "{mode}": "anthropic", "{id}": "nothing"}
STREAMS = tuple(
    route.path
    for route in ROUTES
    if any(schema.get("x-content") == "text/event-stream" for schema in route.gives.values())
)


def check(document: Mapping[str, Any], method: str, path: str, answer: httpx.Response) -> None:
    """See that an answer is as the document says."""
    told = document["paths"][path][method.lower()]["responses"]
    assert str(answer.status_code) in told, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
    response = told[str(answer.status_code)]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    (kind,) = response["content"]
    assert answer.headers["content-type"].startswith(kind)
    schema = response["content"][kind]["schema"] | {"components": document["components"]}
    try:
        jsonschema.validate(answer.json(), schema, cls=jsonschema.Draft202012Validator)
    except jsonschema.ValidationError as error:
        pytest.fail(f"{method} {path}: {error.json_path}: {error.message[:500]}")


async def traffic(stage: Stage) -> list[str]:
    """Have requests made that end well and badly, and return their ids."""
    await stage.ask()
    await stage.ask(stream=True)
    await stage.ask(model="a-model-of-unknown-price")
    await stage.ask(max_tokens="many")
    return [row.id for row in await stage.rows()]


def test_the_document_is_one_of_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(described(ROUTES)).validate()


def test_every_route_stands_in_the_document_with_what_it_answers() -> None:
    document = described(ROUTES)
    lacking = [
        f"{route.method} {route.path}"
        for route in ROUTES
        if not any(code < 300 for code in route.gives)
        or route.method.lower() not in document["paths"].get(route.path, {})
    ]
    assert lacking == []


def test_operations_have_names_of_their_own() -> None:
    names = [each["operationId"] for path in described(ROUTES)["paths"].values() for each in path.values()]
    assert len(set(names)) == len(names) == len(ROUTES)


def test_a_parameter_that_must_be_given_is_told_as_such() -> None:
    paths = described(ROUTES)["paths"]
    needed = {
        (path, parameter["name"])
        for path, methods in paths.items()
        for operation in methods.values()
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query" and parameter["required"]
    }
    assert needed == {("/api/usage-history", "account")}


async def test_what_every_route_that_reads_answers_is_as_the_document_says(tmp_path: Path) -> None:
    more = f'{ADMIN}[clients.c]\nkey_sha256 = "{"0" * 64}"\nbudget = {{ daily = 5 }}\n'
    async with staged(tmp_path, more=more) as stage:
        stage.headers = {"x-api-key": "t-1"}
        stage.headers["authorization"] = "Bearer nobody"
        document = (await call_ok(stage, "/api/openapi.json")).json()
        for route in ROUTES:
            if route.method == "GET" and route.path not in STREAMS:
                path = route.path
                for name, value in IN_PLACE_OF.items():
                    path = path.replace(name, value)
                check(document, "GET", route.path, await at_home(stage, "GET", path))


async def call_ok(stage: Stage, path: str) -> httpx.Response:
    answer = await at_home(stage, "GET", path)
    assert answer.status_code == 200, answer.text
    return answer


async def test_what_is_answered_of_traffic_is_as_the_document_says(tmp_path: Path) -> None:
    own = {"first": PLAN}
    async with staged(tmp_path, own=own) as stage:
        ids = await traffic(stage)
        document = (await call_ok(stage, "/api/openapi.json")).json()
        asked = {
            "/api/requests": ["?limit=2", "?status=error", "?status=200&account=first&origin=client"],
            "/api/requests/{id}": [f"/api/requests/{each}" for each in ids],
            "/api/explain": ["?model=claude-sonnet-4-5", f"?request={ids[0]}"],
            "/api/usage": [f"?by={by}" for by in ("model", "client", "project", "day", "hour")],
            "/api/analytics": [
                *(
                    f"?range={range_}&modelBreakdown=true"
                    for range_ in ("1h", "6h", "24h", "7d", "30d", "1y")
                ),
                "?range=30d&mode=cumulative&status=error",
                "?range=1h&status=success&accounts=first,second&models=none",
                "?range=7d&projects=no_project,house&parts=shares,latency",
                "?range=7d&apiKeys=no_api_key&projects=no_project",
            ],
            "/api/errors": ["", "?range=90d&accounts=first&projects=no_project"],
            "/api/usage-history": ["?account=first&range=7d", ""],
            "/api/models": ["?accountId=second", "?accountId=nobody"],
            "/api/models/offered": ["", "?ask=true", "?client=nobody", "?ask=perhaps", "?names=1"],
        }
        for path, many in asked.items():
            for each in many:
                answer = await call(stage, "GET", each if each.startswith("/") else path + each)
                check(document, "GET", path, answer)
        for route in ROUTES:
            if route.method == "GET" and "{" not in route.path and route.path not in STREAMS:
                check(document, "GET", route.path, await call(stage, "GET", route.path))


async def test_what_edits_answer_is_as_the_document_says(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        stage.headers = {"x-api-key": "t-1"}
        document = described(ROUTES)
        edits: list[tuple[str, str, str, object]] = [
            ("POST", "/api/config/strategy", "", {"strategy": "affinity"}),
            ("POST", "/api/config/strategy", "", {"strategy": "none"}),
            (
                "POST",
                "/api/config/retention",
                "",
                {"requestDays": 30, "payloadDays": 2, "storePayloads": True},
            ),
            ("POST", "/api/config/retention", "", {"requestDays": 0}),
            ("PATCH", "/api/config", "", {"routing": {"attempts": 4}}),
            ("POST", "/api/clients", "", {"name": "c"}),
            ("POST", "/api/clients", "", {"name": "c"}),
            ("PATCH", "/api/clients/{name}", "c", {"pin": True}),
            ("POST", "/api/clients/{name}/rotate", "c", {}),
            ("POST", "/api/api-keys", "", {"name": "k"}),
            ("DELETE", "/api/api-keys/{name}", "k", None),
            ("DELETE", "/api/clients/{name}", "c", {"confirm": "c", "allowLess": True}),
            ("POST", "/api/accounts/{mode}", "anthropic", {"name": "third", "apiKey": "sk-3", "priority": 7}),
            ("PATCH", "/api/accounts/{name}", "third", {"priority": 8}),
            ("POST", "/api/accounts/{name}/priority", "third", {"priority": 9}),
            ("POST", "/api/accounts/{name}/auto-fallback", "third", {"enabled": 1}),
            ("POST", "/api/accounts/{name}/billing-type", "third", {"billingType": "plan"}),
            (
                "POST",
                "/api/accounts/{name}/custom-endpoint",
                "third",
                {"customEndpoint": "https://a.example"},
            ),
            ("POST", "/api/accounts/{name}/model-mappings", "third", {"modelMappings": {"opus": "o"}}),
            ("POST", "/api/accounts/{name}/rename", "third", {"name": "fourth"}),
            ("POST", "/api/accounts/{name}/pause", "first", None),
            ("POST", "/api/accounts/{name}/resume", "first", None),
            ("POST", "/api/accounts/{name}/force-reset-rate-limit", "first", None),
            ("POST", "/api/accounts/{name}/test", "first", None),
            ("POST", "/api/accounts/{name}/refresh-usage", "first", None),
            ("POST", "/api/accounts/{name}/trust", "first", None),
            ("DELETE", "/api/accounts/{name}", "fourth", {"confirm": "fourth"}),
            ("DELETE", "/api/accounts/{name}", "nobody", {"confirm": "nobody"}),
            ("POST", "/api/reload", "", {}),
            ("POST", "/api/reload", "", {"allowLess": 7}),
        ]
        for method, path, name, body in edits:
            answer = await call(stage, method, path.replace("{name}", name).replace("{mode}", name), body)
            check(document, method, path, answer)
