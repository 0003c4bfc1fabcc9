"""Follows a stream of events (SSE) over the control socket, also over a restart of the daemon.

By HTTP/1.0, whose body ends with the connection: so a socket can be waited for together with the clock.
"""

import json
import re
import select
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, Self

from ccflared.cli.client import Answer, Daemon, something_else
from ccflared.cli.places import Place
from ccflared.errors import NotRunning, Refused, UpstreamBroken
from ccflared.formats.sse import Cutter

_HEAD_SECONDS: Final = 10.0
_LONGEST_HEAD: Final = 64 * 1024
_LONGEST_EVENT: Final = 4 * 1024 * 1024
_LONGEST_COMPLAINT: Final = 1024 * 1024
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0
_STEADY: Final = 1.0
"""Seconds after which a connection is believed in: a daemon that is stopping takes one, and ends it at once."""
GONE: Final = "The daemon has ended the connection; waiting for it to come back (Ctrl-C ends)."
BACK: Final = "It is back."
MISSED: Final = "missed"
"""The event that tells that some are gone which were not read."""


def until_interrupted(run: Callable[[], None], after: Callable[[], None] = lambda: None) -> int:
    """Run until it ends, or Ctrl-C or SIGTERM ends it; then ``after``. Returns 0."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run()
    except KeyboardInterrupt:
        after()
    return 0


class Event(NamedTuple):
    """One event. ``value``: the JSON of its data, None where it is none."""

    id: str
    name: str
    value: Any


class Tick(NamedTuple):
    """Nothing happened for a while: time to draw anew."""


class Again(NamedTuple):
    """The connection stands, or stands again, or something was missed: the stream may not tell of what was before."""


def follow(
    daemon: Daemon,
    path: str,
    command: str,
    say: Callable[[str], None],
    *,
    every: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Event | Tick | Again]:
    """Yield what the stream at ``path`` tells, for ever; the first is always ``Again``.

    ``command`` is what the user typed, ``say`` tells them once when the daemon has gone, and when it is back.
    ``every``: seconds after which a ``Tick`` is yielded. ``sleep``: how it is waited between two tries to connect; what
    it raises ends the following. Raises NotRunning or Refused where the first connection fails,
    and Refused where the daemon that came back does not know the stream.
    """
    connection: _Connection | None = _Connection(daemon, path, command, last=None)
    last: str | None = None
    gone, pause = False, _FIRST_PAUSE
    while True:
        if connection is None:
            sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            connection = _reconnected(daemon, path, command, last)
            continue
        begun = time.monotonic()
        with connection:
            yield Again()
            while (events := connection.read(min(every or _STEADY, _STEADY) if gone else every)) is not None:
                if gone and (time.monotonic() - begun >= _STEADY or any(event.id for event in events)):
                    gone, pause = False, _FIRST_PAUSE
                    say(BACK)
                if not events:
                    yield Tick()
                for event in events:
                    last = event.id or last
                    yield Again() if event.name == MISSED else event
        connection = None
        if not gone:
            gone = True
            say(GONE)


def _reconnected(daemon: Daemon, path: str, command: str, last: str | None) -> "_Connection | None":
    """Try once more; None where nobody is ready to answer."""
    try:
        return _Connection(daemon, path, command, last)
    except (NotRunning, _Unready):
        return None


class _Unready(Refused):
    """Somebody is there, and is not able to answer, yet or any more."""


class _Connection:
    """One connection that events come through."""

    def __init__(self, daemon: Daemon, path: str, command: str, last: str | None) -> None:
        """``last``: the id of the last event seen. Raises NotRunning, Refused."""
        self._socket, place = daemon.connect()
        self._cutter = Cutter(_LONGEST_EVENT)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        try:
            self._begun = self._ask(path, place, command, last)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def read(self, seconds: float | None) -> list[Event] | None:
        """Return the next events, none where nothing comes within ``seconds``, None where the stream has ended."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            piece = self._begun or self._received(deadline)
            if piece is None:
                return []
            if not piece:
                return None
            self._begun = b""
            try:
                events = [event for raw in self._cutter.feed(piece) if (event := read_event(raw)) is not None]
            except UpstreamBroken as error:
                raise Refused(f"What the daemon sends is no stream of events: {error}.") from None
            if events:
                return events

    def _received(self, deadline: float | None) -> bytes | None:
        """Return the next bytes, b"" at their end, None where the time is up."""
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        if not self._poll.poll(left):
            return None
        try:
            return self._socket.recv(1 << 16)
        except ConnectionError:
            return b""

    def _ask(self, path: str, place: Place, command: str, last: str | None) -> bytes:
        """Send the request and read the head of the answer. Returns what came of the stream already."""
        resume = f"Last-Event-ID: {last}\r\n" if last and last.isprintable() else ""
        head = f"GET {path} HTTP/1.0\r\nHost: localhost\r\nAccept: text/event-stream\r\n{resume}\r\n"
        deadline = time.monotonic() + _HEAD_SECONDS
        try:
            self._socket.sendall(head.encode())
            self._socket.settimeout(None)
            raw = self._until_blank_line(deadline)
            lines, _, rest = raw.partition(b"\r\n\r\n")
            status = int(lines.split(b"\r\n")[0].split(b" ")[1])
        except (ConnectionError, TimeoutError):
            raise _Unready(
                f"The daemon at {place.path} did not answer. It may be stopping or stuck: its log says more, and a "
                "restart helps."
            ) from None
        except (ValueError, IndexError):
            raise Refused(something_else(place)) from None
        if status == 200:
            return rest
        failed = self._complaint(status, rest, deadline, place).unexpected(command)
        raise _Unready(str(failed)) if status >= 500 else failed

    def _until_blank_line(self, deadline: float) -> bytes:
        """Return what comes up to the blank line, and maybe more."""
        raw = b""
        while b"\r\n\r\n" not in raw:
            piece = self._received(deadline)
            if piece is None:
                raise TimeoutError
            if not piece:
                raise ConnectionError
            raw += piece
            if len(raw) > _LONGEST_HEAD:
                raise ValueError
        return raw

    def _complaint(self, status: int, body: bytes, deadline: float, place: Place) -> Answer:
        """Return the error answer whose body began with ``body``."""
        while len(body) < _LONGEST_COMPLAINT and (piece := self._received(deadline)):
            body += piece
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = None
        return Answer(status, value, "", place)


def read_event(raw: bytes) -> Event | None:
    """Return the event that a raw one reads as; None for a comment, or what has no data."""
    name, found, data = "message", "", []
    for line in _LINE_END.split(raw.decode("utf-8", "replace")):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "event":
                name = value
            case "data":
                data.append(value)
            case "id" if "\0" not in value:
                found = value
            case _:
                pass
    if not data:
        return None
    try:
        return Event(found, name, json.loads("\n".join(data)))
    except (ValueError, RecursionError):
        return Event(found, name, None)
