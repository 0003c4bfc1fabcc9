"""The usage endpoints of five providers, each in its own form. Pure.

Windows that name no reset have ``reset_in`` infinite.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isinf
from typing import Any, Final, Literal

from ccflared.demo.script import Spending, Window

Form = Literal["anthropic", "zai", "minimax", "nanogpt", "kilo"]

FORMS: Final[Mapping[str, Form]] = {
    "/api/oauth/usage": "anthropic",
    "/api/monitor/usage/quota/limit": "zai",
    "/v1/token_plan/remains": "minimax",
    "/api/subscription/v1/usage": "nanogpt",
    "/api/user": "kilo",
}


def told(form: Form, spending: Spending, now: float) -> dict[str, Any] | None:
    """Return what the endpoint answers with a 200; None where it has no word for a refusal in there."""
    if spending.refused:
        return _REFUSALS.get(form)
    five_hour, seven_day = spending.five_hour, spending.seven_day
    match form:
        case "anthropic":
            return _anthropic(spending, now)
        case "zai":
            limits: list[dict[str, Any]] = [{"type": "TIME_LIMIT", "unit": 5, "number": 1, "percentage": 100}]
            for window, unit, number in ((five_hour, 3, 5), (seven_day, 6, 1)):
                if window is not None:
                    share = {"percentage": window.utilization * 100, "nextResetTime": _ms(window, now)}
                    limits.append({"type": "TOKENS_LIMIT", "unit": unit, "number": number, **share})
            return {"code": 200, "success": True, "data": {"limits": limits, "level": "lite"}}
        case "minimax":
            row: dict[str, Any] = {"model_name": "general", "current_weekly_status": 1 if seven_day else 3}
            for window, part, end in (
                (five_hour, "interval", "end_time"),
                (seven_day, "weekly", "weekly_end_time"),
            ):
                if window is not None:
                    row[f"current_{part}_remaining_percent"] = max(0.0, 100 - window.utilization * 100)
                    row[end] = _ms(window, now)
            video = {"model_name": "video", "current_interval_remaining_percent": 0}
            return {"base_resp": {"status_code": 0, "status_msg": "success"}, "model_remains": [video, row]}
        case "nanogpt":
            parts = {"daily": five_hour, "weeklyInputTokens": seven_day}
            windows = {key: _nanogpt(window, now) for key, window in parts.items() if window is not None}
            return {"active": True, "state": "active", **windows}
        case "kilo":
            used = round((five_hour.utilization if five_hour else 0.0) * 10_000_000)
            return {"microdollars_used": used, "total_microdollars_acquired": 10_000_000}


_REFUSALS: Final[Mapping[Form, dict[str, Any]]] = {
    "zai": {"code": 401, "msg": "token expired or incorrect", "success": False},
    "minimax": {"base_resp": {"status_code": 1004, "status_msg": "login fail"}},
    "nanogpt": {"active": False, "state": "inactive", "graceUntil": None},
}


def _anthropic(spending: Spending, now: float) -> dict[str, Any]:
    windows = {"five_hour": spending.five_hour, "seven_day": spending.seven_day}
    windows |= {f"seven_day_{family}": window for family, window in spending.families.items()}
    keys = {
        key: None
        if window is None
        else {"utilization": window.utilization * 100, "resets_at": _iso(window, now)}
        for key, window in windows.items()
    }
    answer: dict[str, Any] = dict.fromkeys(keys) if spending.newer else dict(keys)
    if spending.newer:
        kinds = {"five_hour": "session", "seven_day": "weekly_all"}
        answer["limits"] = [
            {
                "kind": kinds.get(key, "weekly_scoped"),
                "percent": window.utilization * 100,
                "resets_at": _iso(window, now),
                "scope": None if key in kinds else {"model": {"display_name": key[10:].title()}},
            }
            for key, window in windows.items()
            if window is not None
        ]
    if spending.extra is not None:
        answer["extra_usage"] = {
            "is_enabled": spending.extra,
            "monthly_limit": 5000,
            "utilization": 100 * (not spending.extra),
        }
    return answer


def _nanogpt(window: Window, now: float) -> dict[str, Any]:
    used = round(window.utilization * 1000)
    counts = {"used": used, "remaining": max(0, 1000 - used), "percentUsed": window.utilization}
    return {**counts, "resetAt": _ms(window, now)}


def _ms(window: Window, now: float) -> int | None:
    return None if isinf(window.reset_in) else round((now + window.reset_in) * 1000)


def _iso(window: Window, now: float) -> str | None:
    return None if isinf(window.reset_in) else datetime.fromtimestamp(now + window.reset_in, UTC).isoformat()
