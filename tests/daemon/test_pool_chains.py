"""[[fallback]], `pool = false` and what clients may use, over real sockets."""

import json
from pathlib import Path

import httpx
import pytest
from stage import Stage, staged

from ccflared.demo.script import Answer, Failing, Limited, Window

FOUR = ("first", "second", "third", "fourth")
NAMED = "x-ccflared-account"
KEY = "client-key-0123456789"


def chain(tries: str, *, models: str = '["opus"]', more: str = "") -> str:
    return f"[[fallback]]\nmodels = {models}\ntry = {tries}\n{more}\n"


async def opus(stage: Stage) -> httpx.Response:
    return await stage.ask(model="claude-opus-4-1")


def asked(stage: Stage) -> list[str | None]:
    return [seen.key for seen in stage.provider.seen]


MATCHES = [
    ("claude-opus-4-1", "opus", "second"),
    ("claude-opus-4-5", "claude-opus-4-5", "third"),
    ("claude-sonnet-4-5", "claude-son*, haiku", "fourth"),
    ("claude-haiku-4-5", "claude-son*, haiku", "fourth"),
    ("glm-4.6", None, "first"),
]


@pytest.mark.parametrize(("model", "by", "account"), MATCHES)
async def test_the_first_chain_counts_that_names_the_model_by_id_family_or_glob(
    tmp_path: Path, model: str, by: str | None, account: str
) -> None:
    more = (
        chain('["third"]', models='"claude-opus-4-5"')
        + chain('["second"]')
        + chain('["fourth"]', models='["claude-son*", "haiku"]')
        + chain('["first"]', models='"claude-*"')
    )
    async with staged(tmp_path, FOUR, more=more) as stage:
        answer = await stage.ask(model=model)
        assert answer.headers[NAMED] == account
        (row,) = await stage.rows()
        assert row.chain == by


async def test_a_chain_is_tried_strictly_in_order_whatever_the_priorities_say(tmp_path: Path) -> None:
    async with staged(tmp_path, FOUR, more=chain('["third", "first", "fourth"]')) as stage:
        for key in ("sk-third", "sk-first"):
            stage.provider.play(key, Failing(500))
        answer = await opus(stage)
        assert answer.headers[NAMED] == "fourth"
        assert asked(stage) == ["sk-third", "sk-first", "sk-fourth"]
        (row,) = await stage.rows()
        assert [attempt.why.partition(",")[0] for attempt in row.attempts] == [
            f"step {number} of the chain" for number in (1, 2, 3)
        ]


async def test_a_nested_step_is_shared_by_the_strategy_and_the_next_step_waits_behind_it(
    tmp_path: Path,
) -> None:
    more = chain('[["first", "second"], "third"]') + '[routing]\nstrategy = "least-used"\n'
    async with staged(tmp_path, FOUR, more=more) as stage:
        stage.provider.play("sk-first", then=Answer(five_hour=Window(0.9, 3600)))
        stage.provider.play("sk-second", then=Answer(five_hour=Window(0.2, 3600)))
        served = []
        for conversation in range(4):
            stage.headers["x-claude-code-session-id"] = str(conversation)
            served.append((await opus(stage)).headers[NAMED])
        # Before anything is known of the second, nothing of it counts as used.
        assert served == ["first", "second", "second", "second"]
        stage.provider.play("sk-second", then=Limited(600))
        stage.provider.play("sk-first", then=Limited(600))
        stage.headers["x-claude-code-session-id"] = "new"
        assert (await opus(stage)).headers[NAMED] == "third"
        assert asked(stage)[-3:] == ["sk-second", "sk-first", "sk-third"]


async def test_then_pool_goes_on_with_the_accounts_that_the_chain_has_not_named(tmp_path: Path) -> None:
    async with staged(tmp_path, FOUR, more=chain('["third"]')) as stage:
        for key in ("sk-third", "sk-first"):
            stage.provider.play(key, then=Failing(500))
        assert (await opus(stage)).headers[NAMED] == "second"
        assert asked(stage) == ["sk-third", "sk-first", "sk-second"]


async def test_then_fail_ends_with_the_chain(tmp_path: Path) -> None:
    async with staged(tmp_path, FOUR, more=chain('["third", "second"]', more='then = "fail"')) as stage:
        stage.provider.play("sk-third", then=Limited(600))
        stage.provider.play("sk-second", then=Limited(300))
        refused = await opus(stage)
        assert refused.status_code == 429
        assert 290 <= int(refused.headers["retry-after"]) <= 301
        assert asked(stage) == ["sk-third", "sk-second"]
        assert (await stage.ask(model="claude-sonnet-4-5")).headers[NAMED] == "first"


async def test_an_account_outside_the_pool_serves_in_chains_and_by_pins_only(tmp_path: Path) -> None:
    own = {"first": "pool = false"}
    async with staged(tmp_path, own=own, more=chain('["first"]')) as stage:
        assert (await stage.ask()).headers[NAMED] == "second"
        stage.provider.play("sk-second", then=Failing(500))
        assert (await stage.ask()).status_code == 503
        assert "sk-first" not in asked(stage)
        assert (await opus(stage)).headers[NAMED] == "first"
        stage.headers["x-ccflared-account"] = "first"
        assert (await stage.ask()).headers[NAMED] == "first"


