"""What the dashboard asks: how long each question takes with a large history, and what it costs requests meanwhile.

    python tests/bench/dashboard.py questions HISTORY.db     each question of the REST API, on a file of history_rows.py
    python tests/bench/dashboard.py beside [HISTORY.db]      requests with and without a dashboard that asks and asks

The second needs Linux and a C compiler, like speed.py.
"""

import argparse
import datetime as dt
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, get_args
from urllib.request import urlopen

from bench_daemon import Daemon, daemon
from history_rows import make
from speed import CASES, Sample, build, run, upstream

from ccflared.store.analytics import PARTS, RANGES, Asked, analytics
from ccflared.store.caching import caching
from ccflared.store.counted import accounts_counted, clients_counted
from ccflared.store.failures import failures
from ccflared.store.listing import Wanted, detail, listed
from ccflared.store.overview import overview
from ccflared.store.schema import open_reader
from ccflared.store.spans import DAY, Picked, span
from ccflared.store.traffic import traffic
from ccflared.store.usage import By, usage

ROOT: Final = Path(__file__).parents[2]
NOWHERE: Final = Path("/nowhere")
ASKED: Final = (
    "/api/analytics?range=6h",
    "/api/requests?limit=1000",
    "/api/analytics?range=30d&modelBreakdown=true",
    "/api/stats",
    "/api/accounts",
)
Question = Callable[[Any], object]


def questions(newest: float) -> Iterator[tuple[str, Question]]:
    """Yield what the dashboard asks, by name."""
    zone, one = dt.UTC, Picked(accounts=("account1",), models=("claude-model-0-20260630",))
    for name in RANGES:
        whole = Asked(name, newest, zone)
        yield f"analytics {name}", partial(analytics, asked=whole)
        if name not in ("90d", "1y"):
            yield f"analytics {name}, by model", partial(analytics, asked=replace(whole, by_model=True))
            yield (
                f"analytics {name}, one account and model",
                partial(analytics, asked=replace(whole, picked=one)),
            )
    shown = frozenset({"shares", "latency"})
    filters = {
        "one project": Picked(projects=("project-07",)),
        "one client": Picked(clients=("client3",)),
        "one account": Picked(accounts=("account1",)),
        "one client and project": Picked(clients=("client7",), projects=("project-07",)),
    }
    for name in ("6h", "24h", "7d", "30d", "90d"):
        for words, picked in {"all": Picked(), **filters}.items():
            asked = Asked(name, newest, zone, picked, parts=shown)
            yield f"analytics {name}, {words}: shares", partial(analytics, asked=asked)
            rest = replace(asked, parts=frozenset(PARTS) - shown)
            yield f"analytics {name}, {words}: the rest", partial(analytics, asked=rest)
    for name in ("24h", "90d"):
        seconds, step, _ = RANGES[name]
        over = span(seconds, step, newest, zone)
        yield f"errors {name}", partial(failures, over=over, picked=Picked())
        yield f"errors {name}, one project", partial(failures, over=over, picked=filters["one project"])
    yield "stats", partial(overview, days=30, errors_since=newest - DAY, now=newest, zone=zone)
    for by in get_args(By):
        yield f"usage 7d by {by}", partial(usage, by=by, since=newest - 7 * DAY, until=newest, zone=zone)
    over = span(30 * DAY, DAY, newest, zone)
    yield "insights/cache 30d", partial(caching, over=over, saving=lambda _model, _sums: 1.0)
    yield (
        "accounts",
        partial(accounts_counted, sessions={f"account{number}": newest - 5 * 3600 for number in range(6)}),
    )
    yield "api-keys", clients_counted
    yield "status", partial(traffic, since=newest - 3600, now=newest)
    for wanted in (
        Wanted(),
        Wanted(limit=1000),
        Wanted(account="account1", client="client3"),
        Wanted(status="error"),
        Wanted(status="529", since=newest - DAY),
        Wanted(project="project-07", status="success"),
        Wanted(before=newest - 60 * DAY, limit=100),
    ):
        yield f"requests {_short(wanted)}", partial(listed, wanted=wanted, payloads=NOWHERE, now=newest)


def _short(wanted: Wanted) -> str:
    given = {field.name: getattr(wanted, field.name) for field in fields(wanted)}
    usual = Wanted()
    return " ".join(
        f"{name}={value:.12}" if isinstance(value, str) else f"{name}={value:.0f}"
        for name, value in given.items()
        if value != getattr(usual, name)
    )


