"""The board: lines of a page below one another, of which some can be chosen. It draws only what has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ccflared.cli.render.layout import Line
from ccflared.cli.render.top import Block
from ccflared.cli.terminal import RICH

_STYLES: Final = {name: Style.parse(words or "none") for name, words in RICH.items()}
_CHOSEN: Final = Style(reverse=True)
_EMPTY: Final[Line] = ()


@dataclass(slots=True)
class Place:
    """Where somebody is on a page: kept while he looks at another one."""

    key: str = ""
    """What is chosen; "" for the first."""
    index: int = 0
    offset: int = 0
    """The line of the page that is uppermost."""
    first: bool = False
    """Whoever has chosen the first stays with the first, whatever comes above it."""
    tail: bool = False
    """The end is shown, whatever comes."""


class Board(Widget, can_focus=True):
    """Shows blocks; what is chosen has its first line in reverse."""

    DEFAULT_CSS = "Board { width: 1fr; }"

    class Opened(Message):
        """Somebody has clicked on what was chosen already."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - textual's word
        super().__init__(id=id)
        self._blocks: Sequence[Block] = ()
        self._lines: list[tuple[Line, str]] = []
        self._starts: dict[str, int] = {}
        self._keys: list[str] = []
        self._top: tuple[Line, ...] = ()
        self._shown: list[tuple[Line, bool]] = []
        self.place = Place()

    @property
    def chosen(self) -> str:
        """The key of the block that is chosen; "" where none can be."""
        return self.place.key if self.place.key in self._starts else ""

    @property
    def whereabouts(self) -> str:
        """Which of the lines that do not fit are seen; "" where all are."""
        room = self._room()
        if len(self._lines) <= room:
            return ""
        last = min(len(self._lines), self.place.offset + room)
        return f"{self.place.offset + 1}-{last} of {len(self._lines)}"

    def show(self, place: Place, top: Sequence[Line], blocks: Sequence[Block]) -> None:
        """Show blocks below lines that stay. ``place``: where on them one is; it is kept up to date."""
        before = self._position() if place is self.place else None
        self.place, self._top, self._blocks = place, tuple(top), blocks
        self._lines = [(line, block.key) for block in blocks for line in block.lines]
        self._starts = {}
        self._keys = []
        for at, (_, key) in enumerate(self._lines):
            if key and key not in self._starts:
                self._starts[key] = at
                self._keys.append(key)
        self._keep(before)
        self.draw()

    def draw(self) -> None:
        """Refresh the lines that look otherwise than they did."""
        size = self.size
        shown = [self._line(y) for y in range(size.height)]
        if len(shown) != len(self._shown):
            self._shown = shown
            self.refresh()
            return
        changed = [
            Region(0, y, size.width, 1)
            for y, (now, was) in enumerate(zip(shown, self._shown, strict=True))
            if now != was
        ]
        self._shown = shown
        if changed:
            self.refresh(*changed)

    def move(self, steps: int) -> None:
        """Choose another block, or scroll where there is none to choose."""
        if not self._keys:
            self.scroll(steps)
            return
        at = max(0, min(len(self._keys) - 1, self._index() + steps))
        self._choose(self._keys[at])

    def leaf(self, screens: int) -> None:
        """Go on by whole screens."""
        steps = screens * max(1, self._room() - 1)
        if not self._keys:
            self.scroll(steps)
            return
        target = self._starts.get(self.place.key, 0) + steps
        found = [key for key in self._keys if self._starts[key] <= target]
        self._choose(found[-1] if found else self._keys[0])

    def edge(self, side: int) -> None:
        """Go to the beginning (-1) or the end (1)."""
        if self._keys:
            self._choose(self._keys[0 if side < 0 else -1])
        else:
            self.scroll(side * len(self._lines))

    def scroll(self, steps: int) -> None:
        """Move the lines, whatever is chosen."""
        most = max(0, len(self._lines) - self._room())
        place = self.place
        place.offset = max(0, min(most, place.offset + steps))
        place.tail = place.offset == most
        self.draw()

    def _choose(self, key: str) -> None:
        self.place.key, self.place.index = key, self._keys.index(key)
        start = self._starts[key]
        end = start
        while end + 1 < len(self._lines) and self._lines[end + 1][1] == key:
            end += 1
        room = self._room()
        offset = self.place.offset
        if end >= offset + room:
            offset = end - room + 1
        offset = min(offset, start)
        if key == self._keys[-1]:  # what stands behind the last that can be chosen would never be seen
            offset = max(offset, min(start, len(self._lines) - room))
        self.place.offset = max(0, offset if key != self._keys[0] else 0)
        self.draw()

    def _keep(self, before: int | None) -> None:
        """Stay with what is chosen, on the line of the screen where it was. ``before``: that line."""
        place = self.place
        most = max(0, len(self._lines) - self._room())
        if not self._keys:
            place.offset = most if place.tail else min(place.offset, most)
            return
        if (place.first and place.index == 0) or place.key not in self._starts:
            # What is gone leaves its place to another.
            place.index = max(0, min(place.index, len(self._keys) - 1))
            place.key = self._keys[place.index]
        else:
            place.index = self._keys.index(place.key)
        if place.index == 0:
            place.offset = min(place.offset, most) if before is None or before < 0 else 0
        elif before is not None:
            place.offset = self._starts[place.key] - before
        place.offset = max(0, min(place.offset, most))

    def _position(self) -> int | None:
        start = self._starts.get(self.place.key)
        return None if start is None else start - self.place.offset

    def _index(self) -> int:
        return self._keys.index(self.place.key) if self.place.key in self._starts else 0

    def _room(self) -> int:
        return max(1, self.size.height - len(self._top))

    def _line(self, y: int) -> tuple[Line, bool]:
        """Return the line at a height of the widget, and whether it is that of what is chosen."""
        if y < len(self._top):
            return self._top[y], False
        at = y - len(self._top) + self.place.offset
        if at >= len(self._lines):
            return _EMPTY, False
        line, key = self._lines[at]
        return line, bool(key) and key == self.place.key and self._starts[key] == at

    def render_line(self, y: int) -> Strip:
        """Return what is to be seen at a height; called by textual."""
        line, chosen = self._shown[y] if y < len(self._shown) else self._line(y)
        return strip_of(line, self.size.width, chosen=chosen)

    def on_resize(self) -> None:
        """Draw anew, as the app has lines for the new width."""
        self._shown = []

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll by the wheel."""
        event.stop()
        self.scroll(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll by the wheel."""
        event.stop()
        self.scroll(-3)

    def on_click(self, event: events.Click) -> None:
        """Choose what is clicked on; open it where it was chosen."""
        at = event.y - len(self._top) + self.place.offset
        key = self._lines[at][1] if len(self._top) <= event.y and 0 <= at < len(self._lines) else ""
        if not key:
            return
        if key == self.place.key:
            self.post_message(self.Opened())
        else:
            self._choose(key)


def strip_of(line: Line, width: int, *, chosen: bool = False, strong: Style | None = None) -> Strip:
    """Return a line as textual draws it. ``chosen``: in reverse; ``strong``: how strong text looks, if otherwise."""
    styles = _STYLES if strong is None else {**_STYLES, "strong": strong}
    # Colours in reverse would be blocks of colour: what is chosen has none.
    segments = [Segment(span.text, _CHOSEN if chosen else styles[span.style]) for span in line]
    return Strip(segments).adjust_cell_length(width, _CHOSEN if chosen else Style.null())
