"""``ccflared explain``: who would serve a model, in which order and why; and what became of one request. Pure."""

from collections.abc import Sequence

from ccflared.cli.render.accounts import LONGEST_REASON, NAME_CELLS
from ccflared.cli.render.explanation import Candidate, Choice, Story, Try
from ccflared.cli.render.layout import Line, Span, Style, clip, columns
from ccflared.cli.render.passed import LEAST, passed_lines
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.render.words import ago, clock, duration, milliseconds

OUTCOMES: dict[str, tuple[str, Style]] = {
    "complete": ("complete", "good"),
    "truncated": ("cut short", "warn"),
    "error": ("failed", "bad"),
    "refused": ("refused", "warn"),
    "client_gone": ("left by the client", "plain"),
}
ORIGINS = {
    "refresh": "sent by ccflared itself, for auto_refresh",
    "test": "sent by ccflared account test",
}
_MODEL_CELLS = 40


def choice_lines(choice: Choice, sheet: Sheet, *, pin: str | None = None) -> list[Line]:
    """Return who would be asked for a model now, who not, and what a client is told if nobody is left."""
    facts = [f"asked by the client {choice.client}"] if choice.client else []
    if choice.conversation:
        facts.append(f"in the conversation {choice.conversation}")
    if pin:
        facts.append(f"pinned to the account {pin}")
    if choice.chain:
        facts.append(f"by the chain for {choice.chain}")
    if choice.strategy:
        facts.append(f"strategy: {choice.strategy}")
    lines = sheet.text("Who would serve ", Span(choice.model, "strong"), " now", indent=0)
    lines += sheet.facts(*(Span(fact, "faint") for fact in facts), hang=0)
    if choice.candidates:
        lines += sheet.heading(
            "Asked", "in this order, until one serves it" if len(choice.candidates) > 1 else ""
        )
        lines += _candidates(choice.candidates, choice.model, sheet)
    else:
        lines += sheet.heading("Nobody would serve it")
        lines += _refusal(choice, sheet)
    if choice.passed:
        lines += sheet.heading("Not asked") + passed_lines(choice.passed, choice.now, sheet)
    return sheet.fit(lines)


def story_lines(story: Story, now: float, sheet: Sheet) -> list[Line]:
    """Return what became of a request: how it ended, whom it was given to, and who was passed over."""
    word, style = OUTCOMES.get(story.outcome, (story.outcome, "warn"))
    if style == "good" and (story.status or 0) >= 400:
        style = "warn"  # whole, but not what the client hoped for
    lines = sheet.text(
        Span(story.request, "strong"),
        Span(f" {sign_of(style, sheet)} {word}", style),
        Span(f" after {milliseconds(story.total_ms)}"),
        indent=0,
    )
    lines += sheet.facts(*(Span(fact, "faint") for fact in _who(story, now, sheet)), hang=0)
    if story.model or story.served_model:
        lines += sheet.text(_models(story, sheet), indent=2, hang=2)
    if story.error:
        lines += sheet.text(clip(story.error, LONGEST_REASON * 2, sheet.glyphs), indent=2, hang=2)
    lines += sheet.heading("Tried", "in this order" if len(story.attempts) > 1 else "")
    if story.attempts:
        lines += _attempts(story.attempts, story.model, sheet)
    else:
        lines += sheet.text("Nobody.")
    if story.passed:
        lines += sheet.heading("Not asked", "as it was then")
        lines += passed_lines(story.passed, now, sheet, over=True)
    return sheet.fit(lines)


def sign_of(style: Style, sheet: Sheet) -> str:
    """Return the sign of how something ended, by the style that the words for it have."""
    return {"good": sheet.glyphs.dot, "plain": sheet.glyphs.ring}.get(style, sheet.glyphs.cross)


