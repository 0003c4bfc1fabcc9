"""Alerts: each is raised by what it is about, told once, and over when its cause is. Over real sockets where it can be."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from entries import plain
from issuer import FakeIssuer
from listening import Listener, listening
from logins import issued
from receiver import Receiver
from rest import at_home, call
from stage import Stage, restaged, staged

from ccflared.daemon.alarms import alert_rules
from ccflared.daemon.alarms.alert import Alarm, Alert, alert_of, alert_text
from ccflared.daemon.alarms.alerts import KEPT, QUIET, Alerts
from ccflared.daemon.alarms.noticed import CONVERSATIONS, Noticed
from ccflared.demo.script import Answer, Failing, Limited
from ccflared.store.memories import Memory
from ccflared.wire import Attempt, Entry

PRICE = '[pricing."claude-sonnet-4-5"]\ninput = 1000.0\noutput = 2000.0\n'
"""USD per million tokens: an answer of 500 and 250 costs a dollar."""
DOLLAR = Answer(input_tokens=500, output_tokens=250)
AGAIN = 6 * 3600.0


def alerting(stage: Stage) -> AbstractAsyncContextManager[Listener]:
    return listening(stage, "/api/insights/alerts/stream")


async def listed(stage: Stage) -> list[dict[str, Any]]:
    return list((await call(stage, "GET", "/api/insights/alerts")).json())


async def open_in_status(stage: Stage) -> list[str]:
    return [each["type"] for each in (await call(stage, "GET", "/api/status")).json()["alerts"]]


async def test_money_that_is_billed_in_a_day_is_told_at_the_limit(tmp_path: Path) -> None:
    more = PRICE + "[alerts]\ndaily_spend = 2.0\n"
    own = {"second": "billing = 'plan'"}
    async with staged(tmp_path, more=more, own=own) as stage, alerting(stage) as listener:
        stage.provider.play("sk-second", then=DOLLAR)
        await at_home(stage, "POST", "/api/accounts/first/pause")
        for _ in range(3):
            await stage.fresh()  # a plan's value is no money
        await at_home(stage, "POST", "/api/accounts/first/resume")
        stage.provider.play("sk-first", then=DOLLAR)
        await stage.fresh()
        await stage.fresh()
        alert = await listener.next()
        assert (alert["type"], alert["severity"]) == ("daily_spend", "warning")
        assert (alert["value"], alert["threshold"]) == (2.0, 2.0)
        assert "2.00 USD" in alert["message"]
        await stage.fresh()
        assert await listed(stage) == [alert]
        assert await open_in_status(stage) == ["daily_spend"]
        assert any(
            "alert: 2.00 USD were billed" in line.message for _, line in stage.running.house.live.lines.last()
        )


async def test_the_budget_of_an_account_or_client_that_is_spent_is_told(tmp_path: Path) -> None:
    own = {"first": "budget = { daily = 1.0 }"}
    more = (
        PRICE + '[clients.laptop]\nkey = "sk-laptop"\nbudget = { monthly = 1.0 }\n[admin]\ntoken = "sesame"\n'
    )
    async with staged(tmp_path, own=own, more=more) as stage:
        stage.headers = {"authorization": "Bearer sesame"}
        async with alerting(stage) as listener:
            stage.provider.play("sk-first", then=DOLLAR)
            await stage.client.post(
                f"{stage.url}/v1/messages",
                json={
                    "model": "claude-sonnet-4-5",
                    "max_tokens": 9,
                    "messages": [{"role": "user", "content": "x"}],
                },
                headers={"x-api-key": "sk-laptop"},
            )
            first, second = await listener.next(), await listener.next()
            assert {first["type"], second["type"]} == {"budget_spent"}
            assert (first["account"], second["client"]) == ("first", "laptop")
            assert first["message"].startswith("The daily budget of 1.00 USD is spent: account first")
            assert second["message"].startswith(
                "The monthly budget of 1.00 USD is spent: requests of client laptop"
            )


async def test_the_budget_of_all_accounts_that_is_spent_is_told(tmp_path: Path) -> None:
    more = PRICE + "[budget]\ndaily = 1.0\n"
    async with staged(tmp_path, more=more) as stage, alerting(stage) as listener:
        stage.provider.play("sk-first", then=DOLLAR)
        await stage.ask()
        alert = await listener.next()
        assert (alert["type"], alert["account"], alert["client"]) == ("budget_spent", None, None)
        assert alert["title"] == "The budget of all accounts is spent"
        assert "for all accounts is spent" in alert["message"]


async def test_an_account_whose_credential_is_refused_is_told_until_it_serves(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, alerting(stage) as listener:
        stage.provider.play("sk-first", Failing(401))
        await stage.ask()
        alert = await listener.next()
        assert (alert["type"], alert["account"], alert["severity"]) == ("needs_login", "first", "critical")
        assert "sk-first" not in str(alert)
        await at_home(stage, "POST", "/api/accounts/first/force-reset-rate-limit")
        over = await listener.next()
        assert over["id"] == alert["id"]
        assert over["resolved_at"] >= alert["at"]
        assert await open_in_status(stage) == []


async def test_an_account_without_its_credential_is_told_and_acknowledged(tmp_path: Path) -> None:
    own = {"first": 'api_key = { file = "missing" }'}
    async with staged(tmp_path, own=own) as stage:
        with trio.fail_after(20):
            while not (found := await listed(stage)):
                await trio.lowlevel.checkpoint()
        (alert,) = found
        assert (alert["type"], alert["account"]) == ("needs_login", "first")
        async with alerting(stage) as listener:
            answer = await call(stage, "POST", f"/api/insights/alerts/{alert['id']}")
            assert (answer.status_code, answer.json()["acknowledged"]) == (200, True)
            assert await listener.next() == answer.json()
        assert (await call(stage, "POST", "/api/insights/alerts/alert_none")).status_code == 404
        everything = await call(stage, "POST", "/api/insights/alerts/acknowledge-all")
        assert everything.json() == {"success": True, "acknowledged": 0}


async def test_a_request_that_finds_nobody_is_told_until_one_is_served(tmp_path: Path) -> None:
    async with staged(tmp_path, ["only"]) as stage, alerting(stage) as listener:
        stage.provider.play("sk-only", Limited(600))
        refused = await stage.ask()
        assert refused.status_code == 429
        alert = await listener.until(type="pool_exhausted")
        assert alert["request_id"] == refused.headers["x-ccflared-request-id"]
        await stage.ask()
        await at_home(stage, "POST", "/api/accounts/only/force-reset-rate-limit")
        assert (await stage.ask()).status_code == 200
        over = await listener.until(type="pool_exhausted")
        assert (over["id"], over["resolved_at"] is not None) == (alert["id"], True)
        assert len(await listed(stage)) == 1


async def test_a_pin_that_cannot_be_served_says_nothing_of_the_pool(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first", "second", "third"]) as stage, alerting(stage) as listener:
        await at_home(stage, "POST", "/api/accounts/first/pause")
        stage.headers["x-ccflared-account"] = "first"
        assert (await stage.ask()).status_code >= 400
        stage.headers.clear()
        stage.provider.play("sk-second", Failing(401))
        assert (await stage.ask()).status_code == 200
        assert (await listener.next())["account"] == "second"
        assert [each["type"] for each in await listed(stage)] == ["needs_login"]


@pytest.mark.parametrize(
    ("asks", "own", "plays"),
    [
        ("a-model-that-nobody-has", {}, True),
        ("claude-opus-4-1", {"only": 'models = { sonnet = "=" }'}, False),
        ("vendor/of-unknown-price", {"only": "budget = { daily = 5.0 }"}, False),
    ],
)
async def test_a_model_that_cannot_be_had_says_nothing_of_the_pool(
    tmp_path: Path, asks: str, own: dict[str, str], *, plays: bool
) -> None:
    async with staged(tmp_path, ["only"], own=own) as stage, alerting(stage) as listener:
        if plays:
            unknown = Failing(404, message=f"model: {asks}")
            stage.provider.play("sk-only", unknown, then=Answer())
        assert (await stage.ask(model=asks)).status_code >= 400
        assert stage.running.house.noticed.shortage is None
        stage.provider.play("sk-only", Failing(401))
        await stage.ask()
        assert {(await listener.next())["type"] for _ in range(2)} == {"needs_login", "pool_exhausted"}
        asked = [each["request_id"] for each in await listed(stage) if each["type"] == "pool_exhausted"]
        assert asked == [(await stage.rows())[-1].id]


async def test_an_account_that_needs_a_login_is_told_with_the_command(tmp_path: Path) -> None:
    async with issued(tmp_path, FakeIssuer(), names=("plan", "spare")) as stage:
        with trio.fail_after(20):
            while not (found := await listed(stage)):
                await trio.lowlevel.checkpoint()
        assert [(each["type"], each["account"]) for each in found] == [("needs_login", "plan")]
        assert found[0]["message"].endswith("Next: ccflared login plan")


async def test_a_conversation_that_asks_very_often_is_told(tmp_path: Path) -> None:
    async with staged(tmp_path, more="[alerts]\nrunaway = 3\n") as stage, alerting(stage) as listener:
        stage.headers["x-claude-code-session-id"] = "circles"
        last = ""
        for _ in range(4):
            last = (await stage.ask()).headers["x-ccflared-request-id"]
        alert = await listener.next()
        assert (alert["type"], alert["value"], alert["threshold"]) == ("runaway_conversation", 4.0, 3.0)
        assert alert["request_id"] == last
        assert alert["conversation"] == (await stage.rows())[-1].conversation
        stage.edit(stage.config.read_text().replace("runaway = 3", "runaway = 0"))
        assert (await listener.next())["resolved_at"] is not None


async def test_a_history_that_cannot_be_written_is_told_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_rules, "HISTORY_GRACE", 0.0)
    async with staged(tmp_path) as stage, alerting(stage) as listener:
        database = stage.state / "ccflared.db"
        await stage.ask()
        await stage.rows()
        for each in stage.state.glob("ccflared.db*"):
            each.rename(each.with_name("aside-" + each.name))
        database.mkdir()
        await stage.ask()
        alert = await listener.next()
        assert (alert["type"], alert["severity"]) == ("history_off", "critical")
        database.rmdir()
        assert (await listener.next())["resolved_at"] is not None


async def test_an_alert_is_posted_once_also_over_a_restart(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        receiver = Receiver()
        hook = await nursery.start(receiver.serve)
        own = {"first": 'api_key = { file = "missing" }'}
        more = f'[alerts]\nwebhook = {{ url = "http://127.0.0.1:{hook}/", secret = "s" }}\n'
        async with staged(tmp_path, own=own, more=more) as stage:
            got = await receiver.wait_for(1)
            assert got.signature_holds("s")
            (alert,) = await listed(stage)
            assert got.document == {"type": "alert", "alert": alert}
        async with restaged(tmp_path, stage.provider, stage.provider_port) as again:
            async with alerting(again) as listener:
                (tmp_path / "missing").write_text("sk-first")
                over = await listener.next()
            assert over == alert | {"resolved_at": over["resolved_at"]}
        assert len(receiver.received) == 1
        nursery.cancel_scope.cancel()


# --- what is told, and when not, without a daemon ---------------------------------------------------------------

LOGIN = Alarm("needs_login", "max", "Account max needs you", "Account max needs a login.", account="max")
SPEND = Alarm("daily_spend", "today", "25 USD were billed today", "…", 25.0, 25.0)


class Book(Alerts):
    """Alerts with what they said to whom."""

    def __init__(self) -> None:
        self.memories: dict[str, Memory] = {}
        self.shown: list[Alert] = []
        self.told: list[Alert] = []
        super().__init__(self.keep, self.shown.append, self.told.append)

    def keep(self, memory: Memory) -> None:
        if memory.value is None:
            del self.memories[memory.key]
        else:
            self.memories[memory.key] = memory

    def restarted(self, now: float) -> "Book":
        after = Book()
        after.memories = dict(self.memories)
        after.recall(list(self.memories.values()), now)
        return after


def test_what_lasts_is_told_again_only_after_a_while() -> None:
    book = Book()
    for now in range(0, int(AGAIN), 600):
        book.hold([LOGIN, SPEND], float(now), AGAIN)
    assert [alert.alarm for alert in book.told] == [LOGIN, SPEND]
    book.hold([LOGIN, SPEND], AGAIN, AGAIN)
    assert [alert.alarm for alert in book.told] == [LOGIN, SPEND, LOGIN]  # a day's money is told once a day
    assert len(book.open) == 2


def test_what_somebody_has_acknowledged_is_not_told_again_while_it_lasts() -> None:
    book = Book()
    book.hold([LOGIN], 0.0, AGAIN)
    book.acknowledge_all(1.0)
    book.hold([LOGIN], 2 * AGAIN, AGAIN)
    assert len(book.told) == 1
    book.hold([], 2 * AGAIN + 1, AGAIN)
    book.hold([LOGIN], 2 * AGAIN + 2 + QUIET, AGAIN)
    assert len(book.told) == 2


def test_what_flickers_is_one_alert() -> None:
    book = Book()
    for now in range(0, 3000, 20):
        book.hold([LOGIN], float(now), AGAIN)
        book.hold([], now + 10.0, AGAIN)
    assert len(book.told) == len(book.newest(10)) == 1
    book.hold([LOGIN], 3000.0 + QUIET, AGAIN)
    assert len(book.told) == 2


def test_what_the_webhook_was_not_told_before_a_stop_it_is_told_after_it() -> None:
    book = Book()
    book.hold([LOGIN, SPEND], 0.0, AGAIN)
    login, spend = book.told
    book.posted(spend, 1.0)
    after = book.restarted(20.0)
    assert [alert.id for alert in after.told] == [login.id]
    after.acknowledge(login.id, 21.0)
    assert after.restarted(30.0).told == []


@pytest.mark.parametrize("open_", [True, False])
def test_a_restart_neither_tells_anew_nor_forgets(open_: bool) -> None:
    book = Book()
    book.hold([LOGIN], 0.0, AGAIN)
    book.posted(book.told[0], 1.0)
    if not open_:
        book.hold([], 10.0, AGAIN)
    after = book.restarted(20.0)
    after.hold([LOGIN], 20.0, AGAIN)
    assert after.told == []
    assert [alert.id for alert in after.open] == [book.told[0].id]


def test_what_is_recalled_late_does_not_stand_beside_what_was_told_since() -> None:
    book = Book()
    book.hold([LOGIN], 0.0, AGAIN)
    after = Book()
    after.memories = dict(book.memories)
    after.hold([LOGIN], 5.0, AGAIN)
    after.recall(list(book.memories.values()), 6.0)
    assert len(after.open) == 1
    after.hold([], 7.0, AGAIN)
    assert after.open == []
    assert [alert.at for alert in after.newest(5)] == [5.0, 0.0]


def test_old_alerts_give_way_but_not_those_that_still_hold() -> None:
    book = Book()
    book.hold([LOGIN], 0.0, AGAIN)
    for number in range(KEPT + 10):
        book.test(float(number + 1))
    assert len(book.memories) == len(book.newest(KEPT + 10)) == KEPT
    assert [alert.alarm for alert in book.open] == [LOGIN]


def test_an_alert_is_remembered_whole_and_what_is_none_is_left_out() -> None:
    alert = Alert(
        "alert_7", 12.5, replace(SPEND, client="x", request_id="req_1"), acknowledged=True, resolved_at=13.0
    )
    assert alert_of("alert_7", alert_text(alert)) == alert
    for text in ("", "[]", "{}", '{"type": "of a later version"}', alert_text(alert).replace("12.5", '"x"')):
        assert alert_of("alert_7", text) is None


def ended(conversation: str | None, at: float, **more: Any) -> Entry:
    served = Attempt("a", "p", "why", 0, 1, 200, "served", "")
    entry = plain(id=f"req_{at}", at=at, conversation=conversation, attempts=(served,))
    return replace(entry, **more)


def test_only_the_last_hour_of_a_conversation_counts() -> None:
    noticed = Noticed()
    noticed.limit = 3
    for minute in range(0, 100, 25):
        noticed.ended(ended("slow", minute * 60.0))
    assert noticed.fast(6000.0) == []
    assert not noticed.stirred.is_set()
    for second in range(4):
        noticed.ended(ended("fast", 6000.0 + second))
    assert [(pace.conversation, pace.requests) for pace in noticed.fast(6010.0)] == [("fast", 4)]
    assert noticed.stirred.is_set()
    assert noticed.fast(6010.0 + 3600.0) == []


def test_counting_tokens_is_no_request_of_a_conversation() -> None:
    noticed = Noticed()
    noticed.limit = 3
    for second in range(10):
        noticed.ended(ended("counts", float(second), path="/v1/messages/count_tokens"))
    assert noticed.fast(10.0) == []


def test_of_too_many_conversations_those_that_ask_no_more_are_forgotten() -> None:
    noticed = Noticed()
    noticed.limit = 1
    for number in range(CONVERSATIONS + 5):
        noticed.ended(ended(f"c{number}", 0.0))
        noticed.ended(ended(f"c{number}", 0.0))
    assert len(noticed.fast(1.0)) == CONVERSATIONS
