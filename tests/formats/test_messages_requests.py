"""What a client of Anthropic's API asks for, read into the neutral request, and what of it is refused."""

import json
import re
from typing import Any, get_args

import pytest

from ccflared.errors import ClientError
from ccflared.formats.messages.read_request import read
from ccflared.formats.request import (
    Call,
    Choice,
    Document,
    Effort,
    Format,
    Image,
    Part,
    Request,
    Result,
    Text,
    Thinking,
    Turn,
)

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
READ = {"name": "Read", "description": "Reads a file.", "input_schema": SCHEMA}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0="}


def asked(content: Any = "Hello", role: str = "user", **members: Any) -> Request:
    """What is read from a request with one message."""
    body = {"model": "claude-opus-5-5", "max_tokens": 64, "messages": [{"role": role, "content": content}]}
    return read(json.dumps(body | members).encode())


def conversation(*messages: tuple[str, Any], **members: Any) -> Request:
    return asked(messages=[{"role": role, "content": content} for role, content in messages], **members)


def parts(*blocks: Any, role: str = "user") -> tuple[Part, ...]:
    return asked(list(blocks), role).turns[0].parts


def test_a_plain_request_says_what_it_says_and_nothing_else() -> None:
    assert asked() == Request("claude-opus-5-5", (Turn("user", (Text("Hello"),)),), max_tokens=64)


def test_a_request_that_only_counts_needs_no_limit() -> None:
    assert asked(max_tokens=None).max_tokens is None


def test_numbers_are_forwarded_where_they_are_zero_and_whatever_their_size() -> None:
    request = asked(temperature=0, top_p=0.0, top_k=0, max_tokens=0)
    assert (request.temperature, request.top_p, request.top_k, request.max_tokens) == (0, 0.0, 0, 0)


def test_stop_sequences_stream_and_user_are_read() -> None:
    request = asked(stop_sequences=["a", "", "b"], stream=True, metadata={"user_id": "me"})
    assert (request.stop, request.stream, request.user) == (("a", "b"), True, "me")


@pytest.mark.parametrize(
    ("system", "texts"),
    [
        ("Be kind.", (Text("Be kind."),)),
        ([], ()),
        ([{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}], (Text("One."), Text("Two."))),
        ([{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}], (Text("x", "5m"),)),
        ([{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}], (Text("x", "1h"),)),
        ([{"type": "text", "text": "x", "cache_control": None}], (Text("x"),)),
    ],
    ids=["text", "empty", "blocks", "cached", "cached for an hour", "not cached"],
)  # fmt: skip
def test_the_system_prompt_is_a_text_or_blocks(system: Any, texts: tuple[Text, ...]) -> None:
    assert asked(system=system).system == texts


