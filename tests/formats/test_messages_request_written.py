"""Requests that are written for Anthropic: the checker takes each of them, and each says what was asked for."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from strict_messages import MODELS, accepted, marks

from ccflared.config.quirks import Quirks
from ccflared.errors import ClientError
from ccflared.formats.messages.models import traits_of
from ccflared.formats.messages.write_request import write
from ccflared.formats.openai_parts import FREE_TEXT
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
    Role,
    Text,
    Thinking,
    Tool,
    Turn,
)

SONNET = "claude-sonnet-4-5"
OLD = "claude-opus-4-1-20250805"
OPUS = "claude-opus-5-5"
NEWEST = [OPUS, "claude-sonnet-5-5", "claude-fable-5-1"]
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
READ = Tool("read", "Reads a file", SCHEMA)
HI = Turn("user", (Text("hi"),))


def user(*parts: Part | str) -> Turn:
    return turn("user", *parts)


def assistant(*parts: Part | str) -> Turn:
    return turn("assistant", *parts)


def turn(role: Role, *parts: Part | str) -> Turn:
    return Turn(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def sent(*turns: Turn, model: str = SONNET, quirks: Quirks | None = None, **fields: Any) -> dict[str, Any]:
    """Return what the API receives, which it must accept."""
    request = Request(model="theirs", turns=turns or (HI,), **fields)
    return accepted(write(request, model, quirks or Quirks()).body)


def dropped(*turns: Turn, model: str = SONNET, **fields: Any) -> tuple[str, ...]:
    return write(Request(model="theirs", turns=turns or (HI,), **fields), model, Quirks()).dropped


def spoken(request: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return the texts of the messages, and the kinds of blocks that are no text."""
    return [
        (message["role"], [block.get("text", f"<{block['type']}>") for block in message["content"]])
        for message in request["messages"]
    ]


# The system prompt and the order of turns.


def test_what_the_system_says_first_is_the_system_prompt_in_order() -> None:
    request = sent(turn("system", "two"), turn("system", "three"), HI, system=(Text("one"), Text(" ")))
    assert [block["text"] for block in request["system"]] == ["one", "two", "three"]
    assert spoken(request) == [("user", ["hi"])]


def test_what_the_system_says_later_stays_at_its_place_and_is_marked() -> None:
    request = sent(HI, assistant("hello"), turn("system", "Be kind."), user("how are you?"))
    assert "system" not in request
    assert spoken(request)[2] == ("user", ["<system>\nBe kind.\n</system>", "how are you?"])


def test_what_the_system_says_between_a_call_and_its_result_comes_behind_the_result() -> None:
    request = sent(
        HI, assistant(Call("a", "read", "{}")), turn("system", "Be kind."), user(Result("a", (Text("x"),)))
    )
    assert spoken(request)[2] == ("user", ["<tool_result>", "<system>\nBe kind.\n</system>"])


def test_where_nobody_else_speaks_the_system_is_the_user() -> None:
    assert spoken(sent(turn("system", "Tell a joke."))) == [("user", ["Tell a joke."])]


def test_a_picture_of_the_system_is_shown_in_a_user_turn() -> None:
    request = sent(turn("system", "See:", Image(url="https://x/a.png")))
    assert spoken(request) == [("user", ["<system>\nSee:\n</system>", "<image>"])]


def test_a_conversation_that_says_nothing_is_refused() -> None:
    with pytest.raises(ClientError) as error:
        write(Request("m", (user(" "), assistant(""))), SONNET, Quirks())
    assert error.value.status == 400


def test_a_conversation_that_the_assistant_begins_is_begun_by_the_user() -> None:
    request = sent(assistant("Hello!"), HI)
    assert [role for role, _ in spoken(request)] == ["user", "assistant", "user"]


def test_turns_of_one_role_are_one_message() -> None:
    request = sent(user("a"), user("b"), assistant("c"), assistant("d"), user("e"))
    assert spoken(request) == [("user", ["a", "b"]), ("assistant", ["c", "d"]), ("user", ["e"])]


