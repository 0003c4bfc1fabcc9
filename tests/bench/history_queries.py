"""What the dashboard, its charts and a start ask of the history: each question by name, as it is put.

A question is a function of a reader's connection, ``now`` and the time zone; to measure another one, add it here.
"""

import datetime as dt
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from ccflared.money.budgets import period_start
from ccflared.store import clients
from ccflared.store.requests import recent
from ccflared.store.spending import spent
from ccflared.store.storage import facts
from ccflared.store.today import today
from ccflared.store.traffic import traffic

DAY: Final = 86_400.0
Question = Callable[[sqlite3.Connection, float], Any]
UTC: Final = dt.UTC


def _month(now: float) -> float:
    return period_start(now, UTC, "month")


def _rolled(kind: str, days: int) -> Question:
    """Return the question of a chart of days: some measures by day and what tells the rolls of a kind apart."""
    query = """
        SELECT day, account, model, client, project, sum(requests), sum(succeeded), sum(input_tokens),
            sum(output_tokens), sum(cache_read_tokens), sum(cost), sum(cost_money), sum(total_ms)
        FROM roll_days CROSS JOIN rolls ON rolls.number = roll_days.roll
        WHERE day >= ? AND kind = ? AND origin = 'client' GROUP BY 1, 2, 3, 4, 5
    """

    def ask(connection: sqlite3.Connection, now: float) -> list[Any]:
        first = dt.datetime.fromtimestamp(now - (days - 1) * DAY, UTC)
        return connection.execute(query, (int(first.strftime("%Y%m%d")), kind)).fetchall()

    return ask


def _listed(**narrowed: Any) -> Question:
    return lambda connection, now: recent(connection, 50, before=now, **narrowed)


QUESTIONS: Final[dict[str, Question]] = {
    "status: the last hour": lambda c, now: traffic(c, since=now - 3600, now=now),
    "status: the day": lambda c, now: today(c, now=now, zone=UTC),
    "clients: today and this month": lambda c, now: clients.used(
        c, day=period_start(now, UTC, "day"), month=_month(now), zone=UTC
    ),
    "storage": lambda c, _now: facts(c),
    "list: newest": _listed(),
    "list: an account": _listed(account="account3"),
    "list: status 429": _listed(status=429),
    "list: outcome truncated": _listed(outcome="truncated"),
    "list: only tests": _listed(origin="test"),
    "chart: 90 days": _rolled("origin", 90),
    "chart: 90 days by account and model": _rolled("pair", 90),
    "chart: 90 days by client": _rolled("client", 90),
    "chart: 90 days by project": _rolled("project", 90),
    "chart: 30 days by account and model": _rolled("pair", 30),
}
"""By name."""

AT_A_START: Final[dict[str, Question]] = {
    "money of this month by account": lambda c, now: spent(
        c, "account", since=_month(now), before=now, zone=UTC
    ),
    "what counts for clients": lambda c, now: clients.before(
        c, day=period_start(now, UTC, "day"), month=_month(now), hour=now - 3600, until=now, zone=UTC
    ),
}
"""What is asked once, when the daemon starts."""
