"""A receiver of webhooks for tests: a server on loopback that keeps what it is sent and answers as it is told."""

import hmac
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import h11
import trio


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it came."""

    target: bytes
    fields: dict[bytes, bytes]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def signature_holds(self, secret: str) -> bool:
        """Check the signature as a receiver does by what the manual says."""
        stamp = self.fields[b"x-ccflared-timestamp"]
        wanted = "sha256=" + hmac.new(secret.encode(), stamp + b"." + self.body, sha256).hexdigest()
        return hmac.compare_digest(wanted.encode(), self.fields[b"x-ccflared-signature"])


@dataclass(slots=True)
class Receiver:
    """``answers``: the statuses it gives, the last one for ever; with fields where it is a pair."""

    answers: list[int | tuple[int, dict[str, str]]] = field(default_factory=lambda: [200])
    received: list[Received] = field(default_factory=list)
    _came: trio.Event = field(default_factory=trio.Event)

    async def serve(self, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve on a free port until cancelled; ``started`` with the port."""
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        task_status.started(listener.socket.getsockname()[1])
        await trio.serve_listeners(self._connection, [listener])

    async def wait_for(self, number: int) -> Received:
        """Return the request of that number, counted from 1, as soon as it has come."""
        with trio.fail_after(20):
            while len(self.received) < number:
                self._came = trio.Event()
                await self._came.wait()
        return self.received[number - 1]

    async def _connection(self, stream: trio.SocketStream) -> None:
        http, body = h11.Connection(h11.SERVER), b""
        request: h11.Request | None = None
        async with stream:
            while not isinstance(event := http.next_event(), h11.EndOfMessage | h11.ConnectionClosed):
                if event is h11.NEED_DATA:
                    http.receive_data(await stream.receive_some())
                elif isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.Data):
                    body += event.data
            if request is not None:
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                status, more = answer if isinstance(answer, tuple) else (answer, {})
                self.received.append(Received(request.target, dict(request.headers), body))
                fields = [*more.items(), ("content-length", "0"), ("connection", "close")]
                await stream.send_all(http.send(h11.Response(status_code=status, headers=fields)) or b"")
                self._came.set()
