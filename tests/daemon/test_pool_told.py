"""What clients and people are told of the pool, and what they are not. Over real sockets."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from time import time

import httpx
import pytest
from stage import staged

from ccflared.demo.script import Answer, Behaviour, Failing, Limited, Window
from ccflared.providers.target import Target

NAMED = "x-ccflared-account"
UNIFIED = "anthropic-ratelimit-unified-"
SPENT: list[Behaviour] = [
    Limited(3600.0),
    Limited(3600.0, claim="seven_day"),
    Answer(five_hour=Window(1.0, 3600.0, "rejected")),
]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Catch what is logged of accounts: the daemon's log goes nowhere but to stderr."""
    logging.getLogger("ccflared.accounts").addHandler(caplog.handler)
    yield caplog
    logging.getLogger("ccflared.accounts").removeHandler(caplog.handler)


@pytest.mark.parametrize("told", SPENT, ids=["429 of 5h", "429 of 7d", "told by an answer"])
async def test_the_log_says_that_an_account_rests_when_a_window_of_its_plan_is_spent(
    tmp_path: Path, log: pytest.LogCaptureFixture, told: Behaviour
) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", told)
        await stage.fresh()
        assert (await stage.account("first"))["state"] == "resting"
        said = [record.getMessage() for record in log.records]
        assert len([line for line in said if line.startswith("account first is resting for 36")]) == 1


WINDOW = Answer(five_hour=Window(0.97, 3600.0, "allowed_warning"))


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_is_not_told_of_the_usage_of_one_account_among_several(
    tmp_path: Path, stream: bool
) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", then=WINDOW)
        assert unified(await stage.fresh(stream=stream)) == 0
        stage.headers = {NAMED: "first"}
        assert unified(await stage.fresh(stream=stream)) > 5


@pytest.mark.parametrize("stream", [False, True])
async def test_with_one_account_only_its_usage_is_the_clients_own(tmp_path: Path, stream: bool) -> None:
    async with staged(tmp_path, ["only"]) as stage:
        stage.provider.play("sk-only", then=WINDOW)
        assert unified(await stage.fresh(stream=stream)) > 5


async def test_an_upstreams_own_refusal_does_not_tell_of_one_accounts_usage_either(tmp_path: Path) -> None:
    fields = ((f"{UNIFIED}5h-utilization".encode(), b"0.9"), (f"{UNIFIED}status".encode(), b"allowed"))
    async with staged(tmp_path) as stage:
        for key in ("sk-first", "sk-second"):
            stage.provider.play(key, then=Failing(403, message="Not with us.", headers=fields))
        refused = await stage.fresh()
        assert (refused.status_code, refused.json()["error"]["message"]) == (403, "Not with us.")
        assert unified(refused) == 0


def unified(answer: httpx.Response) -> int:
    """Return how many fields of an answer tell of usage windows."""
    return sum(name.startswith(UNIFIED) for name in answer.headers)


KEY = "sk-ant-api03-" + "A1b2C3d4" * 12
SHOWN = KEY[: 6 + len("sk-ant-api03-")]
"""So much of it would already be more than its beginning, which all keys share."""


def error(status: int, **members: str) -> Failing:
    return Failing(status, body=json.dumps({"type": "error", "error": members}).encode())


REPEATED = [
    *(error(500, type="api_error", message="x" * before + KEY) for before in (0, 60, 100, 120, 135)),
    error(200, type=KEY, message="hello"),
    error(500, type=KEY, message="hello"),
    Failing(200, body=b"nonsense", content_type=KEY),
]


