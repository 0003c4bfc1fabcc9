"""What a requested model is called upstream, and which chain is for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.config.chain_kinds import Step
from ccflared.config.model import Fallback
from ccflared.pool.models import Map, chain_for, is_claude, matches, upstream_names

OPUS, SONNET, HAIKU = "claude-opus-4-5-20251101", "claude-sonnet-4-5", "claude-3-5-haiku-latest"

# requested, the account's map, the provider's, the upstream's names; None: it is not asked for it
NAMES: list[tuple[str, Map, Map, tuple[str, ...] | None]] = [
    # nothing is mapped: the name goes up unchanged
    (OPUS, {}, {}, (OPUS,)),
    ("vendor/any", {}, {}, ("vendor/any",)),
    # exact id, longest glob, family, every
    (OPUS, {"*": ("d",), "opus": ("c",), "claude-*": ("b",), OPUS: ("a",)}, {}, ("a",)),
    (OPUS, {"*": ("d",), "opus": ("c",), "claude-*": ("b",)}, {}, ("b",)),
    (OPUS, {"*": ("d",), "opus": ("c",)}, {}, ("c",)),
    (OPUS, {"*": ("d",)}, {}, ("d",)),
    (OPUS, {"claude-*": ("short",), "claude-opus-*": ("long",), "*-2*": ("x",)}, {}, ("long",)),
    # a family is a word of the id
    ("us.anthropic.claude-OPUS-4", {"opus": ("a",)}, {}, ("a",)),
    ("opus", {"opus": ("a",)}, {}, ("a",)),
    ("claude-opus4", {"opus": ("a",)}, {}, ("a",)),
    ("octopus-1", {"opus": ("a",)}, {}, ("octopus-1",)),
    ("magnumopus", {"opus": ("a",)}, {}, ("magnumopus",)),
    # ids are told apart by case
    ("Vendor/Big", {"vendor/big": ("a",)}, {}, ("Vendor/Big",)),
    # lists, and what keeps the name
    (OPUS, {"opus": ("big", "mid")}, {}, ("big", "mid")),
    (OPUS, {"opus": ("big", "=", "mid")}, {}, ("big", OPUS, "mid")),
    (OPUS, {"opus": ("=",)}, {}, (OPUS,)),
    (OPUS, {"opus": ("big", "big")}, {}, ("big",)),
    (OPUS, {"opus": (OPUS, "=")}, {}, (OPUS,)),
    # the account's own map before the provider's, however exact that is
    (OPUS, {"*": ("mine",)}, {OPUS: ("theirs",)}, ("mine",)),
    (OPUS, {"sonnet": ("mine",)}, {"opus": ("theirs",)}, ("theirs",)),
    (SONNET, {"sonnet": ("mine",)}, {"opus": ("theirs",)}, ("mine",)),
    # what is mapped is not mapped again
    (OPUS, {"opus": (SONNET,), "sonnet": ("no",)}, {SONNET: ("no",)}, (SONNET,)),
    # a map is a filter among Claude's names
    (HAIKU, {"opus": ("a",)}, {}, None),
    (HAIKU, {}, {"opus": ("a",), "sonnet": ("b",)}, None),
    (HAIKU, {"claude-3-7-*": ("a",)}, {}, None),
    ("claude-next-1", {"opus": ("a",)}, {}, None),
    ("vendor/any", {"opus": ("a",)}, {}, ("vendor/any",)),
    (HAIKU, {"vendor/any": ("a",)}, {}, (HAIKU,)),
    (HAIKU, {"opus": ("a",), "*": ("rest",)}, {}, ("rest",)),
    (HAIKU, {"opus": ("a",), "haiku": ("=",)}, {}, (HAIKU,)),
    ("vendor/any", {"*": ("rest",)}, {}, ("rest",)),
]


@pytest.mark.parametrize(("requested", "own", "provider", "names"), NAMES)
def test_a_model_is_called_what_the_maps_say(
    requested: str, own: Map, provider: Map, names: tuple[str, ...] | None
) -> None:
    assert upstream_names(requested, own, provider) == names


@given(st.text(max_size=30), st.dictionaries(st.text(max_size=9), st.tuples(st.text(max_size=9)), max_size=4))
def test_whatever_is_asked_of_whatever_map_there_are_names_or_none(requested: str, names: Map) -> None:
    found = upstream_names(requested, names)
    assert found is None or len(found) > 0
    if requested in names:
        assert found == ((requested,) if names[requested] == ("=",) else names[requested])


@pytest.mark.parametrize("name", [OPUS, "Claude-next", "claude-*", "opus", "vendor/sonnet-large", "haiku"])
def test_claudes_names_are_known_by_their_beginning_or_family(name: str) -> None:
    assert is_claude(name)


@pytest.mark.parametrize("name", ["gpt-5", "octopus", "*", "glm-4.6", ""])
def test_other_names_are_not_claudes(name: str) -> None:
    assert not is_claude(name)


# requested, pattern, whether it is meant
MATCHES: list[tuple[str, str, bool]] = [
    (OPUS, OPUS, True),
    (OPUS, "claude-opus-*", True),
    (OPUS, "opus", True),
    (OPUS, "Opus", True),
    (OPUS, "*", True),
    (OPUS, "sonnet", False),
    (OPUS, "claude-opus", False),
    ("octopus", "opus", False),
    ("a[b]", "a[b]", True),
]


@pytest.mark.parametrize(("requested", "pattern", "meant"), MATCHES)
def test_a_chain_names_models_by_id_glob_or_family(requested: str, pattern: str, *, meant: bool) -> None:
    assert matches(requested, pattern) is meant


def test_the_first_chain_that_names_the_model_is_for_it() -> None:
    one, two, three = (
        Fallback(models, (Step(("a",)),)) for models in (("haiku", "sonnet"), ("claude-*",), ("opus",))
    )
    chains = (one, two, three)
    assert chain_for(SONNET, chains) is one
    assert chain_for(OPUS, chains) is two
    assert chain_for("vendor/any", chains) is None
    assert chain_for(OPUS, ()) is None
