"""The schemas of the status document, of verdicts on the file, of clients, tokens and explanations."""

from typing import Final, get_args

from ccflared.api.alert_calls import ALERT
from ccflared.api.edited_schemas import edited
from ccflared.api.schemas import (
    ANYTHING,
    FLAG,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    MAYBE_WHOLE,
    NUMBER,
    SWITCH,
    TEXT,
    TEXTS,
    WHOLE,
    Schema,
    closed,
    each,
    many,
    maybe,
    one_of,
    record,
    told,
)
from ccflared.wire import Outcome

VERDICT: Final = record(
    {
        "number": WHOLE,
        "at": NUMBER,
        "cause": TEXT,
        "applied": FLAG,
        **each(TEXTS, "changes needs_restart losses warnings"),
        "mistakes": many(record(each(TEXT, "place message excerpt"))),
    }
)
_BLOCK: Final = record(
    {
        **each(MAYBE_TEXT, "reason by"),
        "state": TEXT,
        "until": MAYBE_NUMBER,
        "single": told(FLAG, "It concerns single models."),
    }
)
_WINDOW: Final = record(
    {
        **each(TEXT, "name source"),
        "family": MAYBE_TEXT,
        **each(MAYBE_NUMBER, "utilization resets_at"),
        "spent": FLAG,
        "age": NUMBER,
    }
)
_USAGE: Final = record(
    {"age": NUMBER, "source": TEXT, "overage": MAYBE_TEXT, "windows": many(_WINDOW)},
)
_TOKEN: Final = record(
    {
        "kind": TEXT,
        **each(MAYBE_NUMBER, "valid_until refreshed_at"),
        "problem": maybe(record({"kind": TEXT, "reason": TEXT, "since": MAYBE_NUMBER})),
        "todo": told(MAYBE_TEXT, "What a person should do."),
    }
)
_SPENT: Final = {**each(MAYBE_NUMBER, "daily monthly"), **each(NUMBER, "spent_today spent_this_month")}
_ACCOUNT: Final = record(
    {
        **each(TEXT, "name provider state"),
        "priority": WHOLE,
        "tier": NUMBER,
        "order": MAYBE_WHOLE,
        "reason": MAYBE_TEXT,
        "until": MAYBE_NUMBER,
        "also": many(_BLOCK),
        "token": maybe(_TOKEN),
        "paused_since": MAYBE_NUMBER,
        "budget": maybe(record(_SPENT)),
        "running": WHOLE,
        "last_used": MAYBE_NUMBER,
        "polling": maybe(
            record(
                {
                    **each(MAYBE_NUMBER, "asked_at next_at"),
                    "problem": MAYBE_TEXT,
                    "failures": WHOLE,
                }
            )
        ),
    },
    by=MAYBE_TEXT,
    session=FLAG,
    usage=maybe(_USAGE),
)
_CLIENT: Final[dict[str, Schema]] = {
    **each(TEXT, "name state"),
    **each(MAYBE_TEXT, "reason expires"),
    "until": MAYBE_NUMBER,
    "expired": FLAG,
    "budget": maybe(record({**_SPENT, "counts": TEXT})),
    "requests_per_hour": MAYBE_WHOLE,
    **each(WHOLE, "requests_last_hour refused_last_hour"),
}
_TOKENS: Final = record(each(MAYBE_WHOLE, "input output cache_read cache_write_5m cache_write_1h"))
_USED: Final = record(
    {**each(WHOLE, "requests refused of_unknown_cost"), "tokens": _TOKENS, **each(NUMBER, "value money")}
)
CLIENTS: Final = many(
    record(
        {
            **_CLIENT,
            "id": TEXT,
            "keys": WHOLE,
            **each(TEXTS, "accounts models"),
            "pin": FLAG,
            **each(maybe(_USED), "today this_month"),
            "last_used": MAYBE_NUMBER,
        }
    )
)
_TRAFFIC: Final = record(
    {
        "known": FLAG,
        "since": NUMBER,
        **each(WHOLE, "requests failovers failovers_limit"),
        **each(WHOLE, " ".join(get_args(Outcome))),
        "tokens": _TOKENS,
        "first_byte_ms": record(each(MAYBE_WHOLE, "p50 p95")),
        **each(many(WHOLE), "minutes troubled"),
        "accounts": many(record({"name": TEXT, **each(WHOLE, "requests failed_attempts output_tokens")})),
    }
)
_TODAY: Final = record(
    {
        "known": FLAG,
        "since": NUMBER,
        "timezone": MAYBE_TEXT,
        **each(WHOLE, f"requests {' '.join(get_args(Outcome))} failovers failovers_limit"),
        "tokens": record(each(WHOLE, "input output cache_read cache_write_5m cache_write_1h")),
        "plan_usd": told(MAYBE_NUMBER, "By list price, of what plans cover. Never added to money."),
        "money_usd": told(MAYBE_NUMBER, "What is paid for by use."),
        **each(WHOLE, "unpriced unpriced_money"),
    }
)
_CERTIFICATE: Final = record(
    {
        "file": TEXT,
        "expires_at": NUMBER,
        "days_left": WHOLE,
        "problem": told(MAYBE_TEXT, "Why what lies in the files now is not shown."),
    }
)
_CHAIN: Final = record(
    {
        "models": TEXTS,
        "steps": many(record({"accounts": TEXTS, "model": MAYBE_TEXT})),
        "then": one_of("pool", "fail"),
        "next": told(
            maybe(record({"for": TEXT, **each(MAYBE_TEXT, "account model"), "step": MAYBE_WHOLE})),
            "Who would be asked now; without a step it is one of the pool.",
        ),
    }
)
_BUDGET: Final = record(
    {
        "of": one_of("account", "client", "all"),
        "name": MAYBE_TEXT,
        "period": one_of("day", "month"),
        **each(NUMBER, "limit_usd spent_usd share resets_at"),
        "counts": one_of("value", "money"),
        "blocked_until": MAYBE_NUMBER,
    }
)
_PRICES: Final = record(
    {
        "source": one_of("shipped", "list"),
        "date": TEXT,
        "models": WHOLE,
        "looked_at": MAYBE_NUMBER,
        "error": MAYBE_TEXT,
    }
)
STATUS: Final = record(
    {
        **each(TEXT, "version state"),
        "pid": WHOLE,
        **each(NUMBER, "started_at now"),
        "memory_bytes": MAYBE_WHOLE,
        "config": record(
            {
                **each(TEXT, "file cause"),
                **each(TEXTS, "files pending_restart warnings"),
                "serial": WHOLE,
                "applied_at": NUMBER,
                "refused": maybe(VERDICT),
            }
        ),
        "listeners": many(
            record(
                {
                    "address": TEXT,
                    "url": MAYBE_TEXT,
                    "serve": TEXTS,
                    "tls": FLAG,
                    "reach": TEXT,
                    "certificate": maybe(_CERTIFICATE),
                    "error": MAYBE_TEXT,
                }
            )
        ),
        "control": record({"socket": TEXT}),
        "storage": record(
            {"directory": TEXT, **each(MAYBE_WHOLE, "bytes max_size"), "error": MAYBE_TEXT},
        ),
        "accounts": many(_ACCOUNT),
        "chains": many(_CHAIN),
        "clients": many(record(_CLIENT)),
        "budgets": many(_BUDGET),
        "prices": _PRICES,
        "running": WHOLE,
        "traffic": _TRAFFIC,
        "today": _TODAY,
        "history": record({"ok": FLAG, "error": MAYBE_TEXT, **each(WHOLE, "queued written dropped")}),
        "payloads": record(
            {
                **each(FLAG, "on ok"),
                "error": MAYBE_TEXT,
                "kept_for": MAYBE_NUMBER,
                **each(WHOLE, "waiting_bytes written dropped"),
            }
        ),
        "alerts": many(ALERT),
    }
)
_ATTEMPT: Final = record(
    {
        **each(TEXT, "account provider why kind reason"),
        **each(WHOLE, "started_ms took_ms"),
        "status": MAYBE_WHOLE,
        "model": MAYBE_TEXT,
    }
)
_PASSED: Final = record({**each(TEXT, "account state"), "reason": MAYBE_TEXT, "until": MAYBE_NUMBER})
_NOW: Final = record(
    {
        **each(MAYBE_TEXT, "model client conversation chain"),
        "strategy": TEXT,
        "now": NUMBER,
        "candidates": many(
            record(
                {
                    "order": WHOLE,
                    "account": TEXT,
                    "model": MAYBE_TEXT,
                    "why": TEXT,
                    "until": MAYBE_NUMBER,
                }
            )
        ),
        "passed": many(_PASSED),
        "refusal": maybe(record({"status": WHOLE, "message": TEXT, "retry_after": MAYBE_NUMBER})),
    }
)
_PAST: Final = record(
    {
        **each(TEXT, "request origin outcome"),
        "at": NUMBER,
        **each(MAYBE_TEXT, "client conversation model served_model chain error"),
        "status": MAYBE_WHOLE,
        "total_ms": WHOLE,
        "attempts": many(_ATTEMPT),
        "passed": many(_PASSED),
    }
)
EXPLAINED: Final[Schema] = {"anyOf": [_NOW, _PAST]}
TOKEN_HEALTH: Final = record(
    {
        **each(TEXT, "id name kind status"),
        "requiresReauth": FLAG,
        **each(MAYBE_TEXT, "tokenExpiresAt refreshedAt message since todo"),
    }
)
BEGUN: Final = record({"success": FLAG, **each(TEXT, "authUrl sessionId step name"), "expiresIn": WHOLE})
FINISHED: Final = record({"success": FLAG, **each(TEXT, "message mode name"), "validUntil": MAYBE_TEXT})

_RIGHTS: Final = each(ANYTHING, "accounts models pin budget requests_per_hour expires")
"""Keys of the file, as it has them."""
CLIENT_ADD: Final = closed({"name": {"type": "string", "minLength": 1}}, _RIGHTS)
CLIENT_PATCH: Final = {**closed({}, _RIGHTS), "minProperties": 1}
CLIENT_REMOVE: Final = record({"confirm": told(TEXT, "The name of the client.")}, allowLess=SWITCH)
CLIENT_ADDED: Final = edited(**each(TEXT, "id name key"))
CLIENT_ROTATED: Final = edited(**each(TEXT, "id key"))
CLIENT_EDITED: Final = edited(id=TEXT)
CONFIG_PATCH: Final = {
    **closed(
        {},
        {
            **each({"type": "object"}, "routing storage pricing"),
            "budget": maybe({"type": "object"}),
            "fallback": maybe(many({"type": "object"})),
        },
    ),
    "minProperties": 1,
}
