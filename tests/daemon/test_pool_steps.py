"""A chain is strict, and it, the pool and each client have conversations and sessions of their own. Over real sockets."""

from pathlib import Path
from time import time

import pytest
from stage import Stage, staged

from ccflared.demo.script import Answer, Failing
from ccflared.wire import Headers

NAMED = "x-ccflared-account"
OPUS, SONNET, HAIKU = "claude-opus-4-1", "claude-sonnet-4-5", "claude-haiku-4-5"
MINE = {"x-claude-code-session-id": "11111111-2222"}
THREE = ("first", "second", "third")
ENDINGS = ("pool", "fail")
QUICK = "[routing]\noverload_retry = { attempts = 1 }\n"


def chain(models: str, tries: str, *, then: str = "pool") -> str:
    return f'[[fallback]]\nmodels = ["{models}"]\ntry = {tries}\nthen = "{then}"\n'


async def served(stage: Stage, *models: str) -> list[str]:
    """Ask for these models in the conversation of the stage, and return who answered."""
    return [str((await stage.ask(model=model)).headers[NAMED]) for model in models]


@pytest.mark.parametrize("then", ENDINGS)
async def test_a_chain_keeps_to_its_steps_in_a_conversation_that_is_warm_elsewhere_and_takes_it_nowhere(
    tmp_path: Path, then: str
) -> None:
    more = chain("haiku", '["cheap"]', then=then)
    async with staged(tmp_path, ["primary", "cheap"], more=more) as stage:
        stage.headers = MINE
        who = await served(stage, OPUS, HAIKU, OPUS, HAIKU, OPUS)
        assert who == ["primary", "cheap", "primary", "cheap", "primary"]
        told = await stage.client.get(
            stage.url + "/api/explain",
            params={"model": HAIKU, "conversation": f"claude-code:{MINE['x-claude-code-session-id']}"},
        )
        first = told.json()["candidates"][0]
        assert (first["account"], "step 1 of the chain" in first["why"]) == ("cheap", True)


@pytest.mark.parametrize("then", ENDINGS)
async def test_a_chain_that_begins_elsewhere_is_not_turned_round_by_a_warm_conversation(
    tmp_path: Path, then: str
) -> None:
    more = chain("opus", '[{ account = "cheap", model = "vendor/big" }, "primary"]', then=then)
    async with staged(tmp_path, ["primary", "cheap"], more=more) as stage:
        stage.headers = MINE
        assert await served(stage, SONNET, OPUS, SONNET) == ["primary", "cheap", "primary"]


async def test_a_conversation_leaves_a_later_step_at_once_when_an_earlier_one_is_ready_again(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, THREE, more=chain("opus", '["first", "second"]')) as stage:
        stage.provider.play("sk-first", Failing(500))
        stage.headers = MINE
        assert await served(stage, OPUS, OPUS) == ["second", "second"]
        stage.running.house.reset("first", time())
        assert await served(stage, OPUS, OPUS) == ["first", "first"]


async def test_among_the_equals_of_a_step_a_conversation_stays_where_it_is_warm(tmp_path: Path) -> None:
    more = chain("opus", '[["first", "second"], "third"]') + QUICK
    async with staged(tmp_path, THREE, more=more) as stage:
        stage.headers = MINE
        stage.provider.play("sk-first", Answer(), Failing(529))
        assert await served(stage, OPUS, OPUS) == ["first", "second"]
        stage.running.house.reset("first", time())
        assert await served(stage, OPUS) == ["second"]


async def test_two_chains_in_one_conversation_do_not_move_each_other(tmp_path: Path) -> None:
    more = chain("opus", '["third", "first"]') + chain("haiku", '["second", "third"]')
    async with staged(tmp_path, THREE, more=more) as stage:
        stage.headers = MINE
        who = await served(stage, OPUS, HAIKU, SONNET, OPUS, HAIKU, SONNET)
        assert who == ["third", "second", "first"] * 2


CLIENTS = (
    '[clients.alice]\nkey = "alice-key-0123456789"\npin = true\n'
    '[clients.bob]\nkey = "bob-key-0123456789"\npin = true\naccounts = ["cheap"]\n'
)


async def test_clients_do_not_share_a_conversation_though_they_give_it_one_name(tmp_path: Path) -> None:
    async with staged(tmp_path, ["primary", "cheap"], more=CLIENTS) as stage:
        who = []
        for client in ("alice", "alice", "bob", "alice", "bob"):
            stage.headers = MINE | {"x-api-key": f"{client}-key-0123456789"}
            who += await served(stage, SONNET)
        assert who == ["primary", "primary", "cheap", "primary", "cheap"]


EQUAL = dict.fromkeys(("a", "b"), "priority = 0")


async def fresh(stage: Stage, *models: str) -> list[str]:
    """Ask for these models, each in a conversation of its own, and return who answered."""
    return [str((await stage.fresh(model=model)).headers[NAMED]) for model in models]


async def test_the_step_of_a_chain_begins_no_session(tmp_path: Path) -> None:
    async with staged(tmp_path, ["a", "b"], more=chain("haiku", '["b"]'), own=EQUAL) as stage:
        assert await fresh(stage, OPUS, HAIKU, OPUS) == ["a", "b", "a"]


def opus_spent() -> Headers:
    """Return the fields of a refusal because the weekly window of Opus is spent."""
    fields = {
        "status": "rejected",
        "7d_opus-status": "rejected",
        "7d_opus-reset": str(int(time()) + 86400),
        "representative-claim": "seven_day_opus",
    }
    return tuple(
        (f"anthropic-ratelimit-unified-{name}".encode(), value.encode()) for name, value in fields.items()
    )


async def test_an_account_that_cools_for_one_family_keeps_its_session_for_the_others(tmp_path: Path) -> None:
    async with staged(tmp_path, ["a", "b"], own=EQUAL) as stage:
        assert await fresh(stage, SONNET) == ["a"]
        stage.provider.play("sk-a", Failing(429, headers=opus_spent()), then=Answer())
        assert await fresh(stage, OPUS, SONNET, OPUS, SONNET) == ["b", "a", "b", "a"]
        seen = await stage.account("a")
        assert (seen["state"], {each["state"] for each in seen["also"]}) == ("ready", {"cooling"})
