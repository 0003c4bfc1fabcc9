"""``ccflared requests``: the latest requests, or those looked for; with ``-f`` also those that end from now on."""

import json as json_module
import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from time import time
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from ccflared.cli.client import Answer
from ccflared.cli.known import see_that_names_are_known
from ccflared.cli.render.layout import Line, Span, clip_line
from ccflared.cli.render.records import Record, is_record, read_record, read_records
from ccflared.cli.render.requests import Table, day_line, record_lines, running_line, table, title_line
from ccflared.cli.status import Question, be_the_right_one, print_json
from ccflared.cli.stream import Again, Event, Tick, follow, until_interrupted
from ccflared.cli.terminal import Terminal, complain, stdout
from ccflared.errors import NotRunning, Refused, UsageError

MOST: Final = 1000
"""Requests that the API gives at once."""
_SHOWN: Final = 10_000
"""Ids that are remembered, so that none is shown twice."""
_STATUS: Final = re.compile("all|success|error|[1-5][0-9]{2}", re.ASCII)
_PIPED: Final = 160
"""Cells of a line that no terminal bounds."""


class Filter(NamedTuple):
    """Which requests are meant; None: any."""

    account: str | None = None
    status: str | None = None
    client: str | None = None
    model: str | None = None
    project: str | None = None
    conversation: str | None = None
    search: str | None = None

    def query(self, limit: int) -> str:
        """Return the query of ``/api/requests``."""
        given = {name: value for name, value in self._asdict().items() if value is not None}
        return urlencode({"limit": limit, **given})

    def fits(self, record: Record) -> bool:
        """Whether a request that has just ended is meant. What is searched for only the history knows."""
        complete = record.outcome == "complete" and record.status is not None and record.status < 400
        fine = complete or record.outcome == "client_gone"
        wanted = (
            (self.account, record.account),
            (self.client, record.client),
            (self.model, record.requested),
            (self.project, record.project),
            (self.conversation, record.conversation),
        )
        if any(value is not None and value != found for value, found in wanted):
            return False
        match self.status:
            case None | "all":
                return True
            case "success":
                return fine
            case "error":
                return not fine
            case number:
                return str(record.status) == number


def requests(question: Question, wanted: Filter, *, number: int, following: bool, json: bool) -> int:
    """Print requests, the latest last. Returns 0. Raises UsageError, NotRunning, Refused."""
    if wanted.status is not None and not _STATUS.fullmatch(wanted.status):
        raise UsageError("ccflared requests: --status takes a number such as 429, success, error or all")
    if following and wanted.search is not None:
        raise UsageError(
            "ccflared requests: --search looks through what has been kept; it does not go with -f"
        )
    be_the_right_one(question)
    see_that_names_are_known(question, wanted.account, wanted.client)
    if following:
        screen = _Screen(stdout(), json=json)
        return until_interrupted(lambda: _follow(question, wanted, number, screen), screen.wipe)
    answer = _ask(question, wanted, number)
    if json:
        print_json(answer)
        return 0
    terminal = stdout()
    records = read_records(answer.value)
    if not records:
        complain("No such request is in the history.")
    _Screen(terminal, json=False).show(list(reversed(records)))
    return 0


def _ask(question: Question, wanted: Filter, limit: int) -> Answer:
    answer = question.daemon.get(f"/api/requests?{wanted.query(limit)}", timeout=30.0)
    if answer.status == 400:
        raise Refused(answer.complaint())
    if answer.status != 200 or not isinstance(answer.value, list):
        raise answer.unexpected("requests")
    return answer


