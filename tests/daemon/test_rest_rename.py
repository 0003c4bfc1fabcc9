"""An account gets another name: state, tokens and history follow, whatever happens in between."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any

import pytest
import trio
from issuer import FakeIssuer
from logins import kept, lasting
from rest import at_home, call, file_of, history_has, stored
from stage import Stage, restaged, staged

from ccflared.daemon import edits
from ccflared.daemon.house import House
from ccflared.demo.script import Held, Limited
from ccflared.providers.oauth import TokenPair
from ccflared.secret import Secret
from ccflared.store import renaming
from ccflared.store.memories import Memory, recall
from ccflared.store.schema import open_reader


def memories(state: Path) -> list[Memory]:
    with closing(open_reader(state / "ccflared.db")) as reader:
        return recall(reader)


def names_in_rows(state: Path) -> set[str]:
    """Return every account that the history names, wherever it does."""
    found: set[str] = set()
    with closing(open_reader(state / "ccflared.db")) as reader:
        for account, attempts, passed in reader.execute("SELECT account, attempts, passed FROM requests"):
            found |= {account, *(each["account"] for each in json.loads(attempts) + json.loads(passed))}
    return found - {None}


async def renamed(stage: Stage, old: str, new: str) -> None:
    answer = await call(stage, "POST", f"/api/accounts/{old}/rename", {"name": new})
    assert answer.status_code == 200, answer.text
    assert answer.json()["newName"] == new


async def followed(stage: Stage) -> None:
    """Wait until all of the history has followed."""
    with trio.fail_after(20):
        while any(memory.kind == "rename" for memory in memories(stage.state)):
            await trio.lowlevel.checkpoint()


async def test_pause_session_conversation_budget_and_rows_follow(tmp_path: Path) -> None:
    own = {"first": "budget = { daily = 5 }\nbilling = 'api'"}
    chain = '[[fallback]]\nmodels = ["opus"]\ntry = ["first"]\n'
    async with staged(tmp_path, ["first", "second"], own=own, more=chain) as stage:
        for _ in range(3):
            assert (await stage.ask()).status_code == 200
        spent = (await stage.account("first"))["budget"]["spent_today"]
        assert spent > 0
        await call(stage, "POST", "/api/accounts/first/pause")
        assert (await stage.fresh()).status_code == 200  # passes the first over, in its row
        before = await stage.account("first")
        await renamed(stage, "first", "the first one")
        assert file_of(stage)["fallback"][0]["try"] == ["the first one"]
        after = await stage.account("the first one")
        assert (after["budget"]["spent_today"], after["state"]) == (spent, "paused")
        assert after["last_used"] == before["last_used"]
        assert stage.running.house.bindings.homes["the first one"] == 1
        await history_has(stage, "the first one", 3)
        await followed(stage)
        assert names_in_rows(stage.state) == {"the first one", "second"}
        kinds = {memory.kind: memory.key for memory in memories(stage.state) if memory.kind == "pause"}
        assert kinds == {"pause": "the first one"}
        provider, port = stage.provider, stage.provider_port
    async with restaged(tmp_path, provider, port) as stage:
        again = await stage.account("the first one")
        assert (again["budget"]["spent_today"], again["state"]) == (spent, "paused")


async def test_a_limit_that_was_learnt_follows(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first", "second"]) as stage:
        stage.provider.play("sk-first", Limited(retry_after=300))
        assert (await stage.ask()).status_code == 200
        resting = await stage.account("first")
        assert resting["state"] == "resting"
        await renamed(stage, "first", "third")
        assert (await stage.account("third"))["until"] == resting["until"]


async def test_an_earlier_account_of_the_new_name_leaves_nothing_to_it(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first", "second"]) as stage:
        await call(stage, "POST", "/api/accounts/second/pause")
        await call(stage, "DELETE", "/api/accounts/second", {"confirm": "second"})
        await renamed(stage, "first", "second")
        assert (await stage.account("second"))["state"] == "ready"


async def test_tokens_that_an_earlier_account_of_the_new_name_left_are_not_taken_over(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    more = '[accounts.other]\nprovider = "login"\nbase_url = "http://127.0.0.1:9"\n'
    async with lasting(tmp_path, issuer, names=("plan", "second"), more=more) as run:
        async with run() as stage:
            access, refresh = issuer.log_in()
            pair = TokenPair(Secret(access), Secret(refresh))
            await stage.running.house.custody.install("plan", "login", "", pair)
            text = stage.config.read_text()
            begin, end = text.index("[accounts.plan]"), text.index("[accounts.second]")
            stage.edit(text[:begin] + text[end:])
            await call(stage, "POST", "/api/reload", {})
            await renamed(stage, "other", "plan")
            await call(stage, "POST", "/api/reload", {})
            assert (await stage.account("plan"))["state"] == "needs login"
            assert kept(stage) is None
        async with run() as stage:
            assert (await stage.account("plan"))["state"] == "needs login"


async def test_a_taken_name_and_one_that_cannot_be_a_name_are_refused(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first", "second"]) as stage:
        before = stage.config.read_bytes()
        for name, code in (("second", 409), ("no/name", 400), ("", 400)):
            answer = await call(stage, "POST", "/api/accounts/first/rename", {"name": name})
            assert answer.status_code == code, answer.text
        assert stage.config.read_bytes() == before
        await stage.running.house.recorder.settled()
        assert not [memory for memory in memories(stage.state) if memory.kind == "rename"]


async def test_a_request_that_was_begun_before_is_in_the_history_by_the_new_name(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        gate = trio.Event()
        stage.provider.play("sk-first", Held(gate))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.ask)
            while not stage.provider.seen:
                await trio.lowlevel.checkpoint()
            await renamed(stage, "first", "third")
            await followed(stage)
            gate.set()
        await history_has(stage, "third", 1)
        assert names_in_rows(stage.state) == {"third"}
        assert dict(stage.running.house.bindings.homes) == {"third": 1}


async def test_requests_that_come_while_the_file_is_written_are_no_other_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, ["first"], own={"first": "budget = { daily = 5 }\nbilling = 'api'"}) as stage:
        move = House.move

        def and_one_before(house: House, *given: Any, **more: Any) -> None:
            # Between the moment the new name is asked for and that at which it counts.
            came = replace(old, id="req_between", at=time())
            house.recorder.offer(came)
            move(house, *given, **more)

        await stage.ask()
        (old,) = await stage.rows()
        monkeypatch.setattr(House, "move", and_one_before)
        await renamed(stage, "first", "third")
        await history_has(stage, "third", 2)
        await followed(stage)
        assert names_in_rows(stage.state) == {"third"}
        spent = 2 * (await stage.account("third"))["budget"]["spent_today"]
        provider, port = stage.provider, stage.provider_port
    monkeypatch.undo()
    async with restaged(tmp_path, provider, port) as stage:
        assert (await stage.account("third"))["budget"]["spent_today"] == spent


async def test_tokens_follow_and_are_renewed_under_the_new_name(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    access, refresh = issuer.log_in()
    seed = f'oauth = {{ access_token = "{access}", refresh_token = "{refresh}", expires_at = 1.0 }}'
    async with lasting(tmp_path, issuer, seed) as run:
        async with run() as stage:
            assert (await stage.ask()).status_code == 200
            before = kept(stage)
            await renamed(stage, "plan", "max")
            assert (await stage.fresh()).status_code == 200
            assert kept(stage) is None
            after = kept(stage, "max")
            assert before is not None
            assert after is not None
            assert (after.pair, after.id) == (before.pair, before.id)
            held = stage.running.house.custody.held("max")
            assert held is not None
            held.not_before = float("-inf")
            held.asked.set()  # for a renewal, now
            await issuer.answered(2)
        async with run() as stage:
            assert (await stage.ask()).status_code == 200
            assert issuer.refreshes == 2


STEPS = ("begun", "written", "in force")


@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_at_any_step_loses_nothing(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ends the daemon at each step, as a crash would: nothing behind the step is done any more."""
    issuer = FakeIssuer()
    access, refresh = issuer.log_in()
    seed = f'oauth = {{ access_token = "{access}", refresh_token = "{refresh}", expires_at = 1.0 }}'

    class Crash(Exception):  # noqa: N818
        pass

    def crash(*_: object) -> None:
        raise Crash

    async def crash_later(*_: object) -> None:
        raise Crash

    async with lasting(tmp_path, issuer, seed, names=("plan", "second")) as run:
        async with run() as stage:
            assert (await stage.ask()).status_code == 200
            await call(stage, "POST", "/api/accounts/plan/pause")
            with monkeypatch.context() as patched:
                if step == "begun":
                    patched.setattr(edits, "commit", crash)
                elif step == "written":
                    patched.setattr(type(stage.running.reloads), "reload", crash_later)
                else:
                    patched.setattr(House, "carry", crash_later)
                    patched.setattr(type(stage.running.house.ledger), "rename", lambda *_, **__: None)
                answer = await call(stage, "POST", "/api/accounts/plan/rename", {"name": "max"})
                assert answer.status_code == 500
        async with run() as stage:
            name = "plan" if step == "begun" else "max"
            assert set(file_of(stage)["accounts"]) == {name, "second"}
            assert (await stage.account(name))["state"] == "paused"
            await call(stage, "POST", f"/api/accounts/{name}/resume")
            assert (await call(stage, "POST", f"/api/accounts/{name}/test")).json()["success"] is True
            await history_has(stage, name, 2)
            assert kept(stage, name) is not None
        assert not [memory for memory in memories(tmp_path / "state") if memory.kind == "rename"]
        assert issuer.refreshes == 1


