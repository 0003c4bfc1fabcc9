"""Answers of the dashboard's addresses: the shell, the files that it loads, and the way there from other spellings.

Nothing here is secret, so nobody is asked who they are; what the page shows comes from the API, which asks. Every
address given out is relative: a proxy may have cut off a prefix that nobody here knows of.
"""

import re
from typing import Final

from ccflared.daemon.access import Denied
from ccflared.daemon.answers import Reply
from ccflared.daemon.asked import Asked
from ccflared.daemon.page.files import File, Files

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_PART: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""On a program or a style, which is no document: what follows would make a hundred of them half as heavy again."""
GUARDS: Final = (
    *_PART,
    (b"content-security-policy", POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
"""On every other answer here."""
_ALWAYS_ASK: Final = (b"cache-control", b"no-cache")
_FOR_EVER: Final = (b"cache-control", b"public, max-age=31536000, immutable")
_FILE: Final = re.compile(r"/dashboard/([0-9a-f]+)/(.+)")
_GZIP: Final = re.compile(rb"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?(?=,|$)", re.IGNORECASE)


def page_answer(files: Files, asked: Asked) -> Reply:
    """Answer an address of the dashboard. Raises Denied (404, 405)."""
    if asked.method not in ("GET", "HEAD"):
        raise Denied(405, "invalid_request_error", "The dashboard takes GET.", ((b"allow", b"GET, HEAD"),))
    base = asked.door.base_path
    match asked.path:
        case "/" if base and asked.target == base.encode():
            return _elsewhere(f"./{base.rpartition('/')[2]}/")
        case "/":
            return _given(files.shell, asked, _ALWAYS_ASK)
        case "/dashboard":
            return _elsewhere("./")
        case "/dashboard/":
            return _elsewhere("../")
        case _:
            return _versioned(files, asked)


def _versioned(files: Files, asked: Asked) -> Reply:
    """Answer a file, which stays what it is at that address. Raises Denied (404)."""
    found = _FILE.fullmatch(asked.path)
    if found is not None and found[1] == files.version and (file := files.by_name.get(found[2])) is not None:
        return _given(file, asked, _FOR_EVER)
    # Of another version, too: files of two versions do not go together. The page loads itself anew then.
    said = f"There is nothing at {asked.path}."
    raise Denied(404, "not_found_error", said, ((b"cache-control", b"no-store"),))


def _elsewhere(there: str) -> Reply:
    return Reply(307, b"", ((b"location", there.encode()), _ALWAYS_ASK, *GUARDS))


def _given(file: File, asked: Asked, caching: tuple[bytes, bytes]) -> Reply:
    zipped = file.zipped if _takes_gzip(asked.fields.get(b"accept-encoding", b"")) else None
    tag = f'"{file.tag}{"" if zipped is None else "-gzip"}"'.encode()
    headers: tuple[tuple[bytes, bytes], ...] = (
        (b"etag", tag),
        caching,
        (b"vary", b"accept-encoding"),
        *(_PART if file.kind.startswith((b"text/javascript", b"text/css")) else GUARDS),
    )
    if _has(asked.fields.get(b"if-none-match"), tag):
        return Reply(304, b"", headers)
    headers = ((b"content-type", file.kind), *headers)
    if zipped is None:
        return Reply(200, file.plain, headers)
    return Reply(200, zipped, ((b"content-encoding", b"gzip"), *headers))


def _takes_gzip(accepted: bytes) -> bool:
    """Whether gzip is named, and not with a weight of nothing."""
    found = _GZIP.search(accepted)
    return found is not None and (found[1] is None or bool(found[1].strip(b"0.")))


def _has(known: bytes | None, tag: bytes) -> bool:
    """Whether the client says that it has the content of a tag already."""
    if known is None:
        return False
    return known.strip() == b"*" or tag in (each.strip().removeprefix(b"W/") for each in known.split(b","))
