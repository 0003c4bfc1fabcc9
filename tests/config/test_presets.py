"""The built-in providers: all that the contract names, decoded by the decoder of the file itself."""

from urllib.parse import urlsplit

from ccflared.providers.presets import builtin

NAMES = {
    "anthropic",
    "claude-oauth",
    "zai",
    "minimax",
    "openrouter",
    "openai",
    "openai-compatible",
    "anthropic-compatible",
    "ollama",
    "kilo",
    "nanogpt",
    "alibaba-coding-plan",
    "deepseek",
    "moonshot",
    "together",
    "groq",
    "xai",
    "vertex",
    "bedrock",
}


def test_every_provider_of_the_contract_is_built_in() -> None:
    assert set(builtin()) == NAMES


def test_only_those_whose_address_is_the_operators_have_no_base_url() -> None:
    without = {name for name, provider in builtin().items() if provider.base_url is None}
    assert without == {"openai-compatible", "anthropic-compatible"}


def test_addresses_are_https_except_on_this_machine() -> None:
    for name, provider in builtin().items():
        parts = urlsplit(provider.base_url or "https://x")
        assert parts.scheme == "https" or parts.hostname == "localhost", name


def test_an_openai_address_includes_its_version_and_an_anthropic_one_does_not() -> None:
    for name, provider in builtin().items():
        if provider.base_url and name != "kilo":
            assert provider.base_url.endswith("/v1") == (provider.dialect == "openai-chat"), name


def test_what_the_clouds_wrap_is_no_plain_dialect_so_that_nobody_is_asked_in_the_wrong_words() -> None:
    odd = {name: p.dialect for name, p in builtin().items() if p.dialect not in ("anthropic", "openai-chat")}
    assert odd == {"vertex": "vertex", "bedrock": "bedrock"}


def test_a_plan_pays_only_where_every_key_is_one_of_a_plan() -> None:
    plans = {name for name, provider in builtin().items() if provider.billing == "plan"}
    assert plans == {"claude-oauth", "zai", "alibaba-coding-plan", "ollama"}


def test_endpoints_of_the_login_are_shipped_and_no_client_id_is() -> None:
    oauth = builtin()["claude-oauth"].oauth
    assert oauth is not None
    assert oauth.authorize_url
    assert oauth.token_url
    assert all(p.oauth is None or p.oauth.client_id is None for p in builtin().values())


def test_nothing_built_in_holds_a_secret_or_a_header() -> None:
    for provider in builtin().values():
        assert provider.headers == {}
        assert provider.oauth is None or (provider.oauth.access_token, provider.oauth.refresh_token) == (
            None,
            None,
        )
