"""Usage answers of five providers: each shape it has, each odd value, and nothing that raises."""

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared import __version__
from ccflared.config.model import Reads
from ccflared.providers.target import Target, UsageAt
from ccflared.providers.usage import Untold, read_usage, usage_request
from ccflared.secret import Secret
from ccflared.wire import Head, Quota, Window

NOW = 1_770_000_000.0
"""2026-02-02T02:40:00Z."""
ISO, AT = "2026-02-02T05:40:00.600956+00:00", 1_770_010_800.600956
MS, SECONDS = 1_770_010_800_000, 1_770_010_800.0
OK = Head(200, ())


def read(reads: Reads, document: object, status: int = 200) -> Quota | Untold:
    return read_usage(reads, Head(status, ()), json.dumps(document).encode(), NOW)


def told(reads: Reads, document: object) -> tuple[Window, ...]:
    quota = read(reads, document)
    assert isinstance(quota, Quota), quota
    assert (quota.at, quota.polled) == (NOW, True)
    return quota.windows


ANTHROPIC = {
    "five_hour": {"utilization": 24.0, "resets_at": ISO},
    "seven_day": {"utilization": 36.5, "resets_at": "2026-02-08T06:59:59Z"},
    "seven_day_sonnet": {"utilization": 1.0, "resets_at": None},
    "seven_day_opus": {"utilization": 100, "resets_at": ISO},
    "seven_day_oauth_apps": None,
    "seven_day_cowork": {"utilization": 100.0, "resets_at": ISO},
    "iguana_necktie": {"utilization": 100.0, "resets_at": ISO},
    "extra_usage": {"is_enabled": False, "monthly_limit": None, "used_credits": None, "utilization": None},
}


def limit(kind: str, percent: object, model: object = None, **more: object) -> dict[str, Any]:
    scope = None if model is None else {"model": {"id": None, "display_name": model}}
    return {"kind": kind, "percent": percent, "resets_at": ISO, "severity": "normal", "scope": scope, **more}


LIMITS = [
    limit("session", 52, is_active=True),
    limit("weekly_all", 20),
    limit("weekly_scoped", 100, "Fable"),
    limit("weekly_scoped", 100, "Mythos 6!"),
    limit("weekly_scoped", 99, None),
    limit("inactive_pool", 100),
    "nonsense",
]

SHAPES: list[tuple[Reads, object, tuple[Window, ...]]] = [
    (
        "anthropic",
        ANTHROPIC,
        (
            Window("5h", 0.24, AT),
            Window("7d", 0.365, 1_770_533_999.0),
            Window("7d opus", 1.0, AT, spent=True, family="opus"),
            Window("7d sonnet", 0.01, None, family="sonnet"),
        ),
    ),
    (
        "anthropic",
        {"five_hour": None, "seven_day": None, "limits": LIMITS},
        (
            Window("5h", 0.52, AT),
            Window("7d", 0.2, AT),
            Window("7d fable", 1.0, AT, spent=True, family="fable"),
            Window("7d mythos-6", 1.0, AT, spent=True, family="mythos-6"),
        ),
    ),
    (
        "anthropic",
        {"five_hour": {"utilization": 51}, "limits": [limit("session", 52)]},
        (Window("5h", 0.52, AT),),
    ),
    ("anthropic", {"five_hour": {"utilization": 0.0, "resets_at": None}}, (Window("5h", 0.0, None),)),
    (
        "zai",
        {
            "code": 200,
            "success": True,
            "data": {
                "limits": [
                    {"type": "TIME_LIMIT", "unit": 5, "number": 1, "percentage": 100, "nextResetTime": MS},
                    {"type": "TOKENS_LIMIT", "unit": 3, "number": 5, "percentage": 10, "nextResetTime": MS},
                    {"type": "tokens_limit", "unit": 6, "number": 1, "percentage": "45", "nextResetTime": MS},
                ]
            },
        },
        (Window("5h", 0.1, SECONDS), Window("7d", 0.45, SECONDS)),
    ),
    (
        "zai",
        {"success": True, "data": {"limits": [{"type": "TOKENS_LIMIT", "percentage": 100}]}},
        (Window("5h", 1.0, None),),
    ),
    (
        "minimax",
        {
            "base_resp": {"status_code": 0, "status_msg": "success"},
            "model_remains": [
                {"model_name": "video", "current_interval_remaining_percent": 0, "end_time": MS},
                {
                    "model_name": "general",
                    "current_interval_remaining_percent": 25,
                    "end_time": MS,
                    "current_weekly_status": 1,
                    "current_weekly_remaining_percent": 0,
                    "weekly_end_time": SECONDS,
                },
            ],
        },
        (Window("5h", 0.75, SECONDS), Window("7d", 1.0, SECONDS, spent=True)),
    ),
    (
        "minimax",
        {
            "model_remains": [
                {
                    "model_name": "MiniMax-M3",
                    "current_interval_status": 2,
                    "end_time": MS,
                    "current_weekly_status": 3,
                    "current_weekly_remaining_percent": 0,
                    "weekly_end_time": MS,
                }
            ]
        },
        (Window("5h", 1.0, SECONDS, spent=True),),
    ),
    (
        "nanogpt",
        {
            "active": True,
            "limits": {"daily": 5000, "monthly": 60000},
            "daily": {"used": 5, "remaining": 4995, "percentUsed": 0.001, "resetAt": MS},
            "monthly": {"used": 45000, "remaining": 15000, "percentUsed": 0.75, "resetAt": MS},
        },
        (Window("1d", 0.001, SECONDS), Window("1mo", 0.75, SECONDS)),
    ),
    (
        "nanogpt",
        {
            "active": True,
            "weeklyInputTokens": {"used": 50, "remaining": 2950, "percentUsed": 1.6, "resetAt": MS},
            "dailyInputTokens": None,
            "dailyImages": {"used": 100, "remaining": 0, "percentUsed": 1, "resetAt": MS},
        },
        (Window("7d", 50 / 3000, SECONDS),),
    ),
    (
        "kilo",
        {"microdollars_used": 9_000_000, "total_microdollars_acquired": 10_000_000},
        (Window("credit", 0.9, None),),
    ),
    (
        "kilo",
        {"microdollars_used": 10_000_000, "total_microdollars_acquired": 10_000_000},
        (Window("credit", 1.0, None),),
    ),
]


