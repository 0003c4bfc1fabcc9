"""States of accounts and what a person may do to them, over real sockets."""

import datetime as dt
from pathlib import Path
from time import time

import httpx
import pytest
import trio
from stage import Stage, staged

from ccflared.demo.script import Answer, Failing, Held, Limited, Window

NAMED = "x-ccflared-account"
CALLS = ("pause", "resume", "force-reset-rate-limit", "test")


async def call(stage: Stage, name: str, what: str) -> httpx.Response:
    return await stage.client.post(f"{stage.url}/api/accounts/{name}/{what}", headers=stage.headers)


def over_control(stage: Stage) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(uds=str(stage.running.control.path))
    return httpx.AsyncClient(transport=transport, base_url="http://control", trust_env=False)


async def test_an_account_that_is_paused_is_not_asked_until_it_is_resumed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        said = (await call(stage, "first", "pause")).json()["message"]
        assert "ccflared account resume first" in said
        assert (await stage.fresh()).headers[NAMED] == "second"
        paused = await stage.account("first")
        assert (paused["state"], paused["reason"], paused["until"]) == ("paused", "paused by hand", None)
        assert (await call(stage, "first", "resume")).json()["message"] == "first is resumed."
        assert (await stage.fresh()).headers[NAMED] == "first"
        again = (await call(stage, "first", "resume")).json()["message"]
        assert again == "first was not paused by hand."
        (row, *_) = await stage.rows()
        assert [(passed.account, passed.state) for passed in row.passed] == [("first", "paused")]


async def test_running_requests_of_a_paused_account_go_on(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        release = trio.Event()
        stage.provider.play("sk-first", Held(release, after_events=4))
        answers = []

        async def stream() -> None:
            answers.append(await stage.ask(stream=True))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream)
            with trio.fail_after(5):
                await stage.provider.received(1)
            await call(stage, "first", "pause")
            release.set()
        assert b"message_stop" in answers[0].content
        assert answers[0].headers[NAMED] == "first"


async def test_all_calls_work_over_the_control_socket_too(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, over_control(stage) as control:
        for what in CALLS:
            answer = await control.post(f"/api/accounts/first/{what}")
            assert (answer.status_code, answer.json()["success"]) == (200, True)
        assert [seen.key for seen in stage.provider.seen] == ["sk-first"]


EDITS = [
    ("none", 403),
    ("state", 200),
    ("all", 200),
]


@pytest.mark.parametrize(("edit", "status"), EDITS)
async def test_what_may_be_changed_over_tcp_is_said_by_the_file_and_the_control_socket_may_all(
    tmp_path: Path, edit: str, status: int
) -> None:
    more = f'[admin]\ntoken = "admin-token-0123456789"\nedit = "{edit}"\n'
    async with staged(tmp_path, more=more) as stage, over_control(stage) as control:
        assert (await call(stage, "first", "pause")).status_code == 401
        stage.headers["authorization"] = "Bearer admin-token-0123456789"
        for what in CALLS:
            answer = await call(stage, "first", what)
            assert answer.status_code == status
            if status == 403:
                assert answer.json()["error"]["type"] == "permission_error"
        assert len(stage.provider.seen) == (1 if status == 200 else 0)
        assert (await control.post("/api/accounts/first/pause")).status_code == 200
        assert (await stage.account("first"))["state"] == "paused"


async def test_a_call_for_an_account_that_is_not_there_or_cannot_be_addressed_says_so(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"second": "enabled = false"}) as stage:
        for what in CALLS:
            assert (await call(stage, "third", what)).status_code == 404
        assert (await call(stage, "second", "test")).status_code == 409
        said = (await call(stage, "second", "resume")).json()["message"]
        assert said == "second was not paused by hand, but it is off: enabled = false."


async def test_several_reasons_are_kept_apart_and_resume_clears_only_the_manual_one(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Limited(reset_in=3600))
        await stage.fresh()
        await call(stage, "first", "pause")
        seen = await stage.account("first")
        assert (seen["state"], seen["reason"]) == ("paused", "paused by hand")
        (limit, window) = seen["also"]
        assert (limit["state"], window["state"]) == ("resting", "resting")
        assert limit["reason"].startswith("limit reached")
        assert window["reason"] == "its 5h window is spent"
        said = (await call(stage, "first", "resume")).json()["message"]
        assert said.startswith("first is resumed, but it still does not serve: limit reached")
        assert (await stage.account("first"))["state"] == "resting"
        assert (await stage.fresh()).headers[NAMED] == "second"


