"""Both ends of the wire, in bytes: a client that sends exactly what it is told, and an upstream that answers so.

Neither end knows an API, and neither uses an HTTP library: what would be mended by one on the way shall be seen.
"""

import contextlib
import gzip
import json
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

PATIENCE = 8.0
"""Seconds after which an end that waits for the other gives up."""


def _no_json(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


@dataclass(frozen=True, slots=True)
class Until:
    """A step of an answer: go on once the client has received these bytes."""

    seen: bytes


@dataclass(frozen=True, slots=True)
class Reset:
    """A step of an answer: the connection is torn down with RST."""


@dataclass(frozen=True, slots=True)
class Close:
    """A step of an answer: the connection is closed with FIN."""


@dataclass(frozen=True, slots=True)
class Linger:
    """A step of an answer: wait until the other side has closed the connection."""


Step = bytes | Until | Reset | Close | Linger


@dataclass(frozen=True, slots=True)
class Answer:
    """What the upstream does for one request: bytes as they stand, and what happens between them."""

    steps: tuple[Step, ...]


@dataclass(slots=True)
class Call:
    """One request that the upstream got."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    raw: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body, parse_constant=_no_json)


@dataclass(slots=True)
class Reply:
    """What the client got: ``ended`` is false where the body broke off against its own framing."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    ended: bool

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body, parse_constant=_no_json)


def answer(status: int, body: bytes, *headers: str, kind: str = "application/json") -> Answer:
    """Return a whole answer of a known length."""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return Answer((("\r\n".join(lines) + "\r\n\r\n").encode(), body))


def document(value: Any, status: int = 200, *headers: str) -> Answer:
    return answer(status, json.dumps(value, ensure_ascii=False).encode(), *headers)


def gzipped(value: Any, *headers: str) -> Answer:
    return answer(200, gzip.compress(json.dumps(value).encode()), "Content-Encoding: gzip", *headers)


def stream(*steps: str | Step, cut: int = 0, end: bool = True, headers: Sequence[str] = ()) -> Answer:
    """Return an event stream of these pieces, each a chunk of its own; ``cut``: chunks of so many bytes instead."""
    head = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked", *headers]
    made: list[Step] = [("\r\n".join(head) + "\r\n\r\n").encode()]
    for step in steps:
        piece = step.encode() if isinstance(step, str) else step
        if not isinstance(piece, bytes):
            made.append(piece)
            continue
        size = cut or len(piece) or 1
        made += [_chunk(piece[start : start + size]) for start in range(0, len(piece), size)]
    return Answer((*made, *((b"0\r\n\r\n",) if end else ())))


def _chunk(piece: bytes) -> bytes:
    return f"{len(piece):x}\r\n".encode() + piece + b"\r\n"


