"""When there is something to alert of, and in which words. Pure: facts in, alarms out."""

from shlex import quote
from typing import Final, NamedTuple

from ccflared.daemon.alarms.alert import Alarm
from ccflared.money.budgets import millionths
from ccflared.pool.states import NO_MARK, Mark

HISTORY_GRACE: Final = 5.0
"""Seconds for which the history may wait for another program's lock, say, before it is worth an alert."""
_HICCUP: Final = 20.0
"""Seconds. A credential that was accepted before and is now refused once may be a hiccup on the way: it is tried again
soon, and for so long nobody is called."""


class Shortage(NamedTuple):
    """Requests that no account could serve: since when, and what the latest was told."""

    since: float
    last: float
    message: str
    request_id: str
    client: str | None


class Pace(NamedTuple):
    """How often one conversation asks."""

    conversation: str
    requests: int
    client: str | None
    request_id: str
    """Of its latest request."""


def daily_spend(limit: float | None, spent: int, day: str) -> Alarm | None:
    """``limit`` in USD, ``spent`` in millionths of a USD, both for the day."""
    if limit is None or spent < millionths(limit):
        return None
    usd = spent / 1_000_000
    return Alarm(
        "daily_spend",
        f"{day} {limit:g}",
        f"{usd:.2f} USD were billed today",
        f"Today {usd:.2f} USD were billed by all accounts together; [alerts] daily_spend is {limit:.2f} USD. "
        "Nothing is held back by that: a budget does it.",
        value=usd,
        threshold=limit,
    )


def budget_spent(whose: str, name: str, said: str, until: float, *, by_value: bool = False) -> Alarm:
    """``whose``: account, client or whole; ``said``: the sentence that says which budget is spent.

    ``by_value``: what plans cover counts for that of the whole, too.
    """
    what = "all accounts" if whose == "whole" else f"{whose} {name}"
    return Alarm(
        "budget_spent",
        f"{whose} {name} {until:.0f} {said}",
        f"The budget of {what} is spent",
        f"{said[:1].upper()}{said[1:]}: {_held_back(whose, name, by_value=by_value)}",
        account=name if whose == "account" else None,
        client=name if whose == "client" else None,
    )


def _held_back(whose: str, name: str, *, by_value: bool) -> str:
    match whose:
        case "account":
            return f"account {name} is passed over until the period ends."
        case "client":
            return f"requests of client {name} are refused until the period ends."
        case _ if by_value:
            return "no account serves until the period ends."
        case _:
            return "accounts that cost money are skipped until the period ends, and plans go on serving."


def needs_person(name: str, state: str, reason: str | None, rejected: Mark) -> Alarm | None:
    """Say whether an account waits for a person. ``rejected``: what is known of its credential being refused."""
    why = f": {reason}" if reason else ""
    match state:
        case "needs login":
            said = f"Account {name} needs a login{why}. Next: ccflared login {quote(name)}"
        case "no credential":
            said = f"Account {name} has no credential{why}."
        case "expired":
            said = f"The token of account {name} has ended{why}."
        case _ if rejected is not NO_MARK and rejected.until - rejected.since >= _HICCUP:
            said = f"The provider refuses the credential of account {name}: {rejected.reason}."
        case _:
            return None
    return Alarm("needs_login", name, f"Account {name} needs you", said, account=name)


def pool_exhausted(shortage: Shortage) -> Alarm:
    """Tell that requests find nobody."""
    return Alarm(
        "pool_exhausted",
        "",
        "No account could serve a request",
        f"A request was refused because no account could serve it. It was told: {shortage.message}",
        client=shortage.client,
        request_id=shortage.request_id,
    )


def runaway(pace: Pace, limit: int) -> Alarm | None:
    """Tell that a conversation asks more often than anybody would."""
    if not limit or pace.requests <= limit:
        return None
    whose = f" of client {pace.client}" if pace.client else ""
    return Alarm(
        "runaway_conversation",
        pace.conversation,
        f"One conversation{whose} asks very often",
        f"A conversation{whose} asked {pace.requests} times within an hour; [alerts] runaway is {limit}. "
        f"It may be going in circles: ccflared request {pace.request_id} shows its latest request.",
        value=float(pace.requests),
        threshold=float(limit),
        client=pace.client,
        conversation=pace.conversation,
        request_id=pace.request_id,
    )


def history_off(error: str | None, lasted: float) -> Alarm | None:
    """``error``: what keeps the history from being written, for ``lasted`` seconds by now."""
    if error is None or lasted < HISTORY_GRACE:
        return None
    return Alarm(
        "history_off",
        "",
        "The history cannot be written",
        f"The history is off: {error}. Requests are served, but what they cost and came to is not recorded.",
    )
