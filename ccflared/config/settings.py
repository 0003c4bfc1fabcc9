"""The sections that are there once: [server] to [log]. Each field says what its key takes and does.

The kinds of the values follow in the annotations; config/model.py has the rest of the file's shape.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from ccflared.config.kinds import Choice, FilePath, Flag, KeyPath, Mode, Number, Reading, Size, Text, Whole
from ccflared.config.net_kinds import BasePath, HostPattern, ListenAddress, TrustedPeer, WebOrigin
from ccflared.config.reference import SecretRef
from ccflared.config.secret_kinds import SecretSource, Sha256
from ccflared.config.shapes import Many, Short, Table, takes
from ccflared.config.time_kinds import Duration
from ccflared.config.value_sets import Planes

Plane = Literal["requests", "admin", "metrics"]
Strategy = Literal["session", "affinity", "drain-soonest", "least-used"]

_STRATEGIES = Choice(
    "session",
    "affinity",
    "drain-soonest",
    "least-used",
    also={"session-affinity": "affinity", "session-drain-soonest": "drain-soonest"},
)


_PARTS = {
    **dict.fromkeys(("certificate", "certfile", "fullchain"), 'the certificate is cert = "PATH"'),
    **dict.fromkeys(("private_key", "keyfile"), 'the private key is key = "PATH"'),
}
"""What others call the parts of ``tls``."""


@dataclass(frozen=True, slots=True)
class Tls:
    """``tls = { cert, key }``: a certificate and its key, watched like the file."""

    cert: Annotated[Path, takes(FilePath(), "The certificate with its chain, a PEM file.")]
    key: Annotated[Path, takes(FilePath(), "The private key of the certificate, a PEM file.")]


@dataclass(frozen=True, slots=True)
class Listen:
    """One entry of ``[server] listen``."""

    address: Annotated[
        str,
        takes(
            ListenAddress(),
            'Where to listen: "HOST:PORT", "[::1]:8080", "unix:PATH", or "systemd" for every '
            "inherited socket "
            "that equals no other entry.",
        ),
    ]
    tls: Annotated[
        Tls | None,
        takes(
            Table(Tls, hints=_PARTS),
            "Certificate and key of this listener.",
            absent="those of [server], if it has any",
        ),
    ] = None
    base_path: Annotated[
        str | None,
        takes(BasePath(), "The prefix of every path on this listener.", absent="that of [server]"),
    ] = None
    serve: Annotated[
        frozenset[Plane],
        takes(Planes(), 'What is answered here: any of "requests", "admin" and "metrics".'),
    ] = frozenset({"requests", "admin", "metrics"})


_LISTEN = Short(Table(Listen), "address", f"{ListenAddress.expects}, or a table with an address")


@dataclass(frozen=True, slots=True)
class Server:
    """[server]: where requests come in, and how many and how large they may be."""

    listen: Annotated[
        tuple[Listen, ...],
        takes(
            Many(_LISTEN, "an address or a list of them", single=True, least=1),
            "Where to listen: an address or a list of addresses or tables. Inherited sockets "
            "(LISTEN_FDS) serve "
            "the entry of their address; where the key is absent they replace the default.",
        ),
    ] = (Listen("127.0.0.1:8080"),)
    base_path: Annotated[
        str, takes(BasePath(), "The prefix of every path, where a reverse proxy mounts the daemon below one.")
    ] = ""
    allowed_hosts: Annotated[
        tuple[str, ...],
        takes(
            Many(HostPattern(), "a list of host names"),
            "Host names that requests may be addressed to besides localhost and IP literals; "
            '"*.home.example" '
            "stands for every name below it. Others are answered 421.",
        ),
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...],
        takes(
            Many(WebOrigin(), "a list of origins"),
            "Web pages that may call /v1 from a browser, if a valid client key comes with the request.",
        ),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        takes(
            Many(TrustedPeer(), "a list of addresses and networks"),
            'Addresses or networks, or "unix", of reverse proxies whose X-Forwarded-* headers are believed.',
        ),
    ] = ()
    tls: Annotated[
        Tls | None,
        takes(
            Table(Tls, hints=_PARTS),
            "Certificate and key of every listener that names none. Over TLS, clients may speak HTTP/2 or "
            "HTTP/1.1; without it, HTTP/1.1.",
        ),
    ] = None
    max_body: Annotated[int, takes(Size(), "The largest request body; a larger one is answered 413.")] = (
        64 * 1024 * 1024
    )
    body_timeout: Annotated[
        float,
        takes(
            Duration("60s"), "How long the next piece of a request body may take; later it is answered 408."
        ),
    ] = 60.0
    max_concurrency: Annotated[
        int, takes(Whole(1), "Requests that may run at once; beyond, 529 with retry-after.")
    ] = 1000
    drain: Annotated[
        float, takes(Duration("5m", zero="0s"), "How long a stop waits for running answers of /v1.")
    ] = 300.0
    allow_unauthenticated: Annotated[
        bool,
        takes(
            Flag(),
            "true: everybody who reaches a listener may send requests, where there are no [clients]. It never opens "
            "administration or metrics.",
        ),
    ] = False
    listen_given: bool = False
    """No key: whether the file has ``listen``. Where it has not, inherited sockets replace the default."""


@dataclass(frozen=True, slots=True)
class Control:
    """[control]: the socket through which commands reach the daemon. Whoever can open it is administrator."""

    socket: Annotated[
        Path | None,
        takes(
            FilePath(),
            "Path of the control socket.",
            absent=(
                "ccflared.sock in $RUNTIME_DIRECTORY, else in $XDG_RUNTIME_DIR/ccflared, else in the "
                "state directory"
            ),
        ),
    ] = None
    mode: Annotated[int, takes(Mode(), "Permissions of the socket: whoever may write to it administers.")] = (
        0o600
    )
    group: Annotated[
        str,
        takes(
            Text("the name of a group", r"[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?|"),
            "Group of the socket; empty: unchanged.",
        ),
    ] = ""


@dataclass(frozen=True, slots=True)
class Admin:
    """[admin]: who may administer over TCP. Without it only loopback may, and only in the simplest set-up."""

    token: Annotated[
        SecretRef | None,
        takes(
            SecretSource(),
            "The token that administers, as Authorization: Bearer or x-api-key. Or token_sha256.",
        ),
    ] = None
    token_sha256: Annotated[
        str | None, takes(Sha256(), "SHA-256 of the token in hexadecimal, where the file shall not hold it.")
    ] = None
    edit: Annotated[
        Literal["all", "state", "none"],
        takes(
            Choice("all", "state", "none"),
            'What REST and dashboard may change: "all", "state" (pause, resume, reset) or "none".',
        ),
    ] = "all"


def check_admin(admin: Admin, path: KeyPath, reading: Reading) -> None:
    """See that the token has exactly one form."""
    if (admin.token is None) == (admin.token_sha256 is None):
        both = "has both token and token_sha256" if admin.token else "has neither token nor token_sha256"
        reading.wrong(path, f"[admin] {both}; give exactly one of them", "key")


@dataclass(frozen=True, slots=True)
class Storage:
    """[storage]: the state directory, and how long what happened is kept there."""

    directory: Annotated[
        Path | None,
        takes(
            FilePath(),
            "The state directory: history, tokens, stored secrets, and what is remembered of accounts.",
            absent="$STATE_DIRECTORY, else $XDG_STATE_HOME/ccflared, else ~/.local/state/ccflared",
        ),
    ] = None
    keep_requests: Annotated[
        float, takes(Duration("90d"), "How long a row is kept for each request; totals are kept for ever.")
    ] = 90 * 86400.0
    keep_payloads: Annotated[
        float,
        takes(Duration("7d", zero="off"), 'How long request and response bodies are kept; "off" keeps none.'),
    ] = 0.0
    max_size: Annotated[
        int,
        takes(
            Size(),
            "Bytes that everything together may take; the oldest payloads, then the oldest rows go first.",
        ),
    ] = 2 * 1024**3
    projects: Annotated[
        Literal["workspace", "header"],
        takes(
            Choice("workspace", "header"),
            "Where the project of a request is taken from, besides the header x-ccflared-project: workspace is the "
            "name of the directory that Claude Code or Codex says it works in; header takes no other word for it.",
        ),
    ] = "workspace"


@dataclass(frozen=True, slots=True)
class OverloadRetry:
    """``overload_retry = { attempts, delay }``: what happens on 529 before another account is tried."""

    attempts: Annotated[
        int, takes(Whole(0), "Tries on the same account in all, while it answers 529; 1 for no second one.")
    ] = 2
    delay: Annotated[float, takes(Duration("750ms", zero="0s"), "The pause before each of them.")] = 0.75


@dataclass(frozen=True, slots=True)
class Cooldown:
    """``cooldown = { first, factor, longest }``: how long an account rests after a 429 without a reset."""

    first: Annotated[float, takes(Duration("30s"), "The rest after the first such answer.")] = 30.0
    factor: Annotated[
        float,
        takes(Number("a number of at least 1", least=1), "By what the rest grows with each further one."),
    ] = 2.0
    longest: Annotated[float, takes(Duration("5m"), "What it never exceeds.")] = 300.0


def check_cooldown(cooldown: Cooldown, path: KeyPath, reading: Reading) -> None:
    """See that the first rest is no longer than the longest."""
    if cooldown.first > cooldown.longest:
        reading.wrong(path, "the first cooldown is longer than the longest")


@dataclass(frozen=True, slots=True)
class Routing:
    """[routing]: how an account is chosen, and how long and how often upstreams are tried."""

    strategy: Annotated[
        Strategy,
        takes(
            _STRATEGIES,
            "How equals of one priority are chosen among. session: one account serves until its window resets; "
            "affinity: each conversation has its account; drain-soonest: the quota that resets first is used first; "
            "least-used: the one with the fewest running requests for its tier.",
        ),
    ] = "session"
    session_length: Annotated[
        float,
        takes(Duration("5h"), "How long a session lasts at an account of which no usage window is known."),
    ] = 5 * 3600.0
    cache_cold: Annotated[
        float,
        takes(
            Duration("5m"),
            "A conversation idle for longer may change to a better account without losing a prompt cache.",
        ),
    ] = 300.0
    hold_first_event: Annotated[
        float,
        takes(
            Duration("10s", zero="0s"),
            "How long after the upstream's 200 headers a stream is held back, so that an early "
            "failure can fail over.",
        ),
    ] = 10.0
    ping_after: Annotated[
        float, takes(Duration("12s"), "Silence on a stream after which a ping event is sent.")
    ] = 12.0
    attempts: Annotated[int, takes(Whole(1), "Upstream tries that one request of a client may cost.")] = 8
    attempts_within: Annotated[float, takes(Duration("120s"), "No new try starts later than this.")] = 120.0
    connect_timeout: Annotated[
        float, takes(Duration("10s"), "How long connecting to an upstream may take.")
    ] = 10.0
    idle_timeout: Annotated[
        float, takes(Duration("5m"), "Silence from an upstream after which the try is dead.")
    ] = 300.0
    overload_retry: Annotated[
        OverloadRetry,
        takes(Table(OverloadRetry), "How often an account that answers 529 is tried before another is."),
    ] = OverloadRetry()
    cooldown: Annotated[
        Cooldown, takes(Table(Cooldown, check=check_cooldown), "The rest after a 429 that names no reset.")
    ] = Cooldown()
    trust_reset_up_to: Annotated[
        float, takes(Duration("8d"), "A limit's reset that is further away than this is not believed.")
    ] = 8 * 86400.0
    refresh_model: Annotated[
        str, takes(Text("the name of a model"), "The model that auto_refresh asks for.")
    ] = "claude-haiku-4-5"


@dataclass(frozen=True, slots=True)
class Metrics:
    """[metrics]: who may read /metrics. It belongs to administration unless this section says otherwise."""

    public: Annotated[
        bool, takes(Flag(), "true: everybody who reaches a listener that serves it may read /metrics.")
    ] = False
    token: Annotated[
        SecretRef | None, takes(SecretSource(), "A secret that reads /metrics and nothing else.")
    ] = None


def check_metrics(metrics: Metrics, path: KeyPath, reading: Reading) -> None:
    """See that a public page has no token."""
    if metrics.public and metrics.token is not None:
        reading.wrong(path, "[metrics] is public and has a token; give one of them", "key")


@dataclass(frozen=True, slots=True)
class Log:
    """[log]: what is logged, and how lines look."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        takes(
            Choice("debug", "info", "warning", "error", also={"warn": "warning"}),
            "The least that is logged: lines of this level and of those above it.",
        ),
    ] = "info"
    format: Annotated[
        Literal["auto", "text", "journald", "json"],
        takes(
            Choice("auto", "text", "journald", "json"),
            "How lines look. text: for people; journald: with priorities and fields; json: an object a line; "
            "auto: journald under systemd, else text.",
        ),
    ] = "auto"