class _Screen:
    """The end of the output: rows that were printed, and on a terminal a line below them that changes."""

    def __init__(self, terminal: Terminal, *, json: bool) -> None:
        self._terminal = terminal
        self.json = json
        """Whether rows are printed as JSON."""
        self._alive = terminal.moves and not json
        self._day: str | None = None
        self._drawn = False

    @property
    def alive(self) -> bool:
        """Whether there is a line that changes."""
        return self._alive

    def show(self, records: Iterable[Record]) -> None:
        """Print a row for each."""
        self.wipe()
        of = self._table()
        lines: list[Line] = []
        for record in records:
            if not of.dated:
                day = day_line(record.at or 0.0, of.sheet.zone)
                if self._day is None:
                    lines.append(title_line(of))
                if day != self._day:
                    self._day = day
                    lines.append((Span(day, "faint"),))
            lines += record_lines(record, of)
        if lines:
            self._terminal.write(lines)
        self._terminal.put("")

    def dump(self, values: Sequence[Any]) -> None:
        """Print each value as a line of JSON."""
        texts = [json_module.dumps(value, separators=(",", ":")) for value in values]
        self._terminal.put("".join(f"{text}\n" for text in texts))

    def draw(self, running: dict[str, float]) -> None:
        """Draw the line that tells what runs."""
        if self._alive:
            sheet = self._terminal.sheet()
            line = clip_line(running_line(running, time(), sheet), sheet.width - 1, sheet.glyphs)
            text = "".join(span.text for span in line)
            self._drawn = True  # before it is: Ctrl-C may come as soon as somebody sees it
            shown = f"\x1b[2m{text}\x1b[0m" if self._terminal.colour else text
            self._terminal.put(f"\r{shown}\x1b[K")  # at once, so that nothing flickers

    def wipe(self) -> None:
        """Take away the line that changes."""
        if self._drawn:
            self._terminal.put("\r\x1b[K")
            self._drawn = False

    def say(self, text: str) -> None:
        """Tell of the connection, beside the rows."""
        self.wipe()
        complain(text)

    def _table(self) -> Table:
        sheet = self._terminal.sheet()
        if not self._terminal.interactive:
            sheet = sheet._replace(width=max(sheet.width, _PIPED))
        return table(sheet, dated=not self._terminal.interactive)


class _Following(NamedTuple):
    """What is known while following: what runs, by id, and which ids were shown."""

    running: dict[str, float]
    seen: "OrderedDict[str, None]"

    def first(self, request: str) -> bool:
        """Whether a request is seen for the first time."""
        self.running.pop(request, None)
        if request in self.seen:
            return False
        self.seen[request] = None
        if len(self.seen) > _SHOWN:
            self.seen.popitem(last=False)
        return True


def _follow(question: Question, wanted: Filter, number: int, screen: _Screen) -> None:
    """Print the latest, then each that ends. The stream comes first, so that none is missed between the two."""
    state = _Following({}, OrderedDict())
    begun = False
    every = 1.0 if screen.alive else None
    for event in follow(question.daemon, "/api/requests/stream", "requests -f", screen.say, every=every):
        match event:
            case Again():
                state.running.clear()
                known = _known(question, wanted, must=not begun)
                fresh = [row for row in reversed(known) if state.first(row["id"])]
                _print(fresh if begun else fresh[len(fresh) - min(number, len(fresh)) :], screen)
                begun = True
            case Event(value={"type": "start", "id": str(request)} as value):
                if len(state.running) < MOST and request not in state.seen:
                    at = value.get("at")
                    state.running[request] = float(at) if isinstance(at, int | float) else time()
            case Event(value={"type": "summary", "payload": {"id": str(request)} as row}):
                if state.first(request) and wanted.fits(read_record(row)):
                    _print([row], screen)
            case Event() | Tick():
                pass
        screen.draw(state.running)


def _known(question: Question, wanted: Filter, *, must: bool) -> list[Any]:
    """Return the latest rows; none where a daemon that has come back is going again, unless they ``must`` be there."""
    try:
        return [row for row in _ask(question, wanted, MOST).value if is_record(row)]
    except (NotRunning, Refused):
        if must:
            raise
        return []


def _print(rows: Sequence[Any], screen: _Screen) -> None:
    if screen.json:
        screen.dump(rows)
    else:
        screen.show([read_record(row) for row in rows])
