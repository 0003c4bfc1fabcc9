"""What happens at the same time as a renewal, and what must never come of it."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from issuer import FakeIssuer, Refusing, Waiting
from logins import issued, kept, lasting, login_provider, placed
from stage import Stage, restaged
from test_login import NAMES, begun, call, log_in
from test_tokens import _access, seed

from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, ErrorEvent, Failing
from ccflared.providers.oauth import Grant
from ccflared.store.vault import Vault


class SlowDisk:
    """Holds up the writing of a grant in the vault's thread, until it is let go."""

    def __init__(self, stage: Stage, which: Callable[[Grant], bool]) -> None:
        self.reached = trio.Event()
        self._go = threading.Event()
        vault = stage.running.house.custody._vault
        true, token = vault.save, trio.lowlevel.current_trio_token()

        def save(grant: Grant, now: float) -> None:
            if which(grant) and not self._go.is_set():
                token.run_sync_soon(self.reached.set)
                self._go.wait(10)
            true(grant, now)

        vault.save = save  # type: ignore[method-assign]

    def let_go(self) -> None:
        self._go.set()


async def idle() -> None:
    """Wait until everything that can happen has happened."""
    await trio.testing.wait_all_tasks_blocked(0.2)


@pytest.mark.parametrize("what", ["login", "logout"])
async def test_a_renewal_that_waited_while_somebody_logged_in_or_out_does_not_undo_that(
    tmp_path: Path, what: str
) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer), names=NAMES) as stage:
        await stage.ask()
        first = stage.provider.seen[-1].key or ""
        told = await begun(stage)
        code = issuer.approve(told["authUrl"])
        issuer.end(first)
        disk = SlowDisk(stage, lambda grant: not grant.from_seed or grant.pair is None)

        async def act() -> None:
            if what == "login":
                await call(stage, "/api/oauth/callback", sessionId=told["sessionId"], code=code)
            else:
                await call(stage, "/api/accounts/plan/logout")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(act)
            await disk.reached.wait()
            nursery.start_soon(stage.fresh)  # meets a 401 and asks for a renewal, which has to wait its turn
            await idle()
            disk.let_go()
        await idle()
        grant = kept(stage)
        assert grant is not None
        assert issuer.refreshes == 0
        assert (grant.pair is None) == (what == "logout")


async def test_a_request_uses_no_token_that_is_still_being_written(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer), names=NAMES) as stage:
        await stage.ask()
        first = stage.provider.seen[-1].key or ""
        issuer.end(first)
        disk = SlowDisk(stage, lambda grant: grant.spending is None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.fresh)
            await disk.reached.wait()
            nursery.start_soon(stage.fresh)
            await idle()
            assert {seen.key for seen in stage.provider.seen} == {first}
            disk.let_go()
        assert stage.provider.seen[-1].key == _access(stage) != first


