"""The whole of ``ccflared status``: one screen, and one line for prompts. Pure.

The most important thing comes first: a sentence that says how the daemon is. What needs a person comes last,
where the eye is when the command has ended.
"""

from ccflared.cli.render.accounts import account_lines, next_account
from ccflared.cli.render.alerts import alert_lines
from ccflared.cli.render.budgets import budget_lines, worth_telling
from ccflared.cli.render.clients import brief_lines
from ccflared.cli.render.foreign import bare
from ccflared.cli.render.health import SERVING, Health, expected, health
from ccflared.cli.render.layout import Line, Span, Style, clip, columns
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import Listener, Snapshot
from ccflared.cli.render.traffic import traffic_lines
from ccflared.cli.render.verdict import CAUSES, detail_lines
from ccflared.cli.render.words import ago, ahead, clock, count, duration, many, size

PLANES = ("requests", "admin", "metrics")
REACH = {"loopback": "this machine only", "network": "the network", "unix": "local processes"}


def status_lines(
    snapshot: Snapshot,
    sheet: Sheet,
    *,
    own_version: str,
    socket: str = "",
    remarks: tuple[str, ...] = (),
    needs_first: bool = False,
) -> list[Line]:
    """Return the screen. ``socket`` is where the daemon answered, ``remarks`` are notes about that.

    ``needs_first`` moves what needs a person below the headline, for a window that does not show the end.
    """
    judged = health(snapshot, own_version)
    needs = _items("What needs you", judged.needs, Span(f"{sheet.glyphs.cross} ", "bad"), sheet)
    lines = _headline(snapshot, judged, sheet) + alert_lines(snapshot.alerts, snapshot.now, sheet)
    lines += needs if needs_first else []
    lines += sheet.heading("Listening") + _listeners(snapshot, socket or snapshot.socket, sheet)
    lines += sheet.heading("Configuration") + _configuration(snapshot, sheet)
    lines += sheet.heading("Accounts", "in the order they are tried") + _accounts(snapshot, sheet)
    if snapshot.clients:
        lines += sheet.heading("Clients") + brief_lines(snapshot.clients, snapshot.now, sheet)
    if worth_telling(snapshot.budgets):
        lines += sheet.heading("Budgets") + budget_lines(snapshot.budgets, snapshot.now, sheet)
    lines += sheet.heading("Last hour") + traffic_lines(snapshot.traffic, snapshot.now, sheet)
    lines += [] if needs_first else needs
    lines += _items("Worth knowing", judged.notes + remarks, Span(f"{sheet.glyphs.bullet} ", "warn"), sheet)
    return sheet.fit(lines)


def status_line(snapshot: Snapshot, sheet: Sheet, *, own_version: str) -> Line:
    """Return one short line for a prompt or a status bar."""
    style, _ = _sentence(snapshot, health(snapshot, own_version), sheet)
    states = [account.state for account in snapshot.accounts if account.state != "off"]
    parts = [f"{states.count('ready')}/{len(states)} ready"]
    following = next_account(snapshot.accounts)
    if following is not None:
        parts.append(following.name)
    if snapshot.running:
        parts.append(f"{snapshot.running} running")
    if snapshot.traffic.known and snapshot.traffic.requests:
        parts.append(f"{count(snapshot.traffic.requests)}/h")
    if snapshot.state == "draining":
        parts.append("stopping")
    needs = len(health(snapshot, own_version).needs)
    if needs:
        parts.append(f"{needs} to do")
    return (Span("ccflared "), Span(sheet.glyphs.dot, style), Span(" " + sheet.glyphs.sep.join(parts)))


_FIRST_ACCOUNT = (
    "[accounts.primary]",
    'provider = "anthropic"',
    'api_key = { env = "ANTHROPIC_API_KEY" }',
)


def _headline(snapshot: Snapshot, judged: Health, sheet: Sheet) -> list[Line]:
    style, sentence = _sentence(snapshot, judged, sheet)
    lines = sheet.text(Span(f"{sheet.glyphs.dot} ", style), Span(sentence, "strong"), indent=0, hang=2)
    facts = [f"version {snapshot.version}"]
    if snapshot.started_at is not None:
        since = clock(snapshot.started_at, snapshot.now, sheet.zone)
        facts.append(f"up since {since} ({duration(snapshot.now - snapshot.started_at)})")
    if snapshot.running:
        facts.append(f"{count(snapshot.running)} running")
    if snapshot.pid is not None:
        facts.append(f"pid {snapshot.pid}")
    if snapshot.memory:
        facts.append(size(snapshot.memory))
    return lines + sheet.facts(*(Span(fact, "faint") for fact in facts), hang=0)


