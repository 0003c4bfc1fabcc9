"""Tries are spent so that every account that could serve is asked, and a refusal says it where they were not enough."""

from collections import Counter
from pathlib import Path

import httpx
import pytest
from stage import Stage, staged

from ccflared.demo.script import Answer, Failing, Limited, Silent

NAMED = "x-ccflared-account"
TRIED = "x-ccflared-attempts"
FIVE = ("a", "b", "c", "d", "e")
NINE = tuple(f"account{number}" for number in range(9))
SOON = '[routing]\noverload_retry = { attempts = 2, delay = "1ms" }\n'


def asked(stage: Stage) -> list[str]:
    """Return the accounts that were asked, in order."""
    return [str(seen.key).removeprefix("sk-") for seen in stage.provider.seen]


def message(refused: httpx.Response) -> str:
    return str(refused.json()["error"]["message"])


async def test_an_account_that_is_overloaded_is_asked_again_while_enough_tries_are_left_for_the_others(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, more=SOON) as stage:
        stage.provider.play("sk-first", Failing(529))
        answer = await stage.fresh()
        assert (answer.headers[NAMED], answer.headers[TRIED]) == ("first", "2")
        assert asked(stage) == ["first", "first"]


async def test_an_overload_of_all_but_the_last_account_does_not_keep_that_one_from_being_asked(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, FIVE, more=SOON) as stage:
        for name in FIVE[:4]:
            stage.provider.play(f"sk-{name}", then=Failing(529))
        answer = await stage.fresh()
        assert (answer.status_code, answer.headers.get(NAMED)) == (200, "e")
        assert int(answer.headers[TRIED]) <= 8
        assert list(dict.fromkeys(asked(stage))) == list(FIVE)


@pytest.mark.parametrize("attempts", range(2, 11))
async def test_with_as_many_tries_as_accounts_each_of_them_is_asked_whatever_the_others_say(
    tmp_path: Path, attempts: int
) -> None:
    names = NINE[:attempts]
    more = f"{SOON}attempts = {attempts}\n"
    async with staged(tmp_path, names, more=more) as stage:
        for name in names[:-1]:
            stage.provider.play(f"sk-{name}", then=Failing(529))
        answer = await stage.fresh()
        assert (answer.status_code, answer.headers.get(NAMED)) == (200, names[-1])
        assert int(answer.headers[TRIED]) <= attempts


async def test_a_list_of_models_that_an_account_does_not_have_leaves_a_try_for_the_next_account(
    tmp_path: Path,
) -> None:
    models = ", ".join(f"'m{number}'" for number in range(9))
    own = {"first": f"models = {{ sonnet = [{models}] }}"}
    async with staged(tmp_path, own=own) as stage:
        stage.provider.play("sk-first", then=Failing(404, kind="not_found_error", message="model: no such"))
        answer = await stage.fresh()
        assert (answer.status_code, answer.headers.get(NAMED)) == (200, "second")
        assert int(answer.headers[TRIED]) <= 8
        assert Counter(asked(stage))["second"] == 1


async def test_a_limit_of_most_accounts_costs_as_many_tries_and_the_next_request_none(tmp_path: Path) -> None:
    async with staged(tmp_path, NINE[:8]) as stage:
        for name in NINE[:7]:
            stage.provider.play(f"sk-{name}", then=Limited(3600.0))
        answers = [await stage.fresh() for _ in range(2)]
        assert [answer.headers.get(NAMED) for answer in answers] == [NINE[7]] * 2
        assert [answer.headers[TRIED] for answer in answers] == ["8", "1"]


@pytest.mark.parametrize("limited", [False, True])
async def test_when_the_tries_are_used_up_the_refusal_says_so_and_blames_nobody_who_was_not_asked(
    tmp_path: Path, limited: bool
) -> None:
    async with staged(tmp_path, NINE) as stage:
        for name in NINE[:8]:
            stage.provider.play(f"sk-{name}", then=Limited(3600.0) if limited else Failing(500))
        refused = await stage.fresh()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["error"]["type"] == "overloaded_error"
        assert "x-should-retry" not in refused.headers
        assert "tries" in message(refused)
        assert "9 failing" not in message(refused)
        assert NINE[8] not in asked(stage)
        (row,) = await stage.rows()
        assert (row.outcome, row.status, len(row.attempts)) == ("refused", 503, 8)
        assert (await stage.fresh()).headers.get(NAMED) == NINE[8]


@pytest.mark.parametrize("status", [402, 403, 404])
async def test_what_one_account_may_not_is_not_passed_on_while_others_that_could_serve_were_not_asked(
    tmp_path: Path, status: int
) -> None:
    said = "model: claude-sonnet-4-5 is nothing for you"
    async with staged(tmp_path, more="[routing]\nattempts = 1\n") as stage:
        stage.provider.play("sk-first", then=Failing(status, message=said))
        refused = await stage.fresh()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert "nothing for you" not in refused.text
        assert "tries" in message(refused)
        assert (await stage.fresh()).headers.get(NAMED) == "second"


@pytest.mark.parametrize("status", [402, 403, 404])
async def test_what_no_account_may_is_passed_on_in_the_upstreams_words(tmp_path: Path, status: int) -> None:
    said = "model: claude-sonnet-4-5 is nothing for you"
    async with staged(tmp_path, more="[routing]\nattempts = 2\n") as stage:
        for key in ("sk-first", "sk-second"):
            stage.provider.play(key, then=Failing(status, message=said))
        refused = await stage.fresh()
        assert (refused.status_code, message(refused)) == (status, said)


async def test_when_every_account_was_asked_the_refusal_tells_of_them_and_not_of_tries(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, more="[routing]\nattempts = 2\n") as stage:
        stage.provider.play("sk-first", Failing(500))
        stage.provider.play("sk-second", Failing(500), then=Answer())
        refused = await stage.fresh()
        assert refused.status_code == 503
        assert "2 failing" in message(refused)
        assert "tries" not in message(refused)


WITHIN = '[routing]\nidle_timeout = "10s"\nattempts_within = "600ms"\n'


async def test_a_stream_whose_head_does_not_come_is_given_up_while_there_is_time_to_ask_the_others(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, more=WITHIN) as stage:
        stage.provider.play("sk-first", Silent())
        answer = await stage.fresh(stream=True)
        assert (answer.status_code, answer.headers[NAMED], answer.headers[TRIED]) == (200, "second", "2")
        (row,) = await stage.rows()
        assert [attempt.kind for attempt in row.attempts] == ["time-out", "served"]


@pytest.mark.parametrize(("names", "stream"), [(("only",), True), (("first", "second"), False)])
async def test_where_nobody_else_could_serve_or_no_head_can_be_expected_it_is_waited_for(
    tmp_path: Path, names: tuple[str, ...], *, stream: bool
) -> None:
    async with staged(tmp_path, names, more=WITHIN) as stage:
        stage.provider.play(f"sk-{names[0]}", Answer(headers_after=1.0 if stream else 0.0, delay_first=0.8))
        answer = await stage.fresh(stream=stream)
        assert (answer.status_code, answer.headers[NAMED]) == (200, names[0])