async def test_a_login_while_an_exchange_is_under_way_wins(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    answered = trio.Event()
    issuer.tricks.append(Waiting(answered))
    async with issued(tmp_path, issuer, seed(issuer, ends=1.0), names=NAMES) as stage:
        await issuer.arrived(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log_in, stage, issuer)
            await issuer.arrived(2)
            await idle()
            answered.set()
        await idle()
        grant = kept(stage)
        assert grant is not None
        assert not grant.from_seed
        await stage.fresh()
        assert stage.provider.seen[-1].key == _access(stage)


async def test_a_new_logins_token_never_goes_to_the_host_of_before(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    other = FakeProvider()
    new, old = seed(issuer), seed(issuer)
    async with (
        placed(tmp_path, issuer, f"{old}\npriority = 5", names=NAMES) as (provider, port),
        trio.open_nursery() as nursery,
    ):
        elsewhere = await nursery.start(other.serve)
        async with restaged(tmp_path, provider, port) as stage:
            text = stage.config.read_text()
            begin, end = text.index("[accounts.plan]"), text.index("[accounts.second]")
            moved = text[begin:end].replace(str(port), str(elsewhere)).replace(old, new)
            answered = trio.Event()
            provider.play("sk-second", then=Failing(500))
            true = stage.running.house.upstream.send

            async def send(outbound: Any, target: Any, **more: Any) -> Any:
                if target.account == "second":
                    # While the first account is being asked, the second moves, with another login.
                    stage.edit(text[:begin] + moved + text[end:])
                    assert (await stage.running.reloads.reload("command")).applied
                    answered.set()
                return await true(outbound, target, **more)

            stage.running.house.upstream.send = send  # type: ignore[method-assign]
            await stage.ask()
            assert answered.is_set()
            assert not any((seen.key or "-") in new for seen in provider.seen)
        nursery.cancel_scope.cancel()


async def test_tokens_are_never_sent_to_another_provider_than_gave_them(tmp_path: Path) -> None:
    issuer, foreign = FakeIssuer(), FakeIssuer()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(foreign.serve)
        more = login_provider(port).replace("providers.login", "providers.foreign")
        async with issued(tmp_path, issuer, names=NAMES, more=more) as stage:
            await log_in(stage, issuer)
            token = _access(stage)
            stage.edit(stage.config.read_text().replace('provider = "login"', 'provider = "foreign"'))
            await stage.running.reloads.reload("command")
            assert (await stage.account("plan"))["state"] == "needs login"
            await stage.fresh()
            assert stage.provider.seen[-1].key == "sk-second" != token
            assert not foreign.asked
        nursery.cancel_scope.cancel()


async def test_an_error_that_repeats_the_token_in_the_middle_of_a_stream_leaks_it_nowhere(
    tmp_path: Path,
) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer), names=NAMES) as stage:
        await stage.ask()
        token = stage.provider.seen[-1].key or ""
        echo = ErrorEvent("api_error", after_events=5, message=f"sent {token}", answer=Answer(interval=0.02))
        stage.provider.play(token, echo)
        answer = await stage.fresh(stream=True)
        assert "sent ****" in answer.text
        (*_, row) = await stage.rows()
        assert token not in (row.error or "")
        assert token not in str(await stage.account("plan"))
        for file in stage.state.iterdir():
            assert file.is_socket() or file.name == "tokens.db" or token.encode() not in file.read_bytes(), (
                file
            )


@pytest.mark.parametrize("how", ["stopped", "disabled"])
async def test_a_pair_that_could_not_be_written_is_written_when_it_can_be(tmp_path: Path, how: str) -> None:
    issuer = FakeIssuer()
    answered = trio.Event()
    async with lasting(tmp_path, issuer, seed(issuer, ends=1.0), names=NAMES) as run:
        issuer.tricks.append(Waiting(answered))
        async with run() as stage:
            await issuer.arrived(1)
            content = (stage.state / "tokens.db").read_bytes()
            (stage.state / "tokens.db").unlink()
            (stage.state / "tokens.db").mkdir()
            answered.set()
            await issuer.answered(1)
            while not stage.running.house.custody.unsaved:
                await trio.lowlevel.checkpoint()
            (stage.state / "tokens.db").rmdir()
            (stage.state / "tokens.db").write_bytes(content)
            if how == "disabled":
                text = stage.config.read_text()
                stage.edit(text.replace("[accounts.plan]", "[accounts.plan]\nenabled = false"))
                await stage.running.reloads.reload("command")
                stage.edit(text)
                await stage.running.reloads.reload("command")
                await stage.fresh()
        async with run() as stage:
            assert (await stage.fresh()).status_code == 200
            assert stage.provider.seen[-1].key == _access(stage)
            assert issuer.refreshes == 1, "the old token was spent a second time"


async def test_in_a_large_pool_a_401_has_the_token_renewed_all_the_same(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    names = ("plan", *(f"a{number}" for number in range(9)))
    async with issued(tmp_path, issuer, seed(issuer), names=names) as stage:
        await stage.ask()
        issuer.end(stage.provider.seen[-1].key or "")
        assert (await stage.fresh()).status_code == 200
        assert stage.provider.seen[-1].key == _access(stage)
        assert issuer.refreshes == 1


async def test_with_one_try_a_refused_token_is_renewed_for_the_next_request(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    more = "[routing]\nattempts = 1\n"
    async with issued(tmp_path, issuer, seed(issuer), more=more) as stage:
        await stage.ask()
        issuer.end(stage.provider.seen[-1].key or "")
        assert (await stage.fresh()).status_code == 503
        assert (await stage.fresh()).status_code == 200
        assert issuer.refreshes == 1


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/v1/models"])
async def test_no_401_of_an_account_reaches_a_client_whatever_it_asks_for(tmp_path: Path, path: str) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer)) as stage:
        issuer.revoke()
        if path.endswith("models"):
            answer = await stage.client.get(stage.url + path)
        else:
            answer = await stage.ask(path=path)
        assert answer.status_code == 503, answer.text


