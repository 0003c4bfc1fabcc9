"""Accounts in the order in which the router would choose them: for ``status`` and ``account list``. Pure."""

from collections.abc import Sequence

from ccflared.cli.render.health import PERSON, SERVING
from ccflared.cli.render.layout import Line, Span, Style, clip, columns
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import Account
from ccflared.cli.render.words import ago, ahead, clock

NAME_CELLS = 28
_WITH_PROVIDER = 56
"""Cells below which the state needs the room that the provider would take."""
LONGEST_REASON = 160
"""An upstream's message may be a whole page; one screen is enough."""


def look(state: str, sheet: Sheet) -> Span:
    """Return a state with its sign and colour."""
    style: Style
    if state == "ready":
        sign, style = sheet.glyphs.dot, "good"
    elif state in SERVING:
        sign, style = sheet.glyphs.half, "warn"
    elif state in PERSON:
        sign, style = sheet.glyphs.cross, "bad"
    elif state == "off":
        sign, style = sheet.glyphs.ring, "faint"
    else:
        sign, style = sheet.glyphs.ring, "warn"
    return Span(f"{sign} {state}", style)


def account_lines(
    accounts: Sequence[Account], now: float, sheet: Sheet, *, detailed: bool = False
) -> list[Line]:
    """Return one row an account, the next one marked; its note beside the state, or below where it is narrow.

    ``detailed`` adds priority, tier and titles, if there is room.
    """
    detailed = detailed and sheet.width >= 72
    following = next_account(accounts)
    rows = [_row(account, sheet, detailed, following=account is following) for account in accounts]
    if detailed:
        rows.insert(0, [(Span(title, "faint"),) for title in _TITLES])
    heads = columns(rows, right=frozenset({3, 4}) if detailed else frozenset())
    notes = [account_note(account, now, sheet) for account in accounts]
    return sheet.beside(heads, [[], *notes] if detailed else notes)


_TITLES = ("", "name", "provider", "priority", "tier", "state")


def _row(account: Account, sheet: Sheet, detailed: bool, *, following: bool) -> list[Line]:
    numbers: list[Line] = []
    if detailed:
        numbers = [
            (Span("" if account.priority is None else str(account.priority)),),
            (Span("" if account.tier is None else f"{account.tier:g}"),),
        ]
    return [
        (Span(sheet.glyphs.arrow if following else " ", "strong"),),
        (Span(clip(account.name, NAME_CELLS, sheet.glyphs), "plain" if account.order is None else "strong"),),
        *(
            [(Span(clip(account.provider, 20, sheet.glyphs), "faint"),)]
            if sheet.width >= _WITH_PROVIDER
            else []
        ),
        *numbers,
        (look(account.state, sheet),),
    ]


def account_note(account: Account, now: float, sheet: Sheet) -> list[Line]:
    """Return why an account is in its state, until when, and what it is doing."""
    parts: list[Span] = []
    if account.reason:
        parts.append(Span(clip(account.reason, LONGEST_REASON, sheet.glyphs)))
    if account.until is not None:
        word = "again" if account.state not in SERVING else "until"
        if account.until > now:
            parts.append(Span(f"{word} {ahead(account.until, now)}, {clock(account.until, now, sheet.zone)}"))
        else:
            parts.append(Span("tried again with the next request"))
    if account.running:
        parts.append(Span(f"{account.running} running", "good"))
    if account.last_used is not None:
        parts.append(Span(f"used {ago(account.last_used, now)}", "faint"))
    return [(part,) for part in parts]


def next_account(accounts: Sequence[Account]) -> Account | None:
    """Return the account that the next new conversation would go to."""
    candidates = [account for account in accounts if account.order is not None and account.state in SERVING]
    return min(candidates, key=lambda account: account.order or 0, default=None)
