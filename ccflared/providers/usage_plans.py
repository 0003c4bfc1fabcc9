"""Reads the usage answers of coding plans and of prepaid credit: z.ai, MiniMax, NanoGPT, Kilo.

All of them may put a failure into a 200. Each function returns the windows, or says why there are none.
"""

from collections.abc import Mapping
from typing import Any, Final

from ccflared.providers.usage_values import entries, moment, number, percent, share, table, text, window
from ccflared.wire import Quota, Window

# Units of a limit of z.ai. Seen are 5 of unit 3, which are hours, and 1 of unit 6, a week; 1 is days, 5 months.
_UNITS: Final = {1: "d", 3: "h", 5: "mo", 6: "w"}
_OF_MODELS: Final = frozenset({"TOKENS_LIMIT", "CREDIT_LIMIT"})

_NO_LIMIT: Final = 3
"""MiniMax: the status of a window that the plan does not have."""
_EXHAUSTED: Final = 2

NOTHING_TOLD: Final = "the answer tells of no usage window"


def read_zai(document: Mapping[str, Any], now: float) -> Quota | str:
    """Read ``{success, data: {limits: [{type, unit, number, percentage, nextResetTime}]}}``.

    TIME_LIMIT counts calls of z.ai's own tools, which no request of a model is refused by: it is left out.
    """
    code = number(document.get("code"))
    if document.get("success") is False or code not in (None, 0.0, 200.0):
        return refusal(document.get("code"), document.get("msg") or document.get("message"))
    found: dict[str, Window] = {}
    for limit in entries(table(document.get("data")).get("limits")):
        if text(limit.get("type")).upper() not in _OF_MODELS:
            continue
        name = _zai_name(limit)
        used, reset = percent(limit.get("percentage")), moment(limit.get("nextResetTime"))
        if used is not None or reset is not None:
            found[name] = window(name, used, reset, now)
    return _quota(now, found)


def _zai_name(limit: Mapping[str, Any]) -> str:
    """Return the name of a window by its length; five hours where it is not told, as it was for long."""
    unit, count = number(limit.get("unit")), number(limit.get("number"))
    letter = _UNITS.get(int(unit)) if unit is not None and unit < 100 else None
    if letter is None or count is None or not 1 <= count < 1000:
        return "5h" if letter in (None, "h") else f"1{letter}"
    if letter == "w":
        return f"{7 * int(count)}d"
    return f"{int(count)}{letter}"


def read_minimax(document: Mapping[str, Any], now: float) -> Quota | str:
    """Read ``{base_resp, model_remains: [{model_name, current_interval_remaining_percent, end_time, …weekly…}]}``.

    What it tells is what remains. The row "general" is that of the text models; others are of speech, video, images.
    """
    base = table(document.get("base_resp"))
    code = number(base.get("status_code"))
    if code not in (None, 0.0):
        return refusal(base.get("status_code"), base.get("status_msg"))
    rows = entries(document.get("model_remains"))
    named = {text(row.get("model_name")).lower(): row for row in reversed(rows)}
    row = named.get("general") or next((r for n, r in named.items() if n.startswith("minimax-m")), None)
    if row is None:
        return NOTHING_TOLD
    found: dict[str, Window] = {}
    for name, status, left, end in (
        ("5h", "current_interval_status", "current_interval_remaining_percent", "end_time"),
        ("7d", "current_weekly_status", "current_weekly_remaining_percent", "weekly_end_time"),
    ):
        if number(row.get(status)) == _NO_LIMIT:
            continue
        remains = percent(row.get(left))
        used = (
            1.0
            if number(row.get(status)) == _EXHAUSTED
            else None
            if remains is None
            else max(0.0, 1.0 - remains)
        )
        if used is not None:
            found[name] = window(name, used, moment(row.get(end)), now)
    return _quota(now, found)


def read_nanogpt(document: Mapping[str, Any], now: float) -> Quota | str:
    """Read ``{active, daily: {used, remaining, percentUsed, resetAt}, monthly: {…}}``, or ``weeklyInputTokens`` ….

    Images are counted apart, and are not what is asked for here.
    """
    grace = moment(document.get("graceUntil"))
    if document.get("active") is False and (grace is None or grace <= now):
        return "its subscription is not active"
    found: dict[str, Window] = {}
    for key, name in (
        ("daily", "1d"),
        ("dailyInputTokens", "1d"),
        ("weeklyInputTokens", "7d"),
        ("monthly", "1mo"),
    ):
        told = table(document.get(key))
        used, left = number(told.get("used")), number(told.get("remaining"))
        exact = used is not None and left is not None and used + left > 0
        # The counts are exact; the share was written as a percentage at times.
        part = share(used / (used + left)) if exact and used is not None and left is not None else None
        part = share(told.get("percentUsed")) if part is None else part
        if part is not None:
            found[name] = window(name, part, moment(told.get("resetAt")), now)
    return _quota(now, found)


def read_kilo(document: Mapping[str, Any], now: float) -> Quota | str:
    """Read ``{microdollars_used, total_microdollars_acquired}``: credit bought so far, and how much of it is used.

    It has no reset, so it is never spent as a window is: it may be topped up at any moment, and some models are free.
    """
    user = table(document.get("user")) if "microdollars_used" not in document else document
    used, bought = number(user.get("microdollars_used")), number(user.get("total_microdollars_acquired"))
    part = share(used / bought) if used is not None and bought else None
    return _quota(now, {} if part is None else {"credit": window("credit", part, None, now)})


def refusal(code: Any, said: Any) -> str:
    """Return the words of a failure that came in a 200."""
    what = str(code) if isinstance(code, int | str) and not isinstance(code, bool) else "a failure"
    return f"it answered {what[:20]}" + (f": {said}" if isinstance(said, str) and said else "")


def _quota(now: float, found: Mapping[str, Window]) -> Quota | str:
    return Quota(now, tuple(found.values()), polled=True) if found else NOTHING_TOLD
