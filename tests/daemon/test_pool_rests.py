"""How a rest ends: one request shows whether it is over, and nobody is starved by that. Over real sockets."""

from collections import Counter
from functools import partial
from pathlib import Path
from time import time

import httpx
import trio
from stage import Stage, staged

from ccflared.demo.script import Held, Limited

NAMED = "x-ccflared-account"
BARE = Limited(reset_in=None, retry_after=None)
SHORT = '[routing]\ncooldown = { first = "100ms" }\n'
"""A limit that names no reset is over so soon."""


async def rested(stage: Stage, name: str) -> None:
    """Wait until an account's rest is over."""
    with trio.fail_after(5):
        while (await stage.account(name))["state"] == "resting":
            await trio.sleep(0.01)


async def test_after_a_rest_one_of_many_requests_probes_and_the_others_are_served_elsewhere_at_once(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, more=SHORT) as stage:
        stage.provider.play("sk-first", BARE)
        assert (await stage.fresh()).headers[NAMED] == "second"
        await rested(stage, "first")
        assert (await stage.account("first"))["state"] == "half-open"
        release = trio.Event()
        stage.provider.play("sk-first", then=Held(release))
        answers: list[httpx.Response] = []

        async def ask() -> None:
            answers.append(await stage.fresh())

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(ask)
            with trio.fail_after(5):
                while len(answers) < 9:
                    await trio.sleep(0.01)
            assert {answer.headers[NAMED] for answer in answers} == {"second"}
            release.set()
        assert answers[-1].headers[NAMED] == "first"
        assert Counter(seen.key for seen in stage.provider.seen) == {"sk-first": 2, "sk-second": 10}
        assert (await stage.account("first"))["state"] == "ready"


async def test_with_no_other_account_nobody_is_starved_by_the_probe(tmp_path: Path) -> None:
    async with staged(tmp_path, ["only"], more=SHORT) as stage:
        stage.provider.play("sk-only", BARE)
        assert (await stage.fresh()).status_code == 429
        await rested(stage, "only")
        release = trio.Event()
        stage.provider.play("sk-only", Held(release))
        statuses: list[int] = []

        async def ask() -> None:
            statuses.append((await stage.fresh()).status_code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            with trio.fail_after(5):
                await stage.provider.received(2)
                for _ in range(9):
                    nursery.start_soon(ask)
                while len(statuses) < 9:
                    await trio.sleep(0.01)
            release.set()
        assert statuses == [200] * 10


async def test_counting_tokens_and_listing_models_do_not_show_that_a_rest_is_over(tmp_path: Path) -> None:
    async with staged(tmp_path, ["only"], more=SHORT) as stage:
        stage.provider.play("sk-only", BARE)
        await stage.fresh()
        await rested(stage, "only")
        assert (await stage.fresh(path="/v1/messages/count_tokens")).status_code == 200
        assert (await stage.client.get(stage.url + "/v1/models")).status_code == 200
        assert (await stage.account("only"))["state"] == "half-open"
        assert (await stage.fresh()).status_code == 200
        assert (await stage.account("only"))["state"] == "ready"


async def test_counting_tokens_on_an_account_whose_rest_is_over_keeps_no_message_away_from_it(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, more=SHORT) as stage:
        stage.provider.play("sk-first", BARE)
        await stage.fresh()
        await rested(stage, "first")
        release = trio.Event()
        stage.provider.play("sk-first", Held(release), on="count_tokens")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(stage.fresh, path="/v1/messages/count_tokens"))
            with trio.fail_after(5):
                assert (await stage.provider.received(3)).key == "sk-first"
            assert (await stage.fresh()).headers[NAMED] == "first"
            release.set()


async def test_a_limit_that_many_requests_meet_at_one_moment_is_one_limit(tmp_path: Path) -> None:
    more = '[routing]\ncooldown = { first = "10s", factor = 100.0, longest = "1h" }\n'
    async with staged(tmp_path, more=more) as stage:
        stage.provider.play("sk-first", then=BARE)
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(stage.fresh)
        assert (await stage.account("first"))["until"] - time() <= 10


async def test_a_probe_that_meets_the_limit_again_is_hidden_and_the_rest_grows(tmp_path: Path) -> None:
    more = '[routing]\ncooldown = { first = "100ms", factor = 1000.0, longest = "1h" }\n'
    async with staged(tmp_path, more=more) as stage:
        stage.provider.play("sk-first", BARE, BARE)
        await stage.fresh()
        await rested(stage, "first")
        answer = await stage.fresh()
        assert (answer.status_code, answer.headers[NAMED]) == (200, "second")
        seen = await stage.account("first")
        assert seen["state"] == "resting"
        assert 90 < seen["until"] - time() <= 100
