"""A provider that only the file knows, end to end over real sockets: address, authentication, headers, model map."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from stage import Stage, free_port, staged

from ccflared.demo.provider import FakeProvider


@dataclass(frozen=True)
class Arrived:
    """One request as the provider got it."""

    target: str
    headers: dict[bytes, bytes]
    model: str


@asynccontextmanager
async def at(tmp_path: Path, provider: str, account: str) -> AsyncIterator[Stage]:
    """Run a daemon with one account; PORT in what is written is the port of a provider that asks for no key."""
    async with staged(tmp_path, [], provider=FakeProvider(open_to_all=True)) as stage:
        own = f"{provider}\n[accounts.only]\n{account}\n".replace("PORT", str(stage.provider_port))
        stage.edit(stage.config.read_text() + own)
        assert (await stage.running.reloads.reload("command")).applied
        yield stage


async def sent(tmp_path: Path, provider: str, account: str, model: str = "claude-sonnet-4-5") -> Arrived:
    """Ask once and return what arrived."""
    async with at(tmp_path, provider, account) as stage:
        answer = await stage.ask(model=model)
        assert answer.status_code == 200, answer.text
        (seen,) = stage.provider.seen
    return Arrived(seen.target, dict(seen.headers), json.loads(seen.body)["model"])


HERE = '[providers.mine]\nbase_url = "http://127.0.0.1:PORT"\n'
KEY = 'provider = "mine"\napi_key = "sk-mine-0123456789"'


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_the_version_is_appended_once(tmp_path: Path, path: str) -> None:
    provider = f'[providers.mine]\nbase_url = "http://127.0.0.1:PORT{path}"\n'
    assert (await sent(tmp_path, provider, KEY)).target == "/v1/messages"


async def test_a_base_url_of_the_account_goes_before_that_of_its_provider(tmp_path: Path) -> None:
    elsewhere = f'[providers.mine]\nbase_url = "http://127.0.0.1:{free_port()}"\n'
    account = KEY + '\nbase_url = "http://127.0.0.1:PORT/v1"'
    assert (await sent(tmp_path, elsewhere, account)).target == "/v1/messages"


@pytest.mark.parametrize(
    ("auth", "field", "value"),
    [
        ("", b"x-api-key", b"sk-mine-0123456789"),
        ('auth = "x-api-key"', b"x-api-key", b"sk-mine-0123456789"),
        ('auth = "bearer"', b"authorization", b"Bearer sk-mine-0123456789"),
    ],
)
async def test_the_key_goes_as_the_provider_wants_it_and_in_no_other_field(
    tmp_path: Path, auth: str, field: bytes, value: bytes
) -> None:
    arrived = await sent(tmp_path, HERE + auth, KEY)
    holding = {name: given for name, given in arrived.headers.items() if b"sk-mine" in given}
    assert holding == {field: value}
    assert len(arrived.headers.keys() & {b"x-api-key", b"authorization"}) == 1


@pytest.mark.parametrize("account", ['provider = "mine"', KEY])
async def test_a_provider_without_authentication_gets_no_key_even_if_there_is_one(
    tmp_path: Path, account: str
) -> None:
    arrived = await sent(tmp_path, HERE + 'auth = "none"', account)
    assert not arrived.headers.keys() & {b"x-api-key", b"authorization"}
    assert not any(b"sk-mine" in value for value in arrived.headers.values())


async def test_its_headers_are_added_and_their_secrets_are_seen_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "team.key").write_text("team-secret-0123456789\n")
    headers = f'headers = {{ "X-Team" = {{ file = "{tmp_path}/team.key" }}, "X-Colour" = "red" }}\n'
    async with at(tmp_path, HERE + headers, KEY) as stage:
        answer = await stage.ask()
        (seen,) = stage.provider.seen
        status = await stage.client.get(stage.url + "/api/status")
        rows = repr(await stage.rows())
    assert dict(seen.headers)[b"x-team"] == b"team-secret-0123456789"
    assert dict(seen.headers)[b"x-colour"] == b"red"
    for text in (answer.text, repr(answer.headers), status.text, rows):
        assert "team-secret" not in text
        assert "sk-mine" not in text


async def test_a_header_of_the_provider_replaces_the_clients_of_that_name(tmp_path: Path) -> None:
    fixed = HERE + 'headers = { "anthropic-version" = "2023-06-01" }\n'
    async with at(tmp_path, fixed, KEY) as stage:
        stage.headers["anthropic-version"] = "2026-10-21"
        await stage.ask()
        (seen,) = stage.provider.seen
    assert [value for name, value in seen.headers if name == b"anthropic-version"] == [b"2023-06-01"]


async def test_its_model_map_names_the_model_and_that_of_the_account_goes_before(tmp_path: Path) -> None:
    mapped = HERE + 'models = { opus = "claude-big-1", sonnet = "claude-mid-1" }\n'
    own = KEY + '\nmodels = { opus = "claude-huge-1" }'
    assert (await sent(tmp_path, mapped, KEY)).model == "claude-mid-1"
    assert (await sent(tmp_path, mapped, own)).model == "claude-mid-1"
    assert (await sent(tmp_path, mapped, own, "claude-opus-5")).model == "claude-huge-1"


async def test_one_key_over_a_built_in_provider_leaves_the_rest_of_it(tmp_path: Path) -> None:
    moved = '[providers.moonshot]\nbase_url = "http://127.0.0.1:PORT"\n'
    arrived = await sent(tmp_path, moved, 'provider = "moonshot"\napi_key = "sk-mine-0123456789"')
    assert arrived.headers[b"authorization"] == b"Bearer sk-mine-0123456789"


@pytest.mark.parametrize(("provider", "dialect"), [("vertex", "vertex"), ("bedrock", "bedrock")])
async def test_who_speaks_a_dialect_that_is_not_known_yet_is_asked_nothing(
    tmp_path: Path, provider: str, dialect: str
) -> None:
    moved = f'[providers.{provider}]\nbase_url = "http://127.0.0.1:PORT"\n'
    async with at(tmp_path, moved, f'provider = "{provider}"\napi_key = "sk-mine-0123456789"') as stage:
        answer = await stage.ask()
        account = await stage.account("only")
        assert answer.status_code == 503
        assert account["state"] == "unsupported"
        why = f"this version does not speak the dialect {dialect} yet"
        assert why in json.dumps(account)
        assert not stage.provider.seen
