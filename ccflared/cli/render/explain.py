"""``ccflared explain``: who would serve a model, in which order and why; and what became of one request. Pure."""

from collections.abc import Sequence

from ccflared.cli.render.accounts import LONGEST_REASON, NAME_CELLS, end, look
from ccflared.cli.render.explanation import Candidate, Choice, NotAsked, Story, Try
from ccflared.cli.render.layout import Line, Span, Style, clip, columns
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
    facts = [f"strategy {choice.strategy}"] if choice.strategy else []
    if choice.chain:
        facts.insert(0, f"chain for {choice.chain}")
    if choice.client:
        facts.append(f"client {choice.client}")
    if choice.conversation:
        facts.append(f"conversation {choice.conversation}")
    if pin:
        facts.append(f"pinned to {pin}")
    lines = sheet.text("Who would serve ", Span(choice.model, "strong"), " now", indent=0)
    lines += sheet.facts(*(Span(fact, "faint") for fact in facts), hang=0)
    if choice.candidates:
        lines += sheet.heading("Asked", "in this order")
        lines += _candidates(choice.candidates, choice.model, sheet)
    else:
        lines += sheet.heading("Nobody would serve it")
        lines += _refusal(choice, sheet)
    if choice.passed:
        lines += sheet.heading("Not asked") + _passed(choice.passed, choice.now, sheet)
    return sheet.fit(lines)


def story_lines(story: Story, now: float, sheet: Sheet) -> list[Line]:
    """Return what became of a request: how it ended, whom it was given to, and who was passed over."""
    word, style = OUTCOMES.get(story.outcome, (story.outcome, "warn"))
    if style == "good" and story.status is not None and story.status >= 400:
        style = "plain"  # whole, but not what the client hoped for
    lines = sheet.text(
        Span(story.request, "strong"),
        Span(f" {sheet.glyphs.dot} {word}", style),
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
        lines += _passed(story.passed, now, sheet, over=True)
    return sheet.fit(lines)


def _candidates(candidates: Sequence[Candidate], asked: str, sheet: Sheet) -> list[Line]:
    rows = [
        [
            (Span(sheet.glyphs.arrow if number == 1 else " ", "strong"),),
            (Span(str(number), "faint"),),
            (Span(clip(each.account, NAME_CELLS, sheet.glyphs), "strong"),),
            (_renamed(each.model, asked, sheet),),
        ]
        for number, each in enumerate(candidates, 1)
    ]
    whys: list[list[Line]] = [[(Span(each.why),)] if each.why else [] for each in candidates]
    return sheet.beside(columns(rows, right=frozenset({1})), whys)


def _refusal(choice: Choice, sheet: Sheet) -> list[Line]:
    refusal = choice.refusal
    if refusal is None:
        return sheet.text("No account can serve this request.")
    lines = sheet.text(Span("The client would be told: ", "faint"), refusal.message, hang=2)
    facts = [] if refusal.status is None else [f"status {refusal.status}"]
    if refusal.retry_after is not None:
        facts.append(f"to be asked again in {duration(refusal.retry_after)}")
    return lines + sheet.facts(*(Span(fact, "faint") for fact in facts))


def _passed(passed: Sequence[NotAsked], now: float, sheet: Sheet, *, over: bool = False) -> list[Line]:
    """Return who is not asked and why. ``over``: it was so then, and its end may have passed long ago."""
    rows: list[list[Line]] = [
        [(Span(clip(each.account, NAME_CELLS, sheet.glyphs)),), (look(each.state, sheet),)] for each in passed
    ]
    notes: list[list[Line]] = []
    for each in passed:
        note = [clip(each.reason, LONGEST_REASON, sheet.glyphs)] if each.reason else []
        if each.until is not None and over:
            note.append(f"until {clock(each.until, now, sheet.zone)}")
        elif each.until is not None:
            note.append(end(each.state, each.until, now, sheet))
        notes.append([(Span(fact),) for fact in note])
    return sheet.beside(columns(rows), notes)


def _attempts(attempts: Sequence[Try], asked: str | None, sheet: Sheet) -> list[Line]:
    rows = [
        [
            (Span(str(number), "faint"),),
            (Span(clip(each.account, NAME_CELLS, sheet.glyphs), "strong"),),
            (_renamed(each.model, asked, sheet),),
            (_result(each, sheet),),
        ]
        for number, each in enumerate(attempts, 1)
    ]
    return sheet.beside(columns(rows, right=frozenset({0})), [_details(each, sheet) for each in attempts])


def _result(each: Try, sheet: Sheet) -> Span:
    status = "" if each.status is None else f" {each.status}"
    if each.kind == "served":
        return Span(f"{sheet.glyphs.dot}{status} served", "good")
    if each.kind == "estimated":
        return Span(f"{sheet.glyphs.dot} {each.kind}", "good")
    return Span(f"{sheet.glyphs.cross}{status} {each.kind}", "warn")


def _details(each: Try, sheet: Sheet) -> list[Line]:
    """Return what came of a try, why it was made, and when."""
    details: list[Span] = []
    if each.reason and each.reason != each.kind:
        details.append(Span(clip(each.reason, LONGEST_REASON, sheet.glyphs)))
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


def _renamed(model: str | None, asked: str | None, sheet: Sheet) -> Span:
    """Return the upstream's name of the model where it is another than the one asked for."""
    if model is None or model == asked:
        return Span("")
    return Span(f"as {clip(model, _MODEL_CELLS, sheet.glyphs)}", "faint")
