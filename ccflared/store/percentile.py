"""Percentiles from counts of times: between the two bounds of a count, its requests are taken to lie evenly."""

from collections.abc import Sequence

from ccflared.store.measures import BOUNDS


def percentile(counts: Sequence[int], share: float) -> int | None:
    """Return about the milliseconds within which ``share`` of the requests were done; None where there are none.

    ``counts``: of each bound, and those beyond them all, of which no more is known than that they are.
    """
    wanted = share * sum(counts)
    if not wanted:
        return None
    seen = 0
    for count, below, above in zip(counts, (0, *BOUNDS), (*BOUNDS, BOUNDS[-1]), strict=True):
        if count and seen + count >= wanted:
            return round(below + (above - below) * (wanted - seen) / count)
        seen += count
    return BOUNDS[-1]
