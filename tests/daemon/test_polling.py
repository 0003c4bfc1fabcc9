"""Usage is asked for where no answer tells of it, and what it tells routes. Over real sockets."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from math import inf
from pathlib import Path
from time import time
from typing import Any

import pytest
import trio
import trio.testing
from stage import Stage, restaged, staged, toml

from ccflared import __version__
from ccflared.daemon.poller import Poller
from ccflared.demo.provider import FakeProvider, Seen
from ccflared.demo.script import (
    Answer,
    Behaviour,
    Failing,
    Held,
    Limited,
    Raw,
    Reset,
    Spending,
    Window,
)
from ccflared.pool.polling import Polled
from ccflared.providers.target import Target

ANTHROPIC, ZAI = "/api/oauth/usage", "/api/monitor/usage/quota/limit"
PLANS = f"""
[providers.plan]
billing = "plan"
usage = {{ url = "{ANTHROPIC}", reads = "anthropic", auth = "bearer" }}
[providers.coder]
billing = "plan"
usage = {{ url = "{ZAI}", reads = "zai", auth = "authorization" }}
[providers.mini]
usage = {{ url = "/v1/token_plan/remains", reads = "minimax", auth = "bearer" }}
[providers.nano]
usage = {{ url = "/api/subscription/v1/usage", reads = "nanogpt" }}
[providers.credit]
usage = {{ url = "/api/user", reads = "kilo", auth = "bearer" }}
"""
PLAN, CODER = 'provider = "plan"', 'provider = "coder"'
NAMED = "x-ccflared-account"
HALF = Spending(five_hour=Window(0.5, 3600.0))
SPENT = Spending(five_hour=Window(0.1, 3600.0), seven_day=Window(1.0, 86400.0))


def poller(stage: Stage, **given: Any) -> Poller:
    """Return a poller that looks all the time, and polls at once: the daemon's own waits a while after its start."""
    pace: dict[str, Any] = {"first": 0.0, "apart": 0.0, "look": 0.01, "jitter": 0.0}
    return Poller(stage.running.house, **pace | given)


@asynccontextmanager
async def polled(stage: Stage, **given: Any) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(poller(stage, **given).run)
        yield
        nursery.cancel_scope.cancel()


def polls(stage: Stage, name: str) -> list[Seen]:
    mine = f"ccflared/{__version__}".encode()
    seen = list(stage.provider.seen)
    return [each for each in seen if each.key == f"sk-{name}" and each.get(b"user-agent") == mine]


async def until_polled(stage: Stage, name: str, count: int = 1) -> None:
    """Wait until so many polls of an account were answered and taken in."""
    with trio.fail_after(10):
        while len(polls(stage, name)) < count:
            await stage.provider.received(stage.provider.count + 1)
        for seen in polls(stage, name):
            await seen.ended.wait()
        ledger = stage.running.house.ledger
        while (known := ledger.polled(name)) is None or not (known.failures or ledger_quota(stage, name)):
            await trio.sleep(0.005)


def ledger_quota(stage: Stage, name: str) -> Any:
    target = stage.running.house.world.targets[name]
    assert isinstance(target, Target)
    return stage.running.house.ledger.standing(target).quota


async def refresh(stage: Stage, name: str) -> dict[str, Any]:
    answer = await stage.client.post(f"{stage.url}/api/accounts/{name}/refresh-usage", headers=stage.headers)
    return dict(answer.json()) | {"status": answer.status_code}


async def served_by(stage: Stage, **more: Any) -> str | None:
    await stage.fresh(**more)
    return (await stage.rows())[-1].account


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Catch what is logged of usage: the daemon's log goes nowhere but to stderr."""
    logging.getLogger("ccflared.usage").addHandler(caplog.handler)
    yield caplog
    logging.getLogger("ccflared.usage").removeHandler(caplog.handler)


async def test_idle_accounts_are_asked_each_in_the_form_of_its_provider(tmp_path: Path) -> None:
    forms = {"plan": ANTHROPIC, "coder": ZAI, "mini": "/v1/token_plan/remains"}
    forms |= {"nano": "/api/subscription/v1/usage", "credit": "/api/user"}
    own = {name: f'provider = "{name}"' for name in forms}
    async with staged(tmp_path, tuple(forms), own=own, more=PLANS) as stage, polled(stage):
        for name in forms:
            stage.provider.play(f"sk-{name}", then=HALF, on="usage")
        for name, path in forms.items():
            await until_polled(stage, name)
            (seen,) = polls(stage, name)
            assert (seen.method, seen.target, seen.body) == ("GET", path, b"")
            told = (await stage.account(name))["usage"]
            assert told["source"] == "poll"
            (window,) = told["windows"]
            assert window["utilization"] == pytest.approx(0.5)
            assert window["name"] == {"nano": "1d", "credit": "credit"}.get(name, "5h")
        assert (await stage.client.get(stage.url + "/api/status")).json()["traffic"]["requests"] == 0


