"""Requests of Responses, as Codex and the SDKs write them: every item is read, told in words, or said to be left out."""

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants import JSON, mutants, plain
from openai.types.responses import ResponseInputItemParam, ToolParam
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from strict_messages import MODELS, accepted

from ccflared.config.quirks import Quirks
from ccflared.errors import ClientError
from ccflared.formats.messages.write_request import write
from ccflared.formats.openai_parts import FREE_TEXT
from ccflared.formats.request import (
    Call,
    Choice,
    Document,
    Format,
    Image,
    Part,
    Request,
    Result,
    Text,
    Thinking,
    Tool,
    Turn,
)
from ccflared.formats.responses.read_request import read
from ccflared.formats.responses.sealed import seal, unseal

PDF = base64.b64encode(b"%PDF-1.4").decode()
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
SHELL: dict[str, Any] = {
    "type": "function",
    "name": "shell",
    "description": "Run",
    "parameters": SCHEMA,
    "strict": False,
}
PATCH: dict[str, Any] = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Change files",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
}
SERVER: dict[str, Any] = {
    "type": "namespace",
    "name": "mcp__files",
    "description": "Files",
    "tools": [
        {"type": "function", "name": "read", "parameters": SCHEMA, "strict": None},
        {"type": "custom", "name": "write"},
    ],
}


def asked(given_input: Any = "hi", **members: Any) -> Request:
    return read(json.dumps({"model": "gpt-5", "input": given_input, **members}).encode())


def refused(given_input: Any = "hi", **members: Any) -> str:
    with pytest.raises(ClientError) as error:
        asked(given_input, **members)
    assert (error.value.status, error.value.kind) == (400, "invalid_request_error")
    return str(error.value)


def call(call_id: str, name: str = "shell", **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}", **more}


def output(call_id: str, text: Any = "ok") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def said(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def test_a_text_is_one_user_turn() -> None:
    assert asked("hi").turns == (Turn("user", (Text("hi"),)),)


def test_an_item_with_a_role_needs_no_type() -> None:
    items = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {"role": "system", "content": [{"type": "input_text", "text": "Now be kind."}]},
    ]
    assert asked(items).turns == (
        Turn("system", (Text("Be brief."),)),
        Turn("user", (Text("hi"),)),
        Turn("assistant", (Text("hello"),)),
        Turn("system", (Text("Now be kind."),)),
    )


def test_instructions_are_the_system_prompt() -> None:
    assert asked(instructions="Be brief.").system == (Text("Be brief."),)
    assert asked(instructions="").system == ()


@pytest.mark.parametrize(
    ("part", "read_as"),
    [
        ({"type": "input_text", "text": "a"}, Text("a")),
        ({"type": "output_text", "text": "a", "annotations": []}, Text("a")),
        ({"type": "refusal", "refusal": "No."}, Text("No.")),
        (
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "high"},
            Image(data="AAAA", media_type="image/png", detail="high"),
        ),
        ({"type": "input_image", "image_url": "http://x/a.png"}, Image(url="http://x/a.png")),
        (
            {"type": "input_file", "file_data": f"data:application/pdf;base64,{PDF}", "filename": "a.pdf"},
            Document(data=PDF, media_type="application/pdf", title="a.pdf"),
        ),
        ({"type": "input_file", "file_url": "https://x/a.pdf"}, Document(url="https://x/a.pdf")),
    ],
)
def test_a_part_of_a_message_is_read(part: dict[str, Any], read_as: Part) -> None:
    assert asked([{"role": "user", "content": [part]}]).turns == (Turn("user", (read_as,)),)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "input_image", "file_id": "file-1"}, "image_url: a URL is required"),
        ({"type": "input_file", "file_id": "file-1"}, "file_id: only data"),
        ({"type": "input_audio", "input_audio": {}}, "type: sound cannot"),
        ({"type": "input_smell"}, "type: one of input_text"),
    ],
)
def test_a_part_that_cannot_be_said_is_named(part: dict[str, Any], words: str) -> None:
    assert refused([{"role": "user", "content": [part]}]).startswith(f"input.0.content.0.{words}")


