"""A tiny daemon of canned answers on a Unix socket, and the documents that it serves."""

import copy
import json
import queue
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

NOW = 1_795_372_500.0  # Sunday 22 November 2026, 18:35:00 UTC


def client(
    name: str,
    state: str = "ready",
    *,
    reason: str | None = None,
    until: float | None = None,
    asked: int | None = 0,
    refused: int = 0,
    per_hour: int | None = None,
    budget: tuple[float | None, float | None, float | None, float | None] | None = None,
    expires: str | None = None,
) -> dict[str, Any]:
    """Return a client as ``/api/status`` tells of it; ``budget``: daily, monthly, and what is spent of each."""
    keys = ("daily", "monthly", "spent_today", "spent_this_month")
    return {
        "name": name,
        "state": state,
        "reason": reason,
        "until": until,
        "expires": expires,
        "expired": state == "expired",
        "budget": None if budget is None else {**dict(zip(keys, budget, strict=True)), "counts": "value"},
        "requests_per_hour": per_hour,
        "requests_last_hour": asked,
        "refused_last_hour": refused,
    }


def listed(short: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a client as ``/api/clients`` tells of it."""
    usual = {"id": short["name"], "keys": 1, "accounts": ["*"], "models": ["*"], "pin": False}
    return short | usual | {"today": None, "this_month": None, "last_used": None} | more


def used(requests: int, value: float, money: float, **more: Any) -> dict[str, Any]:
    """Return what a client has used as ``/api/clients`` tells of it."""
    tokens = {"input": 900 * requests, "output": 210 * requests, "cache_read": 5000 * requests}
    usual = {"refused": 0, "of_unknown_cost": 0, "value": value, "money": money}
    return {"requests": requests, "tokens": tokens} | usual | more


def clients() -> list[dict[str, Any]]:
    """Return ``/api/clients`` of a daemon with clients of every kind."""
    laptop, phone, ci, guest = busy()["clients"]
    return [
        listed(
            laptop, keys=2, today=used(118, 3.2, 0.4), this_month=used(2900, 81.0, 9.61), last_used=NOW - 40
        ),
        listed(
            phone, pin=True, today=used(9, 0.004, 0.0), this_month=used(9, 0.004, 0.0), last_used=NOW - 900
        ),
        listed(
            ci,
            accounts=["work", "coder-*"],
            models=["*haiku*"],
            today=used(41, 1.04, 1.04, refused=7),
            this_month=used(310, 7.5, 7.5, refused=7, of_unknown_cost=3),
            last_used=NOW - 3,
        ),
        listed(guest, last_used=NOW - 90 * 86400),
    ]


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
        "storage": {
            "directory": "/var/lib/ccflared",
            "bytes": 88_000_000,
            "max_size": 2 << 30,
            "error": None,
        },
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
        "clients": [
            client("laptop", asked=14, per_hour=600, budget=(10.0, 100.0, 3.2, 81.0)),
            client("phone", asked=3),
            client(
                "ci",
                "spent",
                reason="the daily budget of 1.00 USD is spent",
                until=NOW + 5 * 3600,
                budget=(1.0, None, 1.04, 7.5),
                refused=7,
            ),
            client("guest", "expired", expires="2026-01-01"),
        ],
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
            "failovers_limit": 9,
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
        "today": {
            "known": True,
            "since": NOW - 66_900,
            "timezone": None,
            "requests": 3104,
            "complete": 3061,
            "truncated": 9,
            "error": 4,
            "client_gone": 28,
            "refused": 2,
            "failovers": 61,
            "failovers_limit": 55,
            "tokens": {
                "input": 9_310_000,
                "output": 2_204_000,
                "cache_read": 71_450_000,
                "cache_write_5m": 1_902_000,
                "cache_write_1h": 0,
            },
            "plan_usd": 61.2,
            "money_usd": 1.84,
            "unpriced": 12,
            "unpriced_money": 3,
        },
        "chains": [
            chain("opus", ["primary", "work"], ("router", "vendor/big"), serves="primary", step=1),
        ],
        "history": {"ok": True, "error": None, "queued": 0, "written": 48211, "dropped": 0},
    }


def chain(
    models: str,
    *steps: list[str] | tuple[str, str],
    then: str = "pool",
    serves: str | None = None,
    step: int | None = None,
) -> dict[str, Any]:
    """Return a chain: each step a list of accounts, or an account and the model it is asked for."""
    named = models.split()
    return {
        "models": named,
        "steps": [
            {"accounts": [each[0]], "model": each[1]}
            if isinstance(each, tuple)
            else {"accounts": each, "model": None}
            for each in steps
        ],
        "then": then,
        "next": {"for": named[0], "account": serves, "model": None, "step": step},
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
        "also": [],
        "session": False,
        "usage": None,
        "paused_since": None,
        "running": 0,
        "last_used": None,
    }
    return {**given, **facts}


def token(kind: str, *, ends: float | None = 3000, **facts: Any) -> dict[str, Any]:
    """How an account's tokens are; ``ends``: seconds from now."""
    given = {
        "kind": kind,
        "valid_until": None if ends is None else NOW + ends,
        "refreshed_at": None,
        "problem": None,
        "todo": None,
    }
    return {**given, **facts}


def logins() -> dict[str, Any]:
    """OAuth accounts with tokens of every kind, some of which need somebody."""
    document = busy()
    gone = {"kind": "endpoint", "reason": "the token endpoint is not there (404)", "since": NOW - 900}
    ended = {"kind": "temporary", "reason": "the token has ended", "since": NOW - 7200}
    refused = {
        "kind": "revoked",
        "reason": "the issuer refuses the token (invalid_grant: Refresh token not found or invalid)",
        "since": NOW - 86400,
    }
    endpoint = "see whether token_url in the oauth table is still right"
    owner = "run the program that owns /home/me/.claude/.credentials.json, which renews its tokens"
    document["accounts"] = [
        account(
            "primary", "claude-oauth", order=1, session=True, token=token("login", refreshed_at=NOW - 600)
        ),
        account("static", "claude-oauth", order=2, token=token("long-lived", ends=None)),
        account(
            "moved",
            "claude-oauth",
            order=3,
            token=token("seed", ends=1300, refreshed_at=NOW - 20000, problem=gone, todo=endpoint),
        ),
        account(
            "borrowed",
            "claude-oauth",
            order=4,
            state="doubtful",
            reason="its token has ended, and whoever keeps it has not renewed it",
            until=NOW + 40,
            token=token("credentials file", ends=-7200, problem=ended, todo=owner),
        ),
        account(
            "lost",
            "claude-oauth",
            state="needs login",
            reason=refused["reason"],
            token=token("login", ends=-80000, problem=refused, todo="ccflared login lost"),
        ),
        account(
            "new",
            "claude-oauth",
            state="needs login",
            reason="nobody has logged in",
            token=token("none", ends=None, todo="ccflared login new"),
        ),
    ]
    return document


def pooled() -> dict[str, Any]:
    """A pool of plans in all their states: windows of usage, a pause by hand, a probe, models that cool."""
    document = busy()
    document["accounts"] = [
        account(
            "primary",
            "claude-oauth",
            order=1,
            tier=20,
            running=2,
            last_used=NOW - 3,
            session=True,
            usage=usage(
                30,
                window("5h", 0.62, 7500),
                window("7d", 0.31, 3 * 86400 + 4 * 3600),
                window("7d opus", 1.0, 3 * 86400 + 4 * 3600, spent=True),
            ),
            also=[against("cooling", "its 7d opus window is spent", 3 * 86400 + 4 * 3600)],
        ),
        account(
            "second",
            "claude-oauth",
            order=2,
            priority=10,
            state="half-open",
            reason="its rest has ended; the next request shows whether it serves again",
            last_used=NOW - 340,
            usage=usage(
                2400, window("5h", 1.01, -60), window("7d", 0.87, 86400), window("7d sonnet", None, 86400)
            ),
        ),
        account("chained", "zai", order=None, priority=10, reason="pool = false: only for chains and pins"),
        account(
            "coder-plan",
            "zai",
            priority=20,
            state="resting",
            reason="limit reached: 5-hour limit reached",
            until=NOW + 245,
            last_used=NOW - 7300,
            usage=usage(700, window("5h", 1.04, 245, spent=True), overage="unavailable"),
            also=[against("resting", "its 5h window is spent", 245)],
        ),
        account(
            "gateway",
            "anthropic-compatible",
            priority=20,
            state="busy",
            reason="4 requests are running, as many as max_concurrency allows",
            running=4,
            last_used=NOW - 1,
        ),
        account(
            "night-only",
            "claude-oauth",
            priority=30,
            state="paused",
            reason="paused by hand",
            paused_since=NOW - 5400,
            also=[
                against("paused", "its pause_schedule says so", 5 * 3600),
                against("cooling", "claude-opus-4-5: limit for this model reached", 900),
            ],
        ),
    ]
    return document


def usage(age: float, *windows: dict[str, Any], overage: str | None = None) -> dict[str, Any]:
    """The usage of an account, told of ``age`` seconds ago."""
    return {"age": age, "overage": overage, "windows": list(windows)}


def window(
    name: str, used: float | None, resets_in: float | None, *, spent: bool = False, **more: Any
) -> dict[str, Any]:
    """One usage window."""
    resets = None if resets_in is None else NOW + resets_in
    return {"name": name, "utilization": used, "resets_at": resets, "spent": spent, **more}


def against(state: str, reason: str, ends_in: float | None = None) -> dict[str, Any]:
    """One further reason for which an account does not serve."""
    return {"state": state, "reason": reason, "until": None if ends_in is None else NOW + ends_in}


def choice() -> dict[str, Any]:
    """Why a model would be served as it would be, by a chain and then by the pool."""
    return {
        "model": "claude-opus-4-5",
        "client": "laptop",
        "conversation": None,
        "strategy": "session",
        "chain": "opus",
        "now": NOW,
        "candidates": [
            {
                "order": 1,
                "account": "primary",
                "model": "claude-opus-4-5",
                "why": "step 1 of the chain, holds the session",
            },
            {"order": 2, "account": "gateway", "model": "vendor/big", "why": "step 2 of the chain"},
            {"order": 3, "account": "work", "model": "claude-opus-4-5", "why": "priority 10"},
        ],
        "passed": [
            {"account": "coder-plan"} | against("resting", "its 5h window is spent", 245),
            {"account": "spare"} | against("off", "enabled = false"),
            {"account": "home"} | against("not asked", "the client laptop may not use it"),
        ],
        "refusal": None,
    }


def nobody() -> dict[str, Any]:
    """The same where nobody would serve."""
    message = "The account has reached a limit. The first is expected back in 245 s."
    return choice() | {
        "chain": None,
        "candidates": [],
        "refusal": {"status": 429, "message": message, "retry_after": 245},
    }


def story() -> dict[str, Any]:
    """What became of a request that the second account served."""
    return {
        "request": "req_0123456789abcdef01234567",
        "at": NOW - 600,
        "origin": "client",
        "client": "laptop",
        "conversation": "claude-code:1957c73d-9364-4fbf-8eb3-4bb1111744a1",
        "model": "claude-opus-4-5",
        "served_model": "vendor/big-2026",
        "chain": "opus",
        "status": 200,
        "outcome": "complete",
        "error": None,
        "total_ms": 3412,
        "attempts": [
            {
                "account": "primary",
                "provider": "claude-oauth",
                "why": "step 1 of the chain, holds the session",
                "started_ms": 1,
                "took_ms": 312,
                "status": 429,
                "kind": "limit",
                "reason": "limit reached: This request would exceed your account's rate limit.",
                "model": "claude-opus-4-5",
            },
            {
                "account": "gateway",
                "provider": "anthropic-compatible",
                "why": "step 2 of the chain",
                "started_ms": 315,
                "took_ms": 3090,
                "status": 200,
                "kind": "served",
                "reason": "",
                "model": "vendor/big",
            },
        ],
        "passed": [{"account": "coder-plan"} | against("resting", "its 5h window is spent", -300)],
    }


def spent() -> dict[str, Any]:
    """Budgets that are spent, nearly so, and far from it."""
    document = busy()

    def row(who: str, period: str, limit: float, spent: float, counts: str = "money") -> dict[str, Any]:
        of, _, name = who.partition(" ")
        ends = NOW + (19500 if period == "day" else 8 * 86400 + 19500)
        return {
            "of": of,
            "name": name or None,
            "period": period,
            "limit_usd": limit,
            "spent_usd": spent,
            "share": spent / limit,
            "counts": counts,
            "blocked_until": ends if spent >= limit else None,
            "resets_at": ends,
        }

    document["budgets"] = [
        row("all", "day", 20.0, 20.0034),
        row("all", "month", 200.0, 163.5),
        row("account work", "day", 5.0, 1.25),
        row("account router", "month", 80.0, 81.0),
        row("client laptop", "day", 10.0, 10.0, "value"),
    ]
    return document


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
    document["clients"] = []
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
    document["today"] |= {"requests": 0, "failovers": 0, "failovers_limit": 0}
    document["chains"] = []
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
        "token": token("login", ends=-60, todo="ccflared login primary"),
        "order": None,
        "running": 0,
    }
    document["accounts"][4] |= {
        "state": "no credential",
        "reason": "the file /etc/ccflared/or.key cannot be read",
    }
    document["history"] |= {"ok": False, "error": "the disk is full", "dropped": 31}
    document["alerts"] = [
        alert(
            "runaway_conversation", "One conversation of client laptop asks very often", 40, client="laptop"
        ),
        alert("needs_login", "Account primary needs you", 60, severity="critical", account="primary"),
        alert("pool_exhausted", "No account could serve a request", 300, severity="critical"),
        alert("budget_spent", "The budget of client ci is spent", 900, client="ci"),
        alert("daily_spend", "25.31 USD were billed today", 7900),
        alert("budget_spent", "The budget of the whole is spent", 9000, acknowledged=True),
    ]
    return document


