"""What the daemon says about itself, from the JSON of ``/api/status`` and ``/api/reload``. Pure.

What is missing is unknown (None, empty, 0), what is new is left out.

Named tuples instead of dataclasses: ten dataclasses would take as long to make as all the rest of the
command, and a prompt may ask every second.
"""

from textwrap import dedent
from typing import NamedTuple

from ccflared.cli.render.alerts import Told, read_alerts
from ccflared.cli.render.budgets import BudgetRow, read_budget
from ccflared.cli.render.chains import Chain, read_chain
from ccflared.cli.render.document import Json
from ccflared.cli.render.foreign import bare_lines
from ccflared.cli.render.members import Account, Client, read_account, read_client
from ccflared.cli.render.today import Today, read_today


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
    limits: int | None = None
    """Failovers that hid a limit; None: not told apart from faults."""


class Prices(NamedTuple):
    """Which prices costs are reckoned by: a list's or the shipped ones, and why a list's are not."""

    source: str
    date: str
    error: str | None


class Kept(NamedTuple):
    """Where the history is, and how many bytes it may and does take; None: not known."""

    directory: str
    size: int | None
    most: int | None
    error: str | None


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
    budgets: tuple[BudgetRow, ...]
    prices: Prices
    running: int
    traffic: Traffic
    history_ok: bool
    history_error: str | None
    history_queued: int
    history_dropped: int
    chains: tuple[Chain, ...]
    today: Today
    kept: Kept
    alerts: tuple[Told, ...] = ()
    payloads_error: str | None = None


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
        accounts=tuple(read_account(item) for item in top.parts("accounts")),
        clients=tuple(read_client(item) for item in top.parts("clients")),
        budgets=tuple(read_budget(item) for item in top.parts("budgets")),
        prices=_prices(top.part("prices")),
        running=top.count("running"),
        traffic=_traffic(top.part("traffic")),
        history_ok=history.flag("ok", default=True),
        history_error=history.maybe("error"),
        history_queued=history.count("queued"),
        history_dropped=history.count("dropped"),
        chains=tuple(read_chain(item) for item in top.parts("chains")),
        today=read_today(top.part("today")),
        kept=_kept(top.part("storage")),
        payloads_error=top.part("payloads").maybe("error"),
        alerts=read_alerts(top.parts("alerts")),
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


def _kept(item: Json) -> Kept:
    return Kept(item.text("directory"), item.whole("bytes"), item.whole("max_size"), item.maybe("error"))


def _prices(item: Json) -> Prices:
    return Prices(item.text("source"), item.text("date"), item.maybe("error"))


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
        limits=item.whole("failovers_limit"),
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
