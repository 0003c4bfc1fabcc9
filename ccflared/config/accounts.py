"""Accounts and the providers they are at: [providers.NAME] and [accounts.NAME].

Each field is annotated with its key: the kind of value and what it takes and does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from ccflared.config.kinds import Choice, FilePath, Flag, KeyPath, Number, Reading, Text, Whole
from ccflared.config.net_kinds import HeaderName, PathOrUrl, Url
from ccflared.config.quirks import Quirks, check_quirks
from ccflared.config.reference import SecretRef
from ccflared.config.secret_kinds import SecretSource
from ccflared.config.shapes import Many, MapOf, Table, takes
from ccflared.config.time_kinds import Duration, Instant, TimeOfDay, Weekdays, Zone
from ccflared.config.value_sets import Models

Dialect = Literal["anthropic", "openai-chat", "vertex", "bedrock"]
Auth = Literal["bearer", "x-api-key", "none"]
UsageAuth = Literal["bearer", "x-api-key", "authorization", "none"]
Reads = Literal["anthropic", "zai", "minimax", "nanogpt", "kilo"]

NAME = Text(
    "a name of letters, digits, inner spaces and . _ - (at most 64)",
    r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9._-])?",
)
PATTERNS = Many(Text("a name or a glob"), "a list of names and globs", least=1)
MODELS_DOC = (
    'Names that clients ask for (exact ids, globs, the families fable, opus, sonnet, haiku, or "*") and the '
    'upstream\'s names for them; a list is tried in order, "=" keeps the name.'
)


@dataclass(frozen=True, slots=True)
class OAuth:
    """``oauth = { … }`` of a provider or an account: where tokens come from.

    Endpoints are data; no client id is shipped.
    """

    authorize_url: Annotated[
        str | None, takes(Url(exact=True), "Where `ccflared login` sends the browser.")
    ] = None
    token_url: Annotated[
        str | None, takes(Url(exact=True), "Where codes and refresh tokens are exchanged for tokens.")
    ] = None
    client_id: Annotated[
        str | None, takes(Text("a client id"), "The client id issued to the operator; needed for login.")
    ] = None
    scopes: Annotated[
        tuple[str, ...] | None,
        takes(Many(Text("a scope", r"[!#-\[\]-~]+"), "a list of scopes"), "The scopes that login asks for."),
    ] = None
    redirect_uri: Annotated[
        str | None, takes(Url(exact=True), "The redirect URI registered with the client id.")
    ] = None
    encoding: Annotated[
        Literal["form", "json"] | None,
        takes(
            Choice("form", "json"),
            "How the token endpoint is asked: form, as RFC 6749 has it, or json.",
            absent="form",
        ),
    ] = None
    betas: Annotated[
        tuple[str, ...] | None,
        takes(
            Many(Text("a beta", r"[A-Za-z0-9._-]+"), "a list of betas"),
            "Values that requests with such a token must have in anthropic-beta: appended where they are missing.",
        ),
    ] = None
    access_token: Annotated[
        SecretRef | None,
        takes(
            SecretSource(),
            "An access token that the operator owns; alone it is long-lived and never refreshed.",
        ),
    ] = None
    refresh_token: Annotated[
        SecretRef | None,
        takes(SecretSource(), "A refresh token: a seed, adopted once; the rotated one is kept as state."),
    ] = None
    expires_at: Annotated[float | None, takes(Instant(), "When access_token ends.")] = None


@dataclass(frozen=True, slots=True)
class UsageEndpoint:
    """``usage = { … }`` of a provider: where it can be asked what is used of an account, and how it answers."""

    url: Annotated[
        str,
        takes(
            PathOrUrl(),
            "Where to ask: a path, at the host of the account's base_url; or a URL, which is asked only for "
            "accounts that have no base_url of their own elsewhere.",
        ),
    ]
    reads: Annotated[
        Reads,
        takes(
            Choice("anthropic", "zai", "minimax", "nanogpt", "kilo"),
            "Whose form the answer has: anthropic (that of /api/oauth/usage), zai, minimax, nanogpt or kilo.",
        ),
    ]
    auth: Annotated[
        UsageAuth | None,
        takes(
            Choice("bearer", "x-api-key", "authorization", "none"),
            "How the credential is sent there; authorization: that field with the bare key.",
            absent="the provider's auth",
        ),
    ] = None
    enabled: Annotated[bool, takes(Flag(), "false: its usage is never asked for.")] = True


@dataclass(frozen=True, slots=True)
class Provider:
    """[providers.NAME]: how to address one kind of upstream.

    A table of a built-in name merges over that one.
    """

    dialect: Annotated[
        Dialect,
        takes(
            Choice("anthropic", "openai-chat", "vertex", "bedrock"),
            "The API that the upstream speaks; vertex and bedrock: that of Anthropic as these clouds wrap it.",
        ),
    ] = "anthropic"
    base_url: Annotated[
        str | None,
        takes(
            Url(),
            "Where it is. anthropic: /v1/messages is appended, a /v1 at the end is not doubled. openai-chat: "
            "it includes the version, and /chat/completions is appended; a bare host gets /v1 first.",
            absent="each account gives its own",
        ),
    ] = None
    auth: Annotated[
        Auth | None,
        takes(
            Choice("bearer", "x-api-key", "none"),
            "How the credential is sent: Authorization: Bearer, x-api-key, or not.",
            absent="x-api-key; bearer where the dialect is openai-chat, which knows nothing else",
        ),
    ] = None
    headers: Annotated[
        Mapping[str, SecretRef],
        takes(
            MapOf(HeaderName(), SecretSource(), "a table of headers"),
            "Headers added to every request. The values are secrets; Host, framing and "
            "credential headers are refused.",
        ),
    ] = field(default_factory=dict)
    models: Annotated[Mapping[str, tuple[str, ...]], takes(Models(), MODELS_DOC)] = field(
        default_factory=dict
    )
    oauth: Annotated[
        OAuth | None, takes(Table(OAuth), "Where OAuth tokens come from, for providers that use them.")
    ] = None
    billing: Annotated[
        Literal["plan", "api"],
        takes(
            Choice("plan", "api"),
            "plan: a subscription pays, requests cost no money; api: each request does.",
        ),
    ] = "api"
    usage: Annotated[
        UsageEndpoint | None,
        takes(
            Table(UsageEndpoint),
            "Where usage windows can be asked for while no answer tells of them: at most every ten minutes.",
        ),
    ] = None
    quirks: Annotated[
        Quirks,
        takes(
            Table(Quirks, check=check_quirks),
            "What its API does otherwise than the one that its dialect names.",
        ),
    ] = field(default_factory=Quirks)

    @property
    def sends(self) -> Auth:
        """How the credential is sent, where the file says nothing by the custom of the dialect."""
        return self.auth or ("bearer" if self.dialect == "openai-chat" else "x-api-key")


@dataclass(frozen=True, slots=True)
class Budget:
    """``budget = { … }``: what may be spent, in USD. An account counts money; a client by default value."""

    daily: Annotated[
        float | None, takes(Number("an amount of USD", least=0), "USD a day, in the time zone of the file.")
    ] = None
    monthly: Annotated[float | None, takes(Number("an amount of USD", least=0), "USD a month.")] = None
    counts: Annotated[
        Literal["value", "money"],
        takes(Choice("value", "money"), "value: list price, plan included; money: what is billed."),
    ] = "value"


def check_budget(budget: Budget, path: KeyPath, reading: Reading) -> None:
    """See that a budget says something, and that its day fits into its month."""
    if budget.daily is None and budget.monthly is None:
        reading.wrong(path, "a budget needs daily or monthly, in USD")
    elif budget.daily is not None and budget.monthly is not None and budget.daily > budget.monthly:
        reading.wrong(
            (*path, "daily"), "the daily budget is larger than the monthly one, so it would never count"
        )


@dataclass(frozen=True, slots=True)
class PauseWindow:
    """One entry of ``pause_schedule``: minutes after midnight; end <= start crosses midnight.

    ``days``: 0 is Monday.
    """

    start: Annotated[int, takes(TimeOfDay(), "When the pause begins.", name="from")]
    end: Annotated[int, takes(TimeOfDay(), "When it ends; no later than from: on the next day.", name="to")]
    timezone: Annotated[
        str | None, takes(Zone(), "The time zone of both.", absent="the file's timezone, else the system's")
    ] = None
    days: Annotated[frozenset[int], takes(Weekdays(), "Days on which the pause begins.")] = frozenset(
        range(7)
    )


@dataclass(frozen=True, slots=True)
class Account:
    """[accounts.NAME]: one account at one provider. Its name is its identity in state, history and REST."""

    name: str
    provider: Annotated[
        str, takes(Text("the name of a provider"), "The provider: a built-in one or one of [providers].")
    ]
    enabled: Annotated[bool, takes(Flag(), "false: the account is kept, but never asked.")] = True
    pool: Annotated[bool, takes(Flag(), "false: it serves only where a chain or a pin names it.")] = True
    priority: Annotated[
        int,
        takes(Whole(), "Accounts of a lower number are preferred; among equals routing.strategy chooses."),
    ] = 0
    tier: Annotated[
        float,
        takes(
            Number("a number above 0", above=0),
            "Capacity relative to others of the same priority: Pro 1, Max 5x 5, Max 20x 20.",
        ),
    ] = 1.0
    api_key: Annotated[
        SecretRef | None,
        takes(SecretSource(), "The API key that is sent upstream, as auth of the provider says."),
    ] = None
    base_url: Annotated[
        str | None,
        takes(Url(), "A custom endpoint, written as base_url of a provider.", absent="the provider's"),
    ] = None
    models: Annotated[
        Mapping[str, tuple[str, ...]], takes(Models(), f"{MODELS_DOC} Before the provider's.")
    ] = field(default_factory=dict)
    auto_fallback: Annotated[
        bool,
        takes(
            Flag(),
            "true: conversations return to this account as soon as its usage window resets, even where a prompt cache "
            "elsewhere is still warm.",
        ),
    ] = False
    auto_refresh: Annotated[
        bool,
        takes(
            Flag(),
            "true: when a usage window has ended, the next one is started by one minimal request for "
            "routing.refresh_model.",
        ),
    ] = False
    overage: Annotated[
        Literal["never", "last-resort", "allow"],
        takes(
            Choice("never", "last-resort", "allow"),
            "Whether paid extra usage of a plan may serve requests. never: the account pauses until its window resets; "
            "last-resort: it is asked after all others; allow: it is asked as ever.",
        ),
    ] = "never"
    billing: Annotated[
        Literal["plan", "api"] | None,
        takes(
            Choice("plan", "api"),
            "plan: a subscription pays, requests cost no money; api: each request does.",
            absent="the provider's",
        ),
    ] = None
    budget: Annotated[
        Budget | None,
        takes(
            Table(Budget, check=check_budget, fixed={"counts": "money"}),
            "Money that may be billed; the account is skipped once it is spent.",
        ),
    ] = None
    proxy: Annotated[
        SecretRef | None,
        takes(SecretSource(), "URL of an HTTP proxy to go through. Those of the environment are not heeded."),
    ] = None
    pause_schedule: Annotated[
        tuple[PauseWindow, ...],
        takes(
            Many(Table(PauseWindow), 'a list of tables such as { from = "14:00", to = "18:00" }'),
            "When the account pauses, on every day or on some days of the week.",
        ),
    ] = ()
    max_concurrency: Annotated[
        int | None,
        takes(
            Whole(1), "Requests that it may serve at once; beyond them others are asked.", absent="no limit"
        ),
    ] = None
    one_hour_cache: Annotated[bool, takes(Flag(), "true: prompt caches that last an hour are asked for.")] = (
        False
    )
    session_length: Annotated[
        float | None, takes(Duration("5h"), "How long a session lasts here.", absent="that of [routing]")
    ] = None
    passthrough: Annotated[
        tuple[str, ...],
        takes(
            Many(
                Text('a path prefix such as "/v1/files"', r"/v1(?:/[A-Za-z0-9._~-]+)+/?"),
                "a list of path prefixes",
            ),
            "Path prefixes outside the pool that a request pinned to this account may use.",
        ),
    ] = ()
    insecure: Annotated[
        bool, takes(Flag(), "true: http is allowed to addresses that are neither loopback nor private.")
    ] = False
    link_local: Annotated[
        bool, takes(Flag(), "true: link-local addresses are allowed, where cloud metadata services are.")
    ] = False
    oauth: Annotated[
        OAuth | None,
        takes(
            Table(OAuth), "Its tokens, and where they come from; goes over oauth of the provider key by key."
        ),
    ] = None
    credentials_file: Annotated[
        Path | None,
        takes(
            FilePath(),
            "A credentials file of another program, such as ~/.claude/.credentials.json: read and watched, "
            "never written, never refreshed.",
        ),
    ] = None
