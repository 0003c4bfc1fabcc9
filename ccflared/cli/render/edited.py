"""What an edit of the file would do, or why it was refused: the answers of the REST API's edits, to be read. Pure."""

import re
from typing import Final

from ccflared.cli.render.document import Json
from ccflared.cli.render.foreign import bare, bare_lines, bare_text
from ccflared.cli.render.layout import Line, Span, Style
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import is_verdict, read_verdict
from ccflared.cli.render.verdict import detail_lines

_FIRST: Final = re.compile(r".*?\.(?= |$)")
_FOR_CLIENTS: Final = ' If that is meant: "allowLess": true.'
"""How the API goes on for programs, where a person is asked instead."""


def preview_lines(value: object, sheet: Sheet) -> list[Line]:
    """Return what an edit would do, as ``?preview=true`` answers it: what is in its way, the changes, the diffs."""
    told = Json(value)
    diffs = told.parts("diffs")
    if not diffs:
        return sheet.text("It is so already; nothing would be written.", indent=0)
    lines: list[Line] = []
    if obstacle := told.maybe("obstacle"):
        lines += _by_hand(obstacle, toml_of(value), diffs[0].text("file"), sheet)
        return lines
    for warning in told.texts("warnings"):
        lines += sheet.text(Span("Warning: ", "warn"), warning, indent=0, hang=2)
    for each in diffs:
        lines += (
            [(), *sheet.text(Span(each.text("file"), "faint"), indent=0)]
            if lines
            else [*sheet.text(Span(each.text("file"), "faint"), indent=0)]
        )
        lines += diff_lines(each.raw("diff"))
    return lines


def diff_lines(diff: object) -> list[Line]:
    """Return a unified diff, what comes and what goes in their colours; the signs say the same without any."""
    text = bare_text(diff) if isinstance(diff, str) else ""
    lines: list[Line] = []
    for line in text.split("\n"):
        if line.startswith(("--- ", "+++ ")) and len(lines) < 2 and not lines:
            continue
        styles: dict[str, Style] = {"+": "good", "-": "bad", "@": "faint"}
        lines.append((Span(line, styles.get(line[:1], "plain")),))
    while lines and not lines[-1][0].text:
        lines.pop()
    return lines


def refusal_lines(value: object, sheet: Sheet) -> list[Line]:
    """Return why an edit was refused, and by which mistakes; with the TOML to write by hand, where there is some."""
    told = Json(value)
    said = told.text("message").removesuffix(_FOR_CLIENTS)
    if told.text("kind") == "not writable":
        return _by_hand(said, toml_of(value), told.text("file"), sheet)
    verdict = told.raw("verdict")
    if is_verdict(verdict):
        read = read_verdict(verdict)
        return [*sheet.text(Span(said, "bad"), indent=0), *detail_lines(read, sheet)]
    mistakes, losses = told.texts("mistakes"), told.texts("losses")
    listed = losses or mistakes
    if losses:
        said = "Something would go that nobody loses by accident:"
    elif mistakes and (first := _FIRST.match(said)):
        said = first[0]
    lines = sheet.text(Span(said, "bad"), indent=0)
    for each in listed:
        lines += sheet.text(Span(f"{sheet.glyphs.bullet} "), each, hang=2)
    if (toml := toml_of(value)) and mistakes:
        lines += [(), *sheet.text("This was to be written:", indent=0), *_toml(toml)]
    return lines


def toml_of(value: object) -> str:
    """Return the TOML that an answer gives to be written by hand, as it is to be pasted; "" where there is none."""
    toml = Json(value).raw("toml")
    return bare_text(toml).strip("\n") if isinstance(toml, str) else ""


def message_of(value: object) -> str:
    """Return the sentence of an answer, "" where it has none."""
    message = Json(value).raw("message")
    return bare(message) if isinstance(message, str) else ""


def _by_hand(why: str, toml: str, file: str, sheet: Sheet) -> list[Line]:
    lines = sheet.text(Span("The daemon may not write the file", "warn"), f": {why}", indent=0)
    if toml:
        into = f", into {file}" if file else ""
        lines += [(), *sheet.text(f"Write it by hand{into}:", indent=0), (), *_toml(toml)]
    return lines


def _toml(toml: str) -> list[Line]:
    """Return TOML in whole lines: one that is broken could not be pasted."""
    return [(Span(line, "strong"),) for line in bare_lines(toml, limit=2000)]
