"""The fields of a request and of an answer in HTTP/2 (RFC 9113, section 8): what may stand there, and what it means.

The library's own checks end the connection, and with it every other request on it; what is checked here ends one.
No I/O.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

Fields = list[tuple[bytes, bytes]]

LARGEST_LIST: Final = 64 * 1024
"""Bytes of a request's fields as HPACK counts them: 32 more for each. It is what may come over HTTP/1.1, too."""
MOST_FIELDS: Final = 512

_OVERHEAD: Final = 32
_NAME: Final = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-z]+")
_METHOD: Final = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
_TARGET: Final = re.compile(rb"[\x21-\x7e]+")
# What h11 takes in, so that whatever comes in by HTTP/2 can be passed on by HTTP/1.1.
_VALUE: Final = re.compile(rb"(?:[^\x00\s]+(?:[ \t]+[^\x00\s]+)*)?")
_PSEUDO: Final = frozenset({b":method", b":scheme", b":path", b":authority"})
_OF_A_CONNECTION: Final = frozenset(
    {b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"}
)


class Malformed(Exception):  # noqa: N818 - it is a fact about a request
    """A request that no server may make sense of; its sentence is for the log."""


class TooLarge(Exception):  # noqa: N818 - the same
    """A request with more fields than are taken in."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for. ``fields``: with Host in front, Cookie as one, and no pseudo-header fields."""

    method: str
    target: bytes
    fields: Fields
    continues: bool
    """Whether the client waits to be told that its body may come."""


def read(listed: Iterable[tuple[bytes, bytes]]) -> Asked:
    """Read the fields of a request in the order in which they came. Raises Malformed, TooLarge."""
    pseudo: dict[bytes, bytes] = {}
    fields: Fields = []
    crumbs: list[bytes] = []
    size = 0
    for count, (name, value) in enumerate(listed, start=1):
        size += len(name) + len(value) + _OVERHEAD
        if size > LARGEST_LIST or count > MOST_FIELDS:
            raise TooLarge
        if name.startswith(b":"):
            if name not in _PSEUDO or name in pseudo or fields or crumbs:
                raise Malformed(f"{name!r} where it must not be")
            pseudo[name] = value
        else:
            _check(name, value)
            if name == b"cookie":
                crumbs.append(value)
            else:
                fields.append((name, value))
    method, target = _line(pseudo)
    if crumbs:
        fields.append((b"cookie", b"; ".join(crumbs)))
    host = _host(pseudo.get(b":authority"), fields)
    others = [field for field in fields if field[0] != b"host"]
    continues = any(name == b"expect" and value.lower() == b"100-continue" for name, value in others)
    return Asked(method, target, [(b"host", host), *others], continues)


def answer(status: int, headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Return how the head of an answer is told. Fields that are about a connection of HTTP/1.1 are left out."""
    told = [(b":status", b"%d" % status)]
    for name, value in headers:
        name = name.lower()  # noqa: PLW2901 - the same name, as HTTP/2 writes it
        if name not in _OF_A_CONNECTION:
            told.append((name, value))
    return told


def _check(name: bytes, value: bytes) -> None:
    if _NAME.fullmatch(name) is None:
        raise Malformed(f"{name!r} is no name of a field")
    if _VALUE.fullmatch(value) is None:
        raise Malformed(f"the value of {name!r} holds what no value may")
    if name in _OF_A_CONNECTION or (name == b"te" and value.lower() != b"trailers"):
        raise Malformed(f"{name!r} belongs to HTTP/1.1")


def _line(pseudo: dict[bytes, bytes]) -> tuple[str, bytes]:
    """Return method and target, which HTTP/1.1 has in its first line."""
    method = pseudo.get(b":method", b"")
    if _METHOD.fullmatch(method) is None:
        raise Malformed("no method")
    if method == b"CONNECT":
        # Its target is a host, as in HTTP/1.1, where it is refused for that.
        if b":scheme" in pseudo or b":path" in pseudo:
            raise Malformed("CONNECT with a path")
        target = pseudo.get(b":authority", b"")
    elif not pseudo.get(b":scheme"):
        raise Malformed("no scheme")
    else:
        target = pseudo.get(b":path", b"")
    if _TARGET.fullmatch(target) is None:
        raise Malformed("no path")
    return method.decode("ascii").upper(), target


def _host(authority: bytes | None, fields: Fields) -> bytes:
    """Return the one host that is meant."""
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1:
        raise Malformed("two hosts")
    if authority is None:
        if not hosts:
            raise Malformed("no host")
        return hosts[0]
    if _VALUE.fullmatch(authority) is None or (hosts and hosts[0].lower() != authority.lower()):
        raise Malformed("an authority that is not the host")
    return authority
