"""What a daemon logs: nothing for a request at level info, a line for each request and try at debug, faults once."""

import ast
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest
import trio
from journals import Fields, Receiver, journal
from stage import Stage, free_port, staged

from ccflared.daemon import app, logs, telling
from ccflared.daemon.about import EVENTS, Event
from ccflared.demo.script import Answer, Failing, Limited

DAEMON = Path(logs.__file__).parent


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """The journal of the daemon that a test starts."""
    with journal(tmp_path / "j") as found:
        monkeypatch.setattr(logs, "SOCKET", found.path)
        yield found


def in_journal(level: str = "info") -> str:
    return f'[log]\nformat = "journald"\nlevel = "{level}"\n'


def messages(entries: list[Fields], event: str) -> list[str]:
    return [entry["MESSAGE"] for entry in entries if entry.get("CCFLARED_EVENT") == event]


async def id_of(stage: Stage, **more: Any) -> str:
    """Ask, and return the request's id."""
    return str((await stage.ask(**more)).headers["x-ccflared-request-id"])


async def test_requests_that_are_served_leave_no_line_at_level_info(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with staged(tmp_path, more=in_journal()) as stage:
        started = receiver.entries()
        assert {entry["CCFLARED_EVENT"] for entry in started} == {"start"}
        assert started[-1]["MESSAGE"].startswith("ready: ")
        for _ in range(5):
            await stage.ask()
            await stage.ask(stream=True)
            await stage.ask(path="/v1/messages/count_tokens")
        await stage.client.get(f"{stage.url}/nothing")
        assert receiver.entries() == []


async def test_at_level_debug_each_try_and_each_request_has_a_line_with_its_fields(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with staged(tmp_path, more=in_journal("debug")) as stage:
        stage.provider.play("sk-first", Failing(500))
        receiver.entries()
        request = await id_of(stage)
        entries = receiver.entries()
    assert {entry["CCFLARED_REQUEST"] for entry in entries} == {request}
    failed, served = messages(entries, "try")
    (ended,) = messages(entries, "request")
    assert failed.startswith("asked first for claude-sonnet-4-5 (")
    assert "): 500 server error after " in failed
    assert served.startswith("asked second for claude-sonnet-4-5 (")
    assert "): 200 served after " in served
    assert ended.startswith("POST /v1/messages for claude-sonnet-4-5: 200, complete by second in ")
    assert ", 2 tries, " in ended
    assert ended.endswith(f" [{request}]")
    accounts = [
        entry.get("CCFLARED_ACCOUNT") for entry in entries if entry["CCFLARED_EVENT"] != "account-state"
    ]
    assert accounts == ["first", "second", "second"]


async def test_who_is_turned_away_at_the_door_is_found_by_the_id_it_was_told(
    tmp_path: Path, receiver: Receiver
) -> None:
    more = '[clients.laptop]\nkey = "ck-right"\n' + in_journal("debug")
    async with staged(tmp_path, more=more) as stage:
        receiver.entries()
        refused = await stage.ask()
        entries = receiver.entries()
        stage.headers = {"x-api-key": "ck-right"}
        request = await id_of(stage)
        served = receiver.entries()
    assert [entry["CCFLARED_REQUEST"] for entry in entries] == [refused.json()["request_id"]]
    assert entries[0]["MESSAGE"].startswith("POST /v1/messages is refused with 401: This ccflared asks for")
    found = [(entry["CCFLARED_REQUEST"], entry["CCFLARED_CLIENT"]) for entry in served]
    assert set(found) == {(request, "laptop")}


async def test_an_account_that_fails_again_and_again_is_told_once_and_so_is_its_recovery(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with staged(tmp_path, ["only"], more=in_journal()) as stage:
        receiver.entries()
        stage.provider.play("sk-only", then=Failing(500))
        first = await id_of(stage)
        for _ in range(10):
            await stage.ask()
        stage.provider.play("sk-only", then=Answer())
        last = await id_of(stage)
        await stage.ask()
        told = [entry for entry in receiver.entries() if entry["CCFLARED_EVENT"] == "account-state"]
    doubtful, ready = told
    assert doubtful["MESSAGE"].startswith("account only is doubtful for 5 s: ")
    assert doubtful["MESSAGE"].endswith(f" [{first}]")
    assert (doubtful["PRIORITY"], doubtful["CCFLARED_ACCOUNT"]) == ("6", "only")
    assert ready["MESSAGE"] == f"account only is ready again [{last}]"


async def test_an_account_that_goes_up_and_down_gets_a_few_lines_and_then_a_number(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, ["only", "other"], more=in_journal()) as stage:
        receiver.entries()
        for _ in range(5):
            stage.provider.play("sk-only", Limited(600), then=Answer())
            await stage.fresh()
            stage.running.house.ledger.reset("only", 0.0)
        told = messages(receiver.entries(), "account-state")
        rests = [line for line in told if "is resting" in line]
        assert len(rests) == 5
        ups_and_downs: list[Failing | Answer] = [Failing(500), Answer()]
        stage.provider.play("sk-only", *ups_and_downs * 10)
        stage.provider.play("sk-other", then=Failing(500))
        for _ in range(10):
            await stage.fresh()
            await stage.fresh()
        told = [line for line in messages(receiver.entries(), "account-state") if "account only" in line]
        assert len(told) == 1
        monkeypatch.setattr(telling, "WITHIN", 0.0)
        stage.provider.play("sk-only", Limited(600))
        await stage.fresh()
        (line,) = [line for line in messages(receiver.entries(), "account-state") if "account only" in line]
        assert " changes more without a line)" in line


async def test_a_place_that_cannot_be_reached_is_told_once_and_once_that_it_answers_again(
    tmp_path: Path, receiver: Receiver
) -> None:
    port = free_port()
    own = {"only": f'base_url = "http://127.0.0.1:{port}"'}
    async with staged(tmp_path, ["only"], own=own, more=in_journal()) as stage:
        receiver.entries()
        for _ in range(4):
            await stage.ask()
        (broken,) = messages(receiver.entries(), "place")
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(stage.provider.serve, port=port))
            await stage.ask()
            await stage.ask()
            (again,) = messages(receiver.entries(), "place")
            nursery.cancel_scope.cancel()
    place = f"http://127.0.0.1:{port} (account only)"
    assert broken.startswith(f"{place}: ")
    assert again.startswith(f"{place} answers again [req_")


async def test_the_same_fault_again_is_a_line_without_its_traceback_and_names_the_request(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        await trio.lowlevel.checkpoint()
        raise KeyError("a bug")

    async with staged(tmp_path, more=in_journal()) as stage:
        receiver.entries()
        monkeypatch.setattr(app, "relay", broken)
        told = [await stage.ask(), await stage.ask()]
        first, second = receiver.entries()
    requests = [answer.json()["request_id"] for answer in told]
    assert [first["CCFLARED_REQUEST"], second["CCFLARED_REQUEST"]] == requests
    assert all(
        f"its log says more under {id_}" in answer.text for id_, answer in zip(requests, told, strict=True)
    )
    line, *traceback = first["MESSAGE"].split("\n")
    assert line.startswith("a fault of ccflared: KeyError at test_log_lines.py:")
    assert traceback[-1] == "KeyError: 'a bug'"
    assert second["MESSAGE"] == line.replace(requests[0], requests[1])
    assert (first["PRIORITY"], second["PRIORITY"]) == ("3", "3")


async def test_a_reload_is_one_line_that_names_what_changed(tmp_path: Path, receiver: Receiver) -> None:
    async with staged(tmp_path, more=in_journal()) as stage:
        receiver.entries()
        stage.edit(stage.config.read_text().replace("priority = 1", "priority = 7").replace("info", "debug"))
        await stage.running.reloads.reload("command")
        stage.edit("[server")
        await stage.running.reloads.reload("command")
        told = [entry for entry in receiver.entries() if entry["MESSAGE"].startswith("configuration ")]
    applied, refused = told
    changed = 'accounts.second.priority: 1 -> 7; log.level: "info" -> "debug"'
    assert applied["MESSAGE"] == f"configuration 2 applied (command): 2 changed ({changed})"
    assert refused["MESSAGE"].startswith(
        "configuration 3 refused (command), the one before stays in force: 1 mistake; "
    )
    assert refused["PRIORITY"] == "3"


async def test_a_warning_of_the_file_is_told_when_it_is_new(tmp_path: Path, receiver: Receiver) -> None:
    async with staged(tmp_path, more=in_journal()) as stage:
        receiver.entries()
        text = stage.config.read_text()
        for wrong in ('{ env = "NOT_THERE" }', '{ env = "NOT_THERE" }\nenabled = true'):
            stage.edit(text.replace('"sk-second"', wrong))
            await stage.running.reloads.reload("command")
        told = [line for line in messages(receiver.entries(), "configuration") if "NOT_THERE" in line]
    assert len(told) == 1


async def test_the_api_gives_the_fields_of_a_line(tmp_path: Path, receiver: Receiver) -> None:
    async with staged(tmp_path, more=in_journal()) as stage:
        stage.provider.play("sk-first", Limited(600))
        request = await id_of(stage)
        history = (await stage.client.get(f"{stage.url}/api/logs/history")).json()
    (line,) = [each for each in history if "is resting" in each["msg"]]
    assert request not in line["msg"]
    fields = {"event": "account-state", "account": "first", "request": request}
    assert line["data"] == {"logger": "ccflared.accounts"} | fields
    assert receiver.entries()


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield where something is logged, and the call."""
    for path in DAEMON.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=how)) if (
                    how != "isEnabledFor"
                ):
                    yield f"{path.relative_to(DAEMON)}:{node.lineno}", node
                case _:
                    pass


def test_every_line_says_what_it_is_about_and_every_event_happens() -> None:
    named = {"log"}  # the journal's own
    for place, call in calls():
        given = [word.value for word in call.keywords if word.arg == "extra"]
        assert len(given) == 1, f"{place}: what is it about? extra=about(...)"
        assert isinstance(given[0], ast.Call), place
        assert isinstance(given[0].args[0], ast.Constant), place
        named.add(str(given[0].args[0].value))
    assert named == set(get_args(Event)) == set(EVENTS)
