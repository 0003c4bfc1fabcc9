"""[providers.NAME.quirks]: what an API does otherwise, over a built-in provider's key by key, and its contradictions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filebook import config, only, read

from ccflared.config.listing import as_text, items
from ccflared.config.load import Loaded
from ccflared.config.quirks import Quirks
from ccflared.providers.presets import builtin

KEYS: list[tuple[str, dict[str, Any]]] = [
    ('anthropic_version = "2023-06-01"', {"anthropic_version": "2023-06-01"}),
    ("attribution = true", {"attribution": True}),
    ("signed_thinking = true", {"signed_thinking": True}),
    ('max_tokens = "max_completion_tokens"', {"max_tokens": "max_completion_tokens"}),
    ("default_max_tokens = 4096", {"default_max_tokens": 4096}),
    ('effort = "reasoning"', {"effort": "reasoning"}),
    ('reasons = ["*"]', {"reasons": ("*",)}),
    ("reasons = []", {"reasons": ()}),
    ('effortless_tools = ["gpt-6*"]', {"effortless_tools": ("gpt-6*",)}),
    ("reasoning_content = true", {"reasoning_content": True}),
    ("developer_role = true", {"developer_role": True}),
    ("files = true", {"files": True}),
    ("cache_control = true", {"cache_control": True}),
    ('cache_field = "prompt_cache_key"', {"cache_field": "prompt_cache_key"}),
    ('cache_header = "X-Conversation"', {"cache_header": "X-Conversation"}),
    ("stream_usage = false", {"stream_usage": False}),
    ("structured = false", {"structured": False}),
    ("plain_schemas = true", {"plain_schemas": True}),
    ('refuses = ["user", "stream_options.include_usage"]', {"refuses": ("user", "stream_options.include_usage")}),
    ('allows = ["top_k"]', {"allows": ("top_k",)}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "changed"), KEYS, ids=[line for line, _ in KEYS])
def test_a_quirk_changes_itself_and_no_other(tmp_path: Path, line: str, changed: dict[str, Any]) -> None:
    providers = config(
        tmp_path, f"[providers.mine.quirks]\n{line}\n[providers.kilo.quirks]\n{line}\n"
    ).providers
    assert providers["mine"].quirks == replace(Quirks(), **changed)
    assert providers["kilo"].quirks == replace(builtin()["kilo"].quirks, **changed)


def test_every_quirk_is_tried_above() -> None:
    assert {line.split()[0] for line, _ in KEYS} == set(Quirks.__dataclass_fields__)


def test_quirks_may_stand_in_two_files_and_in_one_line(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        main='include = "a.toml"\n[providers.mine]\nquirks = { files = true }\n',
        a="[providers.mine.quirks]\nstructured = false\n",
    )
    assert isinstance(found, Loaded)
    assert found.config.providers["mine"].quirks == Quirks(files=True, structured=False)


def test_quirks_of_another_dialect_do_no_harm(tmp_path: Path) -> None:
    found = read(
        tmp_path, main='[providers.mine]\ndialect = "anthropic"\nquirks = { stream_usage = false }\n'
    )
    assert isinstance(found, Loaded)
    assert found.warnings == ()


MISTAKES = [
    ('anthropic_version = "2023 06"', 'expected a version, found the text "2023 06"'),
    ('max_tokens = "limit"', 'expected "max_tokens" or "max_completion_tokens", found the text "limit"'),
    ("default_max_tokens = 0", "expected an integer of at least 1, found the integer 0"),
    ('effort = "high"', 'expected "reasoning_effort", "reasoning" or "none", found the text "high"'),
    ('reasons = "o1"', "expected a list of names and globs, found a text"),
    ('cache_header = "authorization"', '"authorization" carries a credential; use api_key and auth instead'),
    ('refuses = ["a b"]', 'expected a field, found the text "a b"'),
    ("stream_usages = true", 'unknown key "stream_usages" in [providers.mine.quirks]; did you mean "stream_usage"?'),
]  # fmt: skip


@pytest.mark.parametrize(("line", "said"), MISTAKES)
def test_what_is_no_quirk_is_a_mistake_at_its_place(tmp_path: Path, line: str, said: str) -> None:
    mistake = only(tmp_path, f"[providers.mine.quirks]\n{line}\n")
    place, _, message = mistake.partition(": ")
    assert (place.split(":")[0], message) == ("2", said)


def test_a_conversation_is_kept_at_its_cache_by_a_field_or_a_header_and_not_by_both(tmp_path: Path) -> None:
    both = 'cache_field = "prompt_cache_key"\ncache_header = "x-conversation"'
    said = "are two ways to say the same; a provider has one of them"
    assert only(tmp_path, f"[providers.mine.quirks]\n{both}\n") == (
        f'1:17: cache_field = "prompt_cache_key" and cache_header = "x-conversation" {said}'
    )
    # One of them may be a built-in provider's own.
    assert only(tmp_path, '[providers.xai.quirks]\ncache_field = "prompt_cache_key"\n') == (
        f'1:16: cache_field = "prompt_cache_key" and cache_header = "x-grok-conv-id" {said}'
    )


def test_a_field_is_refused_or_allowed_and_not_both(tmp_path: Path) -> None:
    lists = 'refuses = ["user", "top_k", "seed"]\nallows = ["top_k", "seed"]'
    assert only(tmp_path, f"[providers.mine.quirks]\n{lists}\n") == (
        '1:17: "seed" and "top_k" cannot be in both refuses and allows'
    )


def test_what_every_request_has_cannot_be_left_out(tmp_path: Path) -> None:
    assert only(tmp_path, '[providers.mine.quirks]\nrefuses = ["stream", "messages"]\n') == (
        '1:17: "messages" cannot be left out: no request is one without'
    )


def test_quirks_are_shown_as_they_are_in_force(tmp_path: Path) -> None:
    shown = config(tmp_path, "[providers.xai.quirks]\nfiles = true\n")
    lines = list(
        as_text(
            items(
                shown,
                lambda path: "ccflare.toml:2" if path == ("providers", "xai", "quirks", "files") else None,
                builtin(),
                defaults=True,
            )
        )
    )
    xai = lines[lines.index("[providers.xai]") :]
    assert [" ".join(line.split()) for line in xai if line.startswith("quirks.")][:2] == [
        "quirks.files = true # ccflare.toml:2",
        'quirks.cache_header = "x-grok-conv-id" # built-in',
    ]


def test_only_those_that_know_it_are_asked_in_the_newest_version_of_anthropics_api() -> None:
    spoken = {name for name, provider in builtin().items() if provider.dialect == "anthropic"}
    asked = {name for name in spoken if builtin()[name].quirks.anthropic_version is None}
    # Anthropic's own, whatever a gateway may be, and two that do not look at it.
    assert asked == {"anthropic", "claude-oauth", "anthropic-compatible", "ollama", "deepseek"}