def test_calls_that_follow_each_other_are_one_turn_and_so_are_their_results() -> None:
    request = asked(
        [{"role": "user", "content": "hi"}, call("a"), call("b"), output("b"), output("a", "fine")]
    )
    assert request.turns[1:] == (
        Turn("assistant", (Call("a", "shell", "{}"), Call("b", "shell", "{}"))),
        Turn("user", (Result("a", (Text("fine"),)), Result("b", (Text("ok"),)))),
    )


def test_what_the_assistant_says_between_a_call_and_its_result_stands_before_the_call() -> None:
    request = asked(
        [{"role": "user", "content": "hi"}, call("a"), said("I am looking."), output("a"), said("Done.")]
    )
    assert request.turns[1:] == (
        Turn("assistant", (Text("I am looking."), Call("a", "shell", "{}"))),
        Turn("user", (Result("a", (Text("ok"),)),)),
        Turn("assistant", (Text("Done."),)),
    )


def test_a_result_stands_directly_behind_its_call_whatever_was_said_in_between() -> None:
    request = asked([call("a"), {"role": "user", "content": "stop"}, said("Well."), output("a")])
    assert request.turns == (
        Turn("assistant", (Call("a", "shell", "{}"),)),
        Turn("user", (Result("a", (Text("ok"),)), Text("stop"))),
        Turn("assistant", (Text("Well."),)),
    )


def test_a_call_without_result_has_one_that_says_so() -> None:
    request = asked([call("a"), {"role": "user", "content": "stop"}])
    result, text = request.turns[1].parts
    assert isinstance(result, Result)
    assert (result.call_id, result.error, text) == ("a", True, Text("stop"))


def test_a_result_without_call_is_told_in_words() -> None:
    told = asked([output("z", "fine")]).turns[0].parts
    assert told == (Text("[Result of an earlier tool call, z]"), Text("fine"))


def test_calls_of_one_id_are_told_apart_by_their_turns() -> None:
    request = asked([call("x"), output("x", "one"), call("x"), output("x", "two")])
    first, second = request.turns[0].parts[0], request.turns[2].parts[0]
    assert isinstance(first, Call)
    assert isinstance(second, Call)
    assert first.id != second.id
    assert request.turns[1].parts == (Result(first.id, (Text("one"),)),)
    assert request.turns[3].parts == (Result(second.id, (Text("two"),)),)