@pytest.mark.parametrize("repeats", REPEATED, ids=range(len(REPEATED)))
async def test_a_key_that_an_upstream_repeats_is_hidden_though_it_is_cut_off_in_the_middle(
    tmp_path: Path, repeats: Failing, log: pytest.LogCaptureFixture
) -> None:
    async with staged(tmp_path, ["only"], own={"only": f'api_key = "{KEY}"'}) as stage:
        stage.provider.play(KEY, then=repeats)
        refused = await stage.fresh()
        (row,) = await stage.rows()
        assert (row.account, row.attempts[0].kind != "served") == ("only", True)
        explained = await stage.client.get(stage.url + "/api/explain", params={"request": row.id})
        status = await stage.client.get(stage.url + "/api/status")
        for said in (refused.text, str(refused.headers), str(row), explained.text, status.text, log.text):
            assert SHOWN not in said


async def test_a_request_can_be_explained_as_soon_as_it_is_answered(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        for _ in range(5):
            answer = await stage.fresh()
            request = answer.headers["x-ccflared-request-id"]
            explained = await stage.client.get(stage.url + "/api/explain", params={"request": request})
            assert explained.status_code == 200


THREE = ("first", "second", "third")


@pytest.mark.parametrize("at_a_limit", [1, 2])
async def test_accounts_that_a_person_has_paused_do_not_make_a_limit_of_the_others_anything_else(
    tmp_path: Path, at_a_limit: int
) -> None:
    async with staged(tmp_path, THREE) as stage:
        for name in THREE[at_a_limit:]:
            stage.running.house.ledger.pause(name, time())
        for name in THREE[:at_a_limit]:
            stage.provider.play(f"sk-{name}", Limited(3600.0))
        for _ in range(2):
            refused = await stage.fresh()
            assert (refused.status_code, refused.json()["error"]["type"]) == (429, "rate_limit_error")
            assert "reached a limit" in refused.json()["error"]["message"]
            assert 3590 <= int(refused.headers["retry-after"]) <= 3601
            assert refused.headers["x-should-retry"] == "false"
        assert stage.provider.count == at_a_limit


async def test_accounts_that_a_person_has_all_paused_are_no_limit(tmp_path: Path) -> None:
    async with staged(tmp_path, THREE) as stage:
        for name in THREE:
            stage.running.house.ledger.pause(name, time())
        refused = await stage.fresh()
        assert (refused.status_code, refused.json()["error"]["type"]) == (503, "overloaded_error")


async def test_status_leaves_the_session_to_one_account_of_each_priority(tmp_path: Path) -> None:
    own = {"first": "priority = 0", "second": "priority = 0", "third": "priority = 5"}
    async with staged(tmp_path, ["first", "second", "third"], own=own) as stage:
        house = stage.running.house
        for began, name in enumerate(("second", "first", "third")):
            target = house.world.targets[name]
            assert isinstance(target, Target)
            house.begin_session(target, time() - 100 + began)
        held = {name: (await stage.account(name))["session"] for name in own}
        assert held == {"first": True, "second": False, "third": True}


async def test_status_tells_what_is_spent_of_a_budget(tmp_path: Path) -> None:
    own = {"first": "budget = { daily = 2.00, monthly = 9.00 }"}
    prices = '[pricing."claude-sonnet-4-5"]\ninput = 1000.0\noutput = 2000.0\n'
    async with staged(tmp_path, own=own, more=prices) as stage:
        stage.provider.play("sk-first", Answer(input_tokens=500, output_tokens=250))
        await stage.ask()
        await stage.rows()
        assert (await stage.account("first"))["budget"] == {
            "daily": 2.0,
            "monthly": 9.0,
            "spent_today": 1.0,
            "spent_this_month": 1.0,
        }
        assert (await stage.account("second"))["budget"] is None


async def test_a_budget_that_keeps_a_model_from_being_asked_is_told_when_the_file_is_read(
    tmp_path: Path,
) -> None:
    own = {"first": 'budget = { daily = 2.00 }\nmodels = { opus = "vendor/big" }'}
    async with staged(tmp_path, own=own) as stage:
        status = (await stage.client.get(stage.url + "/api/status")).json()
        (said,) = status["config"]["warnings"]
        assert said.startswith("accounts.first has a budget, and nobody knows what vendor/big costs")
