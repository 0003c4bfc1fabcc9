"""An account and its provider brought together, or why that cannot be."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccflared.config.model import Account, OAuth, Provider, SecretRef
from ccflared.providers.oauth import Grant, Seed, TokenPair, in_force, seed_of
from ccflared.providers.presets import builtin
from ccflared.providers.target import Target, Unfit, resolve
from ccflared.secret import Secret

KEY = Secret("sk-1")


def resolved(account: Account, provider: Provider, **given: Any) -> Target | Unfit:
    facts: dict[str, Any] = {"credential": KEY, "problem": None, "proxy": None, "headers": ()}
    return resolve(account, provider, **facts | given)


PLACE = Provider(base_url="https://h/")
ACCOUNT = Account("a", "p")

UNFIT: list[tuple[Account, Provider, dict[str, Any], str, str]] = [
    (replace(ACCOUNT, enabled=False), PLACE, {}, "off", "enabled = false"),
    *(
        (
            ACCOUNT,
            replace(PLACE, dialect=dialect),
            {},
            "unsupported",
            f"this version does not speak the dialect {dialect} yet",
        )
        for dialect in ("vertex", "bedrock")
    ),
    (ACCOUNT, Provider(), {}, "unsupported", "no base_url"),
    (ACCOUNT, PLACE, {"credential": None}, "no credential", "no api_key is given"),
    (ACCOUNT, PLACE, {"credential": None, "problem": "$K is not set"}, "no credential", "$K is not set"),
    (ACCOUNT, replace(PLACE, oauth=OAuth()), {"credential": None}, "needs login", "nobody has logged in"),
    (replace(ACCOUNT, oauth=OAuth()), PLACE, {"credential": None}, "needs login", "nobody has logged in"),
    (
        ACCOUNT,
        replace(PLACE, oauth=OAuth()),
        {"credential": None, "seed": Seed(problem="the file t is empty")},
        "no credential",
        "the file t is empty",
    ),
    (
        replace(ACCOUNT, credentials_file=Path("/c.json")),
        PLACE,
        {"credential": None, "seed": Seed(problem="/c.json does not exist")},
        "no credential",
        "/c.json does not exist",
    ),
]


@pytest.mark.parametrize(("account", "provider", "given", "state", "reason"), UNFIT)
def test_an_account_that_cannot_be_addressed_says_why(
    account: Account, provider: Provider, given: dict[str, Any], state: str, reason: str
) -> None:
    found = resolved(account, provider, **given)
    assert isinstance(found, Unfit)
    assert found.state == state
    assert reason in (found.reason or "")


def test_a_proxy_that_is_named_but_unreadable_is_never_gone_around() -> None:
    account = replace(ACCOUNT, proxy=SecretRef("env", "P"))
    assert isinstance(resolved(account, PLACE), Unfit)
    through = resolved(account, PLACE, proxy=Secret("http://proxy:3128"))
    assert isinstance(through, Target)
    assert through.proxy == Secret("http://proxy:3128")


def test_an_account_has_its_providers_place_unless_it_names_its_own() -> None:
    inherited = resolved(ACCOUNT, PLACE)
    own = resolved(replace(ACCOUNT, base_url="https://own/v1/", insecure=True, link_local=True), PLACE)
    assert isinstance(inherited, Target)
    assert isinstance(own, Target)
    assert (inherited.base_url, inherited.insecure, inherited.link_local) == ("https://h", False, False)
    assert (own.base_url, own.insecure, own.link_local) == ("https://own/v1", True, True)


def test_without_authentication_no_credential_is_asked_for() -> None:
    found = resolved(ACCOUNT, replace(PLACE, auth="none"), credential=None)
    assert isinstance(found, Target)
    assert found.credential is None
    assert KEY.fingerprint() not in found.fingerprint


def fingerprint(account: Account = ACCOUNT, provider: Provider = PLACE, key: Secret = KEY) -> str:
    found = resolved(account, provider, credential=key)
    assert isinstance(found, Target)
    assert key.reveal() not in repr(found)
    return found.fingerprint


def test_what_was_learnt_ends_with_provider_place_or_credential_and_with_nothing_else() -> None:
    same = fingerprint()
    assert fingerprint(replace(ACCOUNT, priority=9, tier=3.0)) == same
    changed = [
        fingerprint(replace(ACCOUNT, provider="q")),
        fingerprint(replace(ACCOUNT, base_url="https://i")),
        fingerprint(key=Secret("sk-2")),
    ]
    assert len({same, *changed}) == 4
    assert not any("sk-" in text for text in [same, *changed])


@pytest.mark.parametrize(("name", "provider"), builtin().items())
def test_every_builtin_provider_can_be_addressed_or_says_what_is_missing(
    name: str, provider: Provider
) -> None:
    found = resolved(Account("a", name), provider)
    if provider.dialect in ("vertex", "bedrock"):
        why = f"this version does not speak the dialect {provider.dialect} yet"
        assert found == Unfit("unsupported", why)
    elif provider.oauth is not None:
        assert found == Unfit("needs login", "nobody has logged in")
    elif provider.base_url is None:
        assert found == Unfit("unsupported", "no base_url is given")
        found = resolved(Account("a", name, base_url="https://own.example"), provider)
        assert isinstance(found, Target)
    else:
        assert isinstance(found, Target)
        assert found.base_url == provider.base_url
        assert found.provider == name
        assert found.base_url.startswith("https://") or "localhost" in found.base_url
        assert not found.base_url.endswith(("/", "/messages"))
        assert (found.auth == "none") == (name == "ollama")
        assert found.quirks == provider.quirks


def test_every_builtin_provider_of_the_contract_is_there_and_none_carries_a_credential() -> None:
    named = (
        "anthropic claude-oauth zai minimax openrouter openai openai-compatible anthropic-compatible ollama kilo "
        "nanogpt alibaba-coding-plan deepseek moonshot together groq xai vertex bedrock"
    )
    assert set(builtin()) == set(named.split())
    for provider in builtin().values():
        assert not provider.headers
        assert provider.oauth is None or (provider.oauth.client_id, provider.oauth.access_token) == (
            None,
            None,
        )


def test_a_plan_that_logs_in_by_oauth_waits_for_its_login() -> None:
    account, provider = Account("a", "claude-oauth"), builtin()["claude-oauth"]
    assert resolved(account, provider, credential=None) == Unfit("needs login", "nobody has logged in")
    pair = TokenPair(Secret("at"), Secret("rt"), 2e9)
    found = resolved(account, provider, credential=None, grant=Grant("a", "claude-oauth", "g", "", pair))
    assert isinstance(found, Target)
    assert (found.auth, found.credential, found.betas) == ("bearer", None, (b"oauth-2025-04-20",))
    assert found.grant is not None
    refused = Grant("a", "claude-oauth", "g", "", pair, refused="invalid_grant")
    assert resolved(account, provider, credential=None, grant=refused) == Unfit(
        "needs login", "invalid_grant"
    )
    unread = resolved(account, provider, credential=None, grant="its tokens cannot be read: the disk is gone")
    assert unread == Unfit("no credential", "its tokens cannot be read: the disk is gone")


def test_a_long_lived_token_is_the_credential_itself_and_ends_when_the_file_says() -> None:
    account = Account("a", "claude-oauth", oauth=OAuth(access_token=SecretRef("env", "T")))
    seed = seed_of(Secret("at"), None, 2e9)
    grant = in_force("a", "claude-oauth", None, seed)
    found = resolved(account, builtin()["claude-oauth"], credential=None, seed=seed, grant=grant)
    assert isinstance(found, Target)
    assert (found.credential, found.ends_at, found.grant) == (Secret("at"), 2e9, None)
    assert "at" not in found.fingerprint.split()
