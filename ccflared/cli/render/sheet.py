"""The sheet a text is written on: how wide, with which signs, in which time zone. Pure."""

from dataclasses import dataclass
from datetime import tzinfo

from ccflared.cli.render.layout import UNICODE, Glyphs, Line, Span, wrap


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

    def joined(self, parts: list[str]) -> str:
        """Return short facts on one line with the separator between; each fact is kept together."""
        return self.glyphs.sep.join(part.replace(" ", "\u00a0") if len(part) < 24 else part for part in parts)
