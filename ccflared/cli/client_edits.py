"""``ccflared client add``, ``rotate``, ``remove``: who may send requests. A key is shown once and never kept."""

import sys
from argparse import Namespace
from dataclasses import replace
from typing import Any

from ccflared.cli.account_edits import check_name
from ccflared.cli.edits import Report, Site, opened, prepared, tell, tell_refusal, unknown
from ccflared.cli.terminal import say, stdout
from ccflared.config.edit import Add, Edit, Put, Remove, Unset
from ccflared.config.editing import NotEdited, commit
from ccflared.config.kinds import KeyPath
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
    notes = ["From now on every request needs a key of a client, also from this machine."]
    report = Report(
        f"Added the client {asked.name} to {at.file}.",
        ("clients", asked.name),
        () if files.tables.get("clients") else tuple(notes),
    )
    return _with_key(at, [Add("clients", asked.name, given)], report, key)


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
        f"The client {name} has a new key, in {at.file}.", ("clients", name), (note,) if keep else ()
    )
    return _with_key(at, edits, report, key)


def _drop_old(at: Site, name: str) -> int:
    """Let only the newest key count."""
    table = _client(at, name)
    if isinstance(table, NotEdited):
        return tell_refusal(at, table)
    path: KeyPath = ("clients", name, "key_sha256")
    digests = table.get("key_sha256")
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
    ready = prepared(at, [Remove("clients", name)], allow_less=allow_less)
    done = ready if isinstance(ready, NotEdited) else commit(ready)
    if isinstance(done, NotEdited):
        return tell_refusal(at, done)
    return tell(
        at,
        done,
        Report(f"Removed the client {name} from {at.file}; its key counts no more."),
        allow_less=allow_less,
    )


def _with_key(at: Site, edits: list[Edit], report: Report, key: Secret) -> int:
    """Make an edit, and show the key once it is written; into a pipe the key alone."""
    ready = prepared(at, edits)
    done = ready if isinstance(ready, NotEdited) else commit(ready)
    if isinstance(done, NotEdited):
        if done.kind == "not writable":
            said = f"{done.sentence[:-1]}. The key that belongs to the digest below is {key.reveal()}."
            done = NotEdited(done.kind, said, paste=done.paste, file=done.file)
        return tell_refusal(at, done)
    if at.json:
        return tell(at, done, replace(report, extra={"key": key.reveal()}))
    if stdout().interactive:
        say(f"The key, which is shown this once:\n\n  {key.reveal()}\n")
        return tell(at, done, report)
    say(key.reveal())
    sys.stdout.flush()
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
