"""The app of ``ccflared top``: takes keys, shows pages, and has the acts done that are asked for."""

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib import import_module
from time import time
from traceback import format_exc
from typing import TYPE_CHECKING, ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from ccflared import __version__
from ccflared.cli.render.choices import LEVELS
from ccflared.cli.render.health import health
from ccflared.cli.render.layout import Line
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.top import foot_lines, head_line, page_line, rule_line
from ccflared.cli.top import pages
from ccflared.cli.top.board import Board, Place, strip_of
from ccflared.cli.top.entry import Entry
from ccflared.cli.top.feed import Feed, News
from ccflared.cli.top.help import Keys
from ccflared.cli.top.keys import (
    ACCOUNTS,
    CONVERSATIONS,
    COSTS,
    KEYS,
    LOGS,
    PAGES,
    REQUESTS,
    useful,
)
from ccflared.cli.top.known import Known
from ccflared.cli.top.leaving import hung_up, vanish
from ccflared.cli.top.letters import AsciiOnly
from ccflared.cli.top.link import Link
from ccflared.cli.top.style import CSS as STYLE
from ccflared.cli.top.style import THEME

if TYPE_CHECKING:
    from ccflared.cli.top.acts import Acts

SOON: Final = 0.1
"""Seconds in which all that comes is drawn at once."""
_TALL: Final = 20
"""Lines of a screen from which on the keys may take two."""
_PAGE_LINE: Final = 1
_CHOSEN_PAGE: Final = Style(reverse=True, bold=True)


class Heard(Message):
    """A thread tells what has come to be known."""

    def __init__(self, news: News) -> None:
        super().__init__()
        self.news = news


class Broken(Message):
    """A thread has ended by a bug."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Lines(Widget):
    """A few lines that only the app changes."""

    def __init__(self, *, id: str, pages: bool = False) -> None:  # noqa: A002 - textual's word
        super().__init__(id=id)
        self._pages = pages
        self._lines: list[Line] = []

    def show(self, lines: list[Line]) -> None:
        """Show lines, as many as the widget is high."""
        if lines != self._lines:
            self._lines = lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return what is to be seen at a height; called by textual."""
        line = self._lines[y] if y < len(self._lines) else ()
        strong = _CHOSEN_PAGE if self._pages and y == _PAGE_LINE else None
        return strip_of(line, self.size.width, strong=strong)


def _bindings() -> list[BindingType]:
    """Return the bindings of all keys; the pages' numbers each have their own."""
    numbers = [Binding(str(number), f"page({number})", name) for number, name in enumerate(PAGES, 1)]
    others = [Binding(key.key, key.action, key.does, show=False) for key in KEYS if key.action]
    return [*numbers, *others]


