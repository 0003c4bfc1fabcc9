"""Lines of the daemon's log, from the JSON of ``/api/logs/history`` and its stream. Pure."""

from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple

from ccflared.cli.render.choices import ALSO, LEVELS
from ccflared.cli.render.document import Json
from ccflared.cli.render.layout import Line, Span, Style
from ccflared.cli.render.sheet import Sheet

_STYLES: Final[dict[str, Style]] = {"debug": "faint", "warning": "warn", "error": "bad"}
_MILLISECONDS: Final = 1e11
"""Beyond, a number of seconds would be a far future: it counts milliseconds."""


class LogLine(NamedTuple):
    """One line. ``at``: Unix seconds; ``message`` in lines, as a traceback has several; the rest: what it is about."""

    at: float | None
    level: str
    logger: str
    message: str
    account: str | None = None
    request: str | None = None

    @property
    def rank(self) -> int:
        """How grave it is, for comparison."""
        return LEVELS.index(self.level)


def is_log_line(value: object) -> bool:
    """Tell whether a JSON value looks like a line of the log."""
    return isinstance(value, dict) and isinstance(value.get("msg", value.get("message")), str)


def read_log_line(value: object) -> LogLine:
    """Return a line of the log."""
    item = Json(value)
    data = item.part("data")
    level = item.text("level").lower()
    level = ALSO.get(level, level)
    return LogLine(
        _time(item),
        level if level in LEVELS else "info",
        item.text("logger") or data.text("logger"),
        item.text("msg") or item.text("message"),
        data.text("account") or None,
        data.text("request") or None,
    )


def log_line_lines(line: LogLine, sheet: Sheet, *, day: bool = False) -> list[Line]:
    """Return the line as it is shown to a person; ``day``: with its date."""
    at = _clock(line.at, sheet.zone, "%Y-%m-%d %H:%M:%S" if day else "%H:%M:%S")
    style = _STYLES.get(line.level, "plain")
    level = "" if line.level == "info" else f"{line.level}: "
    spans = [
        Span(f"{at} ", "faint"),
        Span(level, style),
        Span(line.message, "faint" if style == "faint" else "plain"),
    ]
    if line.request is not None:
        spans.append(Span(f" [{line.request}]", "faint"))
    return sheet.text(*spans, indent=0, hang=len(at) + 1)


def log_text(line: LogLine) -> str:
    """Return the line as programs and ``grep`` like it: all in one line, the time first."""
    at = "-" if line.at is None else _clock(line.at, UTC, "%Y-%m-%dT%H:%M:%SZ")
    request = "" if line.request is None else f" [{line.request}]"
    return f"{at} {line.level.upper()} {line.logger or 'ccflared'}: {line.message}{request}"


def _time(item: Json) -> float | None:
    for key in ("at", "ts", "timestamp"):
        if (number := item.number(key)) is not None:
            return number / 1000 if number > _MILLISECONDS else number
        try:
            when = datetime.fromisoformat(item.text(key))
        except ValueError:
            continue
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    return None


def _clock(at: float | None, zone: tzinfo | None, form: str) -> str:
    try:
        return "" if at is None else datetime.fromtimestamp(at, zone).strftime(form)
    except (OverflowError, OSError, ValueError):
        return ""