@pytest.mark.parametrize("blank", ["", " ", "\n\t"])
def test_blank_texts_are_not_sent_and_nothing_is_put_in_their_place(blank: str) -> None:
    request = sent(HI, assistant(blank, Call("a", "read", "{}")), user(Result("a", (Text(blank),)), blank))
    assert spoken(request)[1:] == [("assistant", ["<tool_use>"]), ("user", ["<tool_result>"])]
    assert "content" not in request["messages"][2]["content"][0]


@pytest.mark.parametrize(("model", "stays"), [(SONNET, True), ("claude-opus-4-6", False), (OPUS, False)])
def test_the_last_turn_may_be_the_assistants_only_where_the_model_goes_on_with_it(
    model: str, stays: bool
) -> None:
    request = sent(HI, assistant("Once upon a time \n"), model=model)
    last = ("assistant", ["Once upon a time"]) if stays else ("user", ["Go on."])
    assert spoken(request)[-1] == last


def test_nothing_is_put_into_the_mouth_of_a_model_that_is_to_think_or_held_to_a_schema() -> None:
    assert spoken(sent(HI, assistant("Once"), effort="low"))[-1] == ("user", ["Go on."])
    assert spoken(sent(HI, assistant("Once"), format=Format(SCHEMA)))[-1] == ("user", ["Go on."])


# Calls and results.


def test_results_come_first_in_the_message_directly_behind_their_calls() -> None:
    request = sent(
        HI,
        assistant("See:", Call("a", "read", '{"path":"x"}'), Call("b", "read", "")),
        user("by the way", Result("b", (Text("2"),)), Result("a", (Text("1"),))),
    )
    assert spoken(request)[1:] == [
        ("assistant", ["See:", "<tool_use>", "<tool_use>"]),
        ("user", ["<tool_result>", "<tool_result>", "by the way"]),
    ]
    calls, results = request["messages"][1]["content"][1:], request["messages"][2]["content"][:2]
    assert [block["input"] for block in calls] == [{"path": "x"}, {}]
    assert [block["tool_use_id"] for block in results] == [block["id"] for block in calls]


def test_a_call_that_was_never_answered_has_a_result_that_says_so() -> None:
    request = sent(HI, assistant(Call("a", "read", "{}")), user("never mind"))
    stub, text = request["messages"][2]["content"]
    assert stub["is_error"] is True
    assert stub["content"][0]["text"].startswith("No result")
    assert text["text"] == "never mind"


def test_a_result_of_nothing_is_told_in_words() -> None:
    request = sent(user(Result("zz", (Text("42"), Text(""))), "hi"))
    assert spoken(request) == [("user", ["[Result of an earlier tool call, zz]", "42", "hi"])]


@pytest.mark.parametrize("parts", [(), (Text(""),), (Text(" \n"), Text("\t"))])
def test_a_result_of_nothing_that_says_nothing_is_told_without_a_blank_text(parts: tuple[Text, ...]) -> None:
    request = sent(user(Result("zz", parts), "hi"))
    assert spoken(request) == [("user", ["[Result of an earlier tool call, zz]", "hi"])]


def test_ids_are_made_of_letters_the_same_on_both_sides_and_unlike_each_other() -> None:
    ids = ["functions.read:0", "functions_read_0", "functions read 0", "", "é", "é"]
    calls = assistant(*(Call(call_id, "read", "{}") for call_id in ids))
    results = user(*(Result(call_id, (Text(str(number)),)) for number, call_id in enumerate(ids)))
    request = sent(HI, calls, results)
    written = [block["id"] for block in request["messages"][1]["content"]]
    assert written == ["functions_read_0", "functions_read_0_2", "functions_read_0_3", "_", "__2", "__2_2"]
    answered = {
        block["tool_use_id"]: block["content"][0]["text"] for block in request["messages"][2]["content"]
    }
    assert [answered[call_id] for call_id in written] == ["0", "1", "2", "3", "4", "5"]


