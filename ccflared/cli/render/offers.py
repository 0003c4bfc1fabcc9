"""What the daemon tells of the models that can be asked for, read once. Pure."""

from typing import NamedTuple

from ccflared.cli.render.document import Json


class Price(NamedTuple):
    """USD per million tokens; None: unknown."""

    input: float | None
    output: float | None


class Server(NamedTuple):
    """An account that is for a model, by the name that it has there. ``state`` None: it would serve it now.

    ``listed``: whether its provider lists that model; None: it lists none. ``until`` is the end of a doubt, or of the
    state.
    """

    account: str
    model: str
    price: Price
    listed: bool | None
    state: str | None
    reason: str | None
    until: float | None


class Offer(NamedTuple):
    """A model that can be asked for, and who serves it: ``servers`` now, the next first; ``passed`` cannot now."""

    name: str
    alias: str | None
    source: str
    chain: str | None
    price: Price
    servers: tuple[Server, ...]
    passed: tuple[Server, ...]


class Pattern(NamedTuple):
    """Names that the file speaks of by family or glob, and what each account calls them: "=" as they are."""

    pattern: str
    chain: bool
    called: tuple[tuple[str, tuple[str, ...]], ...]


class Offers(NamedTuple):
    """The whole answer. ``allowed``: the patterns of names that the client may ask for."""

    now: float
    client: str | None
    refusal: str | None
    allowed: tuple[str, ...]
    offers: tuple[Offer, ...]
    more: int
    patterns: tuple[Pattern, ...]
    unchanged_claude: tuple[str, ...]
    unchanged_other: tuple[str, ...]
    unlisted: tuple[str, ...]


def is_offers(value: object) -> bool:
    """Tell whether a JSON value looks like the answer."""
    return isinstance(value, dict) and isinstance(value.get("offered"), list)


def read_offers(value: object) -> Offers:
    """Return what ``/api/models/offered`` gave."""
    top = Json(value)
    unchanged = top.part("unchanged")
    return Offers(
        now=top.number("now") or 0.0,
        client=top.maybe("client"),
        refusal=top.maybe("refusal"),
        allowed=top.texts("allowed"),
        offers=tuple(_offer(item) for item in top.parts("offered")),
        more=top.count("more"),
        patterns=tuple(
            Pattern(
                item.text("pattern"),
                item.flag("chain", default=False),
                tuple((each.text("account"), each.texts("models")) for each in item.parts("accounts")),
            )
            for item in top.parts("patterns")
        ),
        unchanged_claude=unchanged.texts("claude"),
        unchanged_other=unchanged.texts("other"),
        unlisted=top.texts("unlisted"),
    )


def _offer(item: Json) -> Offer:
    return Offer(
        name=item.text("id"),
        alias=item.maybe("alias"),
        source=item.text("source"),
        chain=item.maybe("chain"),
        price=_price(item),
        servers=tuple(_server(each, serves=True) for each in item.parts("accounts")),
        passed=tuple(_server(each, serves=False) for each in item.parts("passed")),
    )


def _server(item: Json, *, serves: bool) -> Server:
    listed = item.raw("listed")
    return Server(
        account=item.text("account"),
        model=item.text("model"),
        price=_price(item),
        listed=listed if isinstance(listed, bool) else None,
        state=None if serves else item.text("state") or "unknown",
        reason=item.maybe("reason"),
        until=item.number("until"),
    )


def _price(item: Json) -> Price:
    price = item.part("price")
    return Price(price.number("input"), price.number("output"))
