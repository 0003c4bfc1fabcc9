"""``ccflared alert``: which alerts there are, that somebody knows of them, and whether the webhook works."""

from time import time
from typing import Final
from urllib.parse import quote

from ccflared.cli.render.alerts import list_lines, read_item
from ccflared.cli.render.document import Json
from ccflared.cli.render.foreign import bare_text
from ccflared.cli.render.layout import Span
from ccflared.cli.render.words import many
from ccflared.cli.status import Question, be_the_right_one, print_json
from ccflared.cli.terminal import stdout, waiting
from ccflared.errors import Refused

_KEPT: Final = 500
"""Alerts that the daemon keeps, and gives at once."""
_NO_WEBHOOK: Final = """\
There is no webhook; add to the file:
  [alerts]
  webhook = { url = { file = "hook.url" } }
(hook.url beside the file has the address, and nobody else may read it.)"""


def listed(question: Question, *, json: bool) -> int:
    """Print the open alerts and the latest of the others. Returns 0. Raises NotRunning, Refused."""
    be_the_right_one(question)
    answer = question.daemon.get(f"/api/insights/alerts?limit={_KEPT}")
    if answer.status != 200 or not isinstance(answer.value, list):
        raise answer.unexpected("alert list")
    if json:
        print_json(answer)
        return 0
    items = [read_item(Json(item)) for item in answer.value if isinstance(item, dict)]
    terminal = stdout()
    terminal.write(list_lines(items, time(), terminal.sheet()))
    return 0


def acknowledge(question: Question, name: str, *, json: bool) -> int:
    """Say that somebody knows of the alert of an id, or of ``all``. Returns 0. Raises NotRunning, Refused."""
    be_the_right_one(question)
    which = "acknowledge-all" if name == "all" else quote(name, safe="")
    answer = question.daemon.post(f"/api/insights/alerts/{which}")
    if answer.status == 404 and name != "all":
        raise Refused(f"There is no alert {bare_text(name)}; ccflared alert list shows those that there are.")
    if answer.status in (400, 403, 409):
        raise Refused(answer.complaint())
    if answer.status != 200 or not isinstance(answer.value, dict):
        raise answer.unexpected("alert acknowledge")
    if json:
        print_json(answer)
        return 0
    told = Json(answer.value)
    if name == "all":
        said = f"Acknowledged {many(told.count('acknowledged'), 'alert')}."
    else:
        said = f"Acknowledged: {told.text('title').rstrip('.')}."
    terminal = stdout()
    terminal.write(terminal.sheet().text(said, indent=0))
    return 0


def test(question: Question, *, json: bool) -> int:
    """Send a test. Returns 0, or 1 where it did not arrive. Raises NotRunning, Refused: without a webhook, too."""
    be_the_right_one(question)
    known = question.daemon.get("/api/insights/alerts/config")
    if known.status == 200 and isinstance(known.value, dict) and known.value.get("webhook", "") is None:
        raise Refused(_NO_WEBHOOK)
    with waiting("sending"):
        answer = question.daemon.post("/api/alerts/test", timeout=120.0)
    if answer.status in (400, 403, 409):
        raise Refused(answer.complaint())
    told = Json(answer.value)
    if answer.status != 200 or not isinstance(answer.value, dict):
        raise answer.unexpected("alert test")
    fine = told.flag("sent", default=False)
    if json:
        print_json(answer)
        return 0 if fine else 1
    terminal = stdout()
    status = told.whole("status")
    answered = "" if status is None else f" and answered {status}"
    if fine:
        said: tuple[Span | str, ...] = (Span("The webhook took the test", "good"), f"{answered}.")
    else:
        why = told.text("error") or (f"it answered {status}" if status is not None else "nobody knows why")
        said = (Span("The test did not arrive", "bad"), f": {why.rstrip('.')}.")
    terminal.write(terminal.sheet().text(*said, indent=0))
    return 0 if fine else 1
