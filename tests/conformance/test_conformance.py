"""Every case of the measurement, against ``ccflared run``; README.md beside this file says what they are."""

from collections.abc import Iterator

import pytest
from book import BOOK
from cases import Case, Stage
from subject import ccflared

ALL = [(category.name, case) for category in BOOK for case in category.cases]


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One daemon for all cases of accounts that speak Chat Completions."""
    with ccflared(tmp_path_factory.mktemp("chat"), "chat") as stage:
        yield stage


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One for those of accounts that speak Messages."""
    with ccflared(tmp_path_factory.mktemp("messages"), "messages") as stage:
        yield stage


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{name}: {case.name}") for name, case in ALL])
def test_what_the_apis_demand_holds_on_both_sides(case: Case, request: pytest.FixtureRequest) -> None:
    stage: Stage = request.getfixturevalue(case.upstream)
    case.run(stage)


def test_no_two_cases_have_one_name() -> None:
    names = [(name, case.name) for name, case in ALL]
    assert len(names) == len(set(names))


def test_there_are_as_many_cases_as_were_promised() -> None:
    least = {
        "F request mapping": 48,
        "F edge inputs": 10,
        "F count_tokens": 3,
        "F JSON responses": 23,
        "F streams": 47,
        "F errors": 15,
        "C chat inbound": 22,
        "R responses inbound": 30,
    }
    assert {category.name for category in BOOK} == least.keys()
    assert all(len(category.cases) >= least[category.name] for category in BOOK)
