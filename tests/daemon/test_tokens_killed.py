"""kill -9 at every step of "rotate, persist, use" never loses the account."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
import trio
from crashing import STEPS
from issuer import FakeIssuer, Waiting
from logins import placed
from process import environment
from stage import QUESTION, restaged

from ccflared.store.vault import Vault

CRASHING = Path(__file__).parent / "crashing.py"
HUNG = ("asked, and nothing exchanged", "exchanged, and nothing answered")


@asynccontextmanager
async def doomed(directory: Path, *words: str) -> AsyncIterator[tuple[trio.Process, str]]:
    """Run a daemon as a process of its own that will be killed; yields it and its URL, once it listens."""
    process = await trio.lowlevel.open_process(
        [sys.executable, *words, "run", "--config", str(directory / "ccflare.toml")],
        stderr=subprocess.PIPE,
        env=environment(directory),
    )
    assert process.stderr is not None
    try:
        text = b""
        with trio.move_on_after(20):
            while b"ready:" not in text and (data := await process.stderr.receive_some()):
                text += data
        url = text.partition(b"listening on ")[2].split()[:1]
        yield process, f"http://{url[0].decode()}" if url else ""
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def ask(url: str) -> None:
    """Ask once, whatever becomes of it."""
    async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
        with suppress(httpx.HTTPError):  # the daemon is killed meanwhile, as it should
            await client.post(url + "/v1/messages", json=QUESTION)


@pytest.mark.parametrize("step", [*STEPS, *HUNG])
async def test_kill_9_at_any_step_of_a_renewal_leaves_the_account_to_be_served_by(
    tmp_path: Path, step: str
) -> None:
    issuer = FakeIssuer()
    access, refresh = issuer.log_in()
    tokens = f'oauth = {{ access_token = "{access}", refresh_token = "{refresh}", expires_at = 1.0 }}'
    async with placed(tmp_path, issuer, tokens) as (provider, port):
        if step in HUNG:
            issuer.tricks.append(Waiting(after_exchange="exchanged" in step))
            async with doomed(tmp_path, "-m", "ccflared") as (process, _):
                await issuer.arrived(1)
                process.kill()
                await process.wait()
        else:
            async with doomed(tmp_path, str(CRASHING), step) as (process, url):
                if url:  # it may have been killed before it was ready
                    await ask(url)
                with trio.fail_after(20):
                    assert await process.wait() == -9
        async with restaged(tmp_path, provider, port) as stage:
            for _ in range(2):
                answer = await stage.ask()
                assert answer.status_code == 200, answer.text
            account = await stage.account("plan")
            assert (account["state"], account["token"]["problem"]) == ("ready", None)
            grant = Vault(stage.state / "tokens.db").find("plan")
            assert grant is not None
            assert grant.pair is not None
            assert grant.pair.access is not None
            assert provider.seen[-1].key == grant.pair.access.reveal()
