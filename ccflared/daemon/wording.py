"""Puts one client's request to an account: passed on as it came where both speak one dialect, else translated.

The request is read in full at most once, and only for an account that needs it. What an upstream has refused may be
put to it once more in other words; the row and the client are told.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeVar

import trio

from ccflared import __version__
from ccflared.daemon.paths import CHAT, COUNT, MESSAGES, generates, is_about_models
from ccflared.daemon.provenance import Provenance
from ccflared.errors import ClientError
from ccflared.formats import translation
from ccflared.formats.amend import Amended, amendment
from ccflared.formats.crossing import may_have_billing_block, without_billing_block, without_thinking
from ccflared.formats.dialect import dialect_of
from ccflared.formats.errors import read_error, write_error
from ccflared.formats.model_name import with_model
from ccflared.formats.request import Request, Written
from ccflared.formats.translation import PATHS, Translation, UpstreamDialect
from ccflared.providers.address import address, cache_fields
from ccflared.providers.prepare import prepare
from ccflared.providers.target import Target
from ccflared.wire import Headers, Inbound, Outbound

T = TypeVar("T")
Restate = Callable[[int, bytes], tuple[int, bytes]]

_LARGE: Final = 1024 * 1024
"""Bytes of a body that is changed beside the loop, so that others have their turn."""
PARSED_IN_PLACE: Final = 128 * 1024
_AGENT: Final = f"ccflared/{__version__}".encode()
_NAMED: Final = 4
_FOREIGN: Final = "without thinking of another provider"


@dataclass(frozen=True, slots=True)
class Put:
    """A request in the words of one account."""

    outbound: Outbound
    path: str
    """What was asked for, in the upstream's dialect."""
    translation: Translation | None = None
    """How its answer gets back; None: as it comes."""
    restate: Restate | None = None
    """Puts a refusal, its status and its body, into the client's dialect; None: it is that already."""
    changed: str = ""
    """What the client's request had and this has not, in words for its row."""