BLOCKS: list[tuple[str, str, dict[str, Any], tuple[Part, ...]]] = [
    ("a text", "user", {"type": "text", "text": "x", "citations": []}, (Text("x"),)),
    ("a picture", "user", {"type": "image", "source": PNG}, (Image(data="iVBORw0=", media_type="image/png"),)),
    ("a picture elsewhere", "user", {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}, (Image(url="https://x/y.png"),)),
    ("a picture in Anthropic's store", "user", {"type": "image", "source": {"type": "file", "file_id": "file_1"}}, (Text('[image] {"source":{"type":"file","file_id":"file_1"}}'),)),
    ("a document of text", "user", {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "body"}, "title": "T", "context": "C"}, (Document(text="body", title="T", context="C"),)),
    ("a PDF", "user", {"type": "document", "source": PDF}, (Document(data="JVBERi0=", media_type="application/pdf"),)),
    ("a PDF elsewhere", "user", {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}, "title": None}, (Document(url="https://x/y.pdf"),)),
    ("a document of blocks", "user", {"type": "document", "title": "T", "source": {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "image", "source": PNG}, {"type": "text", "text": "b"}]}}, (Document(text="a\nb", title="T"), Image(data="iVBORw0=", media_type="image/png"))),
    ("a document of one text", "user", {"type": "document", "source": {"type": "content", "content": "a"}}, (Document(text="a"),)),
    ("a document in Anthropic's store", "user", {"type": "document", "source": {"type": "file", "file_id": "file_1"}, "title": "T"}, (Text('[document] {"source":{"type":"file","file_id":"file_1"},"title":"T"}'),)),
    ("a search result", "user", {"type": "search_result", "source": "https://x", "title": "T", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, (Document(text="a\nb", title="T", context="https://x"),)),
    ("thoughts", "assistant", {"type": "thinking", "thinking": "hm", "signature": "sig"}, (Thinking("hm", "sig"),)),
    ("thoughts nobody signed", "assistant", {"type": "thinking", "thinking": "hm"}, (Thinking("hm"),)),
    ("sealed thoughts", "assistant", {"type": "redacted_thinking", "data": "xyz"}, (Thinking(redacted="xyz"),)),
    ("a call", "assistant", {"type": "tool_use", "id": "t1", "name": "Read", "input": {"id": 123456789012345678901, "cache_control": "ü"}}, (Call("t1", "Read", '{"id":123456789012345678901,"cache_control":"ü"}'),)),
    ("a call without input", "assistant", {"type": "tool_use", "id": "t1", "name": "Read", "input": {}}, (Call("t1", "Read", "{}"),)),
    ("a result of text", "user", {"type": "tool_result", "tool_use_id": "t1", "content": "done"}, (Result("t1", (Text("done"),)),)),
    ("a result of blocks", "user", {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "a"}, {"type": "image", "source": PNG}, {"type": "document", "source": PDF}, {"type": "tool_reference", "tool_name": "Read"}]}, (Result("t1", (Text("a"), Image(data="iVBORw0=", media_type="image/png"), Document(data="JVBERi0=", media_type="application/pdf"), Text("The tool Read can be called."))),)),
    ("a result that says nothing", "user", {"type": "tool_result", "tool_use_id": "t1"}, (Result("t1", ()),)),
    ("a result of no blocks", "user", {"type": "tool_result", "tool_use_id": "t1", "content": []}, (Result("t1", ()),)),
    ("an error", "user", {"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": True}, (Result("t1", (Text("no"),), error=True),)),
    ("a summary of what was", "assistant", {"type": "compaction", "content": "So far.", "encrypted_content": "x"}, (Text("So far."),)),
    ("a search by the server", "assistant", {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}}, (Text('[server_tool_use] {"name":"web_search","input":{"query":"x"}}'),)),
    ("what the server found", "assistant", {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"type": "web_search_result", "url": "https://x", "title": "T", "encrypted_content": "zzz"}]}, (Text('[web_search_tool_result] {"content":[{"type":"web_search_result","url":"https://x","title":"T"}]}'),)),
    ("what the server read", "assistant", {"type": "web_fetch_tool_result", "tool_use_id": "s1", "content": {"type": "web_fetch_result", "url": "https://x", "content": {"type": "document", "source": PDF}}}, (Text('[web_fetch_tool_result] {"content":{"type":"web_fetch_result","url":"https://x","content":{"type":"document","source":{"type":"base64","media_type":"application/pdf"}}}}'),)),
    ("a call by the server's MCP", "assistant", {"type": "mcp_tool_use", "id": "m1", "name": "n", "server_name": "s", "input": {"id": 7}, "cache_control": {"type": "ephemeral"}}, (Text('[mcp_tool_use] {"name":"n","server_name":"s","input":{"id":7}}', "5m"),)),
    ("a file for a container", "user", {"type": "container_upload", "file_id": "file_1"}, (Text('[container_upload] {"file_id":"file_1"}'),)),
    ("a block of the future", "user", {"type": "hologram", "depth": [1, {"a": None}]}, (Text('[hologram] {"depth":[1,{"a":null}]}'),)),
    ("a block of the future with text", "user", {"type": "output_text", "text": "x"}, (Text("x"),)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("role", "block", "read_as"), [row[1:] for row in BLOCKS], ids=[row[0] for row in BLOCKS]
)
def test_a_block_is_read_as_what_it_is_or_told_as_text(
    role: str, block: dict[str, Any], read_as: tuple[Part, ...]
) -> None:
    assert parts(block, role=role) == read_as


@pytest.mark.parametrize("block", [{"type": "fallback", "from": {}, "to": {}}, {"type": "mcp_tool_listing", "tools": []}, {"type": "compaction", "content": None}], ids=lambda block: str(block["type"]))  # fmt: skip
def test_what_no_model_is_shown_is_passed_over(block: dict[str, Any]) -> None:
    assert parts(block, {"type": "text", "text": "x"}, role="assistant") == (Text("x"),)


