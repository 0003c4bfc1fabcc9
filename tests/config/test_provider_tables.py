"""[providers.NAME] over the built-in ones, key by key, and what is said of providers that cannot serve yet."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filebook import config, only, read

from ccflared.config.load import Loaded
from ccflared.config.model import Provider
from ccflared.config.reference import SecretRef
from ccflared.providers.presets import builtin

ONE_KEY: list[tuple[str, dict[str, Any]]] = [
    ('base_url = "https://gateway.example"', {"base_url": "https://gateway.example"}),
    ('models = { opus = "glm-5" }', {"models": {"opus": ("glm-5",)}}),
    ('headers = { "X-Team" = { env = "TEAM" } }', {"headers": {"X-Team": SecretRef("env", "TEAM")}}),
    ('auth = "bearer"', {"auth": "bearer"}),
    ('dialect = "openai-chat"', {"dialect": "openai-chat"}),
    ('billing = "api"', {"billing": "api"}),
    ("quirks = { files = true }", {"quirks": replace(builtin()["zai"].quirks, files=True)}),
]


@pytest.mark.parametrize(("line", "changed"), ONE_KEY, ids=[line.split()[0] for line, _ in ONE_KEY])
def test_one_key_changes_that_key_and_no_other(tmp_path: Path, line: str, changed: dict[str, Any]) -> None:
    providers = config(tmp_path, f"[providers.zai]\n{line}\n").providers
    assert providers["zai"] == replace(builtin()["zai"], **changed)
    assert {n: p for n, p in providers.items() if n != "zai"} == {
        n: p for n, p in builtin().items() if n != "zai"
    }


def test_every_key_of_a_provider_is_tried_above() -> None:
    tried = {line.split()[0] for line, _ in ONE_KEY}
    # Others change this table.
    assert set(Provider.__dataclass_fields__) - {"oauth", "usage"} == tried


@pytest.mark.parametrize("name", builtin())
def test_a_table_without_keys_changes_nothing(tmp_path: Path, name: str) -> None:
    assert config(tmp_path, f"[providers.{name}]\n").providers == builtin()


def test_model_maps_and_headers_of_two_files_are_one(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        main='include = "a.toml"\n[providers.zai.models]\nopus = "glm-5"\n[providers.zai.headers]\nX-A = "1"\n',
        a='[providers.zai.models]\nhaiku = "glm-4.5-air"\n[providers.zai.headers]\nX-B = "2"\n',
    )
    assert isinstance(found, Loaded)
    zai = found.config.providers["zai"]
    assert dict(zai.models) == {"opus": ("glm-5",), "haiku": ("glm-4.5-air",)}
    assert set(zai.headers) == {"X-A", "X-B"}
    assert zai.base_url == builtin()["zai"].base_url


def test_a_new_provider_has_the_defaults_and_stands_after_the_built_in_ones(tmp_path: Path) -> None:
    providers = config(tmp_path, '[providers.mine]\nbase_url = "https://llm.example"\n').providers
    assert providers["mine"] == Provider(base_url="https://llm.example")
    assert list(providers) == [*builtin(), "mine"]


def test_an_account_may_be_at_a_provider_that_another_file_defines(tmp_path: Path) -> None:
    main = 'include = "a.toml"\n[accounts.one]\nprovider = "mine"\napi_key = "k"\n'
    assert isinstance(
        read(tmp_path, main=main, a='[providers.mine]\nbase_url = "https://llm.example"\n'), Loaded
    )
    assert only(tmp_path, main, a="") == '3:12: there is no provider "mine"'


@pytest.mark.parametrize(
    ("provider", "dialect"),
    [("vertex", "vertex"), ("bedrock", "bedrock")],
)
def test_an_account_that_this_version_cannot_use_yet_is_no_mistake_and_is_said_so(
    tmp_path: Path, provider: str, dialect: str
) -> None:
    found = read(tmp_path, main=f'[accounts.a]\nprovider = "{provider}"\n')
    assert isinstance(found, Loaded)
    (warning,) = found.warnings
    assert (warning.line, warning.message) == (
        2,
        f"[accounts.a] cannot serve: this version does not speak the dialect {dialect} yet",
    )
