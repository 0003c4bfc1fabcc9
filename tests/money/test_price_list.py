"""Lists of prices that others keep: both shapes are read, and none is believed that contradicts what is known."""

import json
import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.config.model import Price
from ccflared.money.price_list import LEAST_MODELS, Listed, Rejected, as_text, examined, from_document
from ccflared.money.pricing import Long, priced, prices_of, shipped
from ccflared.wire import Tokens

CLAUDE: dict[str, dict[str, Any]] = {
    "claude-opus-4-1": {"input": 15, "output": 75, "cache_read": 1.5, "cache_write": 18.75},
    "claude-sonnet-5": {"input": 2, "output": 10, "cache_read": 0.2, "cache_write": 2.5},
    "claude-haiku-4-5": {"input": 1, "output": 5, "cache_read": 0.1, "cache_write": 1.25},
    "claude-opus-5": {"input": 6, "output": 30},
}
MANY = {f"model-{number}": {"input": 1, "output": 2.5} for number in range(LEAST_MODELS)}


def models_dev(**sections: Mapping[str, Any]) -> bytes:
    """Return a list in models.dev's shape; of a section: costs by model."""
    sold: dict[str, Mapping[str, Any]] = {"anthropic": CLAUDE, "openai": MANY, **sections}
    return json.dumps(
        {
            name: {
                "id": name,
                "models": {model: {"id": model, "cost": cost} for model, cost in costs.items()},
            }
            for name, costs in sold.items()
        }
    ).encode()


def litellm(**more: dict[str, Any]) -> bytes:
    models = {**CLAUDE, **MANY}
    told: dict[str, dict[str, Any]] = {
        name: {"input_cost_per_token": cost["input"] / 1e6, "output_cost_per_token": cost["output"] / 1e6}
        for name, cost in models.items()
    }
    return json.dumps({"sample_spec": {"input_cost_per_token": 0.0}, **told, **more}).encode()


def accepted(document: bytes, before: Listed | None = None) -> Listed:
    found = examined(document, shipped(), before)
    assert isinstance(found, Listed), found
    return found


def refused(document: bytes) -> str:
    found = examined(document, shipped(), None)
    assert isinstance(found, Rejected)
    return found.reason


def test_models_dev_is_read_with_caches_and_anthropics_rule_for_an_hour() -> None:
    found = accepted(models_dev())
    assert found.prices["claude-opus-4-1"] == Price(15, 75, 1.5, 18.75, 30)
    assert found.prices["claude-opus-5"] == Price(6, 30)
    assert found.prices["model-7"] == Price(1, 2.5)
    assert len(found.prices) == len(CLAUDE) + len(MANY)


def test_litellms_costs_of_a_token_become_those_of_a_million_without_a_digit_more() -> None:
    dear = {
        "input_cost_per_token": 3e-06,
        "output_cost_per_token": 1.5e-05,
        "cache_read_input_token_cost": 3e-07,
        "cache_creation_input_token_cost": 3.75e-06,
        "cache_creation_input_token_cost_above_1hr": 6e-06,
    }
    steps = {**dear, "input_cost_per_token_above_200k_tokens": 6e-06}
    found = accepted(litellm(priced=dear, stepped=steps, image={"output_cost_per_image": 0.05}))
    assert found.prices["priced"] == Price(3.0, 15.0, 0.3, 3.75, 6.0)
    assert not {"stepped", "image", "sample_spec"} & found.prices.keys()


def test_a_maker_counts_before_hosts_and_hosts_that_disagree_have_no_price() -> None:
    found = accepted(
        models_dev(
            zai={"glm-9": {"input": 0.6, "output": 2.2}},
            aaa={"glm-9": {"input": 9, "output": 9}, "llama": {"input": 1, "output": 1}},
            bbb={"llama": {"input": 2, "output": 2}, "open": {"input": 1, "output": 1}},
            ccc={"open": {"input": 1, "output": 1}},
        )
    )
    assert found.prices["glm-9"] == Price(0.6, 2.2)
    assert found.prices["open"] == Price(1, 1)
    assert "llama" not in found.prices


@pytest.mark.parametrize("section", ["zai-coding-plan", "x-free", "x-trial", "y-demo", "z-special"])
def test_plans_and_presents_have_no_prices(section: str) -> None:
    found = accepted(models_dev(**{section: {"gift": {"input": 1, "output": 1}}}))
    assert "gift" not in found.prices


def test_a_zero_is_no_price_and_neither_is_half_of_one() -> None:
    found = accepted(
        models_dev(
            xai={
                "free": {"input": 0, "output": 0},
                "half": {"input": 1},
                "none": None,
                "read": {"input": 1, "output": 1, "cache_read": 0, "cache_write": 0},
                "text": {"input": "1", "output": 1},
                "odd*": {"input": 1, "output": 1},
            }
        )
    )
    assert not {"free", "half", "none", "text", "odd*"} & found.prices.keys()
    # what is written is free at some; a read that is free nobody has looked up
    assert found.prices["read"] == Price(1, 1, None, 0)


