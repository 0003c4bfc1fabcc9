"""Conversations keep their account as long as that pays, over real sockets."""

from pathlib import Path
from typing import Any

import pytest
import trio
from stage import Stage, staged

from ccflared.demo.script import Answer, Behaviour, Failing, Held, Limited, Window

THREE = ("first", "second", "third")
EQUAL = dict.fromkeys(THREE, "priority = 0")
SESSION = "x-claude-code-session-id"
BARE = Limited(reset_in=None, retry_after=None)
SHORT = '[routing]\ncooldown = { first = "200ms" }\n'
"""A limit that names no reset is over so soon."""


async def served(stage: Stage, session: str | None = None, **more: Any) -> str:
    """Ask once in a conversation, and return who answered."""
    if session is not None:
        stage.headers[SESSION] = session
    answer = await stage.ask(**more)
    assert answer.status_code == 200
    return str(answer.headers["x-ccflared-account"])


async def recovered(stage: Stage, account: str) -> None:
    """Wait until an account's rest is over."""
    with trio.fail_after(5):
        while (await stage.account(account))["state"] in ("resting", "doubtful"):
            await trio.sleep(0.02)


async def idle(seconds: float) -> None:
    """Leave a conversation alone for so long: how old a prompt cache is, the clock alone can tell."""
    ends = trio.current_time() + seconds
    while trio.current_time() < ends:
        await trio.sleep(ends - trio.current_time())


OWN_WORDS = {"messages": [{"role": "user", "content": "Another question."}]}
IDENTITIES: list[tuple[dict[str, str], dict[str, Any], dict[str, str], dict[str, Any]]] = [
    ({SESSION: "a"}, {}, {SESSION: "b"}, {}),
    ({}, {"metadata": {"user_id": "someone"}}, {}, {"metadata": {"user_id": "another"}}),
    (
        {},
        {"metadata": {"user_id": '{"device_id":"d","session_id":"s1"}'}},
        {},
        {"metadata": {"user_id": '{"device_id":"d","session_id":"s2"}'}},
    ),
    ({}, {}, {}, OWN_WORDS),
]


@pytest.mark.parametrize(("headers", "more", "other_headers", "other"), IDENTITIES, ids=range(4))
async def test_a_warm_conversation_stays_on_the_lesser_account_and_a_new_one_goes_to_the_better(
    tmp_path: Path,
    headers: dict[str, str],
    more: dict[str, Any],
    other_headers: dict[str, str],
    other: dict[str, Any],
) -> None:
    async with staged(tmp_path, more=SHORT) as stage:
        stage.provider.play("sk-first", BARE)
        stage.headers = dict(headers)
        assert await served(stage, **more) == "second"
        # A short rest: the first has not become its home, but where its cache is warm it stays.
        await recovered(stage, "first")
        assert await served(stage, **more) == "second"
        stage.headers = dict(other_headers)
        assert await served(stage, **other) == "first"
        stage.headers = dict(headers)
        assert await served(stage, **more) == "second"
        rows = await stage.rows()
        assert len({row.conversation for row in rows}) == 2
        assert "its prompt cache is warm" in rows[1].attempts[0].why or "before" in rows[1].attempts[0].why


async def test_the_first_user_turn_names_a_conversation_as_it_grows(tmp_path: Path) -> None:
    async with staged(tmp_path, more=SHORT) as stage:
        stage.provider.play("sk-first", BARE)
        turns: list[dict[str, str]] = []
        for text in ("One.", "Two.", "Three."):
            turns.append({"role": "user", "content": text})
            assert await served(stage, messages=turns) == "second"
            turns.append({"role": "assistant", "content": "Yes."})
            await recovered(stage, "first")
        assert await served(stage, messages=[{"role": "user", "content": "Two."}]) == "first"


async def test_a_conversation_whose_cache_has_gone_cold_moves_to_the_better_account(tmp_path: Path) -> None:
    more = SHORT + 'cache_cold = "300ms"\n'
    async with staged(tmp_path, more=more) as stage:
        stage.provider.play("sk-first", BARE)
        assert await served(stage, "a") == "second"
        await recovered(stage, "first")
        await idle(0.3)
        assert await served(stage, "a") == "first"
        assert await served(stage, "a") == "first"


