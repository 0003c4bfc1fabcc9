"""``ccflared demo``: the daemon with a temporary state directory and the built-in fake provider behind it."""

import errno
import os
import secrets
import shlex
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from ccflared.api.routes import make_api
from ccflared.cli.daemon import told
from ccflared.cli.render.layout import Line, Span
from ccflared.cli.terminal import complain, stdout
from ccflared.config.net_kinds import split_address
from ccflared.config.protection import only_loopback
from ccflared.daemon.main import Running, run
from ccflared.demo.cast import Role, cast
from ccflared.demo.traffic import traffic as send_traffic
from ccflared.errors import CcflaredError

PREFERRED = "127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys made up for a demo that can be reached from elsewhere; nothing is ever open to a network without."""

    client: str
    admin: str


def run_demo(*, listen: str | None, traffic: bool) -> int:
    """Run the demo until told to stop; ``traffic`` sends requests to it. Returns the exit code of ``run``."""
    address = listen or _free_address()
    if split_address(address) is None and not address.startswith("unix:"):
        complain(f"ccflared demo: --listen takes an address such as 127.0.0.1:8080, not {address}")
        return 2
    keys = None if only_loopback(address) else Keys(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
    with TemporaryDirectory(prefix="ccflared-demo-") as directory:
        try:
            trio.run(
                partial(_play, Path(directory), address, keys, traffic=traffic), strict_exception_groups=True
            )
        except (CcflaredError, BaseExceptionGroup) as error:
            return told(error)
    return 0


async def _play(directory: Path, address: str, keys: Keys | None, *, traffic: bool) -> None:
    provider, roles = cast()
    path = directory / "ccflare.toml"
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        path.write_text(_configuration(directory, address, port, roles, keys))
        path.chmod(0o600)
        environ = {"HOME": str(directory)}
        environ |= {name: os.environ[name] for name in ("TERM", "NO_COLOR") if name in os.environ}
        running = await nursery.start(_until_stopped, path, environ, nursery.cancel_scope)
        stdout().write(_greeting(running, roles, keys, traffic=traffic))
        sys.stdout.flush()
        if traffic:
            host, _, number = running.listeners.bound[0].addresses[0].rpartition(":")
            host = "127.0.0.1" if host == "0.0.0.0" else host.replace("[::]", "[::1]")
            key = keys.client if keys else None
            nursery.start_soon(partial(send_traffic, host, int(number), key=key))


async def _until_stopped(
    path: Path,
    environ: dict[str, str],
    everything: trio.CancelScope,
    *,
    task_status: trio.TaskStatus[Running] = trio.TASK_STATUS_IGNORED,
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        await run(path, environ, make_api, signals=_endings(signals), task_status=task_status)
    everything.cancel()


async def _endings(signals: AsyncIterator[int]) -> AsyncIterator[int]:
    """Take a closed terminal for the end: a daemon would read its file again, a demo has nobody left to watch it."""
    async for _ in signals:
        yield signal.SIGTERM


def _free_address() -> str:
    """Return the usual address, or one with any free port where something else has that."""
    host, _, port = PREFERRED.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return f"{host}:0"
    return PREFERRED


def _configuration(directory: Path, address: str, port: int, roles: Sequence[Role], keys: Keys | None) -> str:
    """Write the demo's file: a real one, to look at and to edit while the demo runs."""
    lines = [
        "# The configuration of this demo. Edit it while the demo runs: it is reloaded.",
        "[server]",
        f'listen = "{address}"',
        'drain = "2s"',
        "[control]",
        f'socket = "{directory}/ccflared.sock"',
        "[storage]",
        f'directory = "{directory}"',
    ]
    if keys is not None:
        lines += [
            "[clients.demo]",
            f'key_sha256 = "{sha256(keys.client.encode()).hexdigest()}"',
            "pin = true",
        ]
        lines += ["[admin]", f'token_sha256 = "{sha256(keys.admin.encode()).hexdigest()}"']
    lines += [
        "",
        "[providers.demo-plan]  # a plan whose usage can be asked for, while no request tells of it",
        f'base_url = "http://127.0.0.1:{port}"',
        'billing = "plan"',
        'usage = { url = "/api/oauth/usage", reads = "anthropic" }',
    ]
    for role in roles:
        lines += [
            "",
            f"[accounts.{role.name}]  # {role.about}",
            f'provider = "{"demo-plan" if role.plan else "anthropic-compatible"}"',
            f'base_url = "http://127.0.0.1:{port}"',
            f'api_key = "{role.key}"',
            f"priority = {role.priority}",
        ]
    return "\n".join(lines) + "\n"


def _greeting(running: Running, roles: Sequence[Role], keys: Keys | None, *, traffic: bool) -> list[Line]:
    bound = running.listeners.bound[0].addresses[0]
    url = "http://" + bound.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")
    key = keys.client if keys else "demo"
    config = running.sources.path
    said = f" at {url}, with a built-in provider: nothing leaves this machine."
    lines = [*stdout().sheet().text(Span("ccflared demo", "strong"), said, indent=0), ()]
    lines += [(Span(f"  {role.name:<12}", "strong"), Span(role.about, "faint")) for role in roles]
    if keys is not None:
        lines += [(), (Span("  client key   ", "strong"), Span(keys.client))]
        lines += [(Span("  admin token  ", "strong"), Span(keys.admin))]
    question = '{"model":"claude-sonnet-4-5","max_tokens":99,"stream":true,"messages":[{"role":"user","content":"Hi"}]}'
    responses = '{"model":"claude-sonnet-4-5","stream":true,"input":"Hi"}'
    steps = [
        ("the dashboard, in a browser", f"{url}/"),
        ("first, so that commands mean this demo", f"export CCFLARED_CONFIG={shlex.quote(str(config))}"),
        ("how it is", f"{_command()} status --watch"),
        ("the same on the whole screen, with keys to act", f"{_command()} top"),
        ("each request as it ends", f"{_command()} requests -f"),
        ("what was used", f"{_command()} usage"),
        ("a request", f"curl -N {url}/v1/messages -H 'x-api-key: {key}' -d '{question}'"),
        (
            "the same as Codex asks",
            f"curl -N {url}/v1/responses -H 'authorization: Bearer {key}' -d '{responses}'",
        ),
        ("Claude Code", f"ANTHROPIC_BASE_URL={url} ANTHROPIC_AUTH_TOKEN={key} claude"),
        ("its file, which is reloaded when it is saved", f"{_command()} edit"),
    ]
    lines += [(), (Span("Try, in another terminal:", "strong"),)]
    for what, command in steps:
        lines += [(Span(f"  {what}", "faint"),), (Span(f"    {command}"),)]
    sends = (
        "Three clients send requests now and then."
        if traffic
        else "With --traffic it sends requests by itself."
    )
    return [*lines, (), (Span(f"{sends} Ctrl-C ends it.", "faint"),), ()]


def _command() -> str:
    """How the person got here: the command if it is on the path, else the way this one was started."""
    given = os.path.realpath(sys.argv[0])
    if shutil.which("ccflared"):
        return "ccflared"
    started = [sys.executable, "-m", "ccflared"] if given.endswith("__main__.py") else [given]
    return shlex.join(started)
