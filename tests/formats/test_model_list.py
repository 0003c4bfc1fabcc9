"""Lists of models: of any shape in, one that both SDK families read out, page by page."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import ModelInfo
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Model

from ccflared.errors import ClientError
from ccflared.formats.model_list import Listed, merged, one, page, read_list, shown

CLAUDE = {
    "type": "model",
    "id": "claude-opus-4-8",
    "display_name": "Claude Opus 4.8",
    "created_at": "2026-02-19T00:00:00Z",
    "max_input_tokens": 1_000_000,
    "max_tokens": 128_000,
    "lifecycle": "deprecated",
    "retires_at": "2027-02-19T00:00:00Z",
    "line": "opus",
    "capabilities": {"thinking": {"supported": True, "types": {"adaptive": {"supported": True}}}},
}
GPT = {"id": "gpt-5", "object": "model", "created": 1754425777, "owned_by": "openai"}
ROUTED = {"id": "vendor/big", "name": "Vendor: Big", "created": 1754425777, "context_length": 200_000}

OPUS = Listed(
    "claude-opus-4-8",
    "Claude Opus 4.8",
    1771459200,
    None,
    {
        key: CLAUDE[key]
        for key in ("max_input_tokens", "max_tokens", "lifecycle", "retires_at", "line", "capabilities")
    },
)


def listing(*entries: Any) -> bytes:
    return json.dumps({"data": entries, "has_more": False}).encode()


def entries(document: bytes) -> list[dict[str, Any]]:
    found = json.loads(document)["data"]
    assert isinstance(found, list)
    return found


def validated(entry: dict[str, Any]) -> ModelInfo:
    """See that both SDKs' models take an entry; what Anthropic may add to at any time is passed on as it came."""
    Model.model_validate(entry)
    return ModelInfo.model_validate({**entry, "capabilities": None, "line": None})


READ: list[tuple[str, bytes, tuple[Listed, ...]]] = [
    ("Anthropic's, with what it tells of windows and life", listing(CLAUDE), (OPUS,)),
    ("OpenAI's", listing(GPT), (Listed("gpt-5", None, 1754425777, "openai"),)),
    (
        "a router's",
        listing(ROUTED),
        (Listed("vendor/big", "Vendor: Big", 1754425777, None, {"context_length": 200_000}),),
    ),
    ("a bare list", json.dumps([GPT]).encode(), (Listed("gpt-5", None, 1754425777, "openai"),)),
    ("an id alone", listing({"id": "x"}), (Listed("x"),)),
    ("dates that nobody knows", listing({"id": "x", "created": 0, "created_at": "1970-01-01T00:00:00Z"}), (Listed("x"),)),
    ("dates that are none", listing({"id": "x", "created": True, "created_at": "soon"}), (Listed("x"),)),
    ("dates beyond all calendars", listing({"id": "x", "created": 10**18}), (Listed("x"),)),
    ("a date in another zone", listing({"id": "x", "created_at": "2026-01-01T01:00:00+01:00"}), (Listed("x", None, 1767225600),)),
    ("a date without one", listing({"id": "x", "created_at": "2026-01-01T00:00:00"}), (Listed("x", None, 1767225600),)),
    ("fields of a wrong type", listing({"id": "x", "max_tokens": "8k", "max_input_tokens": True, "capabilities": [], "lifecycle": "new", "retires_at": 5, "context_length": -1, "owned_by": 7}), (Listed("x"),)),
    ("fields that nobody knows", listing({"id": "x", "permission": [1], "pricing": {}}), (Listed("x"),)),
    ("the same model twice", listing({"id": "x", "created": 5}, {"id": "x", "created": 6, "owned_by": "o"}), (Listed("x", None, 5, "o"),)),
    ("no entries at all", listing(None, 1, "x", [], {}, {"id": 1}, {"id": ""}, {"id": "a\nb"}, {"id": "x" * 257}), ()),
    ("an object without a list", b'{"data": {"id": "x"}}', ()),
    ("an error", b'{"error": {"message": "no"}}', ()),
    ("a page of HTML", b"<html>", ()),
    ("nothing", b"", ()),
    ("a number", b"1", ()),
]  # fmt: skip


