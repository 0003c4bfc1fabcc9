"""One honest, minimal request of the daemon's own to an account: to start a usage window, or for `account test`.

It says who it is, is recorded as what it is, and never puts an account out: only good news counts.
"""

import json
import secrets
from dataclasses import dataclass
from time import time
from typing import Final

import trio

from ccflared import __version__
from ccflared.daemon.house import House
from ccflared.daemon.journal import SERVED, Journal
from ccflared.daemon.paths import MESSAGES
from ccflared.daemon.wording import Wording
from ccflared.errors import UpstreamError
from ccflared.pool.models import upstream_names
from ccflared.providers.observe import observe, observe_failure
from ccflared.providers.quota import read_quota
from ccflared.providers.target import Target
from ccflared.wire import Head, Inbound, Observation, Origin

_WITHIN: Final = 60.0
_ANSWER_READ: Final = 64 * 1024
_KEEP: Final = "="
_TOKENS: Final = {"anthropic": 1, "openai-chat": 16}
"""How many are asked for. OpenAI's models that reason answer with a 400 where their thoughts have no room."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of it. ``kind``: "served", or that of the observation; ``reason`` a sentence, without secrets."""

    request: str
    """The id of its row in the history."""
    model: str
    status: int | None
    kind: str
    reason: str
    took_ms: int

    @property
    def served(self) -> bool:
        """Whether the account answered."""
        return self.kind == "served"


async def probe(house: House, target: Target, origin: Origin) -> Probed:
    """Ask an account for one token, and record it. Good news is learnt; a failure changes nothing but the log."""
    model = probe_model(house, target)
    inbound = _request(model, _TOKENS.get(target.dialect, 1))
    journal = Journal(inbound, trio.current_time(), model=model, origin=origin)
    journal.hidden = target.without_secrets
    head: Head | None = None
    seen: Observation | None = Observation("request", "left", "given up before it was answered")
    try:
        # It takes no client's place: it does not count against max_concurrency.
        house.under_way.probing[target.account] += 1
        with trio.move_on_after(_WITHIN) as scope:
            head, seen = await _ask(house, target, inbound, journal)
        if scope.cancelled_caught:
            seen = Observation("account", "time-out", f"no answer within {_WITHIN:g} s")
    finally:
        house.under_way.probing[target.account] -= 1
        journal.attempted(
            account=target.account,
            provider=target.provider,
            why="auto_refresh" if origin == "refresh" else "account test",
            started=journal.began,
            now=trio.current_time(),
            status=head.status if head else None,
            kind=seen.kind if seen else SERVED,
            reason=seen.reason if seen else "",
            model=model,
        )
        journal.ended("error" if seen else "complete", seen.reason if seen else None)
        entry = journal.entry(
            trio.current_time(),
            status=head.status if head else None,
            first_byte_at=None,
            left=False,
            bill=house.settled(journal),
        )
        house.metrics.count(entry)
        house.recorder.offer(entry)
        house.live.ended(entry)
    done = journal.attempts[-1]
    return Probed(inbound.id, model, done.status, done.kind, done.reason, done.took_ms)


async def _ask(
    house: House, target: Target, inbound: Inbound, journal: Journal
) -> tuple[Head | None, Observation | None]:
    """Send the request, with a new token if the first is refused. Returns what it was answered."""
    armed = await house.custody.armed(target)
    if isinstance(armed, Observation):
        return None, armed
    wording = Wording(inbound, house.provenance, journal.model, None)
    head, seen = await _ask_once(house, armed, wording, journal)
    if (
        seen is not None
        and seen.kind == "credential"
        and await house.custody.renewed(armed, armed.credential)
    ):
        again = await house.custody.armed(target)
        if not isinstance(again, Observation):
            return await _ask_once(house, again, wording, journal)
    return head, seen


async def _ask_once(
    house: House, armed: Target, wording: Wording, journal: Journal
) -> tuple[Head | None, Observation | None]:
    """Send the request, once more in other words if these are refused, and take in what a success tells."""
    began = time()
    routing = house.world.config.routing
    journal.hidden = armed.without_secrets
    put = await wording.put(armed, journal.model)
    try:
        answer = await house.upstream.send(
            put.outbound,
            armed,
            connect_seconds=routing.connect_timeout,
            silent_seconds=routing.idle_timeout,
        )
    except UpstreamError as error:
        return None, observe_failure(error)
    with answer:
        said = await answer.read(_ANSWER_READ, _WITHIN)
    head = answer.head
    if await wording.amend(armed, journal.model, put, head.status, said):
        return await _ask_once(house, armed, wording, journal)
    seen = observe(put.path, head, said, time(), signs=armed.signs, model=journal.model)
    if seen is None and head.status >= 300:
        seen = Observation("request", "invalid request", f"it was answered with status {head.status}")
    if seen is None:
        journal.meter.piece(said)
        journal.meter.end()
        journal.payer = armed.account
        journal.billing, journal.reported = house.world.billing.get(armed.account), head.headers
        house.succeeded(armed, began, time(), journal.model, own=True)
        if quota := read_quota(head, time()):
            house.told(armed, quota)
            if quota.overage == "in use":
                journal.billing = "overage"
    return head, seen


def probe_model(house: House, target: Target) -> str:
    """Return what the account calls the model of refresh_model; that name itself where its maps do not tell.

    Who does not speak Claude's dialect hardly has its models: there any model that the maps name is the better guess.
    """
    config = house.world.config
    wanted = config.routing.refresh_model
    account = config.accounts[target.account]
    maps = (account.models, config.providers[account.provider].models)
    names = upstream_names(wanted, *maps)
    if names and (names[0] != wanted or target.dialect == "anthropic"):
        return names[0]
    named = (name for each in maps for called in each.values() for name in called if name != _KEEP)
    return wanted if target.dialect == "anthropic" else next(named, wanted)


def _request(model: str, tokens: int) -> Inbound:
    body = {"model": model, "max_tokens": tokens, "messages": [{"role": "user", "content": "ping"}]}
    return Inbound(
        id="req_" + secrets.token_hex(12),
        at=time(),
        method="POST",
        path=MESSAGES,
        query=b"",
        headers=(
            (b"user-agent", f"ccflared/{__version__}".encode()),
            (b"content-type", b"application/json"),
        ),
        body=json.dumps(body).encode(),
        client=None,
        administers=True,
    )
