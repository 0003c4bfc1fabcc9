"""The words for a client when nobody is left to serve it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.pool.candidates import Block
from ccflared.pool.refusal import Refusal, refuse

NOW = 1_790_000_000.0


def resting(seconds: float) -> Block:
    return Block("resting", "limit reached", NOW + seconds, limit=True)


def cooling(seconds: float) -> Block:
    return Block("cooling", "m: limit reached", NOW + seconds, limit=True)


REJECTED = Block("rejected", "401", NOW + 300)
BY_HAND = Block("paused", "paused by hand")
SCHEDULED = Block("paused", "its pause_schedule says so", NOW + 3600)
BUDGET = Block("paused", "its budget is spent", NOW + 7200, limit=True)
BUSY = Block("busy", "3 requests are running")

# blocks, until when those that failed are in doubt, status, wait, what is told
REFUSALS: list[tuple[list[Block], list[float | None], int, int | None, str]] = [
    ([], [], 503, None, "No account can serve this request"),
    ([resting(30)], [], 429, 30, "The account has reached a limit. The first is expected back in 30 s."),
    ([resting(30.2)], [], 429, 31, "back in 31 s"),
    ([resting(31)], [], 429, 31, "back in 31 s"),
    ([resting(0.001)], [], 429, 1, "back in 1 s"),
    ([resting(0)], [], 429, 1, "back in 1 s"),
    ([resting(-5)], [], 429, 1, "back in 1 s"),
    ([resting(119)], [], 429, 119, "back in 119 s"),
    ([resting(120)], [], 429, 120, "back in 2 min"),
    ([resting(7199)], [], 429, 7199, "back in 120 min"),
    ([resting(7200)], [], 429, 7200, "back in 2.0 h"),
    ([resting(8 * 86400)], [], 429, 691200, "back in 192.0 h"),
    ([resting(600), resting(300), resting(900)], [], 429, 300, "All 3 accounts have reached a limit."),
    ([cooling(60)], [], 429, 60, "The account has reached a limit for this model."),
    ([cooling(60), cooling(5)], [], 429, 5, "All 2 accounts have reached a limit for this model."),
    ([cooling(60), resting(90)], [], 429, 60, "All 2 accounts have reached a limit. "),
    ([BUDGET], [], 429, 7200, "The account has reached a limit."),
    ([BUDGET, resting(60)], [], 429, 60, "All 2 accounts have reached a limit."),
    ([resting(600)], [NOW + 20], 503, 20, "(1 failing, 1 at a limit)"),
    ([resting(10)], [NOW + 20], 503, 10, "(1 failing, 1 at a limit)"),
    ([resting(600), REJECTED], [], 503, 600, "(1 at a limit, 1 not accepted upstream)"),
    ([REJECTED], [NOW + 20], 503, 20, "(1 failing, 1 not accepted upstream)"),
    ([], [NOW + 20, NOW + 5], 503, 5, "(2 failing)"),
    ([resting(60), cooling(90), SCHEDULED, REJECTED, BUSY], [NOW + 9], 503, 1, "(1 failing, 1 at a limit, 1 at a limit for this model, 1 paused, 1 not accepted upstream, 1 busy)"),
    # who ends by a person promises nothing
    ([REJECTED, REJECTED], [], 503, None, "(2 not accepted upstream)."),
    ([BY_HAND], [], 503, None, "(1 paused)."),
    ([BY_HAND, resting(60)], [], 503, 60, "(1 at a limit, 1 paused)"),
    ([SCHEDULED], [], 503, 3600, "(1 paused). The first is expected back in 60 min."),
    # a full house has room again at any moment
    ([BUSY], [], 503, 1, "(1 busy). The first is expected back in 1 s."),
    ([BUSY, resting(600)], [], 503, 1, "(1 at a limit, 1 busy)"),
    # the tries were used up before all had been asked
    ([], [None], 503, 1, "(1 failing)"),
    ([resting(3600)], [None], 503, 1, "back in 1 s"),
]  # fmt: skip


@pytest.mark.parametrize(("blocks", "failing", "status", "wait", "told"), REFUSALS, ids=lambda value: str(value)[:40])  # fmt: skip
def test_a_refusal_says_why_and_when_to_come_back(
    blocks: list[Block], failing: list[float | None], status: int, wait: int | None, told: str
) -> None:
    said = refuse(blocks, failing, NOW)
    assert (said.status, said.wait) == (status, wait)
    assert said.kind == ("rate_limit_error" if status == 429 else "overloaded_error")
    assert told in said.message
    assert (" expected back " in said.message) is (wait is not None)


BLOCKS = st.sampled_from([resting(60), cooling(7), REJECTED, BY_HAND, SCHEDULED, BUDGET, BUSY])


@given(st.lists(BLOCKS, max_size=5), st.lists(st.none() | st.floats(NOW, NOW + 600), max_size=4))
def test_a_refusal_is_a_429_if_limits_are_all_there_is_and_repeats_no_reason(
    blocks: list[Block], failing: list[float | None]
) -> None:
    said = refuse([replace(block, reason="account work-7: key sk-1") for block in blocks], failing, NOW)
    assert isinstance(said, Refusal)
    assert (said.status == 429) is (bool(blocks) and not failing and all(block.limit for block in blocks))
    assert "work-7" not in said.message
    assert said.wait is None or said.wait >= 1


def test_a_pause_that_a_budget_makes_is_told_as_what_it_is() -> None:
    spent = Block("paused", "the daily budget of 5.00 USD is spent", NOW + 60, limit=True, by="budget")
    unknown = Block("paused", "nobody knows what it costs", by="budget", unpriced="vendor/mid")
    said = refuse([spent, unknown, BY_HAND], (), NOW).message
    assert "(1 paused, 1 over budget, 1 without a known price)" in said
    assert said.endswith(
        'add [pricing."vendor/mid"] with input = … and output = …, in USD per million tokens.'
    )


def test_budgets_alone_are_named_with_their_end() -> None:
    spent = Block("paused", "the daily budget of 5.00 USD is spent", NOW + 7200, limit=True, by="budget")
    other = Block("paused", "the monthly budget of 9.00 USD is spent", NOW + 9000, limit=True, by="budget")
    assert refuse([spent], (), NOW).message == (
        "The account has reached a limit: the daily budget of 5.00 USD is spent. "
        "The first is expected back in 2.0 h."
    )
    assert refuse([spent, spent], (), NOW).message.startswith(
        "All 2 accounts have reached a limit: the daily budget of 5.00 USD is spent."
    )
    both = refuse([spent, other], (), NOW)
    assert both.message.startswith("All 2 accounts have reached a limit: what they may cost is spent.")
    assert (both.status, both.wait) == (429, 7200)


def test_where_there_is_no_account_at_all_it_says_how_to_add_one() -> None:
    said = refuse([], [], NOW, any_account=False)
    assert (said.status, said.kind, said.wait) == (503, "overloaded_error", None)
    assert "no account yet" in said.message
    assert "`ccflared account add`" in said.message
