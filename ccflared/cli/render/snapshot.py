"""What the daemon says about itself, from the JSON of ``/api/status`` and ``/api/reload``. Pure.

What is missing is unknown (None, empty, 0), what is new is left out.

Named tuples instead of dataclasses: ten dataclasses would take as long to make as all the rest of the
command, and a prompt may ask every second.
"""

from textwrap import dedent
from typing import NamedTuple

from ccflared.cli.render.document import Json
from ccflared.cli.render.foreign import bare_lines


class Mistake(NamedTuple):
    """A mistake of the file: where it is, what it is, and the line with its caret."""

    place: str
    message: str
    excerpt: tuple[str, ...]


class Verdict(NamedTuple):
    """What became of one version of the configuration."""

    number: int | None
    at: float | None
    cause: str
    applied: bool
    changes: tuple[str, ...]
    needs_restart: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    losses: tuple[str, ...]
    warnings: tuple[str, ...]


class Source(NamedTuple):
    """The configuration in force, and the newer one that was refused, if there is one."""

    file: str
    files: tuple[str, ...]
    serial: int | None
    applied_at: float | None
    cause: str
    pending_restart: tuple[str, ...]
    warnings: tuple[str, ...]
    refused: Verdict | None


class Listener(NamedTuple):
    """One address the daemon listens on, or would."""

    address: str
    url: str
    serve: tuple[str, ...]
    tls: bool
    reach: str
    error: str | None


class Against(NamedTuple):
    """Something that is said against an account, and until when."""

    state: str
    reason: str | None
    until: float | None
    single: bool = False
    """It concerns single models only."""


class Window(NamedTuple):
    """One usage window. ``utilization``: 0 to 1 and a little beyond; None: not told."""

    name: str
    utilization: float | None
    resets_at: float | None
    spent: bool
    age: float | None = None
    """Seconds since it was told of; None: as the usage it is of."""
    polled: bool = False
    """It was told of by polling, not with an answer to a request."""


class Usage(NamedTuple):
    """The usage windows as they were told of ``age`` seconds ago."""

    age: float
    overage: str | None
    windows: tuple[Window, ...]
    polled: bool = False


class Polling(NamedTuple):
    """What came of asking the provider for the usage. ``problem``: why it told nothing the last time."""

    problem: str | None
    next_at: float | None


class Budget(NamedTuple):
    """What may be spent, and what is spent of it, in USD. None: no limit, or not told."""

    daily: float | None
    monthly: float | None
    today: float | None
    this_month: float | None


class Client(NamedTuple):
    """One client as status tells of it, without what only ``client list`` tells."""

    name: str
    state: str
    reason: str | None
    until: float | None
    expires: str | None
    budget: Budget | None
    limit: int | None
    """Requests that it may send in an hour."""
    asked: int | None
    """Requests of the last hour; None: not known, as no daemon was asked."""
    refused: int


class Token(NamedTuple):
    """How an account's OAuth tokens are."""

    kind: str
    valid_until: float | None
    refreshed_at: float | None
    problem: str | None
    since: float | None
    todo: str | None


class Account(NamedTuple):
    """One account as the router sees it; ``order`` None: not a candidate."""

    name: str
    provider: str
    priority: int | None
    tier: float | None
    order: int | None
    state: str
    reason: str | None
    until: float | None
    also: tuple[Against, ...]
    """What is said against it besides the first reason, and against single models of it."""
    session: bool
    usage: Usage | None
    paused_since: float | None
    """Since when it is paused by hand."""
    running: int
    last_used: float | None
    budget: Budget | None = None
    token: Token | None = None
    polling: Polling | None = None


class Share(NamedTuple):
    """What one account did in the last hour."""

    name: str
    requests: int
    failed_attempts: int
    output_tokens: int


class Traffic(NamedTuple):
    """The last hour. ``known`` false: the daemon cannot say."""

    known: bool
    since: float | None
    requests: int
    complete: int
    truncated: int
    error: int
    client_gone: int
    refused: int
    failovers: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    p50: float | None
    p95: float | None
    minutes: tuple[int, ...]
    """Requests a minute, the oldest first."""
    troubled: tuple[int, ...]
    """Those of them that did not end well, or needed another account."""
    accounts: tuple[Share, ...]


class Snapshot(NamedTuple):
    """The whole of ``/api/status``."""

    version: str
    pid: int | None
    started_at: float | None
    now: float
    state: str
    memory: int | None
    source: Source
    listeners: tuple[Listener, ...]
    socket: str
    accounts: tuple[Account, ...]
    clients: tuple[Client, ...]
    running: int
    traffic: Traffic
    history_ok: bool
    history_error: str | None
    history_queued: int
    history_dropped: int


def is_status(value: object) -> bool:
    """Tell whether a JSON value looks like the status of a ccflared of any version."""
    return isinstance(value, dict) and isinstance(value.get("version"), str) and "accounts" in value


def is_verdict(value: object) -> bool:
    """Tell whether a JSON value looks like the verdict on a reload."""
    return isinstance(value, dict) and isinstance(value.get("applied"), bool)


def read_status(value: object) -> Snapshot:
    """Return the snapshot that ``/api/status`` gave."""
    top = Json(value)
    history = top.part("history")
    return Snapshot(
        version=top.text("version"),
        pid=top.whole("pid"),
        started_at=top.number("started_at"),
        now=top.number("now") or 0.0,
        state=top.text("state"),
        memory=top.whole("memory_bytes"),
        source=_source(top.part("config")),
        listeners=tuple(_listener(item) for item in top.parts("listeners")),
        socket=top.part("control").text("socket"),
        accounts=tuple(_account(item) for item in top.parts("accounts")),
        clients=tuple(read_client(item) for item in top.parts("clients")),
        running=top.count("running"),
        traffic=_traffic(top.part("traffic")),
        history_ok=history.flag("ok", default=True),
        history_error=history.maybe("error"),
        history_queued=history.count("queued"),
        history_dropped=history.count("dropped"),
    )


