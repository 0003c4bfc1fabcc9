"""Canned answers about what happened: rows of requests, usage, lines of the log."""

from typing import Any

from canned import NOW, against, alert

CONVERSATION = "claude-code:1957c73d-9364-4fbf-8eb3-4bb1111744a1"


def row(number: int = 1, **facts: Any) -> dict[str, Any]:
    """A request as ``/api/requests`` tells of it, complete unless said otherwise; the higher the number, the later."""
    given: dict[str, Any] = {
        "id": f"req_{number:08x}89abcdef01234567",
        "timestamp": "2026-11-22T18:34:57.000Z",
        "at": NOW - 600 + number,
        "method": "POST",
        "path": "/v1/messages",
        "accountUsed": "primary",
        "provider": "claude-oauth",
        "statusCode": 200,
        "success": True,
        "outcome": "complete",
        "errorMessage": None,
        "responseTimeMs": 3412,
        "firstByteMs": 812,
        "firstTokenMs": 903,
        "lastTokenMs": 3402,
        "overheadUs": 412,
        "failoverAttempts": 0,
        "tries": 1,
        "model": "claude-opus-4-5",
        "originalModel": "claude-opus-4-5",
        "appliedModel": "claude-opus-4-5",
        "promptTokens": 12_340,
        "completionTokens": 342,
        "totalTokens": 12_682,
        "inputTokens": 340,
        "outputTokens": 342,
        "cacheReadInputTokens": 11_000,
        "cacheCreationInputTokens": 1000,
        "cacheCreation5mInputTokens": 600,
        "cacheCreation1hInputTokens": 400,
        "tokensPerSecond": 136.9,
        "costUsd": 0.0412,
        "costSource": "computed",
        "priceSource": "shipped 2026-08-21",
        "billingType": "plan",
        "project": "ccflared",
        "projectSource": "header",
        "clientSessionId": CONVERSATION,
        "apiKeyId": "laptop",
        "apiKeyName": "laptop",
        "client": "laptop",
        "userAgent": "claude-cli/2.1.0 (external, cli)",
        "comboName": None,
        "origin": "client",
        "stream": True,
        "stopReason": "end_turn",
        "streamTerminalState": "complete",
        "rateLimited": False,
        "hasPayload": False,
    }
    return {**given, **facts}


def rows() -> list[dict[str, Any]]:
    """Requests of every kind, the newest first."""
    nothing = dict.fromkeys(
        [
            *("inputTokens", "outputTokens", "cacheReadInputTokens"),
            *("cacheCreation5mInputTokens", "cacheCreation1hInputTokens", "costUsd", "tokensPerSecond"),
            *("firstByteMs", "firstTokenMs", "lastTokenMs", "stopReason"),
        ]
    )
    return [
        row(9, apiKeyName="phone", model="claude-haiku-4-5-20251001", responseTimeMs=640, costUsd=0.0008),
        row(
            8,
            accountUsed=None,
            outcome="refused",
            statusCode=429,
            responseTimeMs=3,
            errorMessage="The account has reached a limit. The first is expected back in 245 s.",
            tries=0,
            **nothing,
        ),
        row(7, accountUsed="router", model="vendor/big-2026", billingType="api", costUsd=None, tries=2),
        row(6, outcome="client_gone", statusCode=200, outputTokens=12, responseTimeMs=65_000),
        row(
            5,
            accountUsed="work",
            billingType="api",
            costUsd=12.5,
            inputTokens=4_600_000,
            outputTokens=64_000,
            responseTimeMs=754_000,
        ),
        row(4, outcome="truncated", errorMessage="the provider's stream broke off after 12 events", tries=3),
        row(
            3,
            outcome="error",
            statusCode=None,
            accountUsed="a-gateway-of-a-long-name",
            errorMessage="\x1b[31mno connection [bold]could[/bold] be made\x07",
            **nothing,
        ),
        row(2, statusCode=400, errorMessage="messages: at least one message is required", **nothing),
        row(1, at=NOW - 86400, model="claude-sonnet-4-5"),
    ]


def page() -> dict[str, Any]:
    """A request that the second account served, in the middle of a conversation."""
    others = [
        {
            "id": f"req_{number:08x}89abcdef01234567",
            "at": NOW - 600 + number * 20,
            "model": "claude-opus-4-5",
            "outcome": "truncated" if number == 5 else "complete",
            "outputTokens": number * 37,
            "costUsd": number / 100,
        }
        for number in range(1, 14)
    ]
    own = row(8)["id"]
    return row(
        8,
        at=NOW - 440,
        accountUsed="gateway",
        tries=3,
        model="vendor/big-2026",
        appliedModel="vendor/big",
        billingType="api",
        comboName="opus",
        responseTimeMs=6410,
        firstByteMs=3842,
        firstTokenMs=3933,
        lastTokenMs=6402,
        hasPayload=True,
        usage={"input_tokens": 340},
        attempts=[
            {
                "account": "primary",
                "provider": "claude-oauth",
                "why": "step 1 of the chain, holds the session",
                "startedMs": 1,
                "tookMs": 312,
                "status": 429,
                "kind": "limit",
                "reason": "limit reached: This request would exceed your account's rate limit.",
                "model": "claude-opus-4-5",
            },
            {
                "account": "work",
                "provider": "anthropic",
                "why": "step 1 of the chain",
                "startedMs": 315,
                "tookMs": 2710,
                "status": 529,
                "kind": "overloaded",
                "reason": "overloaded",
                "model": "claude-opus-4-5",
            },
            {
                "account": "gateway",
                "provider": "anthropic-compatible",
                "why": "step 2 of the chain",
                "startedMs": 3030,
                "tookMs": 811,
                "status": 200,
                "kind": "served",
                "reason": "",
                "model": "vendor/big",
            },
        ],
        passed=[{"account": "coder-plan"} | against("resting", "its 5h window is spent", -300)],
        conversation_requests=[each for each in others if each["id"] != own],
    )


