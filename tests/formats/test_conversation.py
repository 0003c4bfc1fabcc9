"""Which conversation a request belongs to: the same for all its turns, another for others, and never an exception."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.formats.conversation import identity
from ccflared.wire import Headers

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
DEVICE = "ab" * 32
CLAUDE: Headers = ((b"host", b"x"), (b"x-claude-code-session-id", ID.encode()))
CODEX: Headers = ((b"session-id", ID.encode()), (b"x-client-request-id", ID.encode()))


def user_id(session: str | None = ID, device: str = DEVICE) -> str:
    members = {"device_id": device, "account_uuid": ""} | ({} if session is None else {"session_id": session})
    return json.dumps(members)


def body(content: Any = "Hello", **members: Any) -> bytes:
    return json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": content}], **members}, ensure_ascii=False
    ).encode()


def key(body: bytes, headers: Headers = (), client: str | None = None) -> str | None:
    return identity(headers, body, client)


NAMED: list[tuple[Headers, bytes, str]] = [
    # Claude Code, in its header and in its body, old and new
    (CLAUDE, b"", f"claude-code:{ID}"),
    (CLAUDE, body(metadata={"user_id": user_id(OTHER)}), f"claude-code:{ID}"),
    ((*CLAUDE, *CODEX), b"", f"claude-code:{ID}"),
    ((), body(metadata={"user_id": user_id()}), f"claude-code:{ID}"),
    ((), body(metadata={"user_id": f"user_{DEVICE}_account_{OTHER}_session_{ID}"}), f"claude-code:{ID}"),
    ((), body(metadata={"user_id": f"user_{DEVICE}_account__session_{ID}"}), f"claude-code:{ID}"),
    (((b"x-claude-code-session-id", b" "),), body(metadata={"user_id": user_id()}), f"claude-code:{ID}"),
    (CODEX, body(metadata={"user_id": user_id(OTHER)}), f"claude-code:{OTHER}"),
    # Codex
    (CODEX, b"", f"session:{ID}"),
    (CODEX, body(prompt_cache_key=OTHER), f"session:{ID}"),
    ((), body(prompt_cache_key=ID), f"session:{ID}"),
    ((), json.dumps({"input": [], "prompt_cache_key": ID}, indent=1).encode(), f"session:{ID}"),
    ((), body(prompt_cache_key=ID, metadata={"user_id": "me"}), f"session:{ID}"),
]


@pytest.mark.parametrize(("headers", "body", "expected"), NAMED)
def test_a_conversation_that_the_client_names_has_that_name(
    headers: Headers, body: bytes, expected: str
) -> None:
    assert key(body, headers) == expected


KINDS: list[tuple[bytes, str | None]] = [
    (body(metadata={"user_id": "me"}), "user"),
    (body(metadata={"user_id": "{"}), "user"),
    (body(metadata={"user_id": '{"tenant":7}'}), "user"),
    (body(metadata={"user_id": "user_1"}), "user"),
    (body(metadata={"user_id": ""}), "prompt"),
    (body(metadata={"user_id": 7}), "prompt"),
    (body(metadata={}), "prompt"),
    (body(metadata=None), "prompt"),
    (body(prompt_cache_key=""), "prompt"),
    (body(prompt_cache_key=7), "prompt"),
    # a device is no conversation
    (body(metadata={"user_id": user_id(None)}), "prompt"),
    (body(metadata={"user_id": f"user_{DEVICE}_account_"}), "prompt"),
    (body([], metadata={"user_id": user_id(None)}), None),
    # nothing to go by
    (body(""), None),
    (body([]), None),
    (body(None), None),
    (body([{"type": "image", "source": {"data": "AAAA"}}]), None),
    (body([{"type": "text", "text": 7}, "text", None]), None),
    (b'{"model":"m","messages":[]}', None),
    (b'{"model":"m","messages":[],"x":{"role":"user","content":"Hello"}}', None),
    (b'{"model":"m","messages":{"role":"user","content":"Hello"}}', None),
    (b'{"model":"m","messages":[7,{"role":"user","content":"Hello"}]}', None),
    (b'{"model":"m","messages":[{"role":"assistant","content":"Hello"}]}', None),
    (b'{"model":"m","system":"You are Claude."}', None),
    (b"", None),
]


@pytest.mark.parametrize(("body", "kind"), KINDS, ids=lambda value: str(value)[:60])
def test_without_a_named_conversation_the_caller_or_the_first_turn_counts(
    body: bytes, kind: str | None
) -> None:
    found = key(body)
    assert (found and found.partition(":")[0]) == kind


SAME_TURN: list[Any] = [
    "Hello",
    [{"type": "text", "text": "Hello"}],
    [{"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    [{"cache_control": {"type": "ephemeral"}, "text": "Hello", "type": "text"}],
    [{"type": "image", "source": {"data": "AAAA"}}, {"type": "text", "text": "Hello"}],
]


@pytest.mark.parametrize("content", SAME_TURN)
def test_the_first_turn_is_known_again_in_any_shape(content: Any) -> None:
    assert key(body(content)) == key(body("Hello"))


def test_later_turns_and_the_system_prompt_make_no_other_conversation() -> None:
    first = body("Hello")
    later = json.dumps(
        {
            "system": [{"type": "text", "text": "x-anthropic-billing-header: 1"}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
                {"role": "assistant", "content": "Hi."},
                {"role": "user", "content": "More."},
            ],
        },
        indent=2,
    ).encode()
    assert key(first) == key(later)
    assert key(first) != key(body("Hallo"))


def test_a_system_message_in_front_is_passed_over() -> None:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}]
    assert key(json.dumps({"messages": messages}).encode()) == key(body("Hello"))
    assert key(json.dumps({"messages": messages[:1]}).encode()) is None


def test_the_input_of_a_response_is_a_first_turn_as_well() -> None:
    blocks = [{"type": "input_text", "text": "Hello"}]
    turns = [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": blocks}]
    assert key(json.dumps({"input": turns}).encode()) == key(body("Hello"))
    assert key(b'{"input":"Hello","stream":true}') == key(body("Hello"))
    assert key(b'{"input":"Hallo"}') == key(body("Hallo"))
    assert key(b'{"input":""}') is None
    long = json.dumps("word " * 20_000).encode()
    assert (
        key(b'{"input":' + long + b',"x":1}') == key(b'{"x":1,"input": ' + long + b"}") != key(body("Hello"))
    )


def test_two_clients_with_the_same_words_have_two_conversations() -> None:
    for one in (body("Hello"), body(metadata={"user_id": "1"})):
        assert len({key(one, client=client) for client in (None, "laptop", "ci")}) == 3
    assert key(body(metadata={"user_id": user_id()}), client="ci") == f"claude-code:{ID}"


@pytest.mark.parametrize("long", ["word " * 20_000, "Größe " * 20_000, "\\\n" * 60_000, "😀" * 40_000])
def test_of_a_very_long_first_turn_the_beginning_counts(long: str) -> None:
    assert key(body(long)) is not None
    assert key(body(long)) == key(body([{"type": "text", "text": long, "cache_control": {}}]))
    assert key(body(long)) == key(body(long, system="another", tools=[]))
    assert key(body(long)) != key(body("x" + long))


def test_a_very_long_system_message_in_front_is_not_taken_for_a_turn() -> None:
    for message in (
        {"role": "system", "content": "x" * 100_000},
        {"content": "x" * 100_000, "role": "system"},
    ):
        assert key(json.dumps({"messages": [message, {"role": "user", "content": "a"}]}).encode()) is None


def test_what_tools_and_tool_calls_call_metadata_is_not_the_requests() -> None:
    tool = {"name": "metadata", "input_schema": {"properties": {"metadata": {"user_id": {"type": "string"}}}}}
    call = {"type": "tool_use", "input": {"metadata": {"user_id": "theirs"}, "prompt_cache_key": "theirs"}}
    messages = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": [call]}]
    own = {"metadata": {"user_id": user_id()}}
    for request in (
        {"messages": messages, **own, "tools": [tool] * 40},
        {"messages": messages, "tools": [tool] * 40, **own},
        {**own, "messages": messages, "tools": [tool] * 40},
        {"tools": [tool] * 40, **own, "messages": messages},
    ):
        assert key(json.dumps(request).encode()) == f"claude-code:{ID}"


def test_a_name_that_stands_there_hundreds_of_times_is_not_looked_for_without_end() -> None:
    metadata, own = json.dumps([{"metadata": {}}] * 300).encode(), b'"metadata":{"user_id":"me"}'
    turn = b'"messages":[{"role":"user","content":"Hello"}]'
    assert key(b"{" + turn + b"," + own + b',"x":' + metadata + b"}") == key(body("Hello"))
    assert key(b'{"x":' + json.dumps([{"messages": 7}] * 300).encode() + b"," + turn + b"}") is None


def test_what_a_text_quotes_is_not_found() -> None:
    quoted = json.dumps({"metadata": {"user_id": "x"}, "prompt_cache_key": "y", "messages": [1]})
    assert (key(body(quoted)) or "").startswith("prompt:")


def test_with_the_header_the_body_is_not_looked_at() -> None:
    class Untouchable(bytes):
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

    assert identity(CLAUDE, Untouchable(b"{}"), None) == f"claude-code:{ID}"


FOREIGN = [b"x" * 5000, b"a b", b"\x1b[31m", b"a\tb", b"\xff\xfe", "Größe".encode()]


@pytest.mark.parametrize("value", FOREIGN, ids=repr)
def test_names_that_are_long_or_not_plain_stand_in_keys_as_hashes(value: bytes) -> None:
    said = key(b"", ((b"x-claude-code-session-id", value),))
    assert re.fullmatch("claude-code:[0-9a-f]{16}", said or "")
    assert said != key(b"", ((b"x-claude-code-session-id", value + b"!"),))


JSONS: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.integers(),
        st.text(max_size=8),
        st.sampled_from(["user", "\ud800", user_id(), f"user_{DEVICE}_account_"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["metadata", "user_id", "messages", "input", "role", "content", "text", "prompt_cache_key"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=10,
)
PIECES = st.lists(
    st.one_of(
        st.binary(max_size=6),
        st.sampled_from(
            [
                *(
                    b'"metadata"',
                    b'"messages"',
                    b'"input"',
                    b'"prompt_cache_key"',
                    b'"user_id"',
                    b'"role"',
                    b'"user"',
                ),
                *(
                    b":",
                    b"[",
                    b"{",
                    b'"',
                    b",",
                    b"}",
                    b"]",
                    b" ",
                    b"\\",
                    b"[" * 3000,
                    b'{"a":' * 3000,
                    b"9" * 5000,
                ),
            ]
        ),
    ),
    max_size=14,
).map(b"".join)


@given(
    st.one_of(PIECES, JSONS.map(lambda value: json.dumps(value).encode())),
    st.lists(
        st.tuples(st.sampled_from([b"x-claude-code-session-id", b"session-id", b"x"]), st.binary(max_size=9))
    ),
    st.one_of(st.none(), st.text(max_size=4)),
)
def test_whatever_comes_the_key_is_short_plain_and_always_the_same(
    body: bytes, headers: list[tuple[bytes, bytes]], client: str | None
) -> None:
    found = identity(tuple(headers), body, client)
    assert found == identity(tuple(headers), body, client)
    assert found is None or re.fullmatch(r"(claude-code|session|user|prompt):[!-~]{1,100}", found)
