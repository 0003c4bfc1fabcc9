"""Where the daemon listens, which file it runs from, and where it keeps its history. For ``status``. Pure."""

from ccflared.cli.render.foreign import bare
from ccflared.cli.render.layout import Line, Span, Style, clip, columns
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.snapshot import Listener, Snapshot
from ccflared.cli.render.verdict import CAUSES, detail_lines
from ccflared.cli.render.words import ago, clock, many, size

PLANES = ("requests", "admin", "metrics")
REACH = {"loopback": "this machine only", "network": "the network", "unix": "local processes"}


def daemon_lines(snapshot: Snapshot, socket: str, sheet: Sheet) -> list[Line]:
    """Return a row for each address, the socket that answered, the file and the history; then a refused edit."""
    heads: list[Span] = []
    facts: list[list[Line]] = []
    for listener in snapshot.listeners:
        heads.append(Span(listener.url or listener.address, "bad" if listener.error else "plain"))
        facts.append(_purpose(listener))
    if not heads:
        heads.append(Span("no address", "warn"))
        facts.append([(Span("nobody can send requests", "warn"),)])
    if socket:
        heads.append(Span(bare(socket)))
        called = f"{snapshot.socket} to the daemon" if snapshot.socket not in ("", bare(socket)) else ""
        facts.append([(Span(fact, "faint"),) for fact in ("for commands", called) if fact])
    source = snapshot.source
    heads.append(Span(source.file or (source.files[0] if source.files else "unknown file")))
    facts.append(_configuration(snapshot, sheet))
    if snapshot.kept.directory:
        heads.append(Span(snapshot.kept.directory))
        facts.append(_history(snapshot))
    clipped = [[(Span(clip(head.text, sheet.width - 2, sheet.glyphs), head.style),)] for head in heads]
    return sheet.beside(columns(clipped), facts, below=6) + _refused(snapshot, sheet)


def _purpose(listener: Listener) -> list[Line]:
    if listener.error:
        return [(Span(f"not open: {listener.error}", "bad"),)]
    serve = ", ".join(sorted(listener.serve, key=lambda plane: PLANES.index(plane) if plane in PLANES else 9))
    reach = REACH.get(listener.reach, listener.reach)
    facts = [serve, f"for {reach}" if reach else "", "TLS" if listener.tls else ""]
    return [(Span(fact, "faint"),) for fact in facts if fact]


def _configuration(snapshot: Snapshot, sheet: Sheet) -> list[Line]:
    source = snapshot.source
    number = "" if source.serial is None else f"number {source.serial} "
    facts = []
    if source.applied_at is not None:
        facts.append(f"{number}since {clock(source.applied_at, snapshot.now, sheet.zone)}")
    if source.cause and source.cause != "start":
        facts.append(CAUSES.get(source.cause, source.cause))
    more = len(source.files) - 1
    if more > 0:
        facts.append(f"and {many(more, 'included file')}")
    return [(Span(fact, "faint"),) for fact in facts]


def _history(snapshot: Snapshot) -> list[Line]:
    kept = snapshot.kept
    facts: list[Line] = [(Span("history", "faint"),)]
    if kept.size is not None:
        of = "" if kept.most is None else f" of {size(kept.most)}"
        style: Style = "warn" if kept.most is not None and kept.size >= kept.most else "faint"
        facts.append((Span(size(kept.size) + of, style),))
    if kept.error:
        facts.append((Span(kept.error, "warn"),))
    return facts


def _refused(snapshot: Snapshot, sheet: Sheet) -> list[Line]:
    refused = snapshot.source.refused
    if refused is None:
        return []
    when = (
        ""
        if refused.at is None
        else f" {ago(refused.at, snapshot.now)}, {clock(refused.at, snapshot.now, sheet.zone)}"
    )
    title = f"{sheet.glyphs.cross} A newer version of the file was refused{when}:"
    lines = sheet.text(Span(title, "bad"), hang=2) + detail_lines(refused, sheet, indent=4)
    if refused.losses:
        lines += sheet.text("If that is meant: ccflared reload --allow-less", indent=4)
    return lines
