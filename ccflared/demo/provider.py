"""The fake provider: an honest imitation of two APIs' behaviour on the wire, for demo and tests.

It speaks Anthropic's Messages and, at any path that ends in ``/chat/completions``, OpenAI's Chat Completions. It
answers on a loopback port what a script says, one script for each credential, and remembers what it saw.
"""

import hashlib
import math
import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import trio

from ccflared.demo import catalog, chat_asked, usage
from ccflared.demo.acts import Act, Await, Pause
from ccflared.demo.asked import Asked, Fault, read
from ccflared.demo.chat_stream import InChat
from ccflared.demo.connection import Connection, Ending, Request
from ccflared.demo.limits import Meter
from ccflared.demo.play import Scene, acts, document, problem
from ccflared.demo.said import mark
from ccflared.demo.script import Answer, Behaviour, Cycle, Held, Metered, Slow, Spending, Window
from ccflared.demo.spelling import Spelling
from ccflared.demo.stream import InMessages
from ccflared.demo.strict import fault_in
from ccflared.wire import Headers

Endpoint = Literal["messages", "chat", "count_tokens", "models", "model", "usage"]
PREFIXES = 1000
"""Prompt prefixes that the imitated cache remembers."""


@dataclass(slots=True, eq=False)
class Seen:
    """One request as it arrived. Its repr shows no credential."""

    at: float
    """Wall clock."""
    arrived: float
    """``trio.current_time()`` once its body was read."""
    method: str
    target: str
    headers: Headers
    body: bytes
    key: str | None
    """The credential it came with."""
    left: trio.Event = field(default_factory=trio.Event)
    """Set when the peer hung up before the answer had ended."""
    left_at: float | None = None
    """``trio.current_time()`` of that."""
    ended: trio.Event = field(default_factory=trio.Event)
    """Set when the answer ended, however it did."""

    def get(self, name: bytes) -> bytes | None:
        """Return the first value of the header field ``name`` (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)

    def __repr__(self) -> str:
        return f"Seen({self.method} {self.target}, {len(self.body)} bytes)"


@dataclass(slots=True)
class Script:
    """What one credential's requests get: ``coming`` in order, then ``then`` for ever."""

    coming: deque[Behaviour] = field(default_factory=deque)
    then: Behaviour | None = None
    turn: int = 0
    meter: Meter | None = None

    def next(self, default: Behaviour) -> Behaviour:
        """Return the behaviour for the next request, with its cycles resolved."""
        behaviour = self.coming.popleft() if self.coming else (self.then or default)
        while isinstance(behaviour, Cycle):
            behaviour = behaviour.behaviours[self.turn % len(behaviour.behaviours)]
            self.turn += 1
        metered = behaviour.behaviour if isinstance(behaviour, Slow) else behaviour
        if isinstance(metered, Metered) and (self.meter is None or self.meter.plan != metered):
            self.meter = Meter(metered)
        return behaviour


