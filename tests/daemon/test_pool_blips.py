"""What passes soon costs one account, and for a moment only: pages of strangers, hiccups of a 401. Over real sockets."""

import datetime as dt
import json
from pathlib import Path
from time import time

import httpx
import pytest
import trio
from elapsed import elapse
from stage import Stage, staged

from ccflared.demo.script import Answer, Failing, Held

NAMED = "x-ccflared-account"
TRIED = "x-ccflared-attempts"
THREE = ("a", "b", "c")
TOO_LARGE = b"<html><head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>"
BLOCKED = b"<html><body>blocked</body></html>"


async def states(stage: Stage, *names: str) -> list[str]:
    return [str((await stage.account(name))["state"]) for name in names]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_page_that_calls_the_request_too_large_is_passed_on_and_speaks_of_nobody(
    tmp_path: Path, stream: bool
) -> None:
    async with staged(tmp_path, THREE) as stage:
        for name in THREE:
            stage.provider.play(f"sk-{name}", Failing(413, body=TOO_LARGE, content_type="text/html"))
        refused = await stage.fresh(stream=stream)
        assert (refused.status_code, refused.content) == (413, TOO_LARGE)
        assert refused.headers["content-type"] == "text/html"
        assert stage.provider.count == 1
        assert await states(stage, *THREE) == ["ready"] * 3


@pytest.mark.parametrize("status", [200, 403, 404, 405, 451])
async def test_any_other_page_puts_the_account_in_doubt_and_not_those_at_the_same_place(
    tmp_path: Path, status: int
) -> None:
    async with staged(tmp_path, THREE) as stage:
        stage.provider.play("sk-a", then=Failing(status, body=BLOCKED, content_type="text/html"))
        answers = [await stage.fresh() for _ in range(4)]
        assert [answer.headers[NAMED] for answer in answers] == ["b"] * 4
        assert [answer.headers[TRIED] for answer in answers] == ["2", "1", "1", "1"]
        assert await states(stage, *THREE) == ["doubtful", "ready", "ready"]


async def accept(stage: Stage, *names: str) -> None:
    """Have each account serve once, so that its credential is known to be good."""
    for name in names:
        stage.provider.play(f"sk-{name}")
        stage.headers = {NAMED: name}
        assert (await stage.fresh()).status_code == 200
    stage.headers = {}


def asked(stage: Stage, name: str) -> int:
    return sum(seen.key == f"sk-{name}" for seen in stage.provider.seen)


async def waits(stage: Stage, name: str, tries: int) -> list[int]:
    """Ask whenever the account would be tried again; return for how long it was rejected each time."""
    told = []
    before = asked(stage, name)
    for tried in range(1, tries + 1):
        assert (await stage.fresh()).headers[TRIED] == "2"
        seen = await stage.account(name)
        assert seen["state"] == "rejected"
        told.append(round(seen["until"] - time()))
        assert (await stage.fresh()).headers[TRIED] == "1"
        assert asked(stage, name) == before + tried
        elapse(stage, name, told[-1] + 1.0)
    return told


async def test_a_hiccup_that_refuses_every_credential_once_costs_clients_a_few_seconds(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, THREE) as stage:
        await accept(stage, *THREE)
        for name in THREE:
            stage.provider.play(f"sk-{name}", Failing(401), then=Answer())
        refused = await stage.fresh()
        assert refused.status_code == 503
        assert 1 <= int(refused.headers["retry-after"]) <= 5
        assert "x-should-retry" not in refused.headers
        assert (await stage.fresh()).status_code == 503
        assert [asked(stage, name) for name in THREE] == [2, 2, 2]
        for name in THREE:
            elapse(stage, name, 5.0)
        assert (await stage.fresh()).headers[NAMED] == "a"
        assert (await stage.account("a"))["state"] == "ready"


