"""Any JSON that a client of Anthropic's API may send is refused, or becomes a request that OpenAI's API takes."""

import json
from bisect import bisect_left
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strict_chat import check_chat_request

from ccflared.config.quirks import Quirks
from ccflared.errors import ClientError
from ccflared.formats.chat.write_request import write
from ccflared.formats.messages.read_request import read

PLAIN = Quirks()
PROVIDERS = [
    (PLAIN, set[str]()),
    (Quirks(cache_control=True, files=True, reasoning_content=True, developer_role=True, allows=("top_k",)), {"cache_control", "reasoning_content", "top_k"}),
    (Quirks(effort="reasoning", reasons=("*",), structured=False, stream_usage=False, cache_field="prompt_cache_key"), {"reasoning"}),
]  # fmt: skip
MODELS = ["gpt-4o", "openai/gpt-5.2", "o3"]

TEXTS = st.one_of(
    st.text(max_size=5), st.sampled_from(["", " ", "x", "\ud800", "Read", "a.b", "t1", "t2", "y" * 70])
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
IDS = st.sampled_from(["t1", "t2", "t3", "\ud800", "\udfff", "long" * 20])
NAMES = st.sampled_from(["Read", "Write", "a.b", "a b", "\ud800", "x" * 64, "x" * 65])
CACHE = st.sampled_from([None, {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}, 7])
SCHEMAS = st.sampled_from([{}, {"type": "object"}, {"properties": {"a": {}}}, {"type": "object", "properties": {}, "additionalProperties": False}])  # fmt: skip


def one(kind: str, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object of a kind with these members, one of which may be missing or be anything at all."""
    whole = st.fixed_dictionaries({"type": st.just(kind)} | members, optional={"cache_control": CACHE})
    spoilt = st.tuples(whole, st.sampled_from([*members]), ANYTHING).map(lambda t: t[0] | {t[1]: t[2]})
    lacking = st.tuples(whole, st.sampled_from([*members])).map(
        lambda t: {name: value for name, value in t[0].items() if name != t[1]}
    )
    return st.sampled_from([whole] * 30 + [spoilt, lacking]).flatmap(lambda strategy: strategy)


SOURCES = st.one_of(
    one("base64", media_type=st.sampled_from(["image/png", "application/pdf"]), data=st.just("AAAA")),
    one("url", url=st.just("https://x/y")),
    one("text", data=TEXTS),
    one("file", file_id=TEXTS),
    one("content", content=st.lists(one("text", text=TEXTS), max_size=2)),
)
SHOWN = st.one_of(
    one("text", text=TEXTS),
    one("image", source=SOURCES),
    one("document", source=SOURCES, title=TEXTS),
    one("search_result", source=TEXTS, title=TEXTS, content=st.lists(one("text", text=TEXTS), max_size=2)),
    one("tool_reference", tool_name=NAMES),
    one("hologram", depth=ANYTHING),
)
CALLS = one("tool_use", id=IDS, name=NAMES, input=st.dictionaries(TEXTS, ANYTHING, max_size=2))
RESULTS = one("tool_result", tool_use_id=IDS, content=st.one_of(TEXTS, st.lists(SHOWN, max_size=3)), is_error=st.booleans())  # fmt: skip
THOUGHTS = st.one_of(one("thinking", thinking=TEXTS, signature=TEXTS), one("redacted_thinking", data=TEXTS))
SERVERS = st.one_of(one("server_tool_use", id=IDS, input=ANYTHING), one("web_search_tool_result", tool_use_id=IDS, content=ANYTHING))  # fmt: skip
CHANGES = st.one_of(
    one("tool_removal", tool=one("tool_reference", name=NAMES)),
    one("tool_addition", tool=one("tool_definition", definition=st.fixed_dictionaries({"name": NAMES, "input_schema": SCHEMAS}))),
)  # fmt: skip
BLOCKS = {
    "user": st.one_of(SHOWN, RESULTS, RESULTS),
    "assistant": st.one_of(one("text", text=TEXTS), CALLS, CALLS, THOUGHTS, SERVERS),
    "system": st.one_of(one("text", text=TEXTS), CHANGES),
}
MESSAGES = st.sampled_from(["user", "assistant", "user", "assistant", "system"]).flatmap(
    lambda role: st.fixed_dictionaries(
        {"role": st.just(role), "content": st.one_of(TEXTS, st.lists(BLOCKS[role], max_size=4))}
    )
)
TOOLS = st.one_of(
    st.fixed_dictionaries({"name": NAMES, "input_schema": SCHEMAS}, optional={"description": TEXTS, "strict": st.booleans()}),
    one("web_search_20250305", name=st.just("web_search")),
)  # fmt: skip
CHOICES = st.one_of(
    st.sampled_from(["auto", "any", "none"]).map(
        lambda kind: {"type": kind, "disable_parallel_tool_use": True}
    ),
    NAMES.map(lambda name: {"type": "tool", "name": name}),
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "system": st.one_of(TEXTS, st.lists(one("text", text=TEXTS), max_size=3)),
    "tools": st.lists(TOOLS, max_size=4),
    "tool_choice": CHOICES,
    "max_tokens": st.integers(0, 10**6),
    "temperature": st.floats(0, 2),
    "top_p": st.integers(0, 1),
    "top_k": st.integers(0, 9),
    "stop_sequences": st.lists(TEXTS, max_size=5),
    "stream": st.booleans(),
    "thinking": st.one_of(one("enabled", budget_tokens=st.integers(0, 10**6)), st.just({"type": "adaptive"}), st.just({"type": "disabled"})),
    "output_config": st.fixed_dictionaries({}, optional={"effort": st.sampled_from(["low", "max", "x"]), "format": one("json_schema", schema=SCHEMAS)}),
    "metadata": st.fixed_dictionaries({"user_id": TEXTS}),
    "cache_control": CACHE,
    "mcp_servers": ANYTHING,
}  # fmt: skip
REQUESTS = st.fixed_dictionaries(
    {"model": st.just("claude-opus-5-5"), "messages": st.lists(MESSAGES, min_size=1, max_size=6)},
    optional=FIELDS,
)
SPOILT = st.tuples(REQUESTS, st.sampled_from(["model", "messages", *FIELDS]), ANYTHING).map(lambda t: t[0] | {t[1]: t[2]})  # fmt: skip


def check_refusal(error: ClientError) -> None:
    assert (error.status, error.kind) == (400, "invalid_request_error")
    assert str(error)


def translated(body: bytes) -> list[dict[str, Any]]:
    """What is sent to each kind of provider; nothing where it is refused."""
    try:
        request = read(body)
    except ClientError as error:
        check_refusal(error)
        return []
    documents = []
    for model, (quirks, also) in zip(MODELS, PROVIDERS, strict=True):
        try:
            written = write(request, model, quirks, cache_key="session:x")
        except ClientError as error:
            check_refusal(error)
            continue
        documents.append(json.loads(written.body))
        check_chat_request(documents[-1], also)
        assert all(isinstance(words, str) for words in written.dropped)
        assert set(request.left_out) <= set(written.dropped)
    return documents


@given(REQUESTS)
@settings(max_examples=80, deadline=None)
def test_a_request_that_is_nearly_right_is_taken_or_refused(body: dict[str, Any]) -> None:
    translated(json.dumps(body).encode())


@given(SPOILT)
@settings(max_examples=60, deadline=None)
def test_a_request_with_a_field_of_any_kind_is_taken_or_refused(body: dict[str, Any]) -> None:
    translated(json.dumps(body).encode())


@given(ANYTHING)
@settings(deadline=None)
@example({"model": "m", "messages": [{"role": "user", "content": [{"type": {}}]}]})
@example({"model": "m", "messages": [{"role": ["user"], "content": "x"}]})
@example({"model": "m", "messages": [{"role": "user", "content": "x"}], "tool_choice": {"type": ["any"]}})
def test_any_json_is_taken_or_refused(body: Any) -> None:
    translated(json.dumps(body).encode())


@given(st.binary(max_size=40))
def test_any_bytes_are_taken_or_refused(body: bytes) -> None:
    assert translated(body) == []


@given(REQUESTS)
@settings(max_examples=60, deadline=None)
def test_what_the_user_said_is_in_what_is_sent(body: dict[str, Any]) -> None:
    said = "these words"
    body["messages"].append({"role": "user", "content": [{"type": "text", "text": said}]})
    for document in translated(json.dumps(body).encode()):
        assert said in json.dumps(document["messages"][-1]["content"])


def nested(depth: int, place: str) -> bytes:
    """A request with something nested in one of the places where anything may stand."""
    deep = '{"a":' * depth + "1" + "}" * depth
    block = {
        "input": '{"type":"tool_use","id":"t","name":"n","input":%s}',
        "unknown": '{"type":"hologram","x":%s}',
        "result": '{"type":"web_search_tool_result","content":%s}',
    }.get(place, '{"type":"text","text":"x"}')
    more = {
        "schema": ',"tools":[{"name":"n","input_schema":{"type":"object","properties":{},"x":%s}}]',
        "form": ',"output_format":{"type":"json_schema","schema":%s}',
    }.get(place, "")
    start = '{"model":"m","messages":[{"role":"assistant","content":['
    return (start + block.replace("%s", deep) + "]}]" + more.replace("%s", deep) + "}").encode()


def readable(body: bytes) -> bool:
    try:
        read(body)
    except ClientError as error:
        return "valid JSON" not in str(error)
    return True


@pytest.mark.parametrize("place", ["input", "unknown", "result", "schema", "form"])
def test_whatever_is_nested_is_passed_on_or_refused(place: str) -> None:
    assert len(translated(nested(5, place))) == 3
    deepest = bisect_left(range(100_000), True, key=lambda depth: not readable(nested(depth, place))) - 1
    # Hereabouts is the depth that can be read and no longer be written, as what is written wraps it in more.
    for depth in range(max(0, deepest - 15), deepest + 2):
        translated(nested(depth, place))