async def test_a_seed_is_spent_once_whatever_its_table_is_called(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer, ends=1.0), names=NAMES) as stage:
        await stage.ask()
        rotated = _access(stage)
        text = stage.config.read_text()
        stage.edit(text.replace("[accounts.plan]", "[accounts.max]"))
        await stage.running.reloads.reload("command")
        await stage.fresh()
        assert stage.provider.seen[-1].key == rotated
        assert issuer.refreshes == 1


async def test_a_seed_that_was_replaced_is_not_spent_a_second_time(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    first, second = seed(issuer, ends=1.0), seed(issuer, ends=1.0)
    async with issued(tmp_path, issuer, first, names=NAMES) as stage:
        await stage.ask()
        text = stage.config.read_text()
        for tokens in (second, first):
            stage.edit(text.replace(first, tokens))
            await stage.running.reloads.reload("command")
            await stage.fresh()
        told = await stage.account("plan")
        assert (told["state"], "exchanged before" in told["reason"]) == ("needs login", True)
        assert issuer.refreshes == 2
        assert not any(family.revoked for family in issuer._families)


async def test_a_seed_that_has_done_its_work_may_leave_the_file(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    tokens = seed(issuer, ends=1.0)
    async with issued(tmp_path, issuer, tokens, names=NAMES) as stage:
        await stage.ask()
        rotated = _access(stage)
        stage.edit(stage.config.read_text().replace(tokens, ""))
        await stage.running.reloads.reload("command")
        await idle()
        # It holds: to renew it now would take it from the requests that are under way with it.
        assert issuer.refreshes == 1
        await stage.fresh()
        assert stage.provider.seen[-1].key == rotated


@pytest.mark.parametrize("by", ["file", "reset"])
async def test_a_token_that_holds_is_not_renewed_as_its_failures_are_forgotten(
    tmp_path: Path, by: str
) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer, ends=1.0), names=NAMES) as stage:
        await stage.ask()
        rotated = _access(stage)
        if by == "file":
            stage.edit(stage.config.read_text().replace("/callback", "/back"))
            assert (await stage.running.reloads.reload("command")).applied
        else:
            stage.running.house.reset("plan", time.time())
        await idle()
        assert issuer.refreshes == 1
        await stage.fresh()
        assert stage.provider.seen[-1].key == rotated


@pytest.mark.parametrize(
    "body",
    [
        b'{"access_token":"at","expires_in":' + b"1" * 401 + b"}",
        b'{"access_token":"at","expires_in":"\xc2\xb2"}',
    ],
)
async def test_nothing_that_a_token_endpoint_answers_ends_the_daemon(tmp_path: Path, body: bytes) -> None:
    issuer = FakeIssuer()
    issuer.tricks.append(Refusing(200, body))
    async with issued(tmp_path, issuer, seed(issuer, ends=1.0), names=NAMES) as stage:
        await issuer.answered(1)
        assert (await stage.fresh()).status_code == 200


