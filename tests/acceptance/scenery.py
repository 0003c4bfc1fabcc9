"""A daemon with a day behind it, for looking at commands: run it as a program, and it stays until it is told to end.

    python -m acceptance.scenery DIRECTORY

It plays every account of ``CAST`` at the fake provider, sends requests of several clients, and prints ``ready`` once
all that happened is in the history. Names are long, models have letters of two cells, and upstreams say what would
colour or move a terminal: what people look at has to stand all of it.
"""

import json
import signal
import sys
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import trio

from ccflared.api.routes import make_api
from ccflared.daemon.main import Running, run
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Cut, Cycle, ErrorEvent, Failing, Limited, Slow, Spending, Window

HOSTILE = (
    "\x1b[2J\x1b[31mYour credit balance is too low\x1b[0m to access the API \u202egnihtemos\u202c [bold red]now[/] "
    "\u6570\u636e\u4e0d\u8db3 \U0001f4b8 \u05e9\u05dc\u05d5\u05dd: please go to https://console.example.com/settings/plans/and/billing/"
    "and/a/path/that/does/not/end/soon?team=0123456789abcdef to buy more"
)
LONG = "gateway-of-the-far-department-for-applied-experiments"
WIDE_MODEL = "\u5927\u6a21\u578b-\u4e2d\u6587\u7248\u672c-preview-with-a-very-long-name-20260930"
KEYS = {
    name: f"key-of-{name}" for name in ("laptop", "ci", "guest", "a-client-with-quite-a-long-name-indeed")
}

FILE = """\
# The household's accounts. Saved, this file is read again.
[server]
listen = "127.0.0.1:0"
drain = "1s"

[control]
socket = "DIRECTORY/c.sock"

[storage]
directory = "DIRECTORY/state"
keep_payloads = "7d"

[routing]
attempts_within = "20s"
overload_retry = { attempts = 0 }

[admin]
token = "an admin token for pictures"

[providers.plan]  # a plan whose usage is told with each answer, and can be asked for
base_url = "http://127.0.0.1:PORT"
billing = "plan"
usage = { url = "/api/oauth/usage", reads = "anthropic" }

[providers.gateway]
base_url = "http://127.0.0.1:PORT"

[accounts.primary]
provider = "plan"
api_key = "sk-primary"
tier = 20
auto_fallback = true

[accounts.second]
provider = "plan"
api_key = "sk-second"
priority = 5
tier = 5

[accounts.spent-plan]
provider = "plan"
api_key = "sk-spent-plan"
priority = -10

[accounts.work]
provider = "gateway"
api_key = "sk-work"
priority = 10
budget = { daily = 5.00, monthly = 80.00 }

[accounts.LONG]
provider = "gateway"
api_key = "sk-long"
priority = 20
models = { sonnet = "WIDE_MODEL", "*" = "=" }

[accounts.poor]
provider = "gateway"
api_key = "sk-poor"
priority = -5

[accounts.moody]
provider = "gateway"
api_key = "sk-moody"
priority = -3

[accounts.chain-only]
provider = "gateway"
api_key = "sk-chain-only"
pool = false

[accounts.torn]
provider = "gateway"
api_key = "sk-torn"
pool = false

[accounts.on-holiday]
provider = "gateway"
api_key = "sk-on-holiday"
priority = 30

[accounts.new-login]
provider = "claude-oauth"
priority = 40
oauth = { client_id = "11111111-2222-3333-4444-555555555555", token_url = "http://127.0.0.1:PORT/token" }

[accounts.keyless]
provider = "anthropic"
api_key = { env = "NO_SUCH_KEY_IS_SET" }
priority = 50

[[fallback]]
models = ["opus"]
try = ["spent-plan", ["primary", "second"], { account = "chain-only", model = "vendor/big" }]

[clients.laptop]
key_sha256 = "HASH-laptop"
pin = true
budget = { daily = 10.00, counts = "value" }

[clients.ci]
key_sha256 = "HASH-ci"
accounts = ["work", "LO*", "gateway-*"]
models = ["*haiku*", "*sonnet*"]
requests_per_hour = 6

[clients.guest]
key_sha256 = "HASH-guest"
expires = "2026-01-01"

[clients.a-client-with-quite-a-long-name-indeed]
key_sha256 = "HASH-a-client-with-quite-a-long-name-indeed"
budget = { daily = 0.01, monthly = 3.0, counts = "value" }

[alerts]
daily_spend = 0.01
"""


def configuration(directory: Path, port: int) -> str:
    """Return the file of the scene, for a provider on this port."""
    text = FILE.replace("DIRECTORY", str(directory)).replace("PORT", str(port))
    text = text.replace('"LO*", ', "").replace("LONG", LONG).replace("WIDE_MODEL", WIDE_MODEL)
    for name, key in KEYS.items():
        text = text.replace(f'"HASH-{name}"', f'"{sha256(key.encode()).hexdigest()}"')
    return text


