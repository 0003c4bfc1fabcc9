"""The table of what an upstream's answer means: whom it speaks of, of what, and until when.

The first row that fits counts. Rows go from the particular to the general, and the last one fits everything that
is left. Nothing here knows an account: what follows from an observation is the pool's business.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ccflared.providers import criteria as c
from ccflared.providers.criteria import after, limited, means
from ccflared.providers.facts import Facts, speaks_the_api
from ccflared.providers.resets import per_minute
from ccflared.wire import Confidence, Scope


@dataclass(frozen=True, slots=True)
class Row:
    """One row: ``when`` an answer falls into it, and what that says."""

    name: str
    when: Callable[[Facts], bool]
    scope: Scope
    kind: str
    reason: str
    """Sentence for people; {what}, {status} and {content} stand for what was answered."""
    until: Callable[[Facts], float | None] = c.untold
    confidence: Confidence = "stated"
    client: bool = False
    """The answer is the client's own business: it is passed on and says nothing of anyone."""
    says: str = ""
    """What the reason does not tell, for the manual."""


_NO_CREDENTIAL: Final = "the credential is not accepted"
_NOT_PAID: Final = "the provider wants to be paid"
_NOT_ALLOWED: Final = "the account may not do this"
_NO_MODEL: Final = "the account has no such model"
_TOO_LONG: Final = "the prompt is too long"
_LIMIT: Final = "limit reached"
_MODEL_LIMIT: Final = "limit for this model reached"
_TOO_MANY: Final = "too many requests at the same time"
_BETWEEN: Final = "answered {status} with {content}: something stands between"

# A row is read across, not down.
# fmt: off
_BY_CODE: Final = (
    Row("code for the credential", means("credential"), "account", "credential", _NO_CREDENTIAL),
    Row("code for money", means("payment"), "account", "payment", _NOT_PAID),
    Row("code for what is forbidden", means("forbidden"), "account", "forbidden", _NOT_ALLOWED),
    Row("code for a usage limit", means("usage limit"), "account", "limit", "usage limit reached", c.message_end,
        says="z.ai's times are those of UTC+8"),
    Row("code for a rate limit", means("rate limit"), "account", "limit", "rate limit reached", after),
    Row("code for concurrency", means("concurrency"), "account", "concurrency", _TOO_MANY, after),
    Row("code for an overload", means("overloaded"), "account", "overloaded", "overloaded", after),
    Row("code for an overloaded model", means("model overloaded"), "model", "overloaded",
        "this model is overloaded", after),
    Row("code for a missing model", means("no such model"), "model", "no such model", _NO_MODEL),
    Row("code for a fault of theirs", means("server error"), "account", "server error", "{what}"),
    Row("code for a long prompt", means("too long"), "request", "too long", _TOO_LONG, client=True),
    Row("code for a fault of the request", means("invalid request"), "request", "invalid request", "{what}",
        client=True),
)

_NOT_THE_API: Final = (
    Row("413 page", lambda f: f.html and f.status == 413, "request", "too long",
        "the request is too large for something on the way", client=True),
    Row("407", lambda f: f.status == 407, "provider", "not the API",
        "a proxy on the way asks for a login (407)"),
    Row("HTML page", c.a_page, "account", "not the API", _BETWEEN, after, "inferred",
        says="a login page, a firewall's block page, or the like; with a 403, 404, 405, 429, 451 or success"),
    Row("success", lambda f: f.status < 300 and speaks_the_api(f.head), "request", "served", "{what}", client=True),
    Row("success that is not the API", lambda f: f.status < 300, "account", "not the API", _BETWEEN,
        confidence="inferred"),
    Row("redirect", lambda f: f.status < 400, "account", "redirect",
        "a redirect ({status}), which is never followed"),
)

_OVERLOAD: Final = (
    Row("529", lambda f: f.status == 529, "account", "overloaded", "overloaded", c.overload_end),
    Row("overload by its name", c.overloaded, "account", "overloaded", "overloaded", c.overload_end,
        says="error.type is overloaded_error, with a 500, a 503 or any other status"),
)

_PLAN: Final = (
    Row("spent window of a model family", limited(c.family_spent), "model", "limit", _MODEL_LIMIT, c.spent_end,
        says="all windows that are spent count one family of models alone, as 7d_opus does"),
    Row("spent window", limited(lambda f: bool(f.spent)), "account", "limit", _LIMIT, c.spent_end),
    Row("out of credits", limited(c.out_of_credits), "model", "out of credits", "out of credits for extra usage", after,
        says="no window is spent: what was asked for is served for paid credits only"),
    Row("family refused by a plan", limited(c.family_claimed), "model", "limit", _MODEL_LIMIT, c.claim_end),
    Row("refused by a plan", limited(c.refused), "account", "limit", _LIMIT, c.claim_end,
        says="the status of the whole is rejected, rate_limited, blocked, queueing_hard, payment_required or unknown"),
    Row("extra usage required", lambda f: f.status in (400, 429) and "extra usage" in f.low, "request", "extra usage",
        "it would be extra usage of the plan",
        says="another account may serve it; if none does, the client gets this answer unchanged"),
)