def test_order_and_the_places_of_cache_marks_are_the_clients() -> None:
    hour = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    found = parts(
        {"type": "text", "text": "a"},
        {"type": "image", "source": PNG} | hour,
        {"type": "tool_result", "tool_use_id": "t1", "content": "r"} | hour,
        {"type": "text", "text": "b"} | hour,
    )
    assert [type(part) for part in found] == [Text, Image, Result, Text]
    assert [getattr(part, "cache", None) for part in found] == [None, "1h", "1h", "1h"]


def test_a_mark_on_the_whole_request_is_one_on_its_last_part() -> None:
    request = conversation(
        ("user", "a"), ("assistant", "b"), ("user", "c"), cache_control={"type": "ephemeral"}
    )
    assert [turn.parts for turn in request.turns] == [(Text("a"),), (Text("b"),), (Text("c", "5m"),)]


def test_messages_of_the_system_stay_where_they_stand() -> None:
    request = conversation(
        ("user", "a"), ("system", "env"), ("assistant", "b"), ("system", [{"type": "text", "text": "c"}])
    )
    assert [turn.role for turn in request.turns] == ["user", "system", "assistant", "system"]


def test_a_message_of_the_system_for_one_turn_is_gone_with_it() -> None:
    brief = {"role": "system", "content": "now", "clear_at": "next_user_message"}
    lasting = {"role": "system", "content": "ever", "clear_at": "never"}
    user = {"role": "user", "content": "x"}
    assert [turn.role for turn in asked(messages=[user, brief, lasting]).turns] == [
        "user",
        "system",
        "system",
    ]
    assert [turn.role for turn in asked(messages=[user, brief, lasting, user]).turns] == [
        "user",
        "system",
        "user",
    ]


def test_messages_without_content_are_passed_over() -> None:
    request = conversation(("user", []), ("user", "x"), ("system", None), ("assistant", []))
    assert request.turns == (Turn("user", (Text("x"),)),)


# --- thinking, effort, form ---


@pytest.mark.parametrize(
    ("thinking", "thinks", "budget"),
    [
        (None, None, None),
        ({"type": "enabled", "budget_tokens": 10_000}, True, 10_000),
        ({"type": "enabled", "budget_tokens": 0, "display": "omitted"}, True, 0),
        ({"type": "adaptive", "display": "summarized"}, True, None),
        ({"type": "between_tools"}, True, None),
        ({"type": "disabled"}, False, None),
        ({"type": "as_it_comes"}, None, None),
    ],
)
def test_thinking_is_on_or_off_and_may_have_a_budget(
    thinking: Any, thinks: bool | None, budget: int | None
) -> None:
    request = asked(thinking=thinking)
    assert (request.thinks, request.budget) == (thinks, budget)


@pytest.mark.parametrize("effort", get_args(Effort))
def test_an_effort_is_one_of_the_known_words(effort: str) -> None:
    assert asked(output_config={"effort": effort}).effort == effort


def test_an_unknown_effort_is_left_out_and_told() -> None:
    request = asked(output_config={"effort": "heroic"})
    assert (request.effort, request.left_out) == (None, ("output_config.effort heroic",))


