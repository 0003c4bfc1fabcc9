"""What depends on the model: the words for how much to reason, the limit on output, how it may be sampled."""

from typing import Any

import pytest

from ccflared.config.quirks import Quirks
from ccflared.formats.chat.by_model import effort_fields, limit_fields, sampling_fields
from ccflared.formats.request import Request, Tool

ROUTER = Quirks(effort="reasoning", reasons=("*",))


def told(model: str, quirks: Quirks | None = None, **members: Any) -> Any:
    fields = effort_fields(Request("claude", (), **members), model, quirks or Quirks())
    return fields.get("reasoning_effort") or fields.get("reasoning")


@pytest.mark.parametrize(
    ("model", "effort", "word"),
    [
        ("gpt-5.2", "low", "low"),
        ("gpt-5.2", "medium", "medium"),
        ("gpt-5.2", "high", "high"),
        ("gpt-5.2", "xhigh", "xhigh"),
        ("gpt-5.2", "max", "xhigh"),
        ("gpt-5.2", "none", "none"),
        ("gpt-5.2", "minimal", "none"),
        ("gpt-5.1", "max", "high"),
        ("gpt-5.1-codex-max", "max", "xhigh"),
        ("gpt-5", "xhigh", "high"),
        ("gpt-5-mini", "none", "minimal"),
        ("o3", "max", "high"),
        ("o4-mini-2025-04-16", "minimal", "low"),
        ("o3", "none", None),
        ("openai/gpt-oss-120b", "max", "high"),
        ("OpenAI/GPT-5.2", "max", "xhigh"),
        ("grok-3-mini", "medium", "low"),
        ("grok-3-mini", "max", "high"),
        ("gpt-4o", "high", None),
        ("gpt-4.1", "high", None),
        ("o", "high", None),
        ("llama-3.3-70b", "high", None),
    ],
)  # fmt: skip
def test_an_effort_is_told_in_a_word_the_model_takes_and_only_to_models_that_reason(
    model: str, effort: str, word: str | None
) -> None:
    quirks = Quirks(reasons=("o[1-9]*", "gpt-5*", "gpt-oss*", "grok-3-mini*"))
    assert told(model, quirks, effort=effort, thinks=True) == word
    assert told(model, quirks, effort=effort) == word


@pytest.mark.parametrize(
    ("budget", "word"),
    [
        (0, "low"),
        (1024, "low"),
        (2048, "low"),
        (4000, "medium"),
        (10_000, "medium"),
        (16_384, "medium"),
        (31_999, "high"),
    ],
)
def test_a_budget_is_told_as_an_effort(budget: int, word: str) -> None:
    assert told("gpt-5.2", thinks=True, budget=budget) == word


def test_an_effort_goes_before_a_budget() -> None:
    assert told("gpt-5.2", thinks=True, budget=1024, effort="high") == "high"


def test_thinking_without_a_measure_is_the_models_own() -> None:
    assert told("gpt-5.2", thinks=True) is None
    assert told("gpt-5.2") is None


@pytest.mark.parametrize(
    ("model", "word"), [("gpt-5.2", "none"), ("gpt-5", "minimal"), ("o3", None), ("gpt-4o", None)]
)
def test_thinking_that_is_switched_off_is_told_where_there_is_a_word_for_it(
    model: str, word: str | None
) -> None:
    assert told(model, thinks=False) == word
    assert told(model, thinks=False, effort="high", budget=9999) == word


@pytest.mark.parametrize(
    ("effort", "word"), [("max", "xhigh"), ("low", "low"), ("minimal", "minimal"), ("none", "none")]
)
def test_the_other_style_is_an_object(effort: str, word: str) -> None:
    assert told("anthropic/claude-opus-5-5", ROUTER, effort=effort) == {"effort": word}


def test_a_provider_without_efforts_is_told_none() -> None:
    assert told("gpt-5.2", Quirks(effort="none"), effort="high") is None