async def test_a_reset_forgets_a_limit_a_rejection_and_doubt_but_no_pause_and_no_usage(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Answer(five_hour=Window(0.4, 3600)), Limited(reset_in=3600))
        await stage.fresh()
        await stage.fresh()
        await call(stage, "first", "pause")
        said = (await call(stage, "first", "force-reset-rate-limit")).json()["message"]
        assert said == (
            "Everything learnt about first is forgotten, but it still does not serve: paused by hand."
        )
        seen = await stage.account("first")
        assert (seen["state"], seen["also"]) == ("paused", [])
        assert seen["usage"]["windows"]
        assert not any(window["spent"] for window in seen["usage"]["windows"])
        await call(stage, "first", "resume")
        assert (await stage.fresh()).headers[NAMED] == "first"


async def test_a_test_sends_one_token_to_the_account_whatever_its_state_and_a_success_ends_its_rest(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Limited(reset_in=3600))
        await stage.fresh()
        told = (await call(stage, "first", "test")).json()
        assert (told["success"], told["status"], told["kind"]) == (True, 200, "served")
        assert stage.provider.seen[-1].key == "sk-first"
        assert b'"max_tokens": 1,' in stage.provider.seen[-1].body
        assert (stage.provider.seen[-1].get(b"user-agent") or b"").startswith(b"ccflared/")
        assert (await stage.account("first"))["state"] == "ready"
        (row,) = [row for row in await stage.rows() if row.id == told["request"]]
        assert (row.origin, row.account, row.outcome) == ("test", "first", "complete")


async def test_a_test_that_fails_tells_why_and_benches_nobody(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Limited(reset_in=3600))
        told = (await call(stage, "first", "test")).json()
        assert (told["success"], told["status"], told["kind"]) == (False, 429, "limit")
        assert "limit reached" in told["message"]
        assert (await stage.account("first"))["state"] == "ready"


@pytest.mark.parametrize(
    ("offset", "state", "served"), [(0, "paused", "second"), (6, "ready", "first")], ids=["now", "later"]
)
async def test_a_pause_schedule_keeps_an_account_out_while_it_covers_the_time(
    tmp_path: Path, offset: int, state: str, served: str
) -> None:
    now = dt.datetime.now(dt.UTC)
    begin, end = (now + dt.timedelta(hours=offset + hours) for hours in (-1, 2))
    window = f'{{ from = "{begin:%H:%M}", to = "{end:%H:%M}", timezone = "UTC" }}'
    async with staged(tmp_path, own={"first": f"pause_schedule = [{window}]"}) as stage:
        assert (await stage.fresh()).headers[NAMED] == served
        seen = await stage.account("first")
        assert seen["state"] == state
        if state == "paused":
            assert seen["reason"] == "its pause_schedule says so"
            assert abs(seen["until"] - end.replace(second=0, microsecond=0).timestamp()) < 1
            said = (await call(stage, "first", "resume")).json()["message"]
            assert "pause_schedule" in said
            assert (await stage.account("first"))["state"] == "paused"


async def test_overload_is_never_counted_as_a_limit_and_refuses_nobody(tmp_path: Path) -> None:
    more = "[routing]\noverload_retry = { attempts = 1 }\n"
    async with staged(tmp_path, ["only"], more=more) as stage:
        reset = (b"anthropic-ratelimit-unified-reset", str(int(time()) + 3600).encode())
        stage.provider.play("sk-only", *[Failing(529, headers=(reset,))] * 5)
        for _ in range(5):
            answer = await stage.fresh()
            assert (answer.status_code, answer.json()["error"]["type"]) == (503, "overloaded_error")
            assert int(answer.headers["retry-after"]) <= 60
            assert (await stage.account("only"))["state"] == "doubtful"
        assert (await stage.fresh()).status_code == 200
        assert (await stage.account("only"))["state"] == "ready"


async def test_counting_tokens_and_listing_models_go_on_elsewhere_and_end_no_rest(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Limited(reset_in=3600))
        await stage.fresh()
        before = await stage.account("first")
        stage.headers["x-ccflared-account"] = "second"
        assert (await stage.ask(path="/v1/messages/count_tokens")).status_code == 200
        del stage.headers["x-ccflared-account"]
        assert (await stage.ask(path="/v1/messages/count_tokens")).headers[NAMED] == "second"
        assert (await stage.client.get(stage.url + "/v1/models")).status_code == 200
        after = await stage.account("first")
        assert (after["state"], after["until"]) == (before["state"], before["until"])
