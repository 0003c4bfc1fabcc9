"""A request written for Chat Completions: every field, every kind of part, and what a provider has otherwise."""

import json
from collections.abc import Mapping
from time import process_time
from typing import Any

import pytest
from strict_chat import check_chat_request

from ccflared.config.quirks import Quirks
from ccflared.errors import ClientError
from ccflared.formats.chat.write_request import write
from ccflared.formats.messages.read_request import read
from ccflared.formats.request import (
    Call,
    Choice,
    Document,
    Format,
    Image,
    Part,
    Request,
    Result,
    Role,
    Text,
    Thinking,
    Tool,
    Turn,
    Written,
)

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
CLOSED = SCHEMA | {"additionalProperties": False}
READ = Tool("Read", "Reads a file.", SCHEMA)
CALL = Call("t1", "Read", '{"path":"x"}')
PNG = Image(data="iVBORw0=", media_type="image/png")
PDF = Document(data="JVBERi0=", media_type="application/pdf", title="Paper.pdf")
IMAGE_PIECE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}}
SEEN = "[image: shown in the next message of the user]"
FROM = {"type": "text", "text": "From the result of the tool call t1:"}
NO_RESULT = "Error: No result: the call was not carried out, or its result was lost."
PLAIN = Quirks()


def user(*parts: Part | str) -> Turn:
    return turn("user", *parts)


def assistant(*parts: Part | str) -> Turn:
    return turn("assistant", *parts)


def turn(role: Role, *parts: Part | str) -> Turn:
    return Turn(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def asks(*turns: Turn, **members: Any) -> Request:
    return Request("claude-opus-5-5", turns or (user("Hello"),), **members)


def written(
    request: Request, model: str = "gpt-4o", quirks: Quirks = PLAIN, **more: Any
) -> tuple[dict[str, Any], Written]:
    """What is sent, checked as strictly as it would be there."""
    found = write(request, model, quirks, **more)
    document = json.loads(found.body)
    also = {"cache_control"} if quirks.cache_control else set()
    also |= {"reasoning_content"} if quirks.reasoning_content else set()
    also |= {"reasoning"} if quirks.effort == "reasoning" else set()
    check_chat_request(document, also | set(quirks.allows))
    return document, found


def sent(*turns: Turn, quirks: Quirks = PLAIN, model: str = "gpt-4o", **members: Any) -> dict[str, Any]:
    return written(asks(*turns, **members), model, quirks)[0]


def messages(*turns: Turn, quirks: Quirks = PLAIN, **members: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sent(*turns, quirks=quirks, **members)["messages"]
    return found


def roles(*turns: Turn, quirks: Quirks = PLAIN) -> list[str]:
    return [message["role"] for message in messages(*turns, quirks=quirks)]


def test_a_plain_request_says_what_it_says_and_nothing_else() -> None:
    assert sent() == {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}


def test_a_request_of_claude_code_arrives_whole_and_with_nothing_that_is_not_known_there() -> None:
    cached = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    body = {
        "model": "claude-opus-5-5",
        "max_tokens": 128_000,
        "stream": True,
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "high"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "metadata": {"user_id": json.dumps({"device_id": "ab" * 32, "account_uuid": "", "session_id": "0f8f"})},
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330; cc_entrypoint=cli;"},
            {"type": "text", "text": "You are Claude Code."} | cached,
            {"type": "text", "text": "Use tools."} | cached,
        ],
        "tools": [
            {"name": "Read", "description": "Reads.", "input_schema": SCHEMA},
            {"name": "Later", "input_schema": {"type": "object"}, "defer_loading": True},
        ],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "<env>"}, {"type": "text", "text": "Go."}]},
            {"role": "system", "content": "The date is today."},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "…", "signature": "s"}, {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "A"} | cached]},
        ],
    }  # fmt: skip
    document, _ = written(read(json.dumps(body).encode()), "gpt-5.2")
    user_hash = document.pop("user")
    assert len(user_hash) == 64
    assert document == {
        "model": "gpt-5.2",
        "max_completion_tokens": 128_000,
        "reasoning_effort": "high",
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [
            {"type": "function", "function": {"name": "Read", "description": "Reads.", "parameters": SCHEMA}},
            {"type": "function", "function": {"name": "Later", "parameters": {"type": "object", "properties": {}}}},
        ],
        "messages": [
            {"role": "system", "content": "You are Claude Code.\n\nUse tools."},
            {"role": "user", "content": "<env>\n\nGo."},
            {"role": "system", "content": "The date is today."},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "toolu_1", "type": "function", "function": {"name": "Read", "arguments": '{"path":"a"}'}}]},
            {"role": "tool", "tool_call_id": "toolu_1", "content": "A"},
        ],
    }  # fmt: skip


