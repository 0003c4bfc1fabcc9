"""What api.openai.com takes as a Chat Completions request: the SDK's params, and what its servers refuse beyond them."""

import json
import re
from collections.abc import Collection
from typing import Any

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
EFFORTS = {"none", "minimal", "low", "medium", "high", "xhigh", "max"}
FIELDS = {
    *(
        "model",
        "messages",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_tokens",
        "max_completion_tokens",
    ),
    *(
        "temperature",
        "top_p",
        "stop",
        "stream",
        "stream_options",
        "reasoning_effort",
        "response_format",
        "user",
    ),
    *("prompt_cache_key", "safety_identifier", "seed", "n", "verbosity", "service_tier", "store", "metadata"),
}
MESSAGE_FIELDS = {
    "system": {"role", "content"},
    "developer": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}
PART_FIELDS = {"text": {"type", "text"}, "image_url": {"type", "image_url"}, "file": {"type", "file"}}


def check_chat_request(document: Any, also: Collection[str] = ()) -> None:
    """Assert that the document would be taken. ``also`` names what a provider takes beyond OpenAI's API."""
    assert isinstance(document, dict)
    assert not document.keys() - FIELDS - set(also)
    json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    assert isinstance(document["model"], str)
    assert document["model"]
    check_messages(document["messages"], also)
    check_tools(document)
    check_numbers(document)
    check_format(document.get("response_format"))
    if "stream_options" in document:
        assert document["stream"] is True
        assert document["stream_options"] == {"include_usage": True}
    for field in ("user", "prompt_cache_key", "safety_identifier"):
        assert 0 < len(document.get(field, "x")) <= 64


def check_messages(messages: Any, also: Collection[str]) -> None:
    assert isinstance(messages, list)
    assert messages
    open_calls: list[str] = []
    for message in messages:
        role = message["role"]
        extra = {"reasoning_content"} & set(also) if role == "assistant" else set()
        assert {"role", "content"} <= message.keys() <= MESSAGE_FIELDS[role] | extra
        if role == "tool":
            assert message["tool_call_id"] in open_calls, "a result stands behind no call of its own"
            open_calls.remove(message["tool_call_id"])
        else:
            assert not open_calls, f"nothing answers {open_calls} before a message of the {role}"
        check_content(message, also)
        if "tool_calls" in message:
            open_calls = check_calls(message["tool_calls"])
    assert not open_calls, f"nothing answers {open_calls}"


def check_content(message: dict[str, Any], also: Collection[str]) -> None:
    content, role = message["content"], message["role"]
    if content is None:
        assert role == "assistant"
        assert message["tool_calls"]
        return
    if isinstance(content, str):
        return
    assert isinstance(content, list)
    assert content
    marks = {"cache_control"} & set(also)
    for part in content:
        kind = part["type"]
        assert kind == "text" or role == "user", f"{kind} in a message of the {role}"
        assert PART_FIELDS[kind] <= part.keys() <= PART_FIELDS[kind] | (marks if kind == "text" else set())
        match kind:
            case "text":
                assert isinstance(part["text"], str)
                assert part["text"]
                assert part.get("cache_control", {"type": "ephemeral"})["type"] == "ephemeral"
            case "image_url":
                assert {"url"} <= part["image_url"].keys() <= {"url", "detail"}
                assert isinstance(part["image_url"]["url"], str)
            case _:
                assert part["file"].keys() == {"filename", "file_data"}
                assert part["file"]["file_data"].startswith("data:application/pdf;base64,")


def check_calls(calls: Any) -> list[str]:
    assert isinstance(calls, list)
    assert calls
    for call in calls:
        assert call.keys() == {"id", "type", "function"}
        assert call["type"] == "function"
        assert 0 < len(call["id"]) <= 40
        assert call["function"].keys() == {"name", "arguments"}
        assert NAME.fullmatch(call["function"]["name"])
        assert isinstance(call["function"]["arguments"], str)
        assert isinstance(json.loads(call["function"]["arguments"]), dict)
    ids = [call["id"] for call in calls]
    assert len(set(ids)) == len(ids)
    return ids


def check_tools(document: dict[str, Any]) -> None:
    if "tools" not in document:
        assert not document.keys() & {"tool_choice", "parallel_tool_calls"}
        return
    assert document["tools"]
    names = []
    for tool in document["tools"]:
        assert tool.keys() == {"type", "function"}
        assert tool["type"] == "function"
        function = tool["function"]
        assert {"name", "parameters"} <= function.keys() <= {"name", "description", "parameters", "strict"}
        assert NAME.fullmatch(function["name"])
        assert isinstance(function.get("description", ""), str)
        assert function.get("strict", True) is True
        assert function["parameters"]["type"] == "object"
        assert isinstance(function["parameters"]["properties"], dict)
        names.append(function["name"])
    assert len(set(names)) == len(names)
    choice = document.get("tool_choice", "auto")
    if not isinstance(choice, str):
        assert choice.keys() == {"type", "function"}
        assert choice["type"] == "function"
        assert choice["function"].keys() == {"name"}
        assert choice["function"]["name"] in names
    else:
        assert choice in ("auto", "required", "none")
    assert isinstance(document.get("parallel_tool_calls", False), bool)


def check_numbers(document: dict[str, Any]) -> None:
    assert not {"max_tokens", "max_completion_tokens"} <= document.keys()
    for field in ("max_tokens", "max_completion_tokens"):
        limit = document.get(field, 1)
        assert isinstance(limit, int)
        assert not isinstance(limit, bool)
        assert limit >= 1
    for field in ("temperature", "top_p"):
        assert isinstance(document.get(field, 0), int | float)
        assert not isinstance(document.get(field, 0), bool)
    stops = document.get("stop", ["x"])
    assert 1 <= len(stops) <= 4
    assert all(isinstance(stop, str) and stop for stop in stops)
    assert document.get("stream", True) is True
    assert document.get("reasoning_effort", "low") in EFFORTS


def check_format(form: Any) -> None:
    if form is None or form == {"type": "json_object"}:
        return
    assert form.keys() == {"type", "json_schema"}
    assert form["type"] == "json_schema"
    schema = form["json_schema"]
    assert {"name", "schema"} <= schema.keys() <= {"name", "schema", "description", "strict"}
    assert NAME.fullmatch(schema["name"])
    assert isinstance(schema["schema"], dict)
    assert schema.get("strict", True) is True
