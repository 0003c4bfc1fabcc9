"""``ccflared top``: the daemon on the whole screen, with keys to act on it. The only room that knows textual."""

import os
import sys
from importlib.util import find_spec
from time import time

from ccflared.cli.status import Question, ask, be_the_right_one
from ccflared.cli.terminal import stdout
from ccflared.errors import UsageError

_MISSING = """\
ccflared top needs textual, which is not installed. Where ccflared was installed by pip or pipx:
  pip install 'ccflared[tui]'
  pipx inject ccflared textual
Without it: ccflared status --watch"""
_NOT_FOR_TEXTUAL = ("COLUMNS", "LINES", "TEXTUAL", "TEXTUAL_LOG", "TEXTUAL_DEBUG")
"""It would believe the first two more than the terminal, and by the others write every key down: of secrets, too."""


def top(question: Question) -> int:
    """Run until q. Raises UsageError where textual is missing or there is no terminal, NotRunning, Refused."""
    terminal = stdout()
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError(
            "ccflared top is for a terminal, and this is none: ccflared status --watch, or ccflared status --json"
        )
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        raise UsageError(
            "ccflared top cannot draw on this terminal ($TERM says that it is a dumb one): ccflared status --watch"
        )
    if find_spec("textual") is None:
        raise UsageError(_MISSING)
    be_the_right_one(question)
    answer, snapshot = ask(question.daemon)
    for name in _NOT_FOR_TEXTUAL:
        os.environ.pop(name, None)
    from ccflared.cli.top.app import Top  # noqa: PLC0415 - heavy, and an extra: only when all else is well
    from ccflared.cli.top.feed import day  # noqa: PLC0415 - the same
    from ccflared.cli.top.known import Known  # noqa: PLC0415 - the same
    from ccflared.cli.top.leaving import obey  # noqa: PLC0415 - the same
    from ccflared.cli.top.link import Link  # noqa: PLC0415 - the same

    known = Known(snapshot, time(), day(answer))
    app = Top(Link(question.daemon, question.config), known, terminal.sheet()._replace(rules=True))
    # The screen has to be left in order; whatever the loop does, it wakes up within a second.
    obey(app.exit)
    app.run()
    return app.return_code or 0
