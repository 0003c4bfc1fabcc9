"""The shape of ccflare.toml, as frozen dataclasses. This file is the documentation of every key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from ccflared.secret import Secret

Plane = Literal["requests", "admin", "metrics"]
Dialect = Literal["anthropic", "openai-chat"]
Auth = Literal["bearer", "x-api-key", "none"]
Strategy = Literal["session", "affinity", "drain-soonest", "least-used"]


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret comes from. ``kind`` literal: ``value`` is the Secret itself; else env name, path or stored name."""

    kind: Literal["literal", "env", "file", "credential", "stored"]
    value: Secret | str


@dataclass(frozen=True, slots=True)
class Tls:
    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Listen:
    address: str
    tls: Tls | None = None  # None: [server] tls
    base_path: str | None = None  # None: [server] base_path
    serve: frozenset[Plane] = frozenset({"requests", "admin", "metrics"})


@dataclass(frozen=True, slots=True)
class Server:
    listen: tuple[Listen, ...] = (Listen("127.0.0.1:8080"),)
    base_path: str = ""
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    tls: Tls | None = None
    max_body: int = 64 * 1024 * 1024
    body_timeout: float = 60.0
    max_concurrency: int = 1000
    drain: float = 300.0
    allow_unauthenticated: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    socket: Path | None = None
    mode: int = 0o600
    group: str = ""


@dataclass(frozen=True, slots=True)
class Admin:
    token: SecretRef | None = None
    token_sha256: str | None = None
    edit: Literal["all", "state", "none"] = "all"


@dataclass(frozen=True, slots=True)
class Storage:
    directory: Path | None = None
    keep_requests: float = 90 * 86400.0
    keep_payloads: float = 0.0  # 0: off
    max_size: int = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class OverloadRetry:
    attempts: int = 2
    delay: float = 0.75


@dataclass(frozen=True, slots=True)
class Cooldown:
    first: float = 30.0
    factor: float = 2.0
    longest: float = 300.0


@dataclass(frozen=True, slots=True)
class Routing:
    strategy: Strategy = "session"
    session_length: float = 5 * 3600.0
    cache_cold: float = 300.0
    hold_first_event: float = 10.0
    ping_after: float = 12.0
    attempts: int = 8
    attempts_within: float = 120.0
    connect_timeout: float = 10.0
    idle_timeout: float = 300.0
    overload_retry: OverloadRetry = OverloadRetry()
    cooldown: Cooldown = Cooldown()
    trust_reset_up_to: float = 8 * 86400.0
    refresh_model: str = "claude-haiku-4-5"


@dataclass(frozen=True, slots=True)
class OAuth:
    authorize_url: str | None = None
    token_url: str | None = None
    client_id: str | None = None
    scopes: tuple[str, ...] = ()
    redirect_uri: str | None = None
    access_token: SecretRef | None = None
    refresh_token: SecretRef | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    dialect: Dialect = "anthropic"
    base_url: str | None = None
    auth: Auth = "x-api-key"
    headers: Mapping[str, SecretRef] = field(default_factory=dict)
    models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    oauth: OAuth | None = None
    billing: Literal["plan", "api"] = "api"


@dataclass(frozen=True, slots=True)
class Budget:
    daily: float | None = None
    monthly: float | None = None
    counts: Literal["value", "money"] = "value"


@dataclass(frozen=True, slots=True)
class PauseWindow:
    """``start`` and ``end`` are minutes after midnight; end <= start crosses midnight. ``days`` 0=mon."""

    start: int
    end: int
    timezone: str | None = None
    days: frozenset[int] = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    provider: str
    enabled: bool = True
    pool: bool = True
    priority: int = 0
    tier: float = 1.0
    api_key: SecretRef | None = None
    base_url: str | None = None
    models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    auto_fallback: bool = False
    auto_refresh: bool = False
    overage: Literal["never", "last-resort", "allow"] = "never"
    billing: Literal["plan", "api"] | None = None
    budget: Budget | None = None
    proxy: SecretRef | None = None
    pause_schedule: tuple[PauseWindow, ...] = ()
    max_concurrency: int | None = None
    one_hour_cache: bool = False
    session_length: float | None = None
    passthrough: tuple[str, ...] = ()
    insecure: bool = False
    link_local: bool = False
    oauth: OAuth | None = None
    credentials_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a chain: accounts shared by the strategy, and the upstream's model name if one is given."""

    accounts: tuple[str, ...]
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Fallback:
    models: tuple[str, ...]
    steps: tuple[Step, ...]  # key "try"
    then: Literal["pool", "fail"] = "pool"


@dataclass(frozen=True, slots=True)
class Client:
    name: str
    key: tuple[SecretRef, ...] = ()
    key_sha256: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ("*",)
    models: tuple[str, ...] = ("*",)
    pin: bool = False
    budget: Budget | None = None
    requests_per_hour: int | None = None
    expires: date | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens; None where the file does not say."""

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write_5m: float | None = None
    cache_write_1h: float | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    url: SecretRef
    secret: SecretRef | None = None
    format: Literal["json", "ntfy", "slack", "discord"] = "json"


@dataclass(frozen=True, slots=True)
class Alerts:
    daily_spend: float | None = None
    webhook: Webhook | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    public: bool = False
    token: SecretRef | None = None


@dataclass(frozen=True, slots=True)
class Log:
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "journald", "json"] = "auto"


@dataclass(frozen=True, slots=True)
class Config:
    include: tuple[str, ...] = ()
    timezone: str | None = None
    server: Server = Server()
    control: Control = Control()
    admin: Admin | None = None
    storage: Storage = Storage()
    routing: Routing = Routing()
    providers: Mapping[str, Provider] = field(default_factory=dict)  # built-in ones merged in
    accounts: Mapping[str, Account] = field(default_factory=dict)  # in the order of the file
    fallback: tuple[Fallback, ...] = ()
    clients: Mapping[str, Client] = field(default_factory=dict)
    pricing: Mapping[str, Price] = field(default_factory=dict)
    alerts: Alerts = Alerts()
    metrics: Metrics = Metrics()
    log: Log = Log()
