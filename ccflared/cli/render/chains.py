"""The chains of models: who is asked before the pool, in which order, and who would be asked now. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from ccflared.cli.render.document import Json
from ccflared.cli.render.layout import Line, Span, clip
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import listed, many

MOST = 6
"""How many chains status has room for."""
_NAME_CELLS = 28
_MODELS_CELLS = 40


class Step(NamedTuple):
    """Accounts that are asked together, and what they are asked for; None: what the client asked for."""

    accounts: tuple[str, ...]
    model: str | None


class Chain(NamedTuple):
    """One chain. ``known``: whether it was told who would be asked now; ``account`` None: nobody."""

    models: tuple[str, ...]
    steps: tuple[Step, ...]
    then: str
    known: bool
    account: str | None
    step: int | None
    """Counted from 1; None: whoever would be asked is one of the pool."""


def read_chain(item: Json) -> Chain:
    """Return one of the document's ``chains``."""
    following = item.part("next")
    return Chain(
        models=item.texts("models"),
        steps=tuple(Step(step.texts("accounts"), step.maybe("model")) for step in item.parts("steps")),
        then=item.text("then"),
        known=isinstance(item.raw("next"), dict),
        account=following.maybe("account"),
        step=following.whole("step"),
    )


def chain_lines(chains: Sequence[Chain], sheet: Sheet) -> list[Line]:
    """Return a sentence for each chain, and who would be asked now."""
    lines: list[Line] = []
    for chain in chains[:MOST]:
        models = clip(", ".join(chain.models), _MODELS_CELLS, sheet.glyphs)
        sentence: Line = (Span(f"{models}: ", "strong"), Span(_steps(chain, sheet)))
        lines += sheet.facts(sentence, *([_now(chain, sheet)] if chain.known else []), hang=4)
    if len(chains) > MOST:
        more = many(len(chains) - MOST, "more chain")
        lines += sheet.text(Span(f"and {more}: ccflared config", "faint"))
    return lines


def _steps(chain: Chain, sheet: Sheet) -> str:
    said = []
    for step in chain.steps:
        names = [clip(name, _NAME_CELLS, sheet.glyphs) for name in step.accounts]
        model = f" as {clip(step.model, _MODELS_CELLS, sheet.glyphs)}" if step.model else ""
        said.append(listed(names, "or") + model)
    said.append("nobody else" if chain.then == "fail" else "the pool")
    return ", then ".join(part for part in said if part)


def _now(chain: Chain, sheet: Sheet) -> Span:
    if chain.account is None:
        return Span("now nobody", "bad")
    name = clip(chain.account, _NAME_CELLS, sheet.glyphs)
    return Span(f"now {name}" if chain.step is not None else f"now {name} of the pool", "good")
