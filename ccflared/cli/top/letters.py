"""What is drawn on a terminal that has ASCII alone: textual's boxes, bars and arrows become letters as wide."""

from typing import Final

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from ccflared.cli.render.layout import cells

_BOX: Final = dict.fromkeys("╭╮╰╯┌┐└┘", "+") | dict.fromkeys("─━", "-") | dict.fromkeys("│┃▏▎▍▕", "|")
_BLOCKS: Final = dict.fromkeys("▁▂▃▄▅▆▇█▀▔▉▊▋▌▐", "#")
_SIGNS: Final = {"\u00a0": " ", "•": "*", "·": "|", "…": ".", "↑": "^", "↓": "v", "←": "<", "→": ">"}
_LETTERS: Final = _BOX | _BLOCKS | _SIGNS


class AsciiOnly(LineFilter):
    """Lets nothing else reach the terminal, whoever draws it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments in ASCII, each as wide as it was."""
        del background
        return [
            segment if segment.text.isascii() else Segment(plainly(segment.text), segment.style)
            for segment in segments
        ]


def plainly(text: str) -> str:
    """Return a text in ASCII that takes as many cells; what has no likeness is so many question marks."""
    return "".join(
        letter if letter.isascii() else _LETTERS.get(letter) or "?" * cells(letter) for letter in text
    )
