"""Limits of single models, extra usage, concurrency and places, over real sockets."""

from collections import Counter
from pathlib import Path
from time import time

import pytest
import trio
from stage import free_port, staged

from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Failing, Held, Limited
from ccflared.wire import Headers

NAMED = "x-ccflared-account"
PREFIX = "anthropic-ratelimit-unified-"


def unified(**fields: object) -> Headers:
    """Return the header fields of a plan that end in these names."""
    return tuple((f"{PREFIX}{name}".encode(), str(value).encode()) for name, value in fields.items())


def spent(**more: object) -> Headers:
    """Return the fields of a refusal because the weekly window of Opus is spent."""
    reset = int(time()) + 3600
    fields = {
        "status": "rejected",
        "5h-status": "allowed",
        "5h-utilization": "0.2",
        "5h-reset": reset,
        "7d_opus-status": "rejected",
        "7d_opus-utilization": "1.01",
        "7d_opus-reset": reset,
        "representative-claim": "seven_day_opus",
        "reset": reset,
    }
    return unified(**(fields | more))


@pytest.mark.parametrize("status", [429, 200], ids=["refused", "told by an answer"])
async def test_a_limit_for_one_model_leaves_the_account_to_the_others(tmp_path: Path, status: int) -> None:
    async with staged(tmp_path) as stage:
        said = Failing(429, headers=spent()) if status == 429 else Answer(headers=spent(status="allowed"))
        stage.provider.play("sk-first", said)
        assert (await stage.fresh(model="claude-opus-4-1")).status_code == 200
        assert (await stage.fresh(model="claude-opus-4-5")).headers[NAMED] == "second"
        assert (await stage.fresh(model="claude-sonnet-4-5")).headers[NAMED] == "first"
        assert (await stage.fresh(model="claude-opus-4-1")).headers[NAMED] == "second"
        seen = await stage.account("first")
        assert seen["state"] == "ready"
        assert {each["state"] for each in seen["also"]} == {"cooling"}


