"""``ccflared models``: what can be asked for, who would serve it, and what it costs. Pure."""

from collections.abc import Sequence

from ccflared.cli.render.accounts import LONGEST_REASON, NAME_CELLS
from ccflared.cli.render.layout import Line, Span, Style, clip, columns
from ccflared.cli.render.offers import Offer, Offers, Pattern, Server
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import ahead, count, listed

_MODEL_CELLS = 44
_PRICES = (
    "USD per million tokens in and out, by list price; accounts in the order in which they would be asked",
    "USD per million tokens in and out, by list price",
    "USD per million in and out",
)
"""What the columns are, in as many words as there is room for."""


def model_lines(offers: Offers, sheet: Sheet) -> list[Line]:
    """Return the models that are served now, those that nobody would serve now and why, and what else may be asked."""
    lines: list[Line] = []
    if offers.refusal is not None:
        lines += sheet.text(
            Span(f"{offers.client} would be told now: ", "warn"), offers.refusal, indent=0, hang=2
        )
    if _has_nobody(offers):
        return sheet.fit(lines + sheet.text(*_nobody(offers), indent=0))
    served = [each for each in offers.offers if each.servers]
    told = [each for each in served if each.source != "prices"]
    known = [each for each in served if each.source == "prices"]
    idle = [each for each in offers.offers if not each.servers]
    if not offers.offers:
        lines += sheet.text(*_nameless(offers), indent=0)
    if told:
        lines += _heading("Models", _PRICES, sheet) + _served(told, sheet)
    if known:
        note = "by the table of prices alone; no list names them, and they are passed on"
        lines += _heading("Known", (note,) if told else _PRICES, sheet) + _served(known, sheet)
    if idle:
        lines += _heading("Nobody would serve now", () if served else _PRICES, sheet)
        lines += _idle(idle, offers.now, sheet)
    if offers.patterns:
        lines += sheet.heading("Names by pattern", "of the file") + _patterns(offers.patterns, sheet)
    lines += _remarks(offers, sheet)
    return sheet.fit(lines[1:] if lines and not lines[0] else lines)


def _heading(title: str, notes: Sequence[str], sheet: Sheet) -> list[Line]:
    """Return a heading with the first of ``notes`` that there is room for."""
    fits = (note for note in notes if len(title) + len(note) + 2 <= sheet.width)
    return sheet.heading(title, next(fits, ""))


def _has_nobody(offers: Offers) -> bool:
    """Whether no account is there to be asked at all."""
    named = offers.offers or offers.patterns or offers.unlisted
    return not (named or offers.unchanged_claude or offers.unchanged_other)


def _nobody(offers: Offers) -> Sequence[Span | str]:
    if offers.client is not None:
        return (
            f"There is no account that {offers.client} may use, so there is nothing that it can ask for.",
        )
    add = Span("ccflared account add NAME --provider P", "strong")
    return "There is no account yet, so there is nothing to ask for. ", add, " adds one."


def _nameless(offers: Offers) -> Sequence[Span | str]:
    """Say that no model is known by its name, and why any may be asked for all the same."""
    if any(each.pattern == "*" for each in offers.patterns):
        return (
            "No model is known by its name, and none needs to be: any name is served, as the patterns say.",
        )
    if offers.allowed not in ((), ("*",)):
        return (f"Of the models that are known, {offers.client} may ask for none.",)
    return (
        "No model is known by its name: no provider lists any, and the file maps none. ",
        "What the provider itself takes can be asked for: ",
        Span("ccflared explain NAME", "strong"),
        " says who would serve it now.",
    )


def _served(offers: Sequence[Offer], sheet: Sheet) -> list[Line]:
    facts: list[list[Line]] = []
    for each in offers:
        own = [
            _server(server, each, sheet, first=not number)
            for number, server in enumerate(_grouped(each.servers))
        ]
        facts.append(own + ([(Span(f"chain for {each.chain}", "faint"),)] if each.chain else []))
    return sheet.beside(_heads(offers, sheet), facts)


def _heads(offers: Sequence[Offer], sheet: Sheet, style: Style | None = None) -> list[Line]:
    rows: list[list[Line]] = [
        [
            (Span(clip(each.name, _MODEL_CELLS, sheet.glyphs), style or "strong"),),
            (_usd(each.price.input, style),),
            (_usd(each.price.output, style),),
        ]
        for each in offers
    ]
    return columns(rows, right=frozenset({1, 2}))


def _grouped(servers: Sequence[Server]) -> list[tuple[Server, ...]]:
    """Return servers by account: one that has several names for a model is asked by each in turn."""
    found: list[tuple[Server, ...]] = []
    for each in servers:
        if found and found[-1][0].account == each.account:
            found[-1] = (*found[-1], each)
        else:
            found.append((each,))
    return found


