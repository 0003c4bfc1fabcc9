"""What upstreams' errors tell, and how they are spelled for clients of each dialect."""

import json
from typing import Any

import pytest
from anthropic.types import ErrorResponse
from hypothesis import given
from hypothesis import strategies as st

from ccflared.formats.errors import ClientDialect, Told, error_inside, of_failed, read_error, write_error
from ccflared.formats.events import Failed

MESSAGES: list[tuple[str, bytes, str]] = [
    ("error.message", b'{"error":{"message":"no"}}', "no"),
    ("error as a text", b'{"error":"no"}', "no"),
    ("message", b'{"message":"no"}', "no"),
    ("detail", b'{"detail":"no"}', "no"),
    ("msg", b'{"code":7,"msg":"no"}', "no"),
    ("FastAPI's list", b'{"detail":[{"loc":["body","n",0],"msg":"too large","type":"x"}]}', "body.n.0: too large"),
    ("a list of errors", b'{"errors":[{"message":"no"},{"message":"nor this"}]}', "no; nor this"),
    ("Google's list", b'[{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}]', "no"),
    ("an error in an error", b'{"error":{"error":{"message":"no"}}}', "no"),
    ("Anthropic's", b'{"type":"error","error":{"type":"invalid_request_error","message":"no"}}', "no"),
    (
        "OpenRouter's origin, as JSON",
        b'{"error":{"message":"Provider returned error","metadata":{"raw":"{\\"error\\":{\\"message\\":\\"no\\"}}"}}}',
        "Provider returned error: no",
    ),
    (
        "OpenRouter's origin, as text",
        b'{"error":{"message":"Provider returned error","metadata":{"raw":"no"}}}',
        "Provider returned error: no",
    ),
    ("a line of text", b"upstream connect error\n", "upstream connect error"),
    ("a page", b"<!DOCTYPE html><html><h1>sk-secret</h1></html>", "The upstream answered with 400 Bad Request."),
    ("a page in a message", b'{"error":{"message":"<html>sk-secret</html>"}}', "The upstream answered with 400 Bad Request."),
    ("long text", b"x" * 1000, "The upstream answered with 400 Bad Request."),
    ("nothing", b"", "The upstream answered with 400 Bad Request."),
    ("an empty object", b"{}", "The upstream answered with 400 Bad Request."),
    ("no text", b'{"error":{"message":7}}', "The upstream answered with 400 Bad Request."),
    ("half a character", b'{"error":{"message":"a\\ud800"}}', "a\ufffd"),
    ("bytes that are no text", b"\xff\xfe\x00", "The upstream answered with 400 Bad Request."),
]  # fmt: skip


@pytest.mark.parametrize(("body", "message"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES])
def test_the_sentence_is_found_and_never_a_page(body: bytes, message: str) -> None:
    told = read_error(400, body)
    assert (told.kind, told.message, told.status) == ("invalid_request_error", message, 400)


STATUSES = [
    (400, 400, "invalid_request_error"),
    (401, 401, "authentication_error"),
    (402, 402, "billing_error"),
    (403, 403, "permission_error"),
    (404, 404, "not_found_error"),
    (405, 405, "invalid_request_error"),
    (408, 408, "timeout_error"),
    (409, 400, "invalid_request_error"),
    (413, 413, "request_too_large"),
    (422, 400, "invalid_request_error"),
    (429, 429, "rate_limit_error"),
    (500, 500, "api_error"),
    (502, 502, "api_error"),
    (503, 503, "overloaded_error"),
    (504, 504, "api_error"),
    (520, 520, "api_error"),
    (529, 529, "overloaded_error"),
    (302, 502, "api_error"),
    (200, 502, "api_error"),
]


@pytest.mark.parametrize(("upstream", "client", "kind"), STATUSES)
def test_each_status_has_a_kind(upstream: int, client: int, kind: str) -> None:
    told = read_error(upstream, b'{"error":{"message":"no"}}')
    assert told == Told(kind, "no", None, client)


OVERFLOWS = [
    (400, {"message": "too long", "code": "context_length_exceeded"}),
    (400, {"message": "This model's maximum context length is 8192 tokens."}),
    (422, {"message": "Input exceeds the context window of this model"}),
    (500, {"message": "the request exceeds the available context size (4096 tokens)"}),
    (400, {"message": "Input is too long for requested model."}),
    (413, {"message": "prompt is too long: 9 tokens > 8 maximum"}),
]


@pytest.mark.parametrize(("status", "error"), OVERFLOWS)
def test_a_context_that_overflows_says_so_in_the_words_clients_compact_on(
    status: int, error: dict[str, str]
) -> None:
    told = read_error(status, json.dumps({"error": error}).encode())
    assert (told.kind, told.status, told.code) == ("invalid_request_error", 400, "context_length_exceeded")
    assert told.message.startswith("prompt is too long")
    assert told.message.endswith(error["message"])


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "max_tokens is too large: 9. This model supports at most 8 completion tokens"),
        (429, "context length"),
    ],
)
def test_other_limits_are_no_overflow(status: int, message: str) -> None:
    told = read_error(status, json.dumps({"error": {"message": message}}).encode())
    assert told.message == message
    assert told.code is None


CODES: list[tuple[int, dict[str, Any], Told]] = [
    (429, {"code": "insufficient_quota"}, Told("billing_error", "no", "insufficient_quota", 402)),
    (429, {"type": "insufficient_quota", "code": None}, Told("billing_error", "no", None, 402)),
    (400, {"code": "model_not_found"}, Told("not_found_error", "no", "model_not_found", 404)),
    (404, {"code": "model_not_found"}, Told("not_found_error", "no", "model_not_found", 404)),
    (429, {"code": "rate_limit_exceeded"}, Told("rate_limit_error", "no", "rate_limit_exceeded", 429)),
    (400, {"code": 400}, Told("invalid_request_error", "no", None, 400)),
    (400, {"code": ["x"], "type": {}}, Told("invalid_request_error", "no", None, 400)),
]