def test_an_effort_for_this_turn_goes_before_that_of_the_request_and_ends_with_the_turn() -> None:
    user, answer = {"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}
    harder = {"role": "system", "output_config": {"effort": "xhigh"}}
    low = {"effort": "low"}
    assert asked(messages=[user, harder], output_config=low).effort == "xhigh"
    assert asked(messages=[user, harder, answer, user], output_config=low).effort == "low"


@pytest.mark.parametrize("where", ["output_config", "output_format"])
def test_a_schema_for_the_answer_is_read_where_it_was_and_where_it_is(where: str) -> None:
    form = {"type": "json_schema", "schema": SCHEMA}
    members: dict[str, Any] = {where: {"format": form} if where == "output_config" else form}
    assert asked(**members).format == Format(SCHEMA)


# --- tools ---


@pytest.mark.parametrize("kind", [{}, {"type": None}, {"type": "custom"}], ids=str)
def test_a_tool_with_a_schema_is_a_tool_whether_its_type_is_said_or_not(kind: dict[str, Any]) -> None:
    tool = asked(tools=[READ | kind | {"cache_control": {"type": "ephemeral"}, "defer_loading": True}]).tools[
        0
    ]
    assert (tool.name, tool.description, tool.parameters, tool.cache) == (
        "Read",
        "Reads a file.",
        SCHEMA,
        "5m",
    )


def test_a_schema_is_not_touched_whatever_its_properties_are_called() -> None:
    properties = {
        name: {"type": "string"} for name in ("cache_control", "title", "format", "$schema", "pattern")
    }
    schema = {
        "$schema": "http://x",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    assert asked(tools=[READ | {"input_schema": schema}]).tools[0].parameters == schema


def test_a_description_that_is_no_text_is_none() -> None:
    assert asked(tools=[READ | {"description": 7}]).tools[0].description is None


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        (SEARCH, "tool web_search_20250305"),
        ({"type": "bash_20250124", "name": "bash"}, "tool bash_20250124"),
        (
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
            "tool text_editor_20250728",
        ),
        ({"type": "computer_20250124", "name": "computer", "display_width_px": 1}, "tool computer_20250124"),
        ({"type": "code_execution_20260521", "name": "code_execution"}, "tool code_execution_20260521"),
        ({"type": "computer_toolset_20260801"}, "tool computer_toolset_20260801"),
        ({"type": "mcp_toolset", "mcp_server_name": "x"}, "tool mcp_toolset"),
        ({"name": "DeferredToolPlaceholder"}, "tool DeferredToolPlaceholder without input_schema"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_tool_that_only_anthropic_knows_is_left_out_and_told(tool: dict[str, Any], words: str) -> None:
    request = asked(tools=[READ, tool])
    assert [tool.name for tool in request.tools] == ["Read"]
    assert request.left_out == (words,)


def test_servers_of_mcp_and_containers_are_told_as_left_out() -> None:
    assert asked(mcp_servers=[{"type": "url"}], container="c").left_out == ("mcp_servers", "container")


@pytest.mark.parametrize(
    ("choice", "read_as"),
    [
        (None, None),
        ({"type": "auto"}, Choice("auto")),
        ({"type": "any"}, Choice("any")),
        ({"type": "none"}, Choice("none")),
        ({"type": "tool", "name": "Read"}, Choice("tool", "Read")),
    ],
)
def test_the_choice_of_tools_is_read(choice: Any, read_as: Choice | None) -> None:
    request = asked(tools=[READ], tool_choice=choice)
    assert (request.choice, request.parallel) == (read_as, None)


def test_whether_tools_may_be_called_at_once_stands_in_the_choice() -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    assert asked(tools=[READ], tool_choice=choice).parallel is False
    assert asked(tools=[READ], tool_choice=choice | {"disable_parallel_tool_use": False}).parallel is None


def test_the_choice_of_a_tool_that_is_left_out_is_left_out_with_it() -> None:
    request = asked(tools=[READ, SEARCH], tool_choice={"type": "tool", "name": "web_search"})
    assert (request.choice, request.left_out) == (
        None,
        ("tool web_search_20250305", "tool_choice web_search"),
    )


def test_tools_come_and_go_with_messages_of_the_system() -> None:
    def change(what: str, **tool: Any) -> tuple[str, Any]:
        return "system", [{"type": f"tool_{what}", "tool": tool}]

    write = READ | {"name": "Write"}
    user = ("user", "x")
    gone = change("removal", type="tool_reference", name="Read")
    back = change("addition", type="tool_reference", name="Read")
    new = change("addition", type="tool_definition", definition=write)
    for changes, names in (([gone], []), ([gone, back], ["Read"]), ([new], ["Read", "Write"]), ([gone, new], ["Write"]), ([back], ["Read"])):  # fmt: skip
        request = conversation(user, *changes, tools=[READ])
        assert [tool.name for tool in request.tools] == names
        assert request.turns == (Turn("user", (Text("x"),)),)


# --- what is refused, and what is not ---


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "model: must be a string that is not empty"),
    ({"model": ""}, "model: must be a string that is not empty"),
    ({"messages": None}, "messages: must be an array with at least one message"),
    ({"messages": []}, "messages: must be an array with at least one message"),
    ({"messages": "Hello"}, "messages: must be an array"),
    ({"messages": ["Hello"]}, "messages.0: must be an object"),
    ({"messages": [{"content": "x"}]}, "messages.0.role: must be a string that is not empty"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role: must be user, assistant or system"),
    ({"messages": [{"role": "user"}]}, "messages.0.content: must be a string or an array of blocks"),
    ({"messages": [{"role": "user", "content": {"type": "text"}}]}, "messages.0.content: must be a string or an array"),
    ({"messages": [{"role": "user", "content": ["x"]}]}, "messages.0.content.0: must be an object"),
    ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages.0.content.0.type: must be a string"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": None}]}]}, "messages.0.content.0.text: must be a string"),
    ({"messages": [{"role": "user", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {}}]}]}, "messages.0.content.0.type: tool_use blocks belong in messages of the assistant"),
    ({"messages": [{"role": "assistant", "content": [{"type": "tool_result", "tool_use_id": "t"}]}]}, "messages.0.content.0.type: tool_result blocks belong in messages of the user"),
    ({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "name": "n", "input": {}}]}]}, "messages.0.content.0.id: must be a string that is not empty"),
    ({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": "{}"}]}]}, "messages.0.content.0.input: must be an object"),
    ({"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "x"}]}]}, "messages.0.content.0.tool_use_id: must be a string that is not empty"),
    ({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": "x"}]}]}]}, "messages.0.content.0.content.0.source: must be an object"),
    ({"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "x"}}]}]}, "messages.0.content.0.source.media_type: must be a string"),
    ({"messages": [{"role": "user", "content": [{"type": "document"}]}]}, "messages.0.content.0.source: must be an object"),
    ({"system": 7}, "system: must be a string or an array of blocks"),
    ({"max_tokens": -1}, "max_tokens: must be an integer, at least 0"),
    ({"max_tokens": "64"}, "max_tokens: must be an integer"),
    ({"max_tokens": True}, "max_tokens: must be an integer"),
    ({"max_tokens": 64.5}, "max_tokens: must be an integer"),
    ({"temperature": "hot"}, "temperature: must be a number"),
    ({"top_p": False}, "top_p: must be a number"),
    ({"stop_sequences": "x"}, "stop_sequences: must be an array"),
    ({"stop_sequences": ["x", 1]}, "stop_sequences.1: must be a string"),
    ({"stream": "yes"}, "stream: must be true or false"),
    ({"tools": {}}, "tools: must be an array"),
    ({"tools": [{"input_schema": {}}]}, "tools.0.name: must be a string that is not empty"),
    ({"tools": [{"name": "x", "input_schema": []}]}, "tools.0.input_schema: must be an object"),
    ({"tools": [{"name": "x", "input_schema": {"type": "string"}}]}, "tools.0.input_schema.type: must be object"),
    ({"tool_choice": "auto"}, "tool_choice: must be an object"),
    ({"tool_choice": {"type": "some"}}, "tool_choice.type: must be auto, any, tool or none"),
    ({"tool_choice": {"type": "tool"}}, "tool_choice.name: must be a string that is not empty"),
    ({"tool_choice": {"type": "tool", "name": "x"}}, "tool_choice.name: no tool has this name"),
    ({"thinking": {"type": "enabled", "budget_tokens": "much"}}, "thinking.budget_tokens: must be an integer"),
    ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type: must be json_schema"),
    ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema: must be an object"),
]  # fmt: skip


@pytest.mark.parametrize(("members", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_cannot_be_meant_is_refused_by_its_name(members: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=re.escape(words)) as caught:
        asked(**members)
    assert (caught.value.status, caught.value.kind) == (400, "invalid_request_error")
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b'{"a":NaN}', b"[" * 100_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ClientError) as caught:
        read(body)
    assert caught.value.status == 400


def test_what_real_clients_send_beyond_the_documents_is_taken() -> None:
    request = asked(
        context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        thinking={"type": "adaptive", "display": "summarized"},
        output_config={"effort": "high", "task_budget": {"type": "tokens", "total": 1}},
        safeguards={"x": 1},
        service_tier="auto",
        speed="fast",
        inference_geo=None,
        betas=["x"],
        diagnostics={},
        tools=[READ | {"defer_loading": True, "eager_input_streaming": True, "allowed_callers": ["direct"]}],
        stop_sequences=None,
        metadata=None,
        system=None,
        tool_choice=None,
        temperature=None,
    )
    assert request.effort == "high"
    assert request.left_out == ()


def test_half_a_surrogate_pair_in_a_name_or_an_id_becomes_a_character_that_can_be_written() -> None:
    block = {"type": "tool_use", "id": "t\ud800", "name": "n\udfff", "input": {"\ud800": "\ud800"}}
    assert parts(block, role="assistant") == (Call("t\ufffd", "n\ufffd", '{"\ufffd":"\ufffd"}'),)
