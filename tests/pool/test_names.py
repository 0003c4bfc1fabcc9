"""Which names can be asked for, and what an alias stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.config.chain_kinds import Step
from ccflared.config.model import Account, Config, Fallback, Provider
from ccflared.pool.models import Map
from ccflared.pool.names import (
    alias_of,
    aliased,
    chained_names,
    is_foreign,
    known_names,
    offered,
    with_aliases,
)

OPUS, SONNET = "claude-opus-4-8", "claude-sonnet-5"
NAMES = frozenset(
    {"gpt-5", "vendor/big", "claude-house", "house", OPUS, "opus-max", "anthropic/claude-x", "claude-gpt-4"}
)

# requested, what is meant
ALIASES: list[tuple[str, str]] = [
    ("claude-gpt-5", "gpt-5"),
    ("claude-vendor/big", "vendor/big"),
    # the name itself is no alias, and neither is any other
    ("gpt-5", "gpt-5"),
    ("vendor/big", "vendor/big"),
    (OPUS, OPUS),
    ("claude-next-1", "claude-next-1"),
    # of a name that nobody knows
    ("claude-gpt-6", "claude-gpt-6"),
    ("claude-", "claude-"),
    ("", ""),
    # a name that stands in the file is that model, and no alias of another
    ("claude-house", "claude-house"),
    # Claude's own models have none
    ("claude-opus-max", "claude-opus-max"),
    ("claude-anthropic/claude-x", "claude-anthropic/claude-x"),
    # ids are told apart by case, and aliases of aliases there are none
    ("Claude-gpt-5", "Claude-gpt-5"),
    ("claude-claude-gpt-5", "claude-claude-gpt-5"),
    ("claude-claude-gpt-4", "claude-claude-gpt-4"),
]


@pytest.mark.parametrize(("requested", "meant"), ALIASES)
def test_an_alias_stands_for_a_foreign_model_that_is_known(requested: str, meant: str) -> None:
    assert aliased(requested, NAMES) == meant


@given(st.text(max_size=20), st.sets(st.text(max_size=12), max_size=4))
def test_what_an_alias_stands_for_is_known_and_stays_itself(requested: str, names: set[str]) -> None:
    meant = aliased(requested, names)
    assert meant == requested or meant in names
    assert aliased(meant, names) == meant
    assert aliased(requested, {*names, requested}) == requested


@given(st.lists(st.text(min_size=1, max_size=12), max_size=5))
def test_every_name_that_is_listed_asks_for_what_it_stands_for(names: list[str]) -> None:
    listed = list(with_aliases(names))
    assert len({shown for shown, _ in listed}) == len(listed)
    assert all(aliased(shown, set(names)) == meant for shown, meant in listed)
    assert [shown for shown, meant in listed if shown == meant] == list(dict.fromkeys(names))


@pytest.mark.parametrize("name", ["gpt-5", "vendor/big", "kimi-k3", "octopus", "my claude"])
def test_what_claude_code_would_not_show_is_foreign_and_has_an_alias(name: str) -> None:
    assert is_foreign(name)
    assert alias_of(name) == f"claude-{name}"


@pytest.mark.parametrize("name", [OPUS, "Claude-x", "anthropic/claude-x", "vendor/sonnet-large", "haiku"])
def test_what_looks_like_one_of_claudes_has_no_alias(name: str) -> None:
    assert not is_foreign(name)
    assert alias_of(name) is None


def test_an_alias_stands_behind_its_model_and_gives_way_to_a_real_name() -> None:
    assert list(with_aliases([OPUS, "gpt-5", "house", "claude-house", "gpt-5"])) == [
        (OPUS, OPUS),
        ("gpt-5", "gpt-5"),
        ("claude-gpt-5", "gpt-5"),
        ("house", "house"),
        ("claude-house", "claude-house"),
    ]


CONFIG = Config(
    providers={
        "plan": Provider(),
        "router": Provider(models={"vendor/alias": ("vendor/new",), "claude-3-*": ("=", "vendor/small")}),
        "unused": Provider(models={"nobody": ("nothing",)}),
    },
    accounts={
        "a": Account("a", "plan"),
        "b": Account("b", "router", models={"opus": ("vendor/big",), OPUS: ("vendor/huge",), "*": ("=",)}),
    },
    fallback=(
        Fallback(("haiku", "my-model", "gpt-*"), (Step(("a",)), Step(("b",), "vendor/chained"))),
        Fallback(("my-model", "other"), (Step(("a",)),)),
    ),
)


def test_known_are_all_names_that_stand_in_maps_of_accounts_and_in_chains() -> None:
    assert known_names(CONFIG) == {
        *(OPUS, "vendor/alias", "my-model", "other"),
        *("vendor/big", "vendor/huge", "vendor/new", "vendor/small", "vendor/chained"),
    }
    assert known_names(Config()) == frozenset()


def test_chains_offer_the_exact_names_that_they_are_for() -> None:
    assert chained_names(CONFIG.fallback) == ("my-model", "other")


LISTED = (OPUS, SONNET, "glm-5", "glm-4.7")

# the account's map, its provider's, what that lists, what is offered
OFFERS: list[tuple[Map, Map, tuple[str, ...], tuple[str, ...]]] = [
    # nothing is mapped: what is listed, and without a list nothing is known
    ({}, {}, LISTED, LISTED),
    ({}, {}, (), ()),
    # exact ids of both maps, mapped or kept
    ({OPUS: ("=",)}, {SONNET: ("glm-5",)}, (), (OPUS, SONNET, "glm-5")),
    # families and globs are no names
    ({"opus": ("=",), "claude-3-*": ("=",), "*": ("=",)}, {}, (), ()),
    # a family is shown by what is listed of it, and filters the others out
    ({"opus": ("glm-5",)}, {}, LISTED, ("glm-5", OPUS, "glm-4.7")),
    ({}, {"sonnet": ("glm-4.7",)}, LISTED, ("glm-4.7", SONNET, "glm-5")),
    ({"claude-opus-*": ("=",)}, {}, LISTED, (OPUS, "glm-5", "glm-4.7")),
    # whoever maps no name of Claude's is asked for all of them
    ({"big": ("glm-5",)}, {}, LISTED, ("big", "glm-5", OPUS, SONNET, "glm-4.7")),
    # what a model is called upstream can be asked for, unless that means another one
    ({"opus": ("vendor/big",), "*": ("vendor/mid",)}, {}, (), ("vendor/mid",)),
    ({"opus": ("vendor/big", "vendor/mid")}, {}, (), ("vendor/big", "vendor/mid")),
    ({"opus": (SONNET,)}, {}, (), ()),
    # a foreign name that is mapped to another model is not what it says
    ({"*": ("glm-5",)}, {}, LISTED, ("glm-5", OPUS, SONNET)),
    ({"*": ("=",)}, {}, LISTED, LISTED),
    ({"glm-4.7": ("glm-5",)}, {}, ("glm-4.7",), ("glm-4.7", "glm-5")),
]


@pytest.mark.parametrize(("own", "provider", "listed", "names"), OFFERS)
def test_an_account_offers_what_its_maps_name_and_let_through(
    own: Map, provider: Map, listed: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert offered(own, provider, listed) == names