class FakeProvider:
    """See the module. Serve it in a nursery: ``port = await nursery.start(provider.serve)``."""

    def __init__(
        self,
        *,
        default: Behaviour | None = None,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        remember: int = 1000,
        max_body: int = 64 * 1024 * 1024,
        open_to_all: bool = False,
        accepts: Callable[[str], bool] = lambda _: True,
        strict: bool = False,
        allows: Collection[str] = (),
    ) -> None:
        """``default``: for credentials without a script. ``remember``: how many requests ``seen`` keeps.

        ``open_to_all``: a request without any credential is served, too; else it gets the API's 401. ``accepts``: says
        of each credential whether it holds; one that does not gets the 401, too. ``strict``: a Messages request must be
        right in everything, as :mod:`ccflared.demo.strict` has it; a thinking block, too, which must bear the signature
        of a provider with this ``seed``. Chat Completions requests always must be right, as
        :mod:`ccflared.demo.chat_rules` has it, but may have the keys in ``allows``, as APIs do that are less strict.
        """
        self.seen: deque[Seen] = deque(maxlen=remember)
        self.count = 0
        """Requests that have arrived so far."""
        self._default: Behaviour = default or Answer()
        self._seed = seed
        self._clock = clock
        self._max_body = max_body
        self._open_to_all = open_to_all
        self._strict = strict
        self._allows = frozenset(allows)
        self._messages = InMessages(str(seed))
        self._chat = InChat()
        self.accepts = accepts
        """Says of a credential whether it holds."""
        self._scripts: dict[tuple[str, Endpoint], Script] = {}
        self._prefixes: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._arrival = trio.Event()

    def play(
        self, key: str, *behaviours: Behaviour, then: Behaviour | None = None, on: Endpoint = "messages"
    ) -> None:
        """Script the requests of credential ``key``: these in order, then ``then`` (or the default) for ever.

        ``on``: which endpoint; a script for messages does not touch the others. A new one replaces the old. Of
        ``models``, the listing, and ``model``, any single one, only whole answers and failures are played: they are no
        streams; an Answer knows every single model, once they are scripted. ``usage`` are the usage
        endpoints of all providers; an Answer there tells of a metered plan what is used of it.
        """
        self._scripts[key, on] = Script(deque(behaviours), then)

    async def received(self, count: int) -> Seen:
        """Wait until ``count`` requests have arrived since the provider was made; return the latest."""
        while self.count < count:
            await self._arrival.wait()
        return self.seen[-1]

    async def serve(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until cancelled; ``started`` with the port bound."""
        listeners = await trio.open_tcp_listeners(port, host=host)
        task_status.started(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(self._converse, listeners)

    async def _converse(self, stream: trio.SocketStream) -> None:
        connection = Connection(stream, max_body=self._max_body)
        ending: Ending = "kept"
        try:
            while ending == "kept" and (request := await connection.request()) is not None:
                seen = self._note(request)
                ending = await connection.perform(self._respond(request, seen))
                if ending == "left":
                    seen.left_at = trio.current_time()
                    seen.left.set()
                seen.ended.set()
        finally:
            with trio.CancelScope(shield=True):
                await stream.aclose()

    def _note(self, request: Request) -> Seen:
        seen = Seen(
            at=self._clock(),
            arrived=trio.current_time(),
            method=request.method,
            target=request.target,
            headers=request.headers,
            body=request.body or b"",
            key=_credential(request.headers),
        )
        self.seen.append(seen)
        self.count += 1
        self._arrival.set()
        self._arrival = trio.Event()
        return seen

    def _respond(self, request: Request, seen: Seen) -> Iterator[Act]:
        dice = random.Random(f"{self._seed}/{self.count}")
        request_id = f"req_01{mark(dice)}"
        key = seen.key or ""
        organization = _uuid(key)
        path = request.target.partition("?")[0]
        chatting = _is_chat(path, request.headers)
        spelling: Spelling = self._chat if chatting else self._messages
        fail = partial(problem, request_id, organization=organization, spelling=spelling)
        tell = partial(document, request_id=request_id, organization=organization, spelling=spelling)
        if request.body is None:
            return fail(413, "Request exceeds the maximum size")
        match (request.method, path.removeprefix("/v1/").split("/")):
            case _ if not path.startswith("/v1/") and path not in usage.FORMS and not chatting:
                return fail(404, "Not Found")
            case _ if seen.key is None and not self._open_to_all:
                return fail(
                    401, "You didn't provide an API key." if chatting else "x-api-key header is required"
                )
            case _ if seen.key is not None and not self.accepts(seen.key):
                return fail(401, "OAuth token has expired or is not valid")
            case ("GET", _) if path in usage.FORMS:
                return self._tell_usage(path, request, key, dice, request_id)
            case ("POST", [*_, "chat", "completions"]):
                return self._play(request, key, "chat", dice, request_id)
            case ("POST", ["messages"]):
                return self._play(request, key, "messages", dice, request_id)
            case ("POST", ["messages", "count_tokens"]):
                return self._play(request, key, "count_tokens", dice, request_id)
            case ("GET", [*_, "models"]):
                return self._play(request, key, "models", dice, request_id)
            case ("GET", [*_, "models", _]) if (key, "model") in self._scripts:
                return self._play(request, key, "model", dice, request_id)
            case ("GET", [*_, "models", model]) if (entry := catalog.find(model, chat=chatting)) is not None:
                return tell(entry)
            case ("GET", [*_, "models", model]):
                return fail(404, f"model: {model}")
            case _:
                return fail(404, "Not Found")

    def _tell_usage(
        self, path: str, request: Request, key: str, dice: random.Random, request_id: str
    ) -> Iterator[Act]:
        behaviour = self._scripts.setdefault((key, "usage"), Script()).next(Answer())
        if isinstance(behaviour, Slow):
            yield Pause(behaviour.before)
            behaviour = behaviour.behaviour
        if isinstance(behaviour, Held):
            yield Await(behaviour.release)
            behaviour = behaviour.answer
        if isinstance(behaviour, Answer):
            meter = self._scripts.setdefault((key, "messages"), Script()).meter
            running = meter.look(self._clock()) if meter else None
            behaviour = Spending(five_hour=running or Window(0.0, math.inf))
        if not isinstance(behaviour, Spending):
            scene = self._scene(request, Fault("no message"), dice, request_id, self._messages, key=key)
            yield from acts(behaviour, scene)
            return
        told = usage.told(usage.FORMS[path], behaviour, self._clock())
        organization = _uuid(key)
        if told is None:
            yield from problem(
                request_id, 401, "invalid token", organization=organization, spelling=self._messages
            )
        else:
            yield from document(told, request_id, organization, self._messages)

    def _play(
        self, request: Request, key: str, endpoint: Endpoint, dice: random.Random, request_id: str
    ) -> Iterator[Act]:
        script = self._scripts.setdefault((key, endpoint), Script())
        behaviour = script.next(self._default if endpoint in {"messages", "chat"} else Answer())
        organization = _uuid(key)
        chatting = _is_chat(request.target.partition("?")[0], request.headers)
        spelling: Spelling = self._chat if chatting else self._messages
        if endpoint == "models" and isinstance(behaviour, Answer):
            return document(catalog.listing(chat=chatting), request_id, organization, spelling)
        if endpoint == "model" and isinstance(behaviour, Answer):
            named = request.target.partition("?")[0].rpartition("/")[2]
            return document({"type": "model", "id": named}, request_id, organization, spelling)
        asked = self._read(request, endpoint)
        if endpoint == "count_tokens" and isinstance(behaviour, Answer) and isinstance(asked, Asked):
            tokens = asked.tokens if behaviour.input_tokens is None else behaviour.input_tokens
            return document({"input_tokens": tokens}, request_id, organization, spelling)
        scene = self._scene(request, asked, dice, request_id, spelling, key=key, meter=script.meter)
        return acts(behaviour, scene)

    def _read(self, request: Request, endpoint: Endpoint) -> Asked | Fault:
        body = request.body or b""
        if endpoint == "chat":
            fault = chat_asked.fault_of_head(request.target, request.headers)
            return fault or chat_asked.read(body, allows=self._allows)
        if not any(name == b"anthropic-version" for name, _ in request.headers):
            return Fault("anthropic-version: header is required")
        counting = endpoint == "count_tokens"
        asked = read(body, counting=counting)
        if self._strict and isinstance(asked, Asked):
            return fault_in(body, self._messages.signer, counting=counting) or asked
        return asked

    def _scene(
        self,
        request: Request,
        asked: Asked | Fault,
        dice: random.Random,
        request_id: str,
        spelling: Spelling,
        *,
        key: str,
        meter: Meter | None = None,
    ) -> Scene:
        return Scene(
            asked=asked,
            now=self._clock(),
            dice=dice,
            request_id=request_id,
            organization=_uuid(key),
            warm=isinstance(asked, Asked) and asked.prefix is not None and self._cached(key, asked.prefix),
            gzip=any(name == b"accept-encoding" and b"gzip" in value for name, value in request.headers),
            meter=meter,
            spelling=spelling,
        )

    def _cached(self, key: str, prefix: str) -> bool:
        """Whether the prefix was sent with this credential before; from now on it was."""
        known = (key, prefix) in self._prefixes
        self._prefixes[key, prefix] = None
        self._prefixes.move_to_end((key, prefix))
        while len(self._prefixes) > PREFIXES:
            self._prefixes.popitem(last=False)
        return known


def _is_chat(path: str, headers: Headers) -> bool:
    """Whether a request is to OpenAI's API: by its path, and where both have it, by what only one wants to be told."""
    if path.endswith("/chat/completions"):
        return True
    listing = "/models" in path and path not in usage.FORMS
    return listing and not any(name == b"anthropic-version" for name, _ in headers)


def _credential(headers: Headers) -> str | None:
    """Return what came as x-api-key or as a bearer token."""
    for field_name, value in headers:
        if field_name == b"x-api-key" and value:
            return value.decode("latin-1")
        if field_name == b"authorization" and value.strip():
            bare = value[7:] if value[:7].lower() == b"bearer " else value
            return bare.strip().decode("latin-1") or None
    return None


def _uuid(key: str) -> str:
    """Return the organization a credential belongs to: made from it, but not telling it."""
    digits = hashlib.sha256(b"organization of " + key.encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"
