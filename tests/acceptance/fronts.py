"""Real reverse proxies before a real daemon, each with exactly the files of contrib/proxy.

What is put into those files is where things are on this machine: ports, sockets, certificates and directories. Around
them is what a distribution has there, the main file of nginx and the global options of Caddy.
"""

import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import trio
import trustme
from stage import QUESTION, accounts, free_port

from acceptance import clients
from acceptance.clients import Unavailable
from acceptance.live import ROOT, Live, environment, started
from ccflared.demo.provider import FakeProvider

Kind = Literal["nginx", "caddy", "traefik"]
KINDS: tuple[Kind, ...] = ("nginx", "caddy", "traefik")
FILES = ROOT / "contrib" / "proxy"
KEY, TOKEN = "k-laptop", "sesame-open"
UNIX = "unix:/run/ccflared/requests.sock"
LEAVES = pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")
"""For who leaves a stream before its end: httpx, httpcore and who feeds them leave generators to the garbage collector then."""
_UP_SECONDS = 30.0

NGINX = """\
daemon off;
pid nginx.pid;
error_log error.log info;
worker_processes 1;
USER
events { worker_connections 512; }
http {
    access_log off;
    gzip on;
    gzip_types *;
    client_body_temp_path body;
    proxy_temp_path proxied;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include conf.d/*.conf;
}
"""
CADDY = """\
{
	admin unix/ADMIN
	http_port HTTP
	https_port HTTPS
	default_bind 127.0.0.1
	local_certs
	skip_install_trust
}
import SHIPPED
"""


@dataclass(frozen=True, slots=True)
class Way:
    """Which of the files are used: below a path or with a name of its own, over TCP or a unix socket."""

    path: bool = False
    unix: bool = False

    @property
    def base(self) -> str:
        return "/ccflared" if self.path else ""

    @property
    def name(self) -> str:
        return "www.example.com" if self.path else "claude.example.com"

    @property
    def toml(self) -> Path:
        return FILES / (
            "ccflare-path.toml" if self.path else "ccflare-unix.toml" if self.unix else "ccflare.toml"
        )


