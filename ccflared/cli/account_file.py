"""``ccflared account list`` where no daemon runs: what the file says of the accounts, by priority."""

from collections.abc import Mapping
from json import dumps
from pathlib import Path

from ccflared.cli.configuration import shown
from ccflared.cli.render.layout import Line, Span, columns
from ccflared.cli.render.words import many
from ccflared.cli.terminal import say, stderr, stdout
from ccflared.config.load import Rejected, find, load
from ccflared.config.model import Account
from ccflared.errors import Refused
from ccflared.providers.presets import builtin


def list_from_file(config: Path | None, *, json: bool, environ: Mapping[str, str]) -> int:
    """Print the accounts of the file. Returns 0; raises UsageError without a file, Refused if it has mistakes."""
    path = find(config, environ)
    loaded = load(path, environ=environ, builtin=builtin())
    if isinstance(loaded, Rejected):
        terminal = stderr()
        terminal.write(shown(loaded.mistakes, terminal))
        raise Refused(f"{path} has {many(len(loaded.mistakes), 'mistake')}, and the daemon is not running.")
    terminal = stdout()
    accounts = sorted(loaded.config.accounts.values(), key=lambda account: account.priority)
    if json:
        say(dumps([_document(account) for account in accounts], indent=2))
        return 0
    sheet = terminal.sheet()
    if not accounts:
        terminal.write(sheet.text(f"{path} has no accounts.", indent=0))
        return 0
    titles: list[Line] = [(Span(title, "faint"),) for title in ("name", "provider", "priority", "tier", "")]
    rows: list[list[Line]] = [titles, *(_row(account) for account in accounts)]
    lines: list[Line] = [(Span("  "), *line) for line in columns(rows, right=frozenset({2, 3}))]
    said = f"The daemon is not running; this is what {path} says."
    terminal.write([*sheet.fit(lines), (), *sheet.text(Span(said, "faint"), indent=0)])
    return 0


def _row(account: Account) -> list[Line]:
    notes = [] if account.enabled else ["not enabled"]
    if not account.pool:
        notes.append("only for chains and pins")
    return [
        (Span(account.name, "strong"),),
        (Span(account.provider),),
        (Span(str(account.priority)),),
        (Span(f"{account.tier:g}"),),
        (Span(", ".join(notes), "faint"),),
    ]


def _document(account: Account) -> dict[str, object]:
    """Return what the API says of an account, as far as the file knows it."""
    return {
        "id": account.name,
        "name": account.name,
        "provider": account.provider,
        "priority": account.priority,
        "tier": account.tier,
        "enabled": account.enabled,
        "state": None,
        "reason": "the daemon is not running",
    }