# --- system ---


def test_the_system_prompt_is_one_message_before_all_others_its_blocks_in_order() -> None:
    found = messages(system=(Text("One."), Text(" "), Text("Two.", "5m")))
    assert found[0] == {"role": "system", "content": "One.\n\nTwo."}
    assert messages(system=()) == messages(system=(Text(""),)) == [{"role": "user", "content": "Hello"}]


def test_where_the_provider_wants_it_the_system_prompt_has_the_role_developer() -> None:
    found = messages(user("x"), turn("system", "y"), quirks=Quirks(developer_role=True), system=(Text("z"),))
    assert [message["role"] for message in found] == ["developer", "user", "developer"]


def test_claude_codes_billing_block_is_not_sent() -> None:
    billing = Text("x-anthropic-billing-header: cc_version=2.1.330.4b1; cc_entrypoint=cli;")
    assert messages(system=(billing, Text("One.")))[0]["content"] == "One."
    assert roles(user("x")) == [message["role"] for message in messages(user("x"), system=(billing,))]


def test_a_message_of_the_system_stays_where_it_stands() -> None:
    assert roles(user("a"), turn("system", "b"), assistant("c"), turn("system", "d")) == [
        "user",
        "system",
        "assistant",
        "system",
    ]


# --- user ---


def test_a_text_and_a_list_with_that_text_alone_are_the_same_so_that_prompt_caches_hold() -> None:
    def of(content: Any) -> bytes:
        return write(
            read(json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}).encode()),
            "m",
            PLAIN,
        ).body

    assert of("x") == of([{"type": "text", "text": "x"}]) == of([{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}])  # fmt: skip


def test_texts_stay_in_order_and_blank_ones_are_left_out() -> None:
    assert messages(user("a", " ", "", "b"))[0]["content"] == "a\n\nb"
    assert messages(user(""), user("x"), user("y")) == [{"role": "user", "content": "x\n\ny"}]


