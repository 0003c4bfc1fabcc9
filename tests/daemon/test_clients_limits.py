"""Budgets of clients and their requests an hour, over real sockets."""

import sqlite3
from contextlib import closing
from datetime import UTC
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
import trio
from stage import Stage, restaged, staged, toml

from ccflared.config.model import Budget, Client
from ccflared.daemon.clients import ROWS_AN_HOUR, Clients
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Held, Limited
from ccflared.money.budgets import period_start

PRICE = '[pricing."claude-sonnet-4-5"]\ninput = 1000.0\noutput = 2000.0\n'
"""USD per million tokens: an answer of 500 and 250 costs a dollar."""
DOLLAR = Answer(input_tokens=500, output_tokens=250)
ADMIN = '[admin]\ntoken = "the-admin-token"\n'
PLAN = {"first": 'billing = "plan"'}


def clients(**lines: str) -> str:
    """Return the TOML of clients with these lines; the key of NAME is ck-NAME."""
    return "".join(f'[clients.{name}]\nkey = "ck-{name}"\n{more}\n' for name, more in lines.items())


async def ask(stage: Stage, who: str = "laptop", **more: Any) -> httpx.Response:
    """Ask with the key of a client, in a conversation of its own."""
    stage.headers = {"x-api-key": f"ck-{who}"}
    return await stage.fresh(**more)


async def listed(stage: Stage, who: str = "laptop") -> dict[str, Any]:
    """Return what /api/clients says of a client."""
    answer = await stage.client.get(
        stage.url + "/api/clients", headers={"authorization": "Bearer the-admin-token"}
    )
    assert answer.status_code == 200, answer.text
    return next(dict(each) for each in answer.json() if each["name"] == who)


async def use(stage: Stage, **lines: str) -> None:
    """Put other clients into the file and have it read again."""
    plain = stage.config.read_text().partition("[clients.")[0]
    stage.edit(plain + clients(**lines))
    assert (await stage.running.reloads.reload("command")).applied


