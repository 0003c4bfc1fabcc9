"""The ``anthropic`` SDK, both generations, while accounts fail behind the daemon."""

from pathlib import Path

import pytest

from acceptance.live import kinds, live
from acceptance.sdk import Sdk
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import (
    Answer,
    Behaviour,
    Cut,
    Dropped,
    ErrorEvent,
    Failing,
    Limited,
    Reset,
    Silent,
)

pytestmark = pytest.mark.acceptance

HELLO = "Good day to you, whoever you are and wherever you sit."
QUICK = '[routing]\nidle_timeout = "400ms"\noverload_retry = { attempts = 1 }\n'
OVERLOADED_INSIDE = ErrorEvent("overloaded_error")

FAILING: dict[str, tuple[Behaviour, str]] = {
    "limited": (Limited(reset_in=600), "limit"),
    "overloaded": (Failing(529), "overloaded"),
    "broken": (Failing(500), "server error"),
    "inside": (OVERLOADED_INSIDE, "overloaded"),
    "reset": (Reset(after_events=1), "broken"),
    "silent": (Silent(), "time-out"),
}
"""Accounts by name, in the order they are tried; the last one, ``steady``, answers."""


@pytest.mark.parametrize("what", ["create", "stream", "events"])
async def test_six_accounts_that_fail_each_in_its_own_way_go_unnoticed(
    sdk: Sdk, tmp_path: Path, what: str
) -> None:
    provider = FakeProvider(default=Answer(HELLO))
    async with live(tmp_path, [*FAILING, "steady"], provider=provider, more=QUICK) as scene:
        for name, (behaviour, _) in FAILING.items():
            provider.play(f"sk-{name}", then=behaviour)
        done = await sdk.call(what, scene.url, max_retries=0)
        assert done.raised is None, done.said
        assert done.text == HELLO
        if what == "events":
            assert done.value["types"].count("message_start") == 1
        (row,) = await scene.rows()
        assert (row.outcome, row.status, row.account) == ("complete", 200, "steady")
        expected = [(name, kind) for name, (_, kind) in FAILING.items()]
        assert kinds(row) == [*expected, ("steady", "served")]


async def test_a_limit_met_between_two_turns_of_a_tool_goes_unnoticed(sdk: Sdk, tmp_path: Path) -> None:
    calling = Answer(HELLO, tool="weather")
    provider = FakeProvider(default=calling)
    async with live(tmp_path, provider=provider) as scene:
        provider.play("sk-first", calling, then=Limited(reset_in=600))
        done = await sdk.call("tool", scene.url, streaming=True, max_retries=0)
        assert done.raised is None, done.said
        assert done.text == HELLO
        assert scene.keys == ["sk-first", "sk-first", "sk-second"]
        rows = await scene.rows()
        assert [(row.outcome, kinds(row)) for row in rows] == [
            ("complete", [("first", "served")]),
            ("complete", [("first", "limit"), ("second", "served")]),
        ]


SPOKEN = Answer(HELLO, interval=0.02)
"""In pieces, so that some have been passed on when the break comes."""

BREAKS: list[tuple[Behaviour, str, str]] = [
    (Reset(after_events=6, answer=SPOKEN), "truncated", "The answer broke off upstream."),
    # In the middle of an event nothing can be said any more: the connection is cut.
    (Dropped(after_events=6, answer=SPOKEN), "truncated", "peer closed connection"),
    (Cut(after_events=6, answer=SPOKEN), "truncated", "The answer broke off upstream."),
    (Silent(after_events=6, answer=SPOKEN), "truncated", "The answer broke off upstream."),
    (ErrorEvent("api_error", after_events=6, message="Out of luck", answer=SPOKEN), "error", "Out of luck"),
]


@pytest.mark.parametrize(
    ("behaviour", "outcome", "said"), BREAKS, ids=lambda v: "" if isinstance(v, str) else type(v).__name__
)
async def test_a_stream_that_breaks_after_content_raises_and_is_no_short_answer(
    sdk: Sdk, tmp_path: Path, behaviour: Behaviour, outcome: str, said: str
) -> None:
    provider = FakeProvider(default=behaviour)
    async with live(tmp_path, provider=provider, more=QUICK) as scene:
        for what in ("stream", "events"):
            broken = await sdk.call(what, scene.url)
            assert broken.raised is not None, f"{what} returned {broken.value} as if it were whole"
            assert said in broken.said
        rows = await scene.rows()
        assert [(row.outcome, row.status) for row in rows] == [(outcome, 200)] * 2
        assert {row.stream for row in rows} == {True}
        assert all(row.error for row in rows)


async def test_a_plain_answer_that_breaks_is_asked_for_elsewhere(sdk: Sdk, tmp_path: Path) -> None:
    provider = FakeProvider(default=Answer(HELLO))
    async with live(tmp_path, provider=provider) as scene:
        provider.play("sk-first", then=Reset(after_events=4))
        done = await sdk.call("create", scene.url, max_retries=0)
        assert (done.raised, done.text) == (None, HELLO)
        (row,) = await scene.rows()
        assert kinds(row) == [("first", "broken"), ("second", "served")]
