"""Each row of the table is met by real answers, and says of them what it is there to say."""

from itertools import pairwise
from typing import get_args

import pytest
from answers import COUNT, MODEL, Fixture, answer, error, fixtures, openai
from hypothesis import given
from hypothesis import strategies as st

from ccflared.providers import facts
from ccflared.providers.observe import observe, observe_event
from ccflared.providers.rows import ROWS, row_of
from ccflared.providers.signs import NO_SIGNS, Meaning, Signs, signs_for
from ccflared.wire import Head, Observation

NOW = 1_790_000_000.0
FIXTURES = fixtures(NOW)
KINDS = {
    *(
        "limit",
        "windowless limit",
        "out of credits",
        "extra usage",
        "overloaded",
        "concurrency",
        "credential",
    ),
    *(
        "payment",
        "forbidden",
        "time-out",
        "server error",
        "redirect",
        "not the API",
        "no such model",
        "too long",
    ),
    *("invalid request", "served"),
}


def signs(fixture: Fixture) -> Signs:
    return signs_for(fixture.provider, "")


def read(fixture: Fixture) -> facts.Facts:
    known, model, head = signs(fixture), fixture.model, fixture.head
    if fixture.event is not None:
        return facts.read_event(fixture.event, head, NOW, signs=known, model=model)
    return facts.read(fixture.path, head, fixture.body, NOW, signs=known, model=model)


def seen(fixture: Fixture) -> Observation | None:
    known, model, head = signs(fixture), fixture.model, fixture.head
    if fixture.event is not None:
        return observe_event(fixture.event, head, NOW, signs=known, model=model)
    return observe(fixture.path, head, fixture.body, NOW, signs=known, model=model)


each_fixture = pytest.mark.parametrize("fixture", FIXTURES, ids=[f.name for f in FIXTURES])


@each_fixture
def test_an_answer_falls_into_its_row(fixture: Fixture) -> None:
    assert row_of(read(fixture)).name == fixture.row


@each_fixture
def test_an_answer_says_what_its_row_says_and_until_when_it_was_told(fixture: Fixture) -> None:
    row = next(row for row in ROWS if row.name == fixture.row)
    observation = seen(fixture)
    if row.client and fixture.event is None:
        assert observation is None
        return
    assert observation is not None
    assert (observation.scope, observation.kind, observation.confidence) == (
        row.scope,
        row.kind,
        row.confidence,
    )
    until = None if fixture.expect_until_offset is None else NOW + fixture.expect_until_offset
    assert observation.until == until
    assert observation.reason.isprintable()
    assert "{" not in observation.reason
    assert ("told inside" in observation.reason) is (read(fixture).inside)


def test_no_row_is_without_an_answer_and_no_answer_without_a_row() -> None:
    assert {fixture.row for fixture in FIXTURES} == {row.name for row in ROWS}


def test_rows_have_names_of_their_own_and_kinds_that_the_pool_knows() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert {row.kind for row in ROWS} == KINDS
    for row in ROWS:
        assert len(row.name) <= 40
        assert row.name.isprintable()
        assert not row.reason.endswith(".")
        assert not row.client or row.scope == "request"


def test_fixtures_have_names_of_their_own() -> None:
    assert len({fixture.name for fixture in FIXTURES}) == len(FIXTURES)


@pytest.mark.parametrize("row", range(len(ROWS) - 1), ids=[row.name for row in ROWS[:-1]])
def test_no_row_could_be_left_out(row: int) -> None:
    """Without it, one of its own answers would be taken for something else."""
    rest = ROWS[:row] + ROWS[row + 1 :]
    mine = [fixture for fixture in FIXTURES if fixture.row == ROWS[row].name]
    others = [next(r for r in rest if r.when(read(fixture))) for fixture in mine]
    assert any(
        (other.scope, other.kind, other.reason, other.until, other.confidence)
        != (ROWS[row].scope, ROWS[row].kind, ROWS[row].reason, ROWS[row].until, ROWS[row].confidence)
        for other in others
    )


MESSAGE_FIXTURES = [f for f in FIXTURES if f.path == "/v1/messages" and f.event is None]


@pytest.mark.parametrize("path", [COUNT, "/v1/models", "/v1/models/claude-opus-4-5"])
@pytest.mark.parametrize("fixture", MESSAGE_FIXTURES, ids=[f.name for f in MESSAGE_FIXTURES])
def test_what_comes_of_counting_or_listing_says_nothing_of_an_account(fixture: Fixture, path: str) -> None:
    told = observe(path, fixture.head, fixture.body, NOW, signs=signs(fixture), model=fixture.model)
    assert told is None or told.scope == "request"


@pytest.mark.parametrize("path", ["/v1/files", "/v1/messages/batches", "/api/hello", "/", "/v1/modelsx"])
@pytest.mark.parametrize("fixture", MESSAGE_FIXTURES, ids=[f.name for f in MESSAGE_FIXTURES])
def test_what_is_passed_through_is_the_clients(fixture: Fixture, path: str) -> None:
    assert observe(path, fixture.head, fixture.body, NOW, signs=signs(fixture), model=fixture.model) is None