BUDGET = "budget = { daily = 2.00 }"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_budget_by_value_counts_what_a_plan_pays_for_and_refuses_when_it_is_spent(
    tmp_path: Path, stream: bool
) -> None:
    more = PRICE + clients(laptop=BUDGET, other="")
    async with staged(tmp_path, own=PLAN, more=more) as stage:
        stage.provider.play("sk-first", then=DOLLAR)
        answers = [await ask(stage, stream=stream) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        refused = answers[-1]
        error = refused.json()["error"]
        assert error["type"] == "rate_limit_error"
        assert error["message"].startswith(
            "This client cannot ask now: the daily budget of 2.00 USD is spent. It is whole again in "
        )
        assert "first" not in refused.text
        assert 0 < int(refused.headers["retry-after"]) <= 25 * 3600
        told = int(refused.headers["retry-after"]) > 60
        assert refused.headers.get("x-should-retry") == ("false" if told else None)
        assert refused.headers["request-id"] == refused.headers["x-ccflared-request-id"]
        assert stage.provider.count == 2
        assert (await ask(stage, "other")).status_code == 200
        rows = await stage.rows()
        row = rows[2]
        assert (row.status, row.outcome, row.client, row.attempts, row.charged) == (
            429,
            "refused",
            "laptop",
            (),
            None,
        )
        assert row.error == error["message"]
        assert [(each.billing, each.charged) for each in rows[:2]] == [("plan", 1_000_000)] * 2


async def test_a_budget_in_money_counts_what_is_billed_alone(tmp_path: Path) -> None:
    more = PRICE + ADMIN + clients(laptop='budget = { daily = 1.00, counts = "money" }')
    async with staged(tmp_path, own=PLAN, more=more) as stage:
        stage.provider.play("sk-first", DOLLAR, DOLLAR, DOLLAR, then=Limited())
        stage.provider.play("sk-second", then=DOLLAR)
        answers = [(await ask(stage)).status_code for _ in range(5)]
        assert answers == [200, 200, 200, 200, 429]
        await stage.rows()
        seen = await listed(stage)
        assert (seen["budget"]["spent_today"], seen["budget"]["counts"]) == (1.0, "money")
        assert (seen["today"]["value"], seen["today"]["money"]) == (4.0, 1.0)


async def test_extra_usage_of_a_plan_is_money_for_a_client_too(tmp_path: Path) -> None:
    in_use = (b"anthropic-ratelimit-unified-overage-in-use", b"true")
    paid = Answer(input_tokens=500, output_tokens=250, headers=(in_use,))
    own = {"first": 'billing = "plan"\noverage = "allow"'}
    more = PRICE + clients(laptop='budget = { daily = 1.00, counts = "money" }')
    async with staged(tmp_path, own=own, more=more) as stage:
        stage.provider.play("sk-first", DOLLAR, then=paid)
        assert [(await ask(stage)).status_code for _ in range(3)] == [200, 200, 429]


async def test_counting_tokens_and_models_are_not_refused_by_a_budget(tmp_path: Path) -> None:
    more = PRICE + clients(laptop="budget = { daily = 0.00 }")
    async with staged(tmp_path, more=more) as stage:
        assert (await ask(stage)).status_code == 429
        assert (await stage.ask(path="/v1/messages/count_tokens")).status_code == 200
        listing = await stage.client.get(stage.url + "/v1/models", headers=stage.headers)
        assert listing.status_code == 200
        assert stage.running.house.clients.asked("laptop", time()) == 2


async def test_requests_that_run_when_a_budget_is_spent_finish(tmp_path: Path) -> None:
    more = PRICE + clients(laptop="budget = { daily = 1.00 }")
    async with staged(tmp_path, more=more) as stage:
        go = trio.Event()
        stage.provider.play("sk-first", Held(go, answer=DOLLAR), then=DOLLAR)
        async with trio.open_nursery() as nursery:
            slow: list[httpx.Response] = []

            async def ask_slowly() -> None:
                slow.append(await ask(stage))

            nursery.start_soon(ask_slowly)
            with trio.fail_after(5):
                while not stage.running.house.under_way.requests:
                    await trio.lowlevel.checkpoint()
            assert (await ask(stage)).status_code == 200
            assert (await ask(stage)).status_code == 429
            go.set()
        assert slow[0].status_code == 200


@pytest.mark.parametrize("billing", ["plan", "api"])
async def test_what_nobody_knows_the_price_of_is_not_asked_for_in_the_name_of_a_client_with_a_budget(
    tmp_path: Path, billing: str
) -> None:
    own = {"first": f'billing = "{billing}"\nmodels = {{ opus = "vendor/mystery", sonnet = "=" }}'}
    more = ADMIN + clients(
        laptop="budget = { daily = 0.01 }", billed='budget = { daily = 0.01, counts = "money" }', free=""
    )
    async with staged(tmp_path, ["first"], own=own, more=more) as stage:
        refused = await ask(stage, model="claude-opus-4-1")
        assert (refused.status_code, refused.headers["x-should-retry"]) == (503, "false")
        assert refused.json()["error"]["message"] == (
            "No account could serve this request (1 without a known price). Nobody knows what "
            'vendor/mystery costs, and there is a budget: add [pricing."vendor/mystery"] with input = … and output = …, '
            "in USD per million tokens."
        )
        assert stage.provider.count == 0
        assert (
            await ask(stage, path="/v1/messages/count_tokens", model="claude-opus-4-1")
        ).status_code == 200
        assert (await ask(stage)).status_code == 200
        assert (await ask(stage, "free", model="claude-opus-4-1")).status_code == 200
        told = (await ask(stage, "billed", model="claude-opus-4-1")).status_code
        assert told == (200 if billing == "plan" else 503)
        assert stage.running.reloads.applied.warnings[0] == (
            "clients.laptop has a budget, and nobody knows what vendor/mystery costs: nobody is asked for it until "
            'there is a [pricing."vendor/mystery"] with input and output'
        )
        prices = '[pricing."vendor/mystery"]\ninput = 1.0\noutput = 1.0\n'
        stage.edit(stage.config.read_text() + prices)
        assert (await stage.running.reloads.reload("command")).applied
        assert (await ask(stage, model="claude-opus-4-1")).status_code == 200


async def test_cached_tokens_of_unknown_price_count_as_input(tmp_path: Path) -> None:
    prices = PRICE.replace("claude-sonnet-4-5", "mystery-1")
    async with staged(tmp_path, own=PLAN, more=prices + clients(laptop=BUDGET)) as stage:
        stage.provider.play("sk-first", Answer(input_tokens=500, output_tokens=0, cache_read=1500))
        assert (await ask(stage, model="mystery-1")).status_code == 200
        assert (await ask(stage, model="mystery-1")).status_code == 429


async def test_a_plan_that_says_it_costs_nothing_has_the_value_of_the_price_list(tmp_path: Path) -> None:
    free = Answer(input_tokens=500, output_tokens=250, headers=((b"anthropic-billing-cost", b"0"),))
    async with staged(tmp_path, own=PLAN, more=PRICE + clients(laptop=BUDGET)) as stage:
        stage.provider.play("sk-first", then=free)
        assert [(await ask(stage)).status_code for _ in range(3)] == [200, 200, 429]


async def test_a_budget_that_a_reload_sets_or_changes_counts_with_what_was_spent(tmp_path: Path) -> None:
    async with staged(tmp_path, own=PLAN, more=PRICE + clients(laptop="")) as stage:
        stage.provider.play("sk-first", then=DOLLAR)
        for _ in range(2):
            assert (await ask(stage)).status_code == 200
        for budget, status in (
            ("budget = { daily = 2.00 }", 429),
            ("budget = { daily = 2.50 }", 200),
            ("budget = { monthly = 3.00 }", 429),
            ('budget = { monthly = 3.00, counts = "money" }', 200),
            ("budget = { daily = 4.00 }", 429),
            ("", 200),
        ):
            await use(stage, laptop=budget)
            assert (await ask(stage)).status_code == status, budget


@pytest.mark.parametrize("counts", ["value", "money"])
async def test_a_restart_keeps_what_was_spent_and_what_was_asked_and_counts_neither_twice(
    tmp_path: Path, counts: str
) -> None:
    provider = FakeProvider()
    provider.play("sk-first", then=DOLLAR)
    rules = f'budget = {{ daily = 3.00, counts = "{counts}" }}\nrequests_per_hour = 100'
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        config = tmp_path / "ccflare.toml"
        config.write_text(
            toml(tmp_path / "state", port, ["first"], more=PRICE + ADMIN + clients(laptop=rules))
        )
        config.chmod(0o600)
        for number in range(3):
            async with restaged(tmp_path, provider, port) as stage:
                seen = await listed(stage)
                assert (seen["budget"]["spent_today"], seen["requests_last_hour"]) == (number, 2 * number)
                assert (await ask(stage)).status_code == 200
                await stage.ask(path="/v1/messages/count_tokens")
                await stage.rows()
        async with restaged(tmp_path, provider, port) as stage:
            assert (await ask(stage)).status_code == 429
            await use(stage, laptop="requests_per_hour = 6")
            refused = await ask(stage)
            assert refused.status_code == 429
            assert "its 6 requests of an hour are used up" in refused.json()["error"]["message"]
        nursery.cancel_scope.cancel()


async def test_yesterday_counts_for_the_month_and_an_hour_ago_for_nothing_after_a_restart(
    tmp_path: Path,
) -> None:
    provider = FakeProvider()
    provider.play("sk-first", then=DOLLAR)
    rules = "budget = { daily = 1.00, monthly = 2.00 }\nrequests_per_hour = 1"
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        config = tmp_path / "ccflare.toml"
        config.write_text(toml(tmp_path / "state", port, ["first"], more=PRICE + clients(laptop=rules)))
        config.chmod(0o600)
        async with restaged(tmp_path, provider, port) as stage:
            assert (await ask(stage)).status_code == 200
            assert (await ask(stage)).status_code == 429
            await stage.rows()
        now = time()
        month = period_start(now, None, "month")
        # The rows are moved to the month's beginning, or where that is today, out of this month altogether.
        earlier = month if month < period_start(now, None, "day") else month - 1
        with closing(sqlite3.connect(tmp_path / "state" / "ccflared.db")) as connection:
            # And out of the totals of the hour in which they were made.
            connection.execute("UPDATE requests SET at = ?, series = NULL", (earlier,))
            for table in ("hours", "days", "hour_times", "day_times"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
            connection.commit()
        async with restaged(tmp_path, provider, port) as stage:
            spent = stage.running.house.clients.spent(stage.running.house.world.config.clients["laptop"])
            assert (spent.day, spent.month) == (0, 1_000_000 if earlier == month else 0)
            if earlier + 3600 < now:
                assert (await ask(stage)).status_code == 200
        nursery.cancel_scope.cancel()


async def test_a_day_that_ends_makes_the_budget_whole_and_the_month_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_800_000_000.0]  # 2027-01-15 08:00 UTC
    for module in ("app", "house", "relay"):
        monkeypatch.setattr(f"ccflared.daemon.{module}.time", lambda: clock[0])
    more = PRICE + clients(laptop="budget = { daily = 1.00, monthly = 2.00 }")
    async with staged(tmp_path, ["first"], own=PLAN, more=more) as stage:
        # Before the file, which has no place for it in ``more``.
        stage.edit('timezone = "Asia/Tokyo"\n' + stage.config.read_text())
        assert (await stage.running.reloads.reload("command")).applied
        stage.provider.play("sk-first", then=DOLLAR)
        assert (await ask(stage)).status_code == 200
        refused = await ask(stage)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) == 7 * 3600  # 17:00 in Tokyo
        assert refused.json()["error"]["message"].endswith("in 7.0 h, at 2027-01-16 00:00 JST.")
        clock[0] += 7 * 3600
        assert (await ask(stage)).status_code == 200
        refused = await ask(stage)
        assert "the monthly budget of 2.00 USD is spent" in refused.text
        assert refused.json()["error"]["message"].endswith("at 2027-02-01 00:00 JST.")


