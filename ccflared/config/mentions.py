"""Where other parts of the file name an account: the chains, and the clients that may use it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ccflared.config.kinds import KeyPath
from ccflared.config.rules import is_glob
from ccflared.config.words import dotted


@dataclass(frozen=True, slots=True)
class Departure:
    """What must go besides, when an account goes."""

    paths: tuple[KeyPath, ...]
    """In the order in which they can be taken out one by one."""
    named_by: tuple[str, ...]
    """Who names it, in words."""
    whole: tuple[str, ...]
    """Those of them, in words, that go with it: chains of which no step would be left."""
    stranded: tuple[str, ...]
    """Clients that could use no account at all then."""


def mentions_in(tables: Mapping[str, Any], account: str) -> Iterator[KeyPath]:
    """Yield where the account is named, letter by letter: each path is that of a text."""
    for number, chain in enumerate(_dicts(tables.get("fallback"))):
        for path, name in _names(chain.get("try"), ("fallback", number, "try")):
            if name == account:
                yield path
    for client, name, path in _client_names(tables):
        del client
        if name == account:
            yield path


def without_account(tables: Mapping[str, Any], account: str, left: Iterable[str]) -> Departure:
    """Return what names the account, by name or by a glob that would match none of those that are ``left``."""
    rest = list(left)

    def gone(name: object) -> bool:
        if not isinstance(name, str):
            return False
        if is_glob(name):
            return fnmatchcase(account, name) and not any(fnmatchcase(each, name) for each in rest)
        return name == account

    paths: list[KeyPath] = []
    named_by: list[str] = []
    ending: list[str] = []
    for number, chain in reversed(list(enumerate(_dicts(tables.get("fallback"))))):
        given = chain.get("try")
        steps: list[Any] = given if isinstance(given, list) else []
        found = list(_steps_gone(steps, gone))
        if not found:
            continue
        named_by.insert(0, f"the chain for {_models(chain)}")
        whole = sum(1 for path in found if len(path) == 1) == len(steps)
        ending[:0] = named_by[:1] if whole else []
        base: KeyPath = ("fallback", number)
        paths += [base] if whole else [(*base, "try", *path) for path in reversed(found)]
    stranded: list[str] = []
    clients = tables.get("clients")
    for name, client in clients.items() if isinstance(clients, dict) else ():
        allowed = client.get("accounts") if isinstance(client, dict) else None
        names: list[Any] = allowed if isinstance(allowed, list) else []
        places = [number for number, each in enumerate(names) if each == account]
        if places:
            named_by.append(f"[{dotted(('clients', name))}]")
        if places and len(places) == len(names):
            stranded.append(name)
        paths += [("clients", name, "accounts", number) for number in reversed(places)]
    return Departure(tuple(paths), tuple(named_by), tuple(ending), tuple(stranded))


def refusing_chains(tables: Mapping[str, Any]) -> list[str]:
    """Return the chains that end in a refusal (``then = "fail"``), by the models that they are for."""
    return [_models(chain) for chain in _dicts(tables.get("fallback")) if chain.get("then") == "fail"]


def _steps_gone(steps: list[Any], gone: Any) -> Iterator[KeyPath]:
    """Yield what goes of the steps of a chain: whole steps, or single names of one."""
    for number, step in enumerate(steps):
        names: Any = step
        inner: KeyPath = ()
        if isinstance(step, dict):
            names, inner = step.get("account"), ("account",)
        if isinstance(names, list):
            places = [place for place, name in enumerate(names) if gone(name)]
            if places and len(places) == len(names):
                yield (number,)
            else:
                yield from ((number, *inner, place) for place in places)
        elif gone(names):
            yield (number,)


def _names(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Yield every name of an account in the steps of a chain."""
    match value:
        case str():
            yield path, value
        case list():
            for number, inner in enumerate(value):
                yield from _names(inner, (*path, number))
        case dict():
            yield from _names(value.get("account"), (*path, "account"))
        case _:
            pass


def _client_names(tables: Mapping[str, Any]) -> Iterator[tuple[str, str, KeyPath]]:
    clients = tables.get("clients")
    for client, table in clients.items() if isinstance(clients, dict) else ():
        names = table.get("accounts") if isinstance(table, dict) else None
        for number, name in enumerate(names if isinstance(names, list) else ()):
            yield client, name, ("clients", client, "accounts", number)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each if isinstance(each, dict) else {} for each in value] if isinstance(value, list) else []


def _models(chain: Mapping[str, Any]) -> str:
    models = chain.get("models")
    return ", ".join(str(each) for each in models) if isinstance(models, list) else str(models)