async def test_a_good_credential_that_is_refused_again_and_again_is_tried_ever_more_seldom(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        await accept(stage, "first")
        stage.provider.play("sk-first", then=Failing(401))
        assert await waits(stage, "first", 6) == [5, 20, 80, 300, 300, 300]


async def test_a_credential_that_was_never_accepted_is_tried_every_five_minutes(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", then=Failing(401))
        assert await waits(stage, "first", 3) == [300] * 3


async def test_counting_tokens_shows_that_a_credential_is_good(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", then=Failing(401))
        assert (await stage.ask(path="/v1/messages/count_tokens")).headers[NAMED] == "first"
        assert await waits(stage, "first", 1) == [5]


async def test_many_requests_that_meet_a_refused_credential_at_once_are_one_refusal(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await accept(stage, "first")
        stage.provider.play("sk-first", then=Failing(401))
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(stage.fresh)
        assert (await stage.account("first"))["until"] - time() <= 5


async def test_a_refused_credential_is_tried_by_one_request_whose_success_ends_the_matter(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        await accept(stage, "first")
        release = trio.Event()
        stage.provider.play("sk-first", Failing(401), Failing(401), Held(release), Failing(401))
        assert await waits(stage, "first", 2) == [5, 20]
        assert await states(stage, "first") == ["half-open"]
        answers: list[httpx.Response] = []

        async def ask() -> None:
            answers.append(await stage.fresh())

        async with trio.open_nursery() as nursery:
            count = stage.provider.count
            nursery.start_soon(ask)
            with trio.fail_after(5):
                await stage.provider.received(count + 1)
            others = [(await stage.fresh()).headers[NAMED] for _ in range(3)]
            assert others == ["second"] * 3
            release.set()
        assert answers[0].headers[NAMED] == "first"
        assert await states(stage, "first") == ["ready"]
        # The next refusal is a first one again.
        assert await waits(stage, "first", 1) == [5]


def refusal(**members: object) -> Failing:
    """Return a 200 that is a refusal."""
    return Failing(200, body=json.dumps(members | {"success": False}).encode())


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_of_zai_inside_a_success_is_one(tmp_path: Path, stream: bool) -> None:
    end = dt.datetime.now(dt.timezone(dt.timedelta(hours=8))) + dt.timedelta(hours=2)
    said = f"Usage limit reached for 5 hour. Your limit will reset at {end:%Y-%m-%d %H:%M:%S}"
    async with staged(tmp_path, own={"first": 'provider = "zai"'}) as stage:
        stage.provider.play("sk-first", then=refusal(code=1308, msg=said))
        answers = [await stage.fresh(stream=stream) for _ in range(2)]
        assert [answer.headers[NAMED] for answer in answers] == ["second"] * 2
        assert [answer.headers[TRIED] for answer in answers] == ["2", "1"]
        seen = await stage.account("first")
        assert seen["state"] == "resting"
        assert abs(seen["until"] - end.timestamp()) <= 1


async def test_a_credential_that_zai_refuses_inside_a_success_is_rejected(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": 'provider = "zai"'}) as stage:
        stage.provider.play("sk-first", then=refusal(code=401, msg="token expired or incorrect"))
        assert (await stage.fresh()).headers[NAMED] == "second"
        assert await states(stage, "first") == ["rejected"]


SAID_AS_A_SUCCESS: list[tuple[dict[str, object], bool]] = [
    ({"type": "message", "content": [], "error": {"type": "overloaded_error", "message": "busy"}}, True),
    ({"type": "message", "content": [], "error": None}, False),
    ({"code": 0, "id": "x", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]}, False),
    ({"code": 200, "id": "x", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]}, False),
    ({"id": "x", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]}, False),
]


@pytest.mark.parametrize(("document", "refuses"), SAID_AS_A_SUCCESS)
async def test_a_document_that_comes_as_a_success_is_read_for_what_it_says(
    tmp_path: Path, document: dict[str, object], refuses: bool
) -> None:
    body = json.dumps(document).encode()
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", then=Failing(200, body=body))
        answer = await stage.fresh()
        assert answer.headers[NAMED] == ("second" if refuses else "first")
        assert refuses or answer.content == body
        assert await states(stage, "first") == ["doubtful" if refuses else "ready"]
