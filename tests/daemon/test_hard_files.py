"""What may stand at the path of the configuration, and in it, without ending the daemon or keeping it from ending."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing
from process import Daemon, daemon
from stage import Stage, staged


def _loop(stage: Stage) -> None:
    stage.config.unlink()
    stage.config.symlink_to(stage.config)


def _pipe(stage: Stage) -> None:
    stage.config.unlink()
    os.mkfifo(stage.config, 0o600)


def _directory(stage: Stage) -> None:
    stage.config.unlink()
    stage.config.mkdir()


def _before(text: str) -> Callable[[Stage], None]:
    return lambda stage: stage.edit(f"{text}\n{stage.config.read_text()}")


def _key(source: str) -> Callable[[Stage], None]:
    return lambda stage: stage.edit(stage.config.read_text().replace('"sk-second"', source))


def _looping_key(stage: Stage) -> None:
    (stage.config.parent / "loop").symlink_to("loop")
    _key('{ file = "loop" }')(stage)


def _piped_key(stage: Stage) -> None:
    os.mkfifo(stage.config.parent / "pipe", 0o600)
    _key('{ file = "pipe" }')(stage)


def _piped_certificate(stage: Stage) -> None:
    os.mkfifo(stage.config.parent / "pipe", 0o600)
    text = stage.config.read_text()
    stage.edit(text.replace("[server]\n", '[server]\ntls = { cert = "pipe", key = "pipe" }\n'))


HARD: dict[str, Callable[[Stage], None]] = {
    "a link to itself": _loop,
    "a pipe": _pipe,
    "a directory": _directory,
    "nothing": lambda stage: stage.config.unlink(),
    "a number of many digits": _before("x = " + "9" * 10_000),
    "an include of a long name": _before(f'include = ["{"a" * 300}"]'),
    "an include with a NUL": _before('include = ["a\\u0000b"]'),
    "a key in a file of a long name": _key(f'{{ file = "{"a" * 5000}" }}'),
    "a key behind a link to itself": _looping_key,
    "a key behind a pipe": _piped_key,
    "a certificate behind a pipe": _piped_certificate,
}


@pytest.mark.parametrize("make", HARD.values(), ids=HARD)
async def test_whatever_stands_at_the_path_is_judged_and_running_goes_on(
    tmp_path: Path, make: Callable[[Stage], None]
) -> None:
    async with staged(tmp_path) as stage:
        reloads = stage.running.reloads
        make(stage)
        with trio.fail_after(5):
            while len(reloads.log) == 1:
                await trio.testing.wait_all_tasks_blocked(0.01)
            # The watch looks at what the verdict was about, too.
            assert (await reloads.reload("signal")).number > 1
        assert (await stage.ask()).status_code == 200
        for path in (*tmp_path.glob("ccflare.toml"), *tmp_path.glob("pipe"), *tmp_path.glob("loop")):
            if not path.is_dir():
                path.unlink()


async def test_a_fault_in_checking_a_file_is_a_verdict_and_not_the_end(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        reloads = stage.running.reloads
        # Nobody gives it a number for an environment; it stands for what nobody thought of.
        reloads._sources = type(reloads._sources)(stage.config, 1, {}, stage.state)  # type: ignore[arg-type]
        verdict = await reloads.reload("signal")
        assert not verdict.applied
        assert "a fault of ccflared" in verdict.sentence
        assert (await stage.ask()).status_code == 200


NO_INOTIFY = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$0" "$@"'


async def test_without_a_watch_of_the_system_the_files_are_looked_at_now_and_then(tmp_path: Path) -> None:
    command = ("unshare", "--user", "--map-root-user", "sh", "-c", NO_INOTIFY)
    if (
        shutil.which("unshare") is None
        or (await trio.run_process([*command, "true"], check=False)).returncode
    ):
        pytest.skip("no namespace of users can be had here")
    async with daemon(tmp_path, command=(*command, sys.executable, "-m", "ccflared")) as running:
        await running.said("cannot watch the directories")
        text = running.config.read_text().replace("priority = 1", "priority = 7")
        running.config.with_suffix(".new").write_text(text)
        running.config.with_suffix(".new").replace(running.config)
        await running.said("accounts.second.priority: 1 -> 7", within=15)
        await _stopped(running)
        assert running.process.returncode == 0


async def _stopped(running: Daemon) -> None:
    running.process.send_signal(signal.SIGTERM)
    with trio.fail_after(10):
        await running.process.wait()


async def test_a_flood_of_hangups_is_a_few_reloads_and_a_stop_is_heard_among_them(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running:
        for _ in range(500):
            running.process.send_signal(signal.SIGHUP)
        await running.said("applied (signal)")
        await _stopped(running)
        assert running.process.returncode == 0
        assert sum("applied (signal)" in line for line in running.lines) < 100
