"""``ccflared client list``: the clients of the running daemon, or without one those of the file."""

import json as json_module
import os
from collections.abc import Mapping
from time import time
from typing import Any

from ccflared.cli.first_steps import start_hint
from ccflared.cli.render.clients import listed_lines, read_clients
from ccflared.cli.render.layout import Span
from ccflared.cli.status import Question, ask, other_file, print_json
from ccflared.cli.terminal import complain, say, stdout
from ccflared.config.load import Rejected, find, load
from ccflared.config.model import Client, Config
from ccflared.daemon.access import has_expired
from ccflared.errors import NotRunning, Refused
from ccflared.providers.presets import builtin

_NAMED = ("--socket", "$CCFLARED_SOCKET")
"""Who gives one of these means a daemon, and no file."""


def list_clients(question: Question, *, json: bool, environ: Mapping[str, str] = os.environ) -> int:
    """Print the clients with what they have used; without a daemon, what the file says. Returns 0.

    Raises Refused, UsageError where there is no file, NotRunning where the daemon was named and does not run.
    """
    try:
        answer, snapshot = ask(question.daemon)
        if other_file(snapshot, answer, question) is not None:
            return _from_file(question, json=json, environ=environ)
        answer = question.daemon.get("/api/clients")
    except NotRunning:
        if question.daemon.places[0].why in _NAMED:
            raise
        return _from_file(question, json=json, environ=environ)
    if answer.status != 200:
        raise answer.unexpected("client list")
    if json:
        print_json(answer)
    else:
        _show(answer.value, snapshot.source.file)
    return 0


def _from_file(question: Question, *, json: bool, environ: Mapping[str, str]) -> int:
    path = find(question.config, environ)
    loaded = load(path, environ=environ, builtin=builtin())
    if isinstance(loaded, Rejected):
        raise Refused(f"{path} has mistakes, and no daemon runs from it. ccflared check names them.")
    clients = [_document(loaded.config, client) for client in loaded.config.clients.values()]
    hint = f"No daemon runs from {path}; what was used only a daemon knows: {start_hint(question.config, environ)}"
    if json:
        say(json_module.dumps(clients, indent=2))
        complain(hint)
        return 0
    _show(clients, str(path))
    terminal = stdout()
    terminal.write([(), *terminal.sheet().text(Span(hint, "faint"), indent=0)])
    return 0


def _show(clients: object, file: str) -> None:
    terminal = stdout()
    sheet = terminal.sheet()
    listed = read_clients(clients)
    if listed:
        terminal.write(listed_lines(listed, time(), sheet))
    else:
        terminal.write(sheet.text(f"{file} has no clients: requests need no key.", indent=0))


def _document(config: Config, client: Client) -> dict[str, Any]:
    """Return a client in the shape of ``/api/clients``, without all that only a daemon knows."""
    budget = client.budget
    expired = has_expired(config, client, time())
    return {
        "id": client.name,
        "keys": len(client.key) + len(client.key_sha256),
        "accounts": list(client.accounts),
        "models": list(client.models),
        "pin": client.pin,
        "name": client.name,
        "state": "expired" if expired else None,
        "reason": None,
        "until": None,
        "expires": client.expires.isoformat() if client.expires else None,
        "expired": expired,
        "budget": None
        if budget is None
        else {
            "daily": budget.daily,
            "monthly": budget.monthly,
            "counts": budget.counts,
            "spent_today": None,
            "spent_this_month": None,
        },
        "requests_per_hour": client.requests_per_hour,
        "requests_last_hour": None,
        "refused_last_hour": None,
        "today": None,
        "this_month": None,
        "last_used": None,
    }