def _candidates(candidates: Sequence[Candidate], asked: str, sheet: Sheet) -> list[Line]:
    rows = [
        [
            (Span(sheet.glyphs.arrow if number == 1 else " ", "strong"),),
            (Span(str(number), "faint"),),
            (Span(clip(each.account, NAME_CELLS, sheet.glyphs), "strong"),),
        ]
        for number, each in enumerate(candidates, 1)
    ]
    facts = [
        [(Span(clip(each.why, LONGEST_REASON * 2, sheet.glyphs)),)] * bool(each.why)
        + _renamed(each.model, asked, sheet)
        for each in candidates
    ]
    heads = columns(rows, right=frozenset({1}))
    return [line for row in sheet.rows(heads, facts, least=LEAST) for line in row]


def _refusal(choice: Choice, sheet: Sheet) -> list[Line]:
    refusal = choice.refusal
    if refusal is None:
        return sheet.text("No account can serve this request.")
    lines = sheet.text(Span("The client would be told: ", "faint"), refusal.message, hang=2)
    facts = [] if refusal.status is None else [f"status {refusal.status}"]
    if refusal.retry_after is not None:
        facts.append(f"to be asked again in {duration(refusal.retry_after)}")
    return lines + sheet.facts(*(Span(fact, "faint") for fact in facts))


def _attempts(attempts: Sequence[Try], asked: str | None, sheet: Sheet) -> list[Line]:
    rows = [
        [
            (Span(str(number), "faint"),),
            (Span(clip(each.account, NAME_CELLS, sheet.glyphs), "strong"),),
            (_result(each, sheet),),
        ]
        for number, each in enumerate(attempts, 1)
    ]
    facts = [_details(each, asked, sheet) for each in attempts]
    heads = columns(rows, right=frozenset({0}))
    return [line for row in sheet.rows(heads, facts, least=LEAST) for line in row]


def _result(each: Try, sheet: Sheet) -> Span:
    status = "" if each.status is None else f" {each.status}"
    if each.kind == "served":
        return Span(f"{sheet.glyphs.dot}{status} served", "good")
    if each.kind == "estimated":
        return Span(f"{sheet.glyphs.dot} {each.kind}", "good")
    return Span(f"{sheet.glyphs.cross}{status} {each.kind}", "warn")


def _details(each: Try, asked: str | None, sheet: Sheet) -> list[Line]:
    """Return what came of a try, why it was made, and when."""
    details: list[Span] = []
    if each.reason and each.reason != each.kind:
        details.append(Span(clip(each.reason, LONGEST_REASON, sheet.glyphs)))
    details += [span for line in _renamed(each.model, asked, sheet) for span in line]
    if each.why:
        details.append(Span(f"chosen: {each.why}", "faint"))
    begun = f"begun after {milliseconds(each.started_ms)}"
    details.append(Span(f"{begun}, took {milliseconds(each.took_ms)}", "faint"))
    return [(detail,) for detail in details]


def _who(story: Story, now: float, sheet: Sheet) -> list[str]:
    facts = [] if story.at is None else [f"{clock(story.at, now, sheet.zone)}, {ago(story.at, now)}"]
    if story.origin in ORIGINS:
        facts.append(ORIGINS[story.origin])
    if story.status is not None:
        facts.append(f"status {story.status}")
    if story.client:
        facts.append(f"client {story.client}")
    if story.conversation:
        facts.append(f"conversation {story.conversation}")
    if story.chain:
        facts.append(f"chain for {story.chain}")
    return facts


def _models(story: Story, sheet: Sheet) -> str:
    """Return the model that was asked for, and by which name it was served where that is another."""
    asked = clip(story.model or "", _MODEL_CELLS, sheet.glyphs)
    served = clip(story.served_model or "", _MODEL_CELLS, sheet.glyphs)
    if not asked or not served or asked == served:
        return asked or f"served by {served}"
    return f"{asked} {sheet.glyphs.arrow} {served}"


def _renamed(model: str | None, asked: str | None, sheet: Sheet) -> list[Line]:
    """Return the upstream's name of the model where it is another than the one asked for."""
    if model is None or model == asked:
        return []
    return [(Span(f"as {clip(model, _MODEL_CELLS, sheet.glyphs)}", "faint"),)]
