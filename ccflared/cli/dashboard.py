"""``ccflared dashboard``: print an address that opens the dashboard, once where a log-in is asked for."""

from ccflared.cli.render.document import Json
from ccflared.cli.render.foreign import bare_text
from ccflared.cli.render.layout import Line, Span
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.status import Question, be_the_right_one, print_json
from ccflared.cli.terminal import be_writable, stdout
from ccflared.errors import Refused


def dashboard(question: Question, *, json: bool) -> int:
    """Print the address. Returns 0. Raises NotRunning, Refused: also where no browser would be let in."""
    be_the_right_one(question)
    be_writable()
    answer = question.daemon.post("/api/session/link")
    if answer.status == 409:
        # It names the lines to add to the file, each on a line of its own.
        said = answer.value.get("error") if isinstance(answer.value, dict) else None
        message = said.get("message") if isinstance(said, dict) else None
        raise Refused(bare_text(message) if isinstance(message, str) else answer.complaint())
    told = Json(answer.value)
    if answer.status != 200 or not told.text("link"):
        raise answer.unexpected("dashboard")
    terminal = stdout()
    if json:
        print_json(answer)
    elif terminal.interactive:
        terminal.write(_lines(told, terminal.sheet()))
    else:
        # For a program. Not to be handed on as an argument: whoever is on the machine reads those.
        terminal.write([(Span(told.text("link")),)])
    return 0


def _lines(told: Json, sheet: Sheet) -> list[Line]:
    """Return the address, which must stay in one piece, and what to know of it."""
    minutes = (told.number("seconds") or 0) / 60
    once = f"It lets one browser in, once, within {minutes:g} minutes." if minutes else ""
    lines: list[Line] = [(Span(told.text("link"), "strong"),)]
    for remark in (once, told.text("message")):
        if remark:
            lines += sheet.text(Span(remark, "faint"), indent=0)
    return lines
