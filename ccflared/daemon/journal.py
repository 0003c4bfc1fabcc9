"""What is noted of one request while it is served, and the row that comes of it. One owner: the request's relay."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from ccflared.daemon.about import about
from ccflared.daemon.in_words import try_words
from ccflared.daemon.paths import generates
from ccflared.daemon.stopwatch import Stopwatch
from ccflared.money.pricing import Prices, at_least, priced, reported_cost
from ccflared.money.usage import Meter
from ccflared.wire import Attempt, Entry, Headers, Inbound, Origin, Outcome, Passed, Tokens

log = logging.getLogger("ccflared.request")

Billing = Literal["plan", "api", "overage"]
CostSource = Literal["reported", "computed"]
ProjectSource = Literal["header", "workspace"]

_LONGEST = 200
UNTOLD: Final = "cannot be told"
"""Kind of a try that never was: the request has something in it for which the account's dialect has no words."""
ESTIMATED: Final = "estimated"
"""Kind of a try that never was: the daemon itself has answered for the account."""
SERVED: Final = "served"
"""Kind of a try whose answer the client was given."""
_NOT_ASKED: Final = frozenset({"token", UNTOLD, ESTIMATED})


@dataclass(frozen=True, slots=True)
class Bill:
    """What a request has cost, in millionths of a USD, who says so, and what counts towards budgets."""

    cost: int | None
    source: CostSource | None
    charged: int | None
    prices: str | None = None
    """Which prices a computed cost is by."""