def test_ids_stay_the_same_when_the_conversation_goes_on() -> None:
    turns = [HI, assistant(Call("x.y", "read", "{}")), user(Result("x.y", (Text("1"),)))]
    longer = [*turns, assistant(Call("x.y", "read", "{}")), user(Result("x.y", (Text("2"),)))]
    assert sent(*longer)["messages"][1] == sent(*turns)["messages"][1]


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ('{"id":12345678901234567890}', {"id": 12345678901234567890}),
        ("", {}),
        ("  ", {}),
        ("[1]", {"arguments": [1]}),
        ("{broken", {"arguments": "{broken"}),
        ("null", {"arguments": None}),
        ('{"cache_control":{"type":"x"},"a":NaN}', {"arguments": '{"cache_control":{"type":"x"},"a":NaN}'}),
    ],
)
def test_arguments_are_an_object_and_lose_nothing(arguments: str, written: dict[str, Any]) -> None:
    request = sent(HI, assistant(Call("a", "read", arguments)), user(Result("a", ())))
    assert request["messages"][1]["content"][0]["input"] == written


def test_the_text_of_a_custom_call_is_the_one_argument() -> None:
    request = sent(HI, assistant(Call("a", "patch", '{"x', custom=True)), user(Result("a", ())))
    assert request["messages"][1]["content"][0]["input"] == {"input": '{"x'}


def test_pictures_in_results_stay_there() -> None:
    shown = Result("a", (Text("see"), Image(data="AAAA", media_type="image/jpg")))
    content = sent(HI, assistant(Call("a", "read", "{}")), user(shown))["messages"][2]["content"][0][
        "content"
    ]
    assert content[1]["source"] == {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}


def test_an_error_is_one_only_where_it_is_all_text() -> None:
    bad = Result("a", (Text("no"),), error=True)
    for result, error in (
        (bad, True),
        (replace(bad, parts=()), None),
        (replace(bad, parts=(Image(url="https://x/a.png"),)), None),
    ):
        block = sent(HI, assistant(Call("a", "read", "{}")), user(result))["messages"][2]["content"][0]
        assert block.get("is_error") is error


def test_only_signed_thoughts_are_sent() -> None:
    thoughts = (
        Thinking("signed", "c2ln"),
        Thinking("unsigned"),
        Thinking("", "c2ln"),
        Thinking(redacted="AAAA"),
    )
    content = sent(HI, assistant(*thoughts, "so"), HI)["messages"][1]["content"]
    assert content == [
        {"type": "thinking", "thinking": "signed", "signature": "c2ln"},
        {"type": "thinking", "thinking": "", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "AAAA"},
        {"type": "text", "text": "so"},
    ]


def test_a_turn_of_thoughts_alone_is_not_sent_and_its_neighbours_are_one() -> None:
    for thought in (Thinking("unsigned"), Thinking("signed", "c2ln")):
        assert spoken(sent(user("a"), assistant(thought), user("b"))) == [("user", ["a", "b"])]


# Pictures and documents.


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            Image(data="AAAA", media_type="image/png", detail="low"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        ),
        (
            Image(url="https://x/a.png"),
            {"type": "image", "source": {"type": "url", "url": "https://x/a.png"}},
        ),
        (
            Document(data="AAAA", media_type="application/pdf", title="a.pdf"),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
                "title": "a.pdf",
            },
        ),
        (
            Document(text="hello", context="a letter"),
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "hello"},
                "context": "a letter",
            },
        ),
        (
            Document(url="https://x/a.pdf"),
            {"type": "document", "source": {"type": "url", "url": "https://x/a.pdf"}},
        ),
    ],
)
def test_pictures_and_documents_are_sent(part: Part, block: dict[str, Any]) -> None:
    assert sent(user(part, "see"))["messages"][0]["content"][0] == block


@pytest.mark.parametrize(
    "part",
    [
        Image(data="AAAA", media_type="image/bmp"),
        Document(data="AAAA", media_type="application/msword", title="a.doc"),
        Document(text=" ", title="a.doc"),
    ],
)
def test_what_the_model_cannot_see_is_noted_where_it_stood(part: Part) -> None:
    (words,) = spoken(sent(user(part)))[0][1]
    assert words.startswith("[")
    assert "image/bmp" in words or "a.doc" in words