def _server(servers: tuple[Server, ...], offer: Offer, sheet: Sheet, *, first: bool) -> Line:
    """Return an account, by which names it has the model, and what is to be known of it there."""
    head = servers[0]
    spans = [Span(clip(head.account, NAME_CELLS, sheet.glyphs), "strong" if first else "plain")]
    names = [clip(each.model, _MODEL_CELLS, sheet.glyphs) for each in servers]
    if names != [offer.name]:
        spans.append(Span(f" as {', '.join(names)}"))
    notes = []
    if head.price != offer.price:
        notes.append(f"{_amount(head.price.input)} / {_amount(head.price.output)}")
    if all(each.listed is False for each in servers):
        notes.append("not in its list")
    if notes:
        spans.append(Span(f" ({', '.join(notes)})", "faint"))
    if head.until is not None:
        spans.append(Span(", in doubt", "warn"))
    return tuple(spans)


def _idle(offers: Sequence[Offer], now: float, sheet: Sheet) -> list[Line]:
    """Return those that nobody would serve now, greyed, each with the reason; one that all share stands above them."""
    whys = [_whys(each, now, sheet) for each in offers]
    lines: list[Line] = []
    if len(offers) > 1 and all(why == whys[0] for why in whys):
        lines = sheet.facts(*whys[0])
        whys = [[] for _ in offers]
    return lines + sheet.beside(_heads(offers, sheet, "faint"), whys)


def _whys(offer: Offer, now: float, sheet: Sheet) -> list[Line]:
    if not offer.passed:
        why = (
            f"no account is for it in the chain for {offer.chain}" if offer.chain else "no account is for it"
        )
        return [(Span(why, "faint"),)]
    return [(Span(_why(each, now, sheet), "faint"),) for each in offer.passed]


def _why(server: Server, now: float, sheet: Sheet) -> str:
    state, reason = server.state or "", clip(server.reason or "", LONGEST_REASON, sheet.glyphs)
    said = reason if reason.startswith(state) else f"{state}: {reason}"
    if server.until is not None and server.until > now:
        said += f", again {ahead(server.until, now)}"
    return f"{clip(server.account, NAME_CELLS, sheet.glyphs)} {said if reason else state}"


def _patterns(patterns: Sequence[Pattern], sheet: Sheet) -> list[Line]:
    heads = [[(Span(clip(each.pattern, _MODEL_CELLS, sheet.glyphs), "strong"),)] for each in patterns]
    facts: list[list[Line]] = []
    for each in patterns:
        own: list[Line] = []
        for account, models in each.called:
            names = ", ".join("the same" if model == "=" else model for model in models)
            said = "" if models == ("=",) else f" as {clip(names, _MODEL_CELLS, sheet.glyphs)}"
            own.append((Span(clip(account, NAME_CELLS, sheet.glyphs)), Span(said)))
        facts.append(own + ([(Span("a chain", "faint"),)] if each.chain else []))
    return sheet.beside(columns(heads), facts)


def _remarks(offers: Offers, sheet: Sheet) -> list[Line]:
    """Return what else there is to know, a sentence each."""
    said: list[str] = []
    if offers.more:
        said.append(f"There are {count(offers.more)} models more.")
    if offers.allowed not in ((), ("*",)):
        said.append(f"{offers.client} may ask for {listed(list(offers.allowed))}, and for nothing else.")
    said += _others(offers)
    aliases = [each.alias for each in offers.offers if each.alias]
    if aliases:
        said.append(
            "Claude Code shows only names that begin with claude. The others are listed for it with claude- before "
            f"them, too, as {aliases[0]}; both mean the same."
        )
    if offers.unlisted:
        whose = "The provider of" if len(offers.unlisted) == 1 else "The providers of"
        said.append(f"{whose} {_and(offers.unlisted)} told no list.")
    lines = [line for each in said for line in sheet.text(Span(each, "faint"), indent=0, hang=2)]
    return [(), *lines] if lines else []


def _others(offers: Offers) -> list[str]:
    """Say where a name goes that nothing here means."""
    claude, other = offers.unchanged_claude, offers.unchanged_other
    if claude == other:
        return [f"Any other name goes as it is to {_and(claude)}."] if claude else []
    said = [f"Any other name of Claude's goes as it is to {_and(claude)}."] if claude else []
    return said + ([f"Any name that is not Claude's goes as it is to {_and(other)}."] if other else [])


def _and(names: Sequence[str]) -> str:
    return listed(list(names))


def _usd(amount: float | None, style: Style | None) -> Span:
    return Span(_amount(amount), style or ("faint" if amount is None else "plain"))


def _amount(amount: float | None) -> str:
    """Return USD with two decimal places, more where it has more; ? where it is unknown."""
    if amount is None:
        return "?"
    text = f"{amount:.4f}".rstrip("0")
    return f"{amount:.2f}" if len(text.partition(".")[2]) < 2 else text
