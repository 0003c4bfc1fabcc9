"""``ccflared client add``, ``rotate``, ``remove``: who may send requests. A key is shown once and never kept."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from time import time
from typing import Any

from ccflared.cli.account_edits import check_name
from ccflared.cli.edits import FILES, Report, Site, made, opened, prepared, tell, tell_refusal, unknown
from ccflared.cli.terminal import say, stdout
from ccflared.config.edit import Add, Edit, Put, Remove, Unset
from ccflared.config.editing import Edited, NotEdited, commit
from ccflared.config.kinds import KeyPath
from ccflared.config.model import Config
from ccflared.daemon.access import has_expired, open_administration
from ccflared.errors import Refused
from ccflared.secret import Secret
from ccflared.store.keys import new_key


def run(at: Site, asked: Namespace) -> int:
    """Run one of the words. Returns the exit code; raises UsageError, Refused."""
    match asked.word:
        case "add":
            return _add(at, asked)
        case "rotate":
            return (
                _drop_old(at, asked.name) if asked.drop_old else _rotate(at, asked.name, keep=asked.keep_old)
            )
        case _:
            return _remove(at, asked.name, allow_less=asked.allow_less)


def _add(at: Site, asked: Namespace) -> int:
    check_name(asked.name)
    budget = {"daily": asked.budget_daily, "monthly": asked.budget_monthly}
    key, digest = new_key()
    values: dict[str, object] = {
        "key_sha256": digest,
        "accounts": asked.accounts,
        "models": asked.models,
        "pin": asked.pin or None,
        "budget": {name: usd for name, usd in budget.items() if usd is not None} or None,
        "requests_per_hour": asked.requests_per_hour,
        "expires": asked.expires,
    }
    given = {name: value for name, value in values.items() if value is not None}
    files = opened(at)
    if isinstance(files, NotEdited):
        return tell_refusal(at, files)
    first = not files.tables.get("clients")
    done = made(at, [Add("clients", asked.name, given)])
    notes = () if isinstance(done, NotEdited) else _remarks(done.loaded.config, asked.name, first=first)
    report = Report(f"Added the client {asked.name} to {FILES}.", ("clients", asked.name), tuple(notes))
    return _with_key(at, done, report, key)


def _remarks(config: Config, name: str, *, first: bool) -> Iterator[str]:
    """Yield what else a new client means."""
    if first:
        yield "From now on every request needs a key of a client, also from this machine."
        if open_administration(replace(config, clients={})):
            yield (
                "Administration over TCP is closed from now on: it asks for the token of [admin], and there is none "
                "yet. The commands go on by the control socket."
            )
    if has_expired(config, config.clients[name], time()):
        yield f"Its key counts no more already: it expires on {config.clients[name].expires}."


def _rotate(at: Site, name: str, *, keep: bool) -> int:
    """Give a client a new key, in place of the old one or besides."""
    table = _client(at, name)
    if isinstance(table, NotEdited):
        return tell_refusal(at, table)
    path: KeyPath = ("clients", name, "key_sha256")
    key, digest = new_key()
    old = table.get("key_sha256")
    edits: list[Edit]
    if not keep:
        edits = [Unset(("clients", name, "key")), Put(path, digest)]
    elif old is None:
        edits = [Put(path, digest)]
    elif isinstance(old, list):
        edits = [Put((*path, len(old)), digest)]
    else:
        edits = [Put(path, [old, digest])]
    note = f"The old key counts, too, until: ccflared client rotate {name} --drop-old"
    report = Report(
        f"The client {name} has a new key, in {FILES}.", ("clients", name), (note,) if keep else ()
    )
    if not keep:
        return _with_key(at, made(at, edits), report, key)
    ready = prepared(at, edits)
    return _with_key(at, ready if isinstance(ready, NotEdited) else commit(ready), report, key)


def _drop_old(at: Site, name: str) -> int:
    """Let only the newest key count."""
    table = _client(at, name)
    if isinstance(table, NotEdited):
        return tell_refusal(at, table)
    path: KeyPath = ("clients", name, "key_sha256")
    digests = table.get("key_sha256")
    if not digests and isinstance(table.get("key"), list) and len(table["key"]) > 1:
        said = (
            f"The client {name} has several keys in key = [...], and nothing tells which of them is the newest; "
            "take the old ones out there: ccflared edit."
        )
        return tell_refusal(at, NotEdited("not allowed", said))
    several = isinstance(digests, list) and len(digests) > 1
    if not digests or not (several or "key" in table):
        said = f"The client {name} has one key only; ccflared client rotate {name} makes a new one."
        return tell_refusal(at, NotEdited("not allowed", said))
    edits: list[Edit] = [Unset(("clients", name, "key"))]
    if several:
        edits += [Unset((*path, number)) for number in reversed(range(len(digests) - 1))]
    done = prepared(at, edits)
    made = done if isinstance(done, NotEdited) else commit(done)
    if isinstance(made, NotEdited):
        return tell_refusal(at, made)
    return tell(
        at, made, Report(f"Only the newest key of the client {name} counts from now on.", ("clients", name))
    )


def _remove(at: Site, name: str, *, allow_less: bool) -> int:
    table = _client(at, name)
    if isinstance(table, NotEdited):
        return tell_refusal(at, table)
    done = made(at, [Remove("clients", name)], allow_less=allow_less)
    if isinstance(done, NotEdited):
        return tell_refusal(at, done)
    return tell(
        at,
        done,
        Report(f"Removed the client {name} from {FILES}; its key counts no more."),
        allow_less=allow_less,
    )


def _with_key(at: Site, done: Edited | NotEdited, report: Report, key: Secret) -> int:
    """Show the key of an edit once it is written; into a pipe the key alone. Raises Refused."""
    if isinstance(done, NotEdited):
        if done.kind == "not writable":
            said = f"{done.sentence[:-1]}. The key that belongs to the digest below is {key.reveal()}."
            done = NotEdited(done.kind, said, paste=done.paste, file=done.file)
        return tell_refusal(at, done)
    try:
        if at.json:
            code = tell(at, done, replace(report, extra={"key": key.reveal()}))
            sys.stdout.flush()
            return code
        if stdout().interactive:
            say(f"The key, which is shown this once:\n\n  {key.reveal()}\n")
            return tell(at, done, report)
        say(key.reveal())
        sys.stdout.flush()
    except (OSError, Refused):
        # What is still in the buffer would fail once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        _, name = report.entry
        raise Refused(
            f"The new key of the client {name} is in the file, but could not be printed and is lost; "
            f"ccflared client rotate {name} makes another one."
        ) from None
    return tell(at, done, replace(report, quiet=True))


def _client(at: Site, name: str) -> dict[str, Any] | NotEdited:
    files = opened(at)
    if isinstance(files, NotEdited):
        return files
    clients = files.tables.get("clients", {})
    if not isinstance(clients, dict) or not isinstance(clients.get(name), dict):
        return unknown("client", name, clients)
    table: dict[str, Any] = clients[name]
    return table
