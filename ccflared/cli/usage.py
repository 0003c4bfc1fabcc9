"""``ccflared usage``: ask the daemon what was used and what it cost, and show it as a table, as CSV or as JSON."""

import csv
import io
import re
from datetime import date, datetime, timedelta, tzinfo
from time import time
from typing import NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ccflared.cli.client import Answer
from ccflared.cli.render.consumption import (
    Consumption,
    consumption_lines,
    csv_rows,
    is_consumption,
    read_consumption,
)
from ccflared.cli.status import Question, be_the_right_one, print_json
from ccflared.cli.terminal import say, stdout
from ccflared.config.words import duration_seconds
from ccflared.errors import Refused, UsageError

_AS_IT_IS = re.compile(r"[1-9]\d{0,4}[dh]")
"""Durations that the API itself knows: it begins them with a whole hour or day."""


class Wanted(NamedTuple):
    """What is asked for; ``since`` as it was typed."""

    by: str
    since: str
    json: bool = False
    csv: bool = False


def usage(question: Question, wanted: Wanted) -> int:
    """Print what was used. Returns 0. Raises UsageError, NotRunning, Refused."""
    day = _day(wanted.since)
    seconds = None if day else duration_seconds(wanted.since)
    if day is None and not seconds:
        raise UsageError(
            f"ccflared usage: {wanted.since!r} is no span of time; --since takes one such as 7d or 12h, or a day: "
            "2026-11-01, today or yesterday"
        )
    be_the_right_one(question)
    if _AS_IT_IS.fullmatch(wanted.since):
        since = wanted.since
    elif seconds:
        since = f"{max(0.0, time() - seconds):.0f}"
    else:
        since = f"{_begin(wanted.since, day, _zone(question)):.0f}"
    answer = _ask(question, wanted.by, since)
    if wanted.json:
        print_json(answer)
        return 0
    used = read_consumption(answer.value)
    if wanted.csv:
        say(_csv(used))
        return 0
    terminal = stdout()
    sheet = terminal.sheet()._replace(zone=_zone_of(used.timezone))
    terminal.write(consumption_lines(used, time(), sheet, _unpriced(question, used, since)))
    return 0


def _ask(question: Question, by: str, since: str) -> Answer:
    answer = question.daemon.get(f"/api/usage?{urlencode({'by': by, 'since': since})}", timeout=30.0)
    if answer.status == 400:
        raise Refused(answer.complaint())
    if answer.status != 200 or not is_consumption(answer.value):
        raise answer.unexpected("usage")
    return answer


def _unpriced(question: Question, used: Consumption, since: str) -> list[str]:
    """Return the models of which nobody knows the price, where there are any."""
    if not used.total.unpriced:
        return []
    of_models = used if used.by == "model" else read_consumption(_ask(question, "model", since).value)
    return [part.key for part in of_models.parts if part.unpriced and part.key]


def _day(text: str) -> date | None:
    """Return the day that a text names; any day for one that is named from today on."""
    if text in ("today", "yesterday"):
        return date.min
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def _begin(text: str, day: date | None, zone: tzinfo | None) -> float:
    """Return when a day begins in the daemon's time zone."""
    today = datetime.fromtimestamp(time(), zone).date()
    meant = {"today": today, "yesterday": today - timedelta(days=1)}.get(text, day or today)
    try:
        return max(0.0, datetime(meant.year, meant.month, meant.day, tzinfo=zone).timestamp())
    except (OverflowError, OSError, ValueError):
        return 0.0


def _zone(question: Question) -> tzinfo | None:
    """Return the time zone in which the daemon counts its days."""
    return _zone_of(read_consumption(_ask(question, "account", "1h").value).timezone)


def _zone_of(name: str) -> tzinfo | None:
    """Return a time zone by its name; None, the system's, where it has none of that name."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _csv(used: Consumption) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(csv_rows(used))
    return written.getvalue().rstrip("\n")
