"""What requests cost, worked out by hand: each case has its arithmetic beside it, in millionths of a USD.

A price of so many USD per million tokens is as many millionths of a USD for one token.
"""

import json
from typing import Any

import pytest

from ccflared.config.model import Price
from ccflared.money.pricing import Prices, at_least, priced, prices_of, reported_cost
from ccflared.money.usage import Meter

LISTED = prices_of({})


def cost(answer: dict[str, Any], prices: Prices = LISTED) -> int | None:
    """Return what a whole answer costs by list price."""
    meter = read(answer)
    return priced(meter.model, meter.tokens, prices)


def read(answer: dict[str, Any]) -> Meter:
    meter = Meter()
    meter.piece(json.dumps(answer).encode())
    meter.end()
    return meter


def messages(model: str, **usage: Any) -> dict[str, Any]:
    return {"type": "message", "model": model, "content": [], "usage": usage}


def chat(model: str, prompt: int, output: int, **more: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output, **more}
    return {
        "model": model,
        "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}],
        "usage": usage,
    }


def test_a_plain_request_of_sonnet() -> None:
    # 1200 x 3 = 3600; 350 x 15 = 5250; 8850 in all: 0.00885 USD
    answer = messages("claude-sonnet-4-5-20250929", input_tokens=1200, output_tokens=350)
    assert cost(answer) == 8_850


def test_what_is_read_from_the_cache_costs_a_tenth_and_is_not_input_as_well() -> None:
    # 12 x 5 = 60; 48,000 x 0.5 = 24,000; 640 x 25 = 16,000; 40,060 in all
    answer = messages(
        "claude-opus-4-5-20251101", input_tokens=12, cache_read_input_tokens=48_000, output_tokens=640
    )
    assert cost(answer) == 40_060


