"""Tokens that end, are renewed, refused and lost, against an issuer with single-use refresh tokens."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
import trio.testing
from issuer import Breaking, FakeIssuer, Refusing, Waiting
from logins import issued, kept, lasting, placed
from stage import Stage, restaged

from ccflared.store.vault import Vault


def seed(issuer: FakeIssuer, *, ends: float | None = None) -> str:
    """Return the line of an oauth table with a pair of a new login. ``ends``: what the file says of its end."""
    access, refresh = issuer.log_in()
    when = "" if ends is None else f", expires_at = {ends}"
    return f'oauth = {{ access_token = "{access}", refresh_token = "{refresh}"{when} }}'


async def gather(count: int, ask: Callable[[], Any]) -> list[httpx.Response]:
    """Ask many times at once."""
    answers: list[httpx.Response] = []

    async def one() -> None:
        answers.append(await ask())

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(one)
    return answers


async def test_a_token_from_the_file_serves_as_bearer_with_its_beta_appended(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer)) as stage:
        stage.headers = {"anthropic-beta": "context-management-2025-06-27, effort-2025-11-24"}
        assert (await stage.ask()).status_code == 200
        (seen,) = stage.provider.seen
        assert (seen.get(b"authorization") or b"").startswith(b"Bearer at-")
        assert seen.get(b"x-api-key") is None
        sent = b"context-management-2025-06-27, effort-2025-11-24,oauth-2025-04-20"
        assert seen.get(b"anthropic-beta") == sent
        stage.headers = {"anthropic-beta": "oauth-2025-04-20,other"}
        await stage.ask()
        assert stage.provider.seen[-1].get(b"anthropic-beta") == b"oauth-2025-04-20,other"
        stage.headers = {}
        await stage.ask()
        assert stage.provider.seen[-1].get(b"anthropic-beta") == b"oauth-2025-04-20"
        assert not issuer.asked


async def test_fifty_requests_at_the_end_of_a_token_make_one_refresh(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    # By the file it ended long ago, so the first request needs another.
    async with issued(tmp_path, issuer, seed(issuer, ends=1.0)) as stage:
        answers = await gather(50, stage.fresh)
        assert [answer.status_code for answer in answers] == [200] * 50
        assert issuer.refreshes == 1
        assert {seen.key for seen in stage.provider.seen} == {_access(stage)}


async def test_fifty_requests_that_meet_a_401_at_once_make_one_refresh(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer)) as stage:
        await stage.ask()
        issuer.end(stage.provider.seen[-1].key or "")
        answers = await gather(50, stage.fresh)
        assert [answer.status_code for answer in answers] == [200] * 50
        assert issuer.refreshes == 1
        rows = await stage.rows()
        assert {row.outcome for row in rows} == {"complete"}
        twice = next(row for row in rows if len(row.attempts) == 2)
        assert [(a.kind, a.why) for a in twice.attempts][1] == ("served", "again, with a new token")
        assert twice.attempts[0].kind == "credential"


async def test_a_token_is_renewed_before_it_ends_and_without_being_asked_for(tmp_path: Path) -> None:
    issuer = FakeIssuer(lifetime=1.0)
    async with issued(tmp_path, issuer, seed(issuer, ends=1.0)) as stage:
        with trio.fail_after(10):
            await issuer.answered(3)
        assert issuer.refreshes >= 3
        assert not stage.provider.seen


async def test_a_new_pair_is_on_the_disk_before_anybody_uses_it(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    used_unkept = []
    async with issued(tmp_path, issuer, seed(issuer, ends=1.0)) as stage:
        accepts = issuer.accepts

        def watch(access: str) -> bool:
            grant = kept(stage)
            held = grant.pair.access if grant and grant.pair else None
            if held is None or held.reveal() != access:
                used_unkept.append(access)
            return accepts(access)

        stage.provider.accepts = watch
        assert (await stage.ask()).status_code == 200
    assert not used_unkept


@pytest.mark.parametrize(
    ("trick", "word"),
    [
        (Refusing(404, b"<html>gone</html>"), "the token endpoint is not there (404)"),
        (Refusing(410, b""), "the token endpoint is not there (410)"),
        (Refusing(302, b"", ((b"location", b"https://elsewhere.example/"),)), "redirects (302)"),
        (Refusing(200, b"<html>maintenance</html>"), "something that is no JSON"),
        (Refusing(200, b'{"ok":true}'), "without an access_token"),
        (Refusing(500, b'{"error":"server_error"}'), "answered 500 (server_error)"),
        (Refusing(429, b'{"error":{"type":"rate_limit_error"}}', ((b"retry-after", b"7"),)), "answered 429"),
        (
            Refusing(400, b'{"error":"invalid_request","error_description":"invalid_grant is a word"}'),
            "answered 400",
        ),
        (Refusing(401, b'{"error":"invalid_client"}'), "does not accept client_id"),
        (Breaking(), "the token endpoint cannot be asked"),
    ],
    ids=lambda v: v.status if isinstance(v, Refusing) else type(v).__name__,
)
async def test_what_is_no_definitive_refusal_leaves_the_account_its_login(
    tmp_path: Path, trick: Refusing | Breaking, word: str
) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer, ends=1.0), names=("plan", "second")) as stage:
        issuer.always = trick
        assert (await stage.ask()).status_code == 200
        assert [seen.key for seen in stage.provider.seen] == ["sk-second"]
        (row,) = await stage.rows()
        assert (row.attempts[0].account, row.attempts[0].kind) == ("plan", "token")
        assert word in row.attempts[0].reason
        told = await stage.account("plan")
        assert told["state"] == "doubtful"
        assert word in told["token"]["problem"]["reason"]
        # It gets well by itself, or when somebody asks for it.
        issuer.always = None
        await stage.running.house.custody.open()
        held = stage.running.house.custody.held("plan")
        assert held is not None
        held.not_before = float("-inf")
        stage.running.house.reset("plan", 0.0)
        assert (await stage.fresh()).status_code == 200
        assert stage.provider.seen[-1].key == _access(stage)
        assert (await stage.account("plan"))["token"]["problem"] is None


@pytest.mark.parametrize("code", ["invalid_grant", "invalid_refresh_token", "refresh_token_reused"])
@pytest.mark.parametrize("shape", ["standard", "object"])
async def test_a_definitive_refusal_means_that_a_person_must_log_in(
    tmp_path: Path, code: str, shape: str
) -> None:
    issuer = FakeIssuer()
    said = {"error": code} if shape == "standard" else {"type": "error", "error": {"type": code}}
    async with issued(tmp_path, issuer, seed(issuer, ends=1.0), names=("plan", "second")) as stage:
        issuer.always = Refusing(400, json.dumps(said).encode())
        assert (await stage.ask()).status_code == 200
        told = await stage.account("plan")
        assert (told["state"], told["order"]) == ("needs login", None)
        assert code in told["reason"]
        assert told["token"]["todo"] == "ccflared login plan"
        for _ in range(3):
            await stage.fresh()
        assert len(issuer.asked) == 1
        grant = kept(stage)
        assert grant is not None
        assert code in (grant.refused or "")


async def test_a_login_that_was_taken_back_is_found_out_by_the_first_401_and_the_client_never_sees_it(
    tmp_path: Path,
) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer), names=("plan", "second")) as stage:
        assert (await stage.ask()).status_code == 200
        issuer.revoke()
        assert (await stage.ask()).status_code == 200
        assert stage.provider.seen[-1].key == "sk-second"
        assert (await stage.account("plan"))["state"] == "needs login"


async def test_alone_it_is_a_503_in_words_and_no_401(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer)) as stage:
        issuer.revoke()
        answer = await stage.ask()
        assert answer.status_code == 503
        assert answer.headers["x-should-retry"] == "false"
        assert answer.json()["error"]["type"] == "overloaded_error"


async def test_a_long_lived_token_is_never_sent_to_refresh(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    access, _ = issuer.log_in()
    async with issued(
        tmp_path, issuer, f'oauth = {{ access_token = "{access}" }}', names=("plan", "second")
    ) as stage:
        assert (await stage.ask()).status_code == 200
        issuer.revoke()
        assert (await stage.ask()).status_code == 200
        assert not issuer.asked
        told = await stage.account("plan")
        assert told["state"] == "rejected"
        assert told["token"]["kind"] == "long-lived"
        assert kept(stage) is None


async def test_a_rotated_pair_outlives_a_restart_until_the_file_gives_another(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    first, other = seed(issuer, ends=1.0), seed(issuer)
    async with lasting(tmp_path, issuer, first) as run:
        async with run() as stage:
            await stage.ask()
            rotated = _access(stage)
        async with run() as stage:
            await stage.ask()
            assert stage.provider.seen[-1].key == rotated
            assert issuer.refreshes == 1
            stage.edit(stage.config.read_text().replace(first, other))
            await stage.running.reloads.reload("command")
            await stage.ask()
            assert (stage.provider.seen[-1].key or "?") in other
            assert issuer.refreshes == 1


def _access(stage: Stage) -> str:
    grant = kept(stage)
    assert grant is not None
    assert grant.pair is not None
    assert grant.pair.access is not None
    return grant.pair.access.reveal()


async def test_a_token_is_not_renewed_while_a_new_one_could_not_be_kept(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer, ends=1.0), names=("plan", "second")) as stage:
        await stage.ask()
        access = _access(stage)
        # The file becomes one that nobody can write: a directory of its name.
        (stage.state / "tokens.db").unlink()
        (stage.state / "tokens.db").mkdir()
        issuer.end(access)
        held = stage.running.house.custody.held("plan")
        assert held is not None
        held.renewed_at = held.not_before = float("-inf")
        assert (await stage.fresh()).status_code == 200
        assert stage.provider.seen[-1].key == "sk-second"
        told = (await stage.account("plan"))["token"]
        assert told["problem"]["kind"] == "disk"
        assert "a new one could not be kept" in told["problem"]["reason"]
        assert told["todo"] == "make room, or make the state directory writable"
        assert issuer.refreshes == 1, "the only refresh token there is was spent for nothing"
        (stage.state / "tokens.db").rmdir()
        held.not_before = float("-inf")
        stage.running.house.reset("plan", 0.0)
        assert (await stage.fresh()).status_code == 200
        assert stage.provider.seen[-1].key == _access(stage) != access


async def test_a_pair_that_cannot_be_written_is_used_by_nobody_until_it_can(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    answered = trio.Event()
    async with issued(tmp_path, issuer, seed(issuer, ends=1.0), names=("plan", "second")) as stage:
        await stage.ask()
        first = _access(stage)
        held = stage.running.house.custody.held("plan")
        assert held is not None
        held.renewed_at = held.not_before = float("-inf")
        issuer.end(first)
        issuer.tricks.append(Waiting(answered))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.fresh)
            await issuer.arrived(2)
            content = (stage.state / "tokens.db").read_bytes()
            (stage.state / "tokens.db").unlink()
            (stage.state / "tokens.db").mkdir()
            answered.set()
        assert stage.provider.seen[-1].key == "sk-second"
        assert stage.running.house.custody.unsaved
        assert "cannot be kept" in (await stage.account("plan"))["token"]["problem"]["reason"]
        (stage.state / "tokens.db").rmdir()
        (stage.state / "tokens.db").write_bytes(content)
        held.not_before = float("-inf")
        stage.running.house.reset("plan", 0.0)
        assert (await stage.fresh()).status_code == 200
        assert stage.provider.seen[-1].key == _access(stage) != first
        assert issuer.refreshes == 2


async def test_a_renewal_that_was_begun_is_finished_when_the_daemon_stops(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    answered = trio.Event()
    issuer.tricks.append(Waiting(answered))
    async with placed(tmp_path, issuer, seed(issuer, ends=1.0)) as (provider, port):
        async with trio.open_nursery() as nursery:

            async def run() -> None:
                async with restaged(tmp_path, provider, port):
                    await issuer.arrived(1)

            nursery.start_soon(run)
            await issuer.arrived(1)
            nursery.start_soon(_later, answered)
        grant = Vault(tmp_path / "state" / "tokens.db").find("plan")
        assert grant is not None
        assert (grant.spending, issuer.refreshes) == (None, 1)
        async with restaged(tmp_path, provider, port) as stage:
            assert (await stage.ask()).status_code == 200
            assert issuer.refreshes == 1


async def _later(event: trio.Event) -> None:
    """Set an event when the daemon has been told to stop, and everything else has had its turn."""
    await trio.testing.wait_all_tasks_blocked(0.2)
    event.set()


async def test_an_account_that_leaves_the_file_keeps_its_tokens_for_a_while(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with lasting(tmp_path, issuer, seed(issuer, ends=1.0), names=("plan", "second")) as run:
        async with run() as stage:
            await stage.ask()
            text = stage.config.read_text()
            begin, end = text.index("[accounts.plan]"), text.index("[accounts.second]")
            stage.edit(text[:begin] + text[end:])
            await stage.running.reloads.reload("command")
            assert (await stage.fresh()).status_code == 200
            assert kept(stage) is not None
        async with run() as stage:
            stage.edit(text)
            await stage.running.reloads.reload("command")
            assert (await stage.fresh()).status_code == 200
            assert stage.provider.seen[-1].key == _access(stage)
            assert issuer.refreshes == 1


async def test_what_cannot_be_read_of_the_tokens_keeps_those_accounts_still_and_no_others(
    tmp_path: Path,
) -> None:
    issuer = FakeIssuer()
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "tokens.db").write_bytes(b"this is no database" * 100)
    async with issued(tmp_path, issuer, seed(issuer, ends=1.0), names=("plan", "second")) as stage:
        assert (await stage.ask()).status_code == 200
        assert stage.provider.seen[-1].key == "sk-second"
        told = await stage.account("plan")
        assert told["state"] == "no credential"
        assert "tokens.db is not a database" in told["reason"]
        assert not issuer.asked
        (stage.state / "tokens.db").unlink()
        await stage.running.reloads.reload("command")
        assert (await stage.fresh()).status_code == 200
        assert stage.provider.seen[-1].key == _access(stage)