async def test_of_fifty_at_once_no_more_are_admitted_than_may_be(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN + clients(laptop="requests_per_hour = 20", other="")) as stage:
        statuses: list[int] = []

        async def once() -> None:
            statuses.append((await ask(stage)).status_code)

        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(once)
        assert (statuses.count(200), statuses.count(429)) == (20, 30)
        assert stage.provider.count == 20
        seen = await listed(stage)
        assert (seen["state"], seen["requests_last_hour"], seen["refused_last_hour"]) == ("spent", 20, 30)
        assert 3590 < seen["until"] - time() <= 3660
        refused = await ask(stage)
        assert refused.headers["x-should-retry"] == "false"
        assert 3590 < int(refused.headers["retry-after"]) <= 3660
        assert (await ask(stage, "other")).status_code == 200


async def test_the_next_request_is_possible_when_it_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_800_000_000.0]
    for module in ("app", "house", "relay"):
        monkeypatch.setattr(f"ccflared.daemon.{module}.time", lambda: clock[0])
    async with staged(tmp_path, more=clients(laptop="requests_per_hour = 2")) as stage:
        assert (await ask(stage)).status_code == 200
        clock[0] += 600
        assert (await ask(stage)).status_code == 200
        clock[0] += 600
        wait = int((await ask(stage)).headers["retry-after"])
        assert wait == 2400
        clock[0] += wait - 1
        late = await ask(stage)
        assert (late.status_code, late.headers["retry-after"]) == (429, "1")
        assert "x-should-retry" not in late.headers
        clock[0] += 1
        assert (await ask(stage)).status_code == 200


