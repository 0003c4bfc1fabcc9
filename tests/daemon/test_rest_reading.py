"""Reading the history over REST: equal questions are asked once, trouble is told, nothing is invented."""

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import trio
from rest import call, told
from stage import Stage, staged

READS = [
    "/api/stats",
    "/api/requests",
    "/api/requests/req_1",
    "/api/analytics?range=30d",
    "/api/usage",
    "/api/usage-history?account=first",
    "/api/insights/cache",
    "/api/sessions/s/account",
]


def spoil(stage: Stage) -> None:
    """Put something else in the place of the history."""
    for name in ("ccflared.db-wal", "ccflared.db-shm"):
        (stage.state / name).unlink(missing_ok=True)
    (stage.state / "ccflared.db").write_bytes(b"no database " * 1000)


async def test_equal_questions_of_many_are_asked_once_and_all_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        await stage.ask()
        await stage.rows()
        archive, asked = stage.running.house.archive, Counter[str]()
        held = trio.Event()
        inner = archive._ask

        async def slowly(question: Any, seconds: float) -> Any:
            asked["all"] += 1
            await held.wait()
            return await inner(question, seconds)

        monkeypatch.setattr(archive, "_ask", slowly)
        answers: list[Any] = []

        async def one(path: str) -> None:
            answers.append((await call(stage, "GET", path)).json())

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(one, "/api/analytics?range=24h")
            nursery.start_soon(one, "/api/analytics?range=7d")
            for _ in range(3):
                nursery.start_soon(one, "/api/status")
            with trio.fail_after(20):
                while asked["all"] < 4 or len(archive._asked) < 4:
                    await trio.lowlevel.checkpoint()
                # Those that wait have come this far, too.
                while sum(flight.over.statistics().tasks_waiting for flight in archive._asked.values()) < 8:
                    await trio.lowlevel.checkpoint()
            held.set()
        assert asked["all"] == 4  # status asks for the hour and for the day
        assert sorted(each.get("totals", each.get("traffic"))["requests"] for each in answers) == [1] * 9


@pytest.mark.parametrize("path", READS)
async def test_a_history_that_cannot_be_read_is_told_so(tmp_path: Path, path: str) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        await stage.ask()
        await stage.rows()
        spoil(stage)
        answer = await call(stage, "GET", path)
        assert answer.status_code == 503, answer.text
        assert "The history cannot be read now" in told(answer)
        assert (await stage.ask()).status_code == 200


async def test_lists_of_accounts_do_without_the_history(tmp_path: Path) -> None:
    more = f'[clients.c]\nkey_sha256 = "{"0" * 64}"\n[admin]\ntoken = "t-1"\n'
    async with staged(tmp_path, ["first"], more=more) as stage:
        stage.headers = {"x-api-key": "t-1"}
        spoil(stage)
        (account,) = (await call(stage, "GET", "/api/accounts")).json()
        assert account["requestCount"] is None
        assert account["sessionStats"] is None
        (key,) = (await call(stage, "GET", "/api/api-keys")).json()["data"]
        assert key["usageCount"] is None


async def test_a_request_is_found_the_moment_it_has_ended(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        answer = await stage.ask()
        found = await call(stage, "GET", f"/api/requests/{answer.headers['x-ccflared-request-id']}")
        assert found.status_code == 200
        assert found.json()["attempts"][0]["account"] == "first"
        usage = (await call(stage, "GET", "/api/usage?by=model")).json()
        assert usage["total"]["requests"] == 1


async def test_a_row_that_somebody_damaged_does_not_hide_the_others(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        await stage.ask()
        await stage.ask()
        (row, _) = await stage.rows()
        connection = sqlite3.connect(stage.state / "ccflared.db")
        connection.execute(
            "UPDATE requests SET attempts = '[{\"model\":\"\\ud800\"', usage = '{' WHERE id = ?", (row.id,)
        )
        connection.commit()
        connection.close()
        answer = await call(stage, "GET", "/api/requests")
        assert len(answer.json()) == 2
        detail = (await call(stage, "GET", f"/api/requests/{row.id}")).json()
        assert detail["attempts"] == []
        assert detail["usage"] is None


async def test_unknown_cost_is_null_and_counted_beside(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        await stage.ask(model="a-model-of-unknown-price")
        totals = (await call(stage, "GET", "/api/analytics?range=24h")).json()["totals"]
        assert totals["totalCostUsd"] is None
        assert totals["unpricedRequests"] == 1
        await stage.ask()
        totals = (await call(stage, "GET", "/api/analytics?range=24h")).json()["totals"]
        assert totals["totalCostUsd"] > 0
        assert totals["unpricedRequests"] == 1


async def test_the_list_of_requests_is_searched_and_paged(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        for _ in range(3):
            await stage.fresh()
        await stage.fresh(max_tokens="many")
        rows = await stage.rows()
        wrong = next(row for row in rows if row.status == 400)
        word = (wrong.error or "").split()[0] if wrong.error else None
        if word is not None:
            found = (await call(stage, "GET", f"/api/requests?search={word}")).json()
            assert [row["id"] for row in found] == [wrong.id]
        first = (await call(stage, "GET", "/api/requests?limit=2")).json()
        at, name = json.dumps(first[-1]["at"]), first[-1]["id"]
        rest = (await call(stage, "GET", f"/api/requests?before={at}&beforeId={name}")).json()
        assert [row["id"] for row in first + rest] == [row.id for row in reversed(rows)]