# Tools.


def test_tools_are_sent_with_their_schemas_as_they_are() -> None:
    schema = {
        "type": "object",
        "properties": {"cache_control": {"type": "string"}, "strict": {"$ref": "#/$defs/x"}},
        "required": ["strict"],
        "additionalProperties": False,
        "$defs": {"x": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
    }
    (tool,) = sent(tools=(Tool("read", "Reads", schema, strict=True, cache="1h"),))["tools"]
    assert tool == {
        "name": "read",
        "description": "Reads",
        "input_schema": schema,
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
    }


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"properties": None},
        {"type": ["object", "null"]},
        {"type": "string"},
        {"type": "object", "required": None},
    ],
)
def test_the_schema_of_a_tool_is_that_of_an_object(parameters: dict[str, Any]) -> None:
    (tool,) = sent(tools=(Tool("read", None, parameters),))["tools"]
    assert tool["input_schema"] == {"type": "object", "properties": {}}


def test_variants_of_a_schema_are_put_together_and_told_in_the_description() -> None:
    one = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    two = {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}
    (tool,) = sent(tools=(Tool("read", "Reads", {"anyOf": [one, two, True]}),))["tools"]
    assert tool["input_schema"]["properties"].keys() == {"a", "b"}
    assert json.loads(tool["description"].partition("JSON Schema:\n")[2]) == {"anyOf": [one, two, True]}


def test_names_are_made_of_letters_unlike_each_other_and_known_again() -> None:
    tools = tuple(Tool(name) for name in ("a.b", "a_b", "a b", "x" * 200, "x" * 201, "read", "read"))
    request = Request("m", (HI,), tools=tools, choice=Choice("tool", "a b"))
    written = write(request, SONNET, Quirks())
    body = accepted(written.body)
    names = [tool["name"] for tool in body["tools"]]
    assert names == ["a_b", "a_b_2", "a_b_3", "x" * 128, "x" * 126 + "_2", "read"]
    assert [written.names.get(name, name) for name in names] == [tool.name for tool in tools[:-1]]
    assert body["tool_choice"] == {"type": "tool", "name": "a_b_3"}


def test_calls_have_the_names_of_their_tools() -> None:
    request = sent(
        HI, assistant(Call("a", "a.b", "{}")), user(Result("a", ())), tools=(Tool("a_b"), Tool("a.b"))
    )
    assert request["messages"][1]["content"][0]["name"] == request["tools"][1]["name"]


def test_a_tool_that_takes_free_text_has_one_text_and_tells_its_grammar() -> None:
    patch = Tool("apply_patch", "Changes files", FREE_TEXT, custom=True, grammar="start: /.+/")
    (tool,) = sent(tools=(patch,))["tools"]
    assert tool["input_schema"]["required"] == ["input"]
    assert tool["input_schema"]["properties"]["input"]["type"] == "string"
    assert tool["description"].startswith("Changes files\n\n")
    assert tool["description"].endswith("start: /.+/")


def test_tools_that_were_called_are_listed_though_the_client_lists_none_any_more() -> None:
    request = sent(HI, assistant(Call("a", "read.it", "{}")), user(Result("a", ())), choice=Choice("auto"))
    assert request["tools"] == [
        {
            "name": "read_it",
            "input_schema": {"type": "object", "properties": {}},
            "cache_control": {"type": "ephemeral"},
        }
    ]
    assert request["tool_choice"] == {"type": "none"}


