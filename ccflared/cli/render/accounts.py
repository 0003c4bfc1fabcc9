"""Accounts in the order in which the router would choose them: for ``status`` and ``account list``. Pure."""

from collections.abc import Iterable, Sequence

from ccflared.cli.render.health import CALM, PERSON, SERVING
from ccflared.cli.render.layout import Line, Span, Style, cells, clip, columns, flow, line_cells, pad, trim
from ccflared.cli.render.members import Account, Against, Budget
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.tokens import token_lines
from ccflared.cli.render.usage import INDENT, unknown_usage, usage_age, usage_lines
from ccflared.cli.render.words import ago, ahead, clock, duration, many, usd

NAME_CELLS = 28
_NUMBER_CELLS = 3
_LEAST_NAME = 12
"""Cells of a name that are worth more than the provider."""
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
    """Return one row an account, numbered as they would be asked; its note beside the state, or below it.

    Below that stand its further reasons, how its tokens are, and its usage windows. ``detailed`` adds priority, tier
    and titles, if there is room, and what is well with tokens.
    """
    if not accounts:
        return []
    titled = detailed and sheet.width >= 72
    heads = _heads(accounts, sheet, titled=titled)
    notes = [account_note(account, now, sheet) for account in accounts]
    title, *blocks = _blocks(heads, [[], *notes] if titled else notes, sheet, titled=titled)
    windows = usage_lines([account.usage for account in accounts], now, sheet)
    lines = title
    for account, block, own in zip(accounts, blocks, windows, strict=True):
        lines += block + _further(account, now, sheet) + token_lines(account, now, sheet, all_well=detailed)
        lines += own + unknown_usage(account, now, sheet)
    return lines


def _heads(accounts: Sequence[Account], sheet: Sheet, *, titled: bool) -> list[Line]:
    """Return number, name, provider and state of each account, the state whole: the others give way to it."""
    numbers = places(accounts)
    looks = [look(account.state, sheet) for account in accounts]
    providers = [clip(account.provider, 20, sheet.glyphs) for account in accounts]
    room = sheet.width - _NUMBER_CELLS - 4 - _widest(each.text for each in looks) - (18 if titled else 0)
    if sheet.width < _WITH_PROVIDER or room - _widest(providers) - 2 < _LEAST_NAME:
        providers = [""] * len(providers)
    room -= _widest(providers) + 2 if any(providers) else 0
    names = [clip(account.name, max(4, min(NAME_CELLS, room)), sheet.glyphs) for account in accounts]
    rows = [
        _row(account, [Span(f"{number} "), Span(name), Span(provider, "faint"), state], titled=titled)
        for account, number, name, provider, state in zip(
            accounts, numbers, names, providers, looks, strict=True
        )
    ]
    if titled:
        rows.insert(0, [(Span(" " * (_NUMBER_CELLS + 1) + " name", "faint"),), *_TITLES])
    return columns(rows, right=frozenset({2, 3}) if titled else frozenset())


def _widest(texts: Iterable[str]) -> int:
    return max((cells(text) for text in texts), default=0)


def _blocks(
    heads: Sequence[Line], notes: Sequence[list[Line]], sheet: Sheet, *, titled: bool
) -> list[list[Line]]:
    """Return the lines of each row, after those of the titles: of a note what fits beside its head, the rest below."""
    used = max((line_cells(head) for head in heads), default=0) + 2
    below = " " * INDENT
    blocks: list[list[Line]] = [] if titled else [[]]
    for head, note in zip(heads, notes, strict=True):
        begun = pad(head, used)
        room = sheet.width - used
        fitting = sum(
            1 for end in range(1, len(note) + 1) if len(flow(note[:end], sheet.glyphs.sep, room)) < 2
        )
        if not note or line_cells(note[0]) > room:
            fitting = 0
        first = flow(note[:fitting], sheet.glyphs.sep, room)
        lines = [(*begun, *first[0])] if first else [trim(begun)]
        lines += flow(note[fitting:], sheet.glyphs.sep, sheet.width, first=below, rest=below)
        blocks.append(sheet.fit(lines))
    return blocks


def places(accounts: Sequence[Account]) -> list[str]:
    """Return ``1>``, ``2``, ``3`` … of the accounts in the order they would be asked; blank for those that would not.

    The first one is whom the next new conversation gets. All are of one width, and end below each other.
    """
    asked = sorted(
        (account.order or 0, at) for at, account in enumerate(accounts) if _would_be_asked(account)
    )
    told = {at: number for number, (_, at) in enumerate(asked, 1)}
    return [
        f"{told.get(at, ''):>{_NUMBER_CELLS}}{'>' if told.get(at) == 1 else ' '}"
        for at in range(len(accounts))
    ]


_TITLES: tuple[Line, ...] = tuple(
    (Span(title, "faint"),) for title in ("provider", "priority", "tier", "state")
)


def _row(account: Account, shown: list[Span], *, titled: bool) -> list[Line]:
    """Return the cells of a row; ``shown``: its number, its name, its provider and its state."""
    number, name, provider, state = shown
    asked = bool(number.text.strip())
    row: list[Line] = [
        (
            Span(number.text, "strong" if ">" in number.text else "faint"),
            Span(name.text, "strong" if asked else "plain"),
        ),
        (provider,),
    ]
    if titled:
        row.append((Span("" if account.priority is None else str(account.priority)),))
        row.append((Span("" if account.tier is None else f"{account.tier:g}"),))
    return [*row, (state,)]


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
        parts += [Span(fact, "faint") for fact in spending(account.budget)]
    if account.session:
        parts.append(Span("holds the session", "faint"))
    if account.running:
        parts.append(Span(f"{account.running} running", "good"))
    if account.last_used is not None:
        parts.append(Span(f"used {ago(account.last_used, now)}", "faint"))
    if account.usage is not None and account.usage.overage == "in use":
        parts.append(Span("paid extra usage is in use", "warn"))
    if told := usage_age(account.usage):
        parts.append(Span(told, "faint"))
    return [(part,) for part in parts]


def spending(budget: Budget) -> list[str]:
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
        return f"asked last until {at} ({duration(until - now)} more)"
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
    candidates = [account for account in accounts if _would_be_asked(account)]
    return min(candidates, key=lambda account: account.order or 0, default=None)


def _would_be_asked(account: Account) -> bool:
    return account.order is not None and account.state in SERVING