async def test_what_is_refused_without_anybody_being_asked_does_not_count(tmp_path: Path) -> None:
    more = ADMIN + clients(laptop='requests_per_hour = 3\nmodels = ["claude-*"]')
    async with staged(tmp_path, ["first"], more=more) as stage:
        assert (await ask(stage, model="gpt-5")).status_code == 403
        bad = await stage.client.post(stage.url + "/v1/messages", content=b"{", headers=stage.headers)
        assert bad.status_code == 400
        assert (await listed(stage))["requests_last_hour"] == 0
        stage.provider.play("sk-first", Limited(reset_in=60))
        for _ in range(3):  # of which the first alone goes upstream
            assert (await ask(stage)).status_code == 429
        assert (stage.provider.count, (await listed(stage))["requests_last_hour"]) == (1, 1)
        stage.running.house.reset("first", time())
        assert [(await ask(stage)).status_code for _ in range(3)] == [200, 200, 429]


async def test_a_refused_client_that_asks_again_and_again_does_not_fill_the_disk(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN + clients(laptop="budget = { daily = 0 }")) as stage:
        for _ in range(ROWS_AN_HOUR + 15):
            assert (await ask(stage)).status_code == 429
        rows = await stage.rows()
        assert len(rows) == ROWS_AN_HOUR
        assert {row.outcome for row in rows} == {"refused"}
        assert (await listed(stage))["refused_last_hour"] == ROWS_AN_HOUR + 15