@pytest.mark.parametrize(
    ("choice", "parallel", "written"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (Choice("auto"), None, {"type": "auto"}),
        (Choice("auto"), False, {"type": "auto", "disable_parallel_tool_use": True}),
        (Choice("any"), None, {"type": "any"}),
        (Choice("any"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (Choice("none"), False, {"type": "none"}),
        (Choice("tool", "read"), None, {"type": "tool", "name": "read"}),
    ],
)
def test_the_choice_of_tools_is_sent(choice: Choice | None, parallel: bool | None, written: Any) -> None:
    assert sent(tools=(READ,), choice=choice, parallel=parallel).get("tool_choice") == written


@pytest.mark.parametrize("model", NEWEST)
def test_models_that_cannot_be_made_to_call_a_tool_are_told_to(model: str) -> None:
    request = sent(tools=(READ,), choice=Choice("tool", "read"), model=model, effort="low")
    assert request["tool_choice"] == {"type": "auto"}
    assert request["system"][0]["text"] == "Do not answer in words: call the tool read."


def test_without_tools_there_is_nothing_to_choose() -> None:
    request = sent(choice=Choice("auto"), parallel=False)
    assert not request.keys() & {"tools", "tool_choice"}
    assert "tool_choice" not in sent(choice=Choice("any"), left_out=("tool web_search",))
    for choice in (Choice("any"), Choice("tool", "read")):
        with pytest.raises(ClientError, match="tool_choice"):
            sent(choice=choice)


def test_a_choice_that_names_no_tool_is_refused() -> None:
    with pytest.raises(ClientError, match="tool_choice: no tool is called write") as error:
        sent(tools=(READ,), choice=Choice("tool", "write"))
    assert error.value.status == 400


# Thinking, and what may stand beside it.


@pytest.mark.parametrize(
    ("effort", "budget"),
    [
        ("minimal", 1024),
        ("low", 2048),
        ("medium", 8192),
        ("high", 24_000),
        ("xhigh", 24_000),
        ("max", 24_000),
    ],
)
def test_older_models_think_within_a_budget_that_leaves_room_for_the_answer(
    effort: Effort, budget: int
) -> None:
    request = sent(effort=effort)
    assert request["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert request["max_tokens"] == 32_000


@pytest.mark.parametrize(("max_tokens", "budget"), [(1000, None), (1365, None), (1366, 1024), (2000, 1500)])
def test_a_budget_fits_into_what_the_client_allows_or_there_is_none(
    max_tokens: int, budget: int | None
) -> None:
    request = sent(effort="high", max_tokens=max_tokens)
    assert request["max_tokens"] == max_tokens
    assert request.get("thinking", {}).get("budget_tokens") == budget
    assert dropped(effort="high", max_tokens=max_tokens) == (() if budget else ("effort",))


@pytest.mark.parametrize(
    ("model", "effort", "written"),
    [
        (OPUS, "minimal", "low"),
        (OPUS, "medium", "medium"),
        (OPUS, "xhigh", "xhigh"),
        (OPUS, "max", "max"),
        ("claude-opus-4-6", "xhigh", "high"),
        ("claude-opus-4-6", "max", "max"),
    ],
)
def test_newer_models_think_as_they_see_fit_with_an_effort(model: str, effort: Effort, written: str) -> None:
    request = sent(effort=effort, model=model)
    assert request["thinking"]["type"] == "adaptive"
    assert request["output_config"] == {"effort": written}


def test_thoughts_are_shown_by_models_that_would_not_show_them() -> None:
    assert sent(effort="low", model=OPUS)["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert sent(effort="low", model="claude-opus-4-6")["thinking"] == {"type": "adaptive"}


@pytest.mark.parametrize(("budget", "effort"), [(1500, "low"), (9000, "medium"), (20_000, "high")])
def test_a_budget_is_an_effort_for_models_that_know_no_budgets(budget: int, effort: str) -> None:
    assert sent(budget=budget, model=OPUS)["output_config"] == {"effort": effort}
    assert sent(budget=budget)["thinking"]["budget_tokens"] == budget


def test_thinking_without_a_measure_is_left_to_the_model_or_of_medium_length() -> None:
    assert "output_config" not in sent(thinks=True, model=OPUS)
    assert sent(thinks=True)["thinking"]["budget_tokens"] == 8192


@pytest.mark.parametrize(
    ("model", "thinking", "config"),
    [
        (SONNET, None, None),
        ("claude-opus-4-8", None, None),
        ("claude-sonnet-5", {"type": "disabled"}, None),
        ("claude-haiku-5-5", {"type": "disabled"}, None),
        ("claude-sonnet-5-5", {"type": "between_tools"}, None),
        (OPUS, None, {"effort": "low"}),
        ("claude-fable-5-1", None, {"effort": "low"}),
    ],
)
def test_thinking_is_switched_off_as_far_as_the_model_lets_it(model: str, thinking: Any, config: Any) -> None:
    for fields in ({"effort": "none"}, {"thinks": False}, {"budget": 0}):
        request = sent(model=model, **fields)
        assert request.get("thinking") == thinking
        assert request.get("output_config") == config


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_said_of_thinking_unasked(model: str) -> None:
    assert not sent(model=model).keys() & {"thinking", "output_config"}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max"])
@pytest.mark.parametrize("choice", [None, Choice("any"), Choice("none"), Choice("tool", "read")])
def test_every_effort_beside_every_choice_is_taken_by_every_model(
    model: str, effort: Effort, choice: Any
) -> None:
    sent(
        model=model,
        effort=effort,
        tools=(READ,),
        choice=choice,
        temperature=0.5,
        top_p=0.9,
        top_k=3,
        parallel=False,
    )


def test_a_tool_that_must_be_called_goes_before_thoughts() -> None:
    for model in (SONNET, "claude-opus-4-6"):
        assert "thinking" not in sent(effort="high", tools=(READ,), choice=Choice("any"), model=model)


def test_a_budget_waits_until_the_results_of_calls_without_thoughts_are_answered() -> None:
    loop = [HI, assistant(Call("a", "read", "{}")), user(Result("a", ()))]
    assert "thinking" not in sent(*loop, effort="high")
    assert dropped(*loop, effort="high") == ("effort",)
    assert "thinking" in sent(*loop, assistant("done"), HI, effort="high")
    signed = assistant(Thinking("hm", "c2ln"), Call("a", "read", "{}"))
    assert "thinking" in sent(HI, signed, loop[2], effort="high")
    assert "thinking" in sent(*loop, effort="high", model=OPUS)


def test_models_that_do_not_think_are_not_told_to() -> None:
    assert "thinking" not in sent(effort="high", model="claude-3-5-haiku-20241022")
    assert "thinking" not in sent(effort="high", quirks=Quirks(effort="none"))


@pytest.mark.parametrize(
    ("model", "fields", "written"),
    [
        (
            "glm-4.7",
            {"temperature": 1.7, "top_p": 0.5, "top_k": 3},
            {"temperature": 1, "top_p": 0.5, "top_k": 3},
        ),
        ("glm-4.7", {"temperature": -1, "top_p": 7}, {"temperature": 0, "top_p": 1}),
        (SONNET, {"temperature": 0}, {"temperature": 0}),
        (SONNET, {"temperature": 0.5, "top_p": 0.5}, {"temperature": 0.5}),
        (SONNET, {"top_p": 0.5}, {"top_p": 0.5}),
        (SONNET, {"temperature": 0.5, "top_k": 3, "effort": "low"}, {}),
        (OPUS, {"temperature": 1, "top_p": 0.5, "top_k": 3}, {}),
    ],
)
def test_temperature_and_the_like_are_sent_where_the_model_takes_them(
    model: str, fields: Any, written: Any
) -> None:
    request = sent(model=model, **fields)
    assert {
        name: value for name, value in request.items() if name in ("temperature", "top_p", "top_k")
    } == written
    lost = (fields.keys() & {"temperature", "top_p", "top_k"}) - written.keys()
    assert set(dropped(model=model, **fields)) == lost


# The form of the answer.


@pytest.mark.parametrize("model", [SONNET, OPUS])
def test_models_that_can_be_held_to_a_schema_are(model: str) -> None:
    request = sent(model=model, format=Format(SCHEMA, "x"), effort="low")
    assert request["output_config"]["format"] == {
        "type": "json_schema",
        "schema": {**SCHEMA, "additionalProperties": False},
    }
    assert "system" not in request


@pytest.mark.parametrize(
    ("given_schema", "written"),
    [
        ({"type": "integer", "minimum": 1}, {"type": "integer", "description": '{"minimum":1}'}),
        (
            {"type": "string", "description": "A name", "maxLength": 9},
            {"type": "string", "description": 'A name\n\n{"maxLength":9}'},
        ),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"enum": ["a", 1, None]}, {"enum": ["a", 1, None]}),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}),
        ({"allOf": [{"type": "string"}]}, {"anyOf": [{"type": "string"}]}),
    ],
)  # fmt: skip
def test_what_is_not_enforced_is_told_in_the_description(given_schema: Any, written: Any) -> None:
    schema = {"type": "object", "properties": {"a": given_schema}, "title": "T"}
    form = sent(format=Format(schema))["output_config"]["format"]["schema"]
    assert form["properties"]["a"] == written


