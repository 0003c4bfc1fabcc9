"""The words of ``ccflared account set``: KEY=VALUE, read into edits. None may hold a secret, and none is repeated."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ccflared.config.decode import ROOT
from ccflared.config.edit import Edit, Put, Unset
from ccflared.config.kinds import KeyPath
from ccflared.config.mask import known_keys, takes_secret
from ccflared.config.modes import provider_of
from ccflared.config.words import did_you_mean, dotted
from ccflared.errors import UsageError

_DEEPEST: Final = 8
"""Tables within tables that a key or value may have: far more than the model."""
_LARGEST: Final = 2**63


def settings(account: str, given: Iterable[str]) -> list[Edit]:
    """Read KEY=VALUE words. Raises UsageError that tells everything wrong with them."""
    edits: list[Edit] = []
    wrong: list[str] = []
    bare = False
    for number, word in enumerate(given, 1):
        after_secret, bare = bare, False
        key, equals, value = _split(word)
        path = _path_of(key)
        whole: KeyPath = ("accounts", account, *path)
        if not equals and path and takes_secret(whole, ROOT):
            wrong.append(_not_here(key))
            bare = True  # the next word may be the secret itself
        elif not equals or not path or not _may_be_shown(str(path[0])):
            shown = key if _may_be_shown(key) and not after_secret else f"word {number} behind the name"
            wrong.append(f"{shown}: {_how_to_write(key, path)}")
        elif not value:
            edits.append(Unset(whole))
        else:
            meant = _value(value)
            secret = next(_secrets(whole, meant), None)
            if secret is None:
                edits.append(Put(whole, meant))
            else:
                wrong.append(_not_here(dotted(secret[2:])))
    if wrong:
        raise UsageError("\n".join(wrong))
    return edits


def be_keys(edits: Iterable[Edit], tables: Mapping[str, Any]) -> None:
    """Raise UsageError where a key is to be taken out that neither the model has nor the file."""
    wrong = []
    for edit in edits:
        if not isinstance(edit, Unset) or _stands(edit.path, tables):
            continue
        for length in range(2, len(edit.path)):
            known, name = known_keys(edit.path[:length], ROOT), edit.path[length]
            if known is not None and name not in known:
                hint = did_you_mean(str(name), known) or "."
                wrong.append(f"{dotted(edit.path[2:])}: an account has no such key{hint}")
                break
    if wrong:
        raise UsageError("\n".join(wrong))


def with_provider(edit: Edit, known: Iterable[str]) -> Edit:
    """Let ``provider=max`` mean what ``--mode max`` means."""
    match edit:
        case Put((_, _, "provider") as path, str(value)):
            return Put(path, provider_of(value, known) or value)
        case _:
            return edit


def _not_here(key: str) -> str:
    return (
        f"{key}: a secret on the command line is seen by everybody on this machine; "
        f"{'use --api-key-stdin, or ' if key == 'api_key' else ''}write where it is: "
        f"'{key}={{ file = \"PATH\" }}' or '{key}={{ env = \"NAME\" }}'"
    )


def _how_to_write(key: str, path: KeyPath) -> str:
    """Return how a word is written that is none; a name of a model that TOML takes only in quotes is told with them."""
    table, _, name = key.partition(".")
    if not path and table == "models" and name and not re.search(r"[\"']", name):
        return f"the name needs quotes: 'models.\"{name}\"=VALUE'"
    return "write KEY=VALUE, such as priority=10, or KEY= to take it out"


def _may_be_shown(key: str) -> bool:
    """Whether a word looks like a key, and not like a secret that has come into its place."""
    return key.startswith("models.") or bool(re.fullmatch(r"[a-z_.]{1,30}", key))


def _secrets(path: KeyPath, value: object) -> Iterator[KeyPath]:
    """Yield where, in a value and the tables within it, a secret stands as it is."""
    match value:
        case dict():
            for name, inner in value.items():
                yield from _secrets((*path, name), inner)
        case list():
            for number, inner in enumerate(value):
                yield from _secrets((*path, number), inner)
        case str() if takes_secret(path, ROOT) and (path[-1] != "proxy" or "@" in value):
            yield path


def _stands(path: KeyPath, tables: Any) -> bool:
    for part in path:
        if not isinstance(tables, dict) or part not in tables:
            return False
        tables = tables[part]
    return True


def _split(word: str) -> tuple[str, str, str]:
    """Split at the first equals sign that does not stand in quotes."""
    match = re.match(r"""((?:"[^"]*"|'[^']*'|[^="'])*)(=?)(.*)""", word, re.DOTALL)
    return (match[1].strip(), match[2], match[3].strip()) if match else (word, "", "")


def _path_of(key: str) -> KeyPath:
    try:
        tables: Any = tomllib.loads(f"{key} = 0")
    except (ValueError, RecursionError):
        return ()
    path: list[str] = []
    while isinstance(tables, dict):
        if len(tables) != 1 or len(path) == _DEEPEST:
            return ()
        ((name, tables),) = tables.items()
        path.append(name)
    return tuple(path)


def _value(text: str) -> object:
    """Read a value as TOML; what is none, or goes beyond what TOML promises, is a text."""
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return found["value"] if list(found) == ["value"] and _fits(found["value"]) else text


def _fits(value: object, depth: int = 0) -> bool:
    match value:
        case _ if depth > _DEEPEST:
            return False
        case dict():
            return all(_fits(inner, depth + 1) for inner in value.values())
        case list():
            return all(_fits(inner, depth + 1) for inner in value)
        case int():
            return abs(value) < _LARGEST
        case _:
            return True
