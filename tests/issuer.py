"""A fake issuer of OAuth tokens, as strict as real ones are: single-use refresh tokens, proof keys, revocation.

A refresh token is spent when it is exchanged. As long as nothing of what came for it was used, exchanging it once more
gives another pair (the grace that RFC 9700 section 4.14.2 leaves to an issuer, and that interrupted clients live by);
after that it is a reuse, which revokes the whole login.
"""

import base64
import hashlib
import json
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import trio

from ccflared.demo.acts import Act, Await, Data, Finish, Hang, HangUp, Status
from ccflared.demo.connection import Connection, Ending, Request


@dataclass(frozen=True, slots=True)
class Refusing:
    """An answer that gives no tokens, whatever was asked."""

    status: int = 503
    body: bytes = b'{"error":"temporarily_unavailable"}'
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Breaking:
    """The connection ends without an answer: before anything was exchanged, or after."""

    after_exchange: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """The true answer, once the event is set; None: never any, before or after the exchange."""

    event: trio.Event | None = None
    after_exchange: bool = False


Trick = Refusing | Breaking | Waiting


@dataclass(slots=True)
class Family:
    """One login: the pair that counts, and what came before it."""

    access: str
    refresh: str
    ends: float
    previous: str | None = None
    used: bool = False
    """Whether anything of the pair that counts was used."""
    spent: set[str] = field(default_factory=set)
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code that was given out."""

    challenge: str
    redirect_uri: str


Exchange = Literal["refresh", "code", "refused"]


class FakeIssuer:
    """See the module. Serve it in a nursery: ``port = await nursery.start(issuer.serve)``."""

    def __init__(
        self,
        *,
        client_id: str = "the-operators-own",
        lifetime: float = 3600.0,
        clock: Callable[[], float] = time.time,
        mark: str = "",
    ) -> None:
        """``lifetime``: seconds that access tokens hold. ``mark``: what every token begins with."""
        self._mark = mark
        self.client_id = client_id
        self.lifetime = lifetime
        self.clock = clock
        self.asked: deque[Mapping[str, str]] = deque(maxlen=1000)
        """The parameters of each request to the token endpoint."""
        self.done: deque[Exchange] = deque(maxlen=1000)
        """What came of each."""
        self.encodings: deque[bytes] = deque(maxlen=1000)
        self.tricks: deque[Trick] = deque()
        """What the next requests meet."""
        self.always: Trick | None = None
        """What every request meets after that."""
        self._families: list[Family] = []
        self._codes: dict[str, Code] = {}
        self._arrived = trio.Event()
        self._answered = 0
        self._answer = trio.Event()

    @property
    def refreshes(self) -> int:
        """How many refresh tokens were exchanged."""
        return sum(each == "refresh" for each in self.done)

    def log_in(self) -> tuple[str, str]:
        """Return a pair of a new login: access token and refresh token."""
        family = Family(self._name("at"), self._name("rt"), self.clock() + self.lifetime)
        self._families.append(family)
        return family.access, family.refresh

    def approve(self, url: str) -> str:
        """Do what a person does in the browser at the login page; return the text that is shown there to be pasted."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        expected = {"response_type": "code", "client_id": self.client_id, "code_challenge_method": "S256"}
        if any(asked.get(name) != value for name, value in expected.items()):
            raise ValueError(f"the login page expects {expected}")
        code = self._name("code")
        self._codes[code] = Code(asked["code_challenge"], asked["redirect_uri"])
        return f"{code}#{asked['state']}"

    def accepts(self, access: str) -> bool:
        """Whether an access token holds now. To use it is to have received it: its predecessor's grace is over."""
        family = next((each for each in self._families if each.access == access), None)
        if family is None or family.revoked or self.clock() >= family.ends:
            return False
        family.used = True
        return True

    def end(self, access: str) -> None:
        """Let an access token end now; its login goes on."""
        family = next(each for each in self._families if each.access == access)
        family.ends = self.clock()

    def revoke(self) -> None:
        """Take back every login."""
        for family in self._families:
            family.revoked = True

    async def arrived(self, count: int) -> None:
        """Wait until ``count`` requests have come since the issuer was made."""
        while len(self.asked) < count:
            await self._arrived.wait()

    async def answered(self, count: int) -> None:
        """Wait until ``count`` requests were answered since the issuer was made."""
        while self._answered < count:
            await self._answer.wait()

    async def serve(
        self, *, port: int = 0, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled; ``started`` with the port bound."""
        listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
        task_status.started(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(self._converse, listeners)

    async def _converse(self, stream: trio.SocketStream) -> None:
        connection = Connection(stream, max_body=64 * 1024)
        ending: Ending = "kept"
        try:
            while ending == "kept" and (request := await connection.request()) is not None:
                ending = await connection.perform(self._respond(request))
                self._answered += 1
                self._answer.set()
                self._answer = trio.Event()
        finally:
            with trio.CancelScope(shield=True):
                await stream.aclose()

    def _respond(self, request: Request) -> Iterator[Act]:
        kind = next((value for name, value in request.headers if name == b"content-type"), b"")
        body = (request.body or b"").decode()
        asked = dict(parse_qsl(body)) if b"form" in kind else json.loads(body)
        self.asked.append(asked)
        self._arrived.set()
        self._arrived = trio.Event()
        self.encodings.append(kind)
        trick = self.tricks.popleft() if self.tricks else self.always
        match trick:
            case Refusing():
                self.done.append("refused")
                yield from _answer(trick.status, trick.body, trick.headers)
                return
            case Breaking(after_exchange=False):
                yield HangUp()
                return
            case Waiting(event=None, after_exchange=False):
                yield Hang()
                return
            case Waiting(event=event) if event is not None:
                yield Await(event)
        status, told = self._exchange(asked)
        self.done.append("refused" if status >= 300 else "refresh" if "refresh_token" in asked else "code")
        if isinstance(trick, Breaking):
            yield HangUp()
            return
        if isinstance(trick, Waiting) and trick.event is None:
            yield Hang()
        yield from _answer(status, json.dumps(told).encode(), ())

    def _exchange(self, asked: Mapping[str, str]) -> tuple[int, Mapping[str, object]]:
        if asked.get("client_id", self.client_id) != self.client_id:
            return 401, {"error": "invalid_client"}
        if asked.get("grant_type") == "authorization_code":
            return self._code(asked)
        token = asked.get("refresh_token", "")
        family = next(
            (f for f in self._families if token in (f.refresh, f.previous) or token in f.spent), None
        )
        if family is None or family.revoked:
            return 400, {"error": "invalid_grant", "error_description": "Refresh token not found or invalid"}
        if token != family.refresh and (family.used or token != family.previous):
            family.revoked = True
            return 400, {"error": "invalid_grant", "error_description": "Refresh token was used before"}
        if token == family.refresh:
            if family.previous is not None:
                family.spent.add(family.previous)
            family.previous = token
        family.access, family.refresh, family.used = self._name("at"), self._name("rt"), False
        family.ends = self.clock() + self.lifetime
        return 200, self._told(family)

    def _code(self, asked: Mapping[str, str]) -> tuple[int, Mapping[str, object]]:
        code = self._codes.pop(asked.get("code", ""), None)
        digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if code is None or code.challenge != proof or code.redirect_uri != asked.get("redirect_uri"):
            return 400, {"error": "invalid_grant", "error_description": "Invalid code"}
        family = Family(self._name("at"), self._name("rt"), self.clock() + self.lifetime)
        self._families.append(family)
        return 200, self._told(family)

    def _told(self, family: Family) -> Mapping[str, object]:
        return {
            "token_type": "Bearer",
            "access_token": family.access,
            "refresh_token": family.refresh,
            "expires_in": self.lifetime,
        }

    def _name(self, kind: str) -> str:
        return f"{self._mark}{kind}-{secrets.token_urlsafe(18)}"


def oauth_table(port: int, client_id: str | None = "the-operators-own") -> str:
    """Return the keys of an oauth table that leads to an issuer on this port of loopback, on one line each."""
    keys = {
        "authorize_url": f"http://127.0.0.1:{port}/authorize?{urlencode({'code': 'true'})}",
        "token_url": f"http://127.0.0.1:{port}/token",
        "redirect_uri": f"http://127.0.0.1:{port}/callback",
    } | ({"client_id": client_id} if client_id else {})
    return "\n".join(
        [*(f'{name} = "{value}"' for name, value in keys.items()), 'betas = ["oauth-2025-04-20"]']
    )


def _answer(status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> Iterator[Act]:
    yield Status(
        status,
        ((b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers),
    )
    yield Data(body)
    yield Finish()
