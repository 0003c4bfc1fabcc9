"""What came of each version of the configuration: applied or refused, why, and what it changed."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ccflared.config.report import Mistake, render

Cause = Literal["start", "file", "signal", "command", "edit"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one try to apply a configuration."""

    number: int
    at: float
    cause: Cause
    applied: bool
    changes: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    losses: tuple[str, ...] = ()
    problem: str | None = None
    """What the system would not do: an address taken, a certificate unreadable."""
    warnings: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    """What was to be known of certificates then: unlike the rest of the warnings it changes with time alone."""

    @property
    def sentence(self) -> str:
        """One line for log and status."""
        if self.applied:
            what = f"{len(self.changes)} changed" if self.changes else "nothing changed in effect"
            return f"configuration {self.number} applied ({self.cause}): {what}"
        if self.mistakes:
            first = self.mistakes[0]
            count = "1 mistake" if len(self.mistakes) == 1 else f"{len(self.mistakes)} mistakes"
            why = f"{count}; {first.file}:{first.line}: {first.message}"
        else:
            why = self.problem or f"{' '.join(self.losses)} If that is meant: ccflared reload --allow-less"
        return f"configuration {self.number} refused ({self.cause}), the one before stays in force: {why}"

    def document(self) -> dict[str, Any]:
        """Return it as the API gives it."""
        document = asdict(self)
        problem = document.pop("problem")
        document["warnings"] = [*self.warnings, *document.pop("certificates")]
        document["mistakes"] = [
            {
                "place": f"{mistake.file}:{mistake.line}:{mistake.column}",
                "message": mistake.message,
                "excerpt": "\n".join(render(mistake).splitlines()[1:]),
            }
            for mistake in self.mistakes
        ]
        if problem is not None:
            document["mistakes"].append({"place": "", "message": problem, "excerpt": ""})
        return document
