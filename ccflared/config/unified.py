"""The difference between two texts as unified diffs have it, shown in lines from which secrets have been taken."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

_AROUND = 3
_MOST = 4000
"""Lines that are compared with one another; where more differ, all of them count as replaced."""

Operation = tuple[str, int, int, int, int]


def unified(before: Sequence[str], after: Sequence[str], shown: tuple[Sequence[str], Sequence[str]]) -> str:
    """Return the hunks that lead from one list of lines to the other.

    ``shown``: what is shown of each line of both. Compared are the lines themselves, so that a secret that becomes
    another one is a difference, though both look the same then.
    """
    old, new = shown
    lines: list[str] = []
    for hunk in _hunks(before, after):
        first, last = hunk[0], hunk[-1]
        lines.append(f"@@ -{_extent(first[1], last[2])} +{_extent(first[3], last[4])} @@")
        for tag, a, b, c, d in hunk:
            if tag == "equal":
                lines += [f" {line}" for line in new[c:d]]
            else:
                lines += [f"-{line}" for line in old[a:b]]
                lines += [f"+{line}" for line in new[c:d]]
    return "\n".join(lines)


def _hunks(before: Sequence[str], after: Sequence[str]) -> Iterator[list[Operation]]:
    """Yield groups of what differs with the lines around it. What is equal at both ends need not be compared."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    stop_a, stop_b = len(before) - end, len(after) - end
    if start == stop_a and start == stop_b:
        return
    middle: list[Operation] = [("replace", start, stop_a, start, stop_b)]
    if max(stop_a, stop_b) - start <= _MOST:
        matcher = SequenceMatcher(None, before[start:stop_a], after[start:stop_b], autojunk=False)
        middle = [
            (tag, a + start, b + start, c + start, d + start) for tag, a, b, c, d in matcher.get_opcodes()
        ]
    hunk: list[Operation] = [("equal", max(0, start - _AROUND), start, max(0, start - _AROUND), start)]
    for operation in middle:
        tag, a, b, c, d = operation
        if tag == "equal" and b - a > 2 * _AROUND:
            yield [*hunk, (tag, a, a + _AROUND, c, c + _AROUND)]
            hunk = [(tag, b - _AROUND, b, d - _AROUND, d)]
        else:
            hunk.append(operation)
    behind = min(_AROUND, end)
    yield [*hunk, ("equal", stop_a, stop_a + behind, stop_b, stop_b + behind)]


def _extent(start: int, stop: int) -> str:
    """Return a stretch of lines as the head of a hunk has it: the first, and how many."""
    count = stop - start
    return f"{start + 1 if count else start},{count}"
