"""How long a search by text takes: over payloads and errors, as many as a busy month leaves.

    python tests/bench/search.py                                100 000 payloads, 500 000 errors (of 10 million rows)
    python tests/bench/search.py --payloads 10000 --errors 50000

Words follow Zipf's law, as those of people do, so that there are words in nearly every payload and words in one. What
is measured is :func:`ccflared.store.search.matching`, connections opened anew each time, as the daemon does it.
"""

import argparse
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ccflared.store.packing import Packed
from ccflared.store.payloads import PayloadFile
from ccflared.store.schema import open_history, open_reader
from ccflared.store.search import matching

VOCABULARY: Final = 60_000
DAY: Final = 86_400.0
NOW: Final = 1_800_000_000.0
BATCH: Final = 64
ROUNDS: Final = 20
SENTENCE: Final = 30
"""Words."""


@dataclass(frozen=True)
class Words:
    """A vocabulary whose n-th word comes up in proportion to 1/n."""

    words: list[str]
    weights: list[float]

    def text(self, dice: random.Random, length: int) -> str:
        """Return a text of so many words."""
        return " ".join(dice.choices(self.words, cum_weights=self.weights, k=length))


def main() -> int:
    """Build the files, search them, print a table."""
    options = _options()
    dice = random.Random(3)
    words = _words(dice)
    with tempfile.TemporaryDirectory(prefix="ccflared-search-", dir=options.directory) as directory:
        history, payloads = Path(directory) / "ccflared.db", Path(directory) / "payloads.db"
        began = time.monotonic()
        _fill_errors(history, words, dice, options.errors)
        _fill_payloads(payloads, words, dice, options.payloads, options.words)
        size = sum(path.stat().st_size for path in Path(directory).iterdir()) / 2**20
        print(f"built in {time.monotonic() - began:.0f} s, {size:.0f} MiB")
        for limit, (name, texts) in itertools.product(options.limit, _questions(words).items()):
            times = [
                _once(history, payloads, text, limit) for text in texts for _ in range(ROUNDS // len(texts))
            ]
            spent = sorted(seconds * 1000 for seconds, _ in times)
            hits = statistics.median(count for _, count in times)
            p95 = spent[int(len(spent) * 0.95) - 1]
            print(f"{name:38} {hits:7.0f} hits  p50 {statistics.median(spent):6.1f} ms  p95 {p95:6.1f} ms")
    return 0


def _once(history: Path, payloads: Path, text: str, limit: int) -> tuple[float, int]:
    began = time.perf_counter()
    with closing(open_reader(history)) as connection:
        found = matching(connection, payloads, text, limit, now=NOW)
    return time.perf_counter() - began, len(found)


def _questions(words: Words) -> dict[str, list[str]]:
    known = words.words
    return {
        "the commonest word": [known[0]],
        "common words (every 10th payload)": known[40:50],
        "rare words": known[30_000:30_010],
        "two common words": [f"{one} {other}" for one, other in zip(known[0:5], known[40:45], strict=True)],
        "a common and a rare word": [
            f"{one} {other}" for one, other in zip(known[0:5], known[9000:9005], strict=True)
        ],
        "a phrase of two common words": [f'"{known[n]} {known[n + 1]}"' for n in range(5)],
        "a beginning of many words": [f"{word[:3]}*" for word in known[100:105]],
        "nothing": ["nowhereatall"],
    }


def _words(dice: random.Random) -> Words:
    made: dict[str, None] = {}
    while len(made) < VOCABULARY:
        made["".join(dice.choices("etaoinshrdlucmfwypvbgkqjxz", k=dice.randint(2, 10)))] = None
    return Words(list(made), list(itertools.accumulate(1 / (rank + 3) for rank in range(VOCABULARY))))


def _fill_errors(path: Path, words: Words, dice: random.Random, count: int) -> None:
    with closing(open_history(path)) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO errors (id, at, text) VALUES (?, ?, ?)",
            ((f"req_e{number:023}", NOW - number / 10, words.text(dice, 12)) for number in range(count)),
        )
        connection.execute("COMMIT")


def _fill_payloads(path: Path, words: Words, dice: random.Random, count: int, length: int) -> None:
    file = PayloadFile(path, patience=1.0)
    rows = _payloads(words, dice, count, length)
    while batch := list(itertools.islice(rows, BATCH)):
        file.insert(batch, 7 * DAY, NOW)
    file.close()


def _payloads(words: Words, dice: random.Random, count: int, length: int) -> Iterator[Packed]:
    blob = dice.randbytes(2000)
    # Sentences come up again and again, as they do in conversations; that also makes them quicker to make.
    sentences = [words.text(dice, SENTENCE) for _ in range(20_000)]
    for number in range(count):
        at = NOW - 6.5 * DAY * (1 - number / count)
        yield Packed(
            f"req_{number:024}",
            at,
            blob,
            blob,
            " ".join(dice.choices(sentences, k=dice.randint(1, 2 * length // SENTENCE))),
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Search by text, timed.")
    parser.add_argument("--payloads", type=int, default=100_000)
    parser.add_argument("--errors", type=int, default=500_000)
    parser.add_argument("--words", type=int, default=600, help="of a payload, on average (default 600)")
    parser.add_argument("--limit", type=int, nargs="+", default=[100, 20_000], help="ids that are asked for")
    parser.add_argument("--directory", type=Path, help="where the files are built")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
