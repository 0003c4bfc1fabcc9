"""What is learnt, as text and back: the same comes out, and damaged text is forgotten without a word."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.config.model import Routing
from ccflared.pool.remembered import (
    binding_of,
    binding_text,
    learnt_of,
    learnt_text,
    standing_of,
    standing_text,
)
from ccflared.pool.sessions import Binding
from ccflared.pool.states import NOTHING, Learnt, Mark, Standing, after, after_success
from ccflared.wire import Observation, Quota, Window

TIMES = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=20)
MARKS = st.builds(Mark, TIMES, TIMES, TEXTS, st.integers(0, 2**53 - 1))
LEARNT = st.builds(Learnt, MARKS, MARKS, MARKS)
WINDOWS = st.builds(
    Window,
    TEXTS,
    st.none() | TIMES,
    st.none() | TIMES,
    st.booleans(),
    st.none() | TEXTS,
    st.none() | TIMES,
    st.booleans(),
)
QUOTAS = st.builds(
    Quota, TIMES, st.lists(WINDOWS, max_size=3).map(tuple), st.sampled_from(["in use", "available", "unavailable", None]),
    st.booleans(),
)  # fmt: skip
STANDINGS = st.builds(
    Standing,
    TEXTS,
    LEARNT,
    st.dictionaries(TEXTS, LEARNT, max_size=3),
    st.none() | QUOTAS,
    st.none() | TIMES,
    st.booleans(),
)


@given(STANDINGS)
def test_a_standing_comes_back_as_it_was(standing: Standing) -> None:
    known = standing_of(standing_text(standing))
    assert known == standing
    assert known is not None
    # Who told of usage, and when, is compared nowhere else.
    assert repr(known.quota) == repr(standing.quota)
    assert list(known.models) == list(standing.models), "the oldest is forgotten first"


@given(st.builds(Binding, TEXTS, TEXTS, TIMES, TIMES))
def test_a_binding_comes_back_as_it_was(binding: Binding) -> None:
    assert binding_of(binding_text(binding)) == binding


@given(LEARNT)
def test_what_is_known_of_a_place_comes_back_as_it_was(known: Learnt) -> None:
    assert learnt_of(learnt_text(known)) == known


def test_nothing_comes_back_as_the_one_nothing() -> None:
    # the hot path asks for identity
    known = standing_of(standing_text(Standing("f", models={"m": NOTHING}, accepted=True)))
    assert known is not None
    assert known.account is NOTHING
    assert known.models["m"] is NOTHING
    assert after_success(known, "m", 1.0) is known


def test_text_is_plain_and_short() -> None:
    standing = after(Standing("f"), Observation("account", "limit", "grün\ud800"), None, 5.0, Routing())
    text = standing_text(standing)
    assert text.isascii()
    assert "\n" not in text
    assert standing_of(text) == standing
    assert len(standing_text(Standing())) < 100


@given(st.text(max_size=60))
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    for read in (standing_of, binding_of, learnt_of):
        read(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["account", "models", "quota", "rest", "windows", "until"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_value_is_too_strange_to_be_read(value: object) -> None:
    for read in (standing_of, binding_of, learnt_of):
        read(json.dumps(value))


WHOLE = replace(
    after(Standing("f"), Observation("account", "limit", "x"), None, 5.0, Routing()),
    models={"m": Learnt(reject=Mark(1.0, 2.0, "y"))},
    quota=Quota(3.0, (Window("5h", 0.5, 9.0),), "in use"),
    session_since=4.0,
)


@given(st.data(), JSON)
def test_a_standing_of_which_one_value_is_another_is_a_standing_or_nothing(
    data: st.DataObject, other: object
) -> None:
    value = json.loads(standing_text(WHOLE))
    place = value
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = other
    known = standing_of(json.dumps(value))
    if known is not None:
        # whatever came out can be learnt with, and written again
        known = after(known, Observation("model", "connect", "x"), "m", 6.0, Routing())
        known = after(known, Observation("account", "limit", "x"), None, 6.0, Routing())
        assert standing_of(standing_text(known)) == known


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "1", '"rest"', "{}" * 2, "[" * 100_000, "9" * 5000])
def test_text_that_is_no_memory_is_none(text: str) -> None:
    assert standing_of(text) is None
    assert binding_of(text) is None
    assert learnt_of(text) is None


MARK = {"since": 1, "until": 2, "reason": "x", "count": 0}


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": "1"},
        {"since": True},
        {"since": float("nan")},
        {"until": float("inf")},
        {"until": 10**400},
        {"until": None},
        {"reason": 5},
        {"count": 1.0},
        {"count": True},
        {"count": -1},
        {"count": 2**53},
    ],
    ids=str,
)
def test_a_mark_of_other_values_is_none(wrong: dict[str, object]) -> None:
    assert learnt_of(json.dumps({"rest": MARK})) == Learnt(rest=Mark(1.0, 2.0, "x"))
    assert learnt_of(json.dumps({"rest": {**MARK, **wrong}})) is None


def test_paid_usage_has_three_words() -> None:
    value = json.loads(standing_text(WHOLE))
    value["quota"]["overage"] = "sometimes"
    assert standing_of(json.dumps(value)) is None
