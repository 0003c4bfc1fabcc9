"""What the pool knows is the same after a restart, and kill -9 takes nothing away that had been there for a moment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import trio
from process import daemon
from stage import QUESTION, Stage, free_port, restaged, toml

from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Failing, Held, Limited, Window

TWO = ("first", "second")
THREE = ("first", "second", "third")
EQUAL = dict.fromkeys(THREE, "priority = 0")
NAMED = "x-ccflared-account"


class Lasting:
    """A provider and a file, with which one daemon after the other is run."""

    def __init__(self, directory: Path, provider: FakeProvider, port: int) -> None:
        self.directory, self.provider, self.port = directory, provider, port

    def run(self) -> Any:
        return restaged(self.directory, self.provider, self.port)


@asynccontextmanager
async def lasting(
    directory: Path, names: tuple[str, ...] = TWO, *, own: dict[str, str] | None = None, more: str = ""
) -> AsyncIterator[Lasting]:
    """Play the provider until the context ends, whatever daemons come and go."""
    provider = FakeProvider()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        config = directory / "ccflare.toml"
        config.write_text(toml(directory / "state", port, names, more=more, own=own))
        config.chmod(0o600)
        yield Lasting(directory, provider, port)
        nursery.cancel_scope.cancel()


async def served(stage: Stage, session: str) -> str:
    stage.headers["x-claude-code-session-id"] = session
    return str((await stage.ask()).headers[NAMED])


async def known(stage: Stage) -> dict[str, dict[str, Any]]:
    """Return what status says of the accounts, without what belongs to one run of the daemon."""
    document = (await stage.client.get(stage.url + "/api/status")).json()
    passing = ("running", "last_used", "order", "usage")
    return {
        each["name"]: {key: value for key, value in each.items() if key not in passing}
        for each in document["accounts"]
    }


async def explained(stage: Stage, session: str) -> tuple[Any, Any]:
    """Return the plan that a conversation would get, without the time at which it is asked for."""
    query = {"model": "claude-sonnet-4-5", "conversation": f"claude-code:{session}"}
    answer = (await stage.client.get(stage.url + "/api/explain", params=query)).json()
    return answer["candidates"], answer["passed"]


async def test_a_restart_changes_neither_states_nor_plans(tmp_path: Path) -> None:
    own = EQUAL | {"third": "priority = 0\nmodels = { opus = 'big', sonnet = '=' }"}
    async with lasting(tmp_path, THREE, own=own) as place:
        provider = place.provider
        provider.play("sk-first", Limited(reset_in=3600, claim="seven_day"))
        provider.play("sk-second", Answer(five_hour=Window(0.6, 3000)))
        provider.play("sk-third", Limited(60, unified=False), Answer(five_hour=Window(0.3, 3000)))
        async with place.run() as stage:
            assert await served(stage, "a") == "second"
            stage.headers[NAMED] = "third"
            assert (await stage.ask(model="claude-opus-4-1")).status_code == 429
            del stage.headers[NAMED]
            await stage.client.post(stage.url + "/api/accounts/second/pause")
            assert await served(stage, "b") == "third"
            await stage.rows()
            before = await known(stage), await explained(stage, "a"), await explained(stage, "b")
        async with place.run() as again:
            assert (await known(again), await explained(again, "a"), await explained(again, "b")) == before
            states = {name: each["state"] for name, each in before[0].items()}
            assert states == {"first": "resting", "second": "paused", "third": "ready"}
            assert before[0]["third"]["also"][0]["state"] == "cooling"
            count = provider.count
            assert await served(again, "b") == "third"
            assert provider.count == count + 1


async def test_a_conversation_that_borrows_is_where_it_was_after_a_restart_and_knows_its_home(
    tmp_path: Path,
) -> None:
    more = '[routing]\nstrategy = "affinity"\ncache_cold = "50ms"\n'
    async with lasting(tmp_path, THREE, own=EQUAL, more=more) as place:
        place.provider.play("sk-first", Answer(), Failing(500))
        async with place.run() as stage:
            assert [await served(stage, "a") for _ in range(2)] == ["first", "second"]
            await stage.rows()
        async with place.run() as again:
            # The first is still in doubt.
            assert await served(again, "a") == "second"
            ends = trio.current_time() + 0.05
            await again.client.post(again.url + "/api/accounts/first/force-reset-rate-limit")
            while trio.current_time() < ends:
                await trio.sleep(0.01)
            assert await served(again, "a") == "first"


async def test_a_rest_that_ended_while_nothing_ran_is_half_open_and_probed_by_one_request(
    tmp_path: Path,
) -> None:
    async with lasting(tmp_path, more='[routing]\ncooldown = { first = "100ms" }\n') as place:
        place.provider.play("sk-first", Limited(reset_in=None, retry_after=None))
        async with place.run() as stage:
            assert await served(stage, "a") == "second"
            await stage.rows()
        async with place.run() as again:
            with trio.fail_after(5):
                while (await known(again))["first"]["state"] == "resting":
                    pass
            assert (await known(again))["first"]["state"] == "half-open"
            release = trio.Event()
            place.provider.play("sk-first", Held(release))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(served, again, "b")
                with trio.fail_after(5):
                    await place.provider.received(3)
                assert await served(again, "c") == "second"
                release.set()
            assert (await known(again))["first"]["state"] == "ready"


async def test_a_cooldown_grows_on_after_a_restart(tmp_path: Path) -> None:
    more = '[routing]\ncooldown = { first = "100ms", factor = 100.0, longest = "1h" }\n'
    async with lasting(tmp_path, ("only",), more=more) as place:
        place.provider.play("sk-only", then=Limited(reset_in=None, retry_after=None))
        async with place.run() as stage:
            assert (await stage.ask()).headers["retry-after"] == "1"
            await stage.rows()
        async with place.run() as again:
            with trio.fail_after(5):
                while (await known(again))["only"]["state"] == "resting":
                    pass
            assert int((await again.ask()).headers["retry-after"]) == 10


async def test_a_place_that_could_not_be_reached_stays_behind_the_others_after_a_restart(
    tmp_path: Path,
) -> None:
    own = {"first": f'base_url = "http://127.0.0.1:{free_port()}"'}
    async with lasting(tmp_path, own=own) as place:
        async with place.run() as stage:
            assert await served(stage, "a") == "second"
            before = (await known(stage))["first"]
            assert before["state"] == "doubtful"
            await stage.rows()
        async with place.run() as again:
            assert (await known(again))["first"] == before
            assert await served(again, "b") == "second"
            assert [len(row.attempts) for row in await again.rows()] == [2, 1]


async def test_a_new_credential_or_place_begins_with_a_clean_slate_after_a_restart(tmp_path: Path) -> None:
    async with lasting(tmp_path) as place:
        place.provider.play("sk-first", Limited(reset_in=3600))
        async with place.run() as stage:
            await served(stage, "a")
            await stage.client.post(stage.url + "/api/accounts/second/pause")
            await stage.rows()
            stage.edit(stage.config.read_text().replace('"sk-', '"sk-new-'))
        async with place.run() as again:
            states = {name: each["state"] for name, each in (await known(again)).items()}
            # A pause is a person's word about the account, whatever its credential is.
            assert states == {"first": "ready", "second": "paused"}
            assert await served(again, "a") == "first"


async def test_kill_9_loses_neither_a_pause_nor_a_cooldown_nor_a_binding(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running, httpx.AsyncClient(timeout=20, trust_env=False) as http:
        running.provider.play("sk-first", Limited(reset_in=3600))
        mine = {"x-claude-code-session-id": "a"}
        answer = await http.post(running.url + "/v1/messages", json=QUESTION, headers=mine)
        assert answer.headers[NAMED] == "second"
        with trio.fail_after(5):
            # What was learnt is written with the row of its request.
            while not running.rows():
                await trio.sleep(0.01)
        assert (await http.post(running.url + "/api/accounts/second/pause")).status_code == 200
        running.process.kill()
        await running.process.wait()
        async with restaged(tmp_path, running.provider, 0) as again:
            accounts = await known(again)
            assert (accounts["first"]["state"], accounts["second"]["state"]) == ("resting", "paused")
            assert (await again.ask()).status_code == 429
            resumed = await again.client.post(again.url + "/api/accounts/second/resume")
            assert resumed.json()["message"] == "second is resumed."
            candidates, _ = await explained(again, "a")
            assert candidates[0]["why"].startswith("it served this conversation before")
            assert await served(again, "a") == "second"
            assert [seen.key for seen in running.provider.seen] == ["sk-first", "sk-second", "sk-second"]


async def test_kill_9_right_after_a_resume_or_reset_was_answered_does_not_undo_it(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running, httpx.AsyncClient(timeout=20, trust_env=False) as http:
        running.provider.play("sk-first", Limited(reset_in=3600))
        await http.post(running.url + "/v1/messages", json=QUESTION)
        for account, call in (
            ("second", "pause"),
            ("second", "resume"),
            ("first", "force-reset-rate-limit"),
        ):
            url = f"{running.url}/api/accounts/{account}/{call}"
            assert (await http.post(url)).status_code == 200
        running.process.kill()
        await running.process.wait()
        async with restaged(tmp_path, running.provider, 0) as again:
            assert {each["state"] for each in (await known(again)).values()} == {"ready"}
