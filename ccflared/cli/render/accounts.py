"""Accounts in the order in which the router would choose them: for ``status`` and ``account list``. Pure."""

from collections.abc import Sequence

from ccflared.cli.render.health import CALM, PERSON, SERVING
from ccflared.cli.render.layout import Line, Span, Style, clip, columns
from ccflared.cli.render.members import Account, Against, Budget
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.tokens import token_lines
from ccflared.cli.render.usage import INDENT, unknown_usage, usage_lines
from ccflared.cli.render.words import ago, ahead, clock, duration, many, usd

NAME_CELLS = 28
_WITH_PROVIDER = 56
"""Cells below which the state needs the room that the provider would take."""
LONGEST_REASON = 160
"""An upstream's message may be a whole page; one screen is enough."""
MOST_REASONS = 4
"""Lines of further reasons of one account: each of its models may have one."""
_SAME_MOMENT = 60.0
"""Seconds by which two tellings of one end may differ: resets jitter."""


def look(state: str, sheet: Sheet) -> Span:
    """Return a state with its sign and colour."""
    style: Style
    if state == "ready":
        sign, style = sheet.glyphs.dot, "good"
    elif state in SERVING:
        sign, style = sheet.glyphs.half, "warn"
    elif state in PERSON:
        sign, style = sheet.glyphs.cross, "bad"
    elif state in CALM:
        sign, style = sheet.glyphs.ring, "faint"
    else:
        sign, style = sheet.glyphs.ring, "warn"
    return Span(f"{sign} {state}", style)


def account_lines(
    accounts: Sequence[Account], now: float, sheet: Sheet, *, detailed: bool = False
) -> list[Line]:
    """Return one row an account, the next one marked; its note beside the state, or below where it is narrow.

    Below that stand its further reasons, how its tokens are, and its usage windows. ``detailed`` adds priority, tier
    and titles, if there is room.
    """
    detailed = detailed and sheet.width >= 72
    following = next_account(accounts)
    rows = [_row(account, sheet, detailed, following=account is following) for account in accounts]
    if detailed:
        rows.insert(0, [(Span(title, "faint"),) for title in _TITLES])
    heads = columns(rows, right=frozenset({3, 4}) if detailed else frozenset())
    notes = [account_note(account, now, sheet) for account in accounts]
    title, *blocks = sheet.rows(heads, [[], *notes]) if detailed else [[], *sheet.rows(heads, notes)]
    windows = usage_lines([account.usage for account in accounts], now, sheet)
    lines = title
    for account, block, own in zip(accounts, blocks, windows, strict=True):
        lines += block + _further(account, now, sheet) + token_lines(account, now, sheet)
        lines += own + unknown_usage(account, now, sheet)
    return lines


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
    if account.paused_since is not None and account.state == "paused":
        parts.append(Span(f"since {clock(account.paused_since, now, sheet.zone)}"))
    parts += [Span(other.reason, "faint") for other in account.also if other.reason and _same(account, other)]
    if account.until is not None:
        parts.append(Span(end(account.state, account.until, now, sheet)))
    if account.budget is not None:
        parts += [Span(fact, "faint") for fact in _spending(account.budget)]
    if account.session:
        parts.append(Span("holds the session", "faint"))
    if account.running:
        parts.append(Span(f"{account.running} running", "good"))
    if account.last_used is not None:
        parts.append(Span(f"used {ago(account.last_used, now)}", "faint"))
    return [(part,) for part in parts]


def _spending(budget: Budget) -> list[str]:
    """Say what is spent of each part of a budget."""
    facts = []
    if budget.daily is not None:
        facts.append(f"{usd(budget.today or 0.0)} of {usd(budget.daily)} USD today")
    if budget.monthly is not None:
        facts.append(f"{usd(budget.this_month or 0.0)} of {usd(budget.monthly)} this month")
    return facts


def end(state: str, until: float, now: float, sheet: Sheet) -> str:
    """Say when a state ends."""
    if until <= now:
        return "tried again with the next request"
    at = clock(until, now, sheet.zone)
    if state in SERVING:
        return f"asked last for {duration(until - now)}, until {at}"
    return f"again {ahead(until, now)}, {at}"


def _further(account: Account, now: float, sheet: Sheet) -> list[Line]:
    """Return what is said against an account besides what its row says, a line or so each."""
    others = [other for other in account.also if not _same(account, other)]
    lines: list[Line] = []
    for other in others[:MOST_REASONS]:
        reason = clip(other.reason or other.state, LONGEST_REASON, sheet.glyphs)
        said = reason if reason.startswith(other.state) else f"{other.state}: {reason}"
        facts = [said] if other.until is None else [said, end(other.state, other.until, now, sheet)]
        lines += sheet.facts(*(Span(fact, "faint") for fact in facts), indent=INDENT)
    more = len(others) - MOST_REASONS
    if more > 0:
        lines += sheet.text(Span(f"and {many(more, 'more reason')}", "faint"), indent=INDENT)
    return lines


def _same(account: Account, other: Against) -> bool:
    """Whether a further reason is the first one told once more: in the same state, with the same end."""
    if account.until is None or other.until is None or account.state != other.state:
        return False
    return abs(account.until - other.until) < _SAME_MOMENT


def next_account(accounts: Sequence[Account]) -> Account | None:
    """Return the account that the next new conversation would go to."""
    candidates = [account for account in accounts if account.order is not None and account.state in SERVING]
    return min(candidates, key=lambda account: account.order or 0, default=None)