@dataclass(slots=True)
class Proxy:
    """A reverse proxy that runs."""

    kind: Kind
    way: Way
    port: int
    ca: Path
    directory: Path
    process: trio.Process
    trusting: ssl.SSLContext
    reload_command: tuple[str, ...]
    files: list[Path]
    """Where the shipped files lie, their places put in."""

    @property
    def url(self) -> str:
        """The address of the daemon by the proxy's name, which only ``client`` finds."""
        return f"https://{self.way.name}:{self.port}{self.way.base}"

    def client(self, *, http2: bool = False, source: str = "127.0.0.1", key: str | None = KEY) -> "Client":
        """Return a client that has the key. ``source``: the address that it comes from."""
        return Client(self, http2=http2, source=source, key=key)

    async def reload(self) -> None:
        """Have the proxy read its files again, as an administrator does."""
        if self.reload_command:
            done = await trio.run_process(
                list(self.reload_command),
                cwd=self.directory,
                env=_homely(self.directory),
                capture_stderr=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr.decode()
        else:
            for file in self.files:
                text = file.read_text() + "# touched\n"
                file.write_text(text)


@dataclass(slots=True, kw_only=True)
class Front(Proxy):
    """And the daemon behind it."""

    live: Live
    daemon_port: int


class Client(httpx.AsyncClient):
    """An HTTP client that finds the proxy by its name without any name service."""

    def __init__(self, front: Proxy, *, http2: bool, source: str, key: str | None) -> None:
        transport = httpx.AsyncHTTPTransport(verify=front.trusting, http2=http2, local_address=source)
        headers = {"host": f"{front.way.name}:{front.port}"} | ({"x-api-key": key} if key else {})
        base = f"https://127.0.0.1:{front.port}{front.way.base}"
        super().__init__(transport=transport, base_url=base, headers=headers, timeout=30, trust_env=False)
        self._name = front.way.name

    def build_request(self, *given: Any, **more: Any) -> httpx.Request:
        extensions = {**(more.pop("extensions", None) or {}), "sni_hostname": self._name}
        return super().build_request(*given, extensions=extensions, **more)

    async def ask(
        self, *, stream: bool = False, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """Send a question and return the whole answer."""
        return await self.post(
            "/v1/messages", json=QUESTION | {"stream": stream} | more, headers=dict(headers or {})
        )

    async def admin(self, path: str, token: str = TOKEN, **more: Any) -> httpx.Response:
        """Ask the REST API."""
        return await self.get(path, headers={"x-api-key": token, **more})


class Events:
    """A stream of events as it arrives."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.names: list[str] = []
        self.text = b""
        self._pieces = answer.aiter_bytes()
        self._rest = b""

    async def until(self, name: str, times: int = 1) -> None:
        """Read on until an event has come so many times."""
        with trio.fail_after(20):
            while self.names.count(name) < times:
                self._take(await anext(self._pieces))

    async def say(self, text: bytes) -> None:
        """Read on until this stands somewhere in what has come."""
        with trio.fail_after(20):
            while text not in self.text:
                self._take(await anext(self._pieces))

    async def rest(self) -> list[str]:
        """Read to the end; the names of all events."""
        with trio.fail_after(20):
            async for piece in self._pieces:
                self._take(piece)
        return self.names

    def _take(self, piece: bytes) -> None:
        self.text += piece
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self.names += [line[7:].decode().strip() for line in lines if line.startswith(b"event: ")]


@asynccontextmanager
async def asking(client: Client, **more: Any) -> AsyncIterator[Events]:
    """Open a stream of an answer."""
    async with reading(client, "POST", "/v1/messages", json=QUESTION | {"stream": True} | more) as events:
        yield events


@asynccontextmanager
async def reading(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> AsyncIterator[Events]:
    """Open any stream of events."""
    async with client.stream(method, path, **more) as answer:
        assert answer.status_code == 200, await answer.aread()
        yield Events(answer)


@asynccontextmanager
async def fronted(
    directory: Path,
    kind: Kind,
    way: Way = Way(),
    *,
    provider: FakeProvider | None = None,
    more: str = "",
    own: str = "",
    change: Mapping[str, str] | None = None,
    change_toml: Mapping[str, str] | None = None,
    **options: Any,
) -> AsyncIterator[Front]:
    """Run a proxy and a daemon until the context ends.

    ``more``: lines of the daemon's own file; ``own``: those of its account. ``change`` and ``change_toml``: what else
    is put into the files of the proxy and the daemon, for tests of what happens then. ``options``: of ``started``.
    """
    daemon_port = options.pop("daemon_port", None) or free_port()
    sock = directory / "requests.sock"
    toml = _with(
        way.toml.read_text(),
        {"127.0.0.1:8080": f"127.0.0.1:{daemon_port}", UNIX: f"unix:{sock}", **(change_toml or {})},
    )
    (directory / "proxy.toml").write_text(toml)
    for name, secret in (("laptop.key", KEY), ("admin.token", TOKEN)):
        (directory / name).write_text(secret)
    for path in directory.glob("*.t*"):
        path.chmod(0o600)

    def text(port: int) -> str:
        return (
            f'include = ["proxy.toml"]\n[control]\nsocket = "{directory}/c.sock"\n'
            f'[storage]\ndirectory = "{directory}/state"\n{accounts(port, "first", more=own)}\n{more}'
        )

    async with started(directory, text, provider=provider, **options) as live:
        upstream = f"unix:{sock}" if way.unix else f"127.0.0.1:{daemon_port}"
        async with serving(directory / kind, kind, way, upstream, change=change) as proxy:
            yield Front(
                **{name: getattr(proxy, name) for name in Proxy.__slots__}, live=live, daemon_port=daemon_port
            )


@asynccontextmanager
async def serving(
    directory: Path, kind: Kind, way: Way, upstream: str, *, change: Mapping[str, str] | None = None
) -> AsyncIterator["Proxy"]:
    """Run a proxy alone. ``upstream``: where the daemon is."""
    directory.mkdir()
    authority = trustme.CA()
    certificate = directory / "chain.pem", directory / "key.pem"
    issued = authority.issue_cert(way.name, "localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(certificate[1])
    certificate[0].write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    authority.cert_pem.write_to_path(ca := directory / "ca.pem")
    port = free_port()
    places = _Places(directory, port, upstream, *certificate, way, change or {})
    command, reload_command, files = {"nginx": _nginx, "caddy": _caddy, "traefik": _traefik}[kind](places)
    async with _running(command, directory) as process:
        if kind == "caddy":
            ca = directory / "caddy" / "pki" / "authorities" / "local" / "root.crt"
            await _there(process, ca, directory)
        trusting = ssl.create_default_context(cafile=ca)
        proxy = Proxy(kind, way, port, ca, directory, process, trusting, reload_command, files)
        await _answers(proxy)
        yield proxy


@asynccontextmanager
async def _running(command: list[str], directory: Path) -> AsyncIterator[trio.Process]:
    with (directory / "log").open("wb") as log:
        process = await trio.lowlevel.open_process(
            command, cwd=directory, env=_homely(directory), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.terminate()
            with trio.CancelScope(shield=True):
                with trio.move_on_after(5):
                    await process.wait()
                process.kill()
                await process.wait()


@dataclass(frozen=True, slots=True)
class _Places:
    """Where things are on this machine."""

    directory: Path
    port: int
    upstream: str
    certificate: Path
    key: Path
    way: Way
    change: Mapping[str, str]

    def put(self, shipped: Path, to: Path, words: Mapping[str, str]) -> Path:
        """Write a shipped file with its places put in."""
        of_name = f"/etc/ssl/{self.way.name}/"
        tls = {of_name + "fullchain.pem": str(self.certificate), of_name + "key.pem": str(self.key)}
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(_with(shipped.read_text(), {**tls, **words, **self.change}))
        return to


Started = tuple[list[str], tuple[str, ...], list[Path]]


def _nginx(places: _Places) -> Started:
    words = {
        "listen 443": f"listen 127.0.0.1:{places.port}",
        "listen [::]:443": f"listen 127.0.0.1:{free_port()}",
        "server 127.0.0.1:8080;": f"server {places.upstream};",
    }
    name = "ccflared-path.conf" if places.way.path else "ccflared.conf"
    snippet = places.directory / "snippets" / "ccflared-proxy.conf"
    files = [
        places.put(FILES / "nginx" / name, places.directory / "conf.d" / name, words),
        places.put(FILES / "nginx" / "ccflared-proxy.conf", snippet, {}),
    ]
    command = _nginx_at(places.directory)
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    # What 1.25.1 and later would rather have is the one thing that it may remark.
    remarks = [line for line in tried.stderr.splitlines() if "[warn]" in line]
    assert all('"listen ... http2" directive is deprecated' in line for line in remarks), remarks
    return command, (*command, "-s", "reload"), files


def _nginx_at(directory: Path) -> list[str]:
    """Write the main file of an nginx, and return its command."""
    program = program_of("nginx")
    main = directory / "nginx.conf"
    # Its workers are of another user, who may not enter the directory of a test.
    main.write_text(NGINX.replace("USER", "user root;" if os.geteuid() == 0 else ""))
    return [program, "-p", str(directory), "-c", str(main)]


@asynccontextmanager
async def nginx(directory: Path) -> AsyncIterator[trio.Process]:
    """Run an nginx with what is in ``conf.d`` of a directory until the context ends."""
    async with _running(_nginx_at(directory), directory) as process:
        yield process


def _caddy(places: _Places) -> Started:
    program = program_of("caddy")
    upstream = places.upstream.replace("unix:", "unix/")
    name = "Caddyfile.path" if places.way.path else "Caddyfile"
    words = {"reverse_proxy 127.0.0.1:8080 {": f"reverse_proxy {upstream} {{"}
    shipped = places.put(FILES / "caddy" / name, places.directory / name, words)
    main = places.directory / "main"
    admin = places.directory / "admin.sock"
    put = {"ADMIN": f"/{admin}", "HTTPS": str(places.port), "HTTP": str(free_port()), "SHIPPED": str(shipped)}
    main.write_text(_with(CADDY, put))
    named = ["--config", str(main), "--adapter", "caddyfile"]
    tried = subprocess.run(
        [program, "validate", *named],
        env=_homely(places.directory),
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 0, tried.stderr
    assert "not formatted" not in tried.stderr.replace(str(main), ""), tried.stderr
    command = [program, "run", *named]
    again = (
        program,
        "reload",
        "--force",
        "--config",
        str(main),
        "--adapter",
        "caddyfile",
        "--address",
        f"unix//{admin}",
    )
    return command, again, [shipped]


def _traefik(places: _Places) -> Started:
    try:
        program = str(clients.traefik().program)
    except Unavailable as reason:
        pytest.skip(f"Traefik cannot be had here: {reason}")
    dynamic = places.directory / "dynamic"
    words = {
        '":443"': f'"127.0.0.1:{places.port}"',
        "/etc/traefik/dynamic": str(dynamic),
        "127.0.0.1:8080": places.upstream,
    }
    name = "ccflared-path.yaml" if places.way.path else "ccflared.yaml"
    main = places.put(FILES / "traefik" / "traefik.yaml", places.directory / "traefik.yaml", words)
    file = places.put(FILES / "traefik" / name, dynamic / name, words)
    return [program, f"--configFile={main}"], (), [file]


def program_of(name: str) -> str:
    """Return the path of a program of Debian's package of the same name; skips the test where there is none."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    program = shutil.which(name, path=path)
    if program is None:
        pytest.skip(f"there is no {name} here; Debian's package of that name has it")
    return program


def _with(text: str, words: Mapping[str, str]) -> str:
    """Put words in the place of others; those stand there, or it is another file than one thinks."""
    for before, after in words.items():
        text = text.replace(before, after)
    return text


def _homely(directory: Path) -> dict[str, str]:
    return environment(directory, XDG_DATA_HOME=str(directory), XDG_CONFIG_HOME=str(directory))


async def _there(process: trio.Process, path: Path, directory: Path) -> None:
    with trio.fail_after(_UP_SECONDS):
        while not path.exists():
            assert process.poll() is None, (directory / "log").read_text()
            await trio.sleep(0.05)


async def _answers(front: Proxy) -> None:
    """Wait until the daemon is reached through a proxy."""
    with trio.move_on_after(_UP_SECONDS):
        async with front.client(key=None) as client:
            while front.process.poll() is None:
                with suppress(httpx.TransportError):
                    if (await client.get("/livez")).status_code == 200:
                        return
                await trio.sleep(0.05)
    raise AssertionError((front.directory / "log").read_text())