_LIMITS: Final = (
    Row("error about money", c.unpaid, "account", "payment", _NOT_PAID,
        says="by its code (insufficient_quota, billing_hard_limit_reached and others) whatever the status is, 429 too"),
    Row("spend limit of an organisation", c.spend_limited, "account", "limit", "spend limit reached", c.regained_end,
        says="a 400 of Anthropic's API whose message says when access is regained"),
    Row("limit on concurrency", limited(lambda f: "concurren" in f.low), "account", "concurrency", _TOO_MANY, after),
    Row("limit a minute of a model", limited(lambda f: per_minute(f.head) and f.model is not None), "model", "limit",
        _MODEL_LIMIT, c.per_minute_end, says="Anthropic counts the limits of API keys for each class of models apart"),
    Row("limit a minute", limited(lambda f: per_minute(f.head)), "account", "limit", _LIMIT, c.per_minute_end),
    Row("limit that names the model", limited(lambda f: f.names_model), "model", "limit", _MODEL_LIMIT,
        c.rate_limit_end),
    Row("burst within a plan", limited(c.of_a_plan), "account", "limit", "too many requests at the moment", after,
        says="no window is spent, so their resets, hours or days away, are not when this ends"),
    Row("limit with x-ratelimit fields", limited(lambda f: f.names_limit), "account", "limit", _LIMIT,
        c.rate_limit_end),
    Row("limit with retry-after alone", limited(lambda f: f.names_wait), "account", "limit", _LIMIT, after),
    Row("429 to be retried", limited(c.to_be_retried), "request", "windowless limit", "429 without any limit named",
        confidence="inferred", says="x-should-retry: true and no limit: it speaks of this one request"),
    Row("bare 429", limited(lambda _: True), "account", "limit", _LIMIT, confidence="inferred"),
)

_ACCOUNT: Final = (
    Row("401", c.credential_refused, "account", "credential", _NO_CREDENTIAL, says="or a 4xx with invalid_api_key"),
    Row("402", lambda f: f.status == 402, "account", "payment", _NOT_PAID),
    Row("403 for a token", c.token_refused, "account", "credential", _NO_CREDENTIAL,
        says="Anthropic's words for an OAuth token that was revoked or has expired"),
    Row("403 about the model", c.model_forbidden, "model", "no such model", "the account may not use this model"),
    Row("403", c.forbidden, "account", "forbidden", _NOT_ALLOWED,
        says="or a 400 that says the organization is disabled"),
)

_REST: Final = (
    Row("408", lambda f: f.status == 408, "account", "time-out", "the upstream gave up waiting"),
    Row("HTML page with a 5xx", lambda f: f.status >= 500 and f.html, "account", "server error",
        "{what} with an HTML page"),
    Row("503 with retry-after", lambda f: f.status == 503 and f.names_wait, "account", "overloaded", "overloaded",
        after),
    Row("5xx", lambda f: f.status >= 500, "account", "server error", "{what}"),
    Row("prompt too long", c.too_long, "request", "too long", _TOO_LONG, client=True,
        says="it would be too long for every other account, too"),
    Row("no such model", c.model_unknown, "model", "no such model", _NO_MODEL,
        says="a 400 or 404 by its code or words; another account may have the model"),
    Row("413", lambda f: f.status == 413, "request", "too long", "the request is too large", client=True),
    Row("any other 4xx", lambda _: True, "request", "invalid request", "{what}", client=True,
        says="the request's own fault: it touches no account and is passed on unchanged"),
)

ROWS: Final[tuple[Row, ...]] = (
    Row("limit on counting tokens", limited(lambda f: f.path.endswith("/count_tokens")), "request", "limit",
        "counting tokens is limited", after, says="counted in bursts; it says nothing about messages"),
    *_BY_CODE, *_NOT_THE_API, *_OVERLOAD, *_PLAN, *_LIMITS, *_ACCOUNT, *_REST,
)
"""All rows, in the order in which they are tried."""
# fmt: on


def row_of(facts: Facts) -> Row:
    """Return the row that an answer falls into: the first that fits."""
    return next(row for row in ROWS if row.when(facts))
