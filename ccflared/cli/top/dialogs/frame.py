"""What all dialogs are: a box with a title, a body that scrolls, and the keys that there are."""

import signal
from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, NamedTuple, TypeVar

from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Input, Static

from ccflared.cli.render.foreign import bare
from ccflared.cli.top.dialogs.desk import Desk
from ccflared.cli.top.dialogs.written import Writing, Written, paragraphs

T = TypeVar("T")


class Key(NamedTuple):
    """A key that does something: what it is called, what it does, and the action of the dialog."""

    name: str
    does: str
    action: str
    here: bool = False
    """It has led to where one is."""


LEAVE = Key("Esc", "cancel", "leave")
CLOSE = Key("Esc", "close", "leave")
EITHER = Key("Enter or Esc", "close", "leave")
COPY = (Key("^Y", "copy", "copy"), Key("^O", "show plainly", "plain"))


class Keys(Static):
    """The keys, in a line or in as many as it takes; each can be clicked, too."""

    DEFAULT_CSS = """
    Keys {
        width: 1fr; height: auto; margin-top: 1;
        link-style: none; link-color: $foreground; link-background-hover: $surface; link-style-hover: underline;
    }
    """

    def show(self, keys: Sequence[Key]) -> None:
        """Show which keys there are now."""
        pieces: list[Content] = []
        for key in keys:
            pieces += [Content("   ")] if pieces else []
            style = Style(bold=True) + Style.from_meta({"@click": f"screen.{key.action}"})
            # A key and what it does are not parted at the end of a line.
            label = Content(f"{key.name} {key.does}".strip().replace(" ", "\u00a0"))
            if key.here:
                label = label.stylize(Style(reverse=True))
            pieces.append(
                label.stylize(style, 0, len(key.name)).stylize(
                    Style.from_meta({"@click": f"screen.{key.action}"}), 0, len(label.plain)
                )
            )
        self.update(Content("").join(pieces))


class Dialog(ModalScreen[T], Generic[T]):
    """A dialog. It is given up by Esc, and gives None then; what it gives else, its class says.

    ``paste``: a text that a person may want to take along; while there is one, it can be copied, and shown on the
    bare terminal, where it can be selected whole.
    """

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > #box {
        width: 100%; max-width: 92; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    Dialog > #box.bad { border: round $error; }
    Dialog #title { width: 1fr; height: auto; text-style: bold; margin-bottom: 1; }
    Dialog #body { width: 1fr; height: auto; }
    Dialog #below { width: 1fr; height: auto; }
    Dialog #below > Field { margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("enter", "go", "Go on", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "leaf(-1)", "Page up", show=False),
        Binding("pagedown", "leaf(1)", "Page down", show=False),
        Binding("ctrl+y", "copy", "Copy", show=False),
        Binding("ctrl+o", "plain", "Show plainly", show=False),
    ]

    def __init__(self, desk: Desk, title: str, *, bad: bool = False) -> None:
        super().__init__()
        self.desk = desk
        self.heading = bare(title)
        self.paste = ""
        self._bad = bad
        self._room = 0

    def compose(self) -> ComposeResult:
        """Make the box; what stands in it is up to ``contents``."""
        with Vertical(id="box", classes="bad" if self._bad else ""):
            yield from self.head()
            with VerticalScroll(id="body", can_focus=False):
                yield from self.contents()
            with Vertical(id="below"):
                yield from self.below()
            yield Keys(id="keys")

    def head(self) -> Iterable[Widget]:
        """Return what stands above the body."""
        yield Static(Content(self.heading), id="title")

    def contents(self) -> Iterable[Widget]:
        """Return what stands in the body."""
        yield Written(paragraphs(""), id="text")

    def below(self) -> Iterable[Widget]:
        """Return what stands below the body and is seen however long that is."""
        return ()

    def on_mount(self) -> None:
        """Fit into the screen whenever a part has got another size."""
        self.screen_layout_refresh_signal.subscribe(self, lambda _screen: self.fit())

    def fit(self) -> None:
        """Leave the body as many lines as the rest leaves; what does not fit is scrolled to."""
        rest = [part for part in self.query("#box > *").results(Widget) if part.id != "body" and part.display]
        taken = 2 + sum(part.outer_size.height + part.styles.margin.height for part in rest)
        room = max(3, self.size.height - taken)
        if room != self._room:
            self._room = room
            self.body.styles.max_height = room

    def write(self, *texts: str) -> None:
        """Show paragraphs in the body."""
        self.rewrite(paragraphs(*texts))

    def rewrite(self, write: Writing) -> None:
        """Show something else in the body, from its beginning."""
        self.query_one("#text", Written).rewrite(write)
        self.body.scroll_home(animate=False)

    def keys(self, *keys: Key) -> None:
        """Say which keys there are now."""
        self.query_one("#keys", Keys).show([*keys, *(COPY if self.paste else ())])

    @property
    def body(self) -> VerticalScroll:
        """What scrolls."""
        return self.query_one("#body", VerticalScroll)

    @property
    def gone(self) -> bool:
        """Whether somebody has left it before the answer came."""
        return not self.is_attached

    def action_leave(self) -> None:
        """Give up."""
        self.dismiss(None)

    def action_go(self) -> None:
        """Do what Enter does; nothing, unless a dialog says what."""

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take Enter in a field for Enter."""
        event.stop()
        self.action_go()

    def action_move(self, lines: int) -> None:
        """Scroll by a line."""
        self.body.scroll_relative(y=lines, animate=False)

    def action_leaf(self, pages: int) -> None:
        """Scroll by a page."""
        self.body.scroll_relative(y=pages * max(1, self.body.size.height - 1), animate=False)

    def action_copy(self) -> None:
        """Put what can be taken along into the clipboard, as far as the terminal lets a program do so."""
        if self.paste:
            self.app.copy_to_clipboard(self.paste)
            self.app.notify(
                "Copied. Where the terminal does not let programs copy, ^O shows it plainly.", markup=False
            )

    def action_plain(self) -> None:
        """Show it on the bare terminal, without a box around it, until Enter."""
        if not self.paste:
            return
        try:
            with self.app.suspend():
                _show(self.paste)
        except SuspendNotSupported:
            self.app.notify("This terminal cannot be left for a moment.", severity="warning", markup=False)


def _show(text: str) -> None:
    """Print a text and wait for Enter; Ctrl-C and Ctrl-D lead back as well."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        print(f"\n{text}\n\nEnter goes back to ccflared top.", flush=True)
        input()
    except (EOFError, KeyboardInterrupt):
        pass
    finally:
        signal.signal(signal.SIGINT, before)
