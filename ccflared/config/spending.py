"""The sections about money as a whole: [budget] of all accounts, and [price_list], where newer prices come from."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from ccflared.config.accounts import Budget
from ccflared.config.kinds import Choice, KeyPath, Reading
from ccflared.config.net_kinds import Url
from ccflared.config.reach import reach_of_host
from ccflared.config.shapes import takes
from ccflared.config.time_kinds import Duration

SOONEST: Final = 3600.0
"""Seconds that lie between two looks at a price list at least: prices change once in months."""


@dataclass(frozen=True, slots=True)
class WholeBudget(Budget):
    """[budget]: what may be spent in all, in USD. Once it is, what costs money is not used, or with value nothing."""

    counts: Annotated[
        Literal["value", "money"],
        takes(
            Choice("value", "money"),
            "money: what is billed, so that plans go on serving; value: list price, plans included.",
        ),
    ] = "money"


@dataclass(frozen=True, slots=True)
class PriceList:
    """[price_list]: a list of prices that goes before the shipped one, and behind [pricing]."""

    url: Annotated[
        str | None,
        takes(
            Url(exact=True),
            "A list in the shape of models.dev (https://models.dev/api.json) or of LiteLLM; it is asked without any "
            "credential.",
            absent="none: nothing is asked for",
        ),
    ] = None
    refresh: Annotated[float, takes(Duration("24h"), "How often it is looked at; once an hour at most.")] = (
        86400.0
    )


def check_price_list(given: PriceList, path: KeyPath, reading: Reading) -> None:
    """See that nobody on the way can change a list of prices, and that nobody is asked for it too often."""
    parts = urlsplit(given.url or "https://none")
    if parts.scheme != "https" and reach_of_host(parts.hostname or "") != "loopback":
        reading.wrong((*path, "url"), "prices come over https:// only, or from this machine")
    if given.refresh < SOONEST:
        reading.wrong((*path, "refresh"), "a price list is looked at once an hour at most")
