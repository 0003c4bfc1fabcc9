"""A line to type into."""

from textual.events import Paste
from textual.widgets import Input

from ccflared.cli.render.foreign import bare_text


class Entry(Input):
    """One line; of what is pasted, one line too."""

    def _on_paste(self, event: Paste) -> None:
        """Take the first line of a paste that has something in it, and nothing that a terminal would obey."""
        event.stop()
        event.prevent_default()  # Input would take the first line, whatever it is
        lines = (bare_text(line).strip() for line in event.text.splitlines())
        text = next((line for line in lines if line), "")
        self.replace(text, *sorted(self.selection))
