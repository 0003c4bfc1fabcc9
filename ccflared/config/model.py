"""The shape of ccflare.toml, as frozen dataclasses: the whole file, chains, clients, prices, alerts.

Providers and accounts stand in accounts.py, the sections that are there once in settings.py; all of them can
be imported from here.

Each field is annotated with its key: the kind of value and what it takes and does. Absent keys have the
field's default. Everything that reads, checks, prints or documents the file is driven by these annotations.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from ccflared.config.accounts import (
    NAME,
    PATTERNS,
    Account,
    Auth,
    Budget,
    Dialect,
    OAuth,
    PauseWindow,
    Provider,
    Reads,
    UsageAuth,
    UsageEndpoint,
    check_budget,
)
from ccflared.config.chain_kinds import Step, Steps
from ccflared.config.kinds import Choice, Flag, KeyPath, Number, Reading, Text, Whole
from ccflared.config.reference import SecretRef
from ccflared.config.secret_kinds import SecretSource, Sha256
from ccflared.config.settings import (
    Admin,
    Control,
    Cooldown,
    Listen,
    Log,
    Metrics,
    OverloadRetry,
    Plane,
    Routing,
    Server,
    Storage,
    Strategy,
    Tls,
    check_admin,
    check_metrics,
)
from ccflared.config.shapes import Many, Named, Table, takes
from ccflared.config.spending import PriceList, WholeBudget, check_price_list
from ccflared.config.time_kinds import Day, Duration, Zone

__all__ = [
    "Account",
    "Admin",
    "Alerts",
    "Auth",
    "Budget",
    "Client",
    "Config",
    "Control",
    "Cooldown",
    "Dialect",
    "Fallback",
    "Listen",
    "Log",
    "Metrics",
    "OAuth",
    "OverloadRetry",
    "PauseWindow",
    "Plane",
    "Price",
    "PriceList",
    "Provider",
    "Reads",
    "Routing",
    "SecretRef",
    "Server",
    "Step",
    "Storage",
    "Strategy",
    "Tls",
    "UsageAuth",
    "UsageEndpoint",
    "Webhook",
    "WholeBudget",
]


@dataclass(frozen=True, slots=True)
class Fallback:
    """[[fallback]]: an ordered chain for some models, before the general pool.

    The first that matches counts.
    """

    models: Annotated[
        tuple[str, ...],
        takes(
            Many(
                Text("a family, a model id or a glob"),
                "a list of families, ids or globs",
                single=True,
                least=1,
            ),
            "Which requested models it is for: families, exact ids or globs.",
        ),
    ]
    steps: Annotated[
        tuple[Step, ...],
        takes(
            Steps(),
            "Accounts in order: a name, a list of names (one step, shared by the strategy), or a table with account "
            "and the upstream's model. Names may be globs.",
            name="try",
        ),
    ]
    then: Annotated[
        Literal["pool", "fail"],
        takes(
            Choice("pool", "fail"),
            "What follows the chain. pool: the accounts that it has not named; fail: nobody, the request is refused.",
        ),
    ] = "pool"


@dataclass(frozen=True, slots=True)
class Client:
    """[clients.NAME]: who may send requests. With none configured only loopback may, without a key."""

    name: str
    key: Annotated[
        tuple[SecretRef, ...],
        takes(
            Many(SecretSource(), "a secret or a list of secrets", single=True, least=1),
            "The key that it sends, or several while one replaces another. A client has this or key_sha256, or both.",
        ),
    ] = ()
    key_sha256: Annotated[
        tuple[str, ...],
        takes(
            Many(Sha256(), "a SHA-256 in hexadecimal or a list of them", single=True, least=1),
            "SHA-256 of the key in hexadecimal, as `printf %s KEY | sha256sum` prints it.",
        ),
    ] = ()
    accounts: Annotated[
        tuple[str, ...],
        takes(PATTERNS, "Accounts that may serve it, by name or glob: in pool, chains and pins."),
    ] = ("*",)
    models: Annotated[
        tuple[str, ...],
        takes(
            PATTERNS, "Models that it may ask for, by the requested name. /v1/models lists no others for it."
        ),
    ] = ("*",)
    pin: Annotated[
        bool, takes(Flag(), "true: it may choose an account by the header x-ccflared-account.")
    ] = False
    budget: Annotated[
        Budget | None,
        takes(
            Table(Budget, check=check_budget),
            "What it may spend; once it is spent the client is refused, until the day or month has ended. "
            "Models whose price nobody knows are not asked for.",
        ),
    ] = None
    requests_per_hour: Annotated[
        int | None,
        takes(
            Whole(1),
            "Requests that it may have sent upstream in any hour, on any path; others do not count.",
            absent="no limit",
        ),
    ] = None
    expires: Annotated[
        dt.date | None,
        takes(
            Day(), "The day from which its key counts no more, in the time zone of the file.", absent="never"
        ),
    ] = None


def _check_client(client: Client, path: KeyPath, reading: Reading) -> None:
    if not client.key and not client.key_sha256:
        reading.wrong(
            path,
            'a client needs a key; write key = { file = "PATH" }, or key_sha256 = "…"',
            "key",
        )


_PRICE = Number("USD per million tokens", least=0)
_ADDRESS = dict.fromkeys(("address", "bind", "host", "port"), 'the address is one text, listen = "HOST:PORT"')
"""What others call the parts of ``listen``."""


@dataclass(frozen=True, slots=True)
class Price:
    """[pricing.MODEL]: USD per million tokens, over the shipped table; None where the file does not say."""

    input: Annotated[
        float | None, takes(_PRICE, "Input tokens that no cache has to do with.", absent="the shipped price")
    ] = None
    output: Annotated[
        float | None, takes(_PRICE, "Output tokens, thoughts included.", absent="the shipped price")
    ] = None
    cache_read: Annotated[
        float | None, takes(_PRICE, "Tokens read from a prompt cache.", absent="the shipped price")
    ] = None
    cache_write_5m: Annotated[
        float | None, takes(_PRICE, "Tokens written to a cache of five minutes.", absent="the shipped price")
    ] = None
    cache_write_1h: Annotated[
        float | None, takes(_PRICE, "Tokens written to a cache of an hour.", absent="the shipped price")
    ] = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """``webhook = { … }``: where alerts are posted."""

    url: Annotated[SecretRef, takes(SecretSource(), "Where to post; a secret, as such URLs carry tokens.")]
    secret: Annotated[
        SecretRef | None,
        takes(SecretSource(), "Signs what is posted: x-ccflared-signature has its HMAC-SHA256."),
    ] = None
    format: Annotated[
        Literal["json", "ntfy", "slack", "discord"],
        takes(
            Choice("json", "ntfy", "slack", "discord"),
            "How the alert is spelled: json has every fact of it, the others what those services take.",
        ),
    ] = "json"


@dataclass(frozen=True, slots=True)
class Alerts:
    """[alerts]: what is worth telling somebody."""

    daily_spend: Annotated[
        float | None,
        takes(
            Number("an amount of USD", above=0),
            "USD billed in a day, by all accounts together, after which there is an alert; what a plan covers does "
            "not count.",
        ),
    ] = None
    runaway: Annotated[
        int,
        takes(
            Whole(0),
            "Requests of one conversation in an hour after which there is an alert: an agent may be going in circles. "
            "0: never.",
        ),
    ] = 300
    again: Annotated[
        float, takes(Duration("6h"), "After how long an alert is told again whose cause still lasts.")
    ] = 6 * 3600.0
    webhook: Annotated[Webhook | None, takes(Table(Webhook), "Where alerts are posted.")] = None


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file, with its includes merged in and the built-in providers below its own."""

    include: Annotated[
        tuple[str, ...],
        takes(
            Many(Text("a path or a glob"), "a list of paths and globs", single=True),
            "Further files, read in this order, what a glob matches sorted. Only the main file may include.",
        ),
    ] = ()
    timezone: Annotated[
        str | None, takes(Zone(), "The zone of days and months in budgets and totals.", absent="the system's")
    ] = None
    server: Annotated[Server, takes(Table(Server, hints=_ADDRESS), "Where requests come in.")] = field(
        default_factory=Server
    )
    control: Annotated[Control, takes(Table(Control), "The control socket.")] = field(default_factory=Control)
    admin: Annotated[Admin | None, takes(Table(Admin, check=check_admin), "Who may administer over TCP.")] = (
        None
    )
    storage: Annotated[Storage, takes(Table(Storage), "The state directory.")] = field(
        default_factory=Storage
    )
    routing: Annotated[Routing, takes(Table(Routing), "How accounts are chosen and tried.")] = field(
        default_factory=Routing
    )
    providers: Annotated[
        Mapping[str, Provider], takes(Named(NAME, Table(Provider), "tables by name"), "Kinds of upstreams.")
    ] = field(default_factory=dict)
    accounts: Annotated[
        Mapping[str, Account],
        takes(Named(NAME, Table(Account), "tables by name"), "The accounts, in the order of the file."),
    ] = field(default_factory=dict)
    fallback: Annotated[
        tuple[Fallback, ...],
        takes(
            Many(Table(Fallback), "tables written [[fallback]]"), "Chains for some models, before the pool."
        ),
    ] = ()
    clients: Annotated[
        Mapping[str, Client],
        takes(Named(NAME, Table(Client, check=_check_client), "tables by name"), "Who may send requests."),
    ] = field(default_factory=dict)
    pricing: Annotated[
        Mapping[str, Price],
        takes(
            Named(Text("the name of a model"), Table(Price), "tables by name"),
            "Prices over the shipped ones.",
        ),
    ] = field(default_factory=dict)
    price_list: Annotated[
        PriceList, takes(Table(PriceList, check=check_price_list), "Where newer prices come from.")
    ] = field(default_factory=PriceList)
    budget: Annotated[
        WholeBudget | None,
        takes(
            Table(WholeBudget, check=check_budget),
            "What may be spent in all. Models whose price nobody knows are not asked for where they would count.",
        ),
    ] = None
    alerts: Annotated[Alerts, takes(Table(Alerts), "What is worth telling somebody.")] = Alerts()
    metrics: Annotated[Metrics, takes(Table(Metrics, check=check_metrics), "Who may read /metrics.")] = field(
        default_factory=Metrics
    )
    log: Annotated[Log, takes(Table(Log), "What is logged.")] = field(default_factory=Log)
