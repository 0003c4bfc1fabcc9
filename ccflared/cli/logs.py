"""``ccflared logs``: the last lines of the daemon's log, and with ``-f`` those that follow."""

import json as json_module
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from ccflared.cli.client import Answer
from ccflared.cli.render.choices import LEVELS
from ccflared.cli.render.layout import Span
from ccflared.cli.render.log import is_log_line, log_line_lines, log_text, read_log_line
from ccflared.cli.status import Question, be_the_right_one
from ccflared.cli.stream import Again, Event, Tick, follow, until_interrupted
from ccflared.cli.terminal import Terminal, complain, say, stdout
from ccflared.errors import NotRunning, Refused

_SHOWN: Final = 5000
"""Lines that are remembered, so that none is shown twice."""


class Kept(NamedTuple):
    """Which lines are shown. ``level``: of this one and graver; ``request``: the id, or how it begins."""

    level: str | None = None
    account: str | None = None
    request: str | None = None

    def fits(self, value: object) -> bool:
        """Tell whether a JSON value is such a line."""
        if not is_log_line(value):
            return False
        line = read_log_line(value)
        return (
            line.rank >= (0 if self.level is None else LEVELS.index(self.level))
            and self.account in (None, line.account)
            and (self.request is None or _bare_id(line.request).startswith(_bare_id(self.request)))
        )


def _bare_id(request: str | None) -> str:
    return (request or "").removeprefix("req_")


def logs(question: Question, kept: Kept, *, number: int, following: bool, json: bool) -> int:
    """Print the last ``number`` lines that are wanted. Returns 0. Raises NotRunning, Refused."""
    be_the_right_one(question)
    terminal, fits = stdout(), kept.fits
    if following:
        return until_interrupted(lambda: _follow(question, terminal, fits, number, json=json))
    lines = [value for value in _history(question).value if fits(value)]
    last = lines[len(lines) - min(number, len(lines)) :]
    if json:
        say(json_module.dumps(last, indent=2))
        return 0
    _print(last, terminal, json=False)
    return 0


def _history(question: Question) -> Answer:
    answer = question.daemon.get("/api/logs/history", timeout=30.0)
    if answer.status != 200 or not isinstance(answer.value, list):
        raise answer.unexpected("logs")
    return answer


def _follow(
    question: Question, terminal: Terminal, fits: Callable[[object], bool], number: int, *, json: bool
) -> None:
    """Print the last lines, then each that comes. The stream comes first, so that none is missed between the two."""
    seen: OrderedDict[str, None] = OrderedDict()
    begun = False
    for event in follow(question.daemon, "/api/logs/stream", "logs -f", complain):
        match event:
            case Again():
                known = [
                    line for line in _known(question, must=not begun) if _first(line, seen) and fits(line)
                ]
                shown = known if begun else known[len(known) - min(number, len(known)) :]
                begun = True
            case Event(id=found, value=dict(value)):
                line = {**value, "id": found} if found else value
                shown = [line] if is_log_line(line) and _first(line, seen) and fits(line) else []
            case Event() | Tick():
                shown = []
        _print(shown, terminal, json=json)


def _known(question: Question, *, must: bool) -> list[Any]:
    """Return the lines that are kept; none where a daemon that came back is going again, unless they ``must`` be."""
    try:
        return [line for line in _history(question).value if is_log_line(line)]
    except (NotRunning, Refused):
        if must:
            raise
        return []


def _first(value: Any, seen: "OrderedDict[str, None]") -> bool:
    """Whether a line is seen for the first time: the history and the stream may both tell of it."""
    known = value.get("id") if isinstance(value, dict) else None
    key = known if isinstance(known, str) else json_module.dumps(value, sort_keys=True)
    if key in seen:
        return False
    seen[key] = None
    if len(seen) > _SHOWN:
        seen.popitem(last=False)
    return True


def _print(values: Sequence[Any], terminal: Terminal, *, json: bool) -> None:
    if json:
        texts = [json_module.dumps(value, separators=(",", ":")) for value in values]
        terminal.put("".join(f"{text}\n" for text in texts))
    elif terminal.interactive:
        sheet = terminal.sheet()
        if lines := [line for value in values for line in log_line_lines(read_log_line(value), sheet)]:
            terminal.write(lines)
    else:
        terminal.write([(Span(log_text(read_log_line(value))),) for value in values])
    terminal.put("")
