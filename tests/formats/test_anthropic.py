"""The Anthropic dialect as far as it is read: the model of a request, the meaning of an event, the text of an error."""

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccflared.errors import ClientError
from ccflared.formats import anthropic, sse
from ccflared.formats.anthropic import Mark, error_body, error_event, error_of, mark, read

KEYS = st.one_of(
    st.sampled_from(["model", "Model", "MODEL", "mode", "messages", "", "modél", "\u212aey"]),
    st.text(max_size=4),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.sampled_from(["model", '"model"', '{"model":"x"}', "\ud800"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=4,
)
MODELS = st.one_of(
    st.sampled_from(["claude-opus-4", "m", "", "x" * 256, "x" * 257, "é", "a\nb", '"']), SCALARS
)


def written(pairs: list[tuple[str, Any]], *, escaped: bool) -> str:
    """A JSON object with its keys as they come, twice or not; ``escaped``: each letter of a key as an escape."""

    def key(name: str) -> str:
        if escaped and name.isascii():
            return '"' + "".join(f"\\u{ord(c):04x}" for c in name) + '"'
        return json.dumps(name)

    return "{" + ",".join(f"{key(name)}:{json.dumps(value)}" for name, value in pairs) + "}"


def outcome(body: bytes) -> str:
    try:
        return read(body).model
    except ClientError as error:
        return f"{error.status} {error.kind}"


@given(
    MODELS,
    st.lists(st.tuples(KEYS, VALUES), max_size=4),
    st.sampled_from(["", " ", "\n\t "]),
    st.booleans(),
)
def test_a_body_whose_model_is_first_reads_like_one_that_has_to_be_parsed(
    model: Any, others: list[tuple[str, Any]], space: str, escaped: bool
) -> None:
    rest = written(others, escaped=escaped)[1:]
    first = f'{space}{{"model"{space}:{space}{json.dumps(model)}' + ("," if others else "") + rest
    assert json.loads(first) is not None
    # The same object behind another member: nothing for the short cut, so it is parsed.
    parsed = first.replace("{", '{"":0,', 1)
    assert outcome(first.encode()) == outcome(parsed.encode())


@given(st.lists(st.tuples(KEYS, VALUES), max_size=4), st.booleans())
@settings(max_examples=60)
def test_the_model_read_is_the_one_every_reader_would_find(
    pairs: list[tuple[str, Any]], escaped: bool
) -> None:
    body = written(pairs, escaped=escaped).encode()
    names = [(key, value) for key, value in pairs if key.lower() == "model"]
    said = outcome(body)
    if len(names) == 1 and names[0][0] == "model" and isinstance(names[0][1], str) and said[:3] != "400":
        assert said == names[0][1] == json.loads(body)["model"]
    else:
        assert said == "400 invalid_request_error"


def test_a_model_wherever_it_stands_is_found_without_touching_what_is_around_it() -> None:
    assert read(b'{"model":"claude-opus-4","messages":[]}').model == "claude-opus-4"
    assert read(b'{"messages":[{"model":"no"}],"model":"claude-opus-4"}').model == "claude-opus-4"
    assert read(b'{"model":"a","messages":[{"model":"b"}]}').model == "a"
    assert read(b'{"model":"a","messages":["\\"model\\":\\"b\\""]}').model == "a"


REFUSED: list[tuple[bytes, str]] = [
    (b"", "not valid JSON"),
    (b"nonsense", "not valid JSON"),
    (b'{"messages":[]', "not valid JSON"),
    (b'{"messages":[]} x', "not valid JSON"),
    (b'{"a":"\xff","model":"x"}', "not valid JSON"),
    (b"[" * 200_000, "not valid JSON"),
    (b'{"a":' * 200_000, "not valid JSON"),
    (b"[]", "must be a JSON object"),
    (b'"model"', "must be a JSON object"),
    (b"null", "must be a JSON object"),
    (b"NaN", "must be a JSON object"),
    (b"{}", "a model name is required"),
    (b'{"model":null}', "a model name is required"),
    (b'{"model":7}', "a model name is required"),
    (b'{"model":["x"]}', "a model name is required"),
    (b'{"model":""}', "a model name is required"),
    (b'{"model":"' + b"x" * 257 + b'"}', "a model name is required"),
    (b'{"model":"a\\nb"}', "a model name is required"),
    (b'{"model":"a\\u0000"}', "a model name is required"),
    (b'{"model":"\\ud800"}', "a model name is required"),
    ('{"model":"a\u200bb"}'.encode(), "a model name is required"),
    ('{"model":"a\u202eb"}'.encode(), "a model name is required"),
    (b'{"model":"\xff"}', "not valid UTF-8"),
    (b'{"Model":"x"}', "a model name is required"),
    (b'{"model":"x","model":"y"}', "more than once"),
    (b'{"model":"x","model":"x"}', "more than once"),
    (b'{"model":"x","Model":"y"}', "more than once"),
    (b'{"model":"x","\\u006dodel":"y"}', "more than once"),
    (b'{"model":"x","mode\\u006C":"y"}', "more than once"),
    (b'{"model":"x","\\u004Dodel":"y"}', "more than once"),
    (b'{"\\u006dodel":"x","model":"y"}', "more than once"),
]


@pytest.mark.parametrize(("body", "said"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_body_that_leaves_the_model_in_doubt_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(ClientError, match=re.escape(said)) as caught:
        read(body)
    assert (caught.value.status, caught.value.kind) == (400, "invalid_request_error")


TAKEN: list[tuple[bytes, str]] = [
    (b'{"x":' + b"9" * 5000 + b',"model":"m"}', "m"),
    (b'{"x":-' + b"9" * 5000 + b'.5e400,"model":"m"}', "m"),
    (b'{"x":1e999,"model":"m"}', "m"),
    (b'{"x":"\\ud800","model":"m"}', "m"),
    (b'\xef\xbb\xbf{"model":"m"}', "m"),
    ('{"model":"m"}'.encode("utf-16"), "m"),
    ('{"model":"m"}'.encode("utf-32-be"), "m"),
    ('{"model":"Größe"}'.encode(), "Größe"),
    (b'{"\\u006dodel":"m"}', "m"),
    (b'{"model":"a\\/b"}', "a/b"),
    (b'\r\n\t {"model" : "vendor/big:free" , "x":[{}]}', "vendor/big:free"),
    (b'{"x":' + b"[" * 200 + b"]" * 200 + b',"model":"m"}', "m"),
]


@pytest.mark.parametrize(("body", "model"), TAKEN, ids=lambda value: str(value)[:40])
def test_an_odd_body_that_leaves_no_doubt_is_taken(body: bytes, model: str) -> None:
    assert read(body).model == model


def test_a_long_conversation_whose_model_is_first_is_not_parsed() -> None:
    text = json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": "word " * 20}] * 20_000}
    ).encode()
    began = time.process_time()
    assert read(text).model == "m"
    taken = time.process_time() - began
    began = time.process_time()
    json.loads(text)
    assert taken < time.process_time() - began


MARKS: list[tuple[bytes, Mark]] = [
    (b'event: message_start\ndata: {"type":"message_start"}\n\n', Mark.OPENING),
    (b'event: ping\ndata: {"type": "ping"}\n\n', Mark.OPENING),
    (b'event: content_block_start\ndata: {"type":"content_block_start"}\n\n', Mark.CONTENT),
    (b"event: content_block_delta\ndata: {}\n\n", Mark.CONTENT),
    (b"event: message_delta\ndata: {}\n\n", Mark.CONTENT),
    (b'event: message_stop\ndata: {"type":"message_stop"}\n\n', Mark.END),
    (b'event: error\ndata: {"type":"error"}\n\n', Mark.ERROR),
    (b"event: message_stop\r\ndata: {}\r\n\r\n", Mark.END),
    (b"event: message_stop\rdata: {}\r\r", Mark.END),
    (b"event: content_block_delta\rdata: {}\r\r", Mark.CONTENT),
    (b"event:message_start\ndata: {}\n\n", Mark.OPENING),
    (b"event:error\ndata: {}\n\n", Mark.ERROR),
    (b"id: 1\nevent: error\ndata: {}\n\n", Mark.ERROR),
    (b"data: {}\nevent: error\n\n", Mark.ERROR),
    (b"event: ping", Mark.OPENING),
    # without a name the type in the data tells
    (b'data: {"type":"message_start","message":{"type":"message"}}\n\n', Mark.OPENING),
    (b'data: {"message":{"type":"message"},"type":"message_start"}\n\n', Mark.OPENING),
    (b'data: {"error":{"type":"overloaded_error"},"type":"error"}\n\n', Mark.ERROR),
    (b'data: {"type":"message_stop"}\n\n', Mark.END),
    (b'data: {"type":\ndata: "error"}\n\n', Mark.ERROR),
    (b'data: {"type":"content_block_delta","delta":{"text":"\\"type\\":\\"error\\""}}\n\n', Mark.CONTENT),
    (b'data: {"type":"content_block_delta","input":{"type":"error"}}\n\n', Mark.CONTENT),
    (b'event: message\ndata: {"type":"error"}\n\n', Mark.ERROR),
    (b'event: unheard_of\ndata: {"type":"also_unheard_of"}\n\n', Mark.CONTENT),
    (b'data: {"type":"\\ud800"}\n\n', Mark.CONTENT),
    (b'data: {"type":["error"]}\n\n', Mark.CONTENT),
    (b"data: [DONE]\n\n", Mark.CONTENT),
    (b"data: 7\n\n", Mark.CONTENT),
    (b"data: {\n\n", Mark.CONTENT),
    (b": comment\n\n", Mark.EMPTY),
    (b"\n\n", Mark.EMPTY),
    (b"\r\n\r\n", Mark.EMPTY),
    (b"id: 4\nretry: 5\n\n", Mark.EMPTY),
    (b"data:\n\n", Mark.EMPTY),
    (b"", Mark.EMPTY),
]


@pytest.mark.parametrize(("raw", "meaning"), MARKS, ids=lambda value: str(value)[:60])
def test_an_event_means_what_its_name_or_its_type_says(raw: bytes, meaning: Mark) -> None:
    assert mark(raw) is meaning


def test_the_own_ping_is_an_opening() -> None:
    assert mark(anthropic.PING) is Mark.OPENING


@given(st.sampled_from(["event: ", "event:", "data: ", "", "\n", "\r"]), st.binary(max_size=40))
def test_any_bytes_have_a_meaning(begin: str, raw: bytes) -> None:
    assert mark(begin.encode() + raw) in Mark
    kind, message = error_of(begin.encode() + raw)
    assert isinstance(kind, str)
    assert isinstance(message, str)


ERRORS: list[tuple[bytes, tuple[str, str]]] = [
    (b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}', ("overloaded_error", "busy")),
    (b'  {"error":{"type":"x","message":"y"}}', ("x", "y")),
    (b'event: error\ndata: {"error":{"type":"x","message":"y"}}\n\n', ("x", "y")),
    (b'data: {"error":\ndata: {"type":"x"}}\n\n', ("x", "")),
    (b'{"error":{"message":"only that"}}', ("api_error", "only that")),
    (b'{"error":{"type":7,"message":["a"]}}', ("api_error", "")),
    (b'{"error":"a text"}', ("api_error", "")),
    (b'{"error":null}', ("api_error", "")),
    (b'{"error":[]}', ("api_error", "")),
    (b"{}", ("api_error", "")),
    (b"[]", ("api_error", "")),
    (b"{" * 100_000, ("api_error", "")),
    (b'{"error":' * 100_000, ("api_error", "")),
    (b'{"a":' + b"9" * 5000 + b"}", ("api_error", "")),
    (b"<html>down</html>", ("api_error", "")),
    (b"\xff\xfe", ("api_error", "")),
    (b"", ("api_error", "")),
]


@pytest.mark.parametrize(("raw", "told"), ERRORS, ids=lambda value: str(value)[:50])
def test_an_error_is_read_from_a_body_and_from_an_event_alike(raw: bytes, told: tuple[str, str]) -> None:
    assert error_of(raw) == told


@given(st.text(max_size=20), st.text(max_size=20))
def test_an_error_as_we_write_it_reads_as_it_was(kind: str, message: str) -> None:
    kind = kind.encode(errors="replace").decode()
    message = message.encode(errors="replace").decode()
    assert error_of(error_body(kind, message)) == (kind, message)
    event = error_event(kind, message)
    assert error_of(event) == (kind, message)
    assert mark(event) is Mark.ERROR
    assert [*sse.Cutter().feed(event)] == [event]


def test_an_error_names_the_request_it_belongs_to() -> None:
    document = json.loads(error_body("api_error", "x", "req_1"))
    assert document == {
        "type": "error",
        "error": {"type": "api_error", "message": "x"},
        "request_id": "req_1",
    }


def test_half_a_character_in_a_message_is_written_as_a_question_mark() -> None:
    assert error_of(error_body("api_error", "a\ud800b")) == ("api_error", "a?b")
