"""Whether the accounts and clients that requests are looked for by are there, and which may have been meant."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from ccflared.cli.render.foreign import bare_text
from ccflared.cli.status import Question, ask
from ccflared.cli.terminal import complain
from ccflared.errors import UsageError

_FEW: Final = 12
"""Names that are listed where none is like the one that was typed."""


def see_that_names_are_known(question: Question, account: str | None, client: str | None) -> None:
    """Say on stderr which name is one of the past. Raises UsageError for one that never was; NotRunning, Refused."""
    if account is None and client is None:
        return
    _, snapshot = ask(question.daemon)
    _see(question, "account", account, [each.name for each in snapshot.accounts])
    _see(question, "client", client, [each.name for each in snapshot.clients])


def _see(question: Question, what: str, name: str | None, known: Sequence[str]) -> None:
    if name is None or name in known:
        return
    answer = question.daemon.get(f"/api/requests?{urlencode({'limit': 1, what: name})}", timeout=30.0)
    if answer.status != 200 or not isinstance(answer.value, list):
        return  # what is asked for next says why
    if answer.value:
        complain(f"The configuration has no {what} {bare_text(name)} now; the history has.")
        return
    import difflib  # noqa: PLC0415 - only for who mistyped

    close = difflib.get_close_matches(name, known, n=1)
    there = f"; there is: {', '.join(known)}" if 0 < len(known) <= _FEW else ""
    hint = f"; did you mean {close[0]}?" if close else there
    raise UsageError(f"ccflared requests: there is no {what} {bare_text(name)}{hint}")
