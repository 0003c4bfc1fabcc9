"""A minimal Responses API, scripted item by item: to see what Codex sends and wants when nothing stands between."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import trio

from ccflared.demo.acts import Act, Data, Finish, Status
from ccflared.demo.connection import Connection, Ending, Request

Item = dict[str, Any]
"""An output item, without its id and status."""


def says(text: str) -> Item:
    """Return an item that is text."""
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "role": "assistant", "content": [part]}


def calls(name: str, arguments: dict[str, Any], call_id: str = "call_1") -> Item:
    """Return an item that calls a function."""
    return {
        "type": "function_call",
        "call_id": call_id,
        "name": name,
        "arguments": json.dumps(arguments),
    }


def calls_freely(name: str, text: str, call_id: str = "call_1") -> Item:
    """Return an item that calls a custom tool, whose input is text of any form."""
    return {"type": "custom_tool_call", "call_id": call_id, "name": name, "input": text}


@dataclass(slots=True)
class Responses:
    """Answers the n-th request with the n-th items, and every later one with the last."""

    answers: Sequence[Sequence[Item]]
    requests: list[Request] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The JSON bodies of the requests for an answer."""
        return [json.loads(request.body or b"") for request in self.requests if request.method == "POST"]

    async def serve(self, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve on a free port until cancelled; started with it."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        task_status.started(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(self._converse, listeners)

    async def _converse(self, stream: trio.SocketStream) -> None:
        connection = Connection(stream, max_body=64 * 1024 * 1024)
        ending: Ending = "kept"
        while ending == "kept" and (request := await connection.request()) is not None:
            self.requests.append(request)
            ending = await connection.perform(self._answer(request))
        await trio.aclose_forcefully(stream)

    def _answer(self, request: Request) -> Iterator[Act]:
        path = request.target.partition("?")[0]
        if request.method != "POST" or path != "/v1/responses":
            # To the attempt to speak by WebSocket 426 says at once that it must be HTTP.
            yield Status(426 if path == "/v1/responses" else 404, ((b"content-length", b"0"),))
            yield Finish()
            return
        turn = min(len(self.bodies), len(self.answers)) - 1
        yield Status(200, ((b"content-type", b"text/event-stream"),))
        for number, (kind, event) in enumerate(_events(self.answers[turn], turn)):
            data = json.dumps({"type": kind, "sequence_number": number} | event)
            yield Data(f"event: {kind}\ndata: {data}\n\n".encode())
        yield Finish()


def _events(items: Sequence[Item], turn: int) -> Iterator[tuple[str, dict[str, Any]]]:
    whole = {
        "id": f"resp_{turn}",
        "object": "response",
        "created_at": 1_800_000_000,
        "status": "in_progress",
        "model": "gpt-5.5",
        "output": [],
    }
    yield "response.created", {"response": whole}
    done = []
    for place, item in enumerate(items):
        named = {"id": f"item_{turn}_{place}", "status": "completed"} | item
        yield (
            "response.output_item.added",
            {"output_index": place, "item": named | {"status": "in_progress"}},
        )
        yield "response.output_item.done", {"output_index": place, "item": named}
        done.append(named)
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 110,
    }
    yield (
        "response.completed",
        {"response": whole | {"status": "completed", "output": done, "usage": usage}},
    )