def test_a_picture_keeps_its_place_among_the_texts() -> None:
    content = messages(user("a", PNG, "b", Image(url="https://x/y.png", detail="low")))[0]["content"]
    assert content == [
        {"type": "text", "text": "a"},
        IMAGE_PIECE,
        {"type": "text", "text": "b"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
    ]


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/gif", "image/webp"])
def test_pictures_of_four_kinds_are_shown(kind: str) -> None:
    content = messages(user(Image(data="AAAA", media_type=kind)))[0]["content"]
    assert content == [{"type": "image_url", "image_url": {"url": f"data:{kind};base64,AAAA"}}]


@pytest.mark.parametrize("kind", ["image/jpg", "IMAGE/JPEG"])
def test_a_kind_of_picture_has_the_name_it_is_known_by(kind: str) -> None:
    (piece,) = messages(user(Image(data="AAAA", media_type=kind)))[0]["content"]
    assert piece["image_url"]["url"] == "data:image/jpeg;base64,AAAA"


@pytest.mark.parametrize("kind", ["image/tiff", "image/svg+xml", "image/heic", "application/octet-stream"])
def test_a_picture_of_a_kind_that_nobody_looks_at_is_told_of(kind: str) -> None:
    picture = Image(data="AAAA", media_type=kind)
    note = f"[image: {kind}, which cannot be shown here]"
    assert messages(user("See:", picture))[0]["content"] == f"See:\n\n{note}"
    shot = messages(user("go"), assistant(Call("c", "shot", "{}")), user(Result("c", (picture,))))
    assert shot[-1] == {"role": "tool", "tool_call_id": "c", "content": note}


def test_a_document_of_text_is_text_with_its_title_and_context() -> None:
    document = Document(text="Body.", title="T", context="C")
    assert messages(user(document, "What?"))[0]["content"] == "[document T]\nC\nBody.\n\nWhat?"


def test_a_pdf_is_a_file_where_the_provider_has_files() -> None:
    content = messages(user(PDF), quirks=Quirks(files=True))[0]["content"]
    data = "data:application/pdf;base64,JVBERi0="
    assert content == [{"type": "file", "file": {"filename": "Paper.pdf", "file_data": data}}]


@pytest.mark.parametrize(
    ("document", "quirks", "note"),
    [
        (PDF, PLAIN, "[document Paper.pdf: application/pdf, which cannot be shown here]"),
        (Document(url="https://x/y.pdf"), Quirks(files=True), "[document: https://x/y.pdf, which cannot be shown here]"),
        (Document(data="AAAA", media_type="application/msword"), Quirks(files=True), "[document: application/msword, which cannot be shown here]"),
    ],
    ids=["a PDF", "a PDF elsewhere", "no PDF"],
)  # fmt: skip
def test_a_document_that_cannot_be_sent_is_told_and_never_a_picture(
    document: Document, quirks: Quirks, note: str
) -> None:
    assert messages(user(document), quirks=quirks)[0]["content"] == note


# --- assistant ---


def test_a_call_stands_in_the_same_message_as_the_text_before_it() -> None:
    found = messages(user("x"), assistant("I look.", CALL), user(Result("t1", (Text("y"),))))
    call = {"id": "t1", "type": "function", "function": {"name": "Read", "arguments": '{"path":"x"}'}}
    assert found[1] == {"role": "assistant", "content": "I look.", "tool_calls": [call]}


def test_a_call_without_text_has_no_content_and_one_without_input_an_empty_object() -> None:
    found = messages(assistant(Call("t1", "Read", "")), user(Result("t1", ())))
    assert found[0]["content"] is None
    assert found[0]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_thoughts_are_not_sent_and_a_turn_of_thoughts_alone_is_no_turn() -> None:
    found = messages(
        user("a"),
        assistant(Thinking("hm", "s"), "b"),
        user("c"),
        assistant(Thinking(redacted="x")),
        user("d"),
    )
    assert [message["content"] for message in found] == ["a", "b", "c", "d"]
    assert b"hm" not in write(asks(user("a"), assistant(Thinking("hm", "s"), "b")), "m", PLAIN).body


def test_thoughts_go_back_where_they_are_asked_for_but_not_their_signatures_nor_what_is_sealed() -> None:
    turns = (
        user("a"),
        assistant(Thinking("hm", "sig"), Thinking(redacted="xyz"), Thinking("so"), CALL),
        user(Result("t1", ())),
    )
    found = messages(*turns, quirks=Quirks(reasoning_content=True))
    assert found[1]["reasoning_content"] == "hm\n\nso"
    assert found[1]["content"] is None
    alone = messages(user("a"), assistant(Thinking("hm")), quirks=Quirks(reasoning_content=True))
    assert alone[1] == {"role": "assistant", "content": "", "reasoning_content": "hm"}


def test_the_beginning_of_an_answer_stays_the_last_message() -> None:
    assert messages(user("a"), assistant("Once upon"))[-1] == {"role": "assistant", "content": "Once upon"}


def test_a_picture_by_the_assistant_is_told_of() -> None:
    assert (
        messages(user("a"), assistant("b", PNG))[1]["content"]
        == "b\n\n[image: image/png, which cannot be shown here]"
    )


def test_what_the_assistant_said_in_two_turns_is_one_message() -> None:
    assert messages(user("a"), assistant("b"), assistant("c"))[1:] == [
        {"role": "assistant", "content": "b\n\nc"}
    ]


def test_calls_to_tools_that_the_server_ran_and_what_came_of_them_are_text_both() -> None:
    blocks = [
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "weather"}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"type": "web_search_result", "url": "https://x", "title": "Sunny", "encrypted_content": "zzz"}]},
        {"type": "text", "text": "It is sunny."},
    ]  # fmt: skip
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": blocks}],
    }
    document, _ = written(read(json.dumps(body).encode()))
    said = document["messages"][1]
    assert said.keys() == {"role", "content"}
    assert all(word in said["content"] for word in ("weather", "Sunny", "https://x", "It is sunny."))
    assert "zzz" not in said["content"]


def test_an_empty_conversation_is_refused() -> None:
    for turns in ((assistant(Thinking("hm")),), (turn("system", " "),), (user(""),)):
        with pytest.raises(ClientError, match="messages: none of them says anything") as caught:
            write(Request("m", turns, system=(Text("x"),)), "m", PLAIN)
        assert caught.value.status == 400


# --- results ---


