"""Whatever a client sends: what is written of it is refused by neither API, by the rules of the fake providers."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants import mutants

from ccflared.demo import asked, chat_asked, strict
from ccflared.demo.asked import Fault
from ccflared.errors import ClientError
from ccflared.formats import translation
from ccflared.formats.dialect import ClientDialect
from ccflared.formats.request import Request
from ccflared.providers.presets import builtin

DATA: Final = Path(__file__).parent / "data"
OPENAI: Final = builtin()["openai"].quirks
ANTHROPIC: Final = builtin()["anthropic"].quirks
GPT: Final = ["gpt-4o", "gpt-4.1-mini", "o1", "o4-mini", "gpt-5", "gpt-5.1", "gpt-5.2", "gpt-5.5", "gpt-5.6"]
CLAUDE: Final = [
    *("claude-3-5-haiku-20241022", "claude-3-7-sonnet-20250219", "claude-sonnet-4-20250514"),
    *("claude-opus-4-1", "claude-sonnet-4-5", "claude-haiku-4-5-20251001", "claude-opus-4-6"),
    *(
        "claude-opus-4-8",
        "claude-sonnet-5",
        "claude-opus-5-5",
        "claude-sonnet-5-5",
        "claude-fable-5-1",
        "glm-5",
    ),
]


def real(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DATA / name).read_bytes())
    return document


def chat_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request as a client of Chat Completions would have made it, with what only such a client says."""
    request = translation.read("anthropic", json.dumps(document).encode())
    body: dict[str, Any] = json.loads(translation.write("openai-chat", request, "gpt-4o", OPENAI, None).body)
    return body | {
        "max_completion_tokens": body.pop("max_tokens"),
        "temperature": 1.7,
        "top_p": 0.5,
        "presence_penalty": 1,
        "stop": ["\n", "END"],
        "reasoning_effort": "high",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": {"type": "object"}},
        },
        "user": "somebody",
    }


CODE: Final = real("claude_code_request.json")
CLIENTS: Final[Mapping[ClientDialect, list[dict[str, Any]]]] = {
    "anthropic": [CODE, CODE | {"temperature": 0.3, "top_k": 5, "stop_sequences": ["END", " "], "thinking": {"type": "enabled", "budget_tokens": 2048}}],
    "chat": [chat_of(CODE)],
    "responses": [real("codex_request.json"), real("codex_request_of_another_model.json")],
}  # fmt: skip


def of_openai(request: Request, model: str) -> Fault | None:
    body = translation.write("openai-chat", request, model, OPENAI, "key").body
    found = chat_asked.read(body)
    return found if isinstance(found, Fault) else None


def of_anthropic(request: Request, model: str) -> Fault | None:
    body = translation.write("anthropic", request, model, ANTHROPIC, None).body
    found = asked.read(body)
    return found if isinstance(found, Fault) else strict.fault_in(body, "somebody")


def request_of(client: ClientDialect, document: Mapping[str, Any]) -> Request | None:
    """Return the request; None if it is refused, as most that have gone wrong are."""
    try:
        return translation.read(client, json.dumps(document).encode())
    except ClientError:
        return None


@pytest.mark.parametrize("client", CLIENTS)
def test_real_requests_are_refused_by_no_model(client: ClientDialect) -> None:
    for document in CLIENTS[client]:
        request = request_of(client, document)
        assert request is not None
        assert [of_openai(request, model) for model in GPT] == [None] * len(GPT)
        if client != "anthropic":
            assert [of_anthropic(request, model) for model in CLAUDE] == [None] * len(CLAUDE)


PATIENT: Final = settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("client", CLIENTS)
@given(st.data())
@PATIENT
def test_whatever_goes_wrong_in_a_request_openai_refuses_none(
    client: ClientDialect, data: st.DataObject
) -> None:
    request = request_of(client, data.draw(mutants(CLIENTS[client])))
    model = data.draw(st.sampled_from(GPT))
    with suppress(ClientError):
        assert request is None or of_openai(request, model) is None


@pytest.mark.parametrize("client", ["chat", "responses"])
@given(st.data())
@PATIENT
def test_whatever_goes_wrong_in_a_request_anthropic_refuses_none(
    client: ClientDialect, data: st.DataObject
) -> None:
    request = request_of(client, data.draw(mutants(CLIENTS[client])))
    model = data.draw(st.sampled_from(CLAUDE))
    with suppress(ClientError):
        assert request is None or of_anthropic(request, model) is None
