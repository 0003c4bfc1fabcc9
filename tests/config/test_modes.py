"""The names of better-ccflare's modes: each is a provider here, or left out with a reason."""

from pathlib import Path

import pytest
from filebook import only

from ccflared.config.modes import LEFT_OUT, MODES, mode_hint, provider_of_mode
from ccflared.providers.presets import builtin

# Those of its command line, and those that only its web page knows.
THEIRS = [
    "claude-oauth",
    "max",
    "console",
    "zai",
    "minimax",
    "nanogpt",
    "anthropic-compatible",
    "openai-compatible",
    "bedrock",
    "kilo",
    "alibaba-coding-plan",
    "codex",
    "xai",
    "ollama",
    "openrouter",
    "vertex-ai",
    "qwen",
    "ollama-cloud",
    "muse-spark",
]


@pytest.mark.parametrize("mode", THEIRS)
def test_each_mode_is_a_provider_or_is_left_out_and_never_both(mode: str) -> None:
    assert (mode in MODES) != (mode in LEFT_OUT)
    assert (provider_of_mode(mode) in builtin()) == (mode in MODES)


def test_a_mode_is_known_however_it_is_written() -> None:
    assert provider_of_mode("MAX") == "claude-oauth"
    assert provider_of_mode("nano-gpt") == "nanogpt"
    assert provider_of_mode("anything") is None
    assert mode_hint("anything") == ""


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("max", 'did you mean "claude-oauth"?'),
        ("console", 'did you mean "anthropic"?'),
        ("Vertex-AI", 'did you mean "vertex"?'),
        ("codex", "it is left out, as it would log in under the client id of another program"),
        ("ollama-cloud", 'write one with base_url = "https://ollama.com" and auth = "bearer"'),
        ("olama", 'did you mean "ollama"?'),
    ],
)  # fmt: skip
def test_a_file_that_names_a_mode_is_told_the_provider(tmp_path: Path, name: str, hint: str) -> None:
    found = only(tmp_path, f'[accounts.a]\nprovider = "{name}"\n')
    assert found == f'2:12: there is no provider "{name}"; {hint}'
