"""The dashboard's modules joined into few files: one for the first page, and one for each that is loaded later. Pure.

A hundred small modules are pleasant to read, and slow to load: each costs a request, and is compressed by itself.
Joined, each becomes a function that is called once and returns what it exports, behind those that it needs; a name
such as ``$core_dom`` stands for what it has returned. Modules that are needed by the same entries, where the page
begins or which it loads by ``import()``, go into one file, so that none is loaded twice or for nothing.

This is no parser either: see lean.py. What it does not know how to join it refuses.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from posixpath import dirname, join, normpath, relpath
from typing import Final

_IMPORT: Final = re.compile(r'^import \{([^;"]*)\} from "(\.[^"]+)";\n?', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async function|function|class|const)\*? (\w+))", re.MULTILINE)
_DEFAULT: Final = re.compile(r"^export default ", re.MULTILINE)
_LAZY: Final = re.compile(r'\bimport\("(\.[^"]+)"\)')
_STRANGE: Final = re.compile(
    r"^(?:import|export)\b(?!\().*|\bimport\.meta\b|\bimport\((?!\"\.)", re.MULTILINE
)


class UnjoinableError(ValueError):
    """A module is written in a way that joining does not understand."""


@dataclass(frozen=True, slots=True)
class _Module:
    name: str
    imports: tuple[tuple[str, str], ...]
    """Module, and what is taken of it, as a pattern of JavaScript."""
    lazy: tuple[str, ...]
    """Modules that it loads when it needs them."""
    body: str
    exports: tuple[str, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.imports)


def joined(sources: Mapping[str, str], first: Sequence[str]) -> dict[str, str]:
    """Return the files to serve in place of modules, given by name without comments. Raises UnjoinableError.

    ``first`` are entries that belong together from the beginning; the first of them names their file, and is run there.
    """
    modules = {name: _read(name, text) for name, text in sources.items()}
    needed_by = _needed_by(modules, first)
    shares: dict[frozenset[str], list[str]] = {}
    for name in _in_order(modules):
        shares.setdefault(needed_by[name], []).append(name)
    file_of = {name: _file(names, entries, first[0]) for entries, names in shares.items() for name in names}
    return {
        file_of[names[0]]: "".join(_written([modules[name] for name in names], file_of))
        for names in shares.values()
    }


def _read(name: str, text: str) -> _Module:
    """Take a module apart."""

    def beside(other: str) -> str:
        return normpath(join(dirname(name), other))

    imports = tuple((beside(other), _pattern(names)) for names, other in _IMPORT.findall(text))
    lazy = tuple(beside(other) for other in _LAZY.findall(text))
    exports = tuple(_EXPORT.findall(text))
    body = _EXPORT.sub("", _IMPORT.sub("", text))
    if _DEFAULT.search(body):
        body, exports = _DEFAULT.sub("const $default = ", body), (*exports, "default: $default")
    if strange := _STRANGE.search(body):
        raise UnjoinableError(f"{name}: {strange[0]}")
    return _Module(name, imports, lazy, body, exports)


def _pattern(names: str) -> str:
    """Turn the names of an import into a pattern: ``as`` is a colon there."""
    return ", ".join(re.sub(r"\s+as\s+", ": ", each.strip()) for each in names.split(",") if each.strip())


def _needed_by(modules: Mapping[str, _Module], first: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return of each module the entries that cannot run without it. What the first need is there for all."""
    at_first = _reach(modules, first)
    found = dict.fromkeys(at_first, frozenset({first[0]}))
    entries = dict.fromkeys(name for module in modules.values() for name in module.lazy)
    for entry in entries:
        for name in _reach(modules, [entry]) - at_first:
            found[name] = found.get(name, frozenset()) | {entry}
    if unused := modules.keys() - found.keys():
        raise UnjoinableError(f"nobody loads {', '.join(sorted(unused))}")
    return found


def _reach(modules: Mapping[str, _Module], entries: Iterable[str]) -> set[str]:
    """Return all modules that entries need, themselves among them."""
    found: set[str] = set()
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        if name not in modules:
            raise UnjoinableError(f"there is no {name}")
        if name not in found:
            found.add(name)
            waiting += modules[name].needs
    return found


def _in_order(modules: Mapping[str, _Module]) -> list[str]:
    """Return the modules, each behind those that it needs."""
    order: dict[str, None] = {}
    open_: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        if name in open_:
            raise UnjoinableError(f"a circle: {' needs '.join([*open_[open_.index(name) :], name])}")
        open_.append(name)
        for other in modules[name].needs:
            visit(other)
        open_.pop()
        order[name] = None

    for name in modules:
        visit(name)
    return list(order)


def _file(names: list[str], entries: frozenset[str], first: str) -> str:
    """Name the file of some modules: as the one that is entered, else as the first of them."""
    if first in entries:
        return first
    entered = [name for name in names if name in entries]
    return (entered or names)[0]


def _written(modules: Sequence[_Module], file_of: Mapping[str, str]) -> Iterator[str]:
    """Write the file of some modules, in order."""
    here = file_of[modules[0].name]
    outside = dict.fromkeys(name for module in modules for name in module.needs if file_of[name] != here)
    for name in outside:
        yield f'import {{ {_called(name)} }} from "{_beside(here, file_of[name])}";\n'
    for module in modules:

        def loaded(lazy: re.Match[str], module: _Module = module) -> str:
            name = normpath(join(dirname(module.name), lazy[1]))
            return f'import("{_beside(here, file_of[name])}").then((file) => file.{_called(name)})'

        yield f"const {_called(module.name)} = (() => {{\n"
        for name, pattern in module.imports:
            yield f"const {{ {pattern} }} = {_called(name)};\n"
        yield _LAZY.sub(loaded, module.body)
        yield f"return {{ {', '.join(module.exports)} }};\n}})();\n"
    yield f"export {{ {', '.join(_called(module.name) for module in modules)} }};\n"


def _called(name: str) -> str:
    """Return what a module is called in its file."""
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))


def _beside(here: str, there: str) -> str:
    """Return the address of a file as another one names it."""
    address = relpath(there, dirname(here) or ".")
    return address if address.startswith(".") else f"./{address}"
