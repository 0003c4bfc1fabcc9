"""The way to an upstream: TLS and whom it is believed, proxies with and without it, and what is told when it fails."""

import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trustme
from upstreams import OK, Far, Link, Script, ask, far, polite, send

from ccflared.daemon.proxy import proxy_of
from ccflared.daemon.upstream import Upstream
from ccflared.errors import ConnectFailed

SMUGGLED = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close_idle()


def certified(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*(names or ("localhost", "127.0.0.1"))).configure_cert(context)
    return context


def url(place: Far, host: str = "127.0.0.1") -> str:
    return f"https://{host}:{place.port}/v1/messages"


@pytest.mark.usefixtures("trusted")
async def test_an_upstream_with_a_certificate_of_a_trusted_authority_is_asked_over_one_connection(
    authority: trustme.CA, upstream: Upstream
) -> None:
    async with far(polite, tls=certified(authority)) as place:
        for host in ("127.0.0.1", "localhost"):
            first = await ask(upstream, url(place, host), b"x" * 300_000)
            assert await ask(upstream, url(place, host)) == first
        assert len(place.links) == 2


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_for_another_host_is_refused_and_the_request_never_sent(
    authority: trustme.CA, upstream: Upstream
) -> None:
    async with far(polite, tls=certified(authority, "elsewhere.example")) as place:
        with pytest.raises(ConnectFailed, match=r"no TLS with 127\.0\.0\.1: .*(mismatch|not valid)"):
            await send(upstream, url(place))
        await place.left()
        assert place.requests == []


async def test_an_unknown_authority_is_refused(authority: trustme.CA, upstream: Upstream) -> None:
    async with far(polite, tls=certified(authority)) as place:
        with pytest.raises(ConnectFailed, match="certificate verify failed"):
            await send(upstream, url(place))


async def test_a_server_without_tls_is_told_as_such(upstream: Upstream) -> None:
    async def plain(link: Link) -> None:
        await link.stream.receive_some()
        await link.answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with far(plain) as place:
        with pytest.raises(ConnectFailed, match=r"^no TLS with 127\.0\.0\.1: "):
            await send(upstream, url(place))


async def test_a_server_that_hangs_up_in_the_handshake_is_told_as_such(upstream: Upstream) -> None:
    async def script(link: Link) -> None:
        await link.stream.receive_some()

    async with far(script) as place:
        with pytest.raises(ConnectFailed, match=r"^no TLS with localhost: "):
            await send(upstream, url(place, "localhost"))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("behind", ["a record of its own", "the same record"])
async def test_bytes_behind_an_answer_over_tls_are_nobodys_answer(
    authority: trustme.CA, upstream: Upstream, behind: str
) -> None:
    async def script(link: Link) -> None:
        stream = link.stream
        assert isinstance(stream, trio.SSLStream)
        await link.request()
        await link.answer()  # with which the stream also sends its session tickets
        while await link.request():
            if behind == "the same record":
                await link.answer(OK + SMUGGLED)
                continue
            # Two records in one write arrive in one read: the second lies in the TLS stream, unread and unseen.
            stream._ssl_object.write(OK)
            stream._ssl_object.write(SMUGGLED)
            await stream.transport_stream.send_all(stream._outgoing.read())

    async with far(script, tls=certified(authority)) as place:
        for _ in range(5):
            assert await ask(upstream, url(place)) == b"ok"
        assert [len(link.requests) for link in place.links] == [2, 2, 1]


@pytest.mark.usefixtures("trusted")
async def test_a_receive_over_tls_that_is_cancelled_and_called_again_loses_nothing(
    authority: trustme.CA, upstream: Upstream
) -> None:
    text = bytes(range(256)) * 40

    async def script(link: Link) -> None:
        await link.request()
        await link.answer(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(text))
        for at in range(0, len(text), 100):
            await link.answer(text[at : at + 100])
            await trio.lowlevel.checkpoint()

    async with far(script, tls=certified(authority)) as place:
        answer = await send(upstream, url(place))
        received = b""
        while len(received) < len(text):
            with trio.move_on_after(0.0003):
                received += await answer.receive()
        assert received == text


# -- proxies