@pytest.mark.parametrize(("status", "error", "told"), CODES)
def test_a_code_may_say_more_than_the_status(status: int, error: dict[str, Any], told: Told) -> None:
    assert read_error(status, json.dumps({"error": error | {"message": "no"}}).encode()) == told


INSIDE: list[tuple[dict[str, Any], Told | None]] = [
    ({"error": {"message": "no", "code": 429}}, Told("rate_limit_error", "no", None, 429)),
    ({"error": {"message": "no", "code": "429"}}, Told("rate_limit_error", "no", None, 429)),
    ({"error": {"message": "no", "type": "overloaded_error"}}, Told("overloaded_error", "no", None, 529)),
    ({"error": {"message": "no"}}, Told("api_error", "no", None, 502)),
    ({"error": True, "message": "no"}, Told("api_error", "no", None, 502)),
    ({"error": "no"}, Told("api_error", "no", None, 502)),
    ({"error": 7}, Told("api_error", "The upstream answered with 502 Bad Gateway.", None, 502)),
    ({"error": {"code": 200, "message": "no"}}, Told("api_error", "no", None, 502)),
    ({"detail": "no"}, Told("api_error", "no", None, 502)),
    ({"base_resp": {"status_code": 1002, "status_msg": "no"}}, Told("api_error", "no", None, 502)),
    ({"error": None, "choices": []}, None),
    ({"base_resp": {"status_code": 0, "status_msg": "success"}}, None),
    ({"message": {"role": "assistant"}}, None),
    ({"code": 0, "msg": "success"}, None),
    ({"choices": [], "message": "hm"}, None),
    ({}, None),
]


@pytest.mark.parametrize(("document", "told"), INSIDE)
def test_an_error_inside_a_success_has_the_status_that_it_names(
    document: dict[str, Any], told: Told | None
) -> None:
    assert error_inside(document) == told


SPELLED: list[tuple[Told, int, str, str | None]] = [
    (Told("overloaded_error", "no", None, 529), 503, "server_error", "overloaded"),
    (Told("overloaded_error", "no", None, 503), 503, "server_error", "overloaded"),
    (Told("rate_limit_error", "no", None, 429), 429, "rate_limit_error", "rate_limit_exceeded"),
    (Told("billing_error", "no", None, 402), 402, "insufficient_quota", "insufficient_quota"),
    (Told("invalid_request_error", "no", "context_length_exceeded", 400), 400, "invalid_request_error", "context_length_exceeded"),
    (Told("not_found_error", "no", "model_not_found", 404), 404, "invalid_request_error", "model_not_found"),
    (Told("authentication_error", "no", None, 401), 401, "invalid_request_error", "invalid_api_key"),
    (Told("api_error", "no", None, 502), 502, "server_error", None),
]  # fmt: skip


@pytest.mark.parametrize("dialect", ["chat", "responses"])
@pytest.mark.parametrize(("told", "status", "kind", "code"), SPELLED)
def test_openais_clients_read_openais_shape(
    dialect: ClientDialect, told: Told, status: int, kind: str, code: str | None
) -> None:
    given_status, body = write_error(dialect, told, "req_1")
    assert given_status == status
    assert json.loads(body) == {"error": {"message": "no", "type": kind, "param": None, "code": code}}


@pytest.mark.parametrize("upstream", [row[0] for row in STATUSES])
def test_anthropics_clients_read_anthropics_shape(upstream: int) -> None:
    told = read_error(upstream, b'{"error":{"message":"no"}}')
    status, body = write_error("anthropic", told, "req_1")
    assert status == told.status
    document = json.loads(body)
    assert document == {"type": "error", "error": {"type": told.kind, "message": "no"}, "request_id": "req_1"}
    # The model of the SDK knows no request_too_large, though the API's documentation does.
    if told.kind != "request_too_large":
        ErrorResponse.model_validate(document)


def test_an_answer_that_failed_before_it_began_is_an_error_like_any_other() -> None:
    assert of_failed(Failed("overloaded_error", "busy", 503)) == Told("overloaded_error", "busy", None, 503)
    assert of_failed(Failed("rate_limit_error", "slow")) == Told("rate_limit_error", "slow", None, 429)
    overflow = read_error(400, b'{"error":{"message":"maximum context length"}}')
    assert of_failed(overflow.failed) == overflow


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["error", "message", "code", "type", "detail", "loc", "metadata", "raw"]), inner, max_size=3),
    ),
    max_leaves=8,
)  # fmt: skip


@given(
    st.integers(100, 599),
    st.one_of(st.binary(max_size=30), JSON.map(lambda value: json.dumps(value).encode())),
)
def test_anything_may_come_for_an_error(status: int, body: bytes) -> None:
    told = read_error(status, body)
    assert 400 <= told.status < 600
    assert told.message
    for dialect in ("anthropic", "chat"):
        assert write_error(dialect, told)[1].decode()


@given(
    st.dictionaries(st.sampled_from(["error", "message", "object", "base_resp", "code"]), JSON, max_size=4)
)
def test_anything_may_be_told_inside_a_success(document: dict[str, Any]) -> None:
    told = error_inside(document)
    assert told is None or 400 <= told.status < 600


def test_an_error_nested_without_end_is_read_as_far_as_it_makes_sense() -> None:
    assert read_error(500, b'{"error":' * 900 + b"1" + b"}" * 900).kind == "api_error"
    assert read_error(500, b'{"error":' * 100_000).kind == "api_error"
