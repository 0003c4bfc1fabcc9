"""Marked secrets are planted wherever the daemon may be given one; then everything it has said and written is searched.

Upstreams and the token endpoint repeat in their errors whatever they were sent, as gateways do.
"""

import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from issuer import FakeIssuer, Refusing
from logins import login_provider
from process import environment, read_lines
from stage import QUESTION, accounts

from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, ErrorEvent, Failing, Limited

MARK = "PLANTED"
HOLD = {"tokens.db", "secrets"}
"""What may hold secrets: these, and nothing else in the state directory."""


def planted(name: str) -> str:
    return f"{MARK}-{name}-0123456789abcdef"


@dataclass
class Scene:
    """A daemon as a process of its own, and all that was ever got out of it."""

    process: trio.Process
    config: Path
    state: Path
    provider: FakeProvider
    issuer: FakeIssuer
    log: list[str] = field(default_factory=list)
    got: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        line = next(line for line in self.log if "listening on" in line)
        return "http://" + line.partition("listening on ")[2].split()[0]

    async def said(self, text: str) -> None:
        with trio.fail_after(20):
            while not any(text in line for line in self.log):
                await trio.sleep(0.01)

    async def call(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> int:
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            answer = await client.request(method, self.url + path, headers=headers or {}, **more)
        self.got.append(f"{answer.status_code} {answer.headers!r} {answer.text}")
        return answer.status_code

    async def command(self, *words: str) -> None:
        done = await trio.run_process(
            [sys.executable, "-m", "ccflared", *words, "--config", str(self.config)],
            env=environment(self.config.parent) | SECRET_VARIABLES,
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        self.got.append(f"{words}: {done.stdout.decode()} {done.stderr.decode()}")


SECRET_VARIABLES = {"SECOND_KEY": planted("env-key")}
ADMIN = {"authorization": f"Bearer {planted('admin-token')}"}
CLIENT = {"x-api-key": planted("client-key")}


def file(directory: Path, port: int, issuer: FakeIssuer, issuer_port: int) -> str:
    """Return a configuration with a secret in every place that takes one."""
    access, refresh = issuer.log_in()
    (directory / "third.key").write_text(planted("file-key") + "\n")
    (directory / "theirs.json").write_text(
        json.dumps(
            {"claudeAiOauth": {"accessToken": planted("borrowed"), "refreshToken": planted("not-ours")}}
        )
    )
    stored = directory / "state" / "secrets"
    stored.mkdir(parents=True, mode=0o700)
    (stored / "fifth").write_text(planted("stored-key"))
    own = {
        "first": f'api_key = "{planted("literal-key")}"',
        "second": 'api_key = { env = "SECOND_KEY" }',
        "third": f'api_key = {{ file = "third.key" }}\nproxy = "http://user:{planted("proxy")}@127.0.0.1:9"',
        "fourth": f'provider = "headed"\napi_key = "{planted("fourth-key")}"',
        "fifth": 'api_key = { stored = "fifth" }',
        "plan": f'provider = "login"\n# api_key = none\noauth = {{ access_token = "{access}", refresh_token = "{refresh}", expires_at = 1.0 }}',
        "theirs": 'provider = "login"\n# api_key = none\ncredentials_file = "theirs.json"',
    }
    return f"""
[server]
listen = "127.0.0.1:0"
[control]
socket = "{directory}/state/c.sock"
[storage]
directory = "{directory}/state"
keep_payloads = "1h"
[log]
level = "debug"
[admin]
token = "{planted("admin-token")}"
[clients.laptop]
key = "{planted("client-key")}"
pin = true
[alerts]
webhook = {{ url = "http://127.0.0.1:9/{planted("webhook")}", secret = "{planted("webhook-secret")}" }}
[providers.headed]
headers = {{ "X-Team" = "{planted("header")}" }}
{login_provider(issuer_port)}
{accounts(port, *own, own=own)}
"""


@asynccontextmanager
async def scene(directory: Path) -> AsyncIterator[Scene]:
    issuer = FakeIssuer(mark=MARK + "-")
    provider = FakeProvider()
    async with trio.open_nursery() as nursery:
        port, issuer_port = await nursery.start(provider.serve), await nursery.start(issuer.serve)
        config = directory / "ccflare.toml"
        config.write_text(file(directory, port, issuer, issuer_port))
        config.chmod(0o600)
        process = await trio.lowlevel.open_process(
            [sys.executable, "-X", "faulthandler", "-m", "ccflared", "run", "--config", str(config)],
            env=environment(directory) | SECRET_VARIABLES,
            stderr=subprocess.PIPE,
        )
        found = Scene(process, config, directory / "state", provider, issuer)
        nursery.start_soon(read_lines, process, found.log)
        try:
            await found.said("ready:")
            yield found
        finally:
            if process.returncode is None:
                process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
            nursery.cancel_scope.cancel()


NAMES = ("first", "second", "third", "fourth", "fifth", "plan", "theirs")


PASTED = (
    *(
        "client-key",
        "admin-token",
        "literal-key",
        "env-key",
        "file-key",
        "stored-key",
        "fourth-key",
        "borrowed",
    ),
    *("header", "proxy", "webhook-secret"),
)


async def pasted(at: Scene) -> None:
    """Have a client send every secret that the daemon knows, in plain text and in the escapes of JSON."""
    texts = [planted(name) for name in PASTED]
    webhook = f"http://127.0.0.1:9/{planted('webhook')}"
    for text in (
        "\n".join(texts),
        " ".join(json.dumps(text)[1:-1] for text in texts),
        webhook,
        f"sk-ant-{MARK}-0123",
    ):
        question = json.dumps(QUESTION | {"messages": [{"role": "user", "content": text}]})
        numbers = "".join(f"\\u{ord(letter):04x}" for letter in MARK)
        for body in (question, question.replace("/", "\\/"), question.replace(MARK, numbers)):
            for more in ({}, {"cookie": planted("cookie"), "x-note": planted("literal-key")}):
                await at.call("POST", "/v1/messages", content=body, headers=CLIENT | more)
        compressed = gzip.compress(question.encode())
        await at.call(
            "POST", "/v1/messages", content=compressed, headers=CLIENT | {"content-encoding": "gzip"}
        )


async def traffic(at: Scene) -> None:
    """Have every account succeed and fail in every way, and the token endpoint, too."""
    await pasted(at)
    for name in NAMES:
        pinned = CLIENT | {"x-ccflared-account": name}
        await at.call("POST", "/v1/messages", json=QUESTION, headers=pinned)
        await at.call("POST", "/v1/messages", json=QUESTION | {"stream": True}, headers=pinned)
        await at.call("POST", f"/api/accounts/{name}/test", headers=ADMIN)
    for account, key in (("first", "literal-key"), ("second", "env-key"), ("fourth", "fourth-key")):
        own = planted(key)
        echo = f"you sent {own}" + (f" and {planted('header')}" if key == "fourth-key" else "")
        for behaviour in (
            Failing(
                400, body=json.dumps({"type": "error", "error": {"type": "x", "message": echo}}).encode()
            ),
            Failing(401, message=echo),
            Failing(403, message=echo),
            Failing(404, message=echo),
            Failing(500, message=echo),
            Failing(529, message=echo),
            Limited(message=echo),
            ErrorEvent("api_error", message=echo),
            ErrorEvent("overloaded_error", after_events=5, message=echo),
            # In pieces, so that some of it is given out before the error comes.
            ErrorEvent("api_error", after_events=5, message=echo, answer=Answer(interval=0.01)),
            Answer(headers=((b"x-echo", own.encode()),)),
        ):
            at.provider.play(own, behaviour, then=behaviour)
            for headers in (CLIENT, CLIENT | {"x-ccflared-account": account}):
                await at.call("POST", "/v1/messages", json=QUESTION | {"stream": True}, headers=headers)
                await at.call("POST", "/v1/messages", json=QUESTION, headers=headers)
            await at.call("POST", f"/api/accounts/{account}/force-reset-rate-limit", headers=ADMIN)
    at.provider.accepts = lambda key: not key.startswith(f"{MARK}-at")
    token = at.issuer.asked[-1].get("refresh_token", "") if at.issuer.asked else ""
    at.issuer.always = Refusing(
        400, json.dumps({"error": "invalid_request", "error_description": f"sent {token}"}).encode()
    )
    await at.call("POST", "/v1/messages", json=QUESTION, headers=CLIENT | {"x-ccflared-account": "plan"})


async def questions(at: Scene) -> None:
    """Ask everything that can be asked, rightly and wrongly."""
    for path in (
        "/api/status",
        "/api/accounts",
        "/api/clients",
        "/api/reload",
        "/api/token-health",
        "/health",
        "/nothing",
    ):
        await at.call("GET", path, headers=ADMIN)
    await at.call("GET", "/api/explain?model=claude-sonnet-4-5", headers=ADMIN)
    await at.call("POST", "/api/oauth/init", json={"name": "plan"}, headers=ADMIN)
    session = re.search(r'"sessionId": "([^"]+)"', at.got[-1])
    assert session is not None, at.got[-1]
    body = {"sessionId": session[1], "code": f"{planted('code')}#{planted('state')}"}
    await at.call("POST", "/api/oauth/callback", json=body, headers=ADMIN)
    for key in (planted("wrong-key"), planted("admin-token")):
        await at.call("POST", "/v1/messages", json=QUESTION, headers={"x-api-key": key})
    for words in (
        ("status",),
        ("status", "--json"),
        ("account", "list"),
        ("account", "list", "--json"),
        ("client", "list"),
        ("config", "--defaults"),
        ("config", "--json"),
        ("check",),
        ("check", "--json"),
        ("reload",),
        ("reload", "--log"),
        ("explain", "claude-sonnet-4-5"),
    ):
        await at.command(*words)
    good = at.config.read_text()
    for wrong in (
        good.replace(f'token = "{planted("admin-token")}"', f'token = ["{planted("admin-token")}"]'),
        good.replace(f'api_key = "{planted("literal-key")}"', f'api_kye = "{planted("literal-key")}"'),
        good.replace(f'"{planted("header")}"', f'"{planted("header")}'),
        good + f'\n[clients.other]\nkey_sha256 = "{planted("client-key")}"\n',
    ):
        assert wrong != good
        at.config.write_text(wrong)
        await at.command("check")
        await at.command("reload")
        await at.command("status")
    at.config.write_text(good)
    await at.command("reload")
    for _ in range(7):  # after five of them nobody there may try any more
        await at.call("GET", "/api/status", headers={"authorization": f"Bearer {planted('wrong-token')}"})


@pytest.mark.parametrize("ends", ["stopped", "crashed"])
async def test_no_secret_is_in_anything_the_daemon_says_or_writes(tmp_path: Path, ends: str) -> None:
    async with scene(tmp_path) as at:
        await traffic(at)
        await questions(at)
        at.got += processes()
        at.process.send_signal(15 if ends == "stopped" else 6)
        with trio.fail_after(20):
            await at.process.wait()
        if ends == "crashed":
            await at.said("Fatal Python error")
        assert at.issuer.asked
        assert not any("fault of ccflared" in line for line in at.log)
        assert any("event: error" in text and "you sent ****" in text for text in at.got)
        rows = searched(at)
        assert rows > 0
        texts = packed(at.state / "payloads.db")
        assert len(texts) > 200
        assert sum(b"[secret]" in text for text in texts) > 20
        for kept in texts:
            assert MARK.encode() not in kept, kept[:2000]
            assert rb"\u0050\u004c" not in kept, kept[:2000]
        for number, line in enumerate([*at.log, *at.got]):
            assert MARK not in line, f"{number}: {line[:2000]}"
        for seen in at.provider.seen:
            sent = {value.decode() for _, value in seen.headers if MARK.encode() in value}
            assert not any(
                planted(name) in text for text in sent for name in ("client-key", "admin-token", "not-ours")
            )
            assert len({text for text in sent if planted("header") not in text}) <= 1, sent


def packed(path: Path) -> list[bytes]:
    """Return what payloads hold, and the words of their index."""
    found = []
    with closing(sqlite3.connect(path)) as connection:
        for (bucket,) in connection.execute("SELECT number FROM buckets").fetchall():
            for blobs in connection.execute(f"SELECT request, response FROM bodies_{bucket}"):  # noqa: S608 - a number
                found += [zlib.decompress(blob) for blob in blobs]
            connection.execute(
                f"CREATE VIRTUAL TABLE temp.words USING fts5vocab (main, search_{bucket}, row)"
            )
            words = [word.upper().encode() for (word,) in connection.execute("SELECT term FROM temp.words")]
            assert len(words) > 20
            found.append(b" ".join(words))
            connection.execute("DROP TABLE temp.words")
    return found


def processes() -> list[str]:
    """Return the command lines of all processes, as everybody on the machine may read them."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):  # it has ended meanwhile
            found.append((entry / "cmdline").read_bytes().decode(errors="replace"))
    return found


def searched(at: Scene) -> int:
    """Search everything the daemon has left on the disk; return how many files there were."""
    count = 0
    for place, _, files in os.walk(at.state):
        for name in files:
            path = Path(place) / name
            if path.is_socket():
                continue
            if not HOLD.isdisjoint(path.relative_to(at.state).parts):
                assert path.stat().st_mode & 0o077 == 0 or path.name == "fifth"
                continue
            count += 1
            content = path.read_bytes()
            at_ = max(content.find(MARK.encode()), content.find(MARK.lower().encode()))
            assert at_ < 0, (path, content[max(0, at_ - 200) : at_ + 200])
    return count