def provider() -> FakeProvider:
    """Return the fake provider with what each account gets there."""
    fake = FakeProvider(remember=16)
    healthy = Answer(five_hour=Window(0.62, 7500.0, "allowed"), seven_day=Window(0.31, 3.2 * 86400))
    second = Answer(five_hour=Window(0.93, 900.0, "allowed_warning"), seven_day=Window(0.87, 86400.0))
    families = {"opus": Window(1.0, 3.2 * 86400, "rejected"), "sonnet": Window(0.12, 3.2 * 86400)}
    fake.play("sk-primary", then=Cycle((healthy, Slow(0.4, healthy), healthy)))
    fake.play("sk-primary", then=Spending(healthy.five_hour, healthy.seven_day, families), on="usage")
    fake.play("sk-second", then=second)
    fake.play("sk-second", then=Spending(second.five_hour, second.seven_day), on="usage")
    fake.play("sk-spent-plan", then=Limited(reset_in=4 * 3600.0 + 900))
    fake.play("sk-spent-plan", then=Failing(404), on="usage")
    fake.play(
        "sk-work", then=Cycle((Answer(output_tokens=48_211), Cut(after_events=9), ErrorEvent(after_events=3)))
    )
    fake.play("sk-long", then=Answer(text="\u4f60\u597d"))
    fake.play("sk-poor", then=Failing(402, "billing_error", message=HOSTILE))
    fake.play(
        "sk-moody",
        then=Failing(529, message="Overloaded: [blink]try[/blink] later \x9b31m\u8bf7\u7a0d\u540e"),
    )
    fake.play("sk-torn", then=Cut(after_events=9))
    fake.play("sk-chain-only", then=Answer())
    return fake


def requests() -> Sequence[tuple[str, dict[str, Any], dict[str, str]]]:
    """Return what is asked: the client, the body, further headers."""
    told: list[tuple[str, dict[str, Any], dict[str, str]]] = []
    for number in range(4):
        talk = {"x-claude-code-session-id": f"talk-{number % 2}", "x-ccflared-project": "shop"}
        told.append(("laptop", {"model": "claude-sonnet-4-5", "stream": True}, talk))
        told.append(("laptop", {"model": "claude-opus-4-5-20251101", "stream": True}, talk))
    told.append(
        (
            "ci",
            {"model": "claude-haiku-4-5"},
            {"x-ccflared-project": "\u5546\u5e97 \u2014 nightly builds of everything"},
        )
    )
    told += [("ci", {"model": "claude-sonnet-4-5", "stream": bool(number % 2)}, {}) for number in range(4)]
    told.append(("ci", {"model": "claude-opus-4-5"}, {}))
    told.append(("a-client-with-quite-a-long-name-indeed", {"model": "claude-haiku-4-5"}, {}))
    told.append(("guest", {"model": "claude-haiku-4-5"}, {}))
    torn = {"x-ccflared-account": "torn"}
    told.append(("laptop", {"model": "claude-sonnet-4-5", "stream": True}, torn))
    pinned = {"x-ccflared-account": LONG}
    told.append(("laptop", {"model": "claude-sonnet-4-5"}, pinned))
    told.append(("laptop", {"model": "claude-sonnet-4-5", "max_tokens": "many"}, {}))
    return told


async def happen(url: str) -> None:
    """Send the requests, one after the other, and pause an account."""
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        for name, body, headers in requests():
            words = "Why does the test of the \u5e97 basket fail on Tuesdays?"
            whole = {"max_tokens": 64, "messages": [{"role": "user", "content": words}], **body}
            given = {key.encode(): text.encode() for key, text in headers.items()}
            given[b"x-api-key"] = KEYS[name].encode()
            await client.post(f"{url}/v1/messages", json=whole, headers=given)
        admin = {"x-api-key": "an admin token for pictures"}
        await client.post(f"{url}/api/accounts/on-holiday/pause", headers=admin)


async def play(directory: Path) -> None:
    """Run provider and daemon below ``directory`` until SIGTERM or SIGINT; say ``ready`` in between."""
    config = directory / "ccflare.toml"
    fake = provider()
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as ends:
        async with trio.open_nursery() as nursery:
            port = await nursery.start(fake.serve)
            config.write_text(configuration(directory, port))
            config.chmod(0o600)
            send, receive = trio.open_memory_channel[int](1)
            environ = {"HOME": str(directory)}
            running: Running = await nursery.start(partial(run, config, environ, make_api, signals=receive))
            address = running.listeners.bound[0].addresses[0]
            await happen(f"http://{address}")
            await running.house.recorder.settled()
            print(json.dumps({"ready": address}), flush=True)
            async for _ in ends:
                break
            await send.send(signal.SIGTERM)
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(play, Path(sys.argv[1]))
