"""``ccflared dashboard`` beside the real daemon: on a terminal, in a pipe, and where no browser would be let in."""

import json
import re
from functools import partial
from pathlib import Path

import trio
from stage import Stage, staged
from terminals import on_a_terminal, run

ADMIN = '[admin]\ntoken = "sesame-open"\n'
CLIENTS = '[clients.one]\nkey = "k"\n'


async def typed(stage: Stage, *words: str, **more: str) -> tuple[int, str, str]:
    """Run the command beside the daemon; return exit code, output and complaints."""
    where = ("dashboard", "--socket", str(stage.state / "c.sock"), *words)
    done = await trio.to_thread.run_sync(partial(run, *where, **more))
    return done.returncode, done.stdout, done.stderr


def on_screen(stage: Stage) -> tuple[int, str]:
    """Run it on a terminal; return exit code and what was written."""
    with on_a_terminal("dashboard", "--socket", stage.state / "c.sock", more={"NO_COLOR": "1"}) as screen:
        return screen.ended(), screen.written.decode()


async def test_in_a_pipe_the_address_is_all_and_logs_a_browser_in(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        code, out, err = await typed(stage)
        assert (code, err) == (0, "")
        made = re.fullmatch(re.escape(stage.url) + r"/#link=([\w-]+)\n", out)
        assert made
        answer = await stage.client.post(stage.url + "/api/session", json={"link": made[1]})
        assert answer.json()["by"] == "session"


async def test_on_a_terminal_it_says_how_long_and_how_from_elsewhere(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        code, shown = await trio.to_thread.run_sync(on_screen, stage)
        assert code == 0
        assert re.search(re.escape(stage.url) + r"/#link=[\w-]{43}\r\n", shown)
        assert "once, within 10 minutes" in shown
        assert "ssh -L" in shown


async def test_json_is_the_answer_itself(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        code, out, _ = await typed(stage, "--json")
        assert code == 0
        assert json.loads(out)["urls"] == [stage.url + "/"]


async def test_where_nothing_is_asked_for_the_address_is_a_plain_one(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        assert await typed(stage) == (0, stage.url + "/\n", "")


async def test_a_listener_for_all_is_named_as_this_machine_sees_it(tmp_path: Path) -> None:
    async with staged(tmp_path, server='listen = "0.0.0.0:0"', more=ADMIN + CLIENTS) as stage:
        code, out, _ = await typed(stage)
        assert code == 0
        assert out.startswith(stage.url + "/#link=")
        _, shown = await trio.to_thread.run_sync(on_screen, stage)
        assert "in place of 127.0.0.1" in " ".join(shown.split())


async def test_where_no_browser_would_be_let_in_it_says_which_lines_to_add(tmp_path: Path) -> None:
    async with staged(tmp_path, more=CLIENTS) as stage:
        code, out, err = await typed(stage)
        assert (code, out) == (4, "")
        assert "\n  [admin]\n  token = " in err


async def test_without_a_listener_for_browsers_it_says_so(tmp_path: Path) -> None:
    async with staged(tmp_path, server=f'listen = "unix:{tmp_path}/r.sock"', more=ADMIN + CLIENTS) as stage:
        code, out, err = await typed(stage)
        assert (code, out) == (4, "")
        assert "No listener over TCP serves administration" in err


def test_without_a_daemon_there_is_no_dashboard(tmp_path: Path) -> None:
    done = run("dashboard", "--socket", tmp_path / "none")
    assert (done.returncode, done.stdout) == (3, "")
    assert "Start it: " in done.stderr