async def relayed(link: Link, port: int) -> None:
    """Take a CONNECT and carry bytes both ways."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as onward, trio.open_nursery() as nursery:
        await link.answer(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Connection Established\r\nx: y\r\n\r\n")

        async def carry(source: trio.abc.Stream, sink: trio.abc.Stream) -> None:
            try:
                async for data in source:
                    await sink.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            nursery.cancel_scope.cancel()

        nursery.start_soon(carry, link.stream, onward)
        nursery.start_soon(carry, onward, link.stream)


def tunnelling(place: Far) -> Script:
    async def script(link: Link) -> None:
        if await link.request():
            await relayed(link, place.port)

    return script


CREDENTIAL = b"proxy-authorization: Basic " + b64encode(b"us er:p@ss")


async def test_http_goes_to_a_proxy_with_the_whole_address_and_the_proxys_credential(
    upstream: Upstream,
) -> None:
    async with far(polite) as proxy:
        through = f"http://us%20er:p%40ss@127.0.0.1:{proxy.port}"
        for _ in range(2):
            assert await ask(upstream, "http://10.9.8.7:81/v1/messages?a=b", proxy=through) == b"1"
        request = proxy.requests[0]
        assert request.startswith(b"POST http://10.9.8.7:81/v1/messages?a=b HTTP/1.1\r\n")
        assert b"host: 10.9.8.7:81\r\n" in request.lower()
        assert request.count(CREDENTIAL) == 1


async def test_a_proxy_without_a_credential_gets_none(upstream: Upstream) -> None:
    async with far(polite) as proxy:
        await ask(upstream, "http://10.9.8.7/", proxy=f"http://127.0.0.1:{proxy.port}")
        assert b"proxy-authorization" not in proxy.requests[0].lower()


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("secured", [False, True], ids=["http proxy", "https proxy"])
async def test_https_goes_through_a_tunnel_and_the_upstream_never_sees_the_proxys_credential(
    authority: trustme.CA, upstream: Upstream, secured: bool
) -> None:
    tls = certified(authority)
    async with far(polite, tls=tls) as place, far(tunnelling(place), tls=tls if secured else None) as proxy:
        through = f"{'https' if secured else 'http'}://us%20er:p%40ss@localhost:{proxy.port}/"
        assert await ask(upstream, url(place), b"y" * 100_000, proxy=through) == b"1"
        assert await ask(upstream, url(place), proxy=through) == b"1"
        (asked,) = proxy.requests
        authority_form = f"127.0.0.1:{place.port}".encode()
        assert asked.startswith(b"CONNECT " + authority_form + b" HTTP/1.1\r\nhost: " + authority_form)
        assert CREDENTIAL in asked
        assert b"x-test" not in asked
        assert not any(b"proxy-authorization" in request.lower() for request in place.requests)
        assert await ask(upstream, url(place)) == b"2"  # without the proxy: another connection


async def test_an_ipv6_address_stands_in_brackets_in_a_tunnel(upstream: Upstream) -> None:
    async def refusing(link: Link) -> None:
        await link.request()
        await link.answer(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")

    async with far(refusing) as proxy:
        with pytest.raises(ConnectFailed):
            await send(upstream, "https://[fd12::1]:444/", proxy=f"http://127.0.0.1:{proxy.port}")
        assert proxy.requests[0].startswith(b"CONNECT [fd12::1]:444 HTTP/1.1\r\n")


REFUSALS = [
    (
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        "the proxy refused the connection with status 407",
    ),
    (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "the proxy refused the connection with status 502"),
    (b"SOCKS?\r\n\r\n", "the proxy's answer is no HTTP"),
    (b"", "the proxy's answer is no HTTP"),
]


@pytest.mark.parametrize(("answer", "told"), REFUSALS)
async def test_a_proxy_that_refuses_is_told_as_such_and_without_its_password(
    upstream: Upstream, answer: bytes, told: str
) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.answer(answer)

    async with far(script) as proxy:
        with pytest.raises(ConnectFailed, match=told) as caught:
            await send(upstream, "https://10.9.8.7/", proxy=f"http://u:hunter2@127.0.0.1:{proxy.port}")
        assert "hunter2" not in str(caught.value)


async def test_a_proxy_that_breaks_off_is_told_as_such(upstream: Upstream) -> None:
    async def script(link: Link) -> None:
        await link.request()
        await link.reset()

    async with far(script) as proxy:
        with pytest.raises(ConnectFailed, match=r"^no connection: Connection reset by peer"):
            await send(upstream, "https://10.9.8.7/", proxy=f"http://127.0.0.1:{proxy.port}")


async def test_a_proxy_that_says_nothing_is_given_up_with_the_connection_time(upstream: Upstream) -> None:
    async with far(Link.closed) as proxy:
        with pytest.raises(ConnectFailed, match=r"^no connection within 0\.1 s$"):
            await send(upstream, "https://10.9.8.7/", proxy=f"http://127.0.0.1:{proxy.port}", connect=0.1)
        await proxy.left()


FORBIDDEN = [
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254/",
    "https://[::ffff:169.254.169.254]/",
    "https://[fd00:ec2::254]/",
    "http://8.8.8.8/",
    "http://llm.example/v1/messages",
]


@pytest.mark.parametrize("target", FORBIDDEN)
async def test_a_proxy_is_never_asked_for_what_is_forbidden(upstream: Upstream, target: str) -> None:
    async with far(polite) as proxy:
        with pytest.raises(ConnectFailed, match=r"^no connection: "):
            await send(upstream, target, proxy=f"http://127.0.0.1:{proxy.port}")
        assert proxy.links == []


@pytest.mark.parametrize(
    "text",
    [
        "proxy.example:3128",
        "socks5://h:1",
        "http://",
        "http://[::1",
        "http://h:port",
        "http://h:99999",
        "",
        "//h",
    ],
)
async def test_a_proxy_url_that_is_none_is_a_sentence(upstream: Upstream, text: str) -> None:
    with pytest.raises(ConnectFailed, match="URL of the proxy"):
        proxy_of(text)
    if text:
        with pytest.raises(ConnectFailed, match="URL of the proxy"):
            await send(upstream, "https://10.9.8.7/", proxy=text)


PROXIES = [
    ("http://h", (False, "h", 80, None)),
    ("https://h", (True, "h", 443, None)),
    ("http://h:3128/", (False, "h", 3128, None)),
    ("http://[::1]:3128", (False, "::1", 3128, None)),
    ("http://user@h", (False, "h", 80, b"user:")),
    ("http://:word@h", (False, "h", 80, b":word")),
    ("http://gr%C3%BC%C3%9Fe:%3A%40@h", (False, "h", 80, "grüße::@".encode())),
]


@pytest.mark.parametrize(("text", "read"), PROXIES)
def test_a_proxy_url_is_read(text: str, read: tuple[bool, str, int, bytes | None]) -> None:
    tls, host, port, pair = read
    credential = [] if pair is None else [(b"proxy-authorization", b"Basic " + b64encode(pair))]
    assert proxy_of(text) == (tls, host, port, credential)
