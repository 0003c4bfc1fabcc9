"""The accounts and clients of a status document. Pure; what is missing is unknown, as in snapshot.py."""

from typing import NamedTuple

from ccflared.cli.render.document import Json


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


def read_account(item: Json) -> Account:
    """Return one account of a status document."""
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