async def test_a_body_is_not_read_of_a_client_that_is_refused(tmp_path: Path) -> None:
    async with staged(tmp_path, more=clients(laptop="budget = { daily = 0 }")) as stage:
        with trio.fail_after(5):
            stream = await trio.open_tcp_stream("127.0.0.1", stage.port)
            async with stream:
                await stream.send_all(
                    b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: ck-laptop\r\n"
                    b"content-length: 9000000\r\n\r\n{"
                )
                answer = b""
                while b"rate_limit_error" not in answer:
                    answer += await stream.receive_some()
        assert answer.startswith(b"HTTP/1.1 429")


async def test_what_is_passed_through_is_not_for_clients_whose_models_or_budget_nobody_could_see_to(
    tmp_path: Path,
) -> None:
    own = {"first": 'passthrough = ["/v1/files", "/v1/messages/batches"]'}
    more = clients(
        free="pin = true", paid=f"pin = true\n{BUDGET}", narrow='pin = true\nmodels = ["claude-haiku-*"]'
    )
    async with staged(tmp_path, own=own, more=more) as stage:
        for who, status in (("free", 200), ("paid", 403), ("narrow", 403)):
            headers = {"x-api-key": f"ck-{who}", "x-ccflared-account": "first"}
            answer = await stage.client.post(
                stage.url + "/v1/messages/batches", json={"requests": []}, headers=headers
            )
            assert (answer.status_code == 403) == (status == 403), (who, answer.text)
            listing = await stage.client.get(stage.url + "/v1/files", headers=headers)
            assert listing.status_code != 403


async def test_explain_tells_of_a_client_that_has_to_wait(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN + clients(laptop="budget = { daily = 0 }")) as stage:
        answer = await stage.client.get(
            stage.url + "/api/explain?model=claude-sonnet-4-5&client=laptop",
            headers={"authorization": "Bearer the-admin-token"},
        )
        refusal = answer.json()["refusal"]
        assert refusal["status"] == 429
        assert "the daily budget of 0.00 USD is spent" in refusal["message"]
        assert stage.running.house.clients.refused("laptop", time()) == 0


def test_of_two_reasons_the_one_that_ends_last_is_told() -> None:
    known = Clients()
    client = Client("a", budget=Budget(daily=1.0), requests_per_hour=1)
    assert known.admit(client, 1_800_000_000.0, UTC) is None
    known.pay("a", 1_000_000, 1_800_000_000.0, UTC, billed=False)
    told = known.admit(client, 1_800_000_000.0, UTC)
    assert told is not None
    assert "daily budget" in told.message
    late = known.admit(client, 1_800_000_000.0 + 15.9 * 3600, UTC)
    assert late is not None
    assert late.wait == 360