def alert(kind: str, title: str, age: float, **facts: Any) -> dict[str, Any]:
    """Return an alert that holds, as ``/api/status`` tells of it."""
    usual = {
        "id": f"alert_{kind}",
        "severity": "warning",
        "message": f"{title}, and why.",
        "acknowledged": False,
    }
    return usual | {"type": kind, "title": title, "at": NOW - age, "resolved_at": None} | facts


@dataclass
class Canned:
    """What the daemon answers by ``METHOD path``, and what it was asked: (method and path, body)."""

    socket: Path
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    raw: bytes | None = None
    """Sent as it is instead of an HTTP answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    feeds: dict[str, "Feed"] = field(default_factory=dict)
    """Streams of events by path."""
    held: dict[str, threading.Event] = field(default_factory=dict)
    """Answers that are given once something has happened."""


class Feed:
    """A stream of events: what is told is written to whoever listens. ``heads``: header fields of who came."""

    def __init__(self) -> None:
        self.heads: list[dict[str, str]] = []
        self.told: queue.Queue[bytes | None] = queue.Queue()

    def tell(self, value: object, number: int | None = None, name: str | None = None) -> None:
        """Write an event."""
        lines = [] if number is None else [f"id: {number}"]
        lines += [] if name is None else [f"event: {name}"]
        self.told.put("\n".join([*lines, f"data: {json.dumps(value)}", "", ""]).encode())

    def end(self) -> None:
        """End the connection of who listens."""
        self.told.put(None)


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
            if self.path in canned.feeds:
                self.feed(canned.feeds[self.path])
                return
            if what in canned.held:
                canned.held[what].wait(30)
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

        def feed(self, feed: Feed) -> None:
            feed.heads.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self.close_connection = True
            while (piece := feed.told.get()) is not None:
                try:
                    self.wfile.write(piece)
                except OSError:
                    return

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
            for feed in canned.feeds.values():
                feed.end()
            server.shutdown()
            thread.join()


if __name__ == "__main__":  # a daemon to look at: python tests/cli/canned.py SOCKET busy|quiet|troubled
    import sys

    with canned_daemon(Path(sys.argv[1]), globals()[sys.argv[2]]()) as shown:
        shown.answers["POST /api/reload"] = 422, mistaken()
        shown.answers["GET /api/reload"] = 200, [mistaken(), applied()]
        threading.Event().wait()
