"""Requests of Chat Completions: everything that a client can say is read, and nothing is lost without a word."""

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants import JSON, mutants, plain
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from strict_messages import MODELS, accepted

from ccflared.config.quirks import Quirks
from ccflared.errors import ClientError
from ccflared.formats.chat.read_request import read
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

PDF = base64.b64encode(b"%PDF-1.4").decode()
HI: dict[str, Any] = {"role": "user", "content": "hi"}
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "How it is",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "strict": True,
    },
}
PATCH: dict[str, Any] = {
    "type": "custom",
    "custom": {
        "name": "patch",
        "description": "Change files",
        "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /.+/"}},
    },
}


def asked(*messages: dict[str, Any], **members: Any) -> Request:
    return read(json.dumps({"model": "gpt-5", "messages": list(messages) or [HI], **members}).encode())


def parts(*messages: dict[str, Any]) -> tuple[Part, ...]:
    return asked(*messages).turns[-1].parts


def refused(*messages: dict[str, Any], **members: Any) -> str:
    with pytest.raises(ClientError) as error:
        asked(*messages, **members)
    assert (error.value.status, error.value.kind) == (400, "invalid_request_error")
    return str(error.value)


def test_each_message_is_a_turn_in_the_order_of_the_client() -> None:
    request = asked(
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "No jokes."}]},
        HI,
        {"role": "assistant", "content": "hello"},
    )
    assert request.model == "gpt-5"
    assert request.turns == (
        Turn("system", (Text("Be brief."),)),
        Turn("system", (Text("No jokes."),)),
        Turn("user", (Text("hi"),)),
        Turn("assistant", (Text("hello"),)),
    )


@pytest.mark.parametrize(
    ("part", "read_as"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        ({"type": "refusal", "refusal": "No."}, Text("No.")),
        (
            {"type": "image_url", "image_url": {"url": "data:image/PNG;base64,AAAA", "detail": "low"}},
            Image(data="AAAA", media_type="image/png", detail="low"),
        ),
        ({"type": "image_url", "image_url": {"url": "https://x/a.png"}}, Image(url="https://x/a.png")),
        ({"type": "image_url", "image_url": "https://x/a.png"}, Image(url="https://x/a.png")),
        (
            {
                "type": "file",
                "file": {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "a.pdf"},
            },
            Document(data=PDF, media_type="application/pdf", title="a.pdf"),
        ),
        (
            {"type": "file", "file": {"file_data": PDF}},
            Document(data=PDF, media_type="application/pdf"),
        ),
        (
            {
                "type": "file",
                "file": {"file_data": "data:text/plain;charset=utf-8;base64,aMOp", "filename": "a"},
            },
            Document(text="hé", title="a"),
        ),
        (
            {"type": "file", "file": {"file_data": "aMOp", "filename": "a.txt"}},
            Document(text="hé", title="a.txt"),
        ),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
            Text("a", cache="5m"),
        ),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            Text("a", cache="1h"),
        ),
        (
            {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
            Text("a", cache="1h"),
        ),
    ],
)
def test_a_part_of_a_message_is_read(part: dict[str, Any], read_as: Part) -> None:
    assert parts({"role": "user", "content": [part]}) == (read_as,)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}, "input_audio: sound"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "file_id: only data"),
        ({"type": "file"}, "file: an object"),
        ({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}, "image_url: a URL must"),
        ({"type": "image_url", "image_url": {"url": "data:image/png,AA"}}, "image_url: a data: URL must"),
        ({"type": "image_url"}, "image_url"),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,A"}}, "file_data: not valid base64"),
        ({"type": "video_url", "video_url": {"url": "https://x"}}, "type: one of text"),
        ({"type": "text", "text": 3}, "text: must be a string"),
    ],
)
def test_a_part_that_cannot_be_said_is_named(part: dict[str, Any], words: str) -> None:
    message = refused({"role": "user", "content": [part]})
    assert message.startswith("messages.0.content.0.")
    assert words in message


