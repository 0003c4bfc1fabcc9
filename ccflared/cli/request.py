"""``ccflared request ID``: all that is known of one request, or what it said and was answered, where that is kept."""

import base64
import binascii
import json as json_module
from time import time
from typing import Any
from urllib.parse import quote

from ccflared.cli.client import Answer
from ccflared.cli.identity import unknown, whole_id
from ccflared.cli.render.document import Json
from ccflared.cli.render.foreign import bare_text
from ccflared.cli.render.layout import Line, Span
from ccflared.cli.render.records import is_record, read_page
from ccflared.cli.render.request import page_lines
from ccflared.cli.render.words import count
from ccflared.cli.status import Question, be_the_right_one, print_json
from ccflared.cli.terminal import stdout
from ccflared.errors import Refused, UsageError


def request(question: Question, name: str, *, body: bool, json: bool) -> int:
    """Print one request; ``name``: its id or the beginning of it. Returns 0. Raises UsageError, NotRunning, Refused."""
    if not name or "/" in name:
        raise UsageError(
            f"ccflared request: {name!r} is no id of a request; ccflared requests lists the latest"
        )
    be_the_right_one(question)
    found = whole_id(question, name, "request")
    answer = _ask(question, found, body=body)
    if json:
        print_json(answer)
        return 0
    terminal = stdout()
    if body:
        terminal.write(said_lines(Json(answer.value)))
    else:
        terminal.write(page_lines(read_page(answer.value), time(), terminal.sheet()))
    return 0


def _ask(question: Question, name: str, *, body: bool) -> Answer:
    path = f"/api/requests/{'payload/' if body else ''}{quote(name, safe='')}"
    answer = question.daemon.get(path, timeout=30.0)
    fits = isinstance(answer.value, dict) if body else is_record(answer.value)
    if (
        answer.status == 404
        and body
        and question.daemon.get(f"/api/requests/{quote(name, safe='')}").status == 200
    ):
        raise Refused(answer.complaint())
    if answer.status == 404:
        raise unknown(name)
    if answer.status != 200 or not fits:
        raise answer.unexpected("request")
    return answer


def said_lines(payload: Json) -> list[Line]:
    """Return what was asked and answered, headers and all."""
    lines: list[Line] = []
    for title, part in (("Request", payload.part("request")), ("Answer", payload.part("response"))):
        status = part.whole("status")
        lines.append((Span(title if status is None else f"{title} {status}", "strong"),))
        headers = part.raw("headers")
        for name, value in headers.items() if isinstance(headers, dict) else ():
            lines += [(Span(f"{line}", "faint"),) for line in bare_text(f"{name}: {value}").split("\n")]
        lines.append(())
        lines += [(Span(line),) for line in _text(part.raw("body")).split("\n")]
        if part.flag("truncated", default=False):
            lines.append((Span(f"(cut: there were {count(part.count('bytes'))} bytes)", "warn"),))
        lines.append(())
    return lines[:-1]


def _text(body: Any) -> str:
    """Return a body to be read: JSON indented, all else as it came."""
    if not isinstance(body, str) or not body:
        return "(no body)"
    try:
        raw = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return bare_text(body)
    try:
        text = json_module.dumps(json_module.loads(raw), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = raw.decode("utf-8", "replace")
    return bare_text(text.rstrip("\n"))
