"""A daemon in a thread of its own, so that a test of the dashboard reads from top to bottom, without await."""

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any, TypeVar

import httpx
import trio
from stage import Stage, staged

from ccflared.demo.script import Behaviour, Failing, Limited

T = TypeVar("T")

TOKEN = "sesame-open"
ADMIN = f'[admin]\ntoken = "{TOKEN}"\n'
CLIENTS = '[clients.laptop]\nkey = "k-laptop"\n[clients.ci]\nkey = "k-ci"\nbudget = { daily = 5.0 }\n'


@dataclass(slots=True)
class Daemon:
    """A running daemon. ``stage`` is that of all tests; what awaits in it goes through ``run``."""

    stage: Stage
    token: trio.lowlevel.TrioToken
    url: str
    """The dashboard's address."""
    base: str = ""

    def run(self, call: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Have something awaited in the daemon's thread: ``daemon.run(daemon.stage.ask)``."""
        return trio.from_thread.run(call, *arguments, trio_token=self.token)

    def play(self, key: str, *behaviours: Behaviour, then: Behaviour | None = None) -> None:
        """Tell the fake provider what to answer: ``daemon.play("sk-first", Limited(600))``."""
        play = partial(self.stage.provider.play, key, *behaviours, then=then)
        trio.from_thread.run_sync(play, trio_token=self.token)

    def ask(self, *, key: str = "", **more: Any) -> httpx.Response:
        """Send a request as a client does, in a conversation of its own. ``key``: a client's, where there are clients."""
        if key:
            self.stage.headers["x-api-key"] = key
        return self.run(partial(self.stage.fresh, path=f"{self.base}/v1/messages", **more))

    def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Ask the REST API over the control socket."""

        async def called() -> httpx.Response:
            transport = httpx.AsyncHTTPTransport(uds=str(self.stage.running.control.path))
            async with httpx.AsyncClient(transport=transport, timeout=20) as client:
                return await client.request(method, "http://localhost" + path, json=body)

        return self.run(called)

    def rewrite(self, before: str, after: str) -> None:
        """Change the file by hand, and have it in force when this returns."""
        text = self.stage.config.read_text()
        assert before in text
        self.stage.edit(text.replace(before, after))
        answer = self.call("POST", "/api/reload", {"allowLess": True})
        assert answer.status_code == 200, answer.text

    def link(self) -> str:
        """Return what ``ccflared dashboard`` prints."""
        return str(self.call("POST", "/api/session/link").json()["link"])

    def settle(self) -> None:
        """Wait until everything that has happened stands in the history."""
        self.run(self.stage.rows)


@contextmanager
def daemon_at(
    directory: Path,
    *,
    base: str = "",
    stage: Callable[..., AbstractAsyncContextManager[Stage]] = staged,
    **options: Any,
) -> Iterator[Daemon]:
    """Run a daemon until the block ends. ``base``: its base path; ``options`` are those of ``stage``."""
    if base:
        options["server"] = f'base_path = "{base}"\n{options.get("server", "")}'
    born: Queue[tuple[Stage, trio.lowlevel.TrioToken, trio.Event] | BaseException] = Queue()

    async def live() -> None:
        async with stage(directory, **options) as set_up:
            over = trio.Event()
            born.put((set_up, trio.lowlevel.current_trio_token(), over))
            await over.wait()

    def loop() -> None:
        try:
            trio.run(live)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the test waits
            born.put(error)

    thread = threading.Thread(target=loop, name="daemon")
    thread.start()
    first = born.get(timeout=30)
    if isinstance(first, BaseException):
        raise first
    running, token, over = first
    try:
        yield Daemon(running, token, f"{running.url}{base}/", base)
    finally:
        token.run_sync_soon(over.set)
        thread.join(30)
    if not born.empty() and isinstance(last := born.get(), BaseException):
        raise last


def make_busy(daemon: Daemon) -> None:
    """Let things happen that every page has something to show of: models, failovers, faults, limits, a pause."""
    for number in range(12):
        model = ("claude-sonnet-4-5", "claude-opus-4-5", "claude-haiku-4-5")[number % 3]
        daemon.ask(model=model, stream=bool(number % 2))
    daemon.play("sk-first", Failing(529), Failing(529), Failing(529))
    daemon.ask()
    daemon.play("sk-second", Failing(500))
    daemon.play("sk-first", Failing(500))
    daemon.ask()
    daemon.play("sk-first", Limited(1800))
    daemon.ask(stream=True)
    daemon.ask(max_tokens="many")
    daemon.settle()
