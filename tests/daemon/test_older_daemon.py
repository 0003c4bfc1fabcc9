"""An older daemon on what a newer one has written: it says so, touches nothing, and the way back that it tells works."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import trio
from process import daemon, environment

from ccflared.daemon.books import recorder as recorder_module
from ccflared.daemon.books.recorder import Recorder
from ccflared.store import schema
from ccflared.store.memories import Memory

NEWER = """
import os, sys
from pathlib import Path
from ccflared.store import schema, vault
from ccflared.store.upgrade import Upgrade
state = Path(sys.argv[1])
schema.STEPS = (*schema.STEPS, ("CREATE TABLE later (x)", "ALTER TABLE requests ADD COLUMN later TEXT"))
vault.STEPS = (*vault.STEPS, ("ALTER TABLE grants ADD COLUMN later TEXT",))
history = schema.open_history(state / "ccflared.db", upgrade=Upgrade(print))
history.execute("INSERT INTO memories VALUES ('pause', 'first', '2.0', 2.0)")
vault.Vault(state / "tokens.db", upgrade=Upgrade(print)).load()
os._exit(0)  # as a kill: what it has written last is in the log alone
"""
GRANT = """
import sys, time
from pathlib import Path
from ccflared.providers.oauth import Grant
from ccflared.store.vault import Vault
Vault(Path(sys.argv[1]) / "tokens.db").save(Grant("work", "claude-oauth", "1", "", None), time.time())
"""

FIRST = """
    INSERT INTO requests (id, at, method, path, status, outcome, stream, total_ms, tries, attempts)
    SELECT 'r' || value, 1700000000 + value, 'POST', '/v1/messages', 200, 'complete', 1, 340, 1, '[]'
    FROM (WITH RECURSIVE counted (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM counted WHERE value < ?)
        SELECT value FROM counted)
"""


def python(script: str, *arguments: Path) -> None:
    subprocess.run([sys.executable, "-c", script, *arguments], check=True, capture_output=True)


def everything(state: Path) -> dict[str, tuple[int, bytes]]:
    """Return name, time of change and bytes of all files, and the directory's own time."""
    found = {
        str(each): (each.stat().st_mtime_ns, each.read_bytes()) for each in state.rglob("*") if each.is_file()
    }
    return found | {"": (state.stat().st_mtime_ns, b"")}


async def asked_once(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running:
        await running.said("ready: process")
        status = running.status()
        assert status["history"]["ok"]
        running.process.terminate()
        await running.process.wait()


def started(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ccflared", "run", "--config", tmp_path / "ccflare.toml"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(tmp_path) | {"PYTHONPATH": os.environ.get("PYTHONPATH", "")},
    )


async def test_an_older_daemon_says_so_touches_nothing_and_its_way_back_works(tmp_path: Path) -> None:
    await asked_once(tmp_path)
    state = tmp_path / "state"
    (state / "newer").mkdir()  # of an earlier time that somebody went back
    with closing(sqlite3.connect(state / "ccflared.db")) as connection:
        connection.execute("INSERT INTO memories VALUES ('pause', 'second', '1.0', 1.0)")
        connection.commit()
    python(GRANT, state)
    python(NEWER, state)
    assert (state / "ccflared.db-wal").stat().st_size > 0
    before = everything(state)
    for _ in range(2):
        done = await trio.to_thread.run_sync(started, tmp_path)
        assert done.returncode == 4, done.stderr
        assert everything(state) == before
    known = len(schema.STEPS)
    assert f"{state}/ccflared.db has schema {known + 1}, and ccflared" in done.stderr
    assert f"knows it up to {known}" in done.stderr
    assert f"{state}/tokens.db has schema 2" in done.stderr
    assert "Nothing was touched" in done.stderr
    commands = done.stderr[done.stderr.index("cd ") :].replace("\n", " ").strip()
    await trio.run_process(["sh", "-ec", commands])
    await asked_once(tmp_path)
    with closing(sqlite3.connect(state / "ccflared.db")) as connection:
        assert connection.execute("SELECT value FROM memories WHERE key = 'second'").fetchone() == ("1.0",)
        assert connection.execute("SELECT value FROM memories WHERE key = 'first'").fetchall() == []
        assert connection.execute("PRAGMA user_version").fetchone() == (known,)
    with closing(sqlite3.connect(state / "tokens.db")) as connection:
        assert connection.execute("SELECT account FROM grants").fetchall() == [("work",)]
    assert (state / "newer-2" / "ccflared.db").exists()


@pytest.mark.parametrize("name", ["ccflared.db", "payloads.db", "tokens.db"])
async def test_one_newer_file_is_enough_and_the_others_are_not_touched(tmp_path: Path, name: str) -> None:
    await asked_once(tmp_path)
    state = tmp_path / "state"
    application = {"ccflared.db": 0x63636664, "payloads.db": 0x63636670, "tokens.db": 0x63636674}[name]
    with closing(sqlite3.connect(state / name)) as connection:
        connection.execute(f"PRAGMA application_id = {application}")
        connection.execute("PRAGMA user_version = 99")
        connection.execute("CREATE TABLE IF NOT EXISTS later (x)")
    before = everything(state)
    done = await trio.to_thread.run_sync(started, tmp_path)
    assert done.returncode == 4, done.stderr
    assert everything(state) == before
    assert f"{state}/{name} has schema 99" in done.stderr
    if name == "ccflared.db":
        assert "There is no copy here of ccflared.db" in done.stderr
        return
    assert ("accounts that log in need `ccflared login` then" in done.stderr) == (name == "tokens.db")
    await trio.run_process(["sh", "-ec", done.stderr[done.stderr.index("cd ") :]])
    await asked_once(tmp_path)


async def test_an_upgrade_that_takes_long_is_why_the_history_is_off_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "HOP", 0.05)
    path = tmp_path / "ccflared.db"
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "STEPS", schema.STEPS[:2])
        with closing(schema.open_history(path)) as connection:
            connection.execute(FIRST, (100_000,))
    recorder = Recorder(path)
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        said = f"{path}: the history is being brought from schema 2 to {len(schema.STEPS)}"
        assert [recorder.state.error] == [said]
        recorder.remember(Memory("pause", "first", "1.0", 1.0))
        with trio.fail_after(60):
            await recorder.settled()
        assert [recorder.state.error] == [None]
        recorder.close()


async def test_an_upgrade_is_told_in_the_log(tmp_path: Path) -> None:
    await asked_once(tmp_path)
    state = tmp_path / "state"
    for end in ("", "-wal", "-shm"):
        (state / f"ccflared.db{end}").unlink(missing_ok=True)
    older = (
        "import sys; from pathlib import Path; from ccflared.store import schema; schema.STEPS = schema.STEPS[:3]; "
        "schema.open_history(Path(sys.argv[1])).close()"
    )
    python(older, state / "ccflared.db")
    async with daemon(tmp_path) as running:
        await running.said(f"the history is being brought from schema 3 to {len(schema.STEPS)}; a copy of ")
        await running.said(f"was brought from schema 3 to {len(schema.STEPS)} in ")
        await running.said("ready: process")
        assert running.status()["history"]["ok"]
