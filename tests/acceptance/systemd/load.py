"""Clients of the booted daemon: streams that run, and newcomers, each on a connection of its own.

python load.py ADDRESS STREAMS DIRECTORY: writes ``DIRECTORY/running`` once every stream has begun, and sends newcomers
until there is ``DIRECTORY/enough``. Then prints what came of all as JSON.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import httpx
import trio

_EVERY = 0.05
"""Seconds from one newcomer to the next."""


def _asked(model: str, *, stream: bool) -> dict[str, object]:
    return {
        "model": model,
        "max_tokens": 64,
        "stream": stream,
        "messages": [{"role": "user", "content": "Good morning"}],
    }


async def _stream(client: httpx.AsyncClient, url: str, begun: trio.Event, ends: Counter[str]) -> None:
    text = ""
    try:
        async with client.stream("POST", url, json=_asked("claude-opus-4-1", stream=True)) as answer:
            async for piece in answer.aiter_text():
                text += piece
                if "content_block_delta" in text:
                    begun.set()
        whole = "event: message_stop" in text and answer.status_code == 200
        ends["whole" if whole else f"cut: {answer.status_code} {text[-200:]!r}"] += 1
    except httpx.HTTPError as error:
        ends[f"cut: {error!r}"] += 1
    finally:
        begun.set()


async def _newcomer(client: httpx.AsyncClient, url: str, ends: Counter[str]) -> None:
    try:
        answer = await client.post(url, json=_asked("claude-sonnet-4-5", stream=False))
        ends["served" if answer.status_code == 200 else f"{answer.status_code} {answer.text[:200]}"] += 1
    except httpx.HTTPError as error:
        ends[repr(error)] += 1


async def main(address: str, count: int, directory: Path) -> None:
    """Send everything and tell what came of it."""
    url = f"http://{address}/v1/messages"
    streams: Counter[str] = Counter()
    newcomers: Counter[str] = Counter()
    alone = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with (
        httpx.AsyncClient(limits=alone, timeout=120, trust_env=False) as client,
        trio.open_nursery() as nursery,
    ):
        begun = [trio.Event() for _ in range(count)]
        for event in begun:
            nursery.start_soon(_stream, client, url, event, streams)
        for event in begun:
            await event.wait()
        (directory / "running").touch()
        while not (directory / "enough").exists():
            nursery.start_soon(_newcomer, client, url, newcomers)
            await trio.sleep(_EVERY)
    print(json.dumps({"streams": streams, "newcomers": newcomers}))


trio.run(main, sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
