"""The schemas of accounts as ``GET /api/accounts`` lists them, and of what calls about them take and give."""

from typing import Final

from ccflared.api.edited_schemas import edited
from ccflared.api.schemas import (
    ANYTHING,
    FLAG,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    MAYBE_WHOLE,
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

_SESSION: Final = record(
    {
        **each(WHOLE, "requests inputTokens cacheReadInputTokens cacheCreationInputTokens outputTokens"),
        **each(MAYBE_NUMBER, "planCostUsd apiCostUsd"),
        "unpricedRequests": WHOLE,
    }
)
ACCOUNT: Final = record(
    {
        **each(TEXT, "id name provider state rateLimitStatus tokenStatus billingType"),
        "priority": WHOLE,
        "tier": {"type": "number"},
        **each(MAYBE_TEXT, "reason pauseReason tokenExpiresAt lastUsed rateLimitedUntil rateLimitedReason"),
        **each(MAYBE_TEXT, "rateLimitReset customEndpoint usageWindow created"),
        **each(
            FLAG, "paused requiresReauth hasRefreshToken autoFallbackEnabled autoRefreshEnabled isPrimary"
        ),
        **each(FLAG, "autoPauseOnOverageEnabled peakHoursPauseEnabled"),
        "modelMappings": {"type": "object", "additionalProperties": TEXTS},
        "usageUtilization": told(MAYBE_NUMBER, "Per cent, of the fullest window."),
        "usageData": maybe(
            {
                "type": "object",
                "additionalProperties": record({"utilization": MAYBE_NUMBER, "resets_at": MAYBE_TEXT}),
            }
        ),
        **each(told(MAYBE_WHOLE, "Null: the history cannot be read."), "requestCount totalRequests"),
        "sessionInfo": TEXT,
        "sessionStats": maybe(_SESSION),
    }
)
ACCOUNTS: Final = many(ACCOUNT)
EDITED_ACCOUNT: Final = edited(account=maybe(ACCOUNT))
RENAMED: Final = edited(account=maybe(ACCOUNT), newName=TEXT)

_NAME: Final[Schema] = {"type": "string", "minLength": 1}
_MODELS: Final[Schema] = {
    "type": "object",
    "additionalProperties": {"anyOf": [TEXT, TEXTS]},
}
_KEYS: Final[dict[str, Schema]] = {
    **each(ANYTHING, "enabled priority tier auto_fallback auto_refresh overage models budget"),
    **each(ANYTHING, "pause_schedule max_concurrency billing base_url"),
}
"""Keys of the file, as it has them: the file's own schema says what they take (`ccflared schema`)."""
_SECRET: Final[Schema] = {"type": ["string", "null"], "writeOnly": True}
ADD_AT: Final = closed(
    {"name": _NAME},
    {
        **_KEYS,
        **each(_SECRET, "apiKey accessToken refreshToken"),
        "customEndpoint": MAYBE_TEXT,
        "modelMappings": maybe(_MODELS),
        **each(ANYTHING, "provider mode"),
    },
)
ADD: Final = closed(
    {"name": _NAME},
    {
        **_KEYS,
        **each(_SECRET, "apiKey accessToken refreshToken"),
        **each(MAYBE_TEXT, "provider mode customEndpoint"),
        "modelMappings": maybe(_MODELS),
    },
)
PATCH: Final = {**closed({}, {**_KEYS, "apiKey": _SECRET}), "minProperties": 1}
REMOVE: Final = record({"confirm": told(TEXT, "The name of the account.")}, force=SWITCH, allowLess=SWITCH)
RENAME: Final = record({"name": _NAME})
PRIORITY: Final = record({"priority": {"type": "integer"}})
ENABLED: Final = record({"enabled": SWITCH})
BILLING: Final = record({"billingType": one_of("plan", "api", "auto")})
ENDPOINT: Final = record({"customEndpoint": MAYBE_TEXT}, apiKey=_SECRET)
MAPPINGS: Final = record({"modelMappings": maybe(_MODELS)})
FALLBACKS: Final = record({"modelFallbacks": _MODELS})

PROBED: Final = record(
    {
        "success": FLAG,
        "message": TEXT,
        "request": MAYBE_TEXT,
        "model": MAYBE_TEXT,
        "status": MAYBE_WHOLE,
        "kind": MAYBE_TEXT,
        "reason": MAYBE_TEXT,
        "took_ms": MAYBE_WHOLE,
    }
)
REFRESHED: Final = record({"message": TEXT, **each(FLAG, "success pollingRestarted cacheRefreshed")})
