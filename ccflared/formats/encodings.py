"""Undoes the Content-Encoding of a request's body, and never makes more of it than it may become.

Codex compresses its requests with zstd when it is logged in with ChatGPT. A few bytes can be packed so that they become
gigabytes, so nothing is unpacked beyond the limit.
"""

import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol

from ccflared.errors import ClientError

try:
    from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # Python 3.14
except ImportError:
    try:
        from backports import zstd
    except ImportError:
        zstd = None  # type: ignore[assignment,unused-ignore]

_MOST_CODINGS: Final = 4
_MOST_MEMBERS: Final = 16
"""Files of gzip, or frames of zstd, that may follow each other: each one costs a copy of all that is behind it."""
_LARGEST_WINDOW: Final = 23
"""The logarithm of the memory that zstd may want: 8 MiB, as RFC 9659 bounds it."""


class _Unpacking(Protocol):
    """What zlib and zstd have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: Any, max_length: int, /) -> bytes: ...


def decoded(body: bytes, encoding: bytes, limit: int) -> bytes:
    """Return a body as it was before it was packed; ``encoding`` is the value of Content-Encoding, "" if there is none.

    Raises ClientError: 413 for one that is, or becomes, larger than ``limit`` bytes, 400 for one that is damaged, and
    415 for an encoding that is not known.
    """
    codings = [coding.strip().lower() for coding in encoding.split(b",") if coding.strip()]
    if len(codings) > _MOST_CODINGS:
        raise _unsupported("more encodings than anybody needs")
    for coding in reversed(codings):
        # Nothing is nothing, however it is packed.
        body = _undone(coding, body, limit) if body else body
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _undone(coding: bytes, body: bytes, limit: int) -> bytes:
    match coding:
        case b"identity":
            return body
        case b"gzip" | b"x-gzip":
            return _unpacked(lambda: zlib.decompressobj(wbits=31), zlib.error, body, limit)
        case b"deflate":
            # RFC 9110 means a zlib stream; some send what is in one, alone, which never begins like one.
            wbits = 15 if body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0 else -15
            return _unpacked(lambda: zlib.decompressobj(wbits=wbits), zlib.error, body, limit)
        case b"zstd":
            return _zstd(body, limit)
        case _:
            raise _unsupported(
                f"{coding.decode('ascii', 'replace')!r} is not known here: use gzip, deflate or zstd"
            )


def _zstd(body: bytes, limit: int) -> bytes:
    if zstd is None:
        raise _unsupported(
            'zstd is not installed beside the daemon: use gzip, or pip install "ccflared[zstd]"'
        )
    options = {zstd.DecompressionParameter.window_log_max: _LARGEST_WINDOW}
    return _unpacked(lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError, body, limit)


def _unpacked(unpacking: Callable[[], _Unpacking], error: type[Exception], body: bytes, limit: int) -> bytes:
    whole = b""
    for _ in range(_MOST_MEMBERS):
        member = unpacking()
        try:
            whole += member.decompress(body, limit + 1 - len(whole))
        except error as damage:
            raise _damaged(str(damage)) from damage
        if len(whole) > limit:
            raise _too_large(limit)
        if not member.eof:
            raise _damaged("its end is missing")
        body = member.unused_data
        if not body.strip(b"\0"):  # tapes are padded so
            return whole
    raise _damaged("it has more members than anybody needs")


def _damaged(what: str) -> ClientError:
    return ClientError(
        400, "invalid_request_error", f"The request body is not what its Content-Encoding says: {what}."
    )


def _unsupported(what: str) -> ClientError:
    return ClientError(415, "invalid_request_error", f"Content-Encoding: {what}")


def _too_large(limit: int) -> ClientError:
    return ClientError(413, "request_too_large", f"The request body is larger than {limit} bytes.")
