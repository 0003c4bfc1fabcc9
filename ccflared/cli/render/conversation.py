"""What was said in a request, from the JSON of ``/api/requests/{id}/conversation``. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ccflared.cli.render.document import Json
from ccflared.cli.render.foreign import bare_text
from ccflared.cli.render.layout import Line, Span, Style, wrap
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import count, many, size

_SHOWN: Final = 3000
"""Letters of one part that are shown."""
_LATEST: Final = 40
"""Messages that are shown, the latest."""
_DEEP: Final = 3
"""How far parts stand in parts."""
_ROLES: Final[Mapping[str, Style]] = {"user": "strong", "assistant": "good", "tool": "warn"}


def conversation_lines(value: object, sheet: Sheet) -> list[Line]:
    """Return the conversation: system prompt and tools by their size, the latest messages, the answer."""
    told = Json(value)
    lines: list[Line] = []
    for note in told.texts("notes"):
        lines += sheet.text(Span(note, "warn"), indent=0)
    if told.flag("truncated", default=False):
        lines += sheet.text(Span("Not all of it is kept.", "warn"), indent=0)
    lines += _given(told, sheet)
    messages = told.parts("messages")
    names = _tools_called([*messages, told.part("answer")])
    if (earlier := len(messages) - _LATEST) > 0:
        lines += [
            (),
            *sheet.text(Span(f"{many(earlier, 'earlier message')} not shown here", "faint"), indent=0),
        ]
    for message in messages[-_LATEST:]:
        role = message.text("role") or "message"
        parts = message.parts("parts")
        if parts and all(part.text("kind") == "tool_result" for part in parts):
            role = "tool"
        lines += [(), (Span(role, _ROLES.get(role, "faint")),)]
        lines += _parts(parts, names, sheet)
    return lines + _answer(told, names, sheet)


def _given(told: Json, sheet: Sheet) -> list[Line]:
    """Return what every message of it begins with: told by its size, as it is long and seldom looked for."""
    facts: list[Span | str] = []
    if model := told.maybe("model"):
        facts.append(Span(model, "strong"))
    letters = sum(len(_raw(part, "text")) + part.count("cut") for part in told.parts("system"))
    if letters:
        facts.append(f"system prompt of {count(letters)} characters")
    if tools := told.parts("tools"):
        facts.append(many(len(tools), "tool"))
    facts.append(many(len(told.items("messages")), "message"))
    return sheet.facts(*facts, indent=0, hang=0)


def _answer(told: Json, names: Mapping[str, str], sheet: Sheet) -> list[Line]:
    if not isinstance(told.raw("answer"), dict):
        return [(), *sheet.text(Span("No answer is kept.", "faint"), indent=0)]
    answer = told.part("answer")
    head = [Span("answer", "good")]
    if stop := answer.maybe("stop"):
        head.append(Span(f"ended by {stop}", "faint"))
    if not answer.flag("whole", default=True):
        head.append(Span("not whole", "warn"))
    lines: list[Line] = [(), *sheet.facts(*head, indent=0)]
    lines += _parts(answer.parts("parts"), names, sheet)
    error = answer.part("error")
    if said := error.maybe("message"):
        lines += sheet.text(Span(f"{error.text('kind')} ".lstrip() + said, "bad"))
    return lines


def _parts(parts: Sequence[Json], names: Mapping[str, str], sheet: Sheet, depth: int = 0) -> list[Line]:
    if not parts:
        return sheet.text(Span("(nothing)", "faint"), indent=2 + 2 * depth)
    return [line for part in parts for line in _part(part, names, sheet, depth)]


def _part(part: Json, names: Mapping[str, str], sheet: Sheet, depth: int) -> list[Line]:
    indent = 2 + 2 * depth
    match part.text("kind"):
        case "text":
            return _text(_raw(part, "text"), part.count("cut"), sheet, indent)
        case "thinking":
            said = _raw(part, "text")
            sealed = f", {count(part.count('sealed'))} characters sealed" if part.count("sealed") else ""
            head = sheet.text(Span(f"(thinking{sealed})", "faint"), indent=indent)
            return head + (_text(said, part.count("cut"), sheet, indent, "faint") if said else [])
        case "tool_call":
            head = sheet.text(
                "calls ", Span(part.text("name") or "a tool without a name", "strong"), indent=indent
            )
            return head + _text(
                _written(part.raw("arguments")), part.count("cut"), sheet, indent + 2, "faint"
            )
        case "tool_result":
            name = names.get(part.text("id"), "")
            head = sheet.text(
                Span(f"result{f' of {name}' if name else ''}", "strong"),
                Span(" failed" if part.flag("error", default=False) else "", "bad"),
                indent=indent,
            )
            return head + (_parts(part.parts("parts"), names, sheet, depth + 1) if depth < _DEEP else [])
        case "image" | "document" as kind:
            what = " ".join(
                filter(None, (kind, part.text("title"), part.text("mediaType"), part.text("url")))
            )
            held = f", {size(part.count('bytes'))}" if part.count("bytes") else ""
            lines = sheet.text(Span(f"({what}{held})", "faint"), indent=indent)
            return lines + (
                _text(said, part.count("cut"), sheet, indent) if (said := _raw(part, "text")) else []
            )
        case _:
            lines = sheet.text(Span(f"({part.text('type') or 'part'})", "faint"), indent=indent)
            return lines + _text(_written(part.raw("value")), part.count("cut"), sheet, indent, "faint")


def _text(text: str, cut: int, sheet: Sheet, indent: int, style: Style = "plain") -> list[Line]:
    """Return a text with its lines, the beginning of it where it is long."""
    lines: list[Line] = []
    for line in bare_text(text[:_SHOWN]).strip("\n").split("\n"):
        inner = min(len(line) - len(line.lstrip(" ")), sheet.width // 3)
        lines += wrap((Span(line.strip(), style),), sheet.width, first=" " * (indent + inner))
    left = max(0, len(text) - _SHOWN) + cut
    if left:
        lines += sheet.text(Span(f"{sheet.glyphs.cut} {count(left)} more characters", "warn"), indent=indent)
    return lines


def _tools_called(messages: Sequence[Json]) -> dict[str, str]:
    """Return the names of tools by the ids of their calls."""
    calls = [
        part for message in messages for part in message.parts("parts") if part.text("kind") == "tool_call"
    ]
    return {part.text("id"): part.text("name") for part in calls if part.text("id")}


def _raw(part: Json, key: str) -> str:
    value = part.raw(key)
    return value if isinstance(value, str) else ""


def _written(value: Any) -> str:
    if isinstance(value, str) or value is None:
        return value or ""
    return json.dumps(value, indent=2, ensure_ascii=False)