def test_a_result_may_have_parts_and_pictures() -> None:
    content = [
        {"type": "input_text", "text": "see"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
    ]
    shown = (Text("see"), Image(data="AAAA", media_type="image/png"))
    assert asked([call("a"), output("a", content)]).turns[1].parts == (Result("a", shown),)


def test_a_custom_call_has_its_text_as_it_is() -> None:
    patch = {"type": "custom_tool_call", "call_id": "p", "name": "apply_patch", "input": '*** "Begin'}
    done = {"type": "custom_tool_call_output", "call_id": "p", "output": "ok"}
    request = asked([patch, done], tools=[PATCH])
    assert request.turns[0].parts == (Call("p", "apply_patch", '*** "Begin', custom=True),)
    assert request.turns[1].parts == (Result("p", (Text("ok"),)),)


@pytest.mark.parametrize(
    "thinking",
    [Thinking("hm é", "c2ln"), Thinking("", "c2ln"), Thinking(redacted="AAAA"), Thinking("unsigned")],
)
def test_thinking_that_was_sealed_comes_back(thinking: Thinking) -> None:
    assert unseal(seal(thinking)) == thinking
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": seal(thinking)}
    request = asked([item, said("so")])
    assert request.turns == (Turn("assistant", (thinking, Text("so"))),)


@given(st.text(), st.text())
def test_anything_sealed_is_ascii_and_comes_back(text: str, signature: str) -> None:
    sealed = seal(Thinking(text, signature))
    assert sealed.isascii()
    assert unseal(sealed) == Thinking(text, signature)


@given(
    st.one_of(
        st.text(),
        st.text().map(lambda text: seal(Thinking()) + text),
        st.text().map("ccflared.thinking.1.".__add__),
    )
)
def test_what_was_not_sealed_is_never_unsealed_by_force(text: str) -> None:
    thinking = unseal(text)
    assert thinking is None or isinstance(thinking, Thinking)


def test_thinking_of_others_comes_without_a_signature_and_nothing_of_it_is_kept_where_nothing_can_be_read() -> (
    None
):
    summary = [{"type": "summary_text", "text": "First"}, {"type": "summary_text", "text": "Second"}]
    others = {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "gAAAAAB"}
    assert asked([others, said("so")]).turns[0].parts == (Thinking("First\n\nSecond"), Text("so"))
    assert asked([{**others, "summary": []}, said("so")]).turns[0].parts == (Text("so"),)


def test_calls_of_the_local_shell_are_told_in_words() -> None:
    action = {"type": "exec", "command": ["ls"], "env": {}}
    shell = {
        "type": "local_shell_call",
        "id": "ls_1",
        "call_id": "c",
        "action": action,
        "status": "completed",
    }
    done = {"type": "local_shell_call_output", "id": "c", "output": "a.txt"}
    request = asked([shell, done])
    assert request.turns == (
        Turn("assistant", (Text('[local_shell_call: {"type":"exec","command":["ls"],"env":{}}]'),)),
        Turn("user", (Text("[local_shell_call_output: a.txt]"),)),
    )


@pytest.mark.parametrize("kind", ["web_search_call", "compaction", "file_search_call", "of_the_future"])
def test_an_item_that_nobody_else_has_is_left_out_and_said_to_be(kind: str) -> None:
    request = asked([{"role": "user", "content": "hi"}, {"type": kind, "id": "x_1"}])
    assert request.turns == (Turn("user", (Text("hi"),)),)
    assert request.left_out == (f"item {kind}",)


def test_tools_are_read_and_those_of_a_namespace_have_both_names() -> None:
    request = asked(tools=[SHELL, PATCH, SERVER])
    assert request.tools == (
        Tool("shell", "Run", SCHEMA, strict=False),
        Tool("apply_patch", "Change files", FREE_TEXT, custom=True, grammar="start: /.+/"),
        Tool("mcp__files__read", None, SCHEMA, namespace=("mcp__files", "read")),
        Tool("mcp__files__write", None, FREE_TEXT, custom=True, namespace=("mcp__files", "write")),
    )


def test_names_of_tools_are_unlike_each_other() -> None:
    flat = {**SHELL, "name": "mcp__files__read"}
    names = [tool.name for tool in asked(tools=[flat, SERVER, {**SERVER, "name": "mcp__files__"}]).tools]
    assert len(set(names)) == len(names) == 5


def test_a_call_of_a_namespace_has_the_name_of_its_tool() -> None:
    flat = {**SHELL, "name": "mcp__files__read"}
    request = asked([call("a", "read", namespace="mcp__files"), output("a")], tools=[flat, SERVER])
    (part,) = request.turns[0].parts
    assert isinstance(part, Call)
    assert part.name == request.tools[1].name != "mcp__files__read"


def test_tools_that_were_found_on_the_way_are_tools() -> None:
    items = [
        {"role": "user", "content": "hi"},
        {"type": "additional_tools", "role": "developer", "tools": [SERVER]},
        {"type": "tool_search_output", "call_id": "t", "tools": [PATCH]},
    ]
    request = asked(items, tools=[SHELL, PATCH])
    names = ["shell", "apply_patch", "mcp__files__read", "mcp__files__write"]
    assert [tool.name for tool in request.tools] == names


@pytest.mark.parametrize("kind", ["web_search", "local_shell", "image_generation", "mcp", "tool_search"])
def test_tools_that_openai_has_built_in_are_left_out_and_said_to_be(kind: str) -> None:
    request = asked(tools=[SHELL, {"type": kind}])
    assert [tool.name for tool in request.tools] == ["shell"]
    assert request.left_out == (f"tool {kind}",)


@pytest.mark.parametrize(
    ("given_choice", "choice"),
    [
        ("auto", Choice("auto")),
        ("none", Choice("none")),
        ("required", Choice("any")),
        (None, None),
        ({"type": "function", "name": "shell"}, Choice("tool", "shell")),
        ({"type": "custom", "name": "apply_patch"}, Choice("tool", "apply_patch")),
        ({"type": "function", "name": "read", "namespace": "mcp__files"}, Choice("tool", "mcp__files__read")),
        ({"type": "function", "name": "read"}, Choice("tool", "mcp__files__read")),
        ({"type": "web_search_preview"}, None),
    ],
)
def test_the_choice_of_tools_is_read(given_choice: Any, choice: Choice | None) -> None:
    assert asked(tools=[SHELL, PATCH, SERVER], tool_choice=given_choice).choice == choice


def test_tools_that_are_not_allowed_are_not_there() -> None:
    allowed = [{"type": "custom", "name": "apply_patch"}, {"type": "function", "name": "read"}]
    tool_choice = {"type": "allowed_tools", "mode": "required", "tools": allowed}
    request = asked(tools=[SHELL, PATCH, SERVER], tool_choice=tool_choice)
    assert [tool.name for tool in request.tools] == ["apply_patch", "mcp__files__read"]
    assert request.choice == Choice("any")


@pytest.mark.parametrize(
    ("members", "field", "value"),
    [
        ({"max_output_tokens": 10}, "max_tokens", 10),
        ({"temperature": 0.5}, "temperature", 0.5),
        ({"top_p": 0.5}, "top_p", 0.5),
        ({"stream": True}, "stream", True),
        ({"stream": True}, "usage_wanted", True),
        ({"parallel_tool_calls": False}, "parallel", False),
        ({"reasoning": {"effort": "xhigh", "summary": "auto"}}, "effort", "xhigh"),
        ({"reasoning": None}, "effort", None),
        ({"text": {"verbosity": "low"}}, "format", None),
        ({"text": {"format": {"type": "text"}}}, "format", None),
        ({"text": {"format": {"type": "json_object"}}}, "format", Format()),
        (
            {"text": {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA, "strict": True}}},
            "format",
            Format(SCHEMA, "x", strict=True),
        ),
        ({"prompt_cache_key": "k"}, "cache_key", "k"),
        ({"safety_identifier": "s", "user": "u"}, "user", "s"),
        ({"store": True, "include": ["reasoning.encrypted_content"], "new": 1}, "model", "gpt-5"),
    ],
)
def test_a_field_is_read(members: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(asked(**members), field) == value


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id: the daemon keeps no conversations"),
        ({"conversation": "conv_1"}, "conversation: the daemon keeps no conversations"),
        ({"prompt": {"id": "p"}}, "prompt: prompts that OpenAI keeps"),
        ({"background": True}, "background: "),
        ({"input": None}, "input: a text or a list"),
        ({"input": 3}, "input: must be an array"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input.0.type: the daemon keeps no items"),
        ({"input": [{"id": "x"}]}, "input.0.type: the daemon keeps no items"),
        ({"input": [{"role": "judge", "content": "x"}]}, "input.0.role: one of system"),
        ({"input": [{"type": "function_call", "call_id": "c"}]}, "input.0.name: "),
        ({"model": None}, "model: "),
        ({"tool_choice": "maybe"}, "tool_choice: auto, none"),
        ({"tool_choice": {"type": "function"}}, "tool_choice: auto, none"),
        ({"reasoning": {"effort": "some"}}, "reasoning.effort: one of"),
        ({"tools": [{"type": "custom"}]}, "tools.0.name: "),
    ],
)
def test_a_mistake_is_named_by_its_field(members: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError) as error:
        read(json.dumps({"model": "gpt-5", "input": "hi", **members}).encode())
    assert str(error.value).startswith(words)
    assert error.value.status == 400


