"""``GET /api/usage-history``: how full an account's usage windows were, and when they will be used up."""

from dataclasses import asdict
from functools import partial
from time import time
from typing import Any, Final

from ccflared.api import reading
from ccflared.api.calls import Call
from ccflared.api.legacy_usage import iso
from ccflared.api.route import Route
from ccflared.api.schemas import (
    MAYBE_NUMBER,
    MAYBE_TEXT,
    NUMBER,
    TEXT,
    WHOLE,
    each,
    many,
    one_of,
    record,
    told,
)
from ccflared.config.words import no_such
from ccflared.daemon.answers import Reply
from ccflared.errors import ClientError
from ccflared.pool.prediction import Point, Prediction, predict
from ccflared.store.analytics import RANGES
from ccflared.store.samples import Sample, samples


async def history(call: Call) -> Reply:
    """Answer the samples of an account's usage windows, in per cent, each window with what is to be expected of it."""
    account, window = call.asked_for["account"], call.asked_for["window"]
    if not account:
        raise ClientError(400, "invalid_request_error", "account: the name of an account is expected.")
    known = call.running.house.world.config.accounts
    if account not in known:
        raise ClientError(404, "not_found_error", no_such("account", account, known))
    now = time()
    since = now - RANGES[call.asked_for["range"]][0]
    question = partial(samples, account=account, since=since, window=window)
    return await reading.read(
        call,
        lambda connection: {
            "account": account,
            "range": call.asked_for["range"],
            "since": since,
            "windows": [_window(name, many, now) for name, many in question(connection).items()],
        },
        totals=False,
    )


def _window(name: str, many: list[Sample], now: float) -> dict[str, Any]:
    return {
        "window": name,
        "samples": [
            {
                "ts": int(sample.at * 1000),
                "utilization": round(sample.utilization * 100, 2),
                "resetsAt": iso(sample.resets_at),
            }
            for sample in many
        ],
        "prediction": _told(predict([Point(**asdict(sample)) for sample in many], now)),
    }


def _told(prediction: Prediction) -> dict[str, Any]:
    return {
        "state": prediction.state,
        "exhaustsAt": iso(prediction.at),
        "perHour": None if prediction.per_hour is None else round(prediction.per_hour * 100, 4),
        "confidence": "low" if prediction.low_confidence else "normal",
        "points": prediction.points,
    }


ROUTES: Final = (
    Route(
        "GET",
        "/api/usage-history",
        history,
        "The samples of an account's usage windows, in per cent, each window with what is to be expected of it.",
        query={
            "account": {**told(TEXT, "The name of an account."), "minLength": 1, "x-required": True},
            "range": {**one_of(*RANGES), "default": "24h"},
            "window": told(TEXT, "As status names it: 5h, 7d, 7d opus. Default: all."),
        },
        gives={
            200: record(
                {
                    **each(TEXT, "account range"),
                    "since": NUMBER,
                    "windows": many(
                        record(
                            {
                                "window": TEXT,
                                "samples": many(
                                    record({"ts": WHOLE, "utilization": NUMBER, "resetsAt": MAYBE_TEXT})
                                ),
                                "prediction": record(
                                    {
                                        "state": one_of("exhausted", "insufficient_data", "stable", "rising"),
                                        "exhaustsAt": MAYBE_TEXT,
                                        "perHour": told(MAYBE_NUMBER, "Percentage points."),
                                        "confidence": one_of("low", "normal"),
                                        "points": WHOLE,
                                    }
                                ),
                            }
                        )
                    ),
                }
            )
        },
    ),
)
