"""How an account's tokens are, in a line or two below its row. Pure."""

from ccflared.cli.render.layout import Line, Span
from ccflared.cli.render.members import Account, Token
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import ago, ahead, clock

INDENT = 6
_SOON = 14 * 86400.0
"""Seconds before the end of a token that nobody here renews from which on that is worth a line of its own."""
_KINDS = {
    "login": "login",
    "seed": "token of the file",
    "long-lived": "long-lived token",
    "credentials file": "token of another program",
}


def token_lines(account: Account, now: float, sheet: Sheet, *, all_well: bool = True) -> list[Line]:
    """Return until when an account's token holds, since when and why it is not renewed, and what to do.

    ``all_well``: also where nothing of that is anybody's business.
    """
    token = account.token
    if token is None or not (all_well or _worth_a_line(token, now)):
        return []
    facts = _facts(token, now, sheet)
    since = "" if token.since is None else f"since {clock(token.since, now, sheet.zone)}"
    told = token.problem is not None and token.problem == account.reason  # its row says so already
    if told and since:
        facts.append(f"refused {since}")
    lines = sheet.facts(*(Span(fact, "faint") for fact in facts), indent=INDENT)
    if token.problem and not told:
        lines += sheet.text(
            Span(f"{since}: {token.problem}" if since else token.problem, "warn"), indent=INDENT
        )
    if token.todo:
        lines += sheet.text(
            Span("next: ", "faint"), Span(token.todo, "strong"), indent=INDENT, hang=INDENT + 2
        )
    return lines


def _worth_a_line(token: Token, now: float) -> bool:
    ends_soon = token.valid_until is not None and token.valid_until < now + _SOON
    return token.problem is not None or token.todo is not None or (token.kind == "long-lived" and ends_soon)


def _facts(token: Token, now: float, sheet: Sheet) -> list[str]:
    kind = _KINDS.get(token.kind)
    if kind is None:
        return []
    facts = [kind]
    if token.valid_until is None:
        facts.append("holds until it is taken back" if token.kind == "long-lived" else "its end is not known")
    elif token.valid_until <= now:
        facts.append(f"ended {ago(token.valid_until, now)}")
    else:
        until = clock(token.valid_until, now, sheet.zone)
        facts.append(f"holds until {until} ({ahead(token.valid_until, now)})")
    if token.refreshed_at is not None:
        facts.append(f"renewed {ago(token.refreshed_at, now)}")
    return facts
