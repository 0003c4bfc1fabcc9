"""The verdict on one version of the configuration, as ``reload`` and ``status`` print it. Pure."""

from ccflared.cli.render.layout import Line, Span, cells, clip
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import Mistake, Verdict
from ccflared.cli.render.words import ago, clock, listed, many

CAUSES = {
    "file": "the file changed",
    "signal": "SIGHUP",
    "command": "ccflared reload",
    "edit": "an edit by REST",
    "start": "the start",
}


def verdict_lines(verdict: Verdict, sheet: Sheet, *, before: Verdict | None = None) -> list[Line]:
    """Return what a reload came to: the sentence, the changes or the mistakes, the warnings.

    ``before`` is the edit that the daemon had taken over by itself when it was asked, if there was one.
    """
    number = "" if verdict.number is None else f" {verdict.number}"
    lines: list[Line] = []
    if before is not None and before.at is not None and verdict.at is not None:
        lines += sheet.text(
            Span("In force already", "good"),
            f": taken over by itself {ago(before.at, verdict.at)}.",
            indent=0,
        )
        for change in before.changes:
            lines += sheet.text(change, indent=2, hang=4)
    elif verdict.applied and not verdict.changes:
        lines += sheet.text(
            Span("Nothing has changed", "good"), "; the configuration in force stays as it is.", indent=0
        )
    elif verdict.applied:
        changes = many(len(verdict.changes), "change")
        lines += sheet.text(
            Span(f"Configuration{number} is in force", "good"), f", with {changes}:", indent=0
        )
    else:
        lines += sheet.text(
            Span(f"Configuration{number} was refused", "bad"),
            f" {_grounds(verdict)}; the one before stays in force.",
            indent=0,
        )
    lines += detail_lines(verdict, sheet)
    if verdict.losses and not verdict.applied:
        lines += sheet.text("If that is meant: ccflared reload --allow-less", indent=0)
    return lines


def detail_lines(verdict: Verdict, sheet: Sheet, *, indent: int = 2) -> list[Line]:
    """Return mistakes, losses, changes and warnings, without the sentence above them."""
    lines: list[Line] = []
    for mistake in verdict.mistakes:
        lines += mistake_lines(mistake, sheet, indent=indent)
    for loss in verdict.losses:
        lines += sheet.text(Span(f"{sheet.glyphs.bullet} "), Span(loss), indent=indent, hang=2)
    for change in verdict.changes:
        lines += sheet.text(change, indent=indent, hang=4)
    if verdict.needs_restart:
        verb = "takes" if len(verdict.needs_restart) == 1 else "take"
        lines += sheet.text(
            Span(f"{listed(list(verdict.needs_restart))} {verb} effect after a restart.", "warn"),
            indent=indent,
        )
    for warning in verdict.warnings:
        lines += sheet.text(Span("Warning: ", "warn"), warning, indent=indent, hang=2)
    return lines


def mistake_lines(mistake: Mistake, sheet: Sheet, *, indent: int = 0, excerpt: int = 2) -> list[Line]:
    """Return ``FILE:LINE:COLUMN: message``, the line of the file and the caret below it, indented by ``excerpt``."""
    place = f"{mistake.place}: " if mistake.place else ""
    lines = sheet.text(Span(place, "strong"), Span(mistake.message), indent=indent, hang=2)
    return lines + _excerpt(mistake.excerpt, sheet, indent + excerpt)


def log_lines(verdicts: list[Verdict], now: float, sheet: Sheet) -> list[Line]:
    """Return the history of verdicts, the newest first."""
    if not verdicts:
        return sheet.text("No configuration has been judged since the start.", indent=0)
    lines: list[Line] = []
    for verdict in verdicts:
        number = "" if verdict.number is None else f"{verdict.number}"
        at = "" if verdict.at is None else f"{clock(verdict.at, now, sheet.zone)}, {ago(verdict.at, now)}"
        word = Span("in force", "good") if verdict.applied else Span("refused", "bad")
        cause = CAUSES.get(verdict.cause, verdict.cause)
        facts = [Span(part, "faint") for part in (at, cause) if part]
        lines += sheet.facts((word,), *facts, indent=0, hang=5, label=f"{number:>3}  ")
        if verdict.applied and not verdict.changes and verdict.cause != "start":
            lines += sheet.text(Span("nothing changed", "faint"), indent=5)
        # What is not wrong but should be known stands in each; once is enough.
        told = verdict if verdict is verdicts[0] else verdict._replace(warnings=())
        lines += detail_lines(told, sheet, indent=5)
    return sheet.fit(lines)


def _grounds(verdict: Verdict) -> str:
    if verdict.mistakes:
        return f"for {many(len(verdict.mistakes), 'mistake')}"
    if verdict.losses:
        return "because it would take something away"
    return "by the daemon"


def _excerpt(excerpt: tuple[str, ...], sheet: Sheet, indent: int) -> list[Line]:
    """Return the excerpt, moved to the left where its caret would stand outside."""
    if not excerpt:
        return []
    room = max(10, sheet.width - indent)
    caret = next((line.index("^") for line in excerpt if _points(line)), 0)
    shift = max(0, caret - room * 2 // 3) if max(cells(line) for line in excerpt) > room else 0
    lines: list[Line] = []
    for line in excerpt:
        text = line[shift:]
        if shift and line[:shift].strip():
            text = sheet.glyphs.cut + text[1:]
        lines.append(
            (Span(" " * indent), Span(clip(text, room, sheet.glyphs), "warn" if _points(line) else "faint"))
        )
    return lines


def _points(line: str) -> bool:
    return "^" in line and set(line.strip()) <= set("^~")