def test_definitions_are_kept() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/definitions/x"}},
        "definitions": {"x": {"type": "string"}},
    }
    form = sent(format=Format(schema))["output_config"]["format"]["schema"]
    assert form["properties"]["a"] == {"$ref": "#/$defs/x"}
    assert form["$defs"] == {"x": {"type": "string"}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"$ref": "https://x"}}},
        {"$ref": "#/$defs/x", "$defs": {"x": {"type": "array", "items": {"$ref": "#/$defs/x"}}}},
        {"type": "object", "properties": {"a": {"enum": [{}]}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "object", "properties": {"a": {"$ref": 1}}},
        {"type": "object", "properties": {"a": {"type": "text"}}},
        {"type": "object", "properties": {"a": {"anyOf": []}}},
        {"type": "object", "properties": ["a"]},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]},
        {"type": "object", "properties": {"a": {"type": "string"}}, "$defs": []},
        {"allOf": [SCHEMA, SCHEMA]},
    ],
)
def test_a_schema_that_would_change_its_meaning_is_asked_for_in_words(schema: dict[str, Any]) -> None:
    request = sent(format=Format(schema))
    assert "output_config" not in request
    assert json.loads(request["system"][0]["text"].partition("JSON Schema:\n")[2]) == schema


def test_models_that_cannot_be_held_to_a_schema_are_asked() -> None:
    for request in (
        sent(format=Format(SCHEMA), model=OLD),
        sent(format=Format(SCHEMA), quirks=Quirks(structured=False)),
    ):
        assert json.loads(request["system"][0]["text"].partition("JSON Schema:\n")[2]) == SCHEMA