@pytest.mark.parametrize(("reads", "document", "windows"), SHAPES, ids=lambda each: str(each)[:40])
def test_each_shape_is_read_as_the_windows_that_the_headers_name(
    reads: Reads, document: object, windows: tuple[Window, ...]
) -> None:
    def rounded(window: Window) -> Window:
        return replace(window, utilization=round(window.utilization or 0.0, 9))

    found = {window.name: rounded(window) for window in told(reads, document)}
    assert found == {window.name: rounded(window) for window in windows}


UNTOLD: list[tuple[Reads, object, str]] = [
    ("anthropic", {}, "the answer tells of no usage window"),
    ("anthropic", {"extra_usage": {"is_enabled": True, "utilization": 100}}, "tells of no usage window"),
    ("anthropic", [], "its answer is no JSON object"),
    (
        "zai",
        {"code": 401, "msg": "token expired or incorrect", "success": False},
        "it answered 401: token expired",
    ),
    ("zai", {"success": False}, "it answered a failure"),
    (
        "minimax",
        {"base_resp": {"status_code": 1004, "status_msg": "login fail"}},
        "it answered 1004: login fail",
    ),
    ("minimax", {"base_resp": {"status_code": 0}, "model_remains": []}, "tells of no usage window"),
    ("nanogpt", {"active": False, "daily": {"percentUsed": 0.1}}, "its subscription is not active"),
    ("kilo", {"microdollars_used": 0, "total_microdollars_acquired": 0}, "tells of no usage window"),
]


@pytest.mark.parametrize(("reads", "document", "reason"), UNTOLD, ids=lambda each: str(each)[:40])
def test_a_failure_in_a_success_says_why(reads: Reads, document: object, reason: str) -> None:
    untold = read(reads, document)
    assert isinstance(untold, Untold)
    assert reason in untold.reason


def test_a_subscription_in_its_grace_is_read() -> None:
    assert told("nanogpt", {"active": False, "graceUntil": MS, "daily": {"percentUsed": 0.5}})


NO_NUMBERS: list[object] = [
    None,
    True,
    "",
    "half",
    -5,
    "-5",
    [],
    {},
    10**400,
    1e300,
    float("nan"),
    float("inf"),
]
ODD: list[tuple[object, float | None]] = [
    *((odd, None) for odd in NO_NUMBERS),
    (0, 0.0),
    ("50", 0.5),
    (100.4, 1.004),
    (1001, None),
]


@pytest.mark.parametrize(("odd", "share"), ODD, ids=lambda each: str(each)[:12])
def test_an_odd_percentage_is_unknown_and_never_nothing(odd: object, share: float | None) -> None:
    (window,) = told("anthropic", {"five_hour": {"utilization": odd, "resets_at": ISO}})
    assert window.utilization == pytest.approx(share)


@pytest.mark.parametrize(
    "odd", [None, True, "", "soon", "2026-02-02T05:40:00", -1, 5, 10**400, 1e20, [], float("nan")]
)
def test_an_odd_reset_is_unknown_and_then_nothing_is_spent(odd: object) -> None:
    (window,) = told(
        "zai", {"data": {"limits": [{"type": "TOKENS_LIMIT", "percentage": 100, "nextResetTime": odd}]}}
    )
    assert (window.utilization, window.resets_at, window.spent) == (1.0, None, False)


