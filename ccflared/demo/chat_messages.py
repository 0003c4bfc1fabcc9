"""What api.openai.com refuses in the messages of a Chat Completions request. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ccflared.demo.asked import Fault
from ccflared.demo.chat_faults import empty, long, missing, named, not_one_of, unknown

MESSAGE: Mapping[str, frozenset[str]] = {
    "system": frozenset({"role", "content", "name"}),
    "developer": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({"role", "content", "name", "refusal", "audio", "tool_calls"}),
    "tool": frozenset({"role", "content", "tool_call_id"}),
}
PART: Mapping[str, frozenset[str]] = {
    "text": frozenset({"type", "text"}),
    "refusal": frozenset({"type", "refusal"}),
    "image_url": frozenset({"type", "image_url"}),
    "input_audio": frozenset({"type", "input_audio"}),
    "file": frozenset({"type", "file"}),
}
PARTS: Mapping[str, tuple[str, ...]] = {
    "system": ("text",),
    "developer": ("text",),
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
    "tool": ("text",),
}
IMAGE = re.compile(r"https?://.|data:image/(png|jpe?g|gif|webp);base64,[A-Za-z0-9+/]+={0,2}$")
LONGEST_CALL_ID = 40


def messages(asked: Mapping[str, Any], allows: Collection[str]) -> Iterator[Fault]:
    """Yield what is wrong with each message by itself."""
    given = asked.get("messages")
    if not isinstance(given, list):
        yield missing("messages")
        return
    if not given:
        yield empty("messages")
    for place, message in enumerate(given):
        where = f"messages[{place}]"
        if not isinstance(message, dict):
            yield Fault(f"Invalid type for '{where}': expected an object.", where, "invalid_type")
            continue
        role = message.get("role")
        if not isinstance(role, str) or role not in MESSAGE:
            yield not_one_of(f"{where}.role", role, tuple(MESSAGE))
            continue
        yield from unknown(message, MESSAGE[role], where, "messages.", allows)
        yield from _content(message, where, allows)
        if role == "assistant" and "tool_calls" in message:
            yield from _calls(message["tool_calls"], f"{where}.tool_calls")
        if role == "tool" and not isinstance(message.get("tool_call_id"), str):
            yield missing(f"{where}.tool_call_id")


def _content(message: Mapping[str, Any], where: str, allows: Collection[str]) -> Iterator[Fault]:
    content, role = message.get("content"), message["role"]
    if isinstance(content, str):
        return
    if content is None:
        if role != "assistant" or not (message.get("tool_calls") or message.get("refusal")):
            null = "expected a string or array of objects, but got null instead."
            yield Fault(f"Invalid value for 'content': {null}", f"{where}.content", "invalid_type")
        return
    if not isinstance(content, list):
        array = f"Invalid type for '{where}.content': expected one of a string or array of objects."
        yield Fault(array, f"{where}.content", "invalid_type")
        return
    if not content:
        yield empty(f"{where}.content")
    for place, part in enumerate(content):
        spot = f"{where}.content[{place}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "image_url" and role != "user":
            yield Fault(
                f"Invalid '{where}'. Image URLs are only allowed for messages with role 'user', but this message with "
                f"role '{role}' contains an image URL.",
                where,
                "invalid_value",
            )
        elif not isinstance(kind, str) or kind not in PARTS[role]:
            yield not_one_of(f"{spot}.type", kind, PARTS[role])
        else:
            yield from unknown(part, PART[kind], spot, "messages.content.", allows)
            yield from _part(part, kind, spot)


def _part(part: Mapping[str, Any], kind: str, where: str) -> Iterator[Fault]:
    inner = part.get(kind)
    match kind:
        case "text" | "refusal":
            if not isinstance(inner, str):
                yield Fault(
                    f"Invalid type for '{where}.{kind}': expected a string.",
                    f"{where}.{kind}",
                    "invalid_type",
                )
        case "image_url":
            url = inner.get("url") if isinstance(inner, dict) else None
            if not isinstance(url, str) or not IMAGE.match(url):
                yield Fault(
                    "Invalid image URL: it is neither https nor a base64 data URL of an image.", where
                )
            elif isinstance(inner, dict) and inner.keys() - {"url", "detail"}:
                yield Fault(f"Unknown parameter in '{where}.image_url'.", where, "unknown_parameter")
        case "file":
            known = {"file_data", "file_id", "filename"}
            if (
                not isinstance(inner, dict)
                or inner.keys() - known
                or not inner.keys() & {"file_data", "file_id"}
            ):
                yield missing(f"{where}.file.file_data")
            elif "file_data" in inner and not str(inner["file_data"]).startswith("data:"):
                yield Fault(f"Invalid '{where}.file.file_data': expected a data URL.", where, "invalid_value")
        case _:
            pass


def _calls(calls: Any, where: str) -> Iterator[Fault]:
    if not isinstance(calls, list):
        yield Fault(f"Invalid type for '{where}': expected an array of objects.", where, "invalid_type")
        return
    if not calls:
        yield empty(where)
    for place, call in enumerate(calls):
        spot = f"{where}[{place}]"
        if not isinstance(call, dict) or call.get("type") != "function":
            yield missing(f"{spot}.type")
            continue
        yield from unknown(call, {"id", "type", "function"}, spot, "", ())
        if not isinstance(call.get("id"), str) or not call["id"]:
            yield missing(f"{spot}.id")
        elif len(call["id"]) > LONGEST_CALL_ID:
            yield long(f"{spot}.id", LONGEST_CALL_ID, len(call["id"]))
        function = call.get("function")
        if not isinstance(function, dict):
            yield missing(f"{spot}.function")
            continue
        yield from unknown(function, {"name", "arguments"}, f"{spot}.function", "", ())
        yield from named(function.get("name"), f"{spot}.function.name")
        if not isinstance(function.get("arguments"), str):
            wrong = f"Invalid type for '{spot}.function.arguments': expected a string."
            yield Fault(wrong, f"{spot}.function.arguments", "invalid_type")


def adjacency(asked: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with their order: each call needs its result directly behind it, and a result its call."""
    awaited: list[str] = []
    for place, message in enumerate(asked["messages"]):
        if message["role"] == "tool":
            if message["tool_call_id"] not in awaited:
                yield Fault(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.",
                    f"messages.[{place}].role",
                )
                return
            awaited.remove(message["tool_call_id"])
            continue
        if awaited:
            break
        awaited = [call["id"] for call in message.get("tool_calls") or ()]
    if awaited:
        yield Fault(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            "'tool_call_id'. The following tool_call_ids did not have response messages: "
            + ", ".join(awaited),
            "messages",
        )
