"""Which names of models can be asked for: those of the file, those that providers list, and aliases. Pure.

The model picker of Claude Code shows ids alone that begin with ``claude`` or ``anthropic``. So every other model has an
alias, ``claude-`` and its name, which is listed beside it and asks for the same.
"""

from collections.abc import Container, Iterable, Iterator
from functools import lru_cache
from typing import Final

from ccflared.config.model import Config, Fallback
from ccflared.formats.families import FAMILIES
from ccflared.pool.models import Map, is_claude, upstream_names

_ALIAS: Final = "claude-"
_SHOWN: Final = ("claude", "anthropic")
_KEEP: Final = "="


def aliased(requested: str, names: Container[str]) -> str:
    """Return the model that an alias stands for; any other name as it is.

    ``names``: all that are known, from the file and from lists. One of them is no alias, whatever it looks like.
    """
    if not requested.startswith(_ALIAS):
        return requested
    meant = requested[len(_ALIAS) :]
    # Nearly all names are Claude's own, and that is known at once.
    return meant if is_foreign(meant) and requested not in names and meant in names else requested


def alias_of(name: str) -> str | None:
    """Return the alias of a model; None where its own name is one that Claude Code shows."""
    return f"{_ALIAS}{name}" if is_foreign(name) else None


def with_aliases(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each name to be listed with the one it stands for: itself, and for foreign models the alias behind it."""
    known = dict.fromkeys(names)
    for name in known:
        yield name, name
        alias = alias_of(name)
        if alias is not None and alias not in known:
            yield alias, name


@lru_cache(maxsize=1024)
def is_foreign(name: str) -> bool:
    """Whether a name is of no model of Claude's, and does not look like one."""
    return not is_claude(name) and not name.lower().startswith(_SHOWN)


def known_names(config: Config) -> frozenset[str]:
    """Return all names of models that stand in the file, Claude's too: what is asked for and what is meant by it."""
    names = set(chained_names(config.fallback))
    names.update(step.model for chain in config.fallback for step in chain.steps if step.model is not None)
    for account in config.accounts.values():
        for names_of in (account.models, config.providers[account.provider].models):
            names.update(name for name in names_of if is_exact(name))
            names.update(name for called in names_of.values() for name in called if name != _KEEP)
    return frozenset(names)


def chained_names(chains: Iterable[Fallback]) -> tuple[str, ...]:
    """Return the exact names that chains are for: they can be asked for, though no account may map them."""
    return tuple(dict.fromkeys(name for chain in chains for name in chain.models if is_exact(name)))


def offered(own: Map, provider: Map, listed: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the names that an account with these maps can be asked for, as far as they are known.

    ``listed`` are those that its provider lists. A map is a filter: of Claude's names those are left that it maps, if
    it maps some. A foreign name is offered where it means that model, and not another one that it is mapped to.
    Families and globs are no names; they are shown by those that are listed.
    """
    exact = [name for each in (own, provider) for name in each if is_exact(name)]
    meant = [name for each in (own, provider) for called in each.values() for name in called if name != _KEEP]
    found = dict.fromkeys(exact)
    found |= dict.fromkeys(name for name in meant if name in (upstream_names(name, own, provider) or ()))
    found |= dict.fromkeys(name for name in listed if _serves(name, own, provider))
    return tuple(found)


def _serves(name: str, own: Map, provider: Map) -> bool:
    called = upstream_names(name, own, provider)
    return called is not None and (is_claude(name) or name in called)


def is_exact(name: str) -> bool:
    """Whether a key of a map, or a name of a chain, is the id of one model: no family and no glob."""
    return name.lower() not in FAMILIES and not any(c in name for c in "*?[")