async def test_the_pool_behind_a_chain_is_without_the_accounts_that_are_outside_it(tmp_path: Path) -> None:
    own = {"second": "pool = false"}
    async with staged(tmp_path, ["first", "second", "third"], own=own, more=chain('["first"]')) as stage:
        for key in ("sk-first", "sk-third"):
            stage.provider.play(key, then=Failing(500))
        assert (await opus(stage)).status_code == 503
        assert asked(stage) == ["sk-first", "sk-third"]


async def test_with_all_accounts_outside_the_pool_a_chain_that_ends_in_it_still_serves(
    tmp_path: Path,
) -> None:
    own = dict.fromkeys(("first", "second"), "pool = false")
    async with staged(tmp_path, own=own, more=chain('["second"]')) as stage:
        assert (await opus(stage)).headers[NAMED] == "second"
        assert (await stage.ask()).status_code == 503
        assert len(asked(stage)) == 1


async def test_a_step_that_names_a_model_asks_for_that_one_and_a_later_step_for_the_requested_one(
    tmp_path: Path,
) -> None:
    more = chain('[{ account = ["third", "second"], model = "vendor/big" }, "first"]')
    async with staged(tmp_path, FOUR, more=more) as stage:
        for key in ("sk-third", "sk-second"):
            stage.provider.play(key, Failing(404, kind="not_found_error", message="model: vendor/big"))
        await opus(stage)
        told = [(seen.key, json.loads(seen.body)["model"]) for seen in stage.provider.seen]
        assert sorted(told[:2]) == [("sk-second", "vendor/big"), ("sk-third", "vendor/big")]
        assert told[2] == ("sk-first", "claude-opus-4-1")


async def test_an_account_that_stands_in_a_chain_twice_is_asked_for_each_of_its_models(
    tmp_path: Path,
) -> None:
    more = chain(
        '[{ account = "first", model = "big" }, { account = "first", model = "mid" }]', more='then = "fail"'
    )
    async with staged(tmp_path, more=more) as stage:
        stage.provider.play("sk-first", Failing(404, kind="not_found_error", message="model: big"))
        answer = await opus(stage)
        assert (answer.status_code, answer.headers.get("x-ccflared-model")) == (200, "mid")
        assert [json.loads(seen.body)["model"] for seen in stage.provider.seen] == ["big", "mid"]


CLIENT = (
    f'[clients.laptop]\nkey = "{KEY}"\npin = true\naccounts = ["sec*", "fourth"]\nmodels = ["claude-*"]\n'
)


async def test_the_rights_of_a_client_hold_in_the_pool(tmp_path: Path) -> None:
    async with staged(tmp_path, FOUR, more=CLIENT) as stage:
        stage.headers["x-api-key"] = KEY
        stage.provider.play("sk-second", Failing(500))
        assert (await stage.ask()).headers[NAMED] == "fourth"
        assert asked(stage) == ["sk-second", "sk-fourth"]


async def test_the_rights_of_a_client_hold_in_a_chain(tmp_path: Path) -> None:
    more = chain('["first", ["third", "fourth"]]', more='then = "fail"') + CLIENT
    async with staged(tmp_path, FOUR, more=more) as stage:
        stage.headers["x-api-key"] = KEY
        stage.provider.play("sk-fourth", Answer(), then=Failing(500))
        assert (await opus(stage)).headers[NAMED] == "fourth"
        assert (await opus(stage)).status_code == 503
        assert set(asked(stage)) == {"sk-fourth"}


@pytest.mark.parametrize("name", ["first", "third"])
async def test_the_rights_of_a_client_hold_for_a_pin(tmp_path: Path, name: str) -> None:
    async with staged(tmp_path, FOUR, more=CLIENT) as stage:
        stage.headers |= {"x-api-key": KEY, "x-ccflared-account": name}
        refused = await stage.ask()
        assert refused.status_code == 403
        assert name not in refused.json()["error"]["message"]
        stage.headers["x-ccflared-account"] = "fourth"
        assert (await stage.ask()).headers[NAMED] == "fourth"
        assert asked(stage) == ["sk-fourth"]


async def test_a_client_is_refused_a_model_beyond_its_rights_in_pool_chain_and_pin(tmp_path: Path) -> None:
    more = chain('["second"]', models='["glm-*"]') + CLIENT
    async with staged(tmp_path, FOUR, more=more) as stage:
        stage.headers["x-api-key"] = KEY
        for pin in ({}, {"x-ccflared-account": "second"}):
            for path in ("/v1/messages", "/v1/messages/count_tokens"):
                stage.headers = {"x-api-key": KEY} | pin
                refused = await stage.ask(model="glm-4.6", path=path)
                assert (refused.status_code, refused.json()["error"]["type"]) == (403, "permission_error")
        assert not stage.provider.seen
