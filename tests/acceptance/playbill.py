"""What is captured: every command in the scene of :mod:`acceptance.scenery`, and some where no daemon runs."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acceptance.captured import Capture, Tmux
from acceptance.scenery import LONG
from ccflared.cli.help import HELP as KNOWN

Keys = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Act:
    """One command. ``code``: how it has to end. ``keys``: what is typed, each once something stands there."""

    name: str
    words: Sequence[str]
    code: int = 0
    keys: Keys = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    main: bool = False
    """Looked at in narrow terminals, too."""
    raw: bool = False
    """For programs, or to be copied: its lines are as long as they are."""


def _act(
    name: str,
    words: str,
    code: int = 0,
    *,
    keys: Keys = (),
    main: bool = False,
    raw: bool = False,
    **environ: str,
) -> Act:
    return Act(name, words.split(), code, keys, environ, main, raw)


LOOKING = (
    _act("alone", "", 1, main=True),
    _act("status", "status", 1, main=True),
    _act("requests", "requests", main=True),
    _act("requests-errors", "requests --status error -n 5"),
    _act("requests-none", "requests --account nobody", 2),
    _act("requests-follow", "requests -f -n 4", keys=[("nothing runs", "C-c")], main=True),
    _act("request", "request REQUEST", main=True),
    _act("request-failover", "request FAILOVER", main=True),
    _act("request-refused", "request REFUSED"),
    _act("request-cut", "request CUT"),
    _act("request-body", "request REQUEST --body", raw=True),
    _act("request-unknown", "request req_0000", 4),
    *(
        _act(f"usage-{by}", f"usage --by {by}", main=by == "account")
        for by in ("account", "model", "client", "project", "day", "hour")
    ),
    _act("usage-today", "usage --since today --by model"),
    _act("usage-csv", "usage --csv", raw=True),
    _act("explain-sonnet", "explain claude-sonnet-4-5", main=True),
    _act("explain-opus", "explain claude-opus-4-5 --client laptop", main=True),
    _act("explain-forbidden", "explain claude-opus-4-5 --client ci", 1),
    _act("explain-pin", f"explain claude-haiku-4-5 --account {LONG}"),
    _act("explain-request", "explain FAILOVER", main=True),
    _act("explain-refused", "explain REFUSED"),
    _act("explain-unknown", "explain no-such-model"),
    _act("models", "models"),
    _act("logs", "logs", main=True),
    _act("logs-warnings", "logs --level warning"),
    _act("logs-follow", "logs -f", keys=[("account", "C-c")]),
    _act("doctor", "doctor", 1, main=True),
    _act("doctor-full", "doctor --full", 1),
    _act("doctor-totals", "doctor --rebuild-totals", 1),
    _act("account-list", "account list", main=True),
    _act("client-list", "client list", main=True),
    _act("alert-list", "alert list", main=True),
    _act("alert-test", "alert test", 4),
    _act("check", "check", main=True),
    _act("check-secrets", "check --secrets", 1),
    _act("check-mistakes", "check bad.toml", 1, main=True),
    _act("check-nothing", "check nowhere.toml", 2),
    _act("config", "config", main=True),
    _act("config-defaults", "config --defaults"),
    _act("schema", "schema", raw=True),
    _act("dashboard", "dashboard", main=True, raw=True),
    _act("reload", "reload", main=True),
    _act("reload-log", "reload --log"),
    _act("version", "--version"),
)
"""Commands that change nothing that another one shows."""

DOING = (
    _act("account-test", "account test primary"),
    _act("account-test-fails", "account test poor", 1),
    _act("account-test-unknown", "account test primery", 4),
    _act("account-pause", "account pause second"),
    _act("account-resume", "account resume second"),
    _act("account-reset", "account reset spent-plan"),
    _act("account-trust", "account trust primary"),
    _act(
        "account-add",
        "account add new-one --provider anthropic --api-key-env SOME_KEY --priority 7",
    ),
    _act("account-add-oauth", "account add new-plan --provider claude-oauth"),
    _act("account-add-asks", "account add", 2),
    _act("account-set", "account set new-one priority=9 tier=5"),
    _act("account-set-wrong", "account set new-one priorty=9", 4),
    _act("account-rename", "account rename new-one newer-one"),
    _act("account-remove", "account remove newer-one"),
    _act("account-remove-json", "account remove new-plan --json", raw=True),
    _act("account-remove-refused", "account remove primary", 4),
    _act(
        "client-add",
        "client add visitor --budget-daily 2 --accounts primary work --expires 2030-01-01",
    ),
    _act("client-rotate", "client rotate visitor --keep-old"),
    _act("client-rotate-drop", "client rotate visitor --drop-old"),
    _act("client-remove", "client remove visitor"),
    _act("login", "login new-login", 130, raw=True, keys=[("code", "C-c")]),
    _act("logout", "logout new-login", 4),
    _act("edit", "edit", EDITOR="true"),
    _act("alert-acknowledge", "alert acknowledge all"),
    _act("backup", "backup copy.db --force"),
    _act("backup-there", "backup copy.db", 4),
    _act("payloads-no", "payloads purge", 4, keys=[("[y/N]", "n"), ("n", "Enter")]),
)
"""Commands that change something, in an order that leaves it as it was."""

REFUSED = (
    _act("refused-status", "status", 1),
    _act("refused-check", "check"),
    _act("refused-reload", "reload", 4),
    _act("refused-log", "reload --log"),
)
"""Commands while the daemon refuses the file as it stands: all clients are gone from it."""

WITHOUT = (
    _act("without-anything", "", 3, main=True, CCFLARED_CONFIG=""),
    _act("without-daemon", "status --config other/ccflare.toml", 3),
    _act("without-doctor", "doctor --config other/ccflare.toml"),
    _act("without-accounts", "account list --config other/ccflare.toml"),
    _act("without-clients", "client list --config other/ccflare.toml"),
    _act("without-file", "run --config other/nowhere.toml", 2),
    _act("demo", "demo --listen 127.0.0.1:0", raw=True, keys=[("Ctrl-C ends it", "C-c")]),
    _act("init", "init --config other/new.toml"),
    _act("init-again", "init --config other/new.toml", 4),
)
"""Commands where no daemon runs."""

HELP = ("", *KNOWN)
"""Words whose --help is captured."""

BAD = """\
[server]
listn = "127.0.0.1:8080"

