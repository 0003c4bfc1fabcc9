"""HTTP proxies on the way to an upstream: their URL, their credential, and the tunnel through one (RFC 9110, 9.3.6).

A proxy's URL may hold a password, so no sentence of an error repeats it.
"""

from base64 import b64encode
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

import h11
import trio

from ccflared.errors import ConnectFailed

_LARGEST_HEAD: Final = 65536


class Proxy(NamedTuple):
    """A proxy, as its URL names it."""

    tls: bool
    host: str
    port: int
    credential: list[tuple[bytes, bytes]]
    """The header field that carries its user and password; none without."""


def proxy_of(url: str) -> Proxy:
    """Read ``http://user:password@host:port``. Raises ConnectFailed where it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConnectFailed("the URL of the proxy has to begin with http:// or https:// and a host")
    credential = []
    if parts.username or parts.password:
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        credential.append((b"proxy-authorization", b"Basic " + b64encode(pair.encode())))
    return Proxy(parts.scheme == "https", parts.hostname, port, credential)


async def tunnel(stream: trio.abc.Stream, proxy: Proxy, host: str, port: int) -> None:
    """Have the proxy connect ``stream`` to the host. Raises ConnectFailed, trio.BrokenResourceError."""
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)
    headers = [(b"host", authority.encode()), *proxy.credential]
    data = http.send(h11.Request(method="CONNECT", target=authority, headers=headers)) or b""
    await stream.send_all(data + (http.send(h11.EndOfMessage()) or b""))
    try:
        while not isinstance(event := http.next_event(), h11.Response):
            if event is h11.NEED_DATA:
                http.receive_data(bytes(await stream.receive_some()))
    except h11.RemoteProtocolError as error:
        raise ConnectFailed("the proxy's answer is no HTTP") from error
    if not 200 <= event.status_code < 300:
        raise ConnectFailed(f"the proxy refused the connection with status {event.status_code}")
