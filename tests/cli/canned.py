"""A tiny daemon of canned answers on a Unix socket, and the documents that it serves."""

import copy
import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

NOW = 1_795_372_500.0  # Sunday 22 November 2026, 18:35:00 UTC


def busy() -> dict[str, Any]:
    """A daemon in the middle of an ordinary day: everything runs, one account rests, one is in doubt."""
    return {
        "version": "0.1.0",
        "pid": 4242,
        "started_at": NOW - 3 * 86400 - 4000,
        "now": NOW,
        "state": "running",
        "memory_bytes": 88_000_000,
        "config": {
            "file": "/etc/ccflared/ccflare.toml",
            "files": ["/etc/ccflared/ccflare.toml", "/etc/ccflared/conf.d/work.toml"],
            "serial": 3,
            "applied_at": NOW - 720,
            "cause": "file",
            "pending_restart": [],
            "warnings": [],
            "refused": None,
        },
        "listeners": [
            {
                "address": "127.0.0.1:8080",
                "url": "http://127.0.0.1:8080",
                "serve": ["requests", "admin", "metrics"],
                "tls": False,
                "reach": "loopback",
                "error": None,
            },
            {
                "address": "0.0.0.0:8443",
                "url": "https://0.0.0.0:8443",
                "serve": ["requests"],
                "tls": True,
                "reach": "network",
                "error": None,
            },
        ],
        "control": {"socket": "/run/ccflared/ccflared.sock"},
        "accounts": [
            account("primary", "claude-oauth", order=1, running=2, last_used=NOW - 3, tier=20),
            account("work", "anthropic", order=2, priority=10, last_used=NOW - 340),
            account(
                "backup",
                "anthropic",
                order=3,
                priority=10,
                state="doubtful",
                reason="overloaded (529)",
                until=NOW + 40,
                last_used=NOW - 12,
            ),
            account(
                "coder-plan",
                "zai",
                priority=20,
                state="resting",
                reason="the 5-hour limit is reached",
                until=NOW + 245,
                last_used=NOW - 7300,
            ),
            account("spare", "openrouter", priority=30, state="off", reason="enabled = false"),
        ],
        "clients": ["laptop"],
        "running": 2,
        "traffic": {
            "known": True,
            "since": NOW - 3600,
            "requests": 482,
            "complete": 470,
            "truncated": 3,
            "error": 1,
            "client_gone": 7,
            "refused": 1,
            "failovers": 12,
            "tokens": {
                "input": 1_240_000,
                "output": 342_000,
                "cache_read": 8_120_000,
                "cache_write_5m": 220_000,
                "cache_write_1h": 1000,
            },
            "first_byte_ms": {"p50": 812, "p95": 2140},
            "minutes": [(at * at) % 17 if at % 11 else 0 for at in range(60)],
            "accounts": [
                {"name": "primary", "requests": 402, "failed_attempts": 3, "output_tokens": 301_000},
                {"name": "work", "requests": 74, "failed_attempts": 0, "output_tokens": 40_100},
                {"name": "backup", "requests": 5, "failed_attempts": 9, "output_tokens": 900},
            ],
        },
        "history": {"ok": True, "error": None, "queued": 0, "written": 48211, "dropped": 0},
    }


def account(name: str, provider: str, **facts: Any) -> dict[str, Any]:
    """One account of a status document, ready unless said otherwise."""
    given = {
        "name": name,
        "provider": provider,
        "priority": 0,
        "tier": 1,
        "order": None,
        "state": "ready",
        "reason": None,
        "until": None,
        "running": 0,
        "last_used": None,
    }
    return {**given, **facts}


def quiet() -> dict[str, Any]:
    """A daemon just started, with nothing in its file."""
    document = busy()
    document["started_at"] = NOW - 2
    document["config"] |= {
        "files": ["/etc/ccflared/ccflare.toml"],
        "serial": 1,
        "cause": "start",
        "applied_at": NOW - 2,
    }
    document["accounts"] = []
    document["running"] = 0
    document["traffic"] |= {
        "since": NOW - 2,
        "requests": 0,
        "complete": 0,
        "truncated": 0,
        "error": 0,
        "client_gone": 0,
        "refused": 0,
        "failovers": 0,
        "tokens": dict.fromkeys(document["traffic"]["tokens"], 0),
        "first_byte_ms": {"p50": None, "p95": None},
        "minutes": [0] * 60,
        "accounts": [],
    }
    return document


