"""Logging in and out over the REST API: proof key, state, single use, and what is on the disk when it says so."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from issuer import Breaking, FakeIssuer, Refusing
from logins import issued, kept, lasting
from stage import Stage

NAMES = ("plan", "second")


async def call(stage: Stage, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = await stage.client.post(stage.url + path, json=body)
    return answer.status_code, answer.json()


async def begun(stage: Stage) -> dict[str, Any]:
    status, told = await call(stage, "/api/oauth/init", name="plan")
    assert (status, told["success"], told["step"]) == (200, True, "authorize")
    return told


async def log_in(stage: Stage, issuer: FakeIssuer) -> tuple[int, dict[str, Any]]:
    """Log in as a person does."""
    told = await begun(stage)
    return await call(
        stage, "/api/oauth/callback", sessionId=told["sessionId"], code=issuer.approve(told["authUrl"])
    )


@pytest.mark.parametrize("encoding", ["form", "json"])
async def test_a_login_puts_tokens_in_force_that_are_kept_and_renewed(tmp_path: Path, encoding: str) -> None:
    issuer = FakeIssuer()
    async with lasting(tmp_path, issuer, f'oauth = {{ encoding = "{encoding}" }}', names=NAMES) as run:
        async with run() as stage:
            assert (await stage.account("plan"))["state"] == "needs login"
            status, told = await log_in(stage, issuer)
            assert (status, told["message"]) == (200, "plan is logged in")
            assert encoding.encode() in issuer.encodings[-1]
            assert (await stage.ask()).status_code == 200
            first = stage.provider.seen[-1].key or ""
            assert first.startswith("at-")
            account = await stage.account("plan")
            assert (account["state"], account["token"]["kind"], account["token"]["todo"]) == (
                "ready",
                "login",
                None,
            )
            issuer.end(first)
            assert (await stage.ask()).status_code == 200
            assert issuer.refreshes == 1
        async with run() as stage:
            assert (await stage.ask()).status_code == 200
            assert (stage.provider.seen[-1].key or "") != first
            assert issuer.refreshes == 1


async def test_the_address_has_the_proof_the_state_and_what_the_file_says(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, 'oauth = { scopes = ["a", "c"] }') as stage:
        one, other = await begun(stage), await begun(stage)
        asked = {name: value[0] for name, value in parse_qs(urlsplit(one["authUrl"]).query).items()}
        assert asked["code"] == "true"
        assert asked["scope"] == "a c"
        assert asked["client_id"] == "the-operators-own"
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["code_challenge"]) == 43
        assert len(asked["state"]) >= 43
        again = {name: value[0] for name, value in parse_qs(urlsplit(other["authUrl"]).query).items()}
        assert again["state"] != asked["state"]
        assert again["code_challenge"] != asked["code_challenge"]


async def test_a_code_counts_only_with_its_own_state_and_what_was_pasted_wrongly_may_be_pasted_again(
    tmp_path: Path,
) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, names=NAMES) as stage:
        mine, other = await begun(stage), await begun(stage)
        stolen = issuer.approve(other["authUrl"])
        wrong = [
            (stolen, "belongs to another login"),
            (stolen.partition("#")[0], "the state is missing"),
            ("#state", "there is no code"),
            (
                "http://127.0.0.1/callback?error=access_denied&state=x",
                "the login page refused: access_denied",
            ),
        ]
        for text, word in wrong:
            status, told = await call(stage, "/api/oauth/callback", sessionId=mine["sessionId"], code=text)
            assert (status, word in told["error"]["message"]) == (400, True), told
        assert not issuer.asked
        code = issuer.approve(mine["authUrl"])
        address = "http://127.0.0.1/callback?code={}&state={}".format(*code.split("#"))
        status, _ = await call(
            stage, "/api/oauth/callback", sessionId=mine["sessionId"], code=f" {address}\n"
        )
        assert status == 200
        status, told = await call(stage, "/api/oauth/callback", sessionId=mine["sessionId"], code=code)
        assert (status, "begin it anew" in told["error"]["message"]) == (409, True)


@pytest.mark.parametrize(
    ("trick", "word"),
    [
        (Refusing(404, b""), "the token endpoint is not there (404)"),
        (Refusing(400, b'{"error":"invalid_grant"}'), "refuses the token (invalid_grant)"),
        (Breaking(), "cannot be asked"),
    ],
    ids=["endpoint", "refused", "broken"],
)
async def test_a_login_that_fails_changes_nothing_and_says_why_without_the_code(
    tmp_path: Path, trick: Refusing | Breaking, word: str
) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, names=NAMES) as stage:
        told = await begun(stage)
        code = issuer.approve(told["authUrl"])
        issuer.always = trick
        status, failed = await call(stage, "/api/oauth/callback", sessionId=told["sessionId"], code=code)
        assert status == 409
        assert word in failed["error"]["message"]
        assert code.partition("#")[0] not in str(failed)
        assert (await stage.account("plan"))["state"] == "needs login"
        assert kept(stage) is None


async def test_without_a_client_id_the_login_names_what_to_type(tmp_path: Path) -> None:
    async with issued(tmp_path, FakeIssuer(), client_id=None, names=NAMES) as stage:
        status, told = await call(stage, "/api/oauth/init", name="plan")
        assert status == 409
        assert "`ccflared account set plan oauth.client_id=…`" in told["error"]["message"]
        assert (await stage.account("plan"))["token"]["todo"].startswith(
            "ccflared account set plan oauth.client_id=ID, then"
        )
        status, told = await call(stage, "/api/oauth/init", name="second")
        assert (status, "needs no login" in told["error"]["message"]) == (409, True)
        status, told = await call(stage, "/api/oauth/init", accountId="nobody")
        assert (status, "no account nobody" in told["error"]["message"]) == (404, True)


async def test_logging_out_erases_the_tokens_and_a_seed_is_not_adopted_a_second_time(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    access, refresh = issuer.log_in()
    tokens = f'oauth = {{ access_token = "{access}", refresh_token = "{refresh}" }}'
    async with lasting(tmp_path, issuer, tokens, names=NAMES) as run:
        async with run() as stage:
            await stage.ask()
            assert stage.provider.seen[-1].key == access
            status, told = await call(stage, "/api/accounts/plan/logout")
            assert (status, told["success"]) == (200, True)
            grant = kept(stage)
            assert grant is not None
            assert grant.pair is None
            assert access.encode() not in (stage.state / "tokens.db").read_bytes()
        async with run() as stage:
            account = await stage.account("plan")
            assert (account["state"], account["reason"]) == ("needs login", "logged out")
            assert (await log_in(stage, issuer))[0] == 200
            assert (await stage.fresh()).status_code == 200
            assert stage.provider.seen[-1].key not in (access, "sk-second")


async def test_a_login_while_a_refresh_is_under_way_is_not_overwritten_by_it(tmp_path: Path) -> None:
    issuer = FakeIssuer(lifetime=1000)
    access, refresh = issuer.log_in()
    tokens = f'oauth = {{ access_token = "{access}", refresh_token = "{refresh}", expires_at = 1.0 }}'
    async with issued(tmp_path, issuer, tokens, names=NAMES) as stage:
        await issuer.answered(1)
        assert (await log_in(stage, issuer))[0] == 200
        await stage.fresh()
        grant = kept(stage)
        assert grant is not None
        assert grant.pair is not None
        assert grant.pair.access is not None
        assert stage.provider.seen[-1].key == grant.pair.access.reveal()
        assert len(grant.id) == 12


async def test_the_login_of_another_program_is_read_and_watched_and_never_written(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    file = tmp_path / "credentials.json"

    def write(access: str, ends: float) -> None:
        new = file.with_suffix(".new")
        new.write_text(
            f'{{"claudeAiOauth":{{"accessToken":"{access}","refreshToken":"rt-not-ours","expiresAt":{int(ends * 1000)}}}}}'
        )
        new.replace(file)

    access, _ = issuer.log_in()
    write(access, 4e9)
    async with issued(tmp_path, issuer, f'credentials_file = "{file}"', names=NAMES) as stage:
        assert (await stage.ask()).status_code == 200
        assert stage.provider.seen[-1].key == access
        account = await stage.account("plan")
        assert (account["token"]["kind"], account["token"]["valid_until"]) == ("credentials file", 4e9)
        issuer.end(access)
        assert (await stage.ask()).status_code == 200
        assert stage.provider.seen[-1].key == "sk-second"
        account = await stage.account("plan")
        assert account["state"] == "rejected"
        assert "run the program that owns" in account["token"]["todo"]
        # Its owner renews it: the refusal was of the old one.
        other, _ = issuer.log_in()
        write(other, 4e9)
        await stage.running.reloads.reload("command")
        assert (await stage.fresh()).status_code == 200
        assert stage.provider.seen[-1].key == other
        write(other, 1.0)
        await stage.running.reloads.reload("command")
        await stage.fresh()
        assert stage.provider.seen[-1].key == "sk-second"
        assert "has ended" in (await stage.account("plan"))["token"]["problem"]["reason"]
        assert not issuer.asked
        assert not (stage.state / "tokens.db").exists()
        file.unlink()
        await stage.running.reloads.reload("command")
        assert (await stage.account("plan"))["state"] != "no credential"
        status, told = await call(stage, "/api/oauth/init", name="plan")
        assert (status, "log in with the program that owns it" in told["error"]["message"]) == (409, True)


async def test_the_health_of_all_tokens_can_be_asked_for(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, names=NAMES) as stage:
        get = stage.client.get
        (one,) = (await get(stage.url + "/api/token-health/reauth-needed")).json()["data"]
        assert (one["name"], one["requiresReauth"], one["todo"]) == ("plan", True, "ccflared login plan")
        await log_in(stage, issuer)
        assert (await get(stage.url + "/api/token-health/reauth-needed")).json()["data"] == []
        data = (await get(stage.url + "/api/token-health/account/plan")).json()["data"]
        assert (data["status"], data["kind"]) == ("healthy", "login")
        assert (await get(stage.url + "/api/token-health/account/second")).status_code == 404
        listed = {each["name"]: each for each in (await get(stage.url + "/api/accounts")).json()}
        assert (listed["plan"]["tokenStatus"], listed["plan"]["hasRefreshToken"]) == ("valid", True)
        assert listed["second"]["tokenExpiresAt"] is None


@pytest.mark.parametrize("edit", ["state", "none"])
async def test_a_login_over_tcp_needs_the_right_to_edit(tmp_path: Path, edit: str) -> None:
    more = f'[admin]\ntoken = "let me in"\nedit = "{edit}"\n'
    async with issued(tmp_path, FakeIssuer(), names=NAMES, more=more) as stage:
        headers = {"authorization": "Bearer let me in"}
        for path in ("/api/oauth/init", "/api/oauth/callback", "/api/accounts/plan/logout"):
            answer = await stage.client.post(stage.url + path, json={"name": "plan"}, headers=headers)
            assert (answer.status_code, edit in answer.json()["error"]["message"]) == (403, True)