async def test_when_every_account_is_at_its_limit_for_a_model_the_refusal_says_for_which(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        for key in ("sk-first", "sk-second"):
            stage.provider.play(key, Failing(429, headers=spent()))
        await stage.fresh(model="claude-opus-4-1")
        count = stage.provider.count
        refused = await stage.fresh(model="claude-opus-4-1")
        assert (refused.status_code, stage.provider.count) == (429, count)
        assert "for this model" in refused.json()["error"]["message"]
        assert (await stage.fresh()).status_code == 200


def overdrawn(overage: Headers) -> Answer:
    reset = int(time()) + 3600
    fields = {"status": "allowed", "5h-utilization": "1.02", "5h-reset": reset, "5h-status": "rejected"}
    return Answer(headers=unified(**fields) + overage)


IN_USE = unified(**{"overage-in-use": "true", "overage-status": "allowed"})
AVAILABLE = unified(**{"overage-status": "allowed"})
OVERAGE = [
    ("never", IN_USE, "paused", ["first", "second", "second"]),
    ("never", AVAILABLE, "paused", ["first", "second", "second"]),
    ("last-resort", IN_USE, "ready", ["first", "second", "second"]),
    ("allow", IN_USE, "ready", ["first", "first", "first"]),
]


@pytest.mark.parametrize(("setting", "fields", "state", "served"), OVERAGE, ids=range(len(OVERAGE)))
async def test_paid_extra_usage_goes_on_only_as_far_as_the_file_allows(
    tmp_path: Path, setting: str, fields: Headers, state: str, served: list[str]
) -> None:
    async with staged(tmp_path, own={"first": f'overage = "{setting}"'}) as stage:
        stage.provider.play("sk-first", then=overdrawn(fields))
        assert [(await stage.fresh()).headers[NAMED] for _ in range(3)] == served
        seen = await stage.account("first")
        assert seen["state"] == state
        if state == "paused":
            assert 'overage = "never"' in seen["reason"]
            assert 3590 < seen["until"] - time() < 3601


@pytest.mark.parametrize(("setting", "status"), [("never", 429), ("last-resort", 200), ("allow", 200)])
async def test_with_all_others_gone_extra_usage_serves_as_a_last_resort_but_never_where_it_is_off(
    tmp_path: Path, setting: str, status: int
) -> None:
    async with staged(tmp_path, own={"first": f'overage = "{setting}"'}) as stage:
        stage.provider.play("sk-first", then=overdrawn(IN_USE))
        stage.provider.play("sk-second", then=Limited(reset_in=1800))
        assert (await stage.fresh()).headers[NAMED] == "first"
        answers = [await stage.fresh() for _ in range(2)]
        assert [answer.status_code for answer in answers] == [status] * 2
        if status == 429:
            assert 1790 < int(answers[1].headers["retry-after"]) <= 1801
        else:
            billed = [row.billing for row in await stage.rows() if row.account == "first"]
            assert set(billed) == {"overage"}


async def test_beyond_max_concurrency_others_serve_and_with_all_busy_the_client_hears_to_come_back(
    tmp_path: Path,
) -> None:
    own = {"first": "max_concurrency = 2", "second": "max_concurrency = 1"}
    async with staged(tmp_path, own=own) as stage:
        release = trio.Event()
        for key in ("sk-first", "sk-second"):
            stage.provider.play(key, then=Held(release, after_events=4))
        statuses: list[int] = []

        async def ask() -> None:
            statuses.append((await stage.fresh(stream=True)).status_code)

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
            with trio.fail_after(5):
                await stage.provider.received(3)
            assert Counter(seen.key for seen in stage.provider.seen) == {"sk-first": 2, "sk-second": 1}
            assert (await stage.account("first"))["state"] == "busy"
            refused = await stage.fresh()
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert refused.json()["error"]["type"] == "overloaded_error"
            assert "x-should-retry" not in refused.headers
            assert "2 busy" in refused.json()["error"]["message"]
            assert stage.provider.count == 3
            release.set()
        assert statuses == [200] * 3
        assert (await stage.fresh()).headers[NAMED] == "first"


async def test_a_place_that_refuses_connections_puts_all_its_accounts_behind_those_of_another(
    tmp_path: Path,
) -> None:
    dead = f'base_url = "http://127.0.0.1:{free_port()}"'
    names = ["first", "second", "third", "other"]
    async with staged(tmp_path, names, own=dict.fromkeys(names[:3], dead)) as stage:
        assert (await stage.fresh()).headers[NAMED] == "other"
        again = await stage.fresh()
        assert (again.headers[NAMED], again.headers["x-ccflared-attempts"]) == ("other", "1")
        states = {name: (await stage.account(name))["state"] for name in names}
        assert states == dict.fromkeys(names[:3], "doubtful") | {"other": "ready"}
        (one, _) = await stage.rows()
        # What was learnt from the first of them spares the request the others.
        assert [attempt.account for attempt in one.attempts] == ["first", "other"]


async def test_a_place_that_comes_back_is_no_longer_doubted_when_one_of_its_accounts_has_served(
    tmp_path: Path,
) -> None:
    port = free_port()
    place = f'base_url = "http://127.0.0.1:{port}"'
    async with staged(tmp_path, own=dict.fromkeys(("first", "second"), place)) as stage:
        assert (await stage.fresh()).status_code == 503
        assert {(await stage.account(name))["state"] for name in ("first", "second")} == {"doubtful"}
        async with trio.open_nursery() as nursery:
            provider = FakeProvider()
            await nursery.start(lambda task_status: provider.serve(port=port, task_status=task_status))
            assert (await stage.fresh()).status_code == 200
            assert {(await stage.account(name))["state"] for name in ("first", "second")} == {"ready"}
            nursery.cancel_scope.cancel()
