"""Writes Prometheus' text format 0.0.4. Pure: names, labels and numbers in, text out.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Final, Literal

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
Sample = tuple[Labels, float]

_ESCAPED: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_ESCAPED_IN_HELP: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})
_WHOLE: Final = 2.0**53


class Histogram:
    """Counts how many values are no more than each bound. ``bounds`` ascend; +Inf is added to them."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Of each bound alone: written out they add up."""
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Take in one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Page:
    """Gathers families, each with its help and type, and gives the text of all."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def counter(self, name: str, told: str, samples: Iterable[Sample]) -> None:
        """Add a family of numbers that only grow. The name ends in ``_total``."""
        self._family(name, "counter", told, samples)

    def more(self, name: str, samples: Iterable[Sample]) -> None:
        """Add samples to the family that was added last."""
        for labels, value in samples:
            self._line(name, labels, value)

    def gauge(self, name: str, told: str, samples: Iterable[Sample]) -> None:
        """Add a family of numbers as they are now. One without samples is known by its help alone."""
        self._family(name, "gauge", told, samples)

    def histogram(self, name: str, told: str, histograms: Iterable[tuple[Labels, Histogram]]) -> None:
        """Add a family of histograms. The name ends in the unit."""
        self._head(name, "histogram", told)
        for labels, histogram in histograms:
            bounds = [*map(number, histogram.bounds), "+Inf"]
            total = 0
            for bound, count in zip(bounds, accumulate(histogram.counts), strict=True):
                self._line(f"{name}_bucket", {**labels, "le": bound}, count)
                total = count
            self._line(f"{name}_sum", labels, histogram.sum)
            self._line(f"{name}_count", labels, total)

    def text(self) -> bytes:
        """Return all of it."""
        return "".join(self._lines).encode()

    def _family(
        self, name: str, kind: Literal["counter", "gauge"], told: str, samples: Iterable[Sample]
    ) -> None:
        self._head(name, kind, told)
        self.more(name, samples)

    def _head(self, name: str, kind: str, told: str) -> None:
        told = told.translate(_ESCAPED_IN_HELP)
        self._lines.append(f"# HELP {name} {told}\n# TYPE {name} {kind}\n")

    def _line(self, name: str, labels: Labels, value: float) -> None:
        if labels:
            name = f"{name}{{{_pairs(labels)}}}"
        self._lines.append(f"{name} {number(value)}\n")


def _pairs(labels: Labels) -> str:
    text = ",".join([f'{key}="{given}"' for key, given in labels.items()])
    if "\\" in text or "\n" in text or text.count('"') != 2 * len(labels):
        text = ",".join([f'{key}="{given.translate(_ESCAPED)}"' for key, given in labels.items()])
    return text


def number(value: float) -> str:
    """Return a number as Go reads it: a whole one without a point, as far as a float holds it exactly."""
    if isinstance(value, int):
        return str(value)
    if value != value:  # noqa: PLR0124 - not a number is not even itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value.is_integer() and abs(value) < _WHOLE else repr(value)
