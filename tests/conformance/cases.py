"""What a case is: something sent, what the upstream answers to it, and what must be true of both sides afterwards."""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from exchange import Answer, Call, Client, Reply, Upstream, Watch, post, server_sent

UPSTREAM_KEY = "sk-upstream-key"
SECRET = "sk-client-secret"
"""The client's own credential: nothing that goes upstream may hold it."""

CLIENT_HEADERS = (
    f"x-api-key: {SECRET}",
    f"Cookie: session={SECRET}",
    "anthropic-version: 2023-06-01",
    "anthropic-beta: tools-2024-04-04",
    "User-Agent: conformance/1",
    "X-Stainless-Lang: python",
)
OPENAI_HEADERS = (
    f"Authorization: Bearer {SECRET}",
    f"Cookie: session={SECRET}",
    "OpenAI-Organization: org-client",
    "User-Agent: conformance/1",
)


class Broken(AssertionError):  # noqa: N818 - it is said of rules, and no mistake of the program
    """A rule that was not kept; the message says which."""


def must(holds: object, reason: str) -> None:
    if not holds:
        raise Broken(reason)


def same(got: object, wanted: object, what: str) -> None:
    """``got`` must be ``wanted``, types included: 1 is not True, and not 1.0."""
    if not (got == wanted and json.dumps(got, sort_keys=True) == json.dumps(wanted, sort_keys=True)):
        raise Broken(f"{what}: got {_short(got)} where {_short(wanted)} is due")


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 300 else f"{text[:300]}…"


@dataclass
class Outcome:
    """What a case left behind on both sides."""

    reply: Reply
    calls: list[Call]
    faults: list[str] = field(default_factory=list)

    @property
    def call(self) -> Call:
        must(
            self.calls,
            f"nothing was sent upstream; the client got {self.reply.status} {self.reply.body[:300]!r}",
        )
        return self.calls[-1]

    @cached_property
    def sent(self) -> Any:
        """The JSON that went upstream."""
        return self.call.json

    @cached_property
    def got(self) -> Any:
        """The JSON that the client got."""
        try:
            return self.reply.json
        except ValueError:
            raise Broken(f"the client got no JSON but {self.reply.body[:200]!r}") from None

    @cached_property
    def events(self) -> list[tuple[str, str]]:
        """The events that the client got: names and data."""
        try:
            return list(server_sent(self.reply.body))
        except UnicodeDecodeError:
            raise Broken("the stream that the client got is no UTF-8") from None


Check = Callable[[Outcome], None]


@dataclass(frozen=True)
class Case:
    """One exchange and its checks. ``act`` is for the cases in which the client does more than post a body."""

    name: str
    checks: tuple[Check, ...]
    path: str = ""
    body: bytes = b""
    answers: tuple[Answer, ...] = ()
    headers: tuple[str, ...] = ()
    act: "Callable[[Stage, Case], Outcome] | None" = None
    upstream: str = ""
    """The dialect of the account that serves it, where that is not the one of its category."""

    def run(self, stage: "Stage") -> None:
        """Play it; Broken where something is not as it must be."""
        stage.begin(self.answers)
        try:
            outcome = (self.act or ordinary)(stage, self)
        except OSError as error:
            raise Broken(f"the connection failed: {error!r}") from error
        must(not stage.upstream.faults, "; ".join(stage.upstream.faults))
        for check in self.checks:
            check(outcome)


@dataclass
class Stage:
    """A proxy under judgement, and the upstream of its only account."""

    host: str
    port: int
    upstream: Upstream
    watch: Watch
    reset: Callable[[], None]
    prefix: str = ""
    credential: str | None = None
    """The key that the proxy demands of its clients, where it demands one."""

    def begin(self, answers: Sequence[Answer]) -> None:
        self.reset()
        self.watch.clear()
        self.upstream.expect(answers)

    def client(self) -> Client:
        return Client(self.host, self.port, self.watch)

    def request(self, case: Case, *, method: str = "POST", more: Sequence[str] = ()) -> bytes:
        headers = [line.replace(SECRET, self.credential or SECRET) for line in case.headers]
        json_type = ["Content-Type: application/json"] if method == "POST" else []
        return post(
            self.prefix + case.path,
            case.body,
            f"{self.host}:{self.port}",
            [*json_type, *headers, *more],
            method,
        )

    def outcome(self, reply: Reply) -> Outcome:
        return Outcome(reply, list(self.upstream.calls), list(self.upstream.faults))


