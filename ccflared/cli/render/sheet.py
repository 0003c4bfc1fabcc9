"""The sheet a text is written on: how wide, with which signs, in which time zone. Pure."""

from dataclasses import dataclass
from datetime import tzinfo

from ccflared.cli.render.layout import UNICODE, Glyphs, Line, Span, flow, wrap


@dataclass(frozen=True, slots=True)
class Sheet:
    """``rules`` draws thin lines beside headings; ``zone`` None is the time zone of the system."""

    width: int = 80
    glyphs: Glyphs = UNICODE
    rules: bool = False
    zone: tzinfo | None = None

    def heading(self, title: str, note: str = "") -> list[Line]:
        """Return an empty line and a heading."""
        spans = [Span(title, "strong")]
        if note and len(title) + len(note) + 2 <= self.width:
            spans.append(Span("  " + note, "faint"))
        used = sum(len(span.text) for span in spans)
        if self.rules and self.width - used > 4:
            spans.append(Span(" " + self.glyphs.rule * (self.width - used - 1), "faint"))
        return [(), tuple(spans)]

    def text(self, *spans: Span | str, indent: int = 2, hang: int = 0) -> list[Line]:
        """Return a wrapped paragraph, its first line indented by ``indent``, the others by ``hang`` more."""
        line = tuple(span if isinstance(span, Span) else Span(span) for span in spans)
        return wrap(line, self.width, first=" " * indent, rest=" " * (indent + hang))

    def facts(self, *facts: Span | str | Line, label: str = "", indent: int = 2, hang: int = 2) -> list[Line]:
        """Return short facts with separators between, behind a faint label; other lines begin below its end."""
        lines = flow(
            [_line(fact) for fact in facts],
            self.glyphs.sep,
            self.width,
            first=" " * indent + label,
            rest=" " * (indent + (len(label) or hang)),
        )
        if label and lines:
            lines[0] = (Span(" " * indent + label, "faint"), *lines[0][1:])
        return lines


def _line(fact: "Span | str | Line") -> Line:
    if isinstance(fact, str):
        return (Span(fact),)
    return (fact,) if isinstance(fact, Span) else fact
