"""``GET /api/config/settings``: the sections that REST may write, as the file has them, and what each key does."""

from typing import Any, Final

from ccflared.api.calls import Call, reply
from ccflared.api.config_edits import RETENTION
from ccflared.api.key_words import KEY, key
from ccflared.api.route import Route
from ccflared.api.schemas import each, many, record, told
from ccflared.config.effective import as_given
from ccflared.config.model import Price, Routing, Storage, WholeBudget
from ccflared.config.shapes import Table
from ccflared.daemon.answers import Reply

_SECTIONS: Final[dict[str, Table[Any]]] = {
    "routing": Table(Routing),
    "storage": Table(Storage),
    "budget": Table(WholeBudget),
}


async def settings(call: Call) -> Reply:
    """Answer routing, retention, budget and prices: what the file says, what counts else, and what each key does."""
    loaded = call.running.house.world.loaded
    told: dict[str, Any] = {}
    for name, table in _SECTIONS.items():
        held = getattr(loaded.config, name)
        fields = {
            word: field for word, field in table.fields.items() if name != "storage" or word in RETENTION
        }
        told[name] = {
            "settings": {
                word: as_given(field.key.kind, getattr(held, field.attribute))
                for word, field in fields.items()
                if (name, word) in loaded.places
            },
            "defaults": {word: as_given(field.key.kind, field.default) for word, field in fields.items()},
            "keys": [key(word, field, editable=True) for word, field in fields.items()],
        }
    prices = Table(Price)
    told["pricing"] = {
        "settings": {model: as_given(prices, price) for model, price in loaded.config.pricing.items()},
        "keys": [key(word, field, editable=True) for word, field in prices.fields.items()],
    }
    return reply(200, told)


_VALUES: Final = {"type": "object"}
_SECTION: Final = record(
    {"settings": told(_VALUES, "As the file has them."), "defaults": _VALUES, "keys": many(KEY)}
)

ROUTES: Final = (
    Route(
        "GET",
        "/api/config/settings",
        settings,
        "Routing, retention, budget and prices: what the file says, what counts else, and what each key does.",
        gives={
            200: record(
                {
                    **each(_SECTION, "routing storage budget"),
                    "pricing": record(
                        {"settings": told(_VALUES, "By model, USD per million tokens."), "keys": many(KEY)}
                    ),
                }
            )
        },
    ),
)