def test_any_json_is_asked_for_in_words() -> None:
    assert "JSON object" in sent(format=Format(), system=(Text("Be brief."),))["system"][1]["text"]


# Limits, stops, users, streams, quirks.


@pytest.mark.parametrize(
    ("model", "given_limit", "quirks", "written"),
    [
        (SONNET, None, Quirks(), 32_000),
        (SONNET, None, Quirks(default_max_tokens=5000), 5000),
        (SONNET, 100_000, Quirks(), 100_000),
        ("claude-3-5-haiku-20241022", None, Quirks(), 8192),
    ],
)
def test_there_is_always_a_limit(model: str, given_limit: int | None, quirks: Quirks, written: int) -> None:
    assert sent(model=model, max_tokens=given_limit, quirks=quirks)["max_tokens"] == written


def test_blank_stops_are_not_sent() -> None:
    assert sent(stop=("END", "\n", ""))["stop_sequences"] == ["END"]
    assert "stop_sequences" not in sent(stop=("\n",))


def test_who_it_is_for_is_not_to_be_recognised() -> None:
    user_id = sent(user="somebody@example.com\ud800")["metadata"]["user_id"]
    digest = hashlib.sha256("somebody@example.com\ufffd".encode()).hexdigest()
    assert user_id == f"user_{digest[:32]}"


def test_a_stream_is_asked_for_only_if_it_is_wanted() -> None:
    assert sent(stream=True)["stream"] is True
    assert "stream" not in sent()


def test_what_the_reader_left_out_is_told_first() -> None:
    assert dropped(left_out=("tool web_search",), top_k=3, model=OPUS) == ("tool web_search", "top_k")


