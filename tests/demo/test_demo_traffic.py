import json
from collections import Counter

import pytest
import trio

from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Behaviour, Cut, Cycle, Dropped, ErrorEvent, Failing, Limited, Raw
from ccflared.demo.traffic import traffic
from ccflared.errors import Refused


async def watched(default: Behaviour, count: int) -> FakeProvider:
    """A provider that the traffic asked ``count`` times."""
    provider = FakeProvider(default=default)
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            port = await nursery.start(provider.serve)

            async def send() -> None:
                await traffic("127.0.0.1", port, key="k", conversations=4, pause=0.01)

            nursery.start_soon(send)
            await provider.received(count)
            nursery.cancel_scope.cancel()
    return provider


async def test_the_traffic_has_models_conversations_streams_tools_and_aborts() -> None:
    provider = await watched(Answer(tool="auto", interval=0.001), 150)
    bodies = [json.loads(seen.body) for seen in provider.seen]
    assert len({body["model"] for body in bodies}) >= 3
    sessions = Counter(seen.get(b"x-claude-code-session-id") for seen in provider.seen)
    assert len(sessions) > 5
    assert max(sessions.values()) > 1
    assert {body["stream"] for body in bodies} == {True, False}
    assert any("tools" in body for body in bodies)
    assert any(b'"tool_result"' in seen.body for seen in provider.seen)
    assert any(seen.left.is_set() for seen in provider.seen)
    assert max(len(seen.body) for seen in provider.seen) < 64 * 1024


@pytest.mark.parametrize(
    "behaviour",
    [
        Failing(529),
        Limited(reset_in=0),
        ErrorEvent(),
        Cut(after_events=0),
        Dropped(),
        Raw(b"nonsense\r\n\r\n"),
        Failing(200, body=b"<html>"),
        Cycle((Dropped(None), Answer())),
    ],
)
async def test_the_traffic_goes_on_whatever_it_is_answered(behaviour: Behaviour) -> None:
    assert (await watched(behaviour, 30)).count >= 30


async def test_the_traffic_goes_on_when_nobody_listens() -> None:
    with trio.move_on_after(0.3) as scope:
        await traffic("localhost", 9, conversations=2, pause=0.01)
    assert scope.cancelled_caught


@pytest.mark.parametrize("host", ["192.0.2.1", "example.com", "0.0.0.0", "::"])
async def test_the_traffic_goes_to_loopback_only(host: str) -> None:
    with pytest.raises(Refused, match="loopback"):
        await traffic(host, 80)