@pytest.mark.parametrize(("body", "models"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_a_list_is_read_whoever_wrote_it(body: bytes, models: tuple[Listed, ...]) -> None:
    assert read_list(body) == models


def test_a_list_without_end_is_read_up_to_a_bound() -> None:
    body = json.dumps([{"id": str(number)} for number in range(6000)]).encode()
    assert len(read_list(body)) == 5000


def test_what_is_nested_too_deeply_is_left_out() -> None:
    deep: dict[str, Any] = {}
    for _ in range(400):
        deep = {"a": [deep]}
    assert read_list(listing({"id": "x", "capabilities": deep})) == (Listed("x"),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*CLAUDE, *GPT, *ROUTED, "data"]), inner, max_size=5),
)  # fmt: skip


@given(st.binary(max_size=50) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_read_can_be_written_and_read_again(body: bytes) -> None:
    models = read_list(body)
    written = page(models, b"")
    assert [model.id for model in read_list(written)] == [model.id for model in models]
    for entry in entries(written):
        validated(entry)


def test_an_entry_has_the_fields_of_both_dialects() -> None:
    assert entries(page([replace(OPUS, more={})], b"")) == [
        {
            "id": "claude-opus-4-8",
            "type": "model",
            "object": "model",
            "display_name": "Claude Opus 4.8",
            "created_at": "2026-02-19T00:00:00Z",
            "created": 1771459200,
            "owned_by": "unknown",
            "lifecycle": "active",
        }
    ]


def test_what_is_not_told_is_the_id_and_the_epoch_that_anthropic_documents_for_it() -> None:
    (entry,) = entries(page([Listed("x")], b""))
    assert (entry["display_name"], entry["created_at"], entry["created"]) == ("x", "1970-01-01T00:00:00Z", 0)


def test_context_windows_and_the_end_of_a_models_life_are_passed_on() -> None:
    (entry,) = entries(page([OPUS], b""))
    assert OPUS.more.items() <= entry.items()
    info = validated(entry)
    assert (info.max_input_tokens, info.max_tokens, info.lifecycle) == (1_000_000, 128_000, "deprecated")


def test_of_several_lists_the_first_counts_and_the_others_add_what_it_does_not_tell() -> None:
    first = Listed("x", None, 5, None, {"max_tokens": 1})
    second = Listed("x", "X", 6, "o", {"max_tokens": 2, "context_length": 3})
    assert merged([first, Listed("y"), second]) == (
        Listed("x", "X", 5, "o", {"max_tokens": 1, "context_length": 3}),
        Listed("y"),
    )


def test_an_alias_is_listed_with_what_is_known_of_its_model() -> None:
    told = read_list(listing(GPT, ROUTED))
    names = [
        ("gpt-5", "gpt-5"),
        ("claude-gpt-5", "gpt-5"),
        ("claude-vendor/big", "vendor/big"),
        ("new", "new"),
    ]
    assert shown(names, told) == (
        Listed("gpt-5", "gpt-5", 1754425777, "openai"),
        Listed("claude-gpt-5", "gpt-5", 1754425777, "openai"),
        Listed("claude-vendor/big", "Vendor: Big", 1754425777, None, {"context_length": 200_000}),
        Listed("new", "new"),
    )


FIVE = [Listed(name) for name in "abcde"]

# query, the ids of the page, whether there are more
PAGES: list[tuple[str, str, bool]] = [
    ("", "abcde", False),
    ("beta=true&client_version=0.169.0", "abcde", False),
    ("limit=5", "abcde", False),
    ("limit=1000", "abcde", False),
    ("limit=2", "ab", True),
    ("limit=2&after_id=b", "cd", True),
    ("limit=2&after_id=d", "e", False),
    ("after_id=e", "", False),
    ("after_id=a", "bcde", False),
    ("limit=2&before_id=d", "bc", True),
    ("limit=2&before_id=b", "a", False),
    ("before_id=a", "", False),
    ("before_id=e", "abcd", False),
]


@pytest.mark.parametrize(("query", "ids", "more"), PAGES)
def test_a_page_is_what_the_query_asks_for(query: str, ids: str, *, more: bool) -> None:
    document = json.loads(page(FIVE, query.encode()))
    assert "".join(model["id"] for model in document["data"]) == ids
    assert (document["object"], document["has_more"]) == ("list", more)
    assert (document["first_id"], document["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))


def test_without_a_limit_a_page_has_as_many_as_anthropic_gives_at_most() -> None:
    document = json.loads(page([Listed(str(number)) for number in range(1001)], b""))
    assert (len(document["data"]), document["has_more"]) == (1000, True)


WRONG = [
    ("limit=0", "limit: must be a number from 1 to 1000"),
    ("limit=1001", "limit: must be a number from 1 to 1000"),
    ("limit=", "limit: must be a number from 1 to 1000"),
    ("limit=-1", "limit: must be a number from 1 to 1000"),
    ("limit=%C2%B2", "limit: must be a number from 1 to 1000"),
    ("limit=99999999999999999999", "limit: must be a number from 1 to 1000"),
    ("after_id=z", "after_id: there is no such model"),
    ("before_id=", "before_id: there is no such model"),
    ("after_id=a&before_id=c", "before_id: give after_id or before_id, not both"),
]


@pytest.mark.parametrize(("query", "said"), WRONG)
def test_what_no_page_can_be_is_the_clients_mistake(query: str, said: str) -> None:
    with pytest.raises(ClientError, match=f"^{said}$") as raised:
        page(FIVE, query.encode())
    assert (raised.value.status, raised.value.kind) == (400, "invalid_request_error")


@given(st.binary(max_size=30))
def test_any_query_gives_a_page_or_the_clients_mistake(query: bytes) -> None:
    with suppress(ClientError):
        assert len(entries(page(FIVE, query))) <= 5


def test_one_model_is_its_entry_in_the_list() -> None:
    found = one([Listed("x"), OPUS], "claude-opus-4-8")
    assert found is not None
    assert json.loads(found) == entries(page([OPUS], b""))[0]
    assert one([OPUS], "x") is None


# --- the official SDKs ----------------------------------------------------------------------------------------

MODELS = shown(
    [("claude-opus-4-8", "claude-opus-4-8"), ("gpt-5", "gpt-5"), ("claude-gpt-5", "gpt-5"), ("new", "new")],
    read_list(listing(CLAUDE, GPT)),
)
IDS = ["claude-opus-4-8", "gpt-5", "claude-gpt-5", "new"]


def answer(request: httpx2.Request) -> httpx2.Response:
    name = request.url.path.removeprefix("/v1/models").removeprefix("/")
    body = one(MODELS, name) if name else page(MODELS, request.url.query)
    assert body is not None
    return httpx2.Response(200, content=body, headers={"content-type": "application/json"})


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 1000])
def test_anthropics_sdk_goes_through_all_pages(limit: int) -> None:
    with (
        httpx2.Client(transport=httpx2.MockTransport(answer)) as http,
        anthropic.Anthropic(api_key="k", base_url="http://h", http_client=http) as client,
    ):
        assert [model.id for model in client.models.list(limit=limit)] == IDS
        info = client.models.retrieve("claude-gpt-5")
        assert ModelInfo.model_validate(info.to_dict()) == info
        assert (info.id, info.display_name, info.type) == ("claude-gpt-5", "gpt-5", "model")
        assert info.created_at.timestamp() == 1754425777


def test_openais_sdk_reads_the_same_list() -> None:
    with (
        httpx2.Client(transport=httpx2.MockTransport(answer)) as http,
        openai.OpenAI(api_key="k", base_url="http://h/v1", http_client=http) as client,
    ):
        assert [model.id for model in client.models.list()] == IDS
        model = client.models.retrieve("gpt-5")
        assert (model.id, model.created, model.object, model.owned_by) == (
            "gpt-5",
            1754425777,
            "model",
            "openai",
        )
