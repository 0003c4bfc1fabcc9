"""Rate-limit headers as the Anthropic API sends them, and the meter of one plan's window. Pure."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from ccflared.demo.script import Limited, Metered, Window
from ccflared.wire import Headers

WEEK = 7 * 86400.0


def unified(now: float, five_hour: Window, seven_day: Window) -> Headers:
    """Return the ``anthropic-ratelimit-unified-*`` fields of a plan with these two windows."""
    spent = seven_day if seven_day.status == "rejected" else five_hour
    claim = "seven_day" if spent is seven_day else "five_hour"
    fields = {
        "status": "rejected" if "rejected" in {five_hour.status, seven_day.status} else spent.status,
        "reset": _epoch(now, spent),
        "5h-status": five_hour.status,
        "5h-reset": _epoch(now, five_hour),
        "5h-utilization": f"{five_hour.utilization:.2f}",
        "7d-status": seven_day.status,
        "7d-reset": _epoch(now, seven_day),
        "7d-utilization": f"{seven_day.utilization:.2f}",
        "representative-claim": claim,
        "fallback-percentage": "0.5",
        "overage-status": "rejected",
        "overage-disabled-reason": "org_level_disabled",
    }
    return tuple(
        (f"anthropic-ratelimit-unified-{name}".encode(), text.encode()) for name, text in fields.items()
    )


def per_minute(now: float, limit: int, remaining: int, reset_in: float) -> Headers:
    """Return the fields of an API key: requests and tokens a minute, with the reset as an RFC 3339 time."""
    reset = datetime.fromtimestamp(math.ceil(now + reset_in), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields: list[tuple[str, str]] = []
    for kind, scale in (
        ("requests", 1),
        ("tokens", 10_000),
        ("input-tokens", 8_000),
        ("output-tokens", 2_000),
    ):
        fields += [
            (f"{kind}-limit", str(limit * scale)),
            (f"{kind}-remaining", str(remaining * scale)),
            (f"{kind}-reset", reset),
        ]
    return tuple((f"anthropic-ratelimit-{name}".encode(), text.encode()) for name, text in fields)


def refusal(now: float, limited: Limited) -> Headers:
    """Return the header fields of a 429 besides those that every answer has."""
    fields: Headers = ()
    if limited.reset_in is not None:
        if limited.unified:
            spent = Window(1.01, limited.reset_in, "rejected")
            if limited.claim == "five_hour":
                fields = unified(now, spent, Window(0.43, WEEK / 2))
            else:
                fields = unified(now, Window(0.2, 3600.0), spent)
        else:
            fields = per_minute(now, 50, 0, limited.reset_in)
    return fields + retry_after(limited) + limited.headers


def retry_after(limited: Limited) -> Headers:
    """Return what tells a client when to ask again."""
    after = limited.retry_after
    if after == "reset":
        after = None if limited.reset_in is None else limited.reset_in
    if after is None:
        return ()
    text = after if isinstance(after, str) else str(max(0, math.ceil(after)))
    return ((b"retry-after", text.encode()), (b"x-should-retry", b"true"))


@dataclass(slots=True)
class Meter:
    """How much of a :class:`Metered` plan's window one credential has used."""

    plan: Metered
    used: int = 0
    resets_at: float = 0.0
    week: int = 0

    def take(self, now: float) -> Window | Limited:
        """Count one request: the window as it stands after it, or the refusal when nothing is left."""
        if now >= self.resets_at:
            self.used, self.resets_at = 0, now + self.plan.window
        left = self.resets_at - now
        if self.used >= self.plan.allowance:
            return Limited(reset_in=left)
        self.used += 1
        self.week += 1
        share = self.used / self.plan.allowance
        return Window(share, left, "allowed_warning" if share >= 0.75 else "allowed")

    def look(self, now: float) -> Window | None:
        """Return the window as it stands, without counting anything; None while none runs."""
        if now >= self.resets_at:
            return None
        return Window(self.used / self.plan.allowance, self.resets_at - now)


def _epoch(now: float, window: Window) -> str:
    return str(math.ceil(now + window.reset_in))