def test_a_tool_result_stands_directly_behind_its_call_and_before_what_the_user_says() -> None:
    found = messages(user("a"), assistant(CALL), user("b", Result("t1", (Text("r"),)), "c"))
    assert [message["role"] for message in found] == ["user", "assistant", "tool", "user"]
    assert found[2:] == [
        {"role": "tool", "tool_call_id": "t1", "content": "r"},
        {"role": "user", "content": "b\n\nc"},
    ]


def test_parallel_results_are_matched_by_id_and_stand_in_the_order_of_the_calls() -> None:
    calls = [Call(f"t{n}", "Read", "{}") for n in range(3)]
    found = messages(assistant(*calls), user(*(Result(f"t{n}", (Text(str(n)),)) for n in (2, 0, 1))))
    assert [(m["tool_call_id"], m["content"]) for m in found[1:]] == [("t0", "0"), ("t1", "1"), ("t2", "2")]


def test_results_may_come_in_several_turns_and_behind_a_message_of_the_system() -> None:
    turns = (
        assistant(CALL, Call("t2", "Read", "{}")),
        turn("system", "s"),
        user(Result("t2", ())),
        user(Result("t1", ()), "b"),
    )
    assert roles(*turns) == ["assistant", "tool", "tool", "system", "user"]


def test_a_call_is_answered_by_its_own_result_where_ids_come_again() -> None:
    again = (
        assistant(CALL),
        user(Result("t1", (Text("first"),))),
        assistant(CALL),
        user(Result("t1", (Text("second"),))),
    )
    assert [m["content"] for m in messages(*again) if m["role"] == "tool"] == ["first", "second"]
    late = (assistant(CALL), user("no"), assistant(CALL), user(Result("t1", (Text("second"),))))
    assert [m["content"] for m in messages(*late) if m["role"] == "tool"] == [
        NO_RESULT,
        "second",
    ]


def test_calls_of_one_message_with_the_same_id_get_different_ones() -> None:
    found = messages(assistant(CALL, CALL), user(Result("t1", (Text("a"),)), Result("t1", (Text("b"),))))
    ids = [call["id"] for call in found[0]["tool_calls"]]
    assert ids[0] == "t1" != ids[1]
    assert [(m["tool_call_id"], m["content"]) for m in found[1:]] == [(ids[0], "a"), (ids[1], "b")]


def test_an_id_that_is_too_long_is_shortened_the_same_way_on_both_sides() -> None:
    long = "call_" + "x" * 80
    turns = (assistant(Call(long, "Read", "{}")), user(Result(long, ())))
    found = messages(*turns)
    assert found[0]["tool_calls"][0]["id"] == found[1]["tool_call_id"] != long
    assert found == messages(*turns)


def test_a_call_without_a_result_gets_one_that_says_so() -> None:
    found = messages(assistant(CALL, Call("t2", "Read", "{}")), user(Result("t2", (Text("r"),)), "go on"))
    assert [m["content"] for m in found[1:]] == [NO_RESULT, "r", "go on"]
    assert roles(user("a"), assistant(CALL)) == ["user", "assistant", "tool"]


def test_a_result_without_a_call_is_shown_as_what_the_user_says() -> None:
    found = messages(user(Result("t9", (Text("r"), PNG)), "x"))
    assert found[0]["role"] == "user"
    assert [piece.get("text") for piece in found[0]["content"]] == ["[Result of an earlier tool call, t9]", "r", None, "x"]  # fmt: skip
    twice = messages(assistant(CALL), user(Result("t1", (Text("a"),)), Result("t1", (Text("b"),))))
    assert twice[-1]["content"] == "[Result of an earlier tool call, t1]\n\nb"


RESULTS: list[tuple[str, Result, str]] = [
    ("nothing", Result("t1", ()), ""),
    ("a text", Result("t1", (Text("a"),)), "a"),
    ("texts", Result("t1", (Text("a"), Text("b"))), "a\nb"),
    ("a document", Result("t1", (Document(text="b", title="T"),)), "[document T]\nb"),
    ("a PDF", Result("t1", (PDF,)), "[document Paper.pdf: application/pdf, which cannot be shown here]"),
    ("an error", Result("t1", (Text("no such file"),), error=True), "Error: no such file"),
    ("an error that says so", Result("t1", (Text("Error: no"),), error=True), "Error: no"),
    ("an error without words", Result("t1", (), error=True), "Error"),
]


@pytest.mark.parametrize(("result", "content"), [row[1:] for row in RESULTS], ids=[row[0] for row in RESULTS])
def test_a_tool_message_holds_one_text(result: Result, content: str) -> None:
    assert messages(assistant(CALL), user(result))[1]["content"] == content