def _sentence(snapshot: Snapshot, judged: Health, sheet: Sheet) -> tuple[Style, str]:
    """Return the headline and the colour of its dot."""
    accounts = [account for account in snapshot.accounts if account.state != "off"]
    ready = sum(account.state == "ready" for account in accounts)
    serving = sum(account.state in SERVING for account in accounts)
    if snapshot.state == "draining":
        left = f"; {many(snapshot.running, 'answer')} still on the way" if snapshot.running else ""
        return "warn", f"ccflared is stopping{left}."
    if not snapshot.accounts:
        return "warn", "ccflared is running, but has no account yet."
    if not serving:
        return _nobody(snapshot, sheet)
    if judged.needs:
        verb = "thing needs" if len(judged.needs) == 1 else "things need"
        return "warn", f"ccflared is running; {count(len(judged.needs))} {verb} you, see below."
    if not ready and any(account.state == "half-open" for account in accounts):
        return "warn", "ccflared is running; the next request shows whether a rest is over."
    if not ready:
        return "warn", "ccflared is running, but every account is in doubt; the least doubtful is tried."
    if ready == len(accounts):
        which = "its account is ready" if ready == 1 else f"all {ready} accounts are ready"
    else:
        which = f"{ready} of {many(len(accounts), 'account')} {'is' if ready == 1 else 'are'} ready"
    return "good", f"ccflared is running well; {which}."


def _nobody(snapshot: Snapshot, sheet: Sheet) -> tuple[Style, str]:
    """Return the headline where no account can serve now: until when, or why."""
    accounts = [account for account in snapshot.accounts if account.state != "off"]
    if any(account.state == "busy" for account in accounts):
        return "warn", "ccflared is running at its limit: each account that could serve is busy."
    if accounts and all(
        account.state == "paused" and account.paused_since is not None for account in accounts
    ):
        which = "its account is" if len(accounts) == 1 else f"all {len(accounts)} accounts are"
        return "warn", f"ccflared is running, but {which} paused by hand."
    ends = [end for account in accounts if (end := expected(account)) is not None]
    if not ends:
        return "bad", "ccflared is running, but no account can serve."
    at = min(ends)
    when = (
        f"until {clock(at, snapshot.now, sheet.zone)} ({ahead(at, snapshot.now)})"
        if at > snapshot.now
        else "just now"
    )
    return "bad", f"ccflared is running, but no account can serve {when}."


def _listeners(snapshot: Snapshot, socket: str, sheet: Sheet) -> list[Line]:
    heads: list[Line] = []
    facts: list[list[Line]] = []
    for listener in snapshot.listeners:
        style: Style = "bad" if listener.error else "plain"
        heads.append((Span(clip(listener.url or listener.address, sheet.width - 2, sheet.glyphs), style),))
        facts.append(_purpose(listener))
    if socket:
        heads.append((Span(clip(bare(socket), sheet.width - 2, sheet.glyphs)),))
        called = f"{snapshot.socket} to the daemon" if snapshot.socket not in ("", bare(socket)) else ""
        facts.append([(Span(fact, "faint"),) for fact in ("for commands", called) if fact])
    if not heads:
        return sheet.text(Span("Nowhere.", "warn"))
    return sheet.beside(columns([[head] for head in heads]), facts, below=6)


def _purpose(listener: Listener) -> list[Line]:
    if listener.error:
        return [(Span(f"not open: {listener.error}", "bad"),)]
    serve = ", ".join(sorted(listener.serve, key=lambda plane: PLANES.index(plane) if plane in PLANES else 9))
    reach = REACH.get(listener.reach, listener.reach)
    facts = [serve, f"for {reach}" if reach else "", "TLS" if listener.tls else ""]
    return [(Span(fact, "faint"),) for fact in facts if fact]


def _configuration(snapshot: Snapshot, sheet: Sheet) -> list[Line]:
    source = snapshot.source
    more = len(source.files) - 1
    name = source.file or (source.files[0] if source.files else "unknown")
    lines = sheet.text(name, Span(f" and {many(more, 'included file')}" if more > 0 else "", "faint"), hang=2)
    if source.applied_at is not None:
        since = clock(source.applied_at, snapshot.now, sheet.zone)
        facts = [f"in force since {since} ({duration(snapshot.now - source.applied_at)})"]
        if source.cause and source.cause != "start":
            facts.append(CAUSES.get(source.cause, source.cause))
        if source.serial is not None:
            facts.append(f"number {source.serial}")
        lines += sheet.facts(*(Span(fact, "faint") for fact in facts), hang=0)
    refused = source.refused
    if refused is not None:
        when = (
            ""
            if refused.at is None
            else f" {ago(refused.at, snapshot.now)}, {clock(refused.at, snapshot.now, sheet.zone)}"
        )
        lines += sheet.text(Span(f"{sheet.glyphs.cross} A newer version was refused{when}:", "bad"), hang=2)
        lines += detail_lines(refused, sheet, indent=4)
        if refused.losses:
            lines += sheet.text("If that is meant: ccflared reload --allow-less", indent=4)
    return lines


def _accounts(snapshot: Snapshot, sheet: Sheet) -> list[Line]:
    if snapshot.accounts:
        return account_lines(snapshot.accounts, snapshot.now, sheet)
    file = snapshot.source.file or "the file"
    lines = sheet.text(
        "None yet. `ccflared dashboard` prints an address that leads you through the first one. Or use "
        f"`ccflared account add`, or add one to {file}; it is read as soon as it is saved:"
    )
    return lines + [(Span(f"    {text}", "faint"),) for text in _FIRST_ACCOUNT]


def _items(title: str, sentences: tuple[str, ...], sign: Span, sheet: Sheet) -> list[Line]:
    lines = sheet.heading(title) if sentences else []
    for sentence in sentences:
        lines += sheet.text(sign, sentence, hang=2)
    return lines
