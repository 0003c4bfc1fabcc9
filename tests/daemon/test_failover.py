from pathlib import Path
from time import time

import pytest
from stage import QUESTION, events, staged

from ccflared.demo.script import (
    Behaviour,
    Cut,
    Dropped,
    ErrorEvent,
    Failing,
    Limited,
    Raw,
    Reset,
    Silent,
)
from ccflared.pool.candidates import Candidate, view
from ccflared.providers.target import Target


async def test_an_answer_comes_from_the_account_of_the_best_priority(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        answer = await stage.ask()
        assert answer.status_code == 200
        assert answer.json()["type"] == "message"
        assert stage.provider.seen[0].key == "sk-first"
        assert answer.headers["x-ccflared-attempts"] == "1"
        assert answer.headers["x-ccflared-account"] == "first"
        (row,) = await stage.rows()
        assert (row.account, row.outcome, row.status, row.model) == (
            "first",
            "complete",
            200,
            "claude-sonnet-4-5",
        )
        assert row.tokens.output == answer.json()["usage"]["output_tokens"]


async def test_a_stream_arrives_byte_for_byte_and_its_usage_is_in_the_row(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        direct = await stage.client.post(
            f"http://127.0.0.1:{stage.provider_port}/v1/messages",
            json=QUESTION | {"stream": True},
            headers={"x-api-key": "sk-first", "anthropic-version": "2023-06-01"},
        )
        proxied = await stage.ask(stream=True)
        assert [e["type"] for e in events(proxied.content)] == [e["type"] for e in events(direct.content)]
        assert proxied.headers["content-type"] == direct.headers["content-type"]
        (row,) = await stage.rows()
        assert row.stream
        assert row.tokens.output == events(proxied.content)[-2]["usage"]["output_tokens"]
        assert row.stop_reason == "end_turn"


FAILURES: list[tuple[Behaviour, bool, int | None, str]] = [
    (Limited(), False, 429, "limit"),
    (Limited(), True, 429, "limit"),
    (Failing(529), True, 529, "overloaded"),
    (Failing(500), False, 500, "server error"),
    (Failing(503, body=b"<html>down</html>", content_type="text/html"), True, 503, "server error"),
    (Failing(401), True, 401, "credential"),
    (Failing(403), True, 403, "forbidden"),
    (Failing(200, body=b"<html>log in</html>", content_type="text/html"), True, 200, "not the API"),
    (ErrorEvent("overloaded_error", also_start=False), True, 200, "overloaded"),
    (ErrorEvent("rate_limit_error"), True, 200, "limit"),
    (Reset(), True, None, "broken"),
    (Reset(after_events=1), True, 200, "broken"),
    (Reset(after_bytes=150), False, None, "broken"),
    (Dropped(after_events=None), True, None, "broken"),
    (Dropped(after_events=1), True, 200, "broken"),
    (Cut(after_events=2), True, 200, "broken"),
    (Cut(after_events=4), False, 200, "broken"),
    (Silent(), True, None, "time-out"),
    (Silent(after_events=0), True, 200, "time-out"),
    (Raw(b"SSH-2.0-OpenSSH_9.2\r\n"), False, None, "broken"),
]


@pytest.mark.parametrize(("failure", "stream", "status", "kind"), FAILURES, ids=lambda v: str(v)[:40])
async def test_a_failure_before_content_is_hidden_by_the_next_account(
    tmp_path: Path, failure: Behaviour, stream: bool, status: int | None, kind: str
) -> None:
    more = '[routing]\nidle_timeout = "300ms"\nhold_first_event = "5s"\noverload_retry = { delay = "10ms" }\n'
    async with staged(tmp_path, more=more) as stage:
        stage.provider.play("sk-first", then=failure)
        answer = await stage.ask(stream=stream)
        assert answer.status_code == 200
        if stream:
            kinds = [event["type"] for event in events(answer.content)]
            assert kinds[0] == "message_start"
            assert kinds[-1] == "message_stop"
            assert kinds.count("message_start") == 1
        else:
            assert answer.json()["type"] == "message"
        (row,) = await stage.rows()
        assert row.outcome == "complete"
        assert row.account == "second"
        assert row.attempts[0].account == "first"
        assert row.attempts[0].kind == kind
        assert row.attempts[0].status == status
        assert row.attempts[0].reason
        assert row.attempts[-1].kind == "served"


async def test_an_overloaded_account_is_asked_again_before_another_is(tmp_path: Path) -> None:
    more = '[routing]\noverload_retry = { attempts = 2, delay = "10ms" }\n'
    async with staged(tmp_path, more=more) as stage:
        stage.provider.play("sk-first", Failing(529))
        answer = await stage.ask()
        assert answer.headers["x-ccflared-account"] == "first"
        assert answer.headers["x-ccflared-attempts"] == "2"


async def test_no_try_begins_after_attempts_within_not_even_on_the_same_account(tmp_path: Path) -> None:
    more = '[routing]\nattempts_within = "50ms"\noverload_retry = { attempts = 5, delay = "200ms" }\n'
    async with staged(tmp_path, ["only"], more=more) as stage:
        stage.provider.play("sk-only", then=Failing(529))
        assert (await stage.ask()).status_code == 503
        (row,) = await stage.rows()
        assert len(row.attempts) == 1


async def test_a_request_of_an_older_configuration_does_not_wipe_out_what_was_learnt_since(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        house = stage.running.house
        old = house.world.targets["first"]
        stage.edit(stage.config.read_text().replace("sk-first", "sk-fresh"))
        assert (await stage.running.reloads.reload("signal")).applied
        stage.provider.play("sk-fresh", Limited(reset_in=600))
        assert (await stage.ask()).status_code == 200
        assert isinstance(old, Target)
        assert view(Candidate("first", house.ledger.standing(old)), time()).state == "ready"
        fresh = house.world.targets["first"]
        assert isinstance(fresh, Target)
        assert view(house.candidate("first", time()), time()).state == "resting"


async def test_a_fault_of_the_request_is_passed_on_unchanged_and_touches_no_account(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        body = b'{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: too many"}}'
        stage.provider.play("sk-first", Failing(400, body=body))
        answer = await stage.ask()
        assert (answer.status_code, answer.content) == (400, body)
        assert answer.headers["request-id"].startswith("req_")
        assert (await stage.ask()).headers["x-ccflared-account"] == "first"
        rows = await stage.rows()
        assert [(row.outcome, row.status) for row in rows] == [("complete", 400), ("complete", 200)]


async def test_a_limited_account_is_not_asked_again_before_its_reset(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Limited(reset_in=600))
        await stage.ask()
        await stage.ask()
        assert [seen.key for seen in stage.provider.seen] == ["sk-first", "sk-second", "sk-second"]


async def test_when_all_are_limited_the_client_gets_429_at_once_with_the_earliest_recovery(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", then=Limited(reset_in=600))
        stage.provider.play("sk-second", then=Limited(reset_in=300))
        await stage.ask()
        asked = len(stage.provider.seen)
        answer = await stage.ask()
        assert len(stage.provider.seen) == asked
        assert answer.status_code == 429
        assert answer.json()["error"]["type"] == "rate_limit_error"
        assert 290 <= int(answer.headers["retry-after"]) <= 301
        assert answer.headers["x-should-retry"] == "false"
        assert "first" not in answer.json()["error"]["message"].replace("first is", "")


async def test_doubt_never_refuses_however_often_all_have_failed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", *[Failing(500)] * 3)
        stage.provider.play("sk-second", *[Failing(500)] * 3)
        for _ in range(3):
            answer = await stage.ask()
            assert answer.status_code == 503
            assert answer.json()["error"]["type"] == "overloaded_error"
            assert "retry-after" in answer.headers
        assert (await stage.ask()).status_code == 200


async def test_counting_tokens_cannot_bench_an_account(tmp_path: Path) -> None:
    async with staged(tmp_path, ["only"]) as stage:
        stage.provider.play("sk-only", Limited(), on="count_tokens")
        counted = await stage.ask(path="/v1/messages/count_tokens")
        assert counted.status_code == 429
        assert counted.json()["error"]["type"] == "rate_limit_error"
        assert (await stage.ask()).status_code == 200