def test_a_model_that_refuses_to_reason_beside_tools_is_told_not_to_whatever_was_asked() -> None:
    quirks, tools = Quirks(effortless_tools=("gpt-5.[2-9]*",)), (Tool("Read"),)
    assert told("openai/gpt-5.4", quirks, tools=tools, effort="high") == "none"
    assert told("openai/gpt-5.4", quirks, tools=tools) == "none"
    assert told("openai/gpt-5.4", quirks, effort="high") == "high"
    assert told("gpt-5.1", quirks, tools=tools, effort="high") == "high"


def test_which_models_reason_is_the_providers_to_say() -> None:
    quirks = Quirks(reasons=("DeepSeek-R*",))
    assert told("deepseek/deepseek-r2", quirks, effort="high") == "high"
    assert told("gpt-5.2", quirks, effort="high") is None


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", "max_tokens"),
        ("gpt-4.1-mini", "max_tokens"),
        ("openai/gpt-oss-120b", "max_tokens"),
        ("llama-3.3-70b", "max_tokens"),
        ("o1", "max_completion_tokens"),
        ("o4-mini-2025-04-16", "max_completion_tokens"),
        ("gpt-5", "max_completion_tokens"),
        ("openai/GPT-5.2-codex", "max_completion_tokens"),
        ("gpt-6-astra", "max_completion_tokens"),
    ],
)
def test_the_limit_has_its_new_name_for_openais_models_that_reason(model: str, name: str) -> None:
    assert limit_fields(Request("claude", (), max_tokens=100), model, Quirks()) == {name: 100}


def test_the_name_of_the_limit_is_the_providers_to_say() -> None:
    asked = Request("claude", (), max_tokens=100)
    assert limit_fields(asked, "gpt-5", Quirks(max_tokens="max_tokens")) == {"max_tokens": 100}
    assert limit_fields(asked, "gpt-4o", Quirks(max_tokens="max_completion_tokens")) == {
        "max_completion_tokens": 100
    }


def test_no_limit_is_made_where_none_is_asked_for() -> None:
    assert limit_fields(Request("claude", ()), "gpt-4o", Quirks()) == {}


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("gpt-4o", 16_384),
        ("gpt-4o-mini-2024-07-18", 16_384),
        ("gpt-4o-2024-05-13", 4096),
        ("chatgpt-4o-latest", 16_384),
        ("openai/GPT-4.1-mini", 32_768),
        ("gpt-4-turbo", 4096),
        ("gpt-4-0125-preview", 4096),
        ("gpt-3.5-turbo-0125", 4096),
        ("o1-preview", 32_768),
        ("o1-mini", 65_536),
        ("o3", 100_000),
        ("o4-mini", 100_000),
        ("gpt-5", 128_000),
        ("gpt-5-chat-latest", 16_384),
        ("gpt-5-pro", 272_000),
        ("gpt-5.5", 128_000),
        ("gpt-7", 500_000),
        ("llama-3.3-70b", 500_000),
        ("openai/gpt-oss-120b", 500_000),
    ],
)
def test_no_more_output_is_asked_for_than_a_known_model_gives(model: str, most: int) -> None:
    assert [*limit_fields(Request("claude", (), max_tokens=500_000), model, Quirks()).values()] == [most]
    assert [*limit_fields(Request("claude", (), max_tokens=4000), model, Quirks()).values()] == [4000]


def sampled(model: str, **asked: float) -> tuple[dict[str, Any], list[str]]:
    dropped: list[str] = []
    return sampling_fields(Request("claude", (), **asked), model, dropped), dropped  # type: ignore[arg-type]


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1", "openai/gpt-oss-120b", "grok-4", "deepseek-r1"])
def test_temperature_and_top_p_are_told_as_they_were_asked_for(model: str) -> None:
    assert sampled(model, temperature=0, top_p=0.5) == ({"temperature": 0, "top_p": 0.5}, [])
    assert sampled(model) == ({}, [])


@pytest.mark.parametrize("model", ["o1", "o4-mini", "gpt-5", "openai/GPT-5.2-codex", "gpt-6-astra"])
def test_openais_models_that_reason_are_sampled_as_they_like_and_that_is_said(model: str) -> None:
    assert sampled(model, temperature=0, top_p=0.5) == ({}, ["temperature", "top_p"])
    assert sampled(model, temperature=1, top_p=0.9) == ({}, ["top_p"])
    assert sampled(model, temperature=1.0, top_p=1) == ({}, [])
