"""What needs a person, and what is worth knowing, in sentences. Pure. ``status`` exits by it."""

from typing import NamedTuple

from ccflared.cli.render.members import Account
from ccflared.cli.render.snapshot import Snapshot
from ccflared.cli.render.words import count, listed, many

SERVING = ("ready", "half-open", "doubtful")
"""States in which an account is tried. Doubt only orders: it never refuses."""
CALM = ("off", "paused", "not asked")
"""States that somebody wants: the file, its rules, or who paused it."""
PERSON = ("needs login", "no credential", "expired", "rejected", "unsupported", "endpoint not trusted")
"""States that no waiting mends."""


class Health(NamedTuple):
    """``needs``: a person must act, and ``status`` exits with 1. ``notes``: it may surprise."""

    needs: tuple[str, ...]
    notes: tuple[str, ...]


def health(snapshot: Snapshot, own_version: str) -> Health:
    """Judge a snapshot. ``own_version`` is the version of the command that asks."""
    needs = [_account(account) for account in snapshot.accounts if account.state in PERSON]
    needs += [need for account in snapshot.accounts if (need := _token(account)) is not None]
    needs += [
        f"{listener.address} is not open: {listener.error}"
        for listener in snapshot.listeners
        if listener.error
    ]
    needs += _refused(snapshot)
    if not snapshot.history_ok:
        why = f": {snapshot.history_error}" if snapshot.history_error else ""
        needs.append(f"History is off{why}. Requests are served, but nothing is recorded.")
    if snapshot.payloads_error:
        needs.append(f"Payloads are off: {snapshot.payloads_error}. Requests are served and recorded.")
    return Health(
        tuple(_sentence(need) for need in needs),
        tuple(_sentence(note) for note in _notes(snapshot, own_version)),
    )


def _token(account: Account) -> str | None:
    """Tell of a token that is not renewed, where a person can do something about it."""
    token = account.token
    if token is None or token.problem is None or token.todo is None or account.state in PERSON:
        return None
    return f"The token of {account.name} is not renewed: {token.problem}. Next: {token.todo}"


def _account(account: Account) -> str:
    why = f": {account.reason}" if account.reason else ""
    next_step = account.token.todo if account.token else None
    match account.state:
        case "needs login":
            return f"{account.name} needs a login{why}" + (f". Next: {next_step}" if next_step else "")
        case "no credential":
            return f"{account.name} has no credential{why}"
        case "expired":
            return f"{account.name}: {account.reason}" + (f". Next: {next_step}" if next_step else "")
        case "rejected":
            return f"{account.name} needs another credential{why}"
        case "unsupported":
            return f"{account.name} cannot be used by this version{why}"
        case state:
            return f"{account.name}: {state}{why}"


def _refused(snapshot: Snapshot) -> list[str]:
    refused = snapshot.source.refused
    if refused is None:
        return []
    kept = "The daemon goes on with the one before"
    if refused.mistakes:
        number = many(len(refused.mistakes), "mistake")
        sentence = f"The newest edit of the configuration was refused for {number}. {kept}; "
        return [sentence + "mend the file, and it is read again by itself."]
    if refused.losses:
        sentence = "The newest edit of the configuration would take something away and was refused. "
        return [sentence + "If it is meant: ccflared reload --allow-less"]
    return [f"The newest edit of the configuration was refused. {kept}."]


def _notes(snapshot: Snapshot, own_version: str) -> list[str]:
    notes = [warning for warning in snapshot.source.warnings if not _known(warning, snapshot)]
    if snapshot.source.pending_restart:
        verb = "waits" if len(snapshot.source.pending_restart) == 1 else "wait"
        notes.append(f"{listed(list(snapshot.source.pending_restart))} {verb} for a restart of the daemon.")
    notes += [
        f"{account.name} is on paid extra usage, beyond its plan."
        for account in snapshot.accounts
        if account.usage is not None and account.usage.overage == "in use" and account.state in SERVING
    ]
    if snapshot.prices.error:
        last = "those of the last one" if snapshot.prices.source == "list" else "the shipped ones"
        why = f"There is no newer price list: {snapshot.prices.error}. "
        notes.append(f"{why}Prices are {last}, of {snapshot.prices.date}.")
    if snapshot.history_dropped:
        verb = "was" if snapshot.history_dropped == 1 else "were"
        notes.append(f"{many(snapshot.history_dropped, 'request')} {verb} not recorded since the start.")
    if snapshot.history_queued > 1000:
        notes.append(f"{count(snapshot.history_queued)} rows wait to be written: the disk is slow.")
    if snapshot.version and snapshot.version != own_version:
        notes.append(
            f"The daemon is version {snapshot.version}, this command {own_version}; "
            "a restart of the daemon makes them one."
        )
    return notes


def expected(account: Account) -> float | None:
    """Return when an account will serve again by itself; None: nobody knows, or it needs a person."""
    if account.state not in ("resting", "paused") or account.until is None:
        return None
    whole = [other for other in account.also if not other.single]
    also = [other for other in whole if other.state in ("resting", "paused", *PERSON)]
    ends = [None if other.state in PERSON else other.until for other in also]
    known = [until for until in ends if until is not None]
    return max([account.until, *known]) if len(known) == len(ends) else None


def _known(warning: str, snapshot: Snapshot) -> bool:
    """Tell whether an account that needs a person says the same already."""
    return any(
        account.state in PERSON and account.reason and account.name in warning and account.reason in warning
        for account in snapshot.accounts
    )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) or " ccflared " in text[-40:] else text + "."
