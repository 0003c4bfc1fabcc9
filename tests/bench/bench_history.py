"""What a history of ten million rows answers, and whether rows are written as quickly beside it.

.venv/bin/python tests/bench/bench_history.py make  /var/tmp/h.db --rows 10000000 --days 90
.venv/bin/python tests/bench/bench_history.py ask   /var/tmp/h.db
.venv/bin/python tests/bench/bench_history.py write /var/tmp/h.db
.venv/bin/python tests/bench/bench_history.py sweep /var/tmp/h.db --most 6GiB
"""

import argparse
import random
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import trio
from history_queries import AT_A_START, DAY, QUESTIONS
from history_rows import make

from ccflared.daemon.books.recorder import Recorder
from ccflared.store import retention
from ccflared.store.requests import recent
from ccflared.store.schema import open_reader
from ccflared.wire import Entry

STEPS = 50


def latest(path: Path) -> tuple[float, Entry]:
    """Return when the latest row is of, and one as an example."""
    with closing(open_reader(path, seconds=600)) as reader:
        (found,) = recent(reader, 1, outcome="complete", origin="client")
        (now,) = reader.execute("SELECT max(at) FROM requests").fetchone()
    return now, found


def percentile(times: list[float], share: float) -> float:
    """Return a percentile in milliseconds."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))] * 1000


def ask(path: Path, rounds: int) -> None:
    """Print what each question takes, each time on a connection of its own, as the daemon does: by clock and in CPU."""
    now, _ = latest(path)
    for name, question in {**QUESTIONS, **AT_A_START}.items():
        times, cpu = [], []
        for _ in range(rounds):
            begun, used = time.perf_counter(), time.thread_time()
            with closing(open_reader(path, seconds=600)) as reader:
                question(reader, now)
            times.append(time.perf_counter() - begun)
            cpu.append(time.thread_time() - used)
        told = [percentile(each, share) for each in (times, cpu) for share in (0.5, 0.95)]
        print(f"| {name} | {' | '.join(f'{each:.1f}' for each in told)} |", flush=True)


async def _insert(recorder: Recorder, example: Entry, rate: float, seconds: float) -> list[float]:
    """Offer rows at a rate; return how long each took to be in the history."""
    took: list[float] = []
    names = random.Random(5)
    end = trio.current_time() + seconds
    while trio.current_time() < end:
        begun = trio.current_time()
        for _ in range(max(1, int(rate / STEPS))):
            recorder.offer(replace(example, id=f"req_{names.getrandbits(96):024x}", at=time.time()))
        await recorder.settled()
        took.append(trio.current_time() - begun)
        await trio.sleep(max(0.0, 1 / STEPS - (trio.current_time() - begun)))
    return took


def _told(what: str, took: list[float]) -> None:
    print(
        f"| {what} | {percentile(took, 0.5):.0f} | {percentile(took, 0.95):.0f} | {percentile(took, 0.99):.0f} "
        f"| {len(took)} |",
        flush=True,
    )


async def write(path: Path, rate: float, seconds: float) -> None:
    """Print how long rows wait to be written, with nobody reading and with two who ask one question after another."""
    now, example = latest(path)
    recorder = Recorder(path)
    over = threading.Event()

    def reads() -> int:
        asked = 0
        while not over.is_set():
            for question in QUESTIONS.values():
                with closing(open_reader(path, seconds=600)) as reader:
                    question(reader, now)
                asked += 1
        return asked

    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        _told("rows, nobody reads", await _insert(recorder, example, rate, seconds))
        async with trio.open_nursery() as readers:
            for _ in range(2):
                readers.start_soon(partial(trio.to_thread.run_sync, reads))
            _told("rows, two read", await _insert(recorder, example, rate, seconds))
            over.set()
        _told("rows, nobody reads again", await _insert(recorder, example, rate, seconds))
        recorder.close()


async def sweep(path: Path, most: int, rate: float) -> None:
    """Delete the oldest rows until the files take ``most`` bytes, with rows written beside it, as the daemon does."""
    now, example = latest(path)
    recorder = Recorder(path)
    took: list[float] = []
    gone = 0

    async def step(piece: Any) -> Any:
        begun = trio.current_time()
        answer = await recorder.between(piece)
        await trio.sleep(trio.current_time() - begun)
        return answer

    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        before = retention.files(path)
        begun = trio.current_time()
        with trio.CancelScope() as writing:
            async with trio.open_nursery() as beside:

                async def insert() -> None:
                    while True:
                        took.extend(await _insert(recorder, example, rate, 1.0))

                beside.start_soon(insert)
                while (await step(retention.pages)).used > most * 0.95:
                    deleted = await step(partial(retention.delete_oldest, before=now - 3600))
                    gone += deleted
                    await step(retention.shrink)
                    if not deleted:
                        break
                while await step(retention.shrink):
                    pass
                await step(retention.empty_log)
                writing.cancel()
        seconds = trio.current_time() - begun
        recorder.close()
    after = retention.files(path)
    print(
        f"{gone} rows in {seconds:.0f} s; {before.total / 2**30:.2f} GiB, then {after.total / 2**30:.2f} GiB"
    )
    _told("rows while it deletes", took)


def main() -> int:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["make", "ask", "write", "sweep"])
    parser.add_argument("database", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--rate", type=float, default=200.0, help="rows a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--most", type=float, default=6.0, help="GiB")
    given = parser.parse_args()
    match given.what:
        case "make":
            make(given.database, given.rows, given.days, time.time() // DAY * DAY)
        case "ask":
            ask(given.database, given.rounds)
        case "write":
            trio.run(write, given.database, given.rate, given.seconds)
        case _:
            trio.run(sweep, given.database, int(given.most * 2**30), given.rate)
    return 0


if __name__ == "__main__":
    sys.exit(main())