async def test_a_busy_account_whose_answers_tell_of_usage_is_not_asked_and_one_whose_do_not_is(
    tmp_path: Path,
) -> None:
    own = {"first": PLAN, "second": CODER}
    async with staged(tmp_path, own=own, more=PLANS) as stage:
        stage.provider.play("sk-first", then=Answer(five_hour=Window(0.3, 3600.0)))
        for name in ("first", "second"):
            stage.headers = {NAMED: name}
            await stage.ask()
        async with polled(stage):
            await until_polled(stage, "second")
            assert polls(stage, "first") == []
            assert (await stage.account("first"))["usage"]["source"] == "traffic"
            assert (await stage.account("second"))["usage"]["source"] == "poll"


async def test_an_account_is_asked_again_once_its_last_telling_is_old(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": PLAN}, more=PLANS) as stage, polled(stage, interval=0.15):
        await until_polled(stage, "first", 3)
        times = [seen.arrived for seen in polls(stage, "first")]
        assert all(later - sooner > 0.12 for sooner, later in pairwise(times))
        assert polls(stage, "second") == []


async def test_an_account_that_is_spent_by_its_poll_is_not_asked_before_its_reset(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": PLAN}, more=PLANS) as stage, polled(stage):
        stage.provider.play("sk-first", then=SPENT, on="usage")
        await until_polled(stage, "first")
        first = await stage.account("first")
        assert (first["state"], first["reason"]) == ("resting", "its 7d window is spent")
        assert first["until"] == pytest.approx(time() + 86400, abs=60)
        assert await served_by(stage) == "second"


@pytest.mark.parametrize("newer", [False, True])
async def test_the_limit_of_one_model_family_keeps_that_family_alone_away(
    tmp_path: Path, newer: bool
) -> None:
    spent = Spending(Window(0.1, 3600.0), families={"opus": Window(1.0, 86400.0)}, newer=newer)
    async with staged(tmp_path, own={"first": PLAN}, more=PLANS) as stage, polled(stage):
        stage.provider.play("sk-first", then=spent, on="usage")
        await until_polled(stage, "first")
        assert (await stage.account("first"))["state"] == "ready"
        assert await served_by(stage, model="claude-opus-4-5") == "second"
        assert await served_by(stage, model="claude-sonnet-4-5") == "first"


HARMLESS: list[tuple[str, Spending]] = [
    (PLAN, Spending(five_hour=Window(1.0, inf))),
    (PLAN, Spending(seven_day=Window(1.0, 30 * 86400.0))),
    (PLAN, Spending(seven_day=Window(1.0, -60.0))),
    (PLAN, Spending(five_hour=Window(0.1, 3600.0), extra=False)),
    (PLAN, Spending(five_hour=Window(0.1, 3600.0), families={"design": Window(1.0, 3600.0)}, newer=True)),
    ('provider = "credit"', Spending(five_hour=Window(1.0, 3600.0))),
    (CODER, HALF),
]


@pytest.mark.parametrize(
    ("provider", "told"),
    HARMLESS,
    ids=["no reset", "incredible", "past", "extra usage", "other product", "credit", "tools of z.ai"],
)
async def test_what_is_no_credible_limit_benches_nobody(
    tmp_path: Path, provider: str, told: Spending
) -> None:
    async with staged(tmp_path, ["only"], own={"only": provider}, more=PLANS) as stage, polled(stage):
        stage.provider.play("sk-only", then=told, on="usage")
        await until_polled(stage, "only")
        assert (await stage.account("only"))["state"] == "ready"
        assert (await stage.fresh()).status_code == 200


async def test_paid_extra_usage_is_kept_off_or_used_as_the_file_says_when_a_poll_finds_the_plan_spent(
    tmp_path: Path,
) -> None:
    spent = Spending(five_hour=Window(1.0, 3600.0), extra=True)
    own = {"first": PLAN, "second": f'{PLAN}\noverage = "allow"'}
    async with staged(tmp_path, own=own, more=PLANS) as stage, polled(stage):
        for name in own:
            stage.provider.play(f"sk-{name}", then=spent, on="usage")
            await until_polled(stage, name)
        assert (await stage.account("first"))["by"] == "overage"
        assert await served_by(stage) == "second"


FAILURES: list[tuple[Behaviour, str]] = [
    (Failing(401), "it answered 401: invalid x-api-key"),
    (Failing(403), "it answered 403"),
    (Failing(404), "it answered 404"),
    (Failing(500), "it answered 500"),
    (Failing(302, headers=((b"location", b"https://elsewhere.example.com/"),)), "it answered 302"),
    (Limited(0.0), "it answered 429"),
    (Spending(refused=True), "it answered 401: token expired or incorrect"),
    (Failing(200, body=b"<html>"), "its answer is not JSON"),
    (Failing(200, body=b'{"success": tru'), "its answer is not JSON"),
    (Failing(200, body=b'{"data": {"limits": []}}'), "the answer tells of no usage window"),
    (Raw(b"SSH-2.0-nothing\r\n"), "the connection broke"),
    (Reset(), "the connection broke"),
]


@pytest.mark.parametrize(("failure", "reason"), FAILURES, ids=range(len(FAILURES)))
async def test_a_poll_that_fails_changes_nothing_but_what_is_said_of_it(
    tmp_path: Path, failure: Behaviour, reason: str
) -> None:
    own = {"first": CODER, "second": PLAN}
    async with staged(tmp_path, own=own, more=PLANS) as stage, polled(stage):
        stage.provider.play("sk-first", then=failure, on="usage")
        await until_polled(stage, "first")
        await until_polled(stage, "second")
        first = await stage.account("first")
        assert (first["state"], first["usage"], first["polling"]["failures"]) == ("ready", None, 1)
        assert first["polling"]["problem"].startswith(reason)
        assert first["polling"]["next_at"] == pytest.approx(time() + 1200, abs=30)
        assert await served_by(stage) == "first"


async def test_failures_double_the_pause_and_the_windows_told_before_stay_with_their_age(
    tmp_path: Path,
) -> None:
    async with (
        staged(tmp_path, ["only"], own={"only": PLAN}, more=PLANS) as stage,
        polled(stage, interval=0.1),
    ):
        stage.provider.play("sk-only", HALF, then=Limited(reset_in=0.0, retry_after="0"), on="usage")
        await until_polled(stage, "only", 4)
        told, *failed = [seen.arrived for seen in polls(stage, "only")]
        assert failed[0] - told > 0.08
        assert failed[1] - failed[0] > 0.18
        assert failed[2] - failed[1] > 0.38
        only = await stage.account("only")
        (window,) = only["usage"]["windows"]
        assert (window["utilization"], only["state"]) == (0.5, "ready")
        assert window["age"] == pytest.approx(time() - polls(stage, "only")[0].at, abs=0.2)
        assert only["polling"]["problem"].startswith("it answered 429")


async def test_a_retry_after_that_can_be_believed_is_kept(tmp_path: Path) -> None:
    async with staged(tmp_path, ["only"], own={"only": PLAN}, more=PLANS) as stage:
        stage.provider.play("sk-only", Limited(reset_in=7200.0), on="usage")
        await refresh(stage, "only")
        assert (await stage.account("only"))["polling"]["next_at"] == pytest.approx(time() + 7200, abs=5)


async def test_a_restart_polls_nobody_who_was_polled_or_told_of_just_before(tmp_path: Path) -> None:
    names = ("first", "second", "third", "fourth")
    own = dict.fromkeys(names, PLAN)
    provider = FakeProvider()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        (tmp_path / "ccflare.toml").write_text(toml(tmp_path / "state", port, names, own=own, more=PLANS))
        (tmp_path / "ccflare.toml").chmod(0o600)
        provider.play("sk-first", then=HALF, on="usage")
        provider.play("sk-second", then=Failing(500), on="usage")
        provider.play("sk-third", then=Answer(five_hour=Window(0.3, 3600.0)))
        async with restaged(tmp_path, provider, port) as stage:
            await refresh(stage, "first")
            await refresh(stage, "second")
            stage.headers = {NAMED: "third"}
            await stage.ask()
            await stage.running.house.recorder.settled()
        async with restaged(tmp_path, provider, port) as stage, polled(stage):
            await until_polled(stage, "fourth")
            assert [len(polls(stage, name)) for name in names] == [1, 1, 0, 1]
            assert (await stage.account("first"))["usage"]["windows"][0]["source"] == "poll"
            assert (await stage.account("second"))["polling"]["problem"].startswith("it answered 500")
        nursery.cancel_scope.cancel()


async def test_who_leaves_the_file_is_off_or_paused_by_hand_is_not_polled(tmp_path: Path) -> None:
    own = {"first": PLAN, "second": PLAN, "third": f"{PLAN}\nenabled = false"}
    async with staged(tmp_path, ("first", "second", "third"), own=own, more=PLANS) as stage:
        stage.running.house.ledger.pause("second", time())
        async with polled(stage, interval=0.05):
            await until_polled(stage, "first", 2)
            without = toml(stage.state, stage.provider_port, ("second", "third"), own=own, more=PLANS)
            stage.edit(without)
            assert (await stage.running.reloads.reload("command")).applied
            left = len(polls(stage, "first"))
            assert polls(stage, "second") == []
            stage.running.house.ledger.resume("second", time())
            await until_polled(stage, "second", 3)
            assert len(polls(stage, "first")) == left
            assert polls(stage, "third") == []


async def test_a_provider_whose_usage_is_switched_off_is_asked_no_more(tmp_path: Path) -> None:
    own = {"first": PLAN, "second": CODER}
    async with staged(tmp_path, own=own, more=PLANS) as stage, polled(stage, interval=0.05):
        await until_polled(stage, "first", 2)
        stage.edit(
            stage.config.read_text().replace('auth = "bearer" }', 'auth = "bearer", enabled = false }')
        )
        assert (await stage.running.reloads.reload("command")).applied
        left = len(polls(stage, "first"))
        await until_polled(stage, "second", len(polls(stage, "second")) + 3)
        assert len(polls(stage, "first")) == left
        assert (await stage.account("first"))["polling"] is None
        assert (await refresh(stage, "first"))["status"] == 400


async def test_a_credential_is_never_sent_to_another_host(tmp_path: Path) -> None:
    elsewhere = FakeProvider()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(elsewhere.serve)
        url = f"http://127.0.0.1:{port}{ANTHROPIC}"
        more = f'[providers.far]\nbase_url = "http://127.0.0.1:1"\nusage = {{ url = "{url}", reads = "anthropic" }}\n'
        own = {"first": 'provider = "far"', "second": PLAN}
        async with staged(tmp_path, own=own, more=PLANS + more) as stage, polled(stage):
            await until_polled(stage, "second")
            assert (await refresh(stage, "first"))["status"] == 400
            assert elsewhere.count == 0
            assert any("is another host" in warning for warning in stage.running.reloads.applied.warnings)
        nursery.cancel_scope.cancel()


async def test_a_usage_url_is_asked_for_accounts_that_have_no_base_url_of_their_own(tmp_path: Path) -> None:
    usage = FakeProvider()
    usage.play("sk-first", then=HALF, on="usage")
    async with trio.open_nursery() as nursery:
        port = await nursery.start(usage.serve)
        url = f"http://127.0.0.1:{port}{ANTHROPIC}"
        more = f"""[providers.far]
base_url = "http://127.0.0.1:1"
headers = {{ X-Team = "red-secret" }}
usage = {{ url = "{url}", reads = "anthropic" }}
[accounts.third]
provider = "far"
api_key = "sk-first"
"""
        async with staged(tmp_path, more=more) as stage:
            assert (await refresh(stage, "third"))["success"]
            (seen,) = usage.seen
            assert seen.get(b"x-api-key") == b"sk-first"
            assert seen.get(b"x-team") is None
        nursery.cancel_scope.cancel()


async def test_a_person_may_ask_once_a_minute_and_is_told_when_next(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": PLAN}, more=PLANS) as stage:
        stage.provider.play(
            "sk-first", then=Spending(Window(0.5, 3600.0), Window(0.999, 86400.0)), on="usage"
        )
        assert await refresh(stage, "first") == {
            "status": 200,
            "success": True,
            "message": "Used of first: 5h 50 %, 7d 99 %.",
            "pollingRestarted": True,
            "cacheRefreshed": True,
        }
        again = await stage.client.post(f"{stage.url}/api/accounts/first/refresh-usage")
        assert (again.status_code, 50 <= int(again.headers["retry-after"]) <= 60) == (429, True)
        assert again.json()["success"] is again.json()["pollingRestarted"] is False
        assert "it can be asked again in" in again.json()["message"]
        assert len(polls(stage, "first")) == 1
        assert (await refresh(stage, "second"))["status"] == 400
        assert (await refresh(stage, "nobody"))["status"] == 404


async def test_a_poll_by_hand_that_fails_says_why(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": PLAN}, more=PLANS) as stage:
        stage.provider.play("sk-first", then=Failing(403, message="Not with sk-first!"), on="usage")
        answer = await refresh(stage, "first")
        assert (answer["status"], answer["success"], answer["cacheRefreshed"]) == (200, False, False)
        assert answer["message"].startswith(
            "The usage of first is unknown: it answered 403: Not with [secret]!"
        )


async def test_who_asks_while_a_poll_is_under_way_gets_its_answer(tmp_path: Path) -> None:
    async with staged(tmp_path, ["only"], own={"only": PLAN}, more=PLANS) as stage:
        release, answers = trio.Event(), []
        stage.provider.play("sk-only", Held(release), on="usage")

        async def ask() -> None:
            answers.append(await refresh(stage, "only"))

        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask)
                await stage.provider.received(1)
                nursery.start_soon(ask)
                await trio.testing.wait_all_tasks_blocked(0.05)
                release.set()
        assert [answer["success"] for answer in answers] == [True, True]
        assert stage.provider.count == 1


@pytest.mark.parametrize(("edit", "status"), [("none", 403), ("state", 200), ("all", 200)])
async def test_asking_is_administration_and_obeys_what_rest_may_change(
    tmp_path: Path, edit: str, status: int
) -> None:
    more = f'{PLANS}[admin]\ntoken = "t0ken"\nedit = "{edit}"\n'
    async with staged(tmp_path, own={"first": PLAN}, more=more) as stage:
        assert (await refresh(stage, "first"))["status"] == 401
        stage.headers = {"authorization": "Bearer t0ken"}
        assert (await refresh(stage, "first"))["status"] == status
        assert len(polls(stage, "first")) == (status == 200)


async def test_the_account_list_has_the_usage_fields_that_scripts_know(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": PLAN}, more=PLANS) as stage:
        told = Spending(Window(0.25, 3600.0), Window(0.625, 86400.0), families={"opus": Window(0.9, 86400.0)})
        stage.provider.play("sk-first", then=told, on="usage")
        await refresh(stage, "first")
        first, second = (await stage.client.get(stage.url + "/api/accounts")).json()
        assert (first["usageUtilization"], first["usageWindow"]) == (62.5, "seven_day")
        shares = {name: window["utilization"] for name, window in first["usageData"].items()}
        assert shares == {"five_hour": 25.0, "seven_day": 62.5, "seven_day_opus": 90.0}
        assert first["usageData"]["five_hour"]["resets_at"].endswith("Z")
        assert (second["usageUtilization"], second["usageWindow"], second["usageData"]) == (None, None, None)


async def test_a_limit_that_was_lifted_early_ends_the_rest_when_a_poll_tells_of_it(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": PLAN}, more=PLANS) as stage:
        house = stage.running.house
        stage.provider.play("sk-first", Limited(reset_in=86400.0, claim="seven_day"))
        assert await served_by(stage) == "second"
        target = house.world.targets["first"]
        assert isinstance(target, Target)
        known = house.ledger.standing(target)
        rest = known.account.rest
        # As if it had been an hour ago.
        house.ledger._standings["first"] = replace(
            known, account=replace(known.account, rest=replace(rest, since=rest.since - 3600))
        )
        stage.provider.play("sk-first", then=Spending(Window(0.0, inf), Window(0.02, 86400.0)), on="usage")
        await refresh(stage, "first")
        assert (await stage.account("first"))["state"] == "half-open"
        assert await served_by(stage) == "first"


async def test_neither_log_nor_status_repeats_the_credential(
    tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    key = "sk-ant-secret-" + "A1b2C3d4" * 4
    own = {"only": f'{CODER}\napi_key = "{key}"'}
    async with staged(tmp_path, ["only"], own=own, more=PLANS) as stage, polled(stage):
        body = b'{"success": false, "code": 401, "msg": "bad key %s"}' % key.encode()
        stage.provider.play(key, then=Failing(200, body=body), on="usage")
        with trio.fail_after(5):
            while not log.records:
                await trio.sleep(0.01)
        status = await stage.client.get(stage.url + "/api/status")
        said = [record.getMessage() for record in log.records]
        assert said[0].startswith("account only: its usage is unknown: it answered 401: bad key [secret]")
        assert key[:16] not in log.text + status.text + str(await stage.running.house.archive.recall())


async def test_the_failures_of_another_credential_are_not_told_of_the_new_one(tmp_path: Path) -> None:
    async with staged(tmp_path, ["only"], own={"only": PLAN}, more=PLANS) as stage:
        stage.running.house.ledger.set_polled(
            "only", Polled("other", time(), 5, time() + 9999, "it answered 401"), 0
        )
        polling = (await stage.account("only"))["polling"]
        assert (polling["problem"], polling["failures"]) == (None, 0)
        assert polling["next_at"] == pytest.approx(time() + 600, abs=5)
