"""auto_refresh over real sockets: one honest request when a usage window has ended, and nothing else."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from math import ceil
from pathlib import Path

import trio
from stage import Stage, staged

from ccflared import __version__
from ccflared.daemon.refresher import Refresher
from ccflared.demo.provider import Seen
from ccflared.demo.script import Answer, Behaviour, Failing, Limited, Window

ENDING = Answer(five_hour=Window(0.5, 0.1))
"""Its window ends with the next whole second."""
LONG = Answer(five_hour=Window(0.0, 3600.0))
BOTH = dict.fromkeys(("first", "second"), "auto_refresh = true")


@asynccontextmanager
async def kept(
    tmp_path: Path, own: dict[str, str], more: str = "", names: tuple[str, ...] = ("first", "second")
) -> AsyncIterator[Stage]:
    """Run a daemon with keepers that look all the time: its own look twice a minute."""
    async with staged(tmp_path, names, own=own, more=more) as stage, trio.open_nursery() as nursery:
        nursery.start_soon(Refresher(stage.running.house, look=0.02, spread=0.0, between=0.0).run)
        yield stage
        nursery.cancel_scope.cancel()


async def begin(stage: Stage, *names: str) -> None:
    """Have each account tell of its usage window by a pinned request."""
    for name in names:
        stage.headers = {"x-ccflared-account": name}
        await stage.ask()
    stage.headers = {}


def refreshes(stage: Stage, name: str) -> list[Seen]:
    mine = f"ccflared/{__version__}".encode()
    return [
        seen for seen in stage.provider.seen if seen.key == f"sk-{name}" and seen.get(b"user-agent") == mine
    ]


async def until(stage: Stage, name: str, count: int) -> None:
    """Wait until so many refreshes of an account have been answered and recorded."""
    with trio.fail_after(10):
        while len(refreshes(stage, name)) < count:
            await stage.provider.received(stage.provider.count + 1)
        for seen in refreshes(stage, name):
            await seen.ended.wait()
        while stage.running.house.under_way.probing[name]:
            await trio.sleep(0.01)


async def test_each_window_that_has_ended_is_followed_by_exactly_one_minimal_request(tmp_path: Path) -> None:
    async with kept(tmp_path, BOTH) as stage:
        stage.provider.play("sk-first", ENDING, ENDING, LONG)
        await begin(stage, "first")
        await until(stage, "first", 2)
        asked = [seen for seen in stage.provider.seen if seen.key == "sk-first"]
        assert len(asked) == 3
        for before, seen in pairwise(asked):
            assert seen.at >= ceil(before.at + 0.1)
        sent = refreshes(stage, "first")[0]
        assert json.loads(sent.body) == {
            "model": "claude-haiku-4-5",
            "max_tokens": 1,
            "messages": [{"role": "user", "content": "ping"}],
        }
        assert sent.get(b"user-agent") == f"ccflared/{__version__}".encode()
        assert (await stage.account("first"))["usage"]["windows"][0]["utilization"] == 0.0


async def test_it_is_in_the_history_as_what_it_is_and_not_in_the_traffic(tmp_path: Path) -> None:
    async with kept(tmp_path, BOTH) as stage:
        stage.provider.play("sk-first", ENDING, then=LONG)
        await begin(stage, "first")
        used = (await stage.account("first"))["last_used"]
        await until(stage, "first", 1)
        rows = await stage.rows()
        assert [(row.origin, row.account, row.outcome) for row in rows] == [
            ("client", "first", "complete"),
            ("refresh", "first", "complete"),
        ]
        (attempt,) = rows[1].attempts
        assert (attempt.why, attempt.kind, attempt.model) == ("auto_refresh", "served", "claude-haiku-4-5")
        assert rows[1].client is rows[1].conversation is None
        status = (await stage.client.get(stage.url + "/api/status")).json()
        assert status["traffic"]["requests"] == 1
        # Nor does it move the account to another place among those that are equally used.
        assert (await stage.account("first"))["last_used"] == used is not None


async def test_the_model_is_refresh_model_by_the_accounts_own_name_for_it(tmp_path: Path) -> None:
    own = {"first": "auto_refresh = true\nmodels = { haiku = 'tiny', sonnet = '=' }"}
    more = '[routing]\nrefresh_model = "claude-haiku-9"\n'
    async with kept(tmp_path, own, more) as stage:
        stage.provider.play("sk-first", ENDING, then=LONG)
        await begin(stage, "first")
        await until(stage, "first", 1)
        assert json.loads(refreshes(stage, "first")[0].body)["model"] == "tiny"


async def test_it_follows_a_limit_that_named_its_reset_and_ends_the_rest(tmp_path: Path) -> None:
    async with kept(tmp_path, BOTH) as stage:
        stage.provider.play("sk-first", Limited(reset_in=0.1), then=LONG)
        await begin(stage, "first")
        await until(stage, "first", 1)
        assert (await stage.account("first"))["state"] == "ready"


REFUSALS: list[Behaviour] = [Limited(reset_in=3600), Failing(401), Failing(500), Failing(400)]


async def test_a_refused_one_is_not_repeated_soon_and_benches_nobody(tmp_path: Path) -> None:
    names = tuple(f"account{number}" for number in range(len(REFUSALS)))
    own = dict.fromkeys((*names, "steady"), "auto_refresh = true")
    async with kept(tmp_path, own, names=(*names, "steady")) as stage:
        for name, refusal in zip(names, REFUSALS, strict=True):
            stage.provider.play(f"sk-{name}", ENDING, then=refusal)
        stage.provider.play("sk-steady", then=ENDING)
        await begin(stage, *names, "steady")
        # While the one goes on, the others are left alone.
        await until(stage, "steady", 2)
        for name in names:
            assert len(refreshes(stage, name)) == 1
            assert (await stage.account(name))["state"] == "ready"
        refused = [row for row in await stage.rows() if row.origin == "refresh" and row.account != "steady"]
        assert {row.outcome for row in refused} == {"error"}
        assert {row.status for row in refused} == {429, 401, 500, 400}


async def test_it_is_off_by_default_and_rests_while_an_account_is_paused(tmp_path: Path) -> None:
    own = {"second": "auto_refresh = true", "third": "auto_refresh = true"}
    async with kept(tmp_path, own, names=("first", "second", "third")) as stage:
        for key in ("sk-first", "sk-second", "sk-third"):
            stage.provider.play(key, Answer(five_hour=Window(0.5, 1.0)), then=ENDING)
        await begin(stage, "first", "second")
        await stage.client.post(stage.url + "/api/accounts/second/pause")
        paused = stage.provider.count
        await begin(stage, "third")
        await until(stage, "third", 2)
        late = list(stage.provider.seen)[paused:]
        assert {seen.key for seen in late} == {"sk-third"}
        assert not refreshes(stage, "first")
        await stage.client.post(stage.url + "/api/accounts/second/resume")
        await until(stage, "second", len(refreshes(stage, "second")) + 1)


async def test_it_stops_when_the_file_turns_it_off_and_begins_when_it_turns_it_on(tmp_path: Path) -> None:
    own = {"first": "auto_refresh = true", "second": "auto_refresh = false"}
    async with kept(tmp_path, own) as stage:
        for key in ("sk-first", "sk-second"):
            stage.provider.play(key, then=ENDING)
        await begin(stage, "first", "second")
        await until(stage, "first", 1)
        assert not refreshes(stage, "second")
        swapped = {"true": "false", "false": "true"}
        lines = stage.config.read_text().splitlines()
        stage.edit(
            "\n".join(
                f"auto_refresh = {swapped[line.split()[-1]]}" if line.startswith("auto_refresh") else line
                for line in lines
            )
        )
        assert (await stage.running.reloads.reload("command")).applied
        begun = len(refreshes(stage, "first"))
        await until(stage, "second", 2)
        assert len(refreshes(stage, "first")) == begun
