"""What keeps the screen up to date: threads that ask the daemon, or follow its streams, and tell the app.

They are threads of their own: whoever ends the app need not wait for a daemon that does not answer.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from time import monotonic, time
from types import TracebackType
from typing import Final, NamedTuple

from ccflared.cli.client import Answer
from ccflared.cli.render.document import Json
from ccflared.cli.render.foreign import bare
from ccflared.cli.render.snapshot import Snapshot
from ccflared.cli.status import ask
from ccflared.cli.stream import Again, Event, Tick
from ccflared.cli.top.keys import LOGS, REQUESTS
from ccflared.cli.top.known import MOST_REQUESTS, Known
from ccflared.cli.top.link import Link
from ccflared.errors import CcflaredError, NotRunning, Refused

STATUS_EVERY: Final = 2.0
TODAY_EVERY: Final = 10.0
GONE: Final = "The daemon is not there; waiting for it to come back."
RETRY: Final = 3.0
"""Seconds after which a stream that was refused is asked for again."""
_REQUESTS: Final = f"/api/requests?limit={MOST_REQUESTS}"

News = Callable[[Known], None]
"""What has come to be known: takes itself in."""


class Wish(NamedTuple):
    """Figures that the page which is shown needs. ``page``: whose they are."""

    page: str
    path: str
    every: float
    take: Callable[[Known, object], bool]
    """Takes the answer in; False where it was something else."""


class _EndedError(CcflaredError):
    """The app has ended."""


class Feed:
    """The threads. ``tell`` and ``fail`` are called by them, and must not block."""

    def __init__(
        self, link: Link, tell: Callable[[News], None], fail: Callable[[BaseException], None]
    ) -> None:
        self._link = link
        self._tell = tell
        self._fail = fail
        self._over = threading.Event()
        self._hurry = threading.Event()
        self._wished = threading.Event()
        self._wish: Wish | None = None
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name=f"top {name}", daemon=True)
            for name, work in (
                ("status", self._status),
                ("requests", self._requests),
                ("log", self._log),
                ("figures", self._figures),
            )
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Have the threads end, each as soon as it does not wait for the daemon."""
        self._over.set()
        self._hurry.set()
        self._wished.set()

    def join(self, seconds: float) -> bool:
        """Wait until the threads have ended, for so long at most. Returns whether they have."""
        deadline = monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def hurry(self) -> None:
        """Ask for everything at once instead of in a while."""
        self._hurry.set()
        self._wished.set()

    def want(self, wish: Wish | None) -> None:
        """Keep these figures up to date from now on, and no others."""
        if wish is None or self._wish is None or (wish.page, wish.path) != self._wish[:2]:
            self._wish = wish
            self._wished.set()

    def _run(self, work: Callable[[], None]) -> None:
        with _Watched(self._fail):
            try:
                work()
            except _EndedError:
                return

    def _rest(self, seconds: float) -> None:
        """Wait. Raises _EndedError."""
        if self._over.wait(seconds):
            raise _EndedError

    def _status(self) -> None:
        spent_at = 0.0
        while not self._over.is_set():
            hurried = self._hurry.is_set()
            self._hurry.clear()
            try:
                answer, snapshot = ask(self._link.daemon)
                since = day(answer)
                self._tell(partial(_status, snapshot, time(), since))
                if hurried or not spent_at or monotonic() - spent_at >= TODAY_EVERY:
                    spent_at = monotonic()
                    self._tell(partial(_today, self._link.get(f"/api/usage?by=account&since={since:.0f}")))
            except CcflaredError as error:
                self._tell(partial(_gone, GONE if isinstance(error, NotRunning) else str(error)))
            self._hurry.wait(STATUS_EVERY)

    def _requests(self) -> None:
        for event in self._followed("/api/requests/stream", REQUESTS):
            match event:
                case Again():
                    self._tell(partial(_history, self._asked(_REQUESTS)))
                case Event(value={"type": "start"} as value):
                    self._tell(partial(_begun, value))
                case Event(value={"type": "try"} as value):
                    self._tell(partial(_tried, value))
                case Event(value={"type": "summary", "payload": dict(row)}):
                    self._tell(partial(_ended, row))
                case _:
                    pass

    def _log(self) -> None:
        for event in self._followed("/api/logs/stream", LOGS):
            match event:
                case Again():
                    self._tell(partial(_lines, self._asked("/api/logs/history")))
                case Event(id=found, value=dict(value)):
                    self._tell(partial(_lines, [{**value, "id": found} if found else value]))
                case _:
                    pass

    def _followed(self, path: str, page: str) -> Iterator[Again | Event | Tick]:
        """Yield what a stream tells, for ever; why it is refused stands on its page. Raises _EndedError."""
        while True:
            try:
                for event in self._link.follow(path, self._rest):
                    if self._over.is_set():
                        raise _EndedError
                    if isinstance(event, Again):
                        self._tell(partial(_problem, page, ""))
                    yield event
            except (NotRunning, Refused) as error:
                self._tell(partial(_problem, page, str(error)))
            self._rest(RETRY)

    def _asked(self, path: str) -> object:
        """Return what the daemon answers; nothing where it is going again."""
        try:
            answer = self._link.get(path, timeout=30.0)
        except (NotRunning, Refused):
            return None
        return answer.value if answer.status == 200 else None

    def _figures(self) -> None:
        while not self._over.is_set():
            self._wished.clear()
            wish = self._wish
            if wish is not None:
                try:
                    answer = self._link.get(wish.path, timeout=30.0)
                    self._tell(partial(_figures, wish, answer))
                except CcflaredError as error:
                    self._tell(partial(_problem, wish.page, str(error)))
            self._wished.wait(None if wish is None else wish.every)


class _Watched:
    """Tells of an exception that nobody expects: a thread that ends unseen would leave old figures on the screen."""

    def __init__(self, fail: Callable[[BaseException], None]) -> None:
        self._fail = fail

    def __enter__(self) -> None:
        return

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self._fail(error)
        return True


def day(status: Answer) -> float:
    """Return when the day began: by the daemon where it tells, else by this machine."""
    told = Json(status.value).part("today").number("since")
    if told is not None:
        return told
    return datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def _status(snapshot: Snapshot, at: float, since: float, known: Known) -> None:
    known.now(snapshot, at, since)


def _gone(why: str, known: Known) -> None:
    known.gone = bare(why.split("\n", maxsplit=1)[0])


def _today(answer: Answer, known: Known) -> None:
    if answer.status == 200:
        known.spent_today(answer.value)


def _history(rows: object, known: Known) -> None:
    known.history(rows)


def _begun(value: Mapping[str, object], known: Known) -> None:
    known.begun(value)


def _tried(value: Mapping[str, object], known: Known) -> None:
    known.tried(value)


def _ended(row: object, known: Known) -> None:
    known.ended(row)


def _lines(lines: object, known: Known) -> None:
    for line in lines if isinstance(lines, list) else []:
        known.line(line)


def _problem(page: str, why: str, known: Known) -> None:
    known.problems[page] = why


def _figures(wish: Wish, answer: Answer, known: Known) -> None:
    fits = answer.status == 200 and wish.take(known, answer.value)
    known.problems[wish.page] = "" if fits else str(answer.unexpected("these figures"))
