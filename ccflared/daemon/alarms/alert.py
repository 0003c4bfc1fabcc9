"""What an alert is: something that a person wants to be told, and when it began and ended. Pure."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast, get_args

AlertType = Literal[
    "daily_spend",
    "budget_spent",
    "needs_login",
    "pool_exhausted",
    "runaway_conversation",
    "history_off",
    "test",
]
"""What it is about.

daily_spend
    more money was billed today than [alerts] daily_spend.
budget_spent
    the budget of an account, a client or the whole is spent.
needs_login
    an account cannot serve before a person has given it a login or another credential.
pool_exhausted
    a request was refused because no account could serve it.
runaway_conversation
    one conversation asked more often in an hour than [alerts] runaway.
history_off
    the history cannot be written.
test
    somebody wanted to see whether alerts arrive.
"""
Severity = Literal["info", "warning", "critical"]

SEVERITIES: Final[dict[AlertType, Severity]] = {
    "daily_spend": "warning",
    "budget_spent": "warning",
    "needs_login": "critical",
    "pool_exhausted": "critical",
    "runaway_conversation": "warning",
    "history_off": "critical",
    "test": "info",
}
REPEATED: Final = frozenset({"needs_login", "pool_exhausted", "runaway_conversation", "history_off"})
"""Those that are told again while they last; the others are about a day or a month, and told once for each."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What holds at a moment and is worth an alert. Of one type and subject there is one alert at a time."""

    type: AlertType
    subject: str
    title: str
    message: str
    value: float | None = None
    threshold: float | None = None
    account: str | None = None
    client: str | None = None
    conversation: str | None = None
    request_id: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes two alarms the same one."""
        return self.type, self.subject


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. ``at`` and ``resolved_at`` are wall-clock times; None: it has not ended."""

    id: str
    at: float
    alarm: Alarm
    acknowledged: bool = False
    resolved_at: float | None = None
    posted: bool = False
    """Whether the webhook has been told, or has been given up; what was not told before a stop is told after it."""

    @property
    def open(self) -> bool:
        """Whether what it tells of still holds."""
        return self.resolved_at is None

    def document(self) -> dict[str, Any]:
        """Return it as REST, streams and webhook show it."""
        alarm = self.alarm
        return {
            "id": self.id,
            "at": self.at,
            "timestamp": _iso(self.at),
            "type": alarm.type,
            "severity": SEVERITIES[alarm.type],
            "title": alarm.title,
            "message": alarm.message,
            "value": alarm.value,
            "threshold": alarm.threshold,
            "account": alarm.account,
            "client": alarm.client,
            "conversation": alarm.conversation,
            "request_id": alarm.request_id,
            "acknowledged": self.acknowledged,
            "resolved_at": self.resolved_at,
        }


def alert_text(alert: Alert) -> str:
    """Write an alert so that it can be remembered."""
    return json.dumps(
        {
            "at": alert.at,
            "acknowledged": alert.acknowledged,
            "resolved_at": alert.resolved_at,
            "posted": alert.posted,
        }
        | asdict(alert.alarm)
    )


def alert_of(id_: str, text: str) -> Alert | None:
    """Read an alert that was remembered; None where the text is none, as another version may write it."""
    try:
        given = json.loads(text)
        kind = given["type"]
        if kind not in get_args(AlertType):
            return None
        resolved = given["resolved_at"]
        return Alert(
            id_,
            float(given["at"]),
            Alarm(
                type=cast("AlertType", kind),
                subject=str(given["subject"]),
                title=str(given["title"]),
                message=str(given["message"]),
                value=_number(given.get("value")),
                threshold=_number(given.get("threshold")),
                account=_text(given.get("account")),
                client=_text(given.get("client")),
                conversation=_text(given.get("conversation")),
                request_id=_text(given.get("request_id")),
            ),
            acknowledged=given["acknowledged"] is True,
            resolved_at=None if resolved is None else float(resolved),
            posted=given.get("posted") is True,
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _iso(at: float) -> str | None:
    try:
        written = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None
    return written.replace("+00:00", "Z")