def test_a_cache_of_five_minutes_and_one_of_an_hour_have_prices_of_their_own() -> None:
    # 10 x 3 = 30; 2000 x 3.75 = 7500; 5000 x 6 = 30,000; 100 x 15 = 1500; 39,030 in all.
    # At the rate of five minutes for all 7000 it would be 30 + 26,250 + 1500 = 27,780.
    answer = messages(
        "claude-sonnet-4-6",
        input_tokens=10,
        cache_creation_input_tokens=7000,
        cache_creation={"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 5000},
        cache_read_input_tokens=0,
        output_tokens=100,
    )
    assert cost(answer) == 39_030


def test_thinking_is_part_of_the_output_and_billed_once() -> None:
    # The provider counts 1800 output tokens, 1500 of them thought: 1800 x 25 = 45,000; 900 x 5 = 4500.
    answer = messages("claude-opus-4-8", input_tokens=900, output_tokens=1800)
    answer["content"] = [{"type": "thinking", "thinking": "x" * 6000}, {"type": "text", "text": "yes"}]
    assert cost(answer) == 49_500


def test_reasoning_of_chat_is_part_of_the_output_and_billed_once() -> None:
    # 800 x 1.25 = 1000; 500 x 10 = 5000, the 450 that were thought among them
    answer = chat("gpt-5-2025-08-07", 800, 500, completion_tokens_details={"reasoning_tokens": 450})
    assert cost(answer) == 6_000


def test_cached_tokens_of_chat_are_taken_out_of_the_prompt() -> None:
    # 10,000 prompt tokens, 9000 of them cached: 1000 x 2 = 2000; 9000 x 0.5 = 4500; 200 x 8 = 1600
    answer = chat("gpt-4.1-2025-04-14", 10_000, 200, prompt_tokens_details={"cached_tokens": 9_000})
    assert cost(answer) == 8_100


def test_the_case_in_which_others_count_the_cache_twice() -> None:
    # 4 x 3 = 12; 12,304 x 3.75 = 46,140; 550 x 15 = 8250; 54,402 in all: the 0.0544 USD that were billed.
    # With what was written counted as input once more, 12,304 x 3 = 36,912 on top, it would be the 0.0913 USD
    # that were shown for it elsewhere.
    usage = {"input_tokens": 4, "cache_creation_input_tokens": 12_304, "output_tokens": 550}
    assert cost(messages("claude-3-7-sonnet-20250219", **usage)) == 54_402
    assert f"{54_402 / 1e6:.4f}" == "0.0544"
    assert f"{(54_402 + 36_912) / 1e6:.4f}" == "0.0913"
    # and the same told as Chat Completions do, where the prompt has everything in it
    answer = chat(
        "claude-3-7-sonnet-20250219", 12_308, 550, prompt_tokens_details={"cache_write_tokens": 12_304}
    )
    assert cost(answer) == 54_402


def test_a_prompt_of_more_than_200_000_tokens_costs_more_in_all() -> None:
    # 1000 + 199,500 = 200,500 tokens of prompt: 1000 x 6 = 6000; 199,500 x 0.6 = 119,700; 100 x 22.5 = 2250
    answer = messages(
        "claude-sonnet-4-5", input_tokens=1000, cache_read_input_tokens=199_500, output_tokens=100
    )
    assert cost(answer) == 127_950


def test_a_haiku_whose_price_goes_by_the_prompt() -> None:
    # 50,000 x 0.1 = 5000; 1000 x 0.5 = 500 — and of twice as long and more 120,000 x 0.5 = 60,000; 1000 x 2.5 = 2500
    assert cost(messages("claude-haiku-5-5", input_tokens=50_000, output_tokens=1000)) == 5_500
    assert cost(messages("claude-haiku-5-5", input_tokens=120_000, output_tokens=1000)) == 62_500


def test_a_summary_on_the_way_is_billed() -> None:
    # (23,000 + 180,000) x 5 = 1,015,000; (1000 + 3500) x 25 = 112,500
    steps = [
        {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_500},
        {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000},
    ]
    answer = messages("claude-opus-4-6", input_tokens=23_000, output_tokens=1_000, iterations=steps)
    assert cost(answer) == 1_127_500


def test_an_answer_that_reports_nothing_but_zeros_costs_nothing_and_one_that_reports_none_is_unknown() -> (
    None
):
    assert cost(messages("claude-sonnet-5", input_tokens=0, output_tokens=0)) == 0
    assert cost(messages("claude-sonnet-5")) is None


def test_an_unknown_rate_makes_the_cost_unknown_and_a_budget_counts_it_as_input() -> None:
    # fable 5.2: 8 and 40, of caches nothing is known
    meter = read(
        messages("claude-fable-5-2", input_tokens=100, cache_read_input_tokens=1000, output_tokens=10)
    )
    assert priced(meter.model, meter.tokens, LISTED) is None
    # (100 + 1000) x 8 = 8800; 10 x 40 = 400
    assert at_least(meter.model, meter.tokens, LISTED) == 9_200
    # without the cache it is exact: 800 + 400
    assert cost(messages("claude-fable-5-2", input_tokens=100, output_tokens=10)) == 1_200


def test_a_model_without_a_price_is_unknown_never_nothing() -> None:
    assert cost(messages("vendor/new", input_tokens=100, output_tokens=10)) is None


def test_a_half_of_a_millionth_is_rounded_up_once_at_the_end() -> None:
    # 1 x 0.25 = 0.25; 1 x 0.125 = 0.125; 1 x 0.125 = 0.125: one half in all, though each alone is less
    own = prices_of({"m": Price(input=0.25, output=0.125, cache_read=0.125)})
    answer = messages("m", input_tokens=1, output_tokens=1, cache_read_input_tokens=1)
    assert cost(answer, own) == 1
    # 7 x 0.3 = 2.1, which is not 2.0999… rounded in binary
    assert cost(messages("m", input_tokens=7, output_tokens=0), prices_of({"m": Price(0.3, 1)})) == 2
    assert cost(messages("m", input_tokens=5, output_tokens=0), prices_of({"m": Price(0.3, 1)})) == 2


@pytest.mark.parametrize(
    ("usage", "millionths"),
    [
        # USD with more digits than there are millionths
        ({"cost": 0.00014625}, 146),
        ({"cost": 0.0000005}, 1),
        # a free model is told to be so
        ({"cost": 0}, 0),
        # a key of one's own: the fee of five per cent, and what the provider bills; 0.95 + 19
        ({"cost": 0.95, "is_byok": True, "cost_details": {"upstream_inference_cost": 19}}, 19_950_000),
        ({"cost": 0.95, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.95}}, 950_000),
        ({"cost": 0.02, "cost_details": {"upstream_inference_cost": None}}, 20_000),
        # what the provider bills is not told: then nobody knows
        ({"cost": 0.95, "is_byok": True, "cost_details": {"upstream_inference_cost": None}}, None),
        ({"cost": 0.95, "is_byok": True}, None),
        ({"cost": "1"}, None),
        ({"cost": -1}, None),
        ({}, None),
    ],
)
def test_what_a_provider_says_that_it_bills(usage: dict[str, Any], millionths: int | None) -> None:
    meter = read(chat("openai/gpt-5", 10, 10, **usage))
    assert reported_cost(meter.usage, ()) == millionths