def test_fields_that_the_provider_refuses_are_not_sent() -> None:
    quirks = Quirks(
        refuses=("metadata", "output_config.effort", "model", "nothing", "stream.x", "cache_control")
    )
    request = Request(
        "m", (HI,), user="u", effort="low", format=Format(SCHEMA), system=(Text("s", cache="1h"),)
    )
    written = write(request, OPUS, quirks)
    body = accepted(written.body)
    assert "metadata" not in body
    assert body["output_config"].keys() == {"format"}
    assert not list(marks(body))
    assert written.dropped == ("metadata", "output_config.effort")


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert spoken(sent(user("a\ud800b"))) == [("user", ["a\ufffdb"])]


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(2000):
        deep = {"properties": deep}
    for fields in ({"tools": (Tool("read", None, deep),)}, {"format": Format(deep)}):
        with pytest.raises(ClientError) as error:
            sent(**fields)
        assert error.value.status == 400


# Prompt caches.


def test_a_client_that_marks_nothing_has_its_system_prompt_and_its_conversation_cached() -> None:
    request = sent(HI, assistant("hello"), user("a", "b"), system=(Text("one"), Text("two")), tools=(READ,))
    marked = list(marks(request))
    assert [block["text"] for block in marked] == ["two", "b"]
    assert all(block["cache_control"] == {"type": "ephemeral"} for block in marked)


def test_without_a_system_prompt_the_tools_are_cached() -> None:
    marked = list(marks(sent(tools=(READ, Tool("write")))))
    assert [block.get("name", block.get("text")) for block in marked] == ["write", "hi"]


def test_marks_of_the_client_stay_where_they_are_and_none_is_added() -> None:
    request = sent(user(Text("a", cache="1h"), "b"), system=(Text("one"),))
    (marked,) = marks(request)
    assert marked == {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}


def test_of_more_than_four_marks_the_last_four_count() -> None:
    request = sent(user(*(Text(str(number), cache="5m") for number in range(6))))
    assert [block["text"] for block in marks(request)] == ["2", "3", "4", "5"]


def test_no_cache_outlives_one_that_begins_within_it() -> None:
    request = sent(user(Text("a", cache="1h"), Text("b", cache="5m"), Text("c", cache="1h")))
    assert [block["cache_control"].get("ttl") for block in marks(request)] == ["1h", None, None]


def test_a_mark_inside_a_result_is_one_of_the_result() -> None:
    request = sent(HI, assistant(Call("a", "read", "{}")), user(Result("a", (Text("x", cache="5m"),))))
    (marked,) = marks(request)
    assert marked["type"] == "tool_result"


# The table of models.


@pytest.mark.parametrize(
    ("model", "like"),
    [
        ("claude-sonnet-4-5-20250929", SONNET),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", SONNET),
        ("claude-sonnet-4-5@20250929", SONNET),
        ("anthropic/claude-opus-4.6", "claude-opus-4-6"),
        ("claude-opus-4-6[1m]", "claude-opus-4-6"),
        ("claude-3-7-sonnet-20250219", "claude-opus-4-20250514"),
        ("claude-mythos-5-1", "claude-fable-5-1"),
        ("claude-opus-7", OPUS),
        ("claude-sonnet-latest", "claude-sonnet-5-5"),
        ("sonnet-of-somebody", "glm-4.7"),
    ],
)
def test_a_model_is_known_by_its_family_and_version_on_every_platform(model: str, like: str) -> None:
    assert traits_of(model) == traits_of(like)


def test_what_the_assistant_says_behind_its_calls_is_said_before_them() -> None:
    request = sent(user("Go"), assistant("one", Call("t1", "Read", "{}"), "two"), tools=(Tool("Read"),))
    assert [block["type"] for block in request["messages"][1]["content"]] == ["text", "text", "tool_use"]


def test_a_picture_at_no_address_of_the_web_is_told_of() -> None:
    (block,) = sent(user(Image(url="c1")))["messages"][0]["content"]
    assert (block["type"], "picture" in block["text"]) == ("text", True)