def test_pictures_of_results_follow_all_results_and_come_before_what_the_user_says() -> None:
    found = messages(
        assistant(CALL, Call("t2", "Read", "{}")),
        user("Look.", Result("t1", (Text("a"), PNG, Text("b"))), Result("t2", (Text("c"),))),
    )
    assert [message["content"] for message in found[1:]] == [
        f"a\n{SEEN}\nb",
        "c",
        [FROM, IMAGE_PIECE, {"type": "text", "text": "Look."}],
    ]


def test_pictures_of_results_have_a_message_of_their_own_where_the_user_says_nothing() -> None:
    found = messages(assistant(CALL), user(Result("t1", (PNG,))), turn("system", "s"), assistant("x"))
    assert [message["role"] for message in found] == ["assistant", "tool", "user", "system", "assistant"]
    assert found[2]["content"] == [FROM, IMAGE_PIECE]
    assert roles(assistant(CALL), user(Result("t1", (PNG,)))) == ["assistant", "tool", "user"]


def test_a_pdf_of_a_result_follows_as_a_file_where_the_provider_has_files() -> None:
    found = messages(assistant(CALL), user(Result("t1", (PDF,))), quirks=Quirks(files=True))
    assert found[1]["content"] == "[document: shown in the next message of the user]"
    assert found[2]["content"][1]["file"]["filename"] == "Paper.pdf"


# --- cache marks ---


