"""A price list from elsewhere: fetched without a credential, examined, kept, and shown when it cannot be had."""

import json
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
import trio
from stage import Stage, staged
from upstreams import Far, Link, far

from ccflared.config.model import PriceList
from ccflared.daemon import price_list
from ccflared.daemon.price_list import KEPT, USED, PriceLists
from ccflared.daemon.upstream import Upstream
from ccflared.money.pricing import shipped

CLAUDE = {
    "claude-opus-4-1": {"input": 15, "output": 75},
    "claude-haiku-4-5": {"input": 1, "output": 5},
    "claude-sonnet-4-5": {"input": 4, "output": 16},
}
MANY = {f"model-{number}": {"input": 1, "output": 2} for number in range(120)}
GOOD = json.dumps(
    {
        "anthropic": {"models": {name: {"cost": cost} for name, cost in CLAUDE.items()}},
        "openai": {"models": {name: {"cost": cost} for name, cost in MANY.items()}},
    }
).encode()


def answered(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body


@asynccontextmanager
async def told(*answers: bytes) -> AsyncIterator[tuple[Far, Callable[[], str]]]:
    """Serve these answers one after the other, the last for ever; gives the far side and its URL."""
    left = list(answers)

    async def script(link: Link) -> None:
        while await link.request():
            await link.answer(left.pop(0) if len(left) > 1 else left[0])

    async with far(script) as place:
        yield place, lambda: f"http://127.0.0.1:{place.port}/api.json?x=1"


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(10):
        while not condition():
            await trio.lowlevel.checkpoint()


def listing(url: str) -> str:
    return f'[price_list]\nurl = "{url}"\n'


async def prices(stage: Stage) -> dict[str, Any]:
    answer: httpx.Response = await stage.client.get(stage.url + "/api/status")
    return dict(answer.json()["prices"])


async def test_without_an_url_nobody_is_asked_and_the_shipped_prices_count(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        shown = await prices(stage)
        assert f"{shown['source']} {shown['date']}" == shipped().source
        assert (shown["looked_at"], shown["error"]) == (None, None)
        assert not (stage.state / KEPT).exists()


async def test_a_list_is_fetched_without_credentials_and_costs_are_reckoned_by_it(tmp_path: Path) -> None:
    async with told(answered(GOOD)) as (place, url), staged(tmp_path, ["only"], more=listing(url())) as stage:
        house = stage.running.house
        await until(lambda: house.world.prices.source("model-1"))
        assert (await prices(stage))["source"] == "list"
        assert (await stage.fresh()).status_code == 200
        (row,) = await stage.rows()
        # input 4 and output 16 by the list; caches, of which it says nothing, as shipped
        told_by = row.tokens
        assert row.cost == round(
            (told_by.input or 0) * 4
            + (told_by.output or 0) * 16
            + (told_by.cache_read or 0) * 0.3
            + (told_by.cache_write_5m or 0) * 3.75
            + (told_by.cache_write_1h or 0) * 6
        )
        assert (row.price_source or "").startswith("list 20")
        (request,) = place.links[0].requests
        head = request.lower()
        assert head.startswith(b"get /api.json?x=1 http/1.1")
        assert b"authorization" not in head
        assert b"x-api-key" not in head
        assert b"cookie" not in head
        kept = stage.state / KEPT
        await until(kept.exists)
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600


BAD = [
    (answered(b"", "301 Moved", "location: http://127.0.0.1:1/\r\n"), "301: redirects are not followed"),
    (answered(b"no", "404 Not Found"), "it was answered 404"),
    (answered(b"<html>"), "it is no JSON"),
    (answered(b"{}"), "it has prices of 0 models"),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nshort", "the connection"),
]


@pytest.mark.parametrize(("answer", "error"), BAD)
async def test_a_list_that_cannot_be_had_or_believed_changes_nothing_and_is_shown(
    tmp_path: Path, answer: bytes, error: str
) -> None:
    if b"content-length: 99" in answer:

        async def script(link: Link) -> None:
            await link.request()
            await link.answer(answer)

        async with far(script) as place:
            await _is_shown(tmp_path, f"http://127.0.0.1:{place.port}/x", error)
        return
    async with told(answer) as (_, url):
        await _is_shown(tmp_path, url(), error)


async def _is_shown(tmp_path: Path, url: str, error: str) -> None:
    async with staged(tmp_path, more=listing(url)) as stage:
        lists = stage.running.house.price_lists
        await until(lambda: lists.error)
        shown = await prices(stage)
        assert error in shown["error"]
        assert f"{shown['source']} {shown['date']}" == shipped().source
        assert url not in json.dumps(shown)


async def test_a_list_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_list, "LONGEST", 1000)
    async with told(answered(b"x" * 1001)) as (_, url):
        lists, upstream = PriceLists(Path("never-written.json")), Upstream()
        await lists.look(PriceList(url()), upstream)
        upstream.close_idle()
        assert lists.error == "it has more than 1000 bytes"


async def test_a_reload_that_names_a_list_has_it_fetched_and_one_that_names_none_forgets_it(
    tmp_path: Path,
) -> None:
    async with told(answered(GOOD)) as (place, url), staged(tmp_path) as stage:
        house, plain = stage.running.house, stage.config.read_text()
        stage.edit(plain + listing(url()))
        assert (await stage.running.reloads.reload("command")).applied
        await until(lambda: house.world.prices.source("model-1"))
        stage.edit(plain)
        assert (await stage.running.reloads.reload("command")).applied
        assert house.world.prices.source("model-1") is None
        stage.edit(plain + listing(url()))
        assert (await stage.running.reloads.reload("command")).applied
        # it is known still, and so new that nobody is asked again
        assert house.world.prices.source("model-1") is not None
        assert sum(len(link.requests) for link in place.links) == 1


async def accepted_before(file: Path, url: str) -> PriceLists:
    async with told(answered(GOOD)) as (_, served):
        lists, upstream = PriceLists(file), Upstream()
        await lists.look(PriceList(served()), upstream)
        upstream.close_idle()
        assert lists.error is None
    kept = json.loads(file.read_text())
    file.write_text(json.dumps(kept | {"url": url}))
    again = PriceLists(file)
    again.read()
    return again


async def test_the_next_start_goes_on_with_what_was_kept_for_thirty_days(tmp_path: Path) -> None:
    given = PriceList("https://example.com/p.json")
    lists = await accepted_before(tmp_path / KEPT, "https://example.com/p.json")
    now = time()
    table = lists.table(given, now)
    assert table is not None
    assert table.source.startswith("list 20")
    assert lists.table(given, now + USED + 60) is None
    assert lists.table(PriceList("https://example.com/other.json"), now) is None
    assert 0 < lists.due(given, now) <= given.refresh
    assert lists.due(given, now + given.refresh + 60) == 0
    assert lists.due(PriceList("https://example.com/other.json"), now) == 0
    assert lists.due(PriceList(), now) == float("inf")
    # a clock that was ahead keeps nothing from being asked for
    assert lists.due(given, now - 86400) == 0


async def test_a_failure_keeps_the_list_of_before_and_is_tried_again_soon(tmp_path: Path) -> None:
    async with told(answered(GOOD), answered(b"{}")) as (_, url):
        lists, given, upstream = PriceLists(tmp_path / KEPT), PriceList(url()), Upstream()
        await lists.look(given, upstream)
        before = lists.accepted
        await lists.look(given, upstream)
        assert lists.error is not None
        assert lists.accepted is before
        assert lists.table(given, time()) is not None
        assert 0 < lists.due(given, time()) <= 600
        upstream.close_idle()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"url": 1, "at": 2, "prices": {}, "long": {}}', b"\xff"]
)
def test_a_kept_file_that_is_damaged_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEPT).write_bytes(content)
    lists = PriceLists(tmp_path / KEPT)
    lists.read()
    assert lists.accepted is None


async def test_a_disk_that_takes_nothing_keeps_no_list_from_counting(tmp_path: Path) -> None:
    async with told(answered(GOOD)) as (_, url):
        (tmp_path / "file").write_text("")
        lists, upstream = PriceLists(tmp_path / "file" / KEPT), Upstream()
        await lists.look(PriceList(url()), upstream)
        assert lists.error is None
        assert lists.table(PriceList(url()), time()) is not None
        upstream.close_idle()
