"""Conversations of late, from the JSON of ``/api/conversations``: a row each. Pure."""

from functools import lru_cache
from typing import Final, NamedTuple

from ccflared.cli.render.document import Json
from ccflared.cli.render.layout import Line, Span, Style, clip, clip_line, pad, trim
from ccflared.cli.render.requests import model_in
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import count, short, usd

LIVELY: Final = 60.0
"""Seconds after its last request for which a conversation is taken to go on."""


class Conversation(NamedTuple):
    """One conversation. ``held_by`` None: the next request goes anywhere. Costs in USD."""

    id: str
    client: str | None
    project: str | None
    model: str | None
    account: str | None
    held_by: str | None
    home: str | None
    warm: bool
    last: float | None
    requests: int
    failed: int
    sent: int
    output: int
    plan: float
    money: float
    unpriced: int
    chain: str | None = None

    @property
    def key(self) -> str:
        """What no other row has: a client has conversations of its own, and in each a chain its own."""
        return "\n".join((self.id, self.client or "", self.chain or ""))


def is_conversations(value: object) -> bool:
    """Tell whether a JSON value looks like the answer."""
    return isinstance(value, dict) and isinstance(value.get("conversations"), list)


def read_conversations(value: object) -> tuple[Conversation, ...]:
    """Return what ``/api/conversations`` gave, the latest first."""
    return tuple(
        Conversation(
            id=item.text("conversation"),
            client=item.maybe("client"),
            project=item.maybe("project"),
            model=item.maybe("model"),
            account=item.maybe("account"),
            held_by=item.maybe("heldBy"),
            home=item.maybe("home"),
            warm=item.flag("warm", default=False),
            last=item.number("lastAt"),
            requests=item.count("requests"),
            failed=item.count("failed"),
            sent=item.count("sentTokens"),
            output=item.count("outputTokens"),
            plan=item.number("planCostUsd") or 0.0,
            money=item.number("apiCostUsd") or 0.0,
            unpriced=item.count("unpricedRequests"),
            chain=item.maybe("chain"),
        )
        for item in Json(value).parts("conversations")
    )


class _Column(NamedTuple):
    title: str
    width: int
    right: bool = False
    least: int = 0
    """Cells of a sheet from which on it is there."""


_COLUMNS: Final = (
    _Column("idle", 6, right=True),
    _Column("held by", 0),
    _Column("model", 0, least=56),
    _Column("who", 0, least=100),
    _Column("req", 6, right=True, least=44),
    _Column("in", 6, right=True, least=110),
    _Column("out", 6, right=True, least=110),
    _Column("tokens", 6, right=True, least=66),
    _Column("value", 8, right=True, least=78),
    _Column("money", 8, right=True, least=72),
    _Column("id", 8),
)
_SHARES: Final = {"held by": 4, "model": 5, "who": 4}
"""How those columns share what the others leave."""
_WIDEST: Final = {"held by": 30, "model": 34, "who": 28}
_ID: Final = 40
_ROOM_FOR_ID: Final = 150


def titles(sheet: Sheet) -> Line:
    """Return the titles of the columns."""
    return _row({column.title: Span(column.title, "faint") for column in _columns(sheet)}, sheet)


def conversation_line(talk: Conversation, now: float, sheet: Sheet) -> Line:
    """Return the row of a conversation."""
    idle = None if talk.last is None else max(0.0, now - talk.last)
    lively = idle is not None and idle < LIVELY
    sign, style = _sign(talk, sheet, lively=lively)
    holder = talk.held_by or talk.account or sheet.glyphs.bullet
    borrowed = talk.home is not None and talk.held_by is not None and talk.home != talk.held_by
    room = next((column.width for column in _columns(sheet) if column.title == "model"), 0)
    failed = f" {sheet.glyphs.cross}{talk.failed}" if talk.failed else ""
    cells = {
        "idle": Span("" if idle is None else _idle(idle), style),
        "held by": Span(
            f"{sign} {holder}" + (f" ({talk.home})" if borrowed else ""),
            "faint" if talk.held_by is None else "plain",
        ),
        "model": Span(model_in(talk.model or "", room)),
        "who": Span(" ".join(name for name in (talk.client, talk.project) if name), "faint"),
        "req": Span(count(talk.requests) + failed, "warn" if failed else "plain"),
        "in": Span(short(talk.sent) if talk.sent else ""),
        "out": Span(short(talk.output) if talk.output else ""),
        "tokens": Span(short(talk.sent + talk.output) if talk.sent + talk.output else ""),
        "value": Span(f"({usd(talk.plan)})" if talk.plan else "", "faint"),
        "money": _money(talk),
        "id": Span(tail(talk.id, _ID if sheet.width >= _ROOM_FOR_ID else 8), "faint"),
    }
    return _row(cells, sheet)


def fitting(talk: Conversation, text: str) -> bool:
    """Whether what is told of a conversation has a text in it, whatever the case of its letters."""
    told = (talk.id, talk.client, talk.project, talk.model, talk.account, talk.held_by, talk.home)
    return any(text.lower() in word.lower() for word in told if word)


def tail(conversation: str, room: int) -> str:
    """Return the part of an id that tells it from the others, cut to ``room``: what kind it is stands before."""
    return conversation.rpartition(":")[2][:room]


def _idle(seconds: float) -> str:
    """Return how long nothing was asked, in six cells."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _money(talk: Conversation) -> Span:
    if talk.unpriced:
        return Span(f"{usd(talk.money)} ?" if talk.money else "?", "warn")
    return Span(usd(talk.money) if talk.money else "")


def _sign(talk: Conversation, sheet: Sheet, *, lively: bool) -> tuple[str, Style]:
    if lively:
        return sheet.glyphs.dot, "good"
    return (sheet.glyphs.half, "plain") if talk.warm else (sheet.glyphs.ring, "faint")


@lru_cache(maxsize=16)
def _columns(sheet: Sheet) -> list[_Column]:
    chosen = [column for column in _COLUMNS if sheet.width >= column.least]
    fixed = {column.title: column.width for column in chosen}
    if sheet.width >= _ROOM_FOR_ID:
        fixed["id"] = _ID
    left = sheet.width - sum(fixed.values()) - (len(chosen) - 1)
    whole = sum(_SHARES[column.title] for column in chosen if not column.width)
    return [
        column._replace(
            width=fixed[column.title]
            or max(6, min(_WIDEST[column.title], left * _SHARES[column.title] // whole))
        )
        for column in chosen
    ]


def _row(cells: dict[str, Span], sheet: Sheet) -> Line:
    spans: list[Span] = []
    for column in _columns(sheet):
        if spans:
            spans.append(Span(" "))
        text, style = cells[column.title]
        spans += pad((Span(clip(text, column.width, sheet.glyphs), style),), column.width, right=column.right)
    return clip_line(trim(tuple(spans)), sheet.width, sheet.glyphs)