def read_verdict(value: object) -> Verdict:
    """Return one verdict of ``/api/reload``."""
    item = Json(value)
    return Verdict(
        number=item.whole("number"),
        at=item.number("at"),
        cause=item.text("cause"),
        applied=item.flag("applied", default=False),
        changes=item.texts("changes"),
        needs_restart=item.texts("needs_restart"),
        mistakes=tuple(_mistake(mistake) for mistake in item.parts("mistakes")),
        losses=item.texts("losses"),
        warnings=item.texts("warnings"),
    )


def _mistake(item: Json) -> Mistake:
    excerpt = item.raw("excerpt")
    lines = bare_lines(dedent(excerpt)) if isinstance(excerpt, str) else ()
    return Mistake(item.text("place"), item.text("message"), lines if any(lines) else ())


def _source(item: Json) -> Source:
    refused = item.raw("refused")
    return Source(
        file=item.text("file"),
        files=item.texts("files"),
        serial=item.whole("serial"),
        applied_at=item.number("applied_at"),
        cause=item.text("cause"),
        pending_restart=item.texts("pending_restart"),
        warnings=item.texts("warnings"),
        refused=read_verdict(refused) if isinstance(refused, dict) else None,
    )


def _listener(item: Json) -> Listener:
    return Listener(
        address=item.text("address"),
        url=item.text("url"),
        serve=item.texts("serve"),
        tls=item.flag("tls", default=False),
        reach=item.text("reach"),
        error=item.maybe("error"),
    )


def _account(item: Json) -> Account:
    return Account(
        name=item.text("name"),
        provider=item.text("provider"),
        priority=item.whole("priority"),
        tier=item.number("tier"),
        order=item.whole("order"),
        state=item.text("state") or "unknown",
        reason=item.maybe("reason"),
        until=item.number("until"),
        also=tuple(read_against(block) for block in item.parts("also")),
        session=item.flag("session", default=False),
        usage=_usage(item.part("usage")) if isinstance(item.raw("usage"), dict) else None,
        paused_since=item.number("paused_since"),
        running=item.count("running"),
        last_used=item.number("last_used"),
        budget=_budget(item.part("budget")) if isinstance(item.raw("budget"), dict) else None,
        token=_token(item.part("token")) if isinstance(item.raw("token"), dict) else None,
        polling=_polling(item.part("polling")) if isinstance(item.raw("polling"), dict) else None,
    )


def _token(item: Json) -> Token:
    problem = item.part("problem")
    return Token(
        kind=item.text("kind"),
        valid_until=item.number("valid_until"),
        refreshed_at=item.number("refreshed_at"),
        problem=problem.maybe("reason"),
        since=problem.number("since"),
        todo=item.maybe("todo"),
    )


def read_client(item: Json) -> Client:
    """Return one client of ``/api/status`` or ``/api/clients``."""
    return Client(
        name=item.text("name"),
        state=item.text("state") or "unknown",
        reason=item.maybe("reason"),
        until=item.number("until"),
        expires=item.maybe("expires"),
        budget=_budget(item.part("budget")) if isinstance(item.raw("budget"), dict) else None,
        limit=item.whole("requests_per_hour"),
        asked=item.whole("requests_last_hour"),
        refused=item.count("refused_last_hour"),
    )


def _budget(item: Json) -> Budget:
    return Budget(
        daily=item.number("daily"),
        monthly=item.number("monthly"),
        today=item.number("spent_today"),
        this_month=item.number("spent_this_month"),
    )


def read_against(item: Json) -> Against:
    """Return one reason for which an account does not serve."""
    return Against(
        item.text("state") or "unknown",
        item.maybe("reason"),
        item.number("until"),
        item.flag("single", default=False),
    )


def _usage(item: Json) -> Usage:
    return Usage(
        age=max(0.0, item.number("age") or 0.0),
        overage=item.maybe("overage"),
        windows=tuple(
            Window(
                name=window.text("name"),
                utilization=window.number("utilization"),
                resets_at=window.number("resets_at"),
                spent=window.flag("spent", default=False),
                age=window.number("age"),
                polled=window.text("source") == "poll",
            )
            for window in item.parts("windows")
        ),
        polled=item.text("source") == "poll",
    )


def _polling(item: Json) -> Polling:
    return Polling(problem=item.maybe("problem"), next_at=item.number("next_at"))


def _traffic(item: Json) -> Traffic:
    tokens, first = item.part("tokens"), item.part("first_byte_ms")
    return Traffic(
        known=item.flag("known", default=False),
        since=item.number("since"),
        requests=item.count("requests"),
        complete=item.count("complete"),
        truncated=item.count("truncated"),
        error=item.count("error"),
        client_gone=item.count("client_gone"),
        refused=item.count("refused"),
        failovers=item.count("failovers"),
        input=tokens.count("input"),
        output=tokens.count("output"),
        cache_read=tokens.count("cache_read"),
        cache_write=tokens.count("cache_write_5m") + tokens.count("cache_write_1h"),
        p50=first.number("p50"),
        p95=first.number("p95"),
        minutes=item.counts("minutes"),
        troubled=item.counts("troubled"),
        accounts=tuple(
            Share(
                share.text("name"),
                share.count("requests"),
                share.count("failed_attempts"),
                share.count("output_tokens"),
            )
            for share in item.parts("accounts")
        ),
    )