def test_cache_marks_are_sent_where_they_are_understood_and_stand_where_they_stood() -> None:
    turns = (
        user("a", Text("b", "5m")),
        assistant(Text("c", "1h"), CALL),
        user(Result("t1", (Text("r"), Text("s")), cache="5m"), "d"),
    )
    found = messages(*turns, quirks=Quirks(cache_control=True), system=(Text("x"), Text("y", "1h")))
    short, long = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}
    assert [message["content"] for message in found] == [
        [{"type": "text", "text": "x"}, {"type": "text", "text": "y", "cache_control": long}],
        [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": short}],
        [{"type": "text", "text": "c", "cache_control": long}],
        [{"type": "text", "text": "r"}, {"type": "text", "text": "s", "cache_control": short}],
        "d",
    ]
    assert b"cache_control" not in write(asks(*turns, system=(Text("y", "1h"),)), "m", PLAIN).body


# --- tools ---


def function(tool: Tool, **members: Any) -> dict[str, Any]:
    found: dict[str, Any] = sent(tools=(tool,), **members)["tools"][0]["function"]
    return found


def test_a_tool_is_a_function_and_its_schema_is_not_touched() -> None:
    properties = {
        name: {"type": "string", "cache_control": 1}
        for name in ("cache_control", "title", "format", "$schema")
    }
    schema = {"$schema": "http://x", "type": "object", "properties": properties, "anyOf": []}
    assert function(Tool("Read", "Reads.", schema)) == {
        "name": "Read",
        "description": "Reads.",
        "parameters": schema,
    }


@pytest.mark.parametrize(
    ("schema", "parameters"),
    [
        ({}, {"type": "object", "properties": {}}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        ({"type": "object", "properties": None}, {"type": "object", "properties": {}}),
        ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
    ],
    ids=str,
)
def test_a_schema_gets_what_it_would_be_refused_without(
    schema: Mapping[str, Any], parameters: dict[str, Any]
) -> None:
    assert function(Tool("Read", None, schema)) == {"name": "Read", "parameters": parameters}


@pytest.mark.parametrize("schema", [{"type": "string"}, {"type": ["object"]}, {"properties": []}], ids=str)
def test_a_schema_of_something_else_than_an_object_is_refused(schema: Mapping[str, Any]) -> None:
    with pytest.raises(ClientError, match="tools: the schema of Read"):
        write(asks(tools=(Tool("Read", None, schema),)), "m", PLAIN)


UNIONS = {
    "type": "object",
    "description": "Opens one.",
    "properties": {"mode": {"type": "string"}},
    "required": ["mode"],
    "oneOf": [
        {"properties": {"path": {"type": "string"}, "mode": {"const": "file"}}, "required": ["path"]},
        {"properties": {"url": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
    ],
}


def test_unions_at_the_top_of_a_schema_are_merged_where_they_are_refused_and_the_schema_is_quoted() -> None:
    plain = Quirks(plain_schemas=True)
    found = function(Tool("Open", "Opens.", UNIONS), quirks=plain)
    assert found["parameters"] == {
        "type": "object",
        "description": "Opens one.",
        "properties": {
            "mode": {"type": "string"},
            "path": {"type": "string"},
            "url": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["mode"],
    }
    words, _, quoted = found["description"].partition("\n\nThe input must be valid by this JSON Schema:\n")
    assert words == "Opens."
    assert json.loads(quoted) == UNIONS
    assert function(Tool("Open", None, UNIONS))["parameters"] == UNIONS
    assert function(Tool("Read", None, SCHEMA), quirks=plain) == function(Tool("Read", None, SCHEMA))


@pytest.mark.parametrize("union", ["oneOf", "anyOf", "allOf", "enum", "const", "not"])
@pytest.mark.parametrize("value", [[], [{"properties": {"a": {}}}, 7], {"properties": {"a": {}}}, None])
def test_whatever_a_union_is_it_does_not_stand_at_the_top_of_a_plain_schema(union: str, value: Any) -> None:
    found = function(Tool("Read", None, {union: value}), quirks=Quirks(plain_schemas=True))
    assert found["parameters"].keys() == {"type", "properties"}
    assert f'"{union}":' in found["description"]


def test_of_many_variants_the_first_names_a_property() -> None:
    variants = [{"properties": {f"p{number // 2}": {"const": number}}} for number in range(10_000)]
    schema = {"properties": {"p0": {"const": "own"}}, "anyOf": variants}
    began = process_time()
    found = function(Tool("Read", None, schema), quirks=Quirks(plain_schemas=True))["parameters"][
        "properties"
    ]
    assert process_time() - began < 1
    assert len(found) == 5_000
    assert (found["p0"], found["p1"]) == ({"const": "own"}, {"const": 2})


STRICT: list[tuple[Mapping[str, Any], bool]] = [
    (CLOSED, True),
    (SCHEMA, False),
    (CLOSED | {"required": []}, False),
    ({"type": "object", "additionalProperties": False}, False),
    (CLOSED | {"properties": {"path": CLOSED}}, True),
    (CLOSED | {"properties": {"path": SCHEMA}}, False),
    (CLOSED | {"properties": {"path": {"type": "object"}}}, False),
    (CLOSED | {"properties": {"path": {"anyOf": [CLOSED, SCHEMA]}}}, False),
]


@pytest.mark.parametrize(("schema", "strict"), STRICT[:3] + STRICT[4:], ids=str)
def test_a_tool_is_strict_where_its_schema_would_not_be_refused_for_it(
    schema: Mapping[str, Any], strict: bool
) -> None:
    assert function(Tool("Read", None, schema, strict=True)).get("strict", False) is strict
    assert "strict" not in function(Tool("Read", None, schema))


def test_a_custom_tool_is_a_function_with_one_text_and_its_grammar_is_quoted() -> None:
    patch = Tool("apply_patch", "Edits files.", custom=True, grammar="start: begin hunk+ end")
    found = function(patch)
    assert found["parameters"]["properties"].keys() == {"input"}
    assert found["parameters"]["properties"]["input"]["type"] == "string"
    assert found["parameters"]["required"] == ["input"]
    assert (
        found["description"]
        == "Edits files.\n\nThe input must follow this grammar:\n\nstart: begin hunk+ end"
    )
    assert function(Tool("free", custom=True)).keys() == {"name", "parameters"}


def test_a_call_of_a_custom_tool_has_its_text_as_input() -> None:
    call = Call("t1", "apply_patch", '*** Begin "Patch"\nü', custom=True)
    arguments = messages(assistant(call), user(Result("t1", ())))[0]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"input": '*** Begin "Patch"\nü'}


@pytest.mark.parametrize(
    ("choice", "written_as"),
    [
        (Choice("auto"), "auto"),
        (Choice("any"), "required"),
        (Choice("none"), "none"),
        (Choice("tool", "Read"), {"type": "function", "function": {"name": "Read"}}),
    ],
)
def test_the_choice_of_tools_has_its_own_words(choice: Choice, written_as: Any) -> None:
    assert sent(tools=(READ,), choice=choice)["tool_choice"] == written_as


def test_tools_may_be_called_at_once_unless_that_is_switched_off() -> None:
    assert sent(tools=(READ,), parallel=False)["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in sent(tools=(READ,), parallel=True)


def test_without_tools_nothing_is_said_about_calling_them() -> None:
    document, found = written(
        asks(choice=Choice("any"), parallel=False, left_out=("tool web_search_20250305",))
    )
    assert document.keys() == {"model", "messages"}
    assert found.dropped == ("tool web_search_20250305", "tool_choice any")


def test_the_choice_of_a_tool_that_is_not_there_is_left_out_and_told() -> None:
    document, found = written(asks(tools=(READ,), choice=Choice("tool", "Write")))
    assert "tool_choice" not in document
    assert found.dropped == ("tool_choice Write",)


def test_a_tool_that_is_listed_twice_is_sent_once() -> None:
    document, found = written(asks(tools=(READ, Tool("Read"))))
    assert len(document["tools"]) == 1
    assert found.dropped == ("tool Read, listed twice",)


LONG = "mcp__a-server-with-a-very-long-name__and-a-tool-with-one-that-is-longer-still"


@pytest.mark.parametrize(
    "name", [LONG, "a.b", "ünïcode", "with space", "x" * 65, "\n", "a\n", "\ud800"], ids=ascii
)
def test_a_name_that_would_be_refused_gets_another_one_everywhere_and_is_mapped_back(name: str) -> None:
    turns = (user("x"), assistant(Call("t1", name, "{}")), user(Result("t1", ())))
    request = asks(*turns, tools=(Tool(name), READ), choice=Choice("tool", name))
    document, found = written(request)
    [(made, original)] = found.names.items()
    assert original == name != made
    assert document["tools"][0]["function"]["name"] == made
    assert document["tool_choice"]["function"]["name"] == made
    assert document["messages"][1]["tool_calls"][0]["function"]["name"] == made
    assert write(request, "m", PLAIN).names == found.names


def test_a_name_that_may_be_sent_is_sent() -> None:
    assert written(asks(tools=(Tool("x" * 64), Tool("a-B_9"))))[1].names == {}


def test_names_that_are_made_differ_from_each_other_and_from_all_that_are_there() -> None:
    first = written(asks(tools=(Tool("a.b"),)))[0]["tools"][0]["function"]["name"]
    document, found = written(asks(tools=(Tool("a.b"), Tool("a b"), Tool("a!b"), Tool(first))))
    names = [tool["function"]["name"] for tool in document["tools"]]
    assert len(set(names)) == 4
    assert names[3] == first
    assert sorted(found.names.values()) == ["a b", "a!b", "a.b"]


# --- fields ---


def test_numbers_are_forwarded_where_they_are_zero() -> None:
    document = sent(max_tokens=10, temperature=0, top_p=0.0)
    assert (document["max_tokens"], document["temperature"], document["top_p"]) == (10, 0, 0.0)


def test_the_limit_that_fills_a_cache_and_answers_nothing_becomes_one_token() -> None:
    assert sent(max_tokens=0)["max_tokens"] == 1


def test_stop_sequences_are_called_stop_and_there_are_four_at_most() -> None:
    assert sent(stop=("a", "b"))["stop"] == ["a", "b"]
    assert "stop" not in sent(stop=())
    with pytest.raises(ClientError, match="stop_sequences: 4 at most"):
        write(asks(stop=tuple("abcde")), "m", PLAIN)


def test_top_k_is_sent_where_it_is_allowed_and_told_as_dropped_elsewhere() -> None:
    assert sent(top_k=0, quirks=Quirks(allows=("top_k",)))["top_k"] == 0
    document, found = written(asks(top_k=5))
    assert "top_k" not in document
    assert found.dropped == ("top_k",)


def test_an_effort_that_is_refused_beside_tools_is_told_as_dropped() -> None:
    quirks = Quirks(effortless_tools=("gpt-5.[2-9]*",))
    document, found = written(asks(tools=(READ,), effort="high"), "gpt-5.2", quirks)
    assert document["reasoning_effort"] == "none"
    assert found.dropped == ("effort high beside tools",)
    assert written(asks(tools=(READ,), effort="high"), "gpt-5.1", quirks)[1].dropped == ()


def test_a_stream_tells_its_usage_where_that_is_understood_and_nothing_is_said_without_one() -> None:
    assert sent(stream=True)["stream_options"] == {"include_usage": True}
    assert sent(stream=True, quirks=Quirks(stream_usage=False)).keys() == {"model", "messages", "stream"}
    assert sent().keys() == {"model", "messages"}


@pytest.mark.parametrize(
    ("user_id", "clear"),
    [
        ("me", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ('{"device_id":"ab"}', False),
        ("user_ab_account_12_session_0f8f", False),
    ],
)
def test_a_user_is_told_in_short_and_claude_codes_never_in_clear(user_id: str, clear: bool) -> None:
    told = sent(user=user_id)["user"]
    assert (told == user_id) is clear
    assert told == sent(user=user_id)["user"]


def test_a_conversation_keeps_its_cache_by_the_field_the_provider_has_for_it() -> None:
    quirks = Quirks(cache_field="prompt_cache_key")
    assert written(asks(), quirks=quirks, cache_key="session:1")[0]["prompt_cache_key"] == "session:1"
    assert len(written(asks(), quirks=quirks, cache_key="x" * 100)[0]["prompt_cache_key"]) == 64
    assert "prompt_cache_key" not in written(asks(), quirks=quirks)[0]
    assert "prompt_cache_key" not in written(asks(cache_key="a"), cache_key="session:1")[0]


@pytest.mark.parametrize(
    ("form", "sent_as"),
    [
        (Format(), {"type": "json_object"}),
        (Format(SCHEMA), {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}),
        (Format(CLOSED), {"type": "json_schema", "json_schema": {"name": "answer", "schema": CLOSED, "strict": True}}),
        (Format(CLOSED, "n", strict=False, description="d"), {"type": "json_schema", "json_schema": {"name": "n", "schema": CLOSED, "description": "d"}}),
    ],
    ids=["any object", "a schema", "a strict schema", "a schema that need not be met"],
)  # fmt: skip
def test_the_form_of_the_answer_is_a_field(form: Format, sent_as: dict[str, Any]) -> None:
    assert sent(format=form)["response_format"] == sent_as


def test_the_form_of_the_answer_is_asked_for_in_words_where_there_is_no_field() -> None:
    quirks = Quirks(structured=False)
    document = sent(format=Format(SCHEMA), system=(Text("Be kind."),), quirks=quirks)
    assert "response_format" not in document
    prompt = document["messages"][0]["content"]
    assert prompt.startswith("Be kind.\n\nAnswer with one JSON value")
    assert json.loads(prompt[prompt.index("{") :]) == SCHEMA
    assert "JSON object" in messages(format=Format(), quirks=quirks)[0]["content"]


def test_a_field_that_is_refused_is_left_out_and_told_and_the_request_can_be_written_again() -> None:
    request = asks(tools=(READ, Tool("Write")), parallel=False, temperature=1, user="me")
    before = write(request, "gpt-4o", PLAIN).body
    refuses = (
        "parallel_tool_calls",
        "temperature",
        "seed",
        "tools.function.description",
        "tools.function.parameters.required",
    )
    document, found = written(request, quirks=Quirks(refuses=refuses))
    assert document.keys() == {"model", "messages", "tools", "user"}
    assert [tool["function"].keys() for tool in document["tools"]] == [{"name", "parameters"}] * 2
    assert "required" not in document["tools"][0]["function"]["parameters"]
    assert found.dropped == tuple(field for field in refuses if field != "seed")
    assert write(request, "gpt-4o", PLAIN).body == before


def test_the_body_is_utf_8_and_halves_of_surrogate_pairs_are_not_in_it() -> None:
    body = write(asks(user("Größe 漢字 \ud800")), "m", PLAIN).body
    assert "Größe 漢字 \ufffd" in body.decode()


def test_large_integers_stay_what_they_are() -> None:
    body = {
        "model": "m",
        "messages": [
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "t", "name": "n", "input": {"snowflake": 9007199254740993123}}
                ],
            }
        ],
    }
    assert rb"9007199254740993123" in write(read(json.dumps(body).encode()), "m", PLAIN).body


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("no JSON", {"arguments": "no JSON"}),
        ("[1]", {"arguments": [1]}),
        ("", {}),
        (' {"path":"x"} ', {"path": "x"}),
    ],
)
def test_arguments_of_the_past_that_are_no_object_are_told_in_one(arguments: str, told: object) -> None:
    (call,) = messages(user("Go"), assistant(Call("t1", "Read", arguments)))[1]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == told


def test_a_blank_stop_sequence_is_none() -> None:
    assert "stop" not in sent(user("Go"), stop=("",))
    assert sent(user("Go"), stop=("", "END"))["stop"] == ["END"]
