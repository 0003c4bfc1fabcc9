"""From the path of the main file to a checked configuration, or to every mistake with its place."""

import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ccflared.config.decode import decode
from ccflared.config.kinds import KeyPath, Problem
from ccflared.config.load.includes import NOTHING, open_directories, with_includes
from ccflared.config.load.paths import home
from ccflared.config.load.reading import read_regular
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
    certificates = [_placed(problem, merged, readable) for problem in _certificates(decoded.config)]
    if certificates:
        return _rejected(certificates, sources, watch | _named_files(decoded.config))
    return Loaded(
        config=decoded.config,
        files=tuple(source.path for source in sources),
        watch=watch | _named_files(decoded.config),
        digests=_digests(sources),
        places=_places(merged, readable),
        warnings=tuple(
            [_placed(problem, merged, readable) for problem in decoded.warnings]
            + list(_readable_literals(decoded.config, merged, readable))
        ),
    )


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
    return sources[origin.file].mistake(origin.path, problem.message, problem.at)


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
    named |= {path for _, tls in _tls(config) for path in (tls.cert, tls.key)}
    named |= {account.credentials_file for account in config.accounts.values() if account.credentials_file}
    return frozenset(named)


def _tls(config: Config) -> Iterator[tuple[KeyPath, Tls]]:
    if config.server.tls is not None:
        yield ("server", "tls"), config.server.tls
    for index, listen in enumerate(config.server.listen):
        if listen.tls is not None:
            yield ("server", "listen", index, "tls"), listen.tls


def _certificates(config: Config) -> Iterator[Problem]:
    """Yield what keeps a listener from using its certificate: found here, it never replaces a good one."""
    for path, tls in _tls(config):
        for name, file in (("cert", tls.cert), ("key", tls.key)):
            try:
                read_regular(file, 1)
            except OSError as error:
                yield Problem((*path, name), f"{file} cannot be read: {error.strerror}")
                break
        else:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.cert, tls.key, password="")
            except (ssl.SSLError, OSError) as error:
                reason = getattr(error, "reason", None) or str(error)
                yield Problem(path, f"certificate and key cannot be used together: {reason}")


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