class Watch:
    """What the client has received so far, for an upstream that waits for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._seen = bytearray()

    def clear(self) -> None:
        with self._changed:
            self._seen.clear()

    def add(self, data: bytes) -> None:
        with self._changed:
            self._seen += data
            self._changed.notify_all()

    def wait(self, data: bytes) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: data in self._seen, PATIENCE)


@dataclass(slots=True)
class Upstream:
    """A server on loopback that answers with what it was told, in order; the last answer is repeated."""

    watch: Watch
    port: int = 0
    calls: list[Call] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    _answers: list[Answer] = field(default_factory=list)
    _listener: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET))

    def open(self, port: int = 0) -> None:
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def expect(self, answers: Sequence[Answer]) -> None:
        self._answers, self.calls, self.faults = list(answers), [], []
        self.left.clear()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, contextlib.suppress(OSError):
            reader = _Reader(connection)
            while call := _read_call(reader):
                self.calls.append(call)
                if not self._answers:
                    self.faults.append("the upstream was asked though it should not have been")
                    return
                place = min(len(self.calls), len(self._answers)) - 1
                if not self._play(connection, self._answers[place]):
                    return

    def _play(self, connection: socket.socket, given: Answer) -> bool:
        """Carry out the steps of an answer; return whether the connection lives on."""
        for step in given.steps:
            match step:
                case bytes():
                    connection.sendall(step)
                case Until(seen=seen):
                    if not self.watch.wait(seen):
                        self.faults.append(
                            f"the client had not received {seen!r} when the upstream waited for it"
                        )
                case Reset():
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return False
                case Close():
                    return False
                case Linger():
                    connection.settimeout(PATIENCE)
                    try:
                        connection.recv(1)
                    except TimeoutError:
                        return False
                    except OSError:
                        pass
                    self.left.set()
                    return False
        return True


class _Reader:
    """Reads lines and lengths off a socket."""

    def __init__(self, connection: socket.socket, watch: Watch | None = None) -> None:
        self._socket, self._watch, self.data = connection, watch, bytearray()

    def more(self) -> bool:
        piece = self._socket.recv(1 << 16)
        self.data += piece
        if self._watch is not None:
            self._watch.add(piece)
        return bool(piece)

    def until(self, mark: bytes) -> bytes | None:
        start = 0
        while (place := self.data.find(mark, start)) < 0:
            start = max(0, len(self.data) - len(mark))
            if not self.more():
                return None
        return self.take(place + len(mark))

    def exactly(self, size: int) -> bytes | None:
        while len(self.data) < size:
            if not self.more():
                return None
        return self.take(size)

    def take(self, size: int) -> bytes:
        taken = bytes(self.data[:size])
        del self.data[:size]
        return taken


def _head(text: bytes) -> tuple[str, list[tuple[str, str]]]:
    first, *lines = text.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    fields = [line.partition(":") for line in lines]
    return first, [(name, value.strip()) for name, _, value in fields]


def _body(reader: _Reader, headers: list[tuple[str, str]], *, closes: bool) -> tuple[bytes, bool]:
    """Read a body by its framing; return it and whether it is whole."""
    names = {name.lower(): value for name, value in headers}
    if "chunked" in names.get("transfer-encoding", "").lower():
        return _chunks(reader)
    if (length := names.get("content-length")) is not None:
        body = reader.exactly(int(length))
        return (bytes(reader.data), False) if body is None else (body, True)
    if not closes:
        return b"", True
    with contextlib.suppress(ConnectionError):
        while reader.more():
            pass
    return reader.take(len(reader.data)), True


def _chunks(reader: _Reader) -> tuple[bytes, bool]:
    body = bytearray()
    while (line := reader.until(b"\r\n")) is not None:
        size = int(line.partition(b";")[0], 16)
        piece = reader.exactly(size + 2)
        if piece is None:
            break
        if size == 0:
            return bytes(body), True
        body += piece[:size]
    return bytes(body), False


def _read_call(reader: _Reader) -> Call | None:
    head = reader.until(b"\r\n\r\n")
    if head is None:
        return None
    first, headers = _head(head)
    method, target, _ = first.split(" ", 2)
    body, whole = _body(reader, headers, closes=False)
    return Call(method, target, headers, body, head + body) if whole else None


class Client:
    """One connection to the proxy."""

    def __init__(self, host: str, port: int, watch: Watch) -> None:
        self._watch = watch
        self.host = f"{host}:{port}"
        self._socket = socket.create_connection((host, port), PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = _Reader(self._socket, watch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def until(self, data: bytes) -> None:
        """Read until these bytes have come."""
        while data not in self._reader.data:
            if not self._reader.more():
                raise ConnectionError(f"the connection ended before {data!r}")

    def receive(self, *, bodiless: bool = False) -> Reply:
        """Read one answer; interim ones are skipped."""
        while True:
            head = self._reader.until(b"\r\n\r\n")
            if head is None:
                raise ConnectionError("the connection was closed without an answer")
            first, headers = _head(head)
            status = int(first.split(" ")[1])
            if status >= 200:
                break
        if bodiless:
            return Reply(status, headers, b"", ended=True)
        try:
            body, ended = _body(self._reader, headers, closes=True)
        except ConnectionError:
            body, ended = bytes(self._reader.data), False
        return Reply(status, headers, body, ended)


def post(target: str, body: bytes, host: str, headers: Sequence[str] = (), method: str = "POST") -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    if method == "POST":
        lines += [f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def server_sent(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the name and the data of each event of a stream, as the HTML standard has them read."""
    text = data.decode("utf-8")
    name, lines = "", list[str]()
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line:
            if lines:
                yield name or "message", "\n".join(lines)
            name, lines = "", []
        elif not line.startswith(":"):
            key, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if key == "event":
                name = value
            elif key == "data":
                lines.append(value)
    if lines:
        yield name or "message", "\n".join(lines)