def ordinary(stage: Stage, case: Case) -> Outcome:
    with stage.client() as client:
        client.send(stage.request(case))
        return stage.outcome(client.receive())


def hang_up(after: bytes) -> Callable[[Stage, Case], Outcome]:
    """Return a client that goes away once it has got these bytes; the upstream must see it go."""

    def act(stage: Stage, case: Case) -> Outcome:
        with stage.client() as client:
            client.send(stage.request(case))
            client.until(after)
        must(stage.upstream.left.wait(5), "the upstream request lived on though the client had gone")
        return stage.outcome(Reply(0, [], b"", ended=True))

    return act


# --- checks of single places ------------------------------------------------------------------------------------------

MISSING: Any = object()


def find(value: Any, path: str) -> Any:
    """Return what stands at a dotted path, such as ``messages.-1.content``; MISSING where nothing does."""
    for part in path.split(".") if path else []:
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, TypeError, ValueError):
            return MISSING
    return value


def at(path: str, wanted: Any) -> Check:
    """The request that went upstream holds this there."""

    def check(outcome: Outcome) -> None:
        got = find(outcome.sent, path)
        must(got is not MISSING, f"sent.{path} is missing; the body was {_short(outcome.sent)}")
        same(got, wanted, f"sent.{path}")

    return check


def absent(*paths: str) -> Check:
    def check(outcome: Outcome) -> None:
        for path in paths:
            got = find(outcome.sent, path)
            must(got is MISSING, f"sent.{path} is {_short(got)} where nothing is due")

    return check


def gives(path: str, wanted: Any) -> Check:
    """The JSON that the client got holds this there."""

    def check(outcome: Outcome) -> None:
        got = find(outcome.got, path)
        must(got is not MISSING, f"got.{path} is missing; the answer was {_short(outcome.got)}")
        same(got, wanted, f"got.{path}")

    return check


def sent_that(holds: Callable[[Any], object], reason: str) -> Check:
    def check(outcome: Outcome) -> None:
        must(holds(outcome.sent), f"{reason}; sent was {_short(outcome.sent)}")

    return check


def got_that(holds: Callable[[Any], object], reason: str) -> Check:
    def check(outcome: Outcome) -> None:
        must(holds(outcome.got), f"{reason}; got was {_short(outcome.got)}")

    return check


def status(*wanted: int) -> Check:
    def check(outcome: Outcome) -> None:
        got = outcome.reply.status
        must(got in wanted, f"status {got} where {wanted} is due: {outcome.reply.body[:300]!r}")

    return check


def header(name: str, *wanted: str) -> Check:
    def check(outcome: Outcome) -> None:
        got = outcome.reply.header(name)
        must(got in wanted, f"header {name} is {got!r} where {wanted} is due")

    return check


def upstream_never(*words: str) -> Check:
    """None of these words goes upstream in any place."""

    def check(outcome: Outcome) -> None:
        for word in words:
            must(word.encode() not in outcome.call.raw, f"{word!r} went upstream: {_short(outcome.sent)}")

    return check


def client_never(*words: str) -> Check:
    def check(outcome: Outcome) -> None:
        for word in words:
            must(word.encode() not in outcome.reply.body, f"{word!r} reached the client")

    return check


def mentions(*words: str) -> Check:
    def check(outcome: Outcome) -> None:
        for word in words:
            must(
                word.lower().encode() in outcome.reply.body.lower(),
                f"{word!r} is not in {outcome.reply.body[:300]!r}",
            )

    return check


def asked(times: int) -> Check:
    return lambda outcome: must(
        len(outcome.calls) == times, f"{len(outcome.calls)} requests went upstream, not {times}"
    )


def either(*checks: Check) -> Check:
    """One of these holds."""

    def check(outcome: Outcome) -> None:
        reasons = []
        for each in checks:
            try:
                each(outcome)
            except Broken as error:
                reasons.append(str(error))
            else:
                return
        raise Broken(" / ".join(reasons))

    return check


def every(*checks: Check) -> Check:
    def check(outcome: Outcome) -> None:
        for each in checks:
            each(outcome)

    return check


def texts(value: Any) -> list[str]:
    """Return every string in a JSON value, in order."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    return [text for each in value for text in texts(each)] if isinstance(value, list) else []


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``changes``; a value of MISSING takes a key away."""
    return {key: value for key, value in (copy.deepcopy(base) | changes).items() if value is not MISSING}


def encoded(value: Any) -> bytes:
    return (
        value
        if isinstance(value, bytes)
        else json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    )
