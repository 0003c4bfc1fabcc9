"""The transport is one of httpx's: an ordinary httpx.AsyncClient works over it."""

import httpx
import trio
from stage import QUESTION, events

from ccflared.daemon.transport import Transport
from ccflared.demo.provider import FakeProvider

HEADERS = {"x-api-key": "k", "anthropic-version": "2023-06-01", "accept-encoding": "identity"}


async def test_an_ordinary_httpx_client_works_over_the_transport() -> None:
    async with trio.open_nursery() as nursery:
        port = await nursery.start(FakeProvider().serve)
        url = f"http://127.0.0.1:{port}/v1/messages"
        transport = Transport()
        async with httpx.AsyncClient(transport=transport, headers=HEADERS) as client:
            answer = await client.post(url, json=QUESTION)
            assert answer.json()["type"] == "message"
            body = b""
            async with client.stream("POST", url, json=QUESTION | {"stream": True}) as stream:
                async for piece in stream.aiter_raw():
                    body += piece
            assert events(body)[-1]["type"] == "message_stop"
            async with client.stream("POST", url, json=QUESTION | {"stream": True}) as stream:
                assert stream.status_code == 200  # and left before its end
            assert (await client.get(url.replace("messages", "models"))).status_code == 200
        assert not transport._idle
        nursery.cancel_scope.cancel()
