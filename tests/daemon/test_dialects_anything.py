"""Whatever an upstream answers, its client gets an answer or an error of its own dialect, and no fault is logged."""

import json
import logging
from pathlib import Path

import httpx
import pytest
import trio
from dialects import (
    CROSSINGS,
    DONE,
    PATHS,
    QUESTIONS,
    TERMINALS,
    Client,
    Upstream,
    before,
    ended,
    failing,
    said,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stage import Stage
from upstreams import Link, far

KINDS = st.sampled_from(
    [b"application/json", b"text/event-stream", b"text/event-stream; charset=utf-8", b"text/plain"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "choices",
                        "delta",
                        "message",
                        "content",
                        "tool_calls",
                        "function",
                        "name",
                        "arguments",
                    ),
                    *(
                        "index",
                        "id",
                        "type",
                        "usage",
                        "error",
                        "finish_reason",
                        "text",
                        "content_block",
                        "stop_reason",
                    ),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())
NAMES = st.sampled_from(
    [b"message_start", b"content_block_start", b"content_block_delta", b"message_delta", b"error", b"ping"]
)


@st.composite
def events(draw: st.DrawFn) -> bytes:
    line = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    named = b"event: " + draw(NAMES) + line if draw(st.booleans()) else b""
    return named + b"data: " + draw(JSON) + line + draw(st.sampled_from([line, b""]))


def bodies(upstream: Upstream) -> st.SearchStrategy[list[bytes]]:
    real = st.sampled_from(
        [
            said(upstream, "Good", " day"),
            ended(upstream),
            failing(upstream),
            DONE,
            said(upstream),
            b": hm\n\n",
        ]
    )
    cut = st.tuples(real, st.integers(0, 400)).map(lambda pair: pair[0][: pair[1]])
    return st.lists(real | cut | events() | JSON | st.binary(max_size=40), max_size=6)


@pytest.mark.parametrize("upstream", ["chat", "messages"])
def test_whatever_an_upstream_answers(
    tmp_path: Path, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    clients = [client for client, other in CROSSINGS if other == upstream] + [upstream]
    cases: list[tuple[bytes, list[bytes], bool, bool]] = []

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(KINDS, bodies(upstream), st.booleans(), st.booleans())
    def gather(kind: bytes, parts: list[bytes], chunked: bool, stream: bool) -> None:
        cases.append((kind, parts, chunked, stream))

    gather()
    caplog.set_level(logging.ERROR)
    trio.run(_all, tmp_path, upstream, clients, cases)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def _all(
    directory: Path,
    upstream: Upstream,
    clients: list[Client],
    cases: list[tuple[bytes, list[bytes], bool, bool]],
) -> None:
    current: list[tuple[bytes, list[bytes], bool]] = []

    async def script(link: Link) -> None:
        await link.request()
        kind, parts, chunked = current[0]
        how = b"transfer-encoding: chunked" if chunked else b"connection: close"
        await link.answer(b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n\r\n" % (kind, how))
        for part in parts:
            await link.answer(b"%x\r\n%s\r\n" % (len(part), part) if chunked and part else part)
        if chunked:
            await link.answer(b"0\r\n\r\n")

    async with far(script) as place, before(directory, upstream, port=place.port) as stage:
        for kind, parts, chunked, stream in cases:
            current[:] = [(kind, parts, chunked)]
            for client in clients:
                stage.running.house.ledger._standings.clear()
                await _one(stage, client, upstream, stream=stream)
        rows = await stage.rows()
        assert not [row.error for row in rows if row.error and "fault of ccflared" in row.error]


async def _one(stage: Stage, client: Client, upstream: Upstream, *, stream: bool) -> None:
    asked = QUESTIONS[client] | {"stream": stream}
    with trio.fail_after(10):
        try:
            answer = await stage.client.post(stage.url + PATHS[client], json=asked)
        except httpx.RemoteProtocolError:
            assert client == upstream  # what is passed on may be cut
            return
    if client == upstream:
        return
    if answer.status_code != 200:
        assert answer.json()["error"]["message"]
        assert answer.status_code >= 400
        return
    if not stream:
        assert isinstance(answer.json(), dict)
        return
    last = answer.content.strip().split(b"\n\n")[-1].rpartition(b"data: ")[2]
    assert any(word.encode() in last for word in TERMINALS[client]), answer.content
