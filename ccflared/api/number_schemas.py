"""The schemas of what the history adds up to: see numbers.py."""

from typing import Any, Final

from ccflared.api.schemas import (
    FLAG,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    MAYBE_WHOLE,
    NUMBER,
    TEXT,
    WHOLE,
    Schema,
    each,
    many,
    maybe,
    one_of,
    record,
    told,
)
from ccflared.store.failures import LOOKED_AT
from ccflared.store.latency import FEW, PERCENTILES

_MONEY: Final[dict[str, Schema]] = {
    **each(told(MAYBE_NUMBER, "USD; null: nothing is known."), "costUsd planCostUsd apiCostUsd"),
    "unpricedRequests": told(MAYBE_WHOLE, "Requests whose cost nobody knows; it is in none of the sums."),
}
_POINT: Final[dict[str, Schema]] = {
    "requests": WHOLE,
    "tokens": MAYBE_WHOLE,
    **_MONEY,
    **each(MAYBE_NUMBER, "successRate errorRate cacheHitRate avgResponseTime avgTokensPerSecond"),
}
_TIME: Final = told(MAYBE_WHOLE, "Milliseconds, from a histogram; null: nothing to tell of.")
_PERCENTILES: Final = each(_TIME, " ".join(PERCENTILES))
STATS: Final = record(
    {
        **each(WHOLE, "totalRequests activeAccounts totalTokens unpricedRequests"),
        "successRate": told(MAYBE_WHOLE, "Per cent; null of nothing."),
        **each(MAYBE_NUMBER, "avgResponseTime totalCostUsd planCostUsd apiCostUsd avgTokensPerSecond"),
        "topModels": many(record({"model": MAYBE_TEXT, "count": WHOLE, "percentage": MAYBE_NUMBER})),
        "accounts": many(
            record(
                {
                    "name": MAYBE_TEXT,
                    **each(WHOLE, "requestCount totalTokens"),
                    **each(MAYBE_NUMBER, "successRate costUsd"),
                }
            )
        ),
        "recentErrors": many(
            record(
                {
                    **each(TEXT, "id errorCode outcome path"),
                    **each(NUMBER, "at firstSeen"),
                    "occurrenceCount": told(
                        WHOLE, "Of each status, and each outcome, at most 200 are counted."
                    ),
                    "statusCode": MAYBE_WHOLE,
                    **each(MAYBE_TEXT, "account provider model client errorMessage"),
                }
            )
        ),
        "since": told(NUMBER, "The beginning of the first day."),
    }
)
_BURN: Final = "avgDailyPlanCostUsd avgDailyApiCostUsd avgWeeklyPlanCostUsd avgWeeklyApiCostUsd"
_TOTALS: Final[dict[str, Schema]] = {
    "requests": WHOLE,
    **each(MAYBE_WHOLE, "totalTokens unpricedRequests"),
    **each(MAYBE_NUMBER, "successRate avgResponseTime cacheHitRate avgTokensPerSecond"),
    **each(MAYBE_NUMBER, "totalCostUsd planCostUsd apiCostUsd"),
    **_PERCENTILES,
}
_META: Final = record(
    {
        "range": TEXT,
        "bucket": TEXT,
        "cumulative": FLAG,
        "since": NUMBER,
        "until": NUMBER,
        "status": TEXT,
        "countsOnly": told(
            FLAG, "Beyond six hours only the numbers of requests are kept apart by how they ended."
        ),
        "previousSince": told(NUMBER, "Since when `previous` is told; it ends where the range begins."),
        "timezone": told(MAYBE_TEXT, "Of days and of the heatmap; null: the system's."),
        "omitted": told(
            many(TEXT),
            "What is left empty because names that are picked and told stand together in too many totals: parts, "
            "or timeSeries.percentiles.",
        ),
    }
)
_BY_NAME: Final[dict[str, Schema]] = {
    "tokenBreakdown": record(
        {
            **each(MAYBE_WHOLE, "inputTokens cacheReadInputTokens cacheCreationInputTokens outputTokens"),
            **each(MAYBE_WHOLE, "cacheCreation5mInputTokens cacheCreation1hInputTokens"),
        }
    ),
    "modelDistribution": many(record({"model": MAYBE_TEXT, "count": WHOLE})),
    "accountPerformance": many(record({"name": MAYBE_TEXT, **_POINT, **_PERCENTILES})),
    "apiKeyPerformance": many(record({"id": TEXT, "name": TEXT, **_POINT})),
    "projectPerformance": many(record({"name": MAYBE_TEXT, **_POINT})),
    "costByModel": many(record({"model": MAYBE_TEXT, **_MONEY, **each(WHOLE, "requests totalTokens")})),
    "accountModelUsage": many(record({"account": MAYBE_TEXT, "model": MAYBE_TEXT, "count": WHOLE})),
    "modelPerformance": many(
        record(
            {
                "model": MAYBE_TEXT,
                "requests": WHOLE,
                **_PERCENTILES,
                **each(MAYBE_NUMBER, "avgResponseTime errorRate avgTokensPerSecond"),
                **each(told(MAYBE_NUMBER, "Not kept: null."), "minTokensPerSecond maxTokensPerSecond"),
            }
        )
    ),
}
_PREVIOUS: Final = told(
    maybe(record(_TOTALS)),
    "Of as long a time before; null: the history does not reach back to its beginning.",
)
ANALYTICS: Final = record(
    {
        "meta": _META,
        "totals": record(
            {
                **_TOTALS,
                "activeAccounts": told(MAYBE_WHOLE, "Null: shares are not told."),
                **each(
                    told(
                        MAYBE_NUMBER,
                        "Of 7 days, or 30 for weeks; or of as many as there is anything of. Null before a day has "
                        "passed.",
                    ),
                    _BURN,
                ),
            }
        ),
    },
    previous=_PREVIOUS,
    timeSeries=many(
        told(
            record(
                {"ts": told(WHOLE, "Milliseconds."), **_POINT, **each(_TIME, " ".join(FEW))}, model=MAYBE_TEXT
            ),
            "Empty ones are absent; by model, all but the ten busiest. No times by model, or cumulative.",
        )
    ),
    costByDay=told(
        many(record({"day": TEXT, "requests": WHOLE, "tokens": MAYBE_WHOLE, **_MONEY})), "Of 7 days and more."
    ),
    heatmap=told(
        many(
            record(
                {
                    "weekday": told(WHOLE, "0: Monday."),
                    **each(WHOLE, "hour requests"),
                    "tokens": MAYBE_WHOLE,
                    "costUsd": MAYBE_NUMBER,
                }
            )
        ),
        "Of 24 hours and more, by the clock of the time zone; empty hours are absent.",
    ),
    **_BY_NAME,
)
ERRORS: Final = record(
    {
        "range": TEXT,
        **each(NUMBER, "since until"),
        "groups": told(
            many(
                record(
                    {
                        **each(TEXT, "errorCode outcome requestId"),
                        "statusCode": MAYBE_WHOLE,
                        **each(MAYBE_TEXT, "account provider model errorMessage"),
                        "count": WHOLE,
                        "atLeast": told(
                            FLAG, f"There may be more: of each status and outcome {LOOKED_AT} are looked at."
                        ),
                        **each(NUMBER, "first last"),
                    }
                )
            ),
            "The latest first; requestId and errorMessage are of the latest.",
        ),
    }
)
_USED: Final[dict[str, Any]] = {
    **each(WHOLE, "requests succeeded refused unpriced unpriced_plan unpriced_money"),
    "tokens": record(each(WHOLE, "input output cache_read cache_write_5m cache_write_1h")),
    **each(told(MAYBE_NUMBER, "Null: nothing is known."), "cost_usd plan_usd money_usd"),
    **each(told(MAYBE_WHOLE, "From a histogram."), "first_byte_ms_p50 total_ms_p50 total_ms_p95"),
}
USAGE: Final = record(
    {
        "since": told(NUMBER, "The beginning of the first hour, or day."),
        "until": NUMBER,
        "by": one_of("account", "model", "client", "project", "day", "hour"),
        "timezone": told(MAYBE_TEXT, "Of days; null: the system's."),
        "historyError": told(MAYBE_TEXT, "Why the history cannot be written: what came since is missing."),
        "rows": many(record({"key": MAYBE_TEXT, **_USED})),
        "total": record(_USED),
    }
)
_CACHED: Final[dict[str, Schema]] = {
    **each(WHOLE, "requests inputTokens cacheReadInputTokens cacheCreationInputTokens unpricedRequests"),
    **each(MAYBE_NUMBER, "cacheHitRate savingsUsd"),
    "savingsEstimated": told(FLAG, "By the mean of all models, as for clients and projects."),
    "flagged": told(FLAG, "Less than half is read from the cache, of ten requests or more."),
}
_CACHED_ROWS: Final = many(record({"key": MAYBE_TEXT, **_CACHED}))
CACHE: Final = record(
    {
        "range": TEXT,
        "since": NUMBER,
        "totals": record(_CACHED),
        **each(_CACHED_ROWS, "byAccount byModel byClient byProject"),
        "flagged": many(record({"kind": TEXT, "key": MAYBE_TEXT, **_CACHED})),
    }
)
