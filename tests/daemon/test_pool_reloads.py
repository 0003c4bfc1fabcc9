"""What a reload changes of the pool while it serves: the time zone, and accounts that go. Over real sockets."""

import datetime as dt
from pathlib import Path

import httpx
import pytest
import trio
from stage import Stage, staged

from ccflared.demo.script import Answer

NAMED = "x-ccflared-account"
PRICE = '[pricing."claude-sonnet-4-5"]\ninput = 1000.0\noutput = 2000.0\n'
DOLLAR = Answer(input_tokens=500, output_tokens=250)


class Zoned:
    """The file of a stage, in one time zone after the other."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._plain = stage.config.read_text()

    async def move(self, zone: str) -> None:
        """Have the daemon take another zone."""
        self._stage.edit(f'timezone = "{zone}"\n{self._plain}')
        assert (await self._stage.running.reloads.reload("command")).applied


async def test_another_time_zone_ends_or_begins_a_scheduled_pause_at_once(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    begin, end = (now + dt.timedelta(hours=hours) for hours in (-1, 2))
    own = {"first": f'pause_schedule = [{{ from = "{begin:%H:%M}", to = "{end:%H:%M}" }}]'}
    async with staged(tmp_path, own=own) as stage:
        zoned = Zoned(stage)
        for zone, state, served in [
            ("UTC", "paused", "second"),
            ("Asia/Tokyo", "ready", "first"),
            ("UTC", "paused", "second"),
        ]:
            await zoned.move(zone)
            assert (await stage.account("first"))["state"] == state
            assert (await stage.fresh()).headers[NAMED] == served


ZONES = [
    ("UTC", "Pacific/Honolulu"),
    ("Pacific/Honolulu", "UTC"),
    ("Pacific/Kiritimati", "Pacific/Pago_Pago"),
    ("Pacific/Pago_Pago", "Pacific/Kiritimati"),
]
"""The last two are always at different dates."""


@pytest.mark.parametrize(("before", "after"), ZONES)
async def test_another_time_zone_does_not_forget_what_was_spent_just_now(
    tmp_path: Path, before: str, after: str
) -> None:
    own = {"first": "budget = { daily = 1.00 }"}
    async with staged(tmp_path, own=own, more=PRICE) as stage:
        zoned = Zoned(stage)
        await zoned.move(before)
        stage.provider.play("sk-first", then=DOLLAR)
        assert [(await stage.fresh()).headers[NAMED] for _ in range(2)] == ["first", "second"]
        await zoned.move(after)
        assert (await stage.account("first"))["state"] == "paused"
        assert (await stage.fresh()).headers[NAMED] == "second"


@pytest.mark.parametrize("call", ["pause", "resume", "force-reset-rate-limit"])
async def test_a_call_for_an_account_that_a_reload_removes_meanwhile_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    async with staged(tmp_path) as stage:
        settled = stage.running.house.recorder.settled

        async def settled_after_a_reload() -> None:
            stage.edit(stage.config.read_text().replace("[accounts.second]", "[accounts.third]"))
            assert (await stage.running.reloads.reload("command")).applied
            await settled()

        monkeypatch.setattr(stage.running.house.recorder, "settled", settled_after_a_reload)
        answers: list[httpx.Response] = []
        with trio.fail_after(5):
            answers.append(await stage.client.post(f"{stage.url}/api/accounts/second/{call}"))
        assert answers[0].status_code < 500
        assert "second" not in stage.running.house.world.targets