@dataclass(slots=True)
class Wording:
    """One client's request, as it is put to whoever is tried."""

    inbound: Inbound
    provenance: Provenance
    model: str | None
    """As the client named it; None where it named none."""
    conversation: str | None
    _read: Request | ClientError | None = None
    _amended: dict[tuple[str, str | None], Amended | None] = field(default_factory=dict)
    """By account and model; None: it was tried, and another is tried now, so that one body is kept and not many."""

    def translates(self, target: Target) -> bool:
        """Whether the account speaks another dialect than the client."""
        path = self.inbound.path
        return generates(path) and not translation.is_native(dialect_of(path), target.dialect)

    async def put(self, target: Target, model: str | None) -> Put:
        """Return the request for an account that calls the model ``model``. Raises ClientError if it cannot be put."""
        if self.translates(target):
            return await self._translated(target, model)
        return await self._passed_on(target, model)

    async def request(self) -> Request:
        """Return all that is asked for. Raises ClientError (400)."""
        if self._read is None:
            dialect, body = dialect_of(self.inbound.path), self.inbound.body
            try:
                reading = partial(translation.read, dialect, body)
                self._read = await beside(reading, len(body), PARSED_IN_PLACE)
            except ClientError as error:
                self._read = error
        if isinstance(self._read, ClientError):
            raise self._read
        return self._read

    async def amend(
        self, target: Target, model: str | None, put: Put, status: int, said: bytes
    ) -> str | None:
        """See whether a refused request can be put in other words, once for each account.

        Returns how, in words for its row; the next ``put`` for the account is in those words.
        """
        key = (target.account, model)
        if key in self._amended or put.path == COUNT:
            return None
        body = put.outbound.body
        mending = partial(
            amendment, status, said, target.dialect, body, translated=put.translation is not None
        )
        amended = await beside(mending, len(body), PARSED_IN_PLACE)
        if amended is None:
            return None
        self._amended = {**dict.fromkeys(self._amended), key: amended}
        self.provenance.amended(target, amended.reason)
        return amended.reason

    async def _passed_on(self, target: Target, model: str | None) -> Put:
        inbound, changed = self.inbound, ""
        if inbound.path in (MESSAGES, COUNT) and target.dialect == "anthropic":
            body, changed = await self._as_its_own(target, inbound.body)
            inbound = replace(inbound, body=body)
        if (amended := self._amended.get((target.account, model))) is not None:
            inbound, changed = replace(inbound, body=amended.body), amended.reason
        elif model is not None and model != self.model:
            naming = partial(with_model, inbound.body, model)
            inbound = replace(inbound, body=await beside(naming, len(inbound.body), _LARGE))
        outbound = prepare(inbound, target)
        if inbound.path == CHAT:
            outbound = replace(outbound, headers=outbound.headers + self._cache_hint(target))
        restate = None
        if is_about_models(inbound.path) and not translation.is_native(
            dialect_of(inbound.path), target.dialect
        ):
            restate = partial(_restated, inbound)
        return Put(outbound, inbound.path, restate=restate, changed=changed)

    async def _as_its_own(self, target: Target, body: bytes) -> tuple[bytes, str]:
        """Return the body without what only another provider can read, and what that was."""
        if not target.quirks.attribution and may_have_billing_block(body):
            body = await beside(partial(without_billing_block, body), len(body), PARSED_IN_PLACE)
        looking = partial(self.provenance.foreign_to, target, body, self.conversation)
        foreign = await beside(looking, len(body), _LARGE)
        if foreign is not None:
            stripped = await beside(partial(without_thinking, body, foreign), len(body), PARSED_IN_PLACE)
            if stripped is not None:
                return stripped, _FOREIGN
        return body, ""

    async def _translated(self, target: Target, model: str | None) -> Put:
        request = await self.request()
        self.provenance.translated(self.conversation)
        upstream: UpstreamDialect = "anthropic" if target.dialect == "anthropic" else "openai-chat"
        writing = partial(
            translation.write, upstream, request, model or request.model, target.quirks, self._hint
        )
        written = await beside(writing, len(self.inbound.body), PARSED_IN_PLACE)
        self.provenance.dropped(target.account, model or request.model, written.dropped)
        changed = _without(written.dropped)
        if (amended := self._amended.get((target.account, model))) is not None:
            written = replace(written, body=amended.body)
            changed = f"{amended.reason}, {changed}" if changed else amended.reason
        outbound = address(
            target,
            PATHS[upstream],
            written.body,
            accept=b"text/event-stream" if request.stream else b"application/json",
            user_agent=_AGENT,
            more=self._cache_hint(target),
        )
        back = self._back(upstream, request, written)
        return Put(outbound, PATHS[upstream], back, back.error, changed)

    def _back(self, upstream: UpstreamDialect, request: Request, written: Written) -> Translation:
        inbound = self.inbound
        client = dialect_of(inbound.path)
        return Translation(client, upstream, request, written.names, inbound.id, inbound.at)

    @property
    def _hint(self) -> str | None:
        """A key of the conversation's prompt cache that tells nobody which conversation it is."""
        if self.conversation is None:
            return None
        return hashlib.sha256(f"cache of {self.conversation}".encode()).hexdigest()[:32]

    def _cache_hint(self, target: Target) -> Headers:
        hint = self._hint
        return () if hint is None else cache_fields(target, hint.encode())


def _without(dropped: Sequence[str]) -> str:
    """Return in few words what an upstream could not be told."""
    if not dropped:
        return ""
    named = ", ".join(sorted(set(dropped))[:_NAMED])
    more = len(set(dropped)) - _NAMED
    return f"without {named}" + (f" and {more} more" if more > 0 else "")


def _restated(inbound: Inbound, status: int, body: bytes) -> tuple[int, bytes]:
    return write_error(dialect_of(inbound.path), read_error(status, body), inbound.id)


async def beside(change: Callable[[], T], length: int, bound: int) -> T:
    """Do what takes long for a long body in a thread, so that others have their turn."""
    return await trio.to_thread.run_sync(change) if length > bound else change()
