"""Reading the secrets that the file names: from variables, files, credentials and the state directory.

A secret that cannot be read is no mistake of the file. It is None, with a sentence that says why.
"""

import dataclasses
import errno
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import final

from ccflared.config.load.credentials import FileToken, read_credentials
from ccflared.config.load.reading import read_regular
from ccflared.config.load.rights import whose
from ccflared.config.model import Config, SecretRef
from ccflared.config.words import dotted
from ccflared.secret import Secret

LARGEST = 64 * 1024
"""Bytes that a secret may have."""


@final
class Secrets:
    """The secrets of one configuration, as read at one moment. Its repr counts them and shows none."""

    __slots__ = ("_problems", "_tokens", "_values", "files", "problems")

    def __init__(
        self,
        values: Mapping[SecretRef, Secret | None],
        problems: Mapping[SecretRef, str],
        files: frozenset[Path],
        paths: Mapping[SecretRef, str] | None = None,
        tokens: Mapping[Path, FileToken] | None = None,
    ) -> None:
        self._values, self._problems, self._tokens = dict(values), dict(problems), dict(tokens or {})
        self.files = files
        """The files that secrets were read from, or would have been: to be watched."""
        self.problems = tuple(f"{(paths or {}).get(ref, 'a secret')}: {why}" for ref, why in problems.items())
        """Every problem as a sentence that begins with its key: ``clients.x.key: the file … is empty``."""

    def get(self, ref: SecretRef | None) -> Secret | None:
        """Return the secret, or None if there is none; None for None."""
        return None if ref is None else self._values.get(ref)

    def problem(self, ref: SecretRef) -> str | None:
        """Return why the secret is missing, or kept although its file has vanished; None if all is well."""
        if ref not in self._values:
            return "it was not asked for when the secrets were read"
        return self._problems.get(ref)

    def token(self, path: Path) -> FileToken:
        """Return what a credentials file holds."""
        return self._tokens.get(path, FileToken(None, problem=f"{path} was not read"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secrets):
            return NotImplemented
        return (
            self._values == other._values
            and self._problems == other._problems
            and self._tokens == other._tokens
            and self.files == other.files
        )

    __hash__ = None  # type: ignore[assignment]  # compared, never a key

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)} named, {len(self._problems)} with a problem)"


def references(config: Config) -> Iterator[tuple[tuple[str | int, ...], SecretRef]]:
    """Return every secret that the configuration names, with its key path."""
    return _walk((), config)


def read_secrets(
    config: Config, *, environ: Mapping[str, str], state_directory: Path, previous: Secrets | None = None
) -> Secrets:
    """Read every secret of ``config``. One whose file has vanished keeps the value it has in ``previous``."""
    values: dict[SecretRef, Secret | None] = {}
    paths: dict[SecretRef, str] = {}
    problems: dict[SecretRef, str] = {}
    files: set[Path] = set()
    for key, ref in references(config):
        if ref in values:
            continue
        paths[ref] = dotted(key)
        path = secret_path(ref, environ, state_directory)
        if path is not None and ref.kind != "credential":
            files.add(path)
        value, problem, vanished = _read(ref, path, environ)
        if vanished and previous is not None and (kept := previous.get(ref)) is not None:
            value, problem = kept, f"{problem}; its last value is used"
        values[ref] = value
        if problem:
            problems[ref] = problem
    return Secrets(values, problems, frozenset(files), paths, _tokens(config, previous))


def _tokens(config: Config, previous: Secrets | None) -> dict[Path, FileToken]:
    """Read the credentials files. One that has vanished, or is half written, keeps what it held."""
    found: dict[Path, FileToken] = {}
    for account in config.accounts.values():
        if (path := account.credentials_file) is not None and path not in found:
            told = read_credentials(path)
            if (
                told.token is None
                and previous is not None
                and (kept := previous.token(path)).token is not None
            ):
                told = FileToken(kept.token, kept.expires_at, f"{told.problem}; its last token is used")
            found[path] = told
    return found


def secret_path(ref: SecretRef, environ: Mapping[str, str], state: Path) -> Path | None:
    """Return the file that a secret is read from; None if from none.

    Credentials change only with a restart.
    """
    match ref.kind:
        case "file":
            return Path(str(ref.value))
        case "stored":
            return state / "secrets" / str(ref.value)
        case "credential":
            directory = environ.get("CREDENTIALS_DIRECTORY")
            return Path(directory) / str(ref.value) if directory else None
        case "literal" | "env":
            return None


def secret_of(text: str, source: str) -> tuple[Secret | None, str]:
    """Return the secret that a text is, or None and what is wrong with it; ``source`` names it there.

    One newline at its end is stripped.
    """
    text = text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n")
    if not text:
        return None, f"{source} is empty"
    if any("\ud800" <= c <= "\udfff" for c in text):  # how a variable shows bytes that are no text
        return None, f"{source} is not UTF-8 text"
    if text != text.strip(" "):
        return None, f"{source} begins or ends with a space, which no header can carry"
    if len(text.encode()) > LARGEST:
        return None, f"{source} is longer than 64 KiB"
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        return None, f"{source} holds a line break or control character in the middle"
    return Secret(text), ""


def _loaded_by(name: str) -> str:
    """Return how a unit gets a credential. The shipped ones load a directory, and put ``key_`` before its names."""
    line = f"LoadCredential={name}:/PATH"
    file = name.removeprefix("key_")
    if file == name:
        return f"the unit has to load it, by {line}"
    return f"the unit loads credentials/{file} beside ccflare.toml when it starts, or another file by {line}"


def _read(ref: SecretRef, path: Path | None, environ: Mapping[str, str]) -> tuple[Secret | None, str, bool]:
    """Return the secret, what is wrong, and whether it is that the file is not there."""
    source = ref.source()
    if isinstance(ref.value, Secret):
        text = ref.value.reveal()
    elif ref.kind == "env":
        if ref.value not in environ:
            return None, f"{source} is not set", False
        text = environ[ref.value]
    elif path is None:
        return (
            None,
            f"{source} needs $CREDENTIALS_DIRECTORY, which is not set (LoadCredential= of the unit)",
            False,
        )
    else:
        content, problem, vanished = _read_file(path, source)
        if content is None:
            if vanished and ref.kind == "credential":
                problem += f": {_loaded_by(str(ref.value))}"
            return None, problem, vanished
        text = content
    value, problem = secret_of(text, source)
    return value, problem, False


def _read_file(path: Path, source: str) -> tuple[str | None, str, bool]:
    try:
        content, _ = read_regular(path, LARGEST + 3)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR}:
            return None, f"{source} does not exist", True
        why = whose(path) if error.errno == errno.EACCES else ""
        return None, f"{source} cannot be read: {error.strerror}{why and f' ({why})'}", False
    try:
        return content.decode(), "", False
    except UnicodeDecodeError:
        return None, f"{source} is not UTF-8 text", False


def _walk(path: tuple[str | int, ...], value: object) -> Iterator[tuple[tuple[str | int, ...], SecretRef]]:
    if isinstance(value, SecretRef):
        yield path, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _walk((*path, name), inner)
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from _walk((*path, index), inner)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _walk((*path, field.name), getattr(value, field.name))
