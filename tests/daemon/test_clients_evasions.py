"""Ways around what a client may: leaving before the end, many at once, paths that cost nothing, a clock that jumps.

And what an honest client does not lose by it. Over real sockets.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time

import httpx
import pytest
import trio
from stage import QUESTION, Stage, free_port, restaged, staged, toml
from test_clients_limits import ADMIN, DOLLAR, PLAN, PRICE, ask, clients, listed

from ccflared.daemon.clients import ROWS_AN_HOUR
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Failing, Held, Limited

LONG = Answer(input_tokens=1, output_tokens=1000, text="word " * 800, events=100)
"""4000 bytes of text, so 1000 tokens: two dollars."""


async def leave(stage: Stage, after: bytes, key: str = "") -> int:
    """Ask for a stream, hang up at the first ``after`` in it, and return how many pieces of text had come."""
    body = json.dumps(QUESTION | {"stream": True}).encode()
    head = f"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    got = b""
    with trio.fail_after(10):
        async with await trio.open_tcp_stream("127.0.0.1", stage.port) as stream:
            await stream.send_all(head.encode() + body)
            while after not in got:
                got += await stream.receive_some()
    return got.count(b"text_delta")


async def test_who_hangs_up_before_the_usage_is_told_pays_for_what_was_shown(tmp_path: Path) -> None:
    more = PRICE + ADMIN + clients(laptop="budget = { daily = 4.00 }")
    async with staged(tmp_path, own=PLAN, more=more) as stage:
        go = trio.Event()
        stage.provider.play("sk-first", then=Held(go, after_events=104, answer=LONG))
        for number in (1, 2):
            got = await leave(stage, b"content_block_stop", "ck-laptop")
            assert got == 100
            row = (await stage.rows())[-1]
            # The row says what was told, and what is charged.
            assert (row.outcome, row.tokens.output, row.cost) == ("client_gone", 1, 3_000)
            # The spaces in its JSON count, too, so that nothing has to be parsed.
            assert row.charged is not None
            assert 2_000_000 <= row.charged < 2_500_000
            assert 2.0 * number <= (await listed(stage))["budget"]["spent_today"] < 2.5 * number
        assert (await ask(stage)).status_code == 429


async def test_an_account_pays_for_what_was_shown_too(tmp_path: Path) -> None:
    own = {"first": "budget = { daily = 1.00 }"}
    async with staged(tmp_path, own=own, more=PRICE) as stage:
        stage.provider.play("sk-first", then=Held(trio.Event(), after_events=104, answer=LONG))
        await leave(stage, b"content_block_stop")
        await stage.rows()
        assert (await stage.fresh()).headers["x-ccflared-account"] == "second"


@pytest.mark.parametrize("stream", [False, True])
async def test_who_stays_to_the_end_pays_what_was_told(tmp_path: Path, stream: bool) -> None:
    few = Answer(input_tokens=500, output_tokens=250, text="word " * 800, events=100)
    async with staged(tmp_path, own=PLAN, more=PRICE + clients(laptop="")) as stage:
        stage.provider.play("sk-first", few)
        assert (await ask(stage, stream=stream)).status_code == 200
        assert [row.charged for row in await stage.rows()] == [1_000_000]


async def test_what_goes_upstream_counts_for_the_hour_whatever_its_path(tmp_path: Path) -> None:
    own = {"first": 'passthrough = ["/v1/messages/batches"]'}
    more = ADMIN + clients(laptop="requests_per_hour = 3\npin = true")
    async with staged(tmp_path, own=own, more=more) as stage:
        key = {"x-api-key": "ck-laptop"}
        pinned = key | {"x-ccflared-account": "first"}

        async def batch() -> int:
            answer = await stage.client.post(
                stage.url + "/v1/messages/batches", json={"requests": []}, headers=pinned
            )
            return answer.status_code

        async def models() -> int:
            # Of a list that is known here nothing goes upstream; for a model that is not in it, somebody is asked.
            path = "/v1/models/claude-of-nobody"
            return (await stage.client.get(stage.url + path, headers=key)).status_code

        assert await batch() != 429
        assert await models() == 404
        assert (await ask(stage, path="/v1/messages/count_tokens")).status_code == 200
        count = stage.provider.count
        assert [await batch(), await models()] == [429, 429]
        refused = await ask(stage, path="/v1/messages/count_tokens")
        assert refused.status_code == 429
        assert "its 3 requests of an hour are used up" in refused.json()["error"]["message"]
        assert (await ask(stage)).status_code == 429
        assert stage.provider.count == count


async def test_what_fails_upstream_counts_for_the_hour(tmp_path: Path) -> None:
    more = ADMIN + "[routing]\noverload_retry = { attempts = 1 }\n" + clients(laptop="requests_per_hour = 2")
    async with staged(tmp_path, ["first"], more=more) as stage:
        stage.provider.play("sk-first", then=Failing())
        told = [(await ask(stage)).json()["error"]["message"] for _ in range(3)]
        assert ["of an hour are used up" in each for each in told] == [False, False, True]
        assert stage.provider.count == 2


async def test_what_found_no_connection_or_left_before_it_was_whole_does_not_count(tmp_path: Path) -> None:
    provider = FakeProvider()
    port = free_port()  # where nobody listens yet
    config = tmp_path / "ccflare.toml"
    config.write_text(
        toml(tmp_path / "state", port, ["first"], more=ADMIN + clients(laptop="requests_per_hour = 1"))
    )
    config.chmod(0o600)
    for _ in range(2):  # the second time from the history
        async with restaged(tmp_path, provider, port) as stage:
            for _ in range(2):
                assert (await ask(stage)).status_code == 503
            async with await trio.open_tcp_stream("127.0.0.1", stage.port) as stream:
                await stream.send_all(
                    b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: ck-laptop\r\n"
                    b"content-length: 9000\r\n\r\n{"
                )
                with trio.fail_after(5):
                    while not stage.running.house.under_way.requests:
                        await trio.lowlevel.checkpoint()
            rows = await stage.rows()
            assert rows[-1].outcome == "client_gone"
            assert (await listed(stage))["requests_last_hour"] == 0


KEYS = [("", {}), (ADMIN + clients(laptop='models = ["claude-haiku-*"]'), {"x-api-key": "ck-laptop"})]


@pytest.mark.parametrize(("more", "headers"), KEYS, ids=["nobody has a key", "a client"])
async def test_requests_that_are_refused_as_they_are_do_not_fill_the_disk(
    tmp_path: Path, more: str, headers: dict[str, str]
) -> None:
    async with staged(tmp_path, ["first"], more=more) as stage:
        for number in range(ROWS_AN_HOUR + 20):
            content = b"{" if number % 2 or not headers else json.dumps(QUESTION).encode()
            answer = await stage.client.post(stage.url + "/v1/messages", content=content, headers=headers)
            assert answer.status_code in (400, 403)
        rows = await stage.rows()
        assert len(rows) == ROWS_AN_HOUR
        house = stage.running.house
        assert house.clients.refused("laptop" if headers else "", time()) == ROWS_AN_HOUR + 20
        # What an account is asked for has its row all the same.
        stage.headers = headers
        assert (await stage.fresh(model="claude-haiku-4-5")).status_code == 200
        assert len(await stage.rows()) == ROWS_AN_HOUR + 1


async def test_requests_that_no_account_is_left_for_do_not_fill_the_disk(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], more=ADMIN + clients(laptop="", other="")) as stage:
        stage.provider.play("sk-first", then=Limited())
        for who in ("laptop", "other"):
            for _ in range(ROWS_AN_HOUR + 20):
                assert (await ask(stage, who)).status_code == 429
        assert stage.provider.count == 1
        assert len(await stage.rows()) == 1 + 2 * ROWS_AN_HOUR
        assert (await listed(stage))["refused_last_hour"] == ROWS_AN_HOUR + 19


async def at_once(stage: Stage, many: int, go: trio.Event) -> list[httpx.Response]:
    """Ask so many times at once, let the upstream answer when all that are refused were told so."""
    answers: list[httpx.Response] = []

    async def one() -> None:
        answers.append(await ask(stage))

    before = stage.provider.count
    async with trio.open_nursery() as nursery:
        for _ in range(many):
            nursery.start_soon(one)
        with trio.fail_after(10):
            while len(answers) + stage.provider.count - before < many:
                await trio.lowlevel.checkpoint()
        go.set()
    return answers


async def test_of_many_at_once_no_more_are_admitted_than_a_budget_may_be_good_for(tmp_path: Path) -> None:
    more = PRICE + ADMIN + clients(laptop="budget = { daily = 5.00 }")
    async with staged(tmp_path, own=PLAN, more=more) as stage:
        go = trio.Event()
        stage.provider.play("sk-first", DOLLAR, then=Held(go, answer=DOLLAR))
        assert (await ask(stage)).status_code == 200
        answers = await at_once(stage, 60, go)
        assert [answer.status_code for answer in answers].count(200) == 4
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.headers["retry-after"] == "10"
        assert "x-should-retry" not in refused.headers
        assert refused.json()["error"]["message"] == (
            "This client cannot ask now: the requests that it has running may cost what is left of its budget. "
            "It may ask again in 10 s."
        )
        assert (await listed(stage))["budget"]["spent_today"] == 5.0


async def test_where_no_cost_is_known_yet_sixteen_may_run_at_once(tmp_path: Path) -> None:
    more = PRICE + ADMIN + clients(laptop="budget = { daily = 5.00 }")
    async with staged(tmp_path, own=PLAN, more=more) as stage:
        go = trio.Event()
        cheap = Answer(input_tokens=10, output_tokens=5)
        stage.provider.play("sk-first", then=Held(go, answer=cheap))
        answers = await at_once(stage, 40, go)
        assert [answer.status_code for answer in answers].count(200) == 16
        # They have ended and cost little: nothing is kept of the budget any more.
        assert (await listed(stage))["state"] == "ready"
        assert [(await ask(stage)).status_code for _ in range(3)] == [200] * 3


async def test_a_budget_in_money_keeps_nothing_for_what_a_plan_has_paid(tmp_path: Path) -> None:
    more = PRICE + ADMIN + clients(laptop='budget = { daily = 2.00, counts = "money" }')
    async with staged(tmp_path, own=PLAN, more=more) as stage:
        go = trio.Event()
        stage.provider.play("sk-first", DOLLAR, then=Held(go, answer=DOLLAR))
        assert (await ask(stage)).status_code == 200
        answers = await at_once(stage, 24, go)
        assert [answer.status_code for answer in answers].count(200) == 16


@contextmanager
def clock(monkeypatch: pytest.MonkeyPatch, now: float) -> Iterator[list[float]]:
    """Let the daemon go by a clock that a test sets."""
    times = [now]
    for module in ("app", "house", "relay"):
        monkeypatch.setattr(f"ccflared.daemon.{module}.time", lambda: times[0])
    yield times


@pytest.mark.parametrize("days", [1, 2, 40])
async def test_a_clock_that_goes_ahead_and_is_put_right_makes_no_budget_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    more = PRICE + clients(laptop="budget = { daily = 1.00 }")
    with clock(monkeypatch, 1_800_000_000.0) as times:
        async with staged(tmp_path, ["first"], own=PLAN, more=more) as stage:
            stage.provider.play("sk-first", DOLLAR, then=Answer(input_tokens=1, output_tokens=1))
            assert [(await ask(stage)).status_code for _ in range(2)] == [200, 429]
            times[0] += days * 86_400
            assert (await ask(stage)).status_code == 200
            times[0] -= days * 86_400
            assert (await ask(stage)).status_code == 429
            times[0] += 86_400
            assert (await ask(stage)).status_code == 200