@dataclass(slots=True)
class Journal:
    """Gathers the facts of one request. Times are Trio's, in seconds; the row has milliseconds."""

    inbound: Inbound
    began: float
    model: str | None = None
    outcome: Outcome | None = None
    error: str | None = None
    stream: bool = False
    meter: Meter = field(default_factory=Meter)
    attempts: list[Attempt] = field(default_factory=list)
    conversation: str | None = None
    project: str | None = None
    project_source: ProjectSource | None = None
    chain: str | None = None
    passed: tuple[Passed, ...] = ()
    """Accounts that were not asked when the request was first planned."""
    origin: Origin = "client"
    billing: Billing | None = None
    """Who pays for the answer."""
    payer: str | None = None
    """The account whose answer it is."""
    reported: Headers = ()
    """Fields of the answer, one of which may tell what it cost."""
    sent: bool = False
    """Whether an upstream was sent anything of it, as far as anybody can tell, or was spared that by an answer of
    the daemon's: either counts among its client's requests."""
    changed: str = ""
    """What the latest try was put without, in words."""
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    """Runs while an upstream is waited for, or nobody in particular."""
    hidden: Callable[[str], str] = str
    """Takes the secrets of the account that is tried out of what its upstream says."""

    @property
    def tries(self) -> int:
        """How often an upstream was asked; an account without a token, or for which there are no words, was not."""
        return sum(attempt.kind not in _NOT_ASKED for attempt in self.attempts)

    def attempted(
        self,
        *,
        account: str,
        provider: str,
        why: str,
        started: float,
        now: float,
        status: int | None,
        kind: str,
        reason: str = "",
        model: str | None = None,
    ) -> None:
        """Note one try and what came of it."""
        attempt = Attempt(
            account=account,
            provider=provider,
            why=why,
            started_ms=_ms(started - self.began),
            took_ms=_ms(now - started),
            status=status,
            kind=kind,
            reason=self.hidden(reason),
            model=model,
        )
        self.attempts.append(attempt)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s", try_words(attempt), extra=about("try", account=account))

    def belongs(self, project: str | None, source: ProjectSource) -> None:
        """Note the project that it belongs to, if there is one; the first word counts."""
        if self.project is None and project is not None:
            self.project, self.project_source = project, source

    def ended(self, outcome: Outcome, error: str | None = None) -> None:
        """Note how it ended; the first word counts."""
        if self.outcome is None:
            self.outcome, self.error = outcome, None if error is None else self.hidden(error)

    def cost(self, prices: Prices) -> tuple[int | None, CostSource | None]:
        """Return the cost at list price, in millionths of a USD, and who says so. The provider's word wins."""
        reported = reported_cost(self.meter.usage if self.meter.tells_cost else None, self.reported)
        if reported is not None:
            return reported, "reported"
        cost = priced(self.priced_model(prices), self.meter.tokens, prices)
        return cost, None if cost is None else "computed"

    def bill(self, prices: Prices) -> Bill:
        """Return what it has cost, and what budgets count of it: nothing where no account has answered."""
        cost, source = self.cost(prices)
        by = prices.source(self.priced_model(prices)) if source == "computed" else None
        if self.payer is None:
            return Bill(cost, source, None, by)
        # A budget that counted what nobody knows exactly as nothing would be none; so would one that counted what
        # was told when the answer began, of those whose client leaves before its end. Of a plan that says it costs
        # nothing, the value is that of the list.
        charged = cost
        unsure = cost is None or (source == "computed" and self.meter.shown)
        if unsure or (cost == 0 and self.billing == "plan"):
            least = at_least(self.priced_model(prices), self.charged_tokens(), prices)
            charged = cost if least is None else least
        return Bill(cost, source, charged, by)

    def charged_tokens(self) -> Tokens:
        """Return the tokens that budgets count: also those of an answer that broke off before it told them."""
        status = self.attempts[-1].status if self.attempts else None
        answers = generates(self.inbound.path) and status is not None and status < 300
        return self.meter.tokens_at_least if answers else self.meter.tokens

    def priced_model(self, prices: Prices) -> str | None:
        """Return the model whose price counts: as the answer names it, else as it was asked for."""
        served, asked = self.meter.model, self.attempts[-1].model if self.attempts else None
        return served if served is not None and prices.rates(served) is not None else asked

    def _after(self, at: float | None) -> int | None:
        """Return how long after the request's arrival something was, in milliseconds."""
        return None if at is None else _ms(at - self.began)

    def entry(
        self,
        now: float,
        *,
        status: int | None,
        first_byte_at: float | None,
        left: bool,
        waited: float | None = None,
        bill: Bill | None = None,
    ) -> Entry:
        """Make the row. A request that nobody ended was ended by its client's leaving, or by the daemon's.

        ``waited``: seconds that the client was waited for; None where there is none, and so no overhead to be told.
        """
        if left:
            self.outcome, self.error = "client_gone", self.error
        self.ended("truncated" if status is not None else "error", "the daemon was stopped")
        inbound = self.inbound
        fields = dict(reversed(inbound.headers))
        last = self.attempts[-1] if self.attempts else None
        return Entry(
            id=inbound.id,
            at=inbound.at,
            method=inbound.method,
            path=inbound.path,
            client=inbound.client,
            project=self.project,
            conversation=self.conversation,
            user_agent=_text(fields.get(b"user-agent")),
            model=self.model,
            served_model=self.meter.model,
            account=last.account if last else None,
            provider=last.provider if last else None,
            status=status,
            outcome=self.outcome or "error",
            error=self.error,
            stream=self.stream,
            stop_reason=self.meter.stop_reason,
            # What is said here, or passed on of a refusal, comes at once, and would make every account look fast.
            first_byte_ms=self._after(first_byte_at) if _answered(last) else None,
            total_ms=_ms(now - self.began),
            tokens=self.meter.tokens,
            usage=self.meter.usage,
            attempts=tuple(self.attempts),
            passed=self.passed,
            chain=self.chain,
            origin=self.origin,
            cost=bill.cost if bill else None,
            cost_source=bill.source if bill else None,
            charged=bill.charged if bill else None,
            billing=self.billing,
            first_token_ms=self._after(self.meter.first_token),
            last_token_ms=self._after(self.meter.last_token),
            price_source=bill.prices if bill else None,
            project_source=self.project_source,
            overhead_us=None if waited is None else self._overhead(now, waited),
        )

    def _overhead(self, now: float, waited: float) -> int:
        """Return the microseconds in which neither an upstream nor the client was waited for, see Stopwatch."""
        return max(0, round((now - self.began - self.stopwatch.waited - waited) * 1e6))


def _answered(last: Attempt | None) -> bool:
    return last is not None and last.kind == SERVED and (last.status or 0) < 400


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _text(value: bytes | None) -> str | None:
    if not value:
        return None
    text = value.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(c for c in text if c.isprintable())
    return text[:_LONGEST] or None
