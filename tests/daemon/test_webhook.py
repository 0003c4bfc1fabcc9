"""The webhook: what it posts, in which spelling, how it is signed, and what it does when that fails."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from receiver import Receiver
from rest import call
from stage import Stage, staged
from trio.testing import MockClock

from ccflared.config.load import Secrets
from ccflared.config.model import Alerts as Settings
from ccflared.config.model import Config, SecretRef
from ccflared.config.model import Webhook as WebhookSettings
from ccflared.daemon.alarms import webhook
from ccflared.daemon.alarms.alert import Alarm, Alert
from ccflared.daemon.alarms.webhook import WAITING, Posted, Webhook
from ccflared.daemon.alarms.webhook_formats import spelled
from ccflared.errors import ConnectFailed
from ccflared.secret import Secret

ALERT = Alert(
    "alert_1",
    1_795_372_500.0,
    Alarm("needs_login", "max", "Account max needs you", "It <needs> a login & more"),
)


def hook(url: str, more: str = "") -> str:
    return f'[alerts]\nwebhook = {{ url = "{url}"{more} }}\n'


async def try_out(stage: Stage) -> dict[str, Any]:
    answer = await call(stage, "POST", "/api/alerts/test")
    assert answer.status_code == 200
    return dict(answer.json())


async def test_a_test_alert_arrives_signed_and_says_what_the_receiver_answered(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        receiver = Receiver()
        port = await nursery.start(receiver.serve)
        url = f"http://127.0.0.1:{port}/in/token?key=more"
        async with staged(tmp_path, more=hook(url, ', secret = "hook-secret"')) as stage:
            told = await try_out(stage)
            assert (told["sent"], told["status"], told["error"]) == (True, 200, None)
        (got,) = receiver.received
        assert got.target == b"/in/token?key=more"
        assert got.signature_holds("hook-secret")
        assert not got.signature_holds("another")
        assert got.document["type"] == "alert"
        assert got.document["alert"]["type"] == "test"
        assert got.fields[b"x-ccflared-alert-id"].decode() == got.document["alert"]["id"] == told["id"]
        nursery.cancel_scope.cancel()


async def test_without_a_webhook_a_test_says_what_to_add(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        told = await try_out(stage)
        assert told["sent"] is False
        assert "[alerts] webhook" in told["error"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1/secret-path", "no connection"),
        ("http://192.0.2.7.invalid/secret-path", "no connection"),
        ("http://169.254.169.254/secret-path", "link-local"),
    ],
)
async def test_what_goes_wrong_is_told_without_the_url(tmp_path: Path, url: str, said: str) -> None:
    async with staged(tmp_path, more=hook(url)) as stage:
        told = await try_out(stage)
        assert (told["sent"], told["status"]) == (False, None)
        assert said in told["error"]
        assert "secret-path" not in told["error"]
        shown = (await call(stage, "GET", "/api/insights/alerts/config")).text
        assert "secret-path" not in shown
        assert json.loads(shown)["webhook"]["format"] == "json"


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        receiver = Receiver([(302, {"location": "http://127.0.0.1:1/"}), 200])
        port = await nursery.start(receiver.serve)
        async with staged(tmp_path, more=hook(f"http://127.0.0.1:{port}/")) as stage:
            told = await try_out(stage)
            assert (told["sent"], told["status"]) == (False, 302)
            assert "redirects are not followed" in told["error"]
        assert len(receiver.received) == 1
        nursery.cancel_scope.cancel()


async def test_a_name_and_password_of_the_url_are_sent_as_such(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        receiver = Receiver()
        port = await nursery.start(receiver.serve)
        more = hook(f"http://me:pa%3Ass@127.0.0.1:{port}/topic", ', format = "ntfy"')
        async with staged(tmp_path, more=more) as stage:
            assert (await try_out(stage))["sent"]
        (got,) = receiver.received
        assert got.fields[b"authorization"] == b"Basic bWU6cGE6c3M="
        assert got.fields[b"title"] == b"Test of ccflared's alerts"
        nursery.cancel_scope.cancel()


async def test_an_alert_that_was_refused_for_the_moment_is_posted_again_as_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "PAUSES", (0.01, 0.01))
    async with trio.open_nursery() as nursery:
        receiver = Receiver([500, 429, 204])
        port = await nursery.start(receiver.serve)
        more = hook(f"http://127.0.0.1:{port}/", ', secret = "hook-secret"')
        async with staged(tmp_path, more=more) as stage:
            stage.running.house.webhook.offer(ALERT)
            await receiver.wait_for(3)
            with trio.fail_after(20):
                while stage.running.house.webhook.waiting:
                    await trio.lowlevel.checkpoint()
            assert stage.running.house.webhook.lost == 0
        assert {each.fields[b"x-ccflared-alert-id"] for each in receiver.received} == {b"alert_1"}
        assert all(each.signature_holds("hook-secret") for each in receiver.received)
        nursery.cancel_scope.cancel()


def test_each_receiver_gets_its_own_spelling() -> None:
    _, body = spelled(ALERT, "json")
    assert json.loads(body)["alert"] == ALERT.document()
    headers, body = spelled(ALERT, "ntfy")
    assert dict(headers)[b"priority"] == b"5"
    assert (dict(headers)[b"title"], dict(headers)[b"tags"]) == (b"Account max needs you", b"rotating_light")
    assert body.decode() == ALERT.alarm.message
    _, body = spelled(ALERT, "slack")
    assert json.loads(body) == {"text": "*Account max needs you*\nIt &lt;needs&gt; a login &amp; more"}
    _, body = spelled(ALERT, "discord")
    assert json.loads(body)["content"].endswith(ALERT.alarm.message)
    assert json.loads(body)["allowed_mentions"] == {"parse": []}


def test_a_title_that_no_header_can_carry_is_encoded() -> None:
    alert = Alert("a", 0.0, Alarm("test", "", "Größe\r\nX-Evil: 1", "y" * 5000))
    headers, body = spelled(alert, "ntfy")
    assert dict(headers)[b"title"] == b"=?UTF-8?B?R3LDtsOfZQ0KWC1FdmlsOiAx?="
    assert len(body) < 2000
    assert len(json.loads(spelled(alert, "discord")[1])["content"]) <= 2000


class Scripted(Webhook):
    """A webhook whose tries end as a test says, in virtual time."""

    def __init__(self, *ends: Posted) -> None:
        url = SecretRef("literal", Secret("http://127.0.0.1/"))
        config = Config(alerts=Settings(webhook=WebhookSettings(url)))
        super().__init__(lambda: _World(config), None)  # type: ignore[arg-type, return-value]
        self.over: list[Alert] = []
        self.done = lambda alert, _: self.over.append(alert)
        self.ends = list(ends)
        self.times: list[float] = []
        self.posted: list[Alert] = []

    async def post(self, alert: Alert) -> Posted:
        await trio.lowlevel.checkpoint()
        self.times.append(trio.current_time())
        self.posted.append(alert)
        return self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]


class _World:
    def __init__(self, config: Config) -> None:
        self.config = config


FAILED = Posted(False, 500, "it answered 500", again=True)
SENT = Posted(True, 200)


async def run_for(clock: MockClock, subject: Scripted, seconds: float, *alerts: Alert) -> list[float]:
    """Offer alerts, let the time pass, and return when tries were made, in seconds from then."""
    began = clock.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(subject.run)
        for alert in alerts:
            subject.offer(alert)
        await trio.sleep(seconds)
        nursery.cancel_scope.cancel()
    return [round(at - began, 3) for at in subject.times]


async def test_five_tries_are_made_ever_further_apart_and_then_it_is_lost(autojump_clock: MockClock) -> None:
    subject = Scripted(FAILED)
    assert await run_for(autojump_clock, subject, 5000, ALERT) == [0, 5, 35, 155, 755]
    assert (subject.waiting, subject.lost, subject.over) == (0, 1, [ALERT])


@pytest.mark.parametrize(
    ("end", "times"),
    [
        (Posted(False, 404, "it answered 404"), [0]),
        (Posted(False, 503, "it answered 503", again=True, pause=60.0), [0, 60]),
        (Posted(False, 429, "it answered 429", again=True, pause=1e9), [0, 3600]),
        (Posted(False, 429, "it answered 429", again=True, pause=1.0), [0, 5]),
    ],
)
async def test_what_the_receiver_says_counts_within_bounds(
    autojump_clock: MockClock, end: Posted, times: list[float]
) -> None:
    assert await run_for(autojump_clock, Scripted(end, SENT), 5000, ALERT) == times


async def test_one_that_waits_for_its_next_try_holds_up_no_other(autojump_clock: MockClock) -> None:
    assert await run_for(autojump_clock, Scripted(FAILED, SENT), 100, ALERT, ALERT) == [0, 0, 5]


async def test_of_too_many_the_oldest_are_lost_and_counted() -> None:
    subject = Scripted(FAILED)
    for _ in range(WAITING + 3):
        subject.offer(ALERT)
    assert (subject.waiting, subject.lost) == (WAITING, 3)


@pytest.mark.parametrize(
    ("make", "url", "said"),
    [
        (
            lambda: ConnectFailed("all to hook.example:8443 failed"),
            "https://hook.example:8443/x",
            "all to … failed",
        ),
        (lambda: ConnectFailed("no /top/secret there"), "https://hook.example/top/secret", "no … there"),
    ],
)
async def test_no_sentence_has_the_url_in_it(make: Callable[[], Exception], url: str, said: str) -> None:
    class Failing:
        async def send(self, *_: object, **__: object) -> None:
            await trio.lowlevel.checkpoint()
            raise make()

    reference = SecretRef("literal", Secret(url))
    world = _World(Config(alerts=Settings(webhook=WebhookSettings(reference))))
    world.secrets = Secrets({reference: Secret(url)}, {}, frozenset())  # type: ignore[attr-defined]
    posted = await Webhook(lambda: world, Failing()).post(ALERT)  # type: ignore[arg-type, return-value]
    assert posted == Posted(False, error=said, again=True)
