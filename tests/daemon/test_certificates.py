"""Certificates of our own listeners: renewed without a restart, never replaced by what cannot be used, told of."""

import datetime as dt
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, run
from typing import Any

import httpx
import pytest
import trio
import trustme
from stage import Stage, staged

from ccflared.daemon import expiry

SERVER = 'listen = "127.0.0.1:0"\ntls = { cert = "cert.pem", key = "key.pem" }'
LIVE = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


Said = Callable[[], str]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Return how to ask for all that was logged so far."""
    pieces: list[str] = []

    def so_far() -> str:
        pieces.append(capsys.readouterr().err)
        return "".join(pieces)

    return so_far


def days(number: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(days=number)


def put(directory: Path, leaf: trustme.LeafCert, cert: str = "cert.pem", key: str = "key.pem") -> None:
    put_key(directory / key, leaf)
    put_cert(directory / cert, leaf)


def put_key(path: Path, leaf: trustme.LeafCert) -> None:
    path.unlink(missing_ok=True)
    leaf.private_key_pem.write_to_path(path)
    path.chmod(0o600)


def put_cert(path: Path, leaf: trustme.LeafCert) -> None:
    path.write_bytes(b"".join(each.bytes() for each in leaf.cert_chain_pems))


def serial(leaf: trustme.LeafCert) -> int:
    der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415 - trustme's own

    return load_der_x509_certificate(der).serial_number


@asynccontextmanager
async def connected(
    stage: Stage, trusted: ssl.SSLContext
) -> AsyncIterator[trio.SSLStream[trio.SocketStream]]:
    plain = await trio.open_tcp_stream("127.0.0.1", stage.port)
    stream = trio.SSLStream(plain, trusted, server_hostname="localhost", https_compatible=True)
    async with stream:
        await stream.do_handshake()
        yield stream


async def shown(stage: Stage, trusted: ssl.SSLContext) -> int:
    """Return the serial number of the certificate that a new connection is shown."""
    async with connected(stage, trusted) as stream:
        return int(stream.getpeercert()["serialNumber"], 16)


async def until(true: Callable[[], object]) -> None:
    with trio.fail_after(20):
        while not true():
            await trio.sleep(0.05)


async def status(stage: Stage, trusted: ssl.SSLContext) -> httpx.Response:
    async with httpx.AsyncClient(verify=trusted, trust_env=False) as client:
        return await client.get(f"https://127.0.0.1:{stage.port}/api/status")


def warned(document: dict[str, Any]) -> list[str]:
    """Return what status says of certificates."""
    return [each for each in document["config"]["warnings"] if each.startswith("certificate of ")]


def issue(
    authority: trustme.CA, not_before: dt.datetime | None = None, not_after: dt.datetime | None = None
) -> trustme.LeafCert:
    return authority.issue_cert("localhost", "127.0.0.1", not_before=not_before, not_after=not_after)


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("way", ["written over", "certbot", "config map", "one file"])
async def test_a_renewal_is_shown_to_new_connections_and_running_ones_go_on(
    tmp_path: Path, authority: trustme.CA, trusted: ssl.SSLContext, way: str
) -> None:
    first, second = issue(authority), issue(authority)
    server = SERVER

    def renew(leaf: trustme.LeafCert, number: int) -> None:
        match way:
            case "written over":
                put(tmp_path, leaf)
            case "certbot":
                (tmp_path / "archive").mkdir(exist_ok=True)
                (tmp_path / "live").mkdir(exist_ok=True)
                put(tmp_path / "archive", leaf, f"cert{number}.pem", f"key{number}.pem")
                for name in ("cert", "key"):
                    link = tmp_path / "live" / f"{name}.pem"
                    link.unlink(missing_ok=True)
                    link.symlink_to(f"../archive/{name}{number}.pem")
            case "config map":
                (tmp_path / f"..{number}").mkdir()
                put(tmp_path / f"..{number}", leaf)
                (tmp_path / "..new").symlink_to(f"..{number}")
                (tmp_path / "..new").replace(tmp_path / "..data")
                for name in ("cert.pem", "key.pem"):
                    if not (tmp_path / name).is_symlink():
                        (tmp_path / name).symlink_to(f"..data/{name}")
            case _:
                leaf.private_key_and_cert_chain_pem.write_to_path(tmp_path / "new.pem")
                (tmp_path / "new.pem").chmod(0o600)
                (tmp_path / "new.pem").replace(tmp_path / "both.pem")

    if way == "certbot":
        server = server.replace('"cert.pem"', '"live/cert.pem"').replace('"key.pem"', '"live/key.pem"')
    if way == "one file":
        server = server.replace("cert.pem", "both.pem").replace("key.pem", "both.pem")
    renew(first, 1)
    async with staged(tmp_path, server=server) as stage, connected(stage, trusted) as running:
        await running.send_all(LIVE[:20])
        assert await shown(stage, trusted) == serial(first)
        before = stage.running.reloads.applied.number
        renew(second, 2)
        await until(lambda: stage.running.reloads.applied.number > before)
        assert await shown(stage, trusted) == serial(second)
        await running.send_all(LIVE[20:])
        assert (await running.receive_some()).startswith(b"HTTP/1.1 200")
        address = stage.running.listeners.bound[0].addresses[0]
        verdict = stage.running.reloads.applied
        (change,) = verdict.changes
        assert change.startswith(f"certificate of {address}: renewed, valid until ")


def halves(tmp_path: Path, authority: trustme.CA) -> dict[str, Callable[[], object]]:
    new = issue(authority)
    old = issue(authority, not_before=days(-30), not_after=days(-1))
    locked = ["openssl", "pkey", "-in", str(tmp_path / "key.pem"), "-aes256", "-passout", "pass:secret"]
    encrypted = run(locked, check=True, capture_output=True, stdin=DEVNULL).stdout
    return {
        "is not that of the certificate": lambda: put_cert(tmp_path / "cert.pem", new),
        "holds no private key": lambda: (tmp_path / "key.pem").write_text("soon\n"),
        "holds no certificate": lambda: (tmp_path / "cert.pem").write_text(""),
        "No such file": (tmp_path / "cert.pem").unlink,
        "ends in the middle of a certificate": lambda: (tmp_path / "cert.pem").write_bytes(
            b"".join(each.bytes() for each in new.cert_chain_pems)[:-200]
        ),
        "is damaged, or ends too early": lambda: (tmp_path / "key.pem").write_bytes(
            new.private_key_pem.bytes()[:-30]
        ),
        "is encrypted": lambda: (tmp_path / "key.pem").write_bytes(encrypted),
        "has expired on": lambda: put(tmp_path, old),
        "it is a directory": lambda: make_directory(tmp_path / "key.pem"),
    }


HALVES = [
    "is not that of the certificate",
    "holds no private key",
    "holds no certificate",
    "No such file",
    "ends in the middle of a certificate",
    "is damaged, or ends too early",
    "is encrypted",
    "has expired on",
    "it is a directory",
]


@pytest.mark.parametrize("half", HALVES)
async def test_what_cannot_be_used_never_replaces_what_serves_and_is_taken_once_it_fits(
    tmp_path: Path,
    authority: trustme.CA,
    trusted: ssl.SSLContext,
    half: str,
    said: Said,
) -> None:
    first, last = issue(authority), issue(authority)
    put(tmp_path, first)
    async with staged(tmp_path, server=SERVER) as stage:
        halves(tmp_path, authority)[half]()
        await until(lambda: half in said())
        assert await shown(stage, trusted) == serial(first)
        told = (await status(stage, trusted)).json()
        (warning,) = warned(told)
        assert half in warning
        assert str(tmp_path) in warning
        assert "The one before is shown" in warning
        assert half in told["listeners"][0]["certificate"]["problem"]
        # The file itself can be edited meanwhile.
        stage.edit(stage.config.read_text() + "\n[log]\nlevel = 'debug'\n")
        assert (await stage.running.reloads.reload("command")).applied
        assert await shown(stage, trusted) == serial(first)
        if (tmp_path / "key.pem").is_dir():
            (tmp_path / "key.pem").rmdir()
        put(tmp_path, last)
        await until(lambda: "renewed, valid until" in said())
        assert await shown(stage, trusted) == serial(last)
        assert warned((await status(stage, trusted)).json()) == []
    assert "PRIVATE" not in said().replace("BEGIN PRIVATE KEY-----)", "")


async def test_a_renewal_is_taken_also_while_the_file_has_a_mistake(
    tmp_path: Path, authority: trustme.CA, trusted: ssl.SSLContext, said: Said
) -> None:
    put(tmp_path, issue(authority))
    second = issue(authority)
    async with staged(tmp_path, server=SERVER) as stage:
        stage.edit(stage.config.read_text() + "\nnonsense = 1\n")
        assert not (await stage.running.reloads.reload("command")).applied
        put(tmp_path, second)
        await until(lambda: "renewed, valid until" in said())
        assert await shown(stage, trusted) == serial(second)


async def test_a_listener_of_its_own_that_is_new_needs_a_pair_that_fits(
    tmp_path: Path, authority: trustme.CA
) -> None:
    async with staged(tmp_path) as stage:
        text = stage.config.read_text()
        put(tmp_path, issue(authority))
        put_cert(tmp_path / "cert.pem", issue(authority))
        stage.edit(text.replace('listen = "127.0.0.1:0"', SERVER))
        seen = await stage.running.reloads.reload("command")
        assert not seen.applied
        assert "is not that of the certificate" in seen.mistakes[0].message
        put(tmp_path, issue(authority))
        await until(lambda: stage.running.reloads.refused is None)
        assert stage.running.listeners.bound[0].door.tls


async def test_a_certificate_that_ends_soon_or_has_ended_is_told_of_everywhere(
    tmp_path: Path, authority: trustme.CA, trusted: ssl.SSLContext, said: Said
) -> None:
    put(tmp_path, issue(authority, not_after=days(9.5)))
    async with staged(tmp_path, server=SERVER) as stage:
        await until(lambda: "expires in 9 days, on " in said())
        listener = (await status(stage, trusted)).json()["listeners"][0]
        assert listener["certificate"]["days_left"] == 9
        async with httpx.AsyncClient(verify=trusted, trust_env=False) as client:
            page = (await client.get(f"https://127.0.0.1:{stage.port}/metrics")).text
        ends = listener["certificate"]["expires_at"]
        name = f'ccflared_certificate_expires_timestamp_seconds{{certificate="{tmp_path}/cert.pem"}} '
        assert float(page.split(name)[1].split("\n")[0]) == ends
        assert f'ccflared_certificate_up{{certificate="{tmp_path}/cert.pem"}} 1' in page


async def test_a_daemon_starts_with_an_expired_certificate_and_says_so(
    tmp_path: Path, authority: trustme.CA, said: Said
) -> None:
    put(tmp_path, issue(authority, not_before=days(-30), not_after=days(-1)))
    async with staged(tmp_path, server=SERVER):
        await until(lambda: "clients refuse it: renew it" in said())


async def test_a_pair_that_was_too_old_by_a_wrong_clock_is_taken_when_the_clock_is_right(
    tmp_path: Path, authority: trustme.CA
) -> None:
    put(tmp_path, issue(authority))
    async with staged(tmp_path, server=SERVER) as stage:
        certificates = stage.running.listeners.certificates
        put(tmp_path, issue(authority, not_before=days(-1), not_after=days(20)))
        now = days(30).timestamp()
        tls = [each.tls for each in certificates]
        certificates.apply(certificates.prepare(tls, now), [])
        (shown_one,) = certificates
        assert "has expired" in (shown_one.problem or "")
        assert certificates.mended(now) == []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(expiry.watch, stage.running.listeners)
            await until(lambda: shown_one.problem is None)
            nursery.cancel_scope.cancel()