def plain_page() -> dict[str, Any]:
    """A request that needed one try and no conversation."""
    alone = {
        "account": "primary",
        "provider": "claude-oauth",
        "why": "priority 0",
        "startedMs": 0,
        "tookMs": 812,
        "status": 200,
        "kind": "served",
        "reason": "",
        "model": "claude-opus-4-5",
    }
    return row(
        3, clientSessionId=None, project=None, usage={}, attempts=[alone], passed=[], conversation_requests=[]
    )


def refused_page() -> dict[str, Any]:
    """A request that was given to nobody."""
    return rows()[1] | {
        "usage": None,
        "attempts": [],
        "passed": page()["passed"],
        "conversation_requests": [],
    }


def unpriced_page() -> dict[str, Any]:
    """A request of which nobody knows what it cost."""
    unknown = {"costUsd": None, "costSource": None, "priceSource": None, "hasPayload": False}
    return page() | unknown | {"conversation_requests": []}


def part(key: str | None, requests: int, plan: float, money: float, **more: Any) -> dict[str, Any]:
    """What one of the keys used."""
    given: dict[str, Any] = {
        "key": key,
        "requests": requests,
        "succeeded": requests,
        "refused": 0,
        "tokens": {
            "input": 900 * requests,
            "output": 210 * requests,
            "cache_read": 5000 * requests,
            "cache_write_5m": 100 * requests,
            "cache_write_1h": 0,
        },
        "cost_usd": plan + money,
        "plan_usd": plan,
        "money_usd": money,
        "unpriced": 0,
        "unpriced_plan": 0,
        "unpriced_money": 0,
        "first_byte_ms_p50": 812,
        "total_ms_p50": 3100,
        "total_ms_p95": 21_400,
    }
    return {**given, **more}


def consumed(by: str = "account", **more: Any) -> dict[str, Any]:
    """A week of usage, the keys in no order."""
    keys: dict[str, list[str | None]] = {
        "account": ["work", "primary", "a-gateway-of-quite-a-long-name", None],
        "model": ["claude-haiku-4-5", "claude-opus-4-5", 'vendor/"big"-2026', None],
        "client": ["phone", "laptop", "=HYPERLINK(1)", None],
        "project": ["site", "ccflared", "köln-漢字", None],
        "day": ["2026-11-21", "2026-11-20", "2026-11-22", "2026-11-19"],
        "hour": [
            "2026-11-22T17:00+01:00",
            "2026-11-22T16:00+01:00",
            "2026-11-22T18:00+01:00",
            "2026-11-22T15:00+01:00",
        ],
    }
    first, second, third, fourth = keys[by]
    found = [
        part(first, 410, 0.0, 9.61, refused=7),
        part(second, 28_311, 812.4, 0.0),
        part(third, 31, 0.0, 0.004, unpriced=3, unpriced_money=3),
        part(
            fourth,
            2,
            0.0,
            0.0,
            **dict.fromkeys(("cost_usd", "plan_usd", "money_usd", "total_ms_p50", "total_ms_p95")),
            first_byte_ms_p50=None,
            unpriced=1,
            unpriced_plan=1,
        ),
    ]
    total = part("", 28_754, 812.4, 9.614, refused=7, unpriced=4, unpriced_plan=1, unpriced_money=3)
    given = {
        "since": NOW - 7 * 86400,
        "until": NOW,
        "by": by,
        "timezone": "Europe/Berlin",
        "rows": found,
        "total": {name: value for name, value in total.items() if name != "key"},
    }
    return given | more


def nothing_consumed() -> dict[str, Any]:
    """A week in which nothing was asked for."""
    nothing = part("", 0, 0.0, 0.0)
    return consumed(rows=[], total=nothing)


def alerted() -> list[dict[str, Any]]:
    """Alerts of every kind, the newest first: open, over, acknowledged."""
    return [
        alert("pool_exhausted", "No account could serve a request", 300, severity="critical"),
        alert("runaway_conversation", "One conversation of client laptop asks very often", 900),
        alert("budget_spent", "The budget of client ci is spent", 9000, acknowledged=True),
        alert("needs_login", "Account primary needs you", 20_000, resolved_at=NOW - 15_000),
        *(
            alert("test", f"A test, number {number}", 90_000 + number, resolved_at=NOW - 90_000)
            for number in range(20)
        ),
    ]


def line(number: int, level: str, message: str, logger: str = "ccflared.relay") -> dict[str, Any]:
    """A line of the log as ``/api/logs/history`` tells of it."""
    return {
        "ts": round((NOW - 60 + number) * 1000),
        "level": level,
        "msg": message,
        "data": {"logger": logger},
        "id": f"0123abcd-{number}",
    }


def lines() -> list[dict[str, Any]]:
    """Lines of every level, the oldest first."""
    return [
        line(1, "DEBUG", "primary: 5h window 62 %", "ccflared.accounts"),
        line(2, "INFO", "configuration 3 is in force: routing.attempts: 8 -> 4", "ccflared.reload"),
        line(
            3,
            "WARN",
            "primary rests until 18:39: \x1b[31mlimit[/red] reached\x07 for the account, and so on and on",
        ),
        line(4, "ERROR", "history is off: the disk is full", "ccflared.recorder"),
    ]