class Top(App[int]):
    """The daemon on the whole screen. ``known`` is what was asked before it began, ``glyphs`` what can be shown."""

    CSS = STYLE
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = _bindings()
    AUTO_FOCUS = "#board"

    def __init__(self, link: Link, known: Known, sheet: Sheet) -> None:
        super().__init__(ansi_color=True)  # said before the theme is: else NO_COLOR would be shades of grey
        self.link = link
        self.known = known
        self.look = pages.Look()
        self._sheet = sheet
        self._places: dict[str, Place] = {
            name: Place(first=name in (REQUESTS, CONVERSATIONS), tail=name == LOGS) for name in PAGES
        }
        self._feed = Feed(link, self._tell, self._fail)
        self._soon = False
        self.register_theme(THEME)
        self.theme = THEME.name

    def compose(self) -> ComposeResult:
        """Yield the four parts of the screen."""
        yield Lines(id="head", pages=True)
        yield Board(id="board")
        yield Entry(placeholder="text to look for", id="filter", select_on_focus=False)
        yield Lines(id="foot")

    def on_mount(self) -> None:
        """Begin to ask, and to draw."""
        self._feed.start()
        self.set_interval(1.0, self._tick)
        self.call_after_refresh(self.redraw)
        # The dialogs know the whole of the file: they come when the first picture is there.
        warm = threading.Thread(target=import_module, args=("ccflared.cli.top.acts",), daemon=True)
        self.set_timer(0.5, warm.start)

    def on_unmount(self) -> None:
        """Let the threads end."""
        self._feed.stop()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what each line goes through; called by textual."""
        ascii_only = [AsciiOnly()] if self._sheet.glyphs.ascii_only else []
        return [*super().get_line_filters(), *ascii_only]

    def _tick(self) -> None:
        if not self.is_headless and hung_up():
            vanish()
        self.redraw()

    async def on_event(self, event: events.Event) -> None:
        """Take Ctrl-C before anybody else does: a dialog would keep it from the app."""
        if isinstance(event, events.Key) and event.key == "ctrl+c":
            self.exit()
            return
        await super().on_event(event)

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self.redraw)

    @cached_property
    def acts(self) -> "Acts":
        """What is done when a key asks for it."""
        from ccflared.cli.top.acts import Acts  # noqa: PLC0415 - heavy: not before the first picture

        return Acts(self, self.link)

    def refresh_now(self) -> None:
        """Ask the daemon at once instead of in a while. May be called from any thread."""
        self._feed.hurry()

    def ended(self, seconds: float) -> bool:
        """Wait for the threads that ask, so long at most. Returns whether they have ended."""
        return self._feed.join(seconds)

    def _tell(self, news: News) -> None:
        self._post(Heard(news))

    def _fail(self, error: BaseException) -> None:
        self._post(Broken(error))

    def _post(self, message: Message) -> None:
        try:
            self.post_message(message)
        except RuntimeError:  # the loop has ended meanwhile
            return

    def _fatal_error(self) -> None:
        """Show a bug as Python does; textual shows the values of variables, too, and those may be secrets."""
        self.panic(Text(format_exc()))

    @on(Heard)
    def hear(self, message: Heard) -> None:
        """Take in what a thread tells; draw it soon, together with what comes till then."""
        message.news(self.known)
        if not self._soon:
            self._soon = True
            self.set_timer(SOON, self._drawn_soon)

    @on(Broken)
    def give_up(self, message: Broken) -> None:
        """End with the error of a thread: a bug is no reason to show old figures."""
        raise message.error

    def _drawn_soon(self) -> None:
        self._soon = False
        self.redraw()

    def redraw(self) -> None:
        """Draw what has changed."""
        self._feed.want(pages.wish(self.look, self.known))
        screen = self.screen_stack[0]
        board = screen.query_one("#board", Board)
        width = self.size.width
        if not width or not board.size.height:
            return
        sheet = self._sheet._replace(width=width)
        now = pages.moment(self.known)
        judged = health(self.known.status, __version__)
        screen.query_one("#head", Lines).show(
            [
                head_line(self.known.status, judged, time(), sheet, self.known.gone),
                page_line(PAGES, self.look.page, sheet),
                rule_line(sheet),
            ]
        )
        frame = pages.Frame(self.known, self.look, sheet, now, board.size.height)
        board.show(self._places[self.look.page], *pages.drawn(frame))
        chosen = bool(board.chosen)
        keys = [
            (key.shown, key.word) for key in KEYS if key.word and useful(key, self.look.page, chosen=chosen)
        ]
        lines = foot_lines(keys, self._note(board), sheet, 2 if self.size.height >= _TALL else 1)
        foot = screen.query_one("#foot", Lines)
        foot.show(lines)
        if foot.size.height != len(lines):
            foot.styles.height = len(lines)

    def _note(self, board: Board) -> str:
        notes = [f"/{self.look.filter}"] if self.look.filter else []
        if self.look.page in self.look.held:
            notes.append("held")
        if board.whereabouts:
            notes.append(board.whereabouts)
        return " ".join(notes)

    @property
    def board(self) -> Board:
        """What shows the page."""
        return self.screen_stack[0].query_one("#board", Board)

    def action_page(self, number: int) -> None:
        """Show the page of a number."""
        self._close_filter()
        self.look.page = PAGES[number - 1]
        self.redraw()

    def action_turn(self, step: int) -> None:
        """Show the next page, or the one before."""
        self.action_page((PAGES.index(self.look.page) + step) % len(PAGES) + 1)

    def action_move(self, steps: int) -> None:
        """Go up or down by rows."""
        self.board.move(steps)
        self.redraw()

    def action_leaf(self, screens: int) -> None:
        """Go up or down by screens."""
        self.board.leaf(screens)
        self.redraw()

    def action_edge(self, side: int) -> None:
        """Go to the beginning or the end."""
        self.board.edge(side)
        self.redraw()

    def action_act(self, word: str) -> None:
        """Have something done with the account that is chosen; the act asks what it still has to know."""
        if self.look.page != ACCOUNTS:
            self.notify("That key is for the accounts: press 1.", timeout=3)
            return
        if word == "add":
            self.acts.add()
            return
        name = self.board.chosen
        account = next((each for each in self.known.status.accounts if each.name == name), None)
        if account is None:
            if not self.known.status.accounts:
                self.notify("There is no account yet: press a to add the first one.", timeout=3)
            return
        if word == "priority":
            self.acts.priority(name, account.priority or 0)
            return
        acts: dict[str, Callable[[str], None]] = {
            "pause": self.acts.pause,
            "resume": self.acts.resume,
            "reset": self.acts.reset,
            "login": self.acts.login,
            "logout": self.acts.logout,
            "remove": self.acts.remove,
            "rename": self.acts.rename,
            "test": self.acts.test,
        }
        acts[word](name)

    def action_reload(self) -> None:
        """Have the daemon read its file."""
        self.acts.reload()

    @on(Board.Opened)
    def action_open(self) -> None:
        """Open what is chosen: all of a request, the requests of an account or of a conversation."""
        chosen = self.board.chosen
        if not chosen:
            return
        if self.look.page == REQUESTS:
            self.acts.inspect(chosen)
        elif self.look.page in (ACCOUNTS, CONVERSATIONS):
            kind = pages.ACCOUNT if self.look.page == ACCOUNTS else pages.CONVERSATION
            self.look.filters[REQUESTS] = kind + chosen.split("\n")[0]
            self.action_page(PAGES.index(REQUESTS) + 1)

    def action_hold(self) -> None:
        """Hold a list as it is, or let it go on."""
        page = self.look.page
        if page not in (REQUESTS, LOGS):
            return
        if self.look.held.pop(page, None) is None:
            self.look.held[page] = pages.copied(self.known)
        elif page == LOGS:
            self._places[LOGS].tail = True
        self.redraw()

    def action_by(self) -> None:
        """Ask for costs by something else."""
        self._turn("by", pages.BY, COSTS)

    def action_span(self) -> None:
        """Ask for another span of time."""
        if self.look.page == COSTS:
            self._turn("span", tuple(pages.SPANS), COSTS)
        else:
            self._turn("range", tuple(pages.RANGES), PAGES[-1])

    def action_level(self) -> None:
        """Show graver lines of the log alone, or all of them again."""
        self._turn("level", tuple(LEVELS), LOGS)

    def _turn(self, name: str, choices: tuple[str, ...], page: str) -> None:
        if self.look.page == page:
            at = choices.index(getattr(self.look, name))
            setattr(self.look, name, choices[(at + 1) % len(choices)])
            self.redraw()

    def action_keys(self) -> None:
        """Show all keys."""
        self.push_screen(Keys(self._sheet))

    def action_filter(self) -> None:
        """Ask for a text that is looked for."""
        if self.look.page in (REQUESTS, CONVERSATIONS, LOGS):
            entry = self.query_one("#filter", Input)
            entry.value = self.look.filter
            entry.display = True
            entry.focus()

    async def action_back(self) -> None:
        """Take back a filter."""
        self.look.filters.pop(self.look.page, None)
        self._close_filter()
        self.redraw()

    @on(Input.Changed, "#filter")
    def look_for(self, event: Input.Changed) -> None:
        """Show what has the text in it, as it is typed."""
        if self.query_one("#filter", Input).display:
            self.look.filters[self.look.page] = event.value
            self.redraw()

    @on(Input.Submitted, "#filter")
    def keep_looking(self) -> None:
        """Keep the filter, and go back to the list."""
        self._close_filter()
        self.redraw()

    def _close_filter(self) -> None:
        entry = self.screen_stack[0].query_one("#filter", Input)
        if entry.display:
            entry.display = False
            self.board.focus()