async def test_a_long_history_follows_in_steps_and_goes_on_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, ["first", "second"]) as stage:
        assert (await stage.ask()).status_code == 200
        await stage.rows()
        provider, port = stage.provider, stage.provider_port
    database = tmp_path / "state" / "ccflared.db"
    with closing(sqlite3.connect(database)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(requests)") if row[1] != "id"]
        listed = ", ".join(columns)
        for number in range(5000):
            connection.execute(
                f"INSERT INTO requests (id, {listed}) SELECT 'r{number}', {listed} FROM requests LIMIT 1"  # noqa: S608
            )
        connection.commit()
    monkeypatch.setattr("ccflared.store.history.STEP", 500)
    async with restaged(tmp_path, provider, port) as stage:
        await renamed(stage, "first", "third")
        body = {"name": "first", "apiKey": "sk-new"}
        assert (await call(stage, "POST", "/api/accounts/zai", body)).status_code == 200
        assert (
            await call(stage, "POST", "/api/accounts/first/test")
        ).status_code == 200  # leaves a row of its own
        await stage.rows()
        assert any(memory.kind == "rename" for memory in memories(stage.state))  # the rows are on their way
    async with restaged(tmp_path, provider, port) as stage:
        await followed(stage)
        rows = await stage.rows()
    assert [row.account for row in rows if row.origin == "test"] == ["first"]
    assert {row.account for row in rows if row.origin == "client"} == {"third"}


async def test_the_tokens_of_a_login_follow(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with lasting(tmp_path, issuer, names=("plan", "second")) as run, run() as stage:
        access, refresh = issuer.log_in()
        pair = TokenPair(Secret(access), Secret(refresh))
        await stage.running.house.custody.install("plan", "login", "", pair)
        await renamed(stage, "plan", "max")
        assert (await stage.account("max"))["state"] == "ready"
        assert (await call(stage, "POST", "/api/accounts/max/test")).json()["success"] is True


async def test_a_new_account_of_the_old_name_has_a_history_of_its_own(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        assert (await stage.ask()).status_code == 200
        await renamed(stage, "first", "third")
        body = {
            "name": "first",
            "apiKey": "sk-new",
            "priority": 0,
            "customEndpoint": f"http://127.0.0.1:{stage.provider_port}",
        }
        assert (await call(stage, "POST", "/api/accounts/anthropic-compatible", body)).status_code == 200
        await call(stage, "POST", "/api/accounts/third/pause")
        assert (await stage.fresh()).status_code == 200
        await history_has(stage, "third", 1)
        await history_has(stage, "first", 1)


async def test_swapping_two_names_keeps_them_apart(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first", "second"]) as stage:
        await call(stage, "POST", "/api/accounts/first/pause")
        for old, new in (("first", "x"), ("second", "first"), ("x", "second")):
            await renamed(stage, old, new)
        assert (await stage.account("second"))["state"] == "paused"
        assert (await stage.account("first"))["state"] == "ready"
        provider, port = stage.provider, stage.provider_port
    async with restaged(tmp_path, provider, port) as stage:
        assert (await stage.account("second"))["state"] == "paused"
        assert (await stage.account("first"))["state"] == "ready"


async def test_a_stored_key_stays_the_accounts_own(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        await call(stage, "POST", "/api/accounts/zai", {"name": "coder", "apiKey": "sk-1"})
        await renamed(stage, "coder", "other")
        await call(stage, "POST", "/api/accounts/zai", {"name": "coder", "apiKey": "sk-2"})
        assert (await call(stage, "DELETE", "/api/accounts/coder", {"confirm": "coder"})).status_code == 200
        assert list(stored(stage).values()) == ["sk-1"]
        assert (await stage.account("other"))["state"] == "ready"


async def test_who_writes_the_file_can_announce_a_renaming_and_only_at_home(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first", "second"]) as stage:
        await call(stage, "POST", "/api/accounts/first/pause")
        body = {"name": "third"}
        assert (await call(stage, "POST", "/api/accounts/first/expect-rename", body)).status_code == 403
        assert (await at_home(stage, "POST", "/api/accounts/first/expect-rename", body)).status_code == 200
        stage.edit(stage.config.read_text().replace("[accounts.first]", "[accounts.third]"))
        assert (await at_home(stage, "POST", "/api/reload", {})).status_code == 200
        assert (await stage.account("third"))["state"] == "paused"


def test_what_is_no_renaming_is_left_out() -> None:
    good = renaming.Renaming("a", "b", 5.0)
    bad = [
        Memory("rename", "x", text, 0.0)
        for text in ("{", "[]", '{"old": 1}', '{"old":"a","new":"b","at":1,"phase":"no"}')
    ]
    assert renaming.renamings_of([*bad, good.memory(1.0)]) == [good]
