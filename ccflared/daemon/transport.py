"""HTTP/1.1 to upstreams: an httpx transport on Trio streams and h11.

httpx's own pool scans every connection for each request, so it slows down as connections rise, and it wedges for
good when waiting requests are cancelled (encode/httpcore#1093). Here nothing ever waits for a connection: an idle
one is taken from the end of a list or a new one is made. How many requests may run is decided elsewhere.

Reading is cancel-safe: a ``receive`` that is cancelled can be called again, so silence can be filled with pings.
"""

import select
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Final, NamedTuple

import h11
import httpx
import trio

from ccflared.daemon import pipe
from ccflared.daemon.addresses import why_forbidden
from ccflared.daemon.framing import Frame, frame_of
from ccflared.daemon.proxy import proxy_of, tunnel
from ccflared.daemon.stopwatch import Stopwatch
from ccflared.errors import ConnectFailed, UpstreamTimeout

_LARGEST_HEAD: Final = 65536
_IDLE_SECONDS: Final = 50.0
_IDLE_KEPT: Final = 64
_SENT_AT_ONCE: Final = 262144

_Stream = trio.SocketStream | trio.SSLStream[trio.abc.Stream]


class Origin(NamedTuple):
    """What two requests must share to share a connection."""

    scheme: str
    host: str
    port: int
    proxy: str | None
    insecure: bool
    link_local: bool


class _Connection:
    """One connection to an upstream: a stream, its socket, and h11's view of the exchange under way."""

    __slots__ = ("h11", "idle_since", "origin", "socket", "stopwatch", "stream", "used")

    def __init__(self, origin: Origin, stream: _Stream, socket: trio.socket.SocketType) -> None:
        self.origin = origin
        self.stream = stream
        self.socket = socket
        self.h11 = _h11()
        self.used = False
        self.idle_since = 0.0
        self.stopwatch = Stopwatch()  # that of the request which it serves

    def close(self) -> None:
        """End the connection at once; needs no checkpoint, so cancellation cannot prevent it."""
        self.socket.close()

    def alive(self) -> bool:
        """Whether an idle connection is still open: one that can be read from has been closed, or is broken."""
        # Records that came with the last one that was read lie inside the TLS stream, where poll does not see them.
        stream: trio.abc.Stream = self.stream
        while isinstance(stream, trio.SSLStream):
            if stream._incoming.pending or stream.pending():  # noqa: SLF001 - nothing public tells
                return False
            stream = stream.transport_stream
        poll = select.poll()
        poll.register(self.socket.fileno(), select.POLLIN)
        return not poll.poll(0)

    async def read(self) -> bytes:
        """Wait for bytes; b"" when the upstream has closed."""
        return await pipe.read_timed(self.stream, self.stopwatch)


