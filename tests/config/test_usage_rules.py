"""A credential goes to no host that it was not given for: where the usage of an account may be asked for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccflared.config.decode import Decoded, decode
from ccflared.config.model import Account, Provider, UsageEndpoint
from ccflared.config.usage_rules import usage_url
from ccflared.providers.presets import builtin

PATH = UsageEndpoint("/usage", "zai")
URL = UsageEndpoint("https://www.example.com/usage", "zai")
PROVIDER = Provider(base_url="https://api.example.com/v1")
ACCOUNT = Account("a", "p")

CASES = [
    (None, PATH, "https://api.example.com/usage"),
    ("http://127.0.0.1:8443/x/y", PATH, "http://127.0.0.1:8443/usage"),
    ("https://elsewhere.example.com", PATH, "https://elsewhere.example.com/usage"),
    (None, URL, "https://www.example.com/usage"),
    ("https://API.example.com:443/other", URL, "https://www.example.com/usage"),
    ("https://www.example.com/v1", URL, "https://www.example.com/usage"),
    ("https://elsewhere.example.com", URL, None),
    ("http://api.example.com/v1", URL, None),
    ("https://api.example.com:8443/v1", URL, None),
    (None, replace(PATH, enabled=False), None),
    (None, None, None),
]


@pytest.mark.parametrize(("base_url", "usage", "url"), CASES, ids=range(len(CASES)))
def test_a_path_is_at_the_accounts_own_host_and_a_url_for_accounts_of_the_providers(
    base_url: str | None, usage: UsageEndpoint | None, url: str | None
) -> None:
    assert usage_url(replace(ACCOUNT, base_url=base_url), replace(PROVIDER, usage=usage)) == url


def decoded(tables: dict[str, Any], shipped: Provider | None = None) -> Decoded:
    return decode(
        tables,
        builtin={"p": shipped or replace(PROVIDER, usage=URL)},
        directory=lambda _: Path("/"),
        home=None,
        zone_exists=lambda _: True,
    )


@pytest.mark.parametrize(
    ("table", "kept"),
    [
        ({}, True),
        ({"base_url": "https://api.example.com/other"}, True),
        ({"base_url": "https://gateway.example.com"}, False),
        ({"base_url": "https://gateway.example.com", "usage": {"auth": "bearer"}}, False),
        (
            {"base_url": "https://gateway.example.com", "usage": {"url": "https://gateway.example.com/u"}},
            True,
        ),
        (
            {"base_url": "https://gateway.example.com", "usage": {"url": "https://www.example.com/usage"}},
            True,
        ),
    ],
)
def test_a_table_that_moves_a_built_in_provider_elsewhere_leaves_its_usage_url_behind(
    table: dict[str, Any], kept: bool
) -> None:
    config = decoded({"providers": {"p": table}}).config
    assert config is not None
    assert (config.providers["p"].usage is not None) == kept


def test_an_account_that_is_elsewhere_is_told_that_its_usage_is_not_asked_for() -> None:
    account = {"provider": "p", "api_key": "sk-1", "base_url": "https://elsewhere.example.com"}
    (warning,) = decoded({"accounts": {"a": account}}).warnings
    assert warning.path == ("accounts", "a", "base_url")
    assert '"www.example.com" is another host' in warning.message
    off = {"providers": {"p": {"usage": {"enabled": False}}}}
    assert not decoded({"accounts": {"a": account}, **off}).warnings


MISTAKES = [
    ({"url": "usage"}, "usage.url"),
    ({"url": "/a/../b"}, "usage.url"),
    ({"url": "//evil.example.com/usage"}, "usage.url"),
    ({"url": "/usage?key=1"}, "usage.url"),
    ({"url": "https://u:p@example.com/usage"}, "usage.url"),
    ({"url": "/@evil.example.com"}, "usage.url"),
    ({"reads": "gemini"}, "usage.reads"),
    ({"auth": "basic"}, "usage.auth"),
]


@pytest.mark.parametrize(("usage", "key"), MISTAKES, ids=range(len(MISTAKES)))
def test_what_is_no_such_place_is_a_mistake(usage: dict[str, str], key: str) -> None:
    (problem,) = decoded({"providers": {"p": {"usage": usage}}}).problems
    assert ".".join(map(str, problem.path)) == f"providers.p.{key}"


def test_a_usage_table_of_ones_own_needs_url_and_reads() -> None:
    problems = decoded({"providers": {"mine": {"usage": {"enabled": True}}}}).problems
    assert len(problems) == 2


def test_no_built_in_provider_sends_its_credential_to_another_host() -> None:
    asked = {name: p.usage.url for name, p in builtin().items() if p.usage is not None}
    assert set(asked) == {"claude-oauth", "zai", "minimax", "nanogpt", "kilo"}
    assert all(url.startswith("/") for url in asked.values())
