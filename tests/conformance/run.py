"""Plays the cases and prints how many passed; see README.md beside this file."""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from book import BOOK, Category
from cases import Broken, Case, Stage
from subject import ccflared, elsewhere

Opened = Callable[[str], AbstractContextManager[Stage]]


def failure(case: Case, stage: Stage) -> str | None:
    """Play a case; return why it failed."""
    try:
        case.run(stage)
    except Broken as broken:
        return str(broken)
    except Exception as error:  # noqa: BLE001 - an answer that makes the checks stumble is no legal answer either
        return f"{type(error).__name__}: {error}"
    return None


def play(categories: list[Category], opened: Opened, *, verbose: bool) -> int:
    """Print the table and the reasons; return how many cases failed."""
    reasons: list[str] = []
    rows: list[tuple[str, int, int]] = []
    for dialect in ("chat", "messages"):
        if not any(case.upstream == dialect for category in categories for case in category.cases):
            continue
        with opened(dialect) as stage:
            for category in categories:
                cases = [case for case in category.cases if case.upstream == dialect]
                failed = 0
                for case in cases:
                    why = failure(case, stage)
                    if verbose:
                        print("ok  " if why is None else "FAIL", category.name, "-", case.name, flush=True)
                    if why is not None:
                        failed += 1
                        reasons.append(f"{category.name}: {case.name}\n    {why}")
                if cases:
                    rows.append((category.name, len(cases), len(cases) - failed))
    _table(categories, rows)
    print(*reasons, sep="\n")
    return len(reasons)


def _table(categories: list[Category], rows: list[tuple[str, int, int]]) -> None:
    print(f"{'category':34}{'cases':>7}{'passed':>8}")
    for category in categories:
        mine = [row for row in rows if row[0] == category.name]
        print(f"{category.name:34}{sum(row[1] for row in mine):7}{sum(row[2] for row in mine):8}")
    print(f"{'all':34}{sum(row[1] for row in rows):7}{sum(row[2] for row in rows):8}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="categories whose names begin so")
    parser.add_argument("--case", default="", help="cases whose names hold this")
    parser.add_argument("--url", help="judge the proxy that runs there, not ccflared")
    parser.add_argument("--speaks", choices=("chat", "messages"), help="the dialect of that proxy's upstream")
    parser.add_argument(
        "--upstream-port", type=int, default=0, help="the port on which that proxy seeks its upstream"
    )
    parser.add_argument("--key", help="the key which that proxy demands of its clients")
    parser.add_argument("--reset", help="a command that makes that proxy forget what went before")
    parser.add_argument("-v", "--verbose", action="store_true")
    given = parser.parse_args()
    categories = [
        Category(
            category.name,
            [
                case
                for case in category.cases
                if given.case in case.name and given.speaks in (None, case.upstream)
            ],
        )
        for category in BOOK
        if category.name.startswith(given.only)
    ]
    if given.url and not (given.speaks and given.upstream_port):
        parser.error("--url needs --speaks and --upstream-port")
    opened: Opened = _own
    if given.url:
        opened = lambda _: elsewhere(given.url, given.upstream_port, given.key, given.reset)  # noqa: E731 - a name for each
    return 1 if play(categories, opened, verbose=given.verbose) else 0


@contextlib.contextmanager
def _own(dialect: str) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory() as directory, ccflared(Path(directory), dialect) as stage:
        yield stage


if __name__ == "__main__":
    sys.exit(main())