def test_the_answer_can_repeat_what_was_asked_for() -> None:
    given_fields = {
        "instructions": "Be brief.",
        "tools": [SHELL, SERVER, {"type": "web_search"}],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "max_output_tokens": 10,
        "metadata": {"a": "b"},
        "reasoning": {"effort": "low"},
        "truncation": "auto",
        "user": "u",
    }
    echo = asked(**given_fields, store=True, stream=True).echo
    assert echo.items() >= given_fields.items()
    assert echo["store"] is False
    assert echo["previous_response_id"] is None
    assert not echo.keys() & {"input", "model", "stream"}


@pytest.mark.parametrize("value", [7, "odd", ["a"], {"a": 1}])
@pytest.mark.parametrize("name", ["metadata", "truncation", "service_tier", "max_tool_calls", "top_logprobs"])
def test_what_no_answer_may_have_is_not_repeated(name: str, value: object) -> None:
    if not (name in ("max_tool_calls", "top_logprobs") and value == 7):
        assert asked(**{name: value}).echo.get(name) == asked().echo.get(name)


def test_what_was_not_asked_for_is_repeated_as_openai_has_it() -> None:
    echo = asked().echo
    assert (echo["tools"], echo["tool_choice"], echo["parallel_tool_calls"]) == ([], "auto", True)
    assert (echo["instructions"], echo["metadata"], echo["truncation"]) == (None, {}, "disabled")


