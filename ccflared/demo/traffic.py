"""Plausible clients for ``ccflared demo --traffic``: conversations with turns, streams, tools and aborts.

Gentle and bounded: few connections, small bodies, pauses that heed the retry-after of an answer. It speaks to
loopback only.
"""

import ipaddress
import json
import random
import uuid
from dataclasses import dataclass, field
from typing import Any

import h11
import trio

from ccflared.errors import Refused

MODELS = ("claude-opus-5-5", "claude-sonnet-5", "claude-sonnet-5", "claude-haiku-4-5")
QUESTIONS = (
    "What does this function do?",
    "Why does the test fail on Tuesdays?",
    "Please rename this variable.",
    "Is there an off-by-one error in the loop?",
    "Write the changelog entry.",
)
TOOL = {
    "name": "list_files",
    "description": "List the files of a directory",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
}
SYSTEM = [
    {
        "type": "text",
        "text": "You are a careful programmer who answers in one sentence. " * 40,
        "cache_control": {"type": "ephemeral"},
    }
]
LONGEST_ANSWER = 1024 * 1024
PATIENCE = 120.0
"""Seconds after which a client gives up."""
LONGEST_PAUSE = 15.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``status`` None: no answer, or the client hung up on purpose."""

    status: int | None
    retry_after: float = 0.0
    body: bytes = b""


@dataclass(slots=True)
class Conversation:
    """One client's conversation: what was said so far, under one session id."""

    model: str
    session: str
    messages: list[dict[str, Any]] = field(default_factory=list)


async def traffic(
    host: str,
    port: int,
    *,
    path: str = "/v1/messages",
    key: str | None = None,
    conversations: int = 3,
    pause: float = 2.0,
    seed: int = 0,
) -> None:
    """Send requests to ``http://host:port`` until cancelled, from so many conversations at a time.

    ``pause``: seconds between two requests of a conversation, on average. ``key``: a client key, where one is
    asked for. Raises Refused when ``host`` is no loopback address.
    """
    address = _loopback(host)
    async with trio.open_nursery() as nursery:
        for number in range(conversations):
            client = Client(address, port, path, key, random.Random(f"{seed}/{number}"), pause)
            nursery.start_soon(client.converse)


def _loopback(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise Refused(f"demo traffic goes to a loopback address only, not to {host}") from None
    if not address.is_loopback:
        raise Refused(f"demo traffic goes to a loopback address only, not to {host}")
    return str(address)


@dataclass(frozen=True, slots=True)
class Client:
    """One client, with dice of its own."""

    address: str
    port: int
    path: str
    key: str | None = field(repr=False)
    dice: random.Random
    pause: float

    async def converse(self) -> None:
        """Hold one conversation after the other."""
        while True:
            session = str(uuid.UUID(int=self.dice.getrandbits(128), version=4))
            talk = Conversation(self.dice.choice(MODELS), session)
            for _ in range(self.dice.randint(1, 5)):
                await trio.sleep(self.dice.uniform(0.2, 1.8) * self.pause)
                talk.messages.append({"role": "user", "content": self.dice.choice(QUESTIONS)})
                if not await self._turn(talk):
                    break

    async def _turn(self, talk: Conversation) -> bool:
        """Ask, use tools as long as they are called, and note the answer; False ends the conversation."""
        with_tool = self.dice.random() < 0.3
        while True:
            streaming = self.dice.random() < 0.85
            leave_after = self.dice.randint(1, 1500) if self.dice.random() < 0.08 else None
            reply = await self._ask(talk, streaming, with_tool, leave_after)
            if reply.status != 200:
                await trio.sleep(min(LONGEST_PAUSE, max(self.pause, reply.retry_after)))
                return False
            try:
                content = _streamed(reply.body) if streaming else _whole(reply.body)
            except ValueError:
                content = []  # not JSON: the conversation is over, as it is for a real client
            if not content:
                return False
            talk.messages.append({"role": "assistant", "content": content})
            calls = [block for block in content if block.get("type") == "tool_use"]
            if not calls:
                return True
            talk.messages.append({"role": "user", "content": [_result(call) for call in calls]})

    async def _ask(
        self, talk: Conversation, streaming: bool, with_tool: bool, leave_after: int | None
    ) -> Reply:
        body: dict[str, Any] = {
            "model": talk.model,
            "max_tokens": 1024,
            "system": SYSTEM,
            "messages": talk.messages,
            "stream": streaming,
        }
        if with_tool:
            body["tools"] = [TOOL]
        headers = [
            ("host", f"{self.address}:{self.port}"),
            ("user-agent", "ccflared-demo-traffic"),
            ("content-type", "application/json"),
            ("anthropic-version", "2023-06-01"),
            ("x-claude-code-session-id", talk.session),
            ("connection", "close"),
        ]
        if self.key is not None:
            headers.append(("x-api-key", self.key))
        with trio.move_on_after(PATIENCE):
            try:
                return await self._exchange(json.dumps(body).encode(), headers, leave_after)
            except (OSError, trio.BrokenResourceError, h11.RemoteProtocolError):
                return Reply(None)
        return Reply(None)

    async def _exchange(self, body: bytes, headers: list[tuple[str, str]], leave_after: int | None) -> Reply:
        http = h11.Connection(h11.CLIENT)
        fields = [*headers, ("content-length", str(len(body)))]
        async with await trio.open_tcp_stream(self.address, self.port) as stream:
            for event in (
                h11.Request(method="POST", target=self.path, headers=fields),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                await stream.send_all(http.send(event) or b"")
            status, wait, got = 0, 0.0, bytearray()
            while len(got) < LONGEST_ANSWER:
                match http.next_event():
                    case h11.NEED_DATA:
                        http.receive_data(await stream.receive_some())
                    case h11.Response() as head:
                        status, wait = head.status_code, _retry_after(head)
                    case h11.Data() as piece:
                        got += piece.data
                        if leave_after is not None and len(got) >= leave_after:
                            return Reply(None)
                    case h11.InformationalResponse():
                        pass
                    case h11.EndOfMessage():
                        break
                    case _:
                        return Reply(None)
        return Reply(status, wait, bytes(got))


def _retry_after(head: h11.Response) -> float:
    for name, value in head.headers:
        if name == b"retry-after" and value.isdigit():
            return float(value)
    return 0.0


def _whole(body: bytes) -> list[dict[str, Any]]:
    """Return the content blocks of a JSON answer."""
    content = json.loads(body).get("content")
    return content if isinstance(content, list) else []


def _streamed(body: bytes) -> list[dict[str, Any]]:
    """Return the content blocks of a stream; none where it broke."""
    blocks: list[dict[str, Any]] = []
    arguments: list[str] = []
    for line in body.decode().splitlines():
        if not line.startswith("data:"):
            continue
        event = json.loads(line[5:])
        match event.get("type"):
            case "content_block_start":
                blocks.append(event["content_block"])
                arguments.append("")
            case "content_block_delta":
                delta = event["delta"]
                if delta["type"] == "text_delta":
                    blocks[-1]["text"] += delta["text"]
                elif delta["type"] == "input_json_delta":
                    arguments[-1] += delta["partial_json"]
            case "error":
                return []
            case _:
                pass
    for block, text in zip(blocks, arguments, strict=True):
        if block.get("type") == "tool_use":
            block["input"] = json.loads(text or "{}")
    return blocks


def _result(call: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call["id"], "content": "README.md  main.py  tests"}
