"""Calls that edit the clients of the file. A key is made here, told this once, and kept as its SHA-256 alone."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

from ccflared.api import status_schemas as schemas
from ccflared.api.bodies import flag, settings, text, wrong
from ccflared.api.calls import Call
from ccflared.api.edited import edited
from ccflared.api.edited_schemas import EDITED, PREVIEW
from ccflared.api.route import Route
from ccflared.api.schemas import SWITCH, record
from ccflared.config.edit import Add, Edit, Put, Remove, Unset
from ccflared.config.kinds import KeyPath
from ccflared.config.load import Files
from ccflared.config.model import Client
from ccflared.daemon.answers import Reply
from ccflared.daemon.edits import Deposits, Wish
from ccflared.errors import ClientError
from ccflared.store.keys import new_key

WRITABLE: Final = ("accounts", "models", "pin", "budget", "requests_per_hour", "expires")
"""Keys of a client that REST may write: all but those that hold a key of it."""
_KNOWN: Final = tuple(field.name for field in fields(Client) if field.name != "name")


async def add(call: Call) -> Reply:
    """Add a client with a new key, which is answered this once: ``{name, accounts?, models?, …}``."""
    body = dict(call.body)
    name = text(body, "name")
    del body["name"]
    values = settings(body, WRITABLE, _KNOWN, "a client") if body else {}
    key, digest = new_key()
    given = {word: value for word, value in values.items() if value is not None}
    edits = [Add("clients", name, {"key_sha256": digest, **given})]
    first = not call.running.house.world.config.clients
    said = f"Client {name} is added; its key is told this once."
    if first:
        said += " From now on every request needs a key of a client, also from this machine."
        if call.running.house.world.config.admin is None:
            said += (
                " Administration over TCP is closed from now on, as there is no [admin] token; it goes on by the "
                f"control socket: curl --unix-socket {call.running.control.path} http://localhost/api/accounts"
            )
    wish = Wish(lambda _files, _deposits: edits, call.asked.trusted)
    told = {"id": name, "name": name, "key": key.reveal()}
    return await edited(call, wish, said, lambda: told, new=(key, digest))


async def patch(call: Call) -> Reply:
    """Set keys of a client as the file has them; null takes one out."""
    name = _name(call)
    edits: list[Edit] = [
        Unset(("clients", name, word)) if value is None else Put(("clients", name, word), value)
        for word, value in settings(call.body, WRITABLE, _KNOWN, "a client").items()
    ]
    wish = Wish(lambda _files, _deposits: edits, call.asked.trusted)
    return await edited(call, wish, f"Client {name} is changed.", lambda: {"id": name})


async def rotate(call: Call) -> Reply:
    """Give a client a new key, which is answered this once; ``{keepOld: true}`` lets the ones before count, too."""
    name = _name(call)
    keep = flag(call.body, "keepOld") if "keepOld" in call.body else False
    key, digest = new_key()
    path: KeyPath = ("clients", name, "key_sha256")

    def plan(files: Files, deposits: Deposits) -> Sequence[Edit]:
        del deposits
        old = files.tables.get("clients", {}).get(name, {}).get("key_sha256")
        if not keep:
            return [Unset(("clients", name, "key")), Put(path, digest)]
        if isinstance(old, list):
            return [Put((*path, len(old)), digest)]
        return [Put(path, digest if old is None else [old, digest])]

    wish = Wish(plan, call.asked.trusted)
    said = f"Client {name} has a new key, which is told this once."
    return await edited(call, wish, said, lambda: {"id": name, "key": key.reveal()}, new=(key, digest))


async def remove(call: Call) -> Reply:
    """Remove a client: ``{confirm: NAME}``; ``allowLess`` where it is the last one."""
    name = _name(call)
    if call.body.get("confirm") != name:
        wrong("confirm: the name of the client is expected")
    less = "allowLess" in call.body and flag(call.body, "allowLess")
    wish = Wish(lambda _files, _deposits: [Remove("clients", name)], call.asked.trusted, allow_less=less)
    return await edited(call, wish, f"Client {name} is removed; its key counts no more.")


def _name(call: Call) -> str:
    """Return the client that the path names. Raises ClientError (404) where there is none of that name."""
    name = call.parts[0]
    if name not in call.running.house.world.config.clients:
        raise ClientError(404, "not_found_error", f"There is no client {name}.")
    return name


ROUTES: Final = (
    Route(
        "POST",
        "/api/clients",
        add,
        "Add a client with a new key, which is answered this once.",
        "edit",
        query=PREVIEW,
        body=schemas.CLIENT_ADD,
        gives=schemas.CLIENT_ADDED,
    ),
    Route(
        "PATCH",
        "/api/clients/{name}",
        patch,
        "Set keys of a client as the file has them; null takes one out.",
        "edit",
        query=PREVIEW,
        body=schemas.CLIENT_PATCH,
        gives=schemas.CLIENT_EDITED,
    ),
    Route(
        "DELETE",
        "/api/clients/{name}",
        remove,
        "Remove a client. confirm repeats its name; allowLess where it is the last one.",
        "edit",
        query=PREVIEW,
        body=schemas.CLIENT_REMOVE,
        gives=EDITED,
    ),
    Route(
        "POST",
        "/api/clients/{name}/rotate",
        rotate,
        "Give a client a new key, which is answered this once; keepOld lets the ones before count, too.",
        "edit",
        query=PREVIEW,
        body=record({}, keepOld=SWITCH),
        gives=schemas.CLIENT_ROTATED,
    ),
)