def test_calls_stand_in_the_turn_of_the_text_and_the_thoughts_before_them() -> None:
    assert parts(
        {
            "role": "assistant",
            "content": "Let me see.",
            "reasoning_content": "hm",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"Bonn"}'},
                },
                {"id": "c2", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}},
                {
                    "id": "c3",
                    "type": "function",
                    "function": {"name": "weather", "arguments": {"city": "Köln"}},
                },
                {"type": "function", "function": {"name": "weather", "arguments": ""}},
            ],
        }
    ) == (
        Thinking("hm"),
        Text("Let me see."),
        Call("c1", "weather", '{"city":"Bonn"}'),
        Call("c2", "patch", "*** Begin", custom=True),
        Call("c3", "weather", '{"city":"Köln"}'),
        Call("call_4", "weather", ""),
    )


def test_a_refusal_is_text() -> None:
    assert parts({"role": "assistant", "content": None, "refusal": "No."}) == (Text("No."),)
    content = [{"type": "refusal", "refusal": "No."}]
    assert parts({"role": "assistant", "content": content}) == (Text("No."),)


def test_thoughts_may_be_called_reasoning() -> None:
    assert parts({"role": "assistant", "content": "a", "reasoning": "hm"}) == (Thinking("hm"), Text("a"))


def test_a_result_has_the_id_of_its_call_and_may_have_parts() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    content = [{"type": "text", "text": "21°"}, picture]
    shown = (Text("21°"), Image(data="AAAA", media_type="image/png"))
    assert parts({"role": "tool", "tool_call_id": "c1", "content": content}) == (Result("c1", shown),)
    assert parts({"role": "tool", "tool_call_id": "c1", "content": "21°"}) == (Result("c1", (Text("21°"),)),)


def test_calls_of_the_older_form_find_their_results_by_name() -> None:
    request = asked(
        HI,
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "21°"},
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "function", "name": "weather", "content": "22°"},
    )
    assert [turn.parts[0] for turn in request.turns[1:]] == [
        Call("call_1", "weather", "{}"),
        Result("call_1", (Text("21°"),)),
        Call("call_2", "weather", "{}"),
        Result("call_2", (Text("22°"),)),
    ]


def test_a_cache_mark_of_a_message_is_one_of_its_last_part() -> None:
    marked = {"role": "user", "content": "hi", "cache_control": {"type": "ephemeral"}}
    assert parts(marked) == (Text("hi", cache="5m"),)


def test_tools_are_read() -> None:
    bare = {"type": "function", "function": {"name": "now"}, "cache_control": {"type": "ephemeral"}}
    request = asked(tools=[WEATHER, PATCH, bare])
    assert request.tools == (
        Tool("weather", "How it is", WEATHER["function"]["parameters"], strict=True),
        Tool("patch", "Change files", FREE_TEXT, custom=True, grammar="start: /.+/"),
        Tool("now", None, {"type": "object", "properties": {}}, cache="5m"),
    )


def test_functions_of_the_older_form_are_tools() -> None:
    request = asked(functions=[WEATHER["function"]], function_call={"name": "weather"})
    assert request.tools[0].name == "weather"
    assert request.choice == Choice("tool", "weather")


def test_tools_that_openai_runs_itself_are_left_out_and_said_to_be() -> None:
    request = asked(tools=[WEATHER, {"type": "web_search"}], web_search_options={"user_location": None})
    assert [tool.name for tool in request.tools] == ["weather"]
    assert request.left_out == ("web_search_options", "tool web_search")


@pytest.mark.parametrize(
    ("given_choice", "choice"),
    [
        ("auto", Choice("auto")),
        ("none", Choice("none")),
        ("required", Choice("any")),
        (None, None),
        ({"type": "function", "function": {"name": "weather"}}, Choice("tool", "weather")),
        ({"type": "custom", "custom": {"name": "patch"}}, Choice("tool", "patch")),
        ({"type": "function", "name": "weather"}, Choice("tool", "weather")),
        ({"type": "required"}, Choice("any")),
    ],
)
def test_the_choice_of_tools_is_read(given_choice: Any, choice: Choice | None) -> None:
    assert asked(tools=[WEATHER, PATCH], tool_choice=given_choice).choice == choice


