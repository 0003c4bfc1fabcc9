"""Bytes in and out of a connection with as few detours as Trio allows.

For each event of a stream Trio's own socket methods cost more than the rest of the work: they try, wait and pass a
checkpoint on every call. On a plain socket these do the system call itself; a write that fits into the socket's
buffer is no checkpoint, a read always is one. Over TLS they are Trio's.
"""

import os
from contextlib import nullcontext
from math import inf
from time import perf_counter
from typing import Final

import trio

from ccflared.daemon.stopwatch import LOOP, Stopwatch

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream] | trio.SSLStream[trio.abc.Stream]

_READ: Final = 65536


async def read(stream: Stream) -> bytes:
    """Wait for bytes and return some; b"" when the other side has closed. What was not returned is never lost.

    Raises trio.BrokenResourceError, ClosedResourceError. One task at a time.
    """
    if not isinstance(stream, trio.SocketStream):
        return bytes(await stream.receive_some(_READ))
    _open(stream)
    while True:
        await trio.lowlevel.wait_readable(stream.socket)
        try:
            # Asked anew: what was closed meanwhile may already be the descriptor of somebody else's connection.
            return os.read(_open(stream), _READ)
        except BlockingIOError:
            continue
        except OSError as error:
            raise trio.BrokenResourceError from error


async def read_timed(stream: Stream, stopwatch: Stopwatch) -> bytes:
    """Read, and let ``stopwatch`` count how long that took. Once for each piece of every stream: no ``with``."""
    began = perf_counter()
    try:
        return await read(stream)
    finally:
        stopwatch.waited += LOOP.told_at(began) - began


async def write(
    stream: Stream, data: bytes, seconds: float = inf, stopwatch: Stopwatch | None = None
) -> None:
    """Send all of ``data``, within ``seconds`` if it has to wait. When it raises, it may have sent some.

    ``stopwatch`` counts how long the other side was waited for: not at all where all fits into the socket's buffer.
    Raises trio.BrokenResourceError, ClosedResourceError, TooSlowError. One task at a time.
    """
    if isinstance(stream, trio.SocketStream):
        try:
            sent = os.write(_open(stream), data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise trio.BrokenResourceError from error
        if sent == len(data):
            return
        data = data[sent:]
    with trio.fail_after(seconds), stopwatch or nullcontext():
        await stream.send_all(data)


def _open(stream: trio.SocketStream) -> int:
    descriptor = stream.socket.fileno()
    if descriptor == -1:
        raise trio.ClosedResourceError("this connection was closed")
    return descriptor
