"""A request on the whole screen: its tries, why this account, and what was said, as far as that is kept."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import time
from typing import ClassVar, Final
from urllib.parse import quote, urlencode

from textual.binding import Binding, BindingType
from textual.widget import Widget

from ccflared.cli.client import Answer
from ccflared.cli.render.conversation import conversation_lines
from ccflared.cli.render.document import Json
from ccflared.cli.render.explain import story_lines
from ccflared.cli.render.explanation import is_story, read_story
from ccflared.cli.render.records import is_record, read_page
from ccflared.cli.render.request import page_lines
from ccflared.cli.request import said_lines
from ccflared.cli.top.dialogs.desk import Desk, Outcome, failure_of
from ccflared.cli.top.dialogs.frame import Dialog, Key, Keys
from ccflared.cli.top.dialogs.written import Writing, Written, paragraphs

_AGAIN: Final = 1.0
"""Seconds between two looks at a request that is still under way."""
_KEEP: Final = "keep_payloads"
_MOST_LINES: Final = 3000
"""Of the bytes; `ccflared request ID --body` has them all."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One page of it: where it is asked for, and how it is written once it is there."""

    name: str
    path: Callable[[str], str]
    fits: Callable[[object], bool]
    write: Callable[[object], Writing]
    kept: bool = False
    """There only where the payload is kept, and a moment later than the rest."""


def _bytes(value: object) -> Writing:
    lines = said_lines(Json(value))
    if len(lines) <= _MOST_LINES:
        return lambda _sheet: lines
    left = len(lines) - _MOST_LINES
    return lambda sheet: [
        *lines[:_MOST_LINES],
        (),
        *sheet.text(f"{left:,} more lines: ccflared request ID --body", indent=0),
    ]


LEAVES: Final = (
    _Leaf(
        "request",
        lambda name: f"/api/requests/{quote(name, safe='')}",
        is_record,
        lambda value: lambda sheet: page_lines(read_page(value), time(), sheet, hints=False),
    ),
    _Leaf(
        "why",
        lambda name: f"/api/explain?{urlencode({'request': name})}",
        is_story,
        lambda value: lambda sheet: story_lines(read_story(value), time(), sheet),
    ),
    _Leaf(
        "conversation",
        lambda name: f"/api/requests/{quote(name, safe='')}/conversation",
        lambda value: isinstance(value, dict) and isinstance(value.get("messages"), list),
        lambda value: lambda sheet: conversation_lines(value, sheet),
        kept=True,
    ),
    _Leaf(
        "raw",
        lambda name: f"/api/requests/payload/{quote(name, safe='')}",
        lambda value: isinstance(value, dict),
        _bytes,
        kept=True,
    ),
)


class RequestPage(Dialog[None]):
    """Shows a request. One that is under way is waited for."""

    DEFAULT_CSS = """
    RequestPage > #box { max-width: 100%; height: 100%; }
    RequestPage #title { margin: 0 0 1 0; text-style: none; }
    RequestPage #body { height: 1fr; max-height: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number + 1), f"turn({number})", leaf.name, show=False)
            for number, leaf in enumerate(LEAVES)
        ),
        Binding("left", "by(-1)", "Before", show=False),
        Binding("right,tab", "by(1)", "Next", show=False),
        Binding("q", "leave", "Back", show=False),
        Binding("home", "edge(0)", "Beginning", show=False),
        Binding("end", "edge(1)", "End", show=False),
    ]

    def __init__(self, desk: Desk, request_id: str) -> None:
        super().__init__(desk, f"Request {request_id}")
        self._request = request_id
        self._at = 0
        self._known: dict[int, Writing] = {}

    def head(self) -> Iterable[Widget]:
        """Return the names of the pages."""
        yield Keys(id="title")

    def contents(self) -> Iterable[Widget]:
        """Return the text."""
        yield Written(paragraphs("Asking the daemon …"), id="text")

    def on_mount(self) -> None:
        """Show the first page."""
        self.action_turn(0)

    def fit(self) -> None:
        """Take the whole screen, whatever is in it."""

    def action_turn(self, number: int) -> None:
        """Show a page, and ask for it where it has not come yet."""
        self._at = number
        self._show_keys()
        if number in self._known:
            self.rewrite(self._known[number])
            return
        self.write("Asking the daemon …")
        self._ask(number)

    def action_by(self, step: int) -> None:
        """Show the page beside."""
        self.action_turn((self._at + step) % len(LEAVES))

    def action_edge(self, end: int) -> None:
        """Scroll to the beginning or the end."""
        (self.body.scroll_end if end else self.body.scroll_home)(animate=False)

    def _show_keys(self) -> None:
        self.query_one("#title", Keys).show(
            [
                Key(str(number + 1), leaf.name, f"turn({number})", here=number == self._at)
                for number, leaf in enumerate(LEAVES)
            ]
        )
        self.keys(
            Key("↑↓", "scroll", "move(1)"), Key("←→", "turn the page", "by(1)"), Key("Esc", "back", "leave")
        )

    def _ask(self, number: int) -> None:
        self.desk.get(LEAVES[number].path(self._request), lambda outcome: self._told(number, outcome))

    def _told(self, number: int, outcome: Outcome) -> None:
        if self.gone:
            return
        leaf = LEAVES[number]
        if isinstance(outcome, Answer) and outcome.status == 200 and leaf.fits(outcome.value):
            self._known[number] = leaf.write(outcome.value)
            if number == self._at:
                self.rewrite(self._known[number])
            return
        if number != self._at:
            return
        missing = isinstance(outcome, Answer) and outcome.status == 404
        if missing and not leaf.kept:
            self.write(
                f"There is no request {self._request} in the history.",
                "One that is still under way stands there once it has ended; this page waits for it.",
            )
            self.set_timer(_AGAIN, lambda: self._ask(number) if number == self._at else None)
            return
        why = str(failure_of(outcome, "request"))
        if missing and _KEEP in why:
            self.write(
                why, "To keep what is said in requests to come, for a week:", f'[storage]\n{_KEEP} = "7d"'
            )
        else:
            self.write(why)