def mistaken() -> dict[str, Any]:
    """The verdict on a file with two mistakes."""
    return {
        "number": 4,
        "at": NOW - 130,
        "cause": "file",
        "applied": False,
        "changes": [],
        "needs_restart": [],
        "mistakes": [
            {
                "place": "/etc/ccflared/ccflare.toml:12:1",
                "message": 'unknown key "atempts"; did you mean "attempts"?',
                "excerpt": "atempts = 4\n^^^^^^^",
            },
            {
                "place": "/etc/ccflared/conf.d/work.toml:3:12",
                "message": "there is no provider named antropic; did you mean anthropic?",
                "excerpt": 'provider = "antropic"\n           ^^^^^^^^^^',
            },
        ],
        "losses": [],
        "warnings": [],
    }


def lossy() -> dict[str, Any]:
    """The verdict on a file that would open the house."""
    return mistaken() | {"mistakes": [], "losses": ["the admin token would go"], "cause": "command"}


def applied() -> dict[str, Any]:
    """The verdict on a good edit."""
    return mistaken() | {
        "applied": True,
        "mistakes": [],
        "changes": ["routing.attempts: 8 -> 4", "accounts.work: added", "accounts.old.api_key: changed"],
        "needs_restart": ["storage.directory"],
        "warnings": ["accounts.work.api_key: the environment has no ANTHROPIC_API_KEY"],
        "cause": "command",
    }


def troubled() -> dict[str, Any]:
    """A daemon that needs a person in every way there is."""
    document = copy.deepcopy(busy())
    document["config"]["refused"] = mistaken()
    document["config"]["pending_restart"] = ["storage.directory"]
    document["config"]["warnings"] = ["alerts.webhook.secret: the environment has no HOOK_SECRET"]
    document["listeners"][1]["error"] = "the address is in use"
    document["accounts"][0] |= {
        "state": "needs login",
        "reason": "the refresh token was rejected",
        "order": None,
        "running": 0,
    }
    document["accounts"][4] |= {
        "state": "no credential",
        "reason": "the file /etc/ccflared/or.key cannot be read",
    }
    document["history"] |= {"ok": False, "error": "the disk is full", "dropped": 31}
    return document


@dataclass
class Canned:
    """What the daemon answers by ``METHOD path``, and what it was asked: (method and path, body)."""

    socket: Path
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    raw: bytes | None = None
    """Sent as it is instead of an HTTP answer."""
    headers: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def canned_daemon(socket: Path, status: dict[str, Any] | None = None) -> Iterator[Canned]:
    """Serve canned answers at ``socket`` until the end of the block."""
    canned = Canned(socket)
    if status is not None:
        canned.answers["GET /api/status"] = 200, status

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            if canned.raw is not None:
                self.request.recv(65536)
                self.request.sendall(canned.raw)
                self.close_connection = True
                return
            super().handle_one_request()

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            what = f"{self.command} {self.path}"
            canned.asked.append((what, json.loads(body) if body else None))
            status, value = canned.answers.get(
                what, (404, {"type": "error", "error": {"message": "not found"}})
            )
            text = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            for name, given in canned.headers.items():
                self.send_header(name, given)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Be silent."""

        def address_string(self) -> str:
            return "unix"

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
        block_on_close = True

    with Server(str(socket), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield canned
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":  # a daemon to look at: python tests/cli/canned.py SOCKET busy|quiet|troubled
    import sys

    with canned_daemon(Path(sys.argv[1]), globals()[sys.argv[2]]()) as shown:
        shown.answers["POST /api/reload"] = 422, mistaken()
        shown.answers["GET /api/reload"] = 200, [mistaken(), applied()]
        threading.Event().wait()
