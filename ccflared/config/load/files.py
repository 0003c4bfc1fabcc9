"""From the path of the main file to a checked configuration, or to every mistake with its place."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ccflared.config.decode import decode
from ccflared.config.kinds import KeyPath, Problem
from ccflared.config.load.certificates import may_be_read_by_all, problem_of, tls_of
from ccflared.config.load.includes import NOTHING, open_directories, with_includes
from ccflared.config.load.paths import home
from ccflared.config.load.secrets import references
from ccflared.config.load.source import Source, read_source
from ccflared.config.merge import Merged, merge
from ccflared.config.model import Config, Provider, Tls
from ccflared.config.report import Mistake


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value of the configuration stands."""

    file: Path
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, and what it was read from."""

    config: Config
    files: tuple[Path, ...]
    """The main file, then the included ones in the order they were read."""
    watch: frozenset[Path]
    """Every path whose change matters: the files, directories that globs look into, secrets, certificates."""
    digests: Mapping[Path, str]
    """SHA-256 of the exact content of each file, hexadecimal."""
    places: Mapping[KeyPath, Place]
    """Where each key that is set stands; keys that are absent here have their defaults."""
    warnings: tuple[Mistake, ...]
    """What is allowed but probably not meant."""
    unusable: Mapping[Tls, Mistake]
    """Certificates that cannot be used as they lie there now: no listener can be opened with one, and it may be that
    they are just being renewed."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why there is no configuration: every mistake of every file, in the order of files and lines."""

    mistakes: tuple[Mistake, ...]
    files: tuple[Path, ...]
    watch: frozenset[Path]
    digests: Mapping[Path, str]


def load(
    path: Path,
    *,
    environ: Mapping[str, str],
    builtin: Mapping[str, Provider],
    texts: Mapping[Path, str] = NOTHING,
) -> Loaded | Rejected:
    """Read, merge, decode and check the file at ``path`` over the built-in providers.

    ``texts``: what files would hold, by their path; they count instead of what is on disk. Raises nothing
    expected.
    """
    main = read_source(path.absolute(), texts.get(path.absolute()))
    together = with_includes(main, home(environ), texts)
    sources, watch = together.sources, frozenset(together.watch)
    mistakes = [mistake for source in sources for mistake in source.mistakes]
    mistakes += open_directories(together)
    readable = [source for source in sources if source.tables is not None]
    if main.tables is None:
        return _rejected(mistakes, sources, watch)
    merged = merge([source.tables or {} for source in readable])
    for clash in merged.clashes:
        first = readable[clash.first.file].mistake(clash.first.path, "", "key")
        second = readable[clash.second.file]
        where = f"{os.path.relpath(first.file, second.path.parent)}:{first.line}"
        mistakes.append(second.mistake(clash.second.path, clash.message(where), "key"))
    decoded = decode(
        merged.tables,
        builtin=builtin,
        directory=lambda path: readable[merged.origin(path).file].path.parent,
        home=home(environ),
        zone_exists=_zone_exists,
        whole=len(readable) == len(sources),
    )
    mistakes += [_placed(problem, merged, readable) for problem in decoded.problems]
    if decoded.config is None or mistakes:
        return _rejected(mistakes, sources, watch)
    return Loaded(
        config=decoded.config,
        files=tuple(source.path for source in sources),
        watch=watch | _named_files(decoded.config),
        digests=_digests(sources),
        places=_places(merged, readable),
        warnings=tuple(
            [_placed(problem, merged, readable) for problem in decoded.warnings]
            + list(_readable_literals(decoded.config, merged, readable))
            + [_placed(problem, merged, readable) for problem in _readable_keys(decoded.config)]
        ),
        unusable={tls: _placed(problem, merged, readable) for tls, problem in _unusable(decoded.config)},
    )


def startable(found: Loaded | Rejected) -> Loaded | Rejected:
    """Return what was loaded as a start judges it: a certificate that cannot be used is a mistake then."""
    if isinstance(found, Rejected) or not found.unusable:
        return found
    return Rejected(tuple(found.unusable.values()), found.files, found.watch, found.digests)


def _rejected(mistakes: Sequence[Mistake], sources: Sequence[Source], watch: frozenset[Path]) -> Rejected:
    order = {source.path: number for number, source in enumerate(sources)}
    ordered = sorted(
        set(mistakes), key=lambda m: (order.get(m.file, len(order)), m.line, m.column, m.message)
    )
    return Rejected(tuple(ordered), tuple(order), watch, _digests(sources))


def _digests(sources: Sequence[Source]) -> Mapping[Path, str]:
    return {source.path: source.digest for source in sources if source.digest is not None}


def _placed(problem: Problem, merged: Merged, sources: Sequence[Source]) -> Mistake:
    origin = merged.origin(problem.path)
    placed = sources[origin.file].mistake(origin.path, problem.message, problem.at)
    return replace(placed, add=problem.add) if problem.add else placed


def _places(merged: Merged, sources: Sequence[Source]) -> Mapping[KeyPath, Place]:
    places: dict[KeyPath, Place] = {}

    def walk(path: KeyPath, value: object) -> None:
        origin = merged.origin(path)
        located = sources[origin.file].places
        spot = located.spots.get(origin.path) if located else None
        if path and spot:
            places[path] = Place(sources[origin.file].path, spot.key.line, spot.key.column)
        members = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for name, inner in members:
            walk((*path, name), inner)

    walk((), merged.tables)
    return places


def _named_files(config: Config) -> frozenset[Path]:
    """Return the files that the configuration names: secrets, certificates, credentials files."""
    named = {Path(str(ref.value)) for _, ref in references(config) if ref.kind == "file"}
    named |= {path for _, tls in tls_of(config) for path in (tls.cert, tls.key)}
    named |= {account.credentials_file for account in config.accounts.values() if account.credentials_file}
    return frozenset(named)


def _unusable(config: Config) -> Iterator[tuple[Tls, Problem]]:
    for path, tls in tls_of(config):
        if problem := problem_of(tls):
            yield tls, Problem((*path, problem.at) if problem.at else path, str(problem))


def _readable_keys(config: Config) -> Iterator[Problem]:
    """Warn of private keys that everyone may read."""
    for path, tls in tls_of(config):
        if may_be_read_by_all(tls):
            message = f"everyone may read the private key {tls.key}; `chmod o-r {tls.key}`"
            yield Problem((*path, "key"), message)


def _readable_literals(config: Config, merged: Merged, sources: Sequence[Source]) -> Iterator[Mistake]:
    """Warn once for each file that holds credentials and may be read by everyone."""
    warned: set[int] = set()
    for path, ref in references(config):
        origin = merged.origin(path)
        source = sources[origin.file]
        credential = not {"api_key", "key", "token", "access_token", "refresh_token"}.isdisjoint(path)
        if ref.kind == "literal" and credential and source.open_to_all and origin.file not in warned:
            warned.add(origin.file)
            message = f"everyone may read this file, and it holds a credential; `chmod o-r {source.path}`"
            yield source.mistake(origin.path, message, "key")


def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
