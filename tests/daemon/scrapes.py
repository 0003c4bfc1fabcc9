"""Reads /metrics as Prometheus does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from stage import Stage


@dataclass(frozen=True)
class Scrape:
    """One answer of /metrics, taken apart."""

    text: str
    families: dict[str, Metric]

    def samples(self) -> Iterator[tuple[str, frozenset[tuple[str, str]], float]]:
        """Yield each line: its name, its labels, its value."""
        for family in self.families.values():
            for sample in family.samples:
                yield sample.name, frozenset(sample.labels.items()), sample.value

    def value(self, name: str, /, **labels: str) -> float:
        """Return the one value under a name with exactly these labels."""
        (value,) = [v for n, given, v in self.samples() if n == name and dict(given) == labels]
        return value

    def total(self, name: str, /, **labels: str) -> float:
        """Return the sum of all values under a name that have these labels among theirs."""
        wanted = set(labels.items())
        return sum(v for n, given, v in self.samples() if n == name and wanted <= given)


def parsed(text: str) -> Scrape:
    """Take an answer apart. Raises ValueError where it is not in the format."""
    families: dict[str, Metric] = {}
    for family in text_string_to_metric_families(text):
        assert family.name not in families, f"{family.name} twice"
        families[family.name] = family
    return Scrape(text, families)


async def scraped(stage: Stage, **headers: Any) -> Scrape:
    """Scrape a daemon that may be scraped."""
    answer: httpx.Response = await stage.client.get(stage.url + "/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    return parsed(answer.text)