@pytest.mark.parametrize(("mode", "choice"), [("auto", Choice("auto")), ("required", Choice("any"))])
def test_tools_that_are_not_allowed_are_not_there(mode: str, choice: Choice) -> None:
    allowed = [{"type": "custom", "custom": {"name": "patch"}}, {"type": "web_search"}]
    tool_choice = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}
    request = asked(tools=[WEATHER, PATCH], tool_choice=tool_choice)
    assert [tool.name for tool in request.tools] == ["patch"]
    assert request.choice == choice


@pytest.mark.parametrize(
    ("members", "field", "value"),
    [
        ({"max_tokens": 10}, "max_tokens", 10),
        ({"max_tokens": 10, "max_completion_tokens": 20}, "max_tokens", 20),
        ({"temperature": 0}, "temperature", 0),
        ({"temperature": 1.7}, "temperature", 1.7),
        ({"top_p": 0.5}, "top_p", 0.5),
        ({"top_k": 40}, "top_k", 40),
        ({"stop": "END"}, "stop", ("END",)),
        ({"stop": ["A", "B"]}, "stop", ("A", "B")),
        ({"stop": None}, "stop", ()),
        ({"parallel_tool_calls": False}, "parallel", False),
        ({"stream": True}, "stream", True),
        ({"stream": True}, "usage_wanted", False),
        ({"stream": True, "stream_options": {"include_usage": True}}, "usage_wanted", True),
        ({"reasoning_effort": "minimal"}, "effort", "minimal"),
        ({"reasoning": {"effort": "high"}}, "effort", "high"),
        ({"reasoning": {"max_tokens": 4000}}, "budget", 4000),
        ({"reasoning": {"enabled": False}}, "thinks", False),
        ({"response_format": {"type": "text"}}, "format", None),
        ({"response_format": {"type": "json_object"}}, "format", Format()),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True, "description": "d"}}},
            "format",
            Format({"type": "object"}, "x", strict=True, description="d"),
        ),
        ({"user": "u"}, "user", "u"),
        ({"user": "u", "safety_identifier": "s"}, "user", "s"),
        ({"prompt_cache_key": "k"}, "cache_key", "k"),
        ({"n": 1}, "model", "gpt-5"),
        ({"n": None, "seed": 1, "logit_bias": {}, "logprobs": True, "store": True, "new": [1]}, "model", "gpt-5"),
    ],
)  # fmt: skip
def test_a_field_is_read(members: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(asked(**members), field) == value


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"n": 2}, "n: only one answer"),
        ({"modalities": ["text", "audio"]}, "modalities: "),
        ({"messages": []}, "messages: at least one"),
        ({"messages": [HI, "hi"]}, "messages.1: must be an object"),
        ({"messages": [{"role": "judge", "content": "x"}]}, "messages.0.role: one of system"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id"),
        ({"model": ""}, "model: "),
        ({"max_tokens": 0}, "max_tokens: "),
        ({"max_tokens": True}, "max_tokens: "),
        ({"temperature": "hot"}, "temperature: "),
        ({"stop": [1]}, "stop: a text or a list"),
        ({"reasoning_effort": "some"}, "reasoning_effort: one of none, minimal"),
        ({"response_format": {"type": "xml"}}, "response_format.type: one of text"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema: an object"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools.0.function.name"),
        ({"tools": [WEATHER], "tool_choice": "maybe"}, "tool_choice: auto, none"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]},
            "messages.0.tool_calls.0.function: an object",
        ),
        (
            {"messages": [{"role": "system", "content": [{"type": "image_url"}]}]},
            "messages.0.content.0.type: only text",
        ),
        ({"tools": [WEATHER], "tool_choice": {"type": "function"}}, "tool_choice: auto, none"),
    ],
)
def test_a_mistake_is_named_by_its_field(members: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=f"^{words}".replace(".", r"\.")) as error:
        read(json.dumps({"model": "gpt-5", "messages": [HI], **members}).encode())
    assert error.value.status == 400


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'"x"', b"[" * 100_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ClientError) as error:
        read(body)
    assert error.value.status == 400


