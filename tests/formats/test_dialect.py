"""Which dialect a path belongs to, and how an error of the daemon is spelled in it."""

import json

import pytest

from ccflared.formats.dialect import ClientDialect, dialect_of, error_body

PATHS: list[tuple[str, ClientDialect]] = [
    ("/v1/messages", "anthropic"),
    ("/v1/messages/count_tokens", "anthropic"),
    ("/v1/models", "anthropic"),
    ("/v1/chat/completions", "chat"),
    ("/v1/responses", "responses"),
    ("/v1/responses/resp_1", "responses"),
    ("/v1/completions", "chat"),
    ("/v1/embeddings", "chat"),
    ("/v1/chat", "chat"),
    ("/api/status", "anthropic"),
    ("", "anthropic"),
]


@pytest.mark.parametrize(("path", "dialect"), PATHS)
def test_the_path_tells_the_dialect(path: str, dialect: ClientDialect) -> None:
    assert dialect_of(path) == dialect


def test_an_anthropic_client_reads_anthropics_words() -> None:
    assert json.loads(error_body("/v1/messages", "overloaded_error", "busy", "req_1")) == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "busy"},
        "request_id": "req_1",
    }


OPENAI = [
    ("authentication_error", "invalid_request_error", "invalid_api_key"),
    ("rate_limit_error", "rate_limit_error", "rate_limit_exceeded"),
    ("overloaded_error", "server_error", "overloaded"),
    ("api_error", "server_error", None),
    ("timeout_error", "server_error", "timeout"),
    ("permission_error", "invalid_request_error", None),
    ("never heard of", "invalid_request_error", None),
]


@pytest.mark.parametrize(("kind", "spelled", "code"), OPENAI)
def test_an_openai_client_reads_openais_words(kind: str, spelled: str, code: str | None) -> None:
    assert json.loads(error_body("/v1/responses", kind, "why — \ud800", "req_1")) == {
        "error": {"message": "why — \ufffd", "type": spelled, "param": None, "code": code}
    }
