"""The commands about what happened against the real daemon, its store and its streams."""

import csv
import io
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest
import trio
from stage import Stage, staged

COMMAND = (sys.executable, "-m", "ccflared")
PRICED = (
    '[pricing."claude-sonnet-4-5"]\ninput = 3.0\noutput = 15.0\ncache_read = 0.3\ncache_write_5m = 3.75\n'
)


def environment(stage: Stage) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(stage.config.parent),
        "LANG": "C.UTF-8",
        "COLUMNS": "100",
        "TZ": "UTC",
    }


async def typed(stage: Stage, *words: object) -> tuple[int, str, str]:
    """Run a command beside the daemon; return exit code, output and complaints."""
    done = await trio.run_process(
        [*COMMAND, *map(str, words), "--socket", str(stage.state / "c.sock")],
        env=environment(stage),
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@asynccontextmanager
async def following(stage: Stage, *words: object) -> AsyncIterator[trio.Process]:
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                [*COMMAND, *map(str, words), "--socket", str(stage.state / "c.sock")],
                env=environment(stage),
                stdout=-1,
                check=False,
            )
        )
        try:
            yield process
        finally:
            process.terminate()


async def lines_of(process: trio.Process, number: int) -> list[str]:
    """Read so many lines of the output."""
    assert process.stdout is not None
    text = b""
    with trio.fail_after(20):
        while text.count(b"\n") < number:
            piece = await process.stdout.receive_some()
            assert piece, text
            text += piece
    return text.decode().splitlines()


async def test_what_happened_is_told_by_every_command(tmp_path: Path) -> None:
    async with staged(tmp_path, more=PRICED, storage='keep_payloads = "1d"') as stage:
        for _ in range(3):
            await stage.fresh(stream=True)
        latest = (await stage.rows())[-1]

        code, out, err = await typed(stage, "usage", "--csv")
        assert (code, err) == (0, "")
        [row] = csv.DictReader(io.StringIO(out))
        assert (row["account"], row["requests"], row["unpriced"]) == ("first", "3", "0")
        assert float(row["cost_usd"]) > 0
        for by in ("account", "model", "client", "project", "day", "hour"):
            code, out, err = await typed(stage, "usage", "--by", by, "--since", "today")
            assert (code, err) == (0, ""), by
            assert f"Usage by {by}" in out

        code, out, err = await typed(stage, "requests", "-n", "2")
        assert (code, err) == (0, "")
        ids = [word for word in out.split() if word.startswith("req_")]
        assert ids[-1] == latest.id
        assert len(ids) == 2
        code, out, _ = await typed(stage, "requests", "--account", "second", "--json")
        assert (code, json.loads(out)) == (0, [])

        code, out, err = await typed(stage, "request", latest.id[:12])
        assert (code, err) == (0, "")
        assert "● 200 served" in out
        assert "by list price" in out
        code, out, err = await typed(stage, "request", latest.id, "--body")
        assert (code, err) == (0, "")
        assert '"content": "Say hello."' in out
        assert "event: message_start" in out
        assert "sk-first" not in out

        code, out, err = await typed(stage, "logs", "-n", "1000")
        assert (code, err) == (0, "")
        assert "INFO ccflared.daemon: listening on 127.0.0.1:" in out


async def test_a_request_that_nobody_knows_is_said_in_words(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        code, out, err = await typed(stage, "request", "req_0123456789abcdef01234567")
    assert (code, out) == (4, "")
    assert err == "There is no request req_0123456789abcdef01234567; `ccflared requests` lists the latest.\n"


async def test_requests_and_lines_of_the_log_are_followed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.fresh()
        first = (await stage.rows())[0]
        async with (
            following(stage, "requests", "-f", "--json") as requests,
            following(stage, "logs", "-f", "--level", "warning", "-n", "0") as logs,
        ):
            [line] = await lines_of(requests, 1)
            assert json.loads(line)["id"] == first.id
            await stage.fresh(model="claude-haiku-4-5")
            [line] = await lines_of(requests, 1)
            row = json.loads(line)
            assert (row["originalModel"], row["accountUsed"]) == ("claude-haiku-4-5", "first")
            await stage.client.post(f"{stage.url}/api/accounts/first/pause", headers=stage.headers)
            stage.edit(stage.config.read_text() + "[accounts.first]\n")
            [line] = await lines_of(logs, 1)
            assert " WARNING " in line or " ERROR " in line


async def test_doctor_finds_a_running_daemon_well_and_totals_can_be_made_anew(tmp_path: Path) -> None:
    async with staged(tmp_path, more=PRICED) as stage:
        await stage.fresh()
        await stage.rows()
        code, out, err = await typed(stage, "doctor", "--full", "--json")
        assert err == ""
        checks = json.loads(out)["checks"]
        assert [check for check in checks if check["state"] == "fail"] == []
        assert code == 0
        names = {check["name"] for check in checks if check["state"] == "ok"}
        assert names >= {
            "configuration",
            "daemon",
            "listener",
            "accounts",
            "history",
            "totals",
            "size",
            "disk",
        }
        with closing(sqlite3.connect(stage.state / "ccflared.db")) as connection, connection:
            connection.execute("UPDATE hours SET requests = requests + 1")
        code, out, _ = await typed(stage, "doctor", "--json")
        wrong = [check for check in json.loads(out)["checks"] if check["state"] == "fail"]
        assert code == 1
        assert [check["todo"] for check in wrong] == ["ccflared doctor --rebuild-totals"]
        code, out, err = await typed(stage, "doctor", "--rebuild-totals")
        assert (code, err) == (0, "")


async def test_a_copy_is_made_while_the_daemon_goes_on(tmp_path: Path) -> None:
    async with staged(tmp_path, storage='keep_payloads = "1d"') as stage:
        await stage.fresh()
        await stage.rows()
        code, out, err = await typed(stage, "backup", tmp_path / "copy.db", "--payloads")
        assert (code, err) == (0, "")
        assert f"Wrote {tmp_path}/copy.payloads.db: " in " ".join(out.split())
        with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
            assert copy.execute("SELECT count(*) FROM requests").fetchone() == (1,)
        code, _, err = await typed(stage, "backup", tmp_path / "copy.db")
        assert code == 4
        assert "--force replaces it" in err
        code, out, err = await typed(stage, "payloads", "purge", "--yes")
        assert (code, err) == (0, "")
        assert "erased" in out
        [row] = await stage.rows()
        code, _, err = await typed(stage, "request", row.id, "--body")
        assert code == 4
        assert "No payload of this request is kept" in err


async def test_a_test_alert_without_a_webhook_says_what_is_missing(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        code, out, err = await typed(stage, "alert", "test")
    assert (code, out) == (4, "")
    assert "There is no webhook; add to the file:" in err


@pytest.mark.parametrize("broken", [True, False])
async def test_without_the_daemon_totals_are_held_against_the_rows_all_the_same(
    tmp_path: Path, broken: bool
) -> None:
    async with staged(tmp_path) as stage:
        await stage.fresh()
        await stage.running.house.recorder.caught_up(totals=True)
    if broken:
        with closing(sqlite3.connect(stage.state / "ccflared.db")) as connection, connection:
            connection.execute("UPDATE days SET requests = requests + 1")
    done = await trio.run_process(
        [*COMMAND, "doctor", "--json", "--config", str(stage.config)],
        env=environment(stage),
        capture_stdout=True,
        check=False,
    )
    [totals] = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "totals"]
    assert totals["state"] == ("fail" if broken else "ok")
