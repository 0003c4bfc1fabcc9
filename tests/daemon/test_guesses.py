"""Wrong keys and tokens: who is locked out, what the log says of it, and how much."""

from pathlib import Path

import httpx
from stage import Stage, staged

from ccflared.daemon.guesses import GUESSES, LINES, Guesses, Strangers

CLIENTS = """
[clients.laptop]
key = "the-right-one"

[clients.old]
key = "an-expired-one"
expires = 2001-01-01
"""


async def ask(stage: Stage, key: str | None) -> httpx.Response:
    stage.headers = {} if key is None else {"x-api-key": key}
    return await stage.ask()


def lines(stage: Stage) -> list[str]:
    said = [line.message for _, line in stage.running.house.live.lines.last()]
    return [line for line in said if " from 127.0.0.1" in line]


async def test_a_wrong_client_key_is_a_line_of_the_log_without_the_key(tmp_path: Path) -> None:
    async with staged(tmp_path, more=CLIENTS) as stage:
        assert (await ask(stage, "not-this-one")).status_code == 401
        assert lines(stage) == ["authentication failure for requests from 127.0.0.1"]
        assert (await ask(stage, "the-right-one")).status_code == 200
        assert (await ask(stage, None)).status_code == 401
        assert len(lines(stage)) == 1


async def test_a_key_that_has_expired_is_told_by_the_name_of_its_client(tmp_path: Path) -> None:
    async with staged(tmp_path, more=CLIENTS) as stage:
        assert (await ask(stage, "an-expired-one")).status_code == 401
        assert lines(stage) == ["the key of client old has expired; it was used from 127.0.0.1"]


async def test_wrong_client_keys_lock_nobody_out_and_fill_no_log(tmp_path: Path) -> None:
    async with staged(tmp_path, more=CLIENTS) as stage:
        for _ in range(12):
            assert (await ask(stage, "not-this-one")).status_code == 401
        assert len(lines(stage)) == GUESSES
        assert (await ask(stage, "the-right-one")).status_code == 200


def test_what_has_no_line_is_told_by_the_next_one() -> None:
    strangers = Strangers()
    assert [strangers.wrong("a", 0.0) for _ in range(8)] == [0] * GUESSES + [None] * 3
    assert strangers.wrong("a", 59.0) is None
    assert strangers.wrong("a", 60.0) == 4
    assert strangers.wrong("a", 61.0) == 0


def test_from_many_addresses_there_are_not_more_lines_than_can_be_read() -> None:
    strangers = Strangers()
    told = [strangers.wrong(f"2001:db8:{number:x}::1", 1.0) for number in range(5000)]
    assert told == [0] * LINES + [None] * (5000 - LINES)
    assert strangers.wrong("2001:db8:1387::1", 61.0) == 1


def test_who_guessed_too_often_is_told_for_how_long_and_may_then_try_once_more() -> None:
    guesses = Guesses()
    for second in range(GUESSES):
        assert guesses.wait("a", float(second)) is None
        guesses.wrong("a", float(second))
    assert guesses.wait("a", 26.5) == 34
    assert guesses.wait("b", 26.5) is None
    assert guesses.wait("a", 59.9) == 1
    assert guesses.wait("a", 60.0) is None
    guesses.wrong("a", 60.0)
    assert guesses.wait("a", 60.0) == 1
