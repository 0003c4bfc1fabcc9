"""What uses nothing up: counting tokens, listing models, and the daemon's own requests. Over real sockets."""

from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
import trio
from elapsed import elapse
from stage import Stage, free_port, staged

from ccflared.daemon.refresher import Refresher
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Behaviour, Failing, Held, Limited, Window

NAMED = "x-ccflared-account"
COUNT, LIST = "/v1/messages/count_tokens", "/v1/models"
BOTH = pytest.mark.parametrize("path", [COUNT, LIST])
ONE = "max_concurrency = 1"


async def ask(stage: Stage, path: str) -> httpx.Response:
    """Count tokens, or list models."""
    if path == LIST:
        return await stage.client.get(stage.url + path, headers=stage.headers)
    return await stage.ask(path=path)


SPENT: list[tuple[Behaviour, str]] = [
    (Limited(3600.0), "resting"),
    (Limited(3600.0, claim="seven_day"), "resting"),
    (Limited(None, retry_after=None), "resting"),
]


@BOTH
@pytest.mark.parametrize(("limit", "state"), SPENT, ids=["5h", "7d", "bare"])
async def test_it_is_served_by_an_account_that_has_reached_a_limit_and_ends_no_rest(
    tmp_path: Path, limit: Behaviour, state: str, path: str
) -> None:
    async with staged(tmp_path, ["only"]) as stage:
        stage.provider.play("sk-only", limit)
        await stage.fresh()
        before = await stage.account("only")
        assert (await ask(stage, path)).status_code == 200
        after = await stage.account("only")
        assert (before["state"], after["state"], after["until"]) == (state, state, before["until"])
        assert (await stage.fresh()).status_code == 429


@BOTH
async def test_it_is_served_by_an_account_that_has_all_the_requests_it_may_have(
    tmp_path: Path, path: str
) -> None:
    async with staged(tmp_path, ["only"], own={"only": ONE}) as stage:
        release = trio.Event()
        stage.provider.play("sk-only", Held(release))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.fresh)
            with trio.fail_after(5):
                await stage.provider.received(1)
            assert (await stage.fresh()).status_code == 503
            assert (await ask(stage, path)).status_code == 200
            release.set()


@BOTH
async def test_it_is_not_served_by_an_account_that_is_paused_or_refused(tmp_path: Path, path: str) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-second", Failing(401))
        stage.headers = {NAMED: "second"}
        await stage.fresh()
        stage.headers = {}
        stage.running.house.ledger.pause("first", time())
        count = stage.provider.count
        assert (await ask(stage, path)).status_code == 503
        assert stage.provider.count == count


@BOTH
async def test_its_success_shows_that_a_credential_is_accepted_again(tmp_path: Path, path: str) -> None:
    async with staged(tmp_path, ["only"]) as stage:
        stage.provider.play("sk-only", Failing(401))
        await stage.fresh()
        assert (await stage.account("only"))["state"] == "rejected"
        elapse(stage, "only", 300.0)
        assert (await stage.account("only"))["state"] == "half-open"
        assert (await ask(stage, path)).status_code == 200
        assert (await stage.account("only"))["state"] == "ready"


@BOTH
async def test_its_success_shows_that_a_place_can_be_reached_again(tmp_path: Path, path: str) -> None:
    port = free_port()
    async with staged(tmp_path, ["only"], own={"only": f'base_url = "http://127.0.0.1:{port}"'}) as stage:
        assert (await stage.fresh()).status_code == 503
        assert (await stage.account("only"))["state"] == "doubtful"
        provider = FakeProvider()
        async with trio.open_nursery() as nursery:
            await nursery.start(lambda task_status: provider.serve(port=port, task_status=task_status))
            assert (await ask(stage, path)).status_code == 200
            assert (await stage.account("only"))["state"] == "ready"
            nursery.cancel_scope.cancel()


DOUBTS: list[Behaviour] = [Failing(402), Failing(403), Failing(500)]


@BOTH
@pytest.mark.parametrize("failure", DOUBTS, ids=["402", "403", "500"])
async def test_its_success_says_nothing_of_an_account_whose_messages_fail(
    tmp_path: Path, failure: Behaviour, path: str
) -> None:
    async with staged(tmp_path, ["only"]) as stage:
        stage.provider.play("sk-only", failure)
        await stage.fresh()
        before = await stage.account("only")
        assert (await ask(stage, path)).status_code == 200
        after = await stage.account("only")
        assert (before["state"], after["state"], after["until"]) == ("doubtful", "doubtful", before["until"])


@pytest.mark.parametrize("origin", ["refresh", "test"])
async def test_the_daemons_own_request_keeps_no_clients_request_from_an_account(
    tmp_path: Path, origin: str
) -> None:
    own = {"only": f"auto_refresh = true\n{ONE}"}
    async with staged(tmp_path, ["only"], own=own) as stage, trio.open_nursery() as nursery:
        release = trio.Event()
        ended = Answer(five_hour=Window(0.5, -1.0))
        stage.provider.play("sk-only", ended, Held(release), then=Answer())
        assert (await stage.fresh()).status_code == 200
        if origin == "refresh":
            nursery.start_soon(Refresher(stage.running.house, look=0.01, spread=0.0).run)
        else:
            nursery.start_soon(stage.client.post, f"{stage.url}/api/accounts/only/test")
        with trio.fail_after(5):
            await stage.provider.received(2)
        assert (await stage.fresh()).status_code == 200
        release.set()
        rows: list[Any] = []
        with trio.fail_after(5):
            while len(rows) < 3:
                rows = await stage.rows()
        assert sorted(row.origin for row in rows) == sorted(["client", "client", origin])
        nursery.cancel_scope.cancel()


async def test_an_account_that_has_all_the_requests_it_may_have_can_be_tested(tmp_path: Path) -> None:
    async with staged(tmp_path, ["only"], own={"only": ONE}) as stage:
        release = trio.Event()
        stage.provider.play("sk-only", Held(release))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.fresh)
            with trio.fail_after(5):
                await stage.provider.received(1)
            told = await stage.client.post(f"{stage.url}/api/accounts/only/test")
            assert told.json()["success"]
            assert (await stage.fresh()).status_code == 503
            release.set()
