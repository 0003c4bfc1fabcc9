"""What the screen knows of the daemon. Bounded, however long it is looked at; only the loop that draws changes it."""

from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any, Final

from ccflared.cli.render.charts import Chart, is_chart, read_chart
from ccflared.cli.render.consumption import Consumption, Part, is_consumption, read_consumption
from ccflared.cli.render.conversations import Conversation, is_conversations, read_conversations
from ccflared.cli.render.document import Json
from ccflared.cli.render.log import LogLine, is_log_line, read_log_line
from ccflared.cli.render.records import Record, is_record, read_record
from ccflared.cli.render.snapshot import Snapshot

MOST_REQUESTS: Final = 500
MOST_RUNNING: Final = 200
MOST_LINES: Final = 1000


class Running:
    """A request that has begun. ``account`` and ``model``: where it is tried now, and by which one; "": not told."""

    __slots__ = ("account", "at", "id", "model", "path")

    def __init__(self, request: str, at: float, path: str) -> None:
        self.id, self.at, self.path = request, at, path
        self.account = self.model = ""


class Known:
    """Everything that was told. ``status`` is there from the beginning."""

    def __init__(self, status: Snapshot, told_at: float, day: float) -> None:
        self.status = status
        self.told_at = told_at
        """When the status came, by this machine's clock."""
        self.day = day
        """When the day began."""
        self.gone = ""
        """Why there is no answer now; "" where there is."""
        self.today: Mapping[str, Part] = {}
        self.running: dict[str, Running] = {}
        self.before: int | None = None
        """How many of those that run began before they could be seen; None: not known yet."""
        self.requests: OrderedDict[str, Record] = OrderedDict()
        """Those that have ended, by id, the latest last."""
        self.lines: deque[tuple[str, LogLine]] = deque(maxlen=MOST_LINES)
        """Lines of the log, each with a key of its own."""
        self.conversations: tuple[Conversation, ...] | None = None
        self.costs: tuple[str, Consumption] | None = None
        """What was used, and as what it had been asked for."""
        self.chart: Chart | None = None
        self.problems: dict[str, str] = {}
        """Why a page has no figures, by page."""
        self._keys: set[str] = set()
        self._count = 0

    def now(self, status: Snapshot, told_at: float, day: float) -> None:
        """Take in how the daemon is."""
        self.status, self.told_at, self.day, self.gone = status, told_at, day, ""
        unseen = max(0, status.running - len(self.running))
        # It only becomes less: between two looks at the same thing there is always a difference.
        self.before = unseen if self.before is None else min(self.before, unseen)

    def begun(self, value: Mapping[str, Any]) -> None:
        """Take in that a request runs."""
        item = Json(value)
        request = item.text("id")
        if request and request not in self.requests and len(self.running) < MOST_RUNNING:
            self.running[request] = Running(request, item.number("at") or 0.0, item.text("path"))

    def tried(self, value: Mapping[str, Any]) -> None:
        """Take in where a request is tried now."""
        item = Json(value)
        if (running := self.running.get(item.text("id"))) is not None:
            running.account, running.model = item.text("account"), item.text("model")

    def ended(self, row: Any) -> None:
        """Take in what came of a request."""
        if not is_record(row):
            return
        record = read_record(row)
        if self.running.pop(record.id, None) is None and self.before and record.id not in self.requests:
            self.before -= 1
        self.requests[record.id] = record
        while len(self.requests) > MOST_REQUESTS:
            self.requests.popitem(last=False)

    def history(self, rows: Any) -> None:
        """Take in the latest requests, the newest first, as the stream begins; what ran may have ended unseen."""
        self.running.clear()
        self.before = None
        given = [read_record(row) for row in rows if is_record(row)] if isinstance(rows, list) else []
        later = self.requests
        self.requests = OrderedDict((record.id, record) for record in reversed(given))
        for name, record in later.items():
            self.requests.setdefault(name, record)
        in_order = sorted(self.requests.values(), key=_end)
        self.requests = OrderedDict((record.id, record) for record in in_order[-MOST_REQUESTS:])

    def line(self, value: Any) -> None:
        """Take in a line of the log, unless it is known."""
        if not is_log_line(value):
            return
        given = Json(value).text("id")
        self._count += 1
        key = given or f"line {self._count}"
        if key in self._keys:
            return
        if len(self.lines) == MOST_LINES:
            self._keys.discard(self.lines[0][0])
        self._keys.add(key)
        self.lines.append((key, read_log_line(value)))

    def used(self, value: object, asked: str) -> bool:
        """Take in a table of costs. Returns whether it was one."""
        if is_consumption(value):
            self.costs = asked, read_consumption(value)
        return is_consumption(value)

    def spent_today(self, value: object) -> None:
        """Take in what each account has served today."""
        if is_consumption(value):
            self.today = {part.key: part for part in read_consumption(value).parts}

    def talks(self, value: object) -> bool:
        """Take in the conversations of late. Returns whether they were told."""
        if is_conversations(value):
            self.conversations = read_conversations(value)
        return is_conversations(value)

    def charted(self, value: object) -> bool:
        """Take in a chart. Returns whether it was one."""
        if is_chart(value):
            self.chart = read_chart(value)
        return is_chart(value)


def _end(record: Record) -> float:
    """Return when a request ended, in seconds since 1970."""
    return (record.at or 0.0) + (record.total_ms or 0.0) / 1000