class Body(httpx.AsyncByteStream):
    """An upstream's body, raw. Gives its connection back at its end, and closes it when left before."""

    def __init__(
        self, transport: "Transport", connection: _Connection, frame: Frame, *, reusable: bool
    ) -> None:
        """``reusable``: whether the connection may be used again, by what both heads said."""
        self._transport = transport
        self._connection: _Connection | None = connection
        self._frame = frame
        self._reusable = reusable
        # What came behind the head in the same read.
        self._begun = frame.feed(connection.h11.trailing_data[0])
        self._end_if_ended()

    @property
    def ended(self) -> bool:
        """Whether all of the body was received."""
        return self._frame.ended and not self._begun

    async def receive(self) -> bytes:
        """Return the bytes of the next read; b"" at the end. Raises httpx.ReadError, RemoteProtocolError."""
        if self._begun:
            begun, self._begun = self._begun, b""
            return begun
        data = b""
        try:
            while not data and (connection := self._connection) is not None:
                received = await connection.read()
                if received:
                    data = self._frame.feed(received)
                else:
                    self._frame.eof()
                    self._reusable = False
                self._end_if_ended()
        except h11.RemoteProtocolError as error:
            self.abort()
            raise httpx.RemoteProtocolError(str(error)) from error
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.abort()
            raise httpx.ReadError(_cause(error)) from error
        return data

    def abort(self) -> None:
        """Close the connection, if the body has not ended: the upstream sees that nobody listens."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.receive():
            yield data

    async def aclose(self) -> None:
        """See abort."""
        self.abort()

    def _end_if_ended(self) -> None:
        if self._frame.ended and (connection := self._connection) is not None:
            self._connection = None
            # Bytes behind the end would be taken for the answer to somebody else's request.
            if self._reusable and not self._frame.excess:
                self._transport.give_back(connection)
            else:
                connection.close()


class Transport(httpx.AsyncBaseTransport):
    """Connections to all upstreams. Made once; owned by the daemon's house."""

    def __init__(self) -> None:
        self._idle: dict[Origin, deque[_Connection]] = {}
        self._tls: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request whose body is bytes; return the response with a :class:`Body` still to be read.

        ``request.extensions``: ``timeout.connect`` and ``timeout.read`` (seconds; read bounds every silence up to the
        head), ``proxy`` (URL), ``insecure``, ``link_local``, ``stopwatch``. Raises ConnectFailed,
        UpstreamTimeout; httpx.WriteError, ReadError, RemoteProtocolError.
        """
        origin = _origin(request)
        stopwatch: Stopwatch = request.extensions.get("stopwatch") or Stopwatch()
        while True:
            # What may reach the upstream once only is never sent anew, as it would be on an idle connection that ends.
            idle = None if request.extensions.get("once") else self._take_idle(origin)
            with stopwatch:
                connection = idle or await self._connect(origin, request.extensions)
            connection.stopwatch = stopwatch
            try:
                response = await _exchange(connection, request, _seconds(request.extensions, "read"))
            except _NeverAnswered:
                # Closed by the upstream while it lay idle; a fresh connection will tell what really is the matter.
                connection.close()
                continue
            except BaseException:
                connection.close()
                raise
            return httpx.Response(
                response.status_code,
                headers=response.headers.raw_items(),
                stream=self._body(request, response, connection),
                extensions={"http_version": b"HTTP/1.1"},
            )

    def give_back(self, connection: _Connection) -> None:
        """Keep a connection whose exchange has ended and that may be used again."""
        connection.h11 = _h11()
        connection.used = True
        connection.idle_since = trio.current_time()
        idle = self._idle.setdefault(connection.origin, deque())
        idle.append(connection)
        while len(idle) > _IDLE_KEPT or idle[0].idle_since < connection.idle_since - _IDLE_SECONDS:
            idle.popleft().close()

    def close_idle(self) -> None:
        """Close every connection that is not in use."""
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()

    async def aclose(self) -> None:
        """Close every connection that is not in use."""
        self.close_idle()

    def _body(self, request: httpx.Request, response: h11.Response, connection: _Connection) -> Body:
        kept = b"close" not in (
            token.strip().lower()
            for name, value in response.headers
            if name == b"connection"
            for token in value.split(b",")
        )
        try:
            return Body(
                self,
                connection,
                frame_of(request.method, response),
                reusable=kept and response.http_version == b"1.1",
            )
        except h11.RemoteProtocolError as error:
            connection.close()
            raise httpx.RemoteProtocolError(str(error)) from error

    def _take_idle(self, origin: Origin) -> _Connection | None:
        idle = self._idle.get(origin)
        oldest = trio.current_time() - _IDLE_SECONDS
        while idle:
            connection = idle.pop()
            if connection.idle_since > oldest and connection.alive():
                return connection
            connection.close()
        self._idle.pop(origin, None)
        return None

    async def _connect(self, origin: Origin, extensions: Mapping[str, object]) -> _Connection:
        seconds = _seconds(extensions, "connect")
        try:
            with trio.fail_after(seconds):
                return await self._open(origin)
        except trio.TooSlowError as error:
            raise ConnectFailed(f"no connection within {seconds:g} s") from error
        except (OSError, trio.BrokenResourceError) as error:
            raise ConnectFailed(f"no connection: {_cause(error)}") from error

    async def _open(self, origin: Origin) -> _Connection:
        proxy = proxy_of(origin.proxy) if origin.proxy else None
        if proxy is not None:
            _refuse_forbidden_behind_proxy(origin)
        nearest = proxy or origin
        tcp = await trio.open_tcp_stream(nearest.host, nearest.port)
        try:
            tcp.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_KEEPALIVE, 1)
            stream: _Stream = tcp
            if proxy is None:
                _refuse_forbidden(origin, tcp.socket.getpeername()[0])
            else:
                if proxy.tls:
                    stream = await self._secured(stream, proxy.host)
                if origin.scheme == "https":
                    await tunnel(stream, proxy, origin.host, origin.port)
            if origin.scheme == "https":
                stream = await self._secured(stream, origin.host)
        except BaseException:
            tcp.socket.close()
            raise
        return _Connection(origin, stream, tcp.socket)

    async def _secured(self, stream: _Stream, host: str) -> _Stream:
        if self._tls is None:
            # certifi's roots, or those that SSL_CERT_FILE and SSL_CERT_DIR name.
            self._tls = httpx.create_ssl_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        secured: trio.SSLStream[trio.abc.Stream] = trio.SSLStream(
            stream, self._tls, server_hostname=host, https_compatible=True
        )
        try:
            await secured.do_handshake()
        except trio.BrokenResourceError as error:
            raise ConnectFailed(f"no TLS with {host}: {_cause(error)}") from error
        return secured


def _h11() -> h11.Connection:
    return h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)


class _NeverAnswered(Exception):  # noqa: N818 - a signal between two functions of this file
    """A connection that had been idle ended before the first byte of an answer."""


async def _exchange(connection: _Connection, request: httpx.Request, silent_seconds: float) -> h11.Response:
    target, headers = request.url.raw_path, request.headers.raw
    if connection.origin.proxy and connection.origin.scheme == "http":
        target = b"http://" + request.url.netloc + target
        headers = headers + proxy_of(connection.origin.proxy).credential
    http, body = connection.h11, request.content
    try:
        parts = [http.send(h11.Request(method=request.method, target=target, headers=headers)) or b""]
    except h11.LocalProtocolError:
        # h11 would quote the field, and that may be the credential.
        raise ConnectFailed("the credential or a header of the provider cannot stand in a header") from None
    if body:
        parts.append(http.send(h11.Data(data=body)) or b"")
    parts.append(http.send(h11.EndOfMessage()) or b"")
    broken: trio.BrokenResourceError | None = None
    try:
        with trio.fail_after(silent_seconds) as patience:
            try:
                await _send(connection, b"".join(parts), patience, silent_seconds)
            except trio.BrokenResourceError as error:
                # It may have answered before it closed: a 413, say. Look before calling it broken.
                broken = error
            return await _head(connection, broken)
    except trio.TooSlowError as error:
        raise UpstreamTimeout(f"no answer within {silent_seconds:g} s") from error


async def _send(on: _Connection, data: bytes, patience: trio.CancelScope, silent_seconds: float) -> None:
    """Send head and body, in one write where they are small; each piece of a large body has its own time."""
    if len(data) <= _SENT_AT_ONCE:
        await pipe.write(on.stream, data, stopwatch=on.stopwatch)
        return
    for begin in range(0, len(data), _SENT_AT_ONCE):
        await pipe.write(on.stream, data[begin : begin + _SENT_AT_ONCE], stopwatch=on.stopwatch)
        patience.deadline = trio.current_time() + silent_seconds


async def _head(connection: _Connection, broken: trio.BrokenResourceError | None) -> h11.Response:
    try:
        while True:
            event = connection.h11.next_event()
            if isinstance(event, h11.Response):
                return event
            if event is h11.NEED_DATA:
                connection.h11.receive_data(await connection.read())
    except h11.RemoteProtocolError as error:
        if connection.used and not connection.h11.trailing_data[0]:
            raise _NeverAnswered from error
        if broken is not None:
            raise httpx.WriteError(_cause(broken)) from broken
        raise httpx.RemoteProtocolError(str(error)) from error
    except trio.BrokenResourceError as error:
        if connection.used and not connection.h11.trailing_data[0]:
            raise _NeverAnswered from error
        raise httpx.ReadError(_cause(error)) from error


def _origin(request: httpx.Request) -> Origin:
    url = request.url
    proxy = request.extensions.get("proxy")
    return Origin(
        url.scheme,
        url.host,
        url.port or _port(url.scheme),
        proxy if isinstance(proxy, str) else None,
        bool(request.extensions.get("insecure")),
        bool(request.extensions.get("link_local")),
    )


def _seconds(extensions: Mapping[str, object], of: str) -> float:
    timeout = extensions.get("timeout")
    seconds = timeout.get(of) if isinstance(timeout, dict) else None
    return float("inf") if seconds is None else float(seconds)


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _refuse_forbidden(origin: Origin, address: str) -> None:
    """Refuse an address that may not be spoken to. Raises ConnectFailed; ValueError where it is a name."""
    reason = why_forbidden(address, plain=origin.scheme == "http" and not origin.insecure)
    if reason and not (origin.link_local and reason.link_local):
        raise ConnectFailed(f"no connection: {reason.sentence}")


def _refuse_forbidden_behind_proxy(origin: Origin) -> None:
    """Behind a proxy a name is resolved there; only an address given as such can be judged."""
    try:
        _refuse_forbidden(origin, origin.host)
    except ValueError:
        if origin.scheme == "http" and not origin.insecure:
            sentence = "http through a proxy may lead to anywhere; use https, or set insecure = true"
            raise ConnectFailed(f"no connection: {sentence}") from None


def _cause(error: BaseException) -> str:
    """Return the most telling sentence of an exception of Trio or the system: that of the deepest OSError."""
    sentence = ""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        if isinstance(cause, OSError):
            # Trio says besides which address it was, as Python writes a tuple.
            sentence = (cause.strerror or str(cause) or sentence).rpartition("): ")[2]
        cause = cause.__cause__
    return sentence or str(error) or type(error).__name__