async def test_a_vault_that_was_locked_at_the_start_is_read_later(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with lasting(tmp_path, issuer, seed(issuer, ends=1.0), names=NAMES) as run:
        async with run() as stage:
            await stage.ask()
        content = (stage.state / "tokens.db").read_bytes()
        (stage.state / "tokens.db").write_bytes(b"not now" * 1000)
        async with run() as stage:
            assert (await stage.account("plan"))["state"] == "no credential"
            (stage.state / "tokens.db").write_bytes(content)
            status, _ = await log_in(stage, issuer)
            assert status == 200
            await stage.fresh()
            assert stage.provider.seen[-1].key == _access(stage)


async def test_a_token_that_has_ended_is_a_state_and_costs_nobody_a_try(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    access, _ = issuer.log_in()
    tokens = f'oauth = {{ access_token = "{access}", expires_at = 1.0 }}'
    async with issued(tmp_path, issuer, tokens, names=NAMES, more="[routing]\nattempts = 1\n") as stage:
        told = await stage.account("plan")
        assert (told["state"], told["order"]) == ("expired", None)
        assert told["token"]["todo"] == "put a new token into the file"
        assert (await stage.ask()).status_code == 200


async def test_an_endpoint_that_was_put_right_in_the_file_is_tried_at_once(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer, ends=1.0), names=NAMES) as stage:
        issuer.always = Refusing(404, b"")
        await stage.ask()
        assert (await stage.account("plan"))["token"]["problem"]["kind"] == "endpoint"
        issuer.always = None
        stage.edit(stage.config.read_text().replace('/token"', '/token/v2"'))
        await stage.running.reloads.reload("command")
        await issuer.answered(2)
        await idle()
        assert (await stage.account("plan"))["token"]["problem"] is None


async def test_a_refusal_of_the_token_of_before_says_nothing_of_the_one_of_now(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    file = tmp_path / "credentials.json"

    def write(access: str) -> None:
        file.write_text(f'{{"claudeAiOauth":{{"accessToken":"{access}","expiresAt":4000000000000}}}}')

    old, _ = issuer.log_in()
    new, _ = issuer.log_in()
    write(old)
    async with issued(tmp_path, issuer, f'credentials_file = "{file}"', names=NAMES) as stage:
        issuer.end(old)
        held = trio.Event()
        true = stage.running.house.upstream.send

        async def send(outbound: Any, target: Any, **more: Any) -> Any:
            answer = await true(outbound, target, **more)
            if target.account == "plan" and not held.is_set():
                held.set()
                write(new)
                await stage.running.reloads.reload("command")
            return answer

        stage.running.house.upstream.send = send  # type: ignore[method-assign]
        await stage.ask()
        assert (await stage.account("plan"))["state"] == "ready"
        await stage.fresh()
        assert stage.provider.seen[-1].key == new


async def test_a_mistake_in_the_file_keeps_no_renewed_credential_out(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    file = tmp_path / "credentials.json"
    old, _ = issuer.log_in()
    new, _ = issuer.log_in()
    file.write_text(f'{{"claudeAiOauth":{{"accessToken":"{old}"}}}}')
    async with issued(tmp_path, issuer, f'credentials_file = "{file}"', names=NAMES) as stage:
        stage.edit(stage.config.read_text() + "\n[accounts.broken\n")
        assert not (await stage.running.reloads.reload("command")).applied
        before = file.with_suffix(".new")
        before.write_text(f'{{"claudeAiOauth":{{"accessToken":"{new}"}}}}')
        before.replace(file)
        content = file.read_bytes()
        # By itself: the file is watched.
        with trio.fail_after(20):
            while True:
                await stage.fresh()
                if stage.provider.seen[-1].key == new:
                    break
        assert file.read_bytes() == content


async def test_a_login_waits_for_a_token_of_the_file_that_cannot_be_read(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    tokens = f'oauth = {{ refresh_token = {{ file = "{tmp_path}/later" }} }}'
    async with issued(tmp_path, issuer, tokens, names=NAMES) as stage:
        status, told = await call(stage, "/api/oauth/init", name="plan")
        assert (status, "cannot be read" in told["error"]["message"]) == (409, True)


async def test_a_token_whose_renewal_was_refused_serves_to_its_end(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer), names=NAMES) as stage:
        await stage.ask()
        issuer.always = Refusing(400, b'{"error":"invalid_grant"}')
        held = stage.running.house.custody.held("plan")
        assert held is not None
        held.asked.set()
        await issuer.answered(1)
        await idle()
        told = await stage.account("plan")
        assert told["state"] == "ready"
        assert (told["token"]["problem"]["kind"], told["token"]["todo"]) == ("revoked", "ccflared login plan")
        await stage.fresh()
        assert (stage.provider.seen[-1].key or "").startswith("at-")
        issuer.end(stage.provider.seen[-1].key or "")
        assert (await stage.fresh()).status_code == 200
        assert (await stage.account("plan"))["state"] == "needs login"
        assert len(issuer.asked) == 1


async def test_the_test_of_an_account_has_its_token_renewed_as_a_request_does(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, seed(issuer), names=NAMES) as stage:
        await stage.ask()
        issuer.end(stage.provider.seen[-1].key or "")
        status, told = await call(stage, "/api/accounts/plan/test")
        assert (status, told["success"]) == (200, True), told
        assert issuer.refreshes == 1


async def test_an_account_that_leaves_while_it_logs_in_is_told_so(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    answered = trio.Event()
    async with issued(tmp_path, issuer, names=NAMES) as stage:
        told = await begun(stage)
        code = issuer.approve(told["authUrl"])
        issuer.tricks.append(Waiting(answered))
        found: list[tuple[int, dict[str, Any]]] = []

        async def finish() -> None:
            found.append(await call(stage, "/api/oauth/callback", sessionId=told["sessionId"], code=code))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(finish)
            await issuer.arrived(1)
            text = stage.config.read_text()
            begin, end = text.index("[accounts.plan]"), text.index("[accounts.second]")
            stage.edit(text[:begin] + text[end:])
            await stage.running.reloads.reload("command")
            answered.set()
        ((status, said),) = found
        assert (status, "left the file" in said["error"]["message"]) == (409, True)
        assert Vault(stage.state / "tokens.db").find("plan") is None