CODEX: dict[str, Any] = {
    "model": "gpt-5.5-codex",
    "input": [
        {"type": "message", "id": "i1", "role": "developer", "content": [{"type": "input_text", "text": "Sandbox."}]},
        {"type": "message", "id": "i2", "role": "user", "content": [{"type": "input_text", "text": "<env/>"}]},
        {"type": "message", "id": "i3", "role": "user", "content": [{"type": "input_text", "text": "Fix it."}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": seal(Thinking("hm", "c2ln"))},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "shell", "arguments": '{"path":"a"}'},
        {"type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "read", "namespace": "mcp__files", "arguments": ""},
        said("Looking."),
        {"type": "function_call_output", "id": "fo_1", "call_id": "call_1", "output": "ok"},
        {"type": "function_call_output", "id": "fo_2", "call_id": "call_2", "output": [{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]},
        {"type": "custom_tool_call", "id": "ct_1", "call_id": "call_3", "name": "apply_patch", "input": "*** Begin"},
        {"type": "custom_tool_call_output", "id": "co_1", "call_id": "call_3", "output": "Done"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}},
    ],
    "tools": [SHELL, PATCH, SERVER, {"type": "web_search", "external_web_access": False}],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"effort": "medium", "summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "0198",
    "client_metadata": {"x": "y"},
}  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_a_request_of_codex_is_taken_by_every_model(model: str) -> None:
    written = write(read(json.dumps(CODEX).encode()), model, Quirks())
    request = accepted(written.body)
    assert [message["role"] for message in request["messages"]] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    kinds = [[block["type"] for block in message["content"]] for message in request["messages"]]
    assert kinds == [
        ["text", "text"],
        ["thinking", "text", "tool_use", "tool_use"],
        ["tool_result", "tool_result"],
        ["tool_use"],
        ["tool_result"],
    ]
    assert request["messages"][3]["content"][0]["input"] == {"input": "*** Begin"}
    assert request["stream"] is True
    assert written.dropped[:2] == ("tool web_search", "item web_search_call")


def served_or_refused(document: Any, model: str) -> None:
    try:
        written = write(read(json.dumps(document).encode()), model, Quirks())
    except ClientError as error:
        assert error.status == 400  # noqa: PT017 - either of both is right
        return
    accepted(written.body)


@given(mutants([CODEX]), st.sampled_from(sorted(MODELS)))
@settings(max_examples=250, deadline=None)
def test_a_request_in_which_something_went_wrong_is_served_or_refused(document: Any, model: str) -> None:
    served_or_refused(document, model)


@given(JSON, st.sampled_from(sorted(MODELS)))
@settings(deadline=None)
def test_any_json_is_served_or_refused(document: Any, model: str) -> None:
    served_or_refused(document, model)


TYPED = st.fixed_dictionaries(
    {
        "base": st.from_type(ResponseCreateParamsNonStreaming),
        "input": st.lists(st.from_type(ResponseInputItemParam), max_size=5),  # type: ignore[arg-type]
        "tools": st.lists(st.from_type(ToolParam), max_size=3),  # type: ignore[arg-type]
    }
)


# What the SDK calls an object is anything at all, and takes pages to describe.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@given(TYPED, st.sampled_from(sorted(MODELS)))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_the_sdk_can_send_is_served_or_refused(drawn: dict[str, Any], model: str) -> None:
    kept = dict.fromkeys(("previous_response_id", "conversation", "prompt", "background"))
    usual = {"model": "gpt-5", "temperature": 1, "max_output_tokens": 9000, **kept}
    document = plain(drawn["base"]) | usual | {name: plain(drawn[name]) for name in ("input", "tools")}
    served_or_refused(document, model)