async def test_auto_fallback_takes_over_at_once_when_the_window_has_reset(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": "auto_fallback = true"}) as stage:
        # The first has no warm prompt cache of it that it would come home for.
        stage.provider.play("sk-first", Limited(reset_in=1))
        assert await served(stage, "a") == "second"
        assert await served(stage, "a") == "second"
        await recovered(stage, "first")
        assert await served(stage, "a") == "first"


async def test_without_auto_fallback_a_better_account_that_is_back_moves_no_warm_conversation(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Answer(), Limited(reset_in=3600))
        assert [await served(stage, "a") for _ in range(2)] == ["first", "second"]
        await stage.client.post(stage.url + "/api/accounts/first/force-reset-rate-limit")
        assert await served(stage, "b") == "first"
        assert [await served(stage, "a") for _ in range(3)] == ["second"] * 3


AFFINITY = '[routing]\nstrategy = "affinity"\noverload_retry = { attempts = 1 }\n'


@pytest.mark.parametrize("failure", [Failing(500), Failing(529), BARE], ids=["500", "529", "429"])
async def test_after_a_transient_failure_a_conversation_stays_where_it_borrows_while_that_is_warm(
    tmp_path: Path, failure: Behaviour
) -> None:
    async with staged(tmp_path, THREE, own=EQUAL, more=AFFINITY) as stage:
        stage.provider.play("sk-first", Answer(), failure)
        assert [await served(stage, "a") for _ in range(3)] == ["first", "second", "second"]
        await stage.client.post(stage.url + "/api/accounts/first/force-reset-rate-limit")
        assert await served(stage, "a") == "second"


async def test_a_conversation_comes_home_when_no_warm_cache_is_left_where_it_borrows(tmp_path: Path) -> None:
    async with staged(tmp_path, THREE, own=EQUAL, more=AFFINITY + 'cache_cold = "50ms"\n') as stage:
        stage.provider.play("sk-first", Answer(), Failing(500))
        assert [await served(stage, "a") for _ in range(2)] == ["first", "second"]
        await stage.client.post(stage.url + "/api/accounts/first/force-reset-rate-limit")
        await idle(0.05)
        assert await served(stage, "a") == "first"
        assert (await stage.rows())[-1].attempts[0].why.startswith("this conversation comes home")


async def test_a_conversation_borrows_while_its_home_is_busy(tmp_path: Path) -> None:
    own = EQUAL | {"first": "priority = 0\nmax_concurrency = 1"}
    async with staged(tmp_path, own=own) as stage:
        assert await served(stage, "a") == "first"
        release = trio.Event()
        stage.provider.play("sk-first", Held(release))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.ask)
            with trio.fail_after(5):
                await stage.provider.received(2)
            assert await served(stage, "a") == "second"
            release.set()
        assert await served(stage, "a") == "first"


async def test_a_limit_rebinds_with_one_switch_and_the_old_home_does_not_pull_it_back(
    tmp_path: Path,
) -> None:
    more = '[routing]\nstrategy = "affinity"\n'
    async with staged(tmp_path, THREE, own=EQUAL, more=more) as stage:
        stage.provider.play("sk-first", Answer(), Limited(reset_in=6 * 3600))
        sequence = [await served(stage, "a") for _ in range(4)]
        assert sequence == ["first", "second", "second", "second"]
        await stage.client.post(stage.url + "/api/accounts/first/force-reset-rate-limit")
        assert [await served(stage, "a") for _ in range(3)] == ["second"] * 3
        assert [len(row.attempts) for row in await stage.rows()] == [1, 2, 1, 1, 1, 1, 1]


async def test_affinity_keeps_each_conversation_and_spreads_new_ones_by_what_is_left(tmp_path: Path) -> None:
    more = '[routing]\nstrategy = "affinity"\ncache_cold = "10ms"\n'
    async with staged(tmp_path, THREE, own=EQUAL, more=more) as stage:
        for key, share in (("first", 0.9), ("second", 0.5), ("third", 0.1)):
            stage.provider.play(f"sk-{key}", then=Answer(five_hour=Window(share, 3600)))
        homes = {name: await served(stage, name) for name in "abc"}
        assert sorted(homes.values()) == ["first", "second", "third"]
        assert await served(stage, "d") == "third"
        await idle(0.02)
        assert {name: await served(stage, name) for name in "abc"} == homes


async def test_a_session_holds_all_conversations_on_one_account_among_equals(tmp_path: Path) -> None:
    async with staged(tmp_path, THREE, own=EQUAL) as stage:
        stage.provider.play("sk-first", then=Answer(five_hour=Window(0.9, 3600)))
        assert [await served(stage, name) for name in "abca"] == ["first"] * 4


async def test_a_session_ends_with_the_usage_window_it_is_aligned_with(tmp_path: Path) -> None:
    more = '[routing]\nsession_length = "5h"\n'
    async with staged(tmp_path, THREE, own=EQUAL, more=more) as stage:
        stage.provider.play("sk-first", Answer(five_hour=Window(0.1, 1), seven_day=Window(0.8, 86400)))
        assert await served(stage, "a") == "first"
        assert await served(stage, "b") == "first"
        with trio.fail_after(5):
            while _session(await _accounts(stage), "first"):
                await trio.sleep(0.02)
        # Of the others nothing is known to be used.
        assert await served(stage, "c") == "second"
        assert _session(await _accounts(stage), "second")


async def _accounts(stage: Stage) -> list[dict[str, Any]]:
    document: dict[str, Any] = (await stage.client.get(stage.url + "/api/status")).json()
    found: list[dict[str, Any]] = document["accounts"]
    return found


def _session(accounts: list[dict[str, Any]], name: str) -> bool:
    return next(bool(each["session"]) for each in accounts if each["name"] == name)


async def test_requests_of_one_new_conversation_at_the_same_time_go_to_one_account(tmp_path: Path) -> None:
    more = '[routing]\nstrategy = "least-used"\n'
    async with staged(tmp_path, THREE, own=EQUAL, more=more) as stage:
        release = trio.Event()
        for key in THREE:
            stage.provider.play(f"sk-{key}", then=Held(release))
        stage.headers[SESSION] = "a"
        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(stage.ask)
            with trio.fail_after(5):
                await stage.provider.received(6)
            release.set()
        assert len({seen.key for seen in stage.provider.seen}) == 1


async def test_counting_tokens_and_pinned_requests_bind_no_conversation(tmp_path: Path) -> None:
    async with staged(tmp_path, THREE, own=EQUAL) as stage:
        stage.headers["x-ccflared-account"] = "third"
        assert await served(stage, "a") == "third"
        del stage.headers["x-ccflared-account"]
        assert await served(stage, "a") == "first"