def ask(database: Path, rounds: int) -> None:
    """Ask every question in turn, each on a connection of its own, as the daemon does; print how long it took."""
    with closing(open_reader(database, seconds=60)) as reader:
        ((newest, rows),) = reader.execute("SELECT max(at), max(rowid) FROM requests").fetchall()
        (hours,) = reader.execute("SELECT count(*) FROM hours").fetchone()
        (days,) = reader.execute("SELECT count(*) FROM days").fetchone()
        ((some,),) = reader.execute("SELECT id FROM requests ORDER BY at DESC LIMIT 1 OFFSET 500").fetchall()
    print(f"{rows} rows, {hours} of hours, {days} of days; {rounds} rounds; milliseconds\n")
    every = [*questions(newest), ("request", lambda c: detail(c, some, NOWHERE, newest))]
    took: dict[str, list[float]] = {name: [] for name, _ in every}
    spent: dict[str, list[float]] = {name: [] for name, _ in every}
    for _ in range(rounds):
        for name, question in every:
            begun, worked = time.perf_counter(), time.thread_time()
            with closing(open_reader(database, seconds=60)) as reader:
                found = question(reader)
                if not isinstance(found, bytes):
                    json.dumps(found, default=str)
            took[name].append((time.perf_counter() - begun) * 1000)
            spent[name].append((time.thread_time() - worked) * 1000)
    for name, many in took.items():
        many.sort()
        print(
            f"{name:48} p50 {statistics.median(many):6.1f}   p95 {many[int(0.95 * len(many))]:6.1f}   CPU {statistics.median(spent[name]):6.1f}"
        )


def beside(database: Path | None, rounds: int, connections: int) -> int:
    """Measure requests alone, and while a dashboard asks one thing after the other; print both."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        print("skipped: the load tools need Linux and a C compiler (cc)")
        return 0
    case = next(case for case in CASES if case.name == f"json-c{connections}")
    with tempfile.TemporaryDirectory(prefix="ccflared-dashboard-") as directory, ExitStack() as stack:
        place = Path(directory)
        tools = build(compiler, place)
        state = place / "state"
        state.mkdir(mode=0o700)
        if database is None:
            make(state / "ccflared.db", 300_000, 90, time.time(), told=False)
        else:
            shutil.copy(database, state / "ccflared.db")
        (state / "ccflared.db").chmod(0o600)
        port = stack.enter_context(upstream(tools / "fakeup", None))
        running = stack.enter_context(daemon(place, port, ["first", "second"], source=ROOT))
        found: dict[str, list[Sample]] = {"alone": [], "beside": []}
        for _ in range(rounds):
            found["alone"].append(run(case, running, tools, port, None))
            with _Dashboard(running) as dashboard:
                found["beside"].append(run(case, running, tools, port, None))
            print(
                f"the dashboard got {dashboard.answers} answers, p50 {dashboard.middle():.0f} ms", flush=True
            )
    for name, samples in found.items():
        figures = [sample.figures(case) for sample in samples]
        print(name, *(f"{key} {statistics.median(each[key] for each in figures):.3g}" for key in figures[0]))
    return 1 if any(sample.bad for samples in found.values() for sample in samples) else 0


class _Dashboard:
    """A thread that asks one question after the other, without a pause."""

    def __init__(self, running: Daemon) -> None:
        self._url = f"http://127.0.0.1:{running.port}"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._took: list[float] = []

    @property
    def answers(self) -> int:
        return len(self._took)

    def middle(self) -> float:
        return statistics.median(self._took or [0.0]) * 1000

    def _ask(self) -> None:
        while not self._over.is_set():
            for path in ASKED:
                begun = time.perf_counter()
                with urlopen(self._url + path, timeout=20) as answer:  # noqa: S310 - ours
                    answer.read()
                self._took.append(time.perf_counter() - begun)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def main() -> int:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description="What the dashboard asks, and what it costs.")
    parser.add_argument("what", choices=("questions", "beside"))
    parser.add_argument("history", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, choices=(1, 16), default=1)
    options = parser.parse_args()
    if options.what == "beside":
        return beside(options.history, options.rounds, options.connections)
    if options.history is None:
        parser.error("questions needs a history")
    ask(options.history, options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
