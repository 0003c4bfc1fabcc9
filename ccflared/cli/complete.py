"""``ccflared complete``: names for the completions of shells, a line each; silent where there are none.

Somebody waits with a finger on Tab: nothing is imported that is not needed, the daemon gets 0.4 s for all, and neither
a failure nor a complaint is ever shown. What a terminal or a shell could obey is in no name.
"""

import json
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ccflared.cli.places import Place, config_file, socket_places, tables
from ccflared.cli.render.foreign import bare

_SECONDS: Final = 0.4
_LARGEST: Final = 8 * 1024 * 1024
_MOST: Final = 1000
_LONGEST: Final = 200
_LATEST: Final = 20
"""Requests that are offered: beyond a screen nobody looks for one by its id."""
_PATHS: Final = {
    "accounts": "/api/status",
    "clients": "/api/status",
    "models": "/api/models/offered?names=true",
    "requests": f"/api/requests?limit={_LATEST}",
}


def complete(words: Sequence[str]) -> int | None:
    """Print the names that ``[--config PATH] [--socket PATH] complete WHAT …`` asks for, each with a tab and a hint.

    Returns 0, whatever happens; None where the words say something else.
    """
    asked = _asked(words)
    if asked is None:
        return None
    several, config, chosen = asked
    ends = time.monotonic() + _SECONDS
    try:
        found = [_names(what, config, chosen, ends) for what in several]
        lines = [f"{name}\t{hint}\n" for names in found for name, hint in _fit(names)]
    except (
        OSError,
        ValueError,
        RuntimeError,
        OverflowError,
    ):  # a path with a NUL, a loop of links, no home, …
        return 0
    with suppress(OSError):  # the output is closed, or nobody reads it
        os.write(1, "".join(lines).encode(errors="replace"))
    return 0


def _asked(words: Sequence[str]) -> tuple[Sequence[str], str | None, str | None] | None:
    """Return what is to be completed, and what --config and --socket say; None where the words say something else."""
    places: dict[str, str] = {}
    left = list(words)
    while left and left[0].partition("=")[0] in ("--config", "--socket"):
        option, equals, value = left.pop(0).partition("=")
        if not equals:
            value = left.pop(0) if left else ""
        places[option] = value
    if len(left) < 2 or left[0] != "complete" or any(word.startswith("-") for word in left):
        return None
    return left[1:], places.get("--config"), places.get("--socket")


def _names(what: str, file: str | None, control: str | None, ends: float) -> Iterable[tuple[str, object]]:
    """Return names with a hint each, from the daemon; of accounts and clients from the file where none answers.

    ``ends``: until when the daemon is waited for, on the monotonic clock.
    """
    if what not in _PATHS:
        return ()
    environ = os.environ
    chosen = Path(file).expanduser() if file else None
    config = config_file(chosen, environ)
    places = socket_places(Path(control).expanduser() if control else None, config, environ)
    answer = _ask(places, _PATHS[what], ends)
    match what:
        case "models":
            return [
                (each["id"], each.get("display_name") or "")
                for each in _objects(_part(answer, "offered"), "id")
            ]
        case "requests":
            return [(each["id"], _ending(each)) for each in _objects(answer, "id")]
        case _ if isinstance(answer, dict) and _is_of(answer, chosen):
            return [(each["name"], str(each.get("state", ""))) for each in _objects(answer.get(what), "name")]
        case _:
            return [] if config is None else _of_file(config, what)


def _ask(places: Sequence[Place], path: str, ends: float) -> Any:
    """Return the JSON that the first daemon that takes a connection answers within the time; None for anything else."""
    for place in places:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(max(0.01, ends - time.monotonic()))
            try:
                connection.connect(str(place.path))
            except (OSError, ValueError):
                continue
            try:
                # HTTP/1.0, because its answers end with the connection and have no chunks.
                connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                return _value(_read(connection, ends))
            except (OSError, ValueError, RecursionError):
                return None
    return None


def _read(connection: socket.socket, ends: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while (left := ends - time.monotonic()) > 0 and size < _LARGEST:
        connection.settimeout(left)
        piece = connection.recv(1 << 16)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
    raise TimeoutError


def _value(answer: bytes) -> Any:
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    return json.loads(body) if status == [b"200"] else None


def _part(answer: Any, key: str) -> Any:
    return answer.get(key) if isinstance(answer, dict) else None


def _objects(value: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list that have a name under this key."""
    for each in value if isinstance(value, list) else ():
        if isinstance(each, dict) and isinstance(each.get(name), str):
            yield each


def _is_of(status: Mapping[str, Any], chosen: Path | None) -> bool:
    """Whether a daemon runs from the file that was chosen, if one was."""
    config = status.get("config")
    has = config.get("file") if isinstance(config, dict) else None
    return chosen is None or not isinstance(has, str) or chosen.resolve() == Path(has).resolve()


def _ending(request: Mapping[str, Any]) -> str:
    """Say which request it was: its time of day, model, status and account."""
    at = request.get("at")
    when = time.strftime("%H:%M", time.localtime(at)) if isinstance(at, float | int) else ""
    facts = (when, request.get("model"), request.get("statusCode"), request.get("accountUsed"))
    return " ".join(str(fact) for fact in facts if fact not in (None, ""))


def _of_file(config: Path, what: str) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for table in tables(config):
        section = table.get(what)
        for name, settings in section.items() if isinstance(section, dict) else ():
            provider = settings.get("provider") if isinstance(settings, dict) else None
            found.setdefault(name, provider if isinstance(provider, str) else "")
    return list(found.items())


def _fit(names: Iterable[tuple[str, object]]) -> Iterator[tuple[str, str]]:
    """Yield each name once that can be shown as it is: what is not printable in one would be another name without.

    What begins as an option does would be taken for one, whatever quotes it.
    """
    seen: set[str] = set()
    for name, hint in names:
        if name and name[0] != "-" and name not in seen and len(name) <= _LONGEST and bare(name) == name:
            seen.add(name)
            yield name, bare(hint, limit=60) if isinstance(hint, str) else ""
            if len(seen) == _MOST:
                return