@pytest.mark.parametrize(
    ("provider", "base_url", "known"),
    [
        ("zai", "https://api.z.ai/api/anthropic", True),
        ("zai", "https://gateway.example.com", True),
        ("anthropic-compatible", "https://api.z.ai/api/anthropic", True),
        ("anthropic-compatible", "https://open.bigmodel.cn/api/anthropic", True),
        ("anthropic-compatible", "https://API.Z.AI:443/x", True),
        ("anthropic-compatible", "https://eu.api.minimax.io/anthropic", True),
        ("anthropic-compatible", "https://notapi.z.ai.example.com", False),
        ("anthropic-compatible", "https://evilapi.z.ai", False),
        ("anthropic", "https://api.anthropic.com", False),
        ("anthropic", "https://[broken", False),
        ("", "", False),
    ],
)
def test_codes_are_known_by_the_providers_name_or_its_host(provider: str, base_url: str, known: bool) -> None:
    assert (signs_for(provider, base_url) is not NO_SIGNS) is known


def test_every_meaning_has_a_row_and_a_code() -> None:
    tables = [signs_for("zai", ""), signs_for("minimax", "")]
    assert {meaning for table in tables for meaning in table.meanings.values()} == set(get_args(Meaning))
    for meaning in get_args(Meaning):
        code = next(code for table in tables for code, means in table.meanings.items() if means == meaning)
        table = next(table for table in tables if code in table.meanings)
        fixture = answer("", "", 429, {}, error(code, ""))
        row = row_of(facts.read("/v1/messages", fixture.head, fixture.body, NOW, signs=table))
        assert row.name.startswith("code for ")


def test_a_code_says_nothing_where_its_provider_is_not_known() -> None:
    fixture = answer("", "", 429, {}, error("1113", "Insufficient balance"))
    told = observe("/v1/messages", fixture.head, fixture.body, NOW)
    assert told is not None
    assert (told.kind, told.confidence) == ("limit", "inferred")


@pytest.mark.parametrize(
    ("message", "at"),
    [
        ("reset at 2025-10-03 08:23:14", 1_759_450_994.0),
        ("reset at 2025-10-03T08:23:14 (soon)", 1_759_450_994.0),
        ("将在 2025-10-03 08:23:14 重置", 1_759_450_994.0),
        ("reset at 2025-13-03 08:23:14", None),
        ("reset at 0000-01-01 00:00:00", None),
        ("reset at 2025-10-03", None),
        ("reset soon", None),
        ("", None),
    ],
)
def test_a_wall_clock_time_is_read_in_the_providers_zone(message: str, at: float | None) -> None:
    assert signs_for("zai", "").time_in(message) == at
    assert NO_SIGNS.time_in(message) is None


STRANGE = [
    b"{",
    b"[]",
    b'{"error":null}',
    b'{"error":[]}',
    b'{"error":{"type":[],"code":{},"message":7}}',
    b'{"error":{"type":true,"code":false}}',
    b'{"error":{"code":' + b"9" * 5000 + b"}}",
    b'{"error":{"code":1e999}}',
    b'{"base_resp":7}',
    b'{"error":' * 3000,
    openai("x" * 100_000, "y" * 100_000, "z" * 100_000),
    b"\xff\xfe<html>",
]


@pytest.mark.parametrize("body", STRANGE, ids=lambda body: ascii(body[:24]))
@pytest.mark.parametrize("status", [200, 400, 403, 404, 429, 500, 529])
def test_no_body_is_too_strange(status: int, body: bytes) -> None:
    for known in (NO_SIGNS, signs_for("zai", "")):
        fixture = answer("", "", status, {"content-type": "application/json"}, body)
        told = observe("/v1/messages", fixture.head, body, NOW, signs=known, model=MODEL)
        assert told is None or (told.reason.isprintable() and len(told.reason) < 300)


NAMES = st.sampled_from(sorted({name for fixture in FIXTURES for name, _ in fixture.headers}))
VALUES = st.one_of(
    st.binary(max_size=24),
    st.sampled_from(sorted({value for fixture in FIXTURES for _, value in fixture.headers})),
)
BODIES = st.one_of(st.binary(max_size=40), st.sampled_from([fixture.body for fixture in FIXTURES]))


@given(
    st.integers(100, 999),
    st.lists(st.tuples(NAMES, VALUES), max_size=8),
    BODIES,
    st.sampled_from([None, MODEL]),
)
def test_any_mixture_of_answers_falls_into_a_row(
    status: int, headers: list[tuple[bytes, bytes]], body: bytes, model: str | None
) -> None:
    head = Head(status, tuple(headers))
    told = observe("/v1/messages", head, body, NOW, signs=signs_for("zai", ""), model=model)
    event = observe_event(body, head, NOW, model=model)
    for one in (told, event):
        if one is not None:
            assert one.reason.isprintable()
            assert one.until is None or abs(one.until) < 1e13


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_a_success_says_nothing_of_limits(headers: list[tuple[bytes, bytes]]) -> None:
    head = Head(200, ((b"content-type", b"application/json"), *headers))
    assert observe("/v1/messages", head, b"", NOW) is None


def test_rows_for_a_model_come_before_the_same_for_an_account() -> None:
    names = [row.name for row in ROWS]
    for narrow, wide in (
        ("spent window of a model family", "spent window"),
        ("family refused by a plan", "refused by a plan"),
        ("limit a minute of a model", "limit a minute"),
        ("403 about the model", "403"),
        ("429 to be retried", "bare 429"),
    ):
        assert all(a < b for a, b in pairwise((names.index(narrow), names.index(wide))))