REAL: list[dict[str, Any]] = [
    {
        "model": "gpt-5",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}},
                ],
            },
            {
                "role": "assistant",
                "content": "",
                "reasoning_content": "hm",
                "tool_calls": [
                    {"id": "functions.weather:0", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
                    {"id": "functions.weather:1", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
                    {"id": "c3", "type": "custom", "custom": {"name": "patch", "input": "x"}},
                ],
            },
            {"role": "tool", "tool_call_id": "functions.weather:0", "content": "21°"},
            {"role": "tool", "tool_call_id": "functions.weather:1", "content": [{"type": "text", "text": "22°"}]},
            {"role": "tool", "tool_call_id": "c3", "content": ""},
            {"role": "user", "content": "And now?"},
        ],
        "tools": [WEATHER, PATCH],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "temperature": 1.2,
        "max_completion_tokens": 5000,
        "reasoning_effort": "high",
        "stop": ["END", " "],
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    {
        "model": "gpt-4o",
        "messages": [
            {"role": "assistant", "content": "Hello!"},
            {"role": "user", "content": "hi"},
            {"role": "system", "content": "Now be kind."},
            {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{"}},
            {"role": "function", "name": "weather", "content": "21°"},
            {"role": "assistant", "content": "It is warm. "},
        ],
        "functions": [WEATHER["function"]],
        "function_call": "auto",
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "integer", "minimum": 1}}}}},
        "top_p": 0.5,
        "user": "somebody@example.com",
    },
]  # fmt: skip


def served_or_refused(document: Any, model: str) -> None:
    try:
        written = write(read(json.dumps(document).encode()), model, Quirks())
    except ClientError as error:
        assert error.status == 400  # noqa: PT017 - either of both is right
        return
    accepted(written.body)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("document", REAL, ids=["new", "old"])
def test_a_real_request_is_taken_by_every_model(document: dict[str, Any], model: str) -> None:
    request = accepted(write(read(json.dumps(document).encode()), model, Quirks()).body)
    assert request["model"] == model


@given(mutants(REAL), st.sampled_from(sorted(MODELS)))
@settings(max_examples=250, deadline=None)
def test_a_request_in_which_something_went_wrong_is_served_or_refused(document: Any, model: str) -> None:
    served_or_refused(document, model)


@given(JSON, st.sampled_from(sorted(MODELS)))
@settings(deadline=None)
def test_any_json_is_served_or_refused(document: Any, model: str) -> None:
    served_or_refused(document, model)


TYPED = st.fixed_dictionaries(
    {
        "base": st.from_type(CompletionCreateParamsNonStreaming),
        "messages": st.lists(st.from_type(ChatCompletionMessageParam), min_size=1, max_size=5),  # type: ignore[arg-type]
        "tools": st.lists(st.from_type(ChatCompletionToolUnionParam), max_size=3),  # type: ignore[arg-type]
    }
)


# What the SDK calls an object is anything at all, and takes pages to describe.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@given(TYPED, st.sampled_from(sorted(MODELS)))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_the_sdk_can_send_is_served_or_refused(drawn: dict[str, Any], model: str) -> None:
    usual = {"model": "gpt-5", "n": 1, "modalities": ["text"], "temperature": 1, "reasoning_effort": "low"}
    document = plain(drawn["base"]) | usual | {name: plain(drawn[name]) for name in ("messages", "tools")}
    served_or_refused(document, model)
