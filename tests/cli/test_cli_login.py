"""``ccflared login`` and ``logout`` as a person uses them: on a terminal, through a pipe, with a daemon and without."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import trio
from issuer import FakeIssuer
from logins import issued, kept, placed
from stage import Stage
from terminals import environment, on_a_terminal

from ccflared.store.vault import Vault

NAMES = ("plan", "second")


async def run(config: Path, *words: str, home: Path, stdin: int = subprocess.DEVNULL) -> tuple[int, str, str]:
    done = await trio.run_process(
        [sys.executable, "-m", "ccflared", *words, "--config", str(config)],
        env=environment(HOME=str(home)),
        stdin=stdin,
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def on_screen(config: Path, issuer: FakeIssuer, *, first: str = "") -> tuple[int, str]:
    """Log in on a terminal as a person does; ``first``: what is pasted at first."""

    def ready(text: str) -> bool:
        return text.count("Paste the code") > bool(pasted)

    with on_a_terminal("login", "plan", "--config", config, more={"HOME": str(config.parent)}) as screen:
        pasted: list[str] = []
        if first:
            screen.until(ready)
            os.write(screen.terminal, first.encode() + b"\r")
            pasted.append(first)
        text = screen.until(ready)
        url = next(word for word in text.split() if word.startswith("http"))
        os.write(screen.terminal, issuer.approve(url).encode() + b"\r")
        return screen.ended(), screen.written.decode()


async def log_in(config: Path, issuer: FakeIssuer, first: str = "") -> tuple[int, str]:
    return await trio.to_thread.run_sync(partial(on_screen, config, issuer, first=first))


async def test_on_a_terminal_an_address_is_shown_and_the_code_is_asked_for(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, names=NAMES) as stage:
        code, shown = await log_in(stage.config, issuer)
        assert code == 0, shown
        assert "plan is logged in" in shown
        assert "decided by the plan's terms" in shown.replace("\r\n", " ")
        assert (await stage.ask()).status_code == 200
        assert (stage.provider.seen[-1].key or "").startswith("at-")


async def test_what_was_pasted_wrongly_may_be_pasted_again(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, names=NAMES) as stage:
        code, shown = await log_in(stage.config, issuer, first="half-a-code")
        assert (code, "the state is missing" in shown) == (0, True), shown


async def test_without_a_daemon_the_command_does_it_and_the_next_daemon_finds_the_tokens(
    tmp_path: Path,
) -> None:
    issuer = FakeIssuer()
    async with placed(tmp_path, issuer, names=NAMES):
        config = tmp_path / "ccflare.toml"
        code, shown = await log_in(config, issuer)
        assert code == 0, shown
        grant = Vault(tmp_path / "state" / "tokens.db").find("plan")
        assert grant is not None
        assert grant.pair is not None
        code, said, _ = await run(config, "logout", "plan", home=tmp_path)
        assert (code, "plan is logged out" in said) == (0, True)
        grant = Vault(tmp_path / "state" / "tokens.db").find("plan")
        assert grant is not None
        assert grant.pair is None


async def test_without_a_terminal_nothing_is_asked_and_the_flag_is_named(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, names=NAMES) as stage:
        code, said, complaint = await run(stage.config, "login", "plan", home=tmp_path)
        assert (code, said) == (2, "")
        assert "--code-stdin" in complaint


async def test_through_a_pipe_the_code_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, names=NAMES) as stage:
        process = await trio.lowlevel.open_process(
            [
                sys.executable,
                "-m",
                "ccflared",
                "login",
                "plan",
                "--code-stdin",
                "--config",
                str(stage.config),
            ],
            env=environment(HOME=str(tmp_path)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdin is not None
        text = b""
        with trio.fail_after(20):
            while b"terms" not in text:
                text += await process.stdout.receive_some()
            url = next(word for word in text.decode().split() if word.startswith("http"))
            await process.stdin.send_all(issuer.approve(url).encode() + b"\n")
            while data := await process.stdout.receive_some():
                text += data
            assert await process.wait() == 0
        assert b"\x1b" not in text
        assert b"plan is logged in" in text
        assert kept(stage) is not None


async def refused(stage: Stage, *words: str) -> str:
    code, said, complaint = await run(stage.config, *words, home=stage.config.parent)
    assert (code, said) == (4, "")
    return complaint


async def test_every_login_that_cannot_be_says_why(tmp_path: Path) -> None:
    async with issued(tmp_path, FakeIssuer(), client_id=None, names=NAMES) as stage:
        assert "needs no login" in await refused(stage, "login", "second", "--code-stdin")
        assert "no account nobody" in await refused(stage, "login", "nobody", "--code-stdin")
        assert "account set plan oauth.client_id=…" in await refused(stage, "login", "plan", "--code-stdin")
        assert "it has an API key" in await refused(stage, "logout", "second")
        assert "no account nobody" in await refused(stage, "logout", "nobody")
