"""A credential is bound to its origin: who sets another one over the network cannot have it sent there."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from issuer import FakeIssuer
from logins import issued, kept, lasting
from rest import at_home, call, file_of, stored, told
from stage import Stage, restaged, staged

from ccflared.config.editing import NotEdited, Prepared, commit
from ccflared.demo.provider import FakeProvider
from ccflared.errors import Refused
from ccflared.providers.oauth import TokenPair
from ccflared.providers.origin import origin_of
from ccflared.secret import Secret


@asynccontextmanager
async def elsewhere() -> AsyncIterator[tuple[FakeProvider, str]]:
    """Play a second provider, which must not see anything that it was not given."""
    provider = FakeProvider()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        yield provider, f"http://127.0.0.1:{port}"
        nursery.cancel_scope.cancel()


async def endpoint(stage: Stage, url: str, name: str = "first", **more: str) -> dict[str, object]:
    answer = await call(
        stage, "POST", f"/api/accounts/{name}/custom-endpoint", {"customEndpoint": url, **more}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_the_edit_is_made_but_nothing_is_sent_there_until_somebody_at_home_trusts_it(
    tmp_path: Path,
) -> None:
    async with elsewhere() as (other, url), staged(tmp_path, ["first"]) as stage:
        said = await endpoint(stage, url)
        assert "ccflared account trust first" in str(said["message"])
        assert file_of(stage)["accounts"]["first"]["base_url"] == url
        account = await stage.account("first")
        assert account["state"] == "endpoint not trusted"
        assert account["reason"].startswith("ccflared account trust first lets its credential go to " + url)
        assert (await stage.ask()).status_code == 503
        pinned = await stage.client.post(
            stage.url + "/v1/messages",
            json={"model": "claude-sonnet-4-5", "max_tokens": 1, "messages": []},
            headers={"x-ccflared-account": "first"},
        )
        assert pinned.status_code == 503
        explained = (await call(stage, "GET", "/api/explain?model=claude-sonnet-4-5")).json()
        assert explained["passed"][0]["state"] == "endpoint not trusted"
        for word in ("test", "force-reset-rate-limit", "resume", "pause", "resume"):
            await call(stage, "POST", f"/api/accounts/first/{word}")
        assert (await stage.account("first"))["state"] == "endpoint not trusted"
        assert not other.seen

        over_tcp = await call(stage, "POST", "/api/accounts/first/trust")
        assert over_tcp.status_code == 403
        assert (await stage.account("first"))["state"] == "endpoint not trusted"
        trusted = await at_home(stage, "POST", "/api/accounts/first/trust")
        assert trusted.status_code == 200, trusted.text
        assert (await stage.ask()).status_code == 200
        assert len(other.seen) == 1


async def test_with_the_credential_for_it_the_new_origin_serves_at_once_and_sees_no_other_key(
    tmp_path: Path,
) -> None:
    async with elsewhere() as (other, url), staged(tmp_path, ["first"]) as stage:
        await endpoint(stage, url, apiKey="sk-for-there")
        assert (await stage.ask()).status_code == 200
        assert [seen.key for seen in other.seen] == ["sk-for-there"]
        assert stored(stage) == {"first": "sk-for-there"}
        await endpoint(stage, url, apiKey="sk-once-more")
        assert stored(stage) == {"first-2": "sk-once-more"}


async def test_a_credential_that_comes_later_is_given_for_the_origin_that_stands_there(
    tmp_path: Path,
) -> None:
    async with elsewhere() as (other, url), staged(tmp_path, ["first"]) as stage:
        await endpoint(stage, url)
        answer = await call(stage, "PATCH", "/api/accounts/first", {"apiKey": "sk-for-there"})
        assert answer.status_code == 200, answer.text
        assert (await stage.ask()).status_code == 200
        assert [seen.key for seen in other.seen] == ["sk-for-there"]


async def test_the_same_origin_spelled_in_another_way_is_the_same(tmp_path: Path) -> None:
    own = {"first": 'base_url = "https://Gate.Example.com/v1"'}
    async with staged(tmp_path, ["first"], own=own) as stage:
        for url in (
            "https://gate.example.com:443/other",
            "https://GATE.example.com./",
            "https://gate.example.com",
        ):
            await endpoint(stage, url)
            assert (await stage.account("first"))["state"] == "ready", url
        for url in ("http://gate.example.com", "https://gate.example.com:8443", "https://gate.example.org"):
            body = {"customEndpoint": url}
            answer = await call(stage, "POST", "/api/accounts/first/custom-endpoint", body)
            if answer.status_code == 400:  # http to elsewhere is refused by the file's own rules
                continue
            assert (await stage.account("first"))["state"] == "endpoint not trusted", url


def test_origins_have_one_spelling() -> None:
    assert origin_of("https://API.example.com./v1") == origin_of("https://api.example.com:443")
    assert origin_of("http://[::1]:80/x") == origin_of("http://[0:0:0:0:0:0:0:1]")
    assert origin_of("http://user:secret@h/x") == "http://h:80"


async def test_clearing_the_endpoint_sends_the_credential_elsewhere_too(tmp_path: Path) -> None:
    own = {"first": 'provider = "anthropic"'}
    async with staged(tmp_path, ["first", "second"], own=own) as stage:
        await endpoint(stage, "")
        assert "base_url" not in file_of(stage)["accounts"]["first"]
        assert (await stage.account("first"))["state"] == "endpoint not trusted"


async def test_it_is_known_before_the_file_names_the_origin_and_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[str] = []

    def look(prepared: Prepared) -> object:
        noted.extend(json.loads((tmp_path / "state" / "untrusted.json").read_text()))
        return commit(prepared)

    monkeypatch.setattr("ccflared.daemon.edits.commit", look)
    async with elsewhere() as (other, url):
        async with staged(tmp_path, ["first"]) as stage:
            await endpoint(stage, url)
            assert noted == ["first"]
            provider, port = stage.provider, stage.provider_port
        async with restaged(tmp_path, provider, port) as stage:
            assert (await stage.account("first"))["state"] == "endpoint not trusted"
            assert (await stage.ask()).status_code == 503
            await at_home(stage, "POST", "/api/accounts/first/trust")
        async with restaged(tmp_path, provider, port) as stage:
            assert (await stage.account("first"))["state"] == "ready"
        assert not other.seen


async def test_what_the_file_says_by_hand_is_trusted(tmp_path: Path) -> None:
    async with (
        elsewhere() as (other, url),
        elsewhere() as (third, another),
        staged(tmp_path, ["first"]) as stage,
    ):
        await endpoint(stage, url)
        stage.edit(stage.config.read_text() + "# nothing about it\n")
        await call(stage, "POST", "/api/reload", {})
        assert (await stage.account("first"))["state"] == "endpoint not trusted"
        stage.edit(stage.config.read_text().replace(url, another))
        await call(stage, "POST", "/api/reload", {})
        assert (await stage.ask()).status_code == 200
        stage.edit(stage.config.read_text().replace(another, url))
        await call(stage, "POST", "/api/reload", {})
        assert (await stage.ask()).status_code == 200
        assert (len(other.seen), len(third.seen)) == (1, 1)


async def test_the_control_socket_is_trusted(tmp_path: Path) -> None:
    async with elsewhere() as (other, url), staged(tmp_path, ["first"]) as stage:
        await at_home(stage, "POST", "/api/accounts/first/custom-endpoint", {"customEndpoint": url})
        assert (await stage.ask()).status_code == 200
        assert len(other.seen) == 1


async def test_one_untrusted_origin_after_the_other_and_back_trusts_none(tmp_path: Path) -> None:
    async with (
        elsewhere() as (other, url),
        elsewhere() as (third, another),
        staged(tmp_path, ["first"]) as stage,
    ):
        await endpoint(stage, url)
        await endpoint(stage, another)
        assert (await stage.ask()).status_code == 503
        await endpoint(stage, url)
        assert (await stage.ask()).status_code == 503
        assert not other.seen
        assert not third.seen


async def test_an_edit_that_is_not_written_leaves_the_account_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with elsewhere() as (_, url), staged(tmp_path, ["first"]) as stage:
        with monkeypatch.context() as patched:
            patched.setattr(
                "ccflared.daemon.edits.commit", lambda _: NotEdited("conflict", "changed meanwhile")
            )
            body = {"customEndpoint": url}
            refused = await call(stage, "POST", "/api/accounts/first/custom-endpoint", body)
            assert refused.status_code == 409
        assert (await stage.ask()).status_code == 200
        stage.edit(
            stage.config.read_text().replace(f":{stage.provider_port}", url.removeprefix("http://127.0.0.1"))
        )
        await call(stage, "POST", "/api/reload", {})
        assert (await stage.account("first"))["state"] == "ready"


async def test_where_nobody_could_remember_it_the_edit_is_refused(tmp_path: Path) -> None:
    async with elsewhere() as (_, url), staged(tmp_path, ["first"]) as stage:
        before = stage.config.read_bytes()
        (stage.state / "untrusted.json").mkdir()
        answer = await call(stage, "POST", "/api/accounts/first/custom-endpoint", {"customEndpoint": url})
        assert answer.status_code == 409, answer.text
        assert "untrusted.json cannot be written" in told(answer)
        assert stage.config.read_bytes() == before


@pytest.mark.parametrize("trouble", ["locked", "damaged", "gone"])
async def test_it_is_known_whatever_has_become_of_the_history(tmp_path: Path, trouble: str) -> None:
    async with elsewhere() as (other, url):
        async with staged(tmp_path, ["first"]) as stage:
            await endpoint(stage, url)
            provider, port = stage.provider, stage.provider_port
        database = tmp_path / "state" / "ccflared.db"
        lock = sqlite3.connect(database, isolation_level=None)
        if trouble == "locked":
            lock.execute("BEGIN EXCLUSIVE")
        elif trouble == "damaged":
            database.write_bytes(b"no database" * 1000)
        else:
            database.unlink()
        async with restaged(tmp_path, provider, port) as stage:
            assert (await stage.account("first"))["state"] == "endpoint not trusted"
            assert (await stage.ask()).status_code == 503
        lock.close()
        assert not other.seen


async def test_a_daemon_that_cannot_know_whom_to_trust_does_not_start(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        provider, port = stage.provider, stage.provider_port
    (tmp_path / "state" / "untrusted.json").write_text("{ damaged")
    refused = pytest.RaisesExc(Refused, match="untrusted.json cannot be read")
    with pytest.RaisesGroup(refused, flatten_subgroups=True):
        async with restaged(tmp_path, provider, port):
            pass


async def test_a_second_key_does_not_send_the_secret_headers_of_a_provider_along(tmp_path: Path) -> None:
    more = (
        '[providers.house]\nbase_url = "http://127.0.0.1:9"\nheaders = { "X-House" = "the-house-secret" }\n'
    )
    async with elsewhere() as (other, url), staged(tmp_path, ["first"], more=more) as stage:
        body = {"name": "x", "apiKey": "sk-brought", "customEndpoint": url}
        assert (await call(stage, "POST", "/api/accounts/house", body)).status_code == 200
        again = await call(stage, "PATCH", "/api/accounts/x", {"apiKey": "sk-once-more"})
        assert again.status_code == 200, again.text
        assert (await stage.account("x"))["state"] == "endpoint not trusted"
        assert not other.seen


async def test_a_token_that_comes_does_not_vouch_for_those_of_a_later_login(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with elsewhere() as (other, url), issued(tmp_path, issuer, names=("plan", "second")) as stage:
        body = {"name": "mine", "provider": "login", "accessToken": "junk-0123456", "customEndpoint": url}
        assert (await call(stage, "POST", "/api/accounts", body)).status_code == 200
        begun = (await call(stage, "POST", "/api/oauth/init", {"name": "mine"})).json()
        code = {"sessionId": begun["sessionId"], "code": issuer.approve(begun["authUrl"])}
        assert (await call(stage, "POST", "/api/oauth/callback", code)).status_code == 200
        await stage.fresh()
        assert (await stage.account("mine"))["state"] == "endpoint not trusted"
        assert not other.seen


async def test_no_account_is_added_under_a_name_that_is_in_force(tmp_path: Path) -> None:
    async with elsewhere() as (_, url), staged(tmp_path, ["first", "second"]) as stage:
        text = stage.config.read_text()
        # It has left the file, but a mistake keeps it in force.
        stage.edit(
            text.replace("[accounts.first]", "[accounts.renamed]").replace(
                "[server]", "[server]\nnonsense = 1"
            )
        )
        await call(stage, "POST", "/api/reload", {})
        stage.edit(text.replace("[accounts.first]", "[accounts.renamed]"))
        body = {"name": "first", "provider": "anthropic-compatible", "customEndpoint": url}
        answer = await call(stage, "POST", "/api/accounts", body)
        assert answer.status_code in (400, 409), answer.text
        assert "[accounts.first]" not in stage.config.read_text()


async def test_tokens_are_not_renewed_for_an_endpoint_that_is_not_trusted(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    access, refresh = issuer.log_in()
    seed = f'oauth = {{ access_token = "{access}", refresh_token = "{refresh}" }}'
    async with elsewhere() as (other, url), issued(tmp_path, issuer, seed, names=("plan", "second")) as stage:
        assert (await stage.ask()).status_code == 200
        before = len(issuer.asked)
        await endpoint(stage, url, "plan")
        assert stage.running.house.custody.held("plan") is None
        assert (await stage.fresh()).status_code == 200  # by the second one
        assert (await call(stage, "POST", "/api/accounts/plan/test")).status_code == 409
        assert (len(issuer.asked), len(other.seen)) == (before, 0)
        await at_home(stage, "POST", "/api/accounts/plan/trust")
        assert stage.running.house.custody.held("plan") is not None
        assert (await call(stage, "POST", "/api/accounts/plan/test")).json()["success"] is True
        assert [seen.key for seen in other.seen] == [access]


async def test_an_account_that_is_added_gets_nothing_of_an_earlier_one_of_that_name(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with (
        elsewhere() as (other, url),
        lasting(tmp_path, issuer, names=("plan", "second")) as run,
        run() as stage,
    ):
        access, refresh = issuer.log_in()
        pair = TokenPair(Secret(access), Secret(refresh))
        await stage.running.house.custody.install("plan", "login", "", pair)
        assert (await stage.ask()).status_code == 200
        text = stage.config.read_text()
        start = text.index("[accounts.plan]")
        end = text.index("[accounts.second]")
        stage.edit(text[:start] + text[end:])
        assert (await call(stage, "POST", "/api/reload", {})).status_code == 200
        assert kept(stage) is not None
        body = {"name": "plan", "provider": "login", "customEndpoint": url}
        added = await call(stage, "POST", "/api/accounts", body)
        assert added.status_code == 200, added.text
        assert (await stage.account("plan"))["state"] == "endpoint not trusted"
        await call(stage, "POST", "/api/accounts/plan/test")
        assert (await stage.fresh()).status_code == 200
        assert not other.seen


async def test_the_secret_headers_of_a_provider_go_to_no_endpoint_of_an_added_account(tmp_path: Path) -> None:
    more = (
        '[providers.house]\nbase_url = "http://127.0.0.1:9"\nheaders = { "X-House" = "the-house-secret" }\n'
    )
    async with elsewhere() as (other, url), staged(tmp_path, ["first"], more=more) as stage:
        body = {"name": "x", "apiKey": "sk-brought", "customEndpoint": url}
        assert (await call(stage, "POST", "/api/accounts/house", body)).status_code == 200
        assert (await stage.account("x"))["state"] == "endpoint not trusted"
        assert (await call(stage, "POST", "/api/accounts/x/test")).status_code == 409
        assert not other.seen


async def test_a_provider_without_credentials_needs_no_trust(tmp_path: Path) -> None:
    async with elsewhere() as (_, url), staged(tmp_path, ["first"]) as stage:
        body = {"name": "local", "customEndpoint": url}
        assert (await call(stage, "POST", "/api/accounts/ollama", body)).status_code == 200
        await endpoint(stage, url.replace("127.0.0.1", "localhost"), "local")
        assert (await stage.account("local"))["state"] == "ready"


async def test_another_name_does_not_make_it_trusted(tmp_path: Path) -> None:
    async with elsewhere() as (other, url):
        async with staged(tmp_path, ["first", "second"]) as stage:
            await endpoint(stage, url)
            assert (
                await call(stage, "POST", "/api/accounts/first/rename", {"name": "third"})
            ).status_code == 200
            assert (await stage.account("third"))["state"] == "endpoint not trusted"
            provider, port = stage.provider, stage.provider_port
        async with restaged(tmp_path, provider, port) as stage:
            assert (await stage.account("third"))["state"] == "endpoint not trusted"
            assert (await call(stage, "POST", "/api/accounts/third/test")).status_code == 409
        assert not other.seen


async def test_a_removed_account_leaves_nothing_that_could_be_reused(tmp_path: Path) -> None:
    async with elsewhere() as (other, url), staged(tmp_path, ["first"]) as stage:
        await call(stage, "POST", "/api/accounts/zai", {"name": "coder", "apiKey": "sk-1"})
        await call(stage, "DELETE", "/api/accounts/coder", {"confirm": "coder"})
        for key in ({"stored": "coder"}, {"file": str(stage.state / "secrets" / "coder")}):
            body = {"name": "coder", "apiKey": key, "customEndpoint": url}
            assert (await call(stage, "POST", "/api/accounts/zai", body)).status_code == 400
        body = {"name": "coder", "customEndpoint": url}
        assert (await call(stage, "POST", "/api/accounts/zai", body)).status_code == 200
        assert (await stage.account("coder"))["state"] == "endpoint not trusted"
        assert not other.seen


async def test_a_file_that_is_refused_meanwhile_does_not_make_it_trusted(tmp_path: Path) -> None:
    own = {"first": "", "second": 'api_key = { file = "key" }'}
    (tmp_path / "key").write_text("sk-one")
    async with elsewhere() as (other, url), staged(tmp_path, ["first", "second"], own=own) as stage:
        whole = stage.config.read_text()
        before = stage.running.reloads.reload

        async def broken(_cause: str, *, allow_less: bool = False) -> object:
            text = stage.config.read_text()
            stage.edit(text + "oops = 1\n")
            verdict = await before("edit", allow_less=allow_less)
            stage.edit(text)
            return verdict

        stage.running.reloads.reload = broken  # type: ignore[method-assign,assignment]
        answer = await call(stage, "POST", "/api/accounts/first/custom-endpoint", {"customEndpoint": url})
        assert answer.status_code == 409
        assert "not in force" in told(answer)
        stage.running.reloads.reload = before  # type: ignore[method-assign]
        stage.running.house.retarget("first")
        good = stage.config.read_text()
        stage.edit(good + "oops = 1\n")
        (tmp_path / "key").write_text("sk-two")
        await call(stage, "POST", "/api/reload", {})  # takes in the key alone
        stage.edit(good)
        await call(stage, "POST", "/api/reload", {})
        assert stage.config.read_text() != whole
        assert (await stage.account("first"))["state"] == "endpoint not trusted"
        assert not other.seen
