"""The whole of ``ccflared status``: one screen, and one line for prompts. Pure.

The most important thing comes first: a sentence that says how the daemon is. What needs a person comes last,
where the eye is when the command has ended.
"""

from ccflared.cli.render.accounts import NAME_CELLS, account_lines, next_account
from ccflared.cli.render.alerts import alert_lines
from ccflared.cli.render.budgets import budget_lines, worth_telling
from ccflared.cli.render.chains import chain_lines
from ccflared.cli.render.clients import brief_lines
from ccflared.cli.render.daemon import daemon_lines
from ccflared.cli.render.health import SERVING, Health, expected, health
from ccflared.cli.render.layout import Line, Span, Style, clip
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import Snapshot
from ccflared.cli.render.today import today_lines
from ccflared.cli.render.traffic import traffic_lines
from ccflared.cli.render.usage import fullest, percent
from ccflared.cli.render.words import ahead, clock, count, duration, many, size


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
    lines += _section("Accounts", _LEGENDS if snapshot.accounts else (), sheet) + _accounts(snapshot, sheet)
    if snapshot.chains:
        lines += sheet.heading("Chains") + chain_lines(snapshot.chains, sheet)
    if snapshot.today.known and (snapshot.today.requests or snapshot.traffic.requests):
        lines += sheet.heading("Today") + today_lines(snapshot.today, sheet)
    lines += sheet.heading("Last hour")
    lines += traffic_lines(snapshot.traffic, snapshot.now, sheet, tokens=not snapshot.today.known)
    if snapshot.clients:
        lines += sheet.heading("Clients") + brief_lines(snapshot.clients, snapshot.now, sheet)
    if worth_telling(snapshot.budgets):
        lines += sheet.heading("Budgets") + budget_lines(snapshot.budgets, snapshot.now, sheet)
    lines += sheet.heading("Daemon") + daemon_lines(snapshot, socket or snapshot.socket, sheet)
    lines += [] if needs_first else needs
    lines += _items("Worth knowing", judged.notes + remarks, Span(f"{sheet.glyphs.bullet} ", "warn"), sheet)
    return sheet.fit(lines)


def status_line(snapshot: Snapshot, sheet: Sheet, *, own_version: str) -> Line:
    """Return one short line for a prompt or a status bar; the sign alone tells well from not well."""
    judged = health(snapshot, own_version)
    style, _ = _sentence(snapshot, judged, sheet)
    states = [account.state for account in snapshot.accounts if account.state != "off"]
    parts = [f"{states.count('ready')}/{len(states)} ready", *_whom(snapshot, sheet)]
    if snapshot.running:
        parts.append(f"{count(snapshot.running)} running")
    if snapshot.traffic.known and snapshot.traffic.requests:
        parts.append(f"{count(snapshot.traffic.requests)}/h")
    if snapshot.state == "draining":
        parts.append("stopping")
    if judged.needs:
        parts.append(f"{len(judged.needs)} to do")
    said = sheet.glyphs.sep.join(parts)
    return (Span("ccflared "), Span(_sign(style, sheet), style), Span(f" {said}"))


def _whom(snapshot: Snapshot, sheet: Sheet) -> list[str]:
    """Return who is asked next and how much of it is used, or when somebody will be there again."""
    following = next_account(snapshot.accounts)
    if following is not None:
        share = fullest(following.usage, snapshot.now)
        name = clip(following.name, NAME_CELLS, sheet.glyphs)
        return [name if share is None else f"{name} {percent(share)}"]
    if any(account.state in SERVING for account in snapshot.accounts):
        return []  # a daemon that does not tell the order
    ends = [end for account in snapshot.accounts if (end := expected(account)) is not None]
    at = min(ends, default=None)
    return [] if at is None or at <= snapshot.now else [f"again {clock(at, snapshot.now, sheet.zone)}"]


def _sign(style: Style, sheet: Sheet) -> str:
    """Return the sign of how it is, for eyes and places that see no colour."""
    signs = {"good": sheet.glyphs.dot, "warn": sheet.glyphs.half}
    return signs.get(style, sheet.glyphs.cross)


_FIRST_ACCOUNT = (
    "[accounts.primary]",
    'provider = "anthropic"',
    'api_key = { env = "ANTHROPIC_API_KEY" }',
)


def _headline(snapshot: Snapshot, judged: Health, sheet: Sheet) -> list[Line]:
    style, sentence = _sentence(snapshot, judged, sheet)
    lines = sheet.text(Span(f"{_sign(style, sheet)} ", style), Span(sentence, "strong"), indent=0, hang=2)
    facts = [f"version {snapshot.version}"]
    if snapshot.started_at is not None:
        facts.append(f"up {duration(snapshot.now - snapshot.started_at)}")
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
        few = {1: "its account is ready", 2: "both accounts are ready"}
        which = few.get(ready, f"all {ready} accounts are ready")
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


_LEGENDS = (
    "in the order they are asked; 1> gets the next new conversation",
    "1> gets the next new conversation",
    "1> is asked next",
)


def _section(title: str, legends: tuple[str, ...], sheet: Sheet) -> list[Line]:
    """Return a heading with the longest of some legends that there is room for."""
    fitting = (note for note in legends if len(title) + 2 + len(note) <= sheet.width)
    return sheet.heading(title, next(fitting, ""))


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