@pytest.mark.parametrize("reset", [MS, MS // 1000, str(MS), str(MS // 1000), "2026-02-02T05:40:00Z"])
def test_resets_come_in_seconds_milliseconds_and_iso(reset: object) -> None:
    (window,) = told("anthropic", {"five_hour": {"utilization": 100, "resets_at": reset}})
    assert (window.resets_at, window.spent) == (SECONDS, True)


def test_a_window_whose_reset_has_passed_is_not_spent() -> None:
    past = {"utilization": 100, "resets_at": "2026-02-02T02:39:59Z"}
    assert not told("anthropic", {"five_hour": past})[0].spent


EXTRA = [
    ({"extra_usage": {"is_enabled": True, "utilization": 20}}, "available"),
    ({"extra_usage": {"is_enabled": True, "utilization": 100}}, "unavailable"),
    ({"extra_usage": {"is_enabled": False}}, "unavailable"),
    ({"spend": {"enabled": False, "disabled_reason": "out_of_credits"}}, "unavailable"),
    ({"spend": {"enabled": True, "percent": 5}, "extra_usage": {"is_enabled": False}}, "available"),
    ({"extra_usage": {"is_enabled": "yes"}}, None),
    ({}, None),
]


@pytest.mark.parametrize(("more", "overage"), EXTRA)
def test_extra_usage_is_no_window_and_tells_only_whether_it_is_there(
    more: dict[str, Any], overage: object
) -> None:
    quota = read("anthropic", {"five_hour": {"utilization": 1}, **more})
    assert isinstance(quota, Quota)
    assert (quota.overage, [window.name for window in quota.windows]) == (overage, ["5h"])


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
@pytest.mark.parametrize("reads", get_args(Reads))
def test_what_is_no_json_is_told_in_words(reads: Reads, body: bytes) -> None:
    assert isinstance(read_usage(reads, OK, body, NOW), Untold)


def test_a_refusal_says_its_status_its_message_and_when_it_may_be_asked_again() -> None:
    body = b'{"type":"error","error":{"type":"rate_limit_error","message":"Slow\\u0007 down."}}'
    untold = read_usage("anthropic", Head(429, ((b"retry-after", b"90"),)), body, NOW)
    assert untold == Untold("it answered 429: Slow down.", NOW + 90)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = """five_hour seven_day seven_day_opus limits kind percent resets_at utilization scope model display_name
extra_usage is_enabled spend enabled success code msg data type percentage nextResetTime unit number base_resp
status_code status_msg model_remains model_name current_interval_remaining_percent end_time current_weekly_status
active graceUntil daily weeklyInputTokens used remaining percentUsed resetAt user microdollars_used
total_microdollars_acquired"""
KEYS = st.sampled_from(NAMES.split())
WORDS = st.sampled_from(["general", "TOKENS_LIMIT", "session", "weekly_scoped", "Fable", ISO, "50", "1004"])
NEAR = st.recursive(
    JSON | WORDS | st.floats(0, 200) | st.integers(0, 2 * MS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=12,
)


@given(reads=st.sampled_from(get_args(Reads)), document=st.dictionaries(KEYS, NEAR, max_size=8))
def test_no_json_at_all_raises_and_what_is_spent_has_a_reset(reads: Reads, document: dict[str, Any]) -> None:
    outcome = read(reads, document)
    for window in outcome.windows if isinstance(outcome, Quota) else ():
        assert window.utilization is None or 0 <= window.utilization <= 10
        assert not window.spent or (window.resets_at or 0) > NOW
        assert window.name.isprintable()
        assert len(window.name) < 40


TARGET = Target(
    account="a",
    provider="p",
    dialect="anthropic",
    base_url="https://api.example.com/v1",
    auth="x-api-key",
    credential=Secret("sk-1"),
    headers=((b"x-team", Secret("red")),),
    proxy=None,
    insecure=False,
    link_local=False,
    fingerprint="f",
)


@pytest.mark.parametrize(
    ("auth", "field"),
    [
        ("bearer", (b"authorization", b"Bearer sk-1")),
        ("authorization", (b"authorization", b"sk-1")),
        ("x-api-key", (b"x-api-key", b"sk-1")),
        ("none", None),
    ],
)
def test_the_request_says_who_asks_and_carries_the_credential_as_the_endpoint_wants_it(
    auth: Any, field: tuple[bytes, bytes] | None
) -> None:
    at = UsageAt("https://api.example.com/usage", "zai", auth)
    beta = ((b"anthropic-beta", b"oauth-2025-04-20"),)
    sent = usage_request(at, TARGET, TARGET.credential, beta)
    assert (sent.method, sent.url, sent.body) == ("GET", at.url, b"")
    fields = dict(sent.headers)
    assert fields.pop(b"user-agent") == f"ccflared/{__version__}".encode()
    assert fields.pop(b"x-team") == b"red"
    assert fields.pop(b"anthropic-beta") == b"oauth-2025-04-20"
    assert ({field[0]: field[1]} if field else {}).items() <= fields.items()
    assert (b"sk-1" in b" ".join(fields.values())) == (field is not None)


def test_the_providers_secret_headers_go_to_its_own_host_alone() -> None:
    at = UsageAt("https://www.example.com/usage", "zai", "bearer", at_home=False)
    assert b"x-team" not in dict(usage_request(at, TARGET, TARGET.credential).headers)
