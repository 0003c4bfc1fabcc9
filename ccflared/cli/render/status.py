"""The whole of ``ccflared status``: one screen, and one line for prompts. Pure.

The most important thing comes first: a sentence that says how the daemon is. What needs a person comes last,
where the eye is when the command has ended.
"""

from ccflared.cli.render.accounts import account_lines, next_account
from ccflared.cli.render.health import SERVING, Health, health
from ccflared.cli.render.layout import Line, Span, Style, columns, line_cells
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import Listener, Snapshot
from ccflared.cli.render.traffic import traffic_lines
from ccflared.cli.render.verdict import CAUSES, detail_lines
from ccflared.cli.render.words import ago, ahead, clock, count, duration, many, size

REACH = {"loopback": "this machine only", "network": "the network", "unix": "local processes"}


def status_lines(
    snapshot: Snapshot, sheet: Sheet, *, own_version: str, remarks: tuple[str, ...] = ()
) -> list[Line]:
    """Return the screen. ``remarks`` are notes of the command itself, about where it found the daemon."""
    judged = health(snapshot, own_version)
    lines = _headline(snapshot, judged, sheet)
    lines += sheet.heading("Listening") + _listeners(snapshot, sheet)
    lines += sheet.heading("Configuration") + _configuration(snapshot, sheet)
    lines += sheet.heading("Accounts", "in the order they are tried")
    if snapshot.accounts:
        lines += account_lines(snapshot.accounts, snapshot.now, sheet)
    else:
        lines += sheet.text(
            f"None yet. Add one to {snapshot.source.file or 'the file'}; it is read as soon as it is saved:"
        )
        lines += [(Span(f"    {text}", "faint"),) for text in _FIRST_ACCOUNT]
    lines += sheet.heading("Last hour") + traffic_lines(snapshot.traffic, snapshot.now, sheet)
    return lines + _health(Health(judged.needs, judged.notes + remarks), sheet)


def status_line(snapshot: Snapshot, sheet: Sheet, *, own_version: str) -> Line:
    """Return one short line for a prompt or a status bar."""
    style, _ = _sentence(snapshot, health(snapshot, own_version), sheet)
    ready = sum(account.state == "ready" for account in snapshot.accounts)
    parts = [f"{ready}/{len(snapshot.accounts)} ready"]
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
        up = duration(snapshot.now - snapshot.started_at)
        facts.append(f"up {up}")
        facts.append(f"since {clock(snapshot.started_at, snapshot.now, sheet.zone)}")
    if snapshot.pid is not None:
        facts.append(f"pid {snapshot.pid}")
    if snapshot.memory:
        facts.append(size(snapshot.memory))
    if snapshot.running:
        facts.append(f"{count(snapshot.running)} running")
    return lines + sheet.facts(*(Span(fact, "faint") for fact in facts), hang=0)


def _sentence(snapshot: Snapshot, judged: Health, sheet: Sheet) -> tuple[Style, str]:
    """Return the headline and the colour of its dot."""
    accounts = snapshot.accounts
    ready = sum(account.state == "ready" for account in accounts)
    serving = sum(account.state in SERVING for account in accounts)
    if snapshot.state == "draining":
        left = f"; {many(snapshot.running, 'answer')} still on the way" if snapshot.running else ""
        return "warn", f"ccflared is stopping{left}."
    if not accounts:
        return "warn", "ccflared is running, but has no account yet."
    if not serving:
        waits = [
            account.until for account in accounts if account.until is not None and account.state == "resting"
        ]
        if waits:
            at = min(waits)
            when = (
                f"until {clock(at, snapshot.now, sheet.zone)} ({ahead(at, snapshot.now)})"
                if at > snapshot.now
                else "just now"
            )
            return "bad", f"ccflared is running, but no account can serve {when}."
        return "bad", "ccflared is running, but no account can serve."
    if judged.needs:
        verb = "thing needs" if len(judged.needs) == 1 else "things need"
        return "warn", f"ccflared is running; {count(len(judged.needs))} {verb} you, see below."
    if not ready:
        return "warn", "ccflared is running, but every account is in doubt; the least doubtful is tried."
    if ready == len(accounts):
        which = "its account is ready" if ready == 1 else f"all {ready} accounts are ready"
    else:
        which = f"{ready} of {many(len(accounts), 'account')} {'is' if ready == 1 else 'are'} ready"
    return "good", f"ccflared is running well; {which}."


def _listeners(snapshot: Snapshot, sheet: Sheet) -> list[Line]:
    rows: list[list[Line]] = []
    for listener in snapshot.listeners:
        where = Span(listener.url or listener.address, "bad" if listener.error else "plain")
        rows.append([(where,), (Span(_purpose(listener, sheet), "bad" if listener.error else "faint"),)])
    if snapshot.socket:
        rows.append([(Span(snapshot.socket),), (Span("the control socket, for commands", "faint"),)])
    if not rows:
        return sheet.text(Span("Nowhere.", "warn"))
    table = columns(rows)
    if max(line_cells(line) for line in table) + 2 <= sheet.width:
        return [(Span("  "), *line) for line in table]
    lines: list[Line] = []
    for row in rows:
        lines += sheet.text(*row[0], Span("  "), *row[1], hang=2)
    return lines


def _purpose(listener: Listener, sheet: Sheet) -> str:
    if listener.error:
        return f"not open: {listener.error}"
    serve = ", ".join(listener.serve)
    reach = REACH.get(listener.reach, listener.reach)
    if listener.tls:
        reach += ", TLS"
    return sheet.glyphs.sep.join(part for part in (serve, f"for {reach}" if reach else "") if part)


def _configuration(snapshot: Snapshot, sheet: Sheet) -> list[Line]:
    source = snapshot.source
    more = len(source.files) - 1
    name = source.file or (source.files[0] if source.files else "unknown")
    lines = sheet.text(name, Span(f" and {many(more, 'included file')}" if more > 0 else "", "faint"), hang=2)
    if source.applied_at is not None:
        facts = [f"in force since {clock(source.applied_at, snapshot.now, sheet.zone)}"]
        facts.append(ago(source.applied_at, snapshot.now))
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
    return lines


def _health(judged: Health, sheet: Sheet) -> list[Line]:
    lines: list[Line] = []
    if judged.needs:
        lines += sheet.heading("What needs you")
        for need in judged.needs:
            lines += sheet.text(Span(f"{sheet.glyphs.cross} ", "bad"), need, hang=2)
    if judged.notes:
        lines += sheet.heading("Worth knowing")
        for note in judged.notes:
            lines += sheet.text(Span(f"{sheet.glyphs.bullet} ", "warn"), note, hang=2)
    return lines