[accounts.primary]
provider = "antropic"
priority = "high"

[accounts."\u540d\u524d with a very long name that goes on and on"]
provider = "claude-oauth"
base_url = "http://far.example.com/a/very/long/path/that/does/not/end/soon/and/goes/on/and/on"

[[fallback]]
models = ["opus"]
try = ["nobody"]
"""

OTHER = """\
[server]
listen = "0.0.0.0:0"
[storage]
directory = "state"
[accounts.local]
provider = "ollama"
[accounts.primary]
provider = "anthropic"
api_key = { env = "NO_SUCH_KEY_IS_SET" }
priority = 10
[clients.laptop]
key_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
budget = { daily = 10.0 }
"""


def prepare(home: Path) -> None:
    """Lay out the files that commands look at besides the scene's."""
    (home / "other").mkdir(exist_ok=True)
    for name, text in (("bad.toml", BAD), ("other/ccflare.toml", OTHER)):
        (home / name).write_text(text)
        (home / name).chmod(0o600)
    for name in ("other/new.toml", "copy.db"):
        (home / name).unlink(missing_ok=True)


def found(terminal: Tmux) -> dict[str, str]:
    """Return what stands for the words in capitals: ids of requests of the scene."""
    answer = terminal.output("requests", "--json", "-n", "200")
    rows = json.loads(answer)
    picks: dict[str, Callable[[dict[str, Any]], bool]] = {
        "REQUEST": lambda row: row["statusCode"] == 200 and bool(row["clientSessionId"]),
        "FAILOVER": lambda row: row["tries"] > 1 and row["statusCode"] == 200,
        "REFUSED": lambda row: row["outcome"] == "refused" and row["statusCode"] == 503,
        "CUT": lambda row: row["outcome"] in ("truncated", "error"),
    }
    return {
        word: next((str(row["id"]) for row in rows if fits(row)), "req_none") for word, fits in picks.items()
    }


def played(terminal: Tmux, columns: int, acts: Sequence[Act]) -> Iterator[tuple[Act, Capture]]:
    """Run these commands one after the other in terminals of so many columns."""
    ids = found(terminal)
    for act in acts:
        words = [ids.get(word, word) for word in act.words]
        yield act, terminal.capture(words, columns, keys=act.keys, environ=act.environ)


def refused(terminal: Tmux, columns: int) -> Iterator[tuple[Act, Capture]]:
    """Run commands while the file lacks its clients; then put it back."""
    file = terminal.home / "ccflare.toml"
    whole = file.read_text()
    before, clients, _ = whole.partition("[clients.laptop]")
    assert clients
    try:
        file.write_text(before)
        terminal.output("reload", code=4)
        yield from played(terminal, columns, REFUSED)
    finally:
        file.write_text(whole)
        terminal.output("reload")


def helped(terminal: Tmux, columns: int) -> Iterator[tuple[Act, Capture]]:
    """Run --help of every command."""
    for words in HELP:
        act = _act(f"help-{words.replace(' ', '-') or 'ccflared'}", f"{words} --help")
        yield act, terminal.capture(act.words, columns)
