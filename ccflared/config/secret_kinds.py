"""The kinds of values that are, or stand for, secrets. No mistake found here ever repeats a value."""

# ruff: noqa: D102 - the methods of a kind are documented once, in Kind
import re
from collections.abc import Mapping
from typing import ClassVar, Final

from ccflared.config.kinds import FilePath, Json, KeyPath, Kind, Reading, Text
from ccflared.config.reference import SecretRef
from ccflared.config.words import did_you_mean, found_type, listed, quoted
from ccflared.secret import Secret


class Sha256(Text):
    """A SHA-256 in hexadecimal."""

    def __init__(self) -> None:
        super().__init__("a SHA-256 of 64 hexadecimal digits", r"[0-9A-Fa-f]{64}", lower=True)

    def reject(self, value: object, path: KeyPath, reading: Reading) -> str | None:
        # Somebody may have pasted the key itself: never repeat it.
        size = f"a text of {len(value)} characters" if isinstance(value, str) else found_type(value)
        reading.wrong(path, f"expected {self.expects}, found {size}")
        return None


class SecretSource(Kind[SecretRef]):
    """A secret: a text, or a table with exactly one of env, file, credential, stored."""

    expects = "a secret: a text, or a table with one of env, file, credential, stored"
    _names: ClassVar = {
        "env": Text("the name of an environment variable", r"[A-Za-z_][A-Za-z0-9_]*"),
        "credential": Text("the name of a credential", r"(?!\.\.?$)[^/\x00-\x1f]{1,200}"),
        "stored": Text("the name of a stored secret", r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,199}"),
    }

    def read(self, value: object, path: KeyPath, reading: Reading) -> SecretRef | None:
        if isinstance(value, str):
            return SecretRef("literal", Secret(value))
        if not isinstance(value, dict):
            reading.wrong(path, f"expected {self.expects}; found {found_type(value)}")
            return None
        sources = ("env", "file", "credential", "stored")
        for name in value.keys() - set(sources):
            hint = did_you_mean(name, sources)
            reading.wrong(
                (*path, name), f"a secret has no key {quoted(name)}{hint or '; ' + self.expects}", "key"
            )
        given = [name for name in sources if name in value]
        if len(given) != 1:
            if reading.clean(path):
                reading.wrong(path, f"a secret comes from exactly one of {listed(sources)}")
            return None
        return self._from(given[0], value[given[0]], path, reading)

    def _from(self, kind: str, value: object, path: KeyPath, reading: Reading) -> SecretRef | None:
        inner = (*path, kind)
        if kind == "file":
            file = FilePath().read(value, inner, reading)
            return None if file is None else SecretRef("file", str(file))
        name = self._names[kind]
        if not isinstance(value, str) or not re.fullmatch(name.pattern, value):
            # Not `found`: a key pasted here by mistake is still a key.
            reading.wrong(inner, f"expected {name.expects}; this {found_type(value).split()[-1]} is none")
            return None
        match kind:
            case "env":
                return SecretRef("env", value)
            case "credential":
                return SecretRef("credential", value)
            case _:
                return SecretRef("stored", value)

    def schema(self) -> Json:
        return {"$ref": "#/$defs/secret"}

    def write(self, value: SecretRef) -> object:
        del value
        return "[secret]"


SOURCES: Final[Mapping[str, str]] = {
    "env": "Name of an environment variable of the daemon. A change of it needs a restart.",
    "file": "Path of a file; watched, so that a new content counts at once.",
    "credential": "Name of a file in $CREDENTIALS_DIRECTORY, as LoadCredential= of systemd puts it there.",
    "stored": "Name of a secret in the state directory, put there by a command or the REST API.",
}
"""The keys of a secret that is a table, with what each says."""
SECRET_SCHEMA: Json = {
    "description": "A secret: a text, or where it is read from.",
    "anyOf": [
        {"type": "string"},
        *(
            {
                "type": "object",
                "properties": {name: {"type": "string", "description": doc}},
                "required": [name],
                "additionalProperties": False,
            }
            for name, doc in SOURCES.items()
        ),
    ],
}