def test_prices_of_long_prompts_are_read_and_more_steps_than_two_are_left_out() -> None:
    tier = {"input": 10, "output": 45, "tier": {"type": "context", "size": 272_000}}
    found = accepted(
        models_dev(
            xai={
                "stepped": {"input": 5, "output": 30, "tiers": [tier]},
                "older": {"input": 5, "output": 30, "context_over_200k": {"input": 10, "output": 45}},
                "many": {"input": 5, "output": 30, "tiers": [tier, tier]},
            }
        )
    )
    assert found.long["stepped"] == Long(272_000, Price(10, 45))
    assert found.long["older"] == Long(200_000, Price(10, 45))
    assert "many" not in found.prices
    prices = prices_of({}, found.table("2026-11-26"))
    assert priced("stepped", Tokens(272_000, 10), prices) == 272_000 * 5 + 300
    assert priced("stepped", Tokens(272_001, 10), prices) == 272_001 * 10 + 450
    assert prices.source("stepped") == "list 2026-11-26"


REFUSED: list[tuple[bytes, str]] = [
    (b"", "it is no JSON"),
    (b"<html>", "it is no JSON"),
    (b"[" * 100_000, "it is no JSON"),
    (b"[]", "it is no list of prices that is known here"),
    (b"{}", f"it has prices of 0 models, fewer than {LEAST_MODELS}"),
    (models_dev(openai={}), f"it has prices of 4 models, fewer than {LEAST_MODELS}"),
    (models_dev(anthropic={}), "it knows 0 of Claude's models, fewer than 3"),
    (
        models_dev(anthropic=CLAUDE | {"claude-opus-5": {"input": 16, "output": 30}}),
        "it says 16 USD for input of claude-opus-5, which is 5 here: more than 3 times apart",
    ),
    (
        models_dev(anthropic=CLAUDE | {"claude-opus-5": {"input": 5, "output": 8}}),
        "it says 8 USD for output of claude-opus-5, which is 25 here: more than 3 times apart",
    ),
    (
        models_dev(xai={f"bad-{n}": {"input": -1, "output": 1} for n in range(3)}),
        "3 of its 107 models have negative or absurd prices",
    ),
]


@pytest.mark.parametrize(("document", "reason"), REFUSED)
def test_a_list_that_cannot_be_believed_says_why(document: bytes, reason: str) -> None:
    assert refused(document) == reason


@pytest.mark.parametrize("rates", [{"input": -1, "output": 1}, {"input": 1, "output": 2001}])
def test_one_absurd_price_is_left_out(rates: dict[str, float]) -> None:
    assert "bad" not in accepted(models_dev(xai={"bad": rates})).prices


def test_a_price_that_has_jumped_stays_as_it_was_and_is_named() -> None:
    before = accepted(models_dev(xai={"a": {"input": 1, "output": 1}, "b": {"input": 1, "output": 1}}))
    found = accepted(
        models_dev(xai={"a": {"input": 10.5, "output": 1}, "b": {"input": 9.5, "output": 1}}), before
    )
    assert (found.prices["a"], found.prices["b"]) == (Price(1, 1), Price(9.5, 1))
    assert found.kept == ("a",)


def test_what_was_accepted_is_read_back_as_it_was() -> None:
    found = accepted(
        models_dev(xai={"x": {"input": 1, "output": 2, "context_over_200k": {"input": 2, "output": 3}}})
    )
    assert from_document(json.loads(as_text(found))) == found


DAMAGED: list[dict[str, Any]] = [
    {},
    {"prices": [], "long": {}},
    {"prices": {"a": "x"}, "long": {}},
    {"prices": {"a": [1, 2, 3, 4, 5, 6]}, "long": {}},
    {"prices": {"a": [-1, 2, None, None, None]}, "long": {}},
    {"prices": {}, "long": {"a": [True]}, "x": 1},
    {"prices": {}, "long": {"a": [1, "x"]}},
    {"prices": {}, "long": {"a": [math.inf, 1, 2]}},
    {"prices": {}, "long": {"a": [1, math.nan, 2]}},
]


@pytest.mark.parametrize("document", DAMAGED)
def test_what_is_damaged_is_no_list(document: dict[str, Any]) -> None:
    assert from_document(document) in (None, Listed({}, {"a": Long(1, Price())}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["models", "cost", "input", "output", "tiers", "tier", "size", "providers", "a"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(JSON)
def test_nothing_that_a_list_holds_is_more_than_refused(document: Any) -> None:
    found = examined(
        json.dumps({"a": document, "anthropic": {"models": {"m": document}}}).encode(), shipped(), None
    )
    assert isinstance(found, Rejected)


@given(JSON)
def test_nothing_that_stands_in_the_kept_file_is_more_than_ignored(document: Any) -> None:
    from_document({"prices": document, "long": document})
