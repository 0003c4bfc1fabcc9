"""The model is the documentation: each key is in the JSON Schema and in examples/everything.toml, and reads back."""

import datetime as dt
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from filebook import ENVIRON, read, write
from jsonschema import Draft202012Validator

from ccflared.config.decode import ROOT
from ccflared.config.effective import leaves
from ccflared.config.kinds import Kind
from ccflared.config.listing import as_text, items
from ccflared.config.load import Loaded, load
from ccflared.config.model import Config
from ccflared.config.report import render_all
from ccflared.config.schema import json_schema
from ccflared.config.shapes import Field, Many, MapOf, Short, Table
from ccflared.providers.presets import builtin

EXAMPLES = Path(__file__).parents[2] / "examples"


def tables(kind: Kind[Any]) -> Iterator[Table[Any]]:
    """Every kind of table in the file, each once for each place where it may stand."""
    match kind:
        case Short():
            yield from tables(kind.table)
        case Table():
            yield kind
            for field in kind.fields.values():
                yield from tables(field.key.kind)
        case Many() | MapOf():
            yield from tables(kind.item)
        case _:
            return


def fields() -> dict[tuple[str, str], Field]:
    found = {}
    for table in tables(ROOT):
        for name, field in table.fields.items():
            found[table.made.__name__, name] = field
    return found


def example(name: str, directory: Path) -> Loaded:
    """An example, loaded as a user would: in a directory of its own, with the certificate it names."""
    path = directory / name
    shutil.copy(EXAMPLES / name, path)
    pair = trustme.CA().issue_cert("localhost")
    pair.private_key_pem.write_to_path(str(directory / "key.pem"))
    (directory / "key.pem").chmod(0o600)
    pair.cert_chain_pems[0].write_to_path(str(directory / "cert.pem"))
    loaded = load(path, environ=ENVIRON, builtin=builtin())
    assert isinstance(loaded, Loaded), render_all(loaded.mistakes)
    return loaded


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.toml")))
def test_every_example_loads_without_a_warning(tmp_path: Path, name: str) -> None:
    warnings = example(name, tmp_path).warnings
    assert [w for w in warnings if "does not obey them yet" not in w.message] == []


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.toml")))
def test_every_example_fits_the_schema(name: str) -> None:
    Draft202012Validator(json_schema()).validate(_as_json(tomllib.loads((EXAMPLES / name).read_text())))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


def test_every_key_has_its_documentation() -> None:
    for (table, name), field in fields().items():
        assert field.key.doc[:1].isupper() or not field.key.doc[:1].isalpha() or " " in field.key.doc, (
            table,
            name,
        )
        assert field.key.doc.endswith("."), (table, name)


def test_every_key_is_in_the_schema_with_its_documentation() -> None:
    schema = json_schema()

    def described(node: Any) -> Iterator[tuple[str, str]]:
        if isinstance(node, dict):
            for name, inner in node.get("properties", {}).items():
                yield name, inner.get("description", "")
            for inner in node.values():
                yield from described(inner)
        elif isinstance(node, list):
            for inner in node:
                yield from described(inner)

    known = set(described(schema))
    for (_, name), field in fields().items():
        assert (name, field.key.doc) in known


def test_every_key_is_in_the_example_of_everything() -> None:
    text = (EXAMPLES / "everything.toml").read_text()
    # Of a token and of what keeps a prompt cache there are two forms, which exclude each other.
    text = text.replace("# token_sha256", "token_sha256").replace("# cache_header", "cache_header")
    document = tomllib.loads(text)
    used: set[tuple[str, str]] = set()

    def walk(kind: Kind[Any], value: Any) -> None:
        match kind:
            case Short() if isinstance(value, dict):
                walk(kind.table, value)
            case Short():
                used.add((kind.table.made.__name__, kind.important))
            case Table():
                for name, inner in value.items():
                    used.add((kind.made.__name__, name))
                    walk(kind.fields[name].key.kind, inner)
            case MapOf():
                for inner in value.values():
                    walk(kind.item, inner)
            case Many() if isinstance(value, list):
                for inner in value:
                    walk(kind.item, inner)
            case Many():
                walk(kind.item, value)
            case _:
                return

    walk(ROOT, document)
    assert set(fields()) - used == set()


def test_the_example_of_everything_shows_the_defaults_of_the_sections_that_are_there_once(
    tmp_path: Path,
) -> None:
    """Where the comment does not say "example", the value shown is the default."""
    shown = example("everything.toml", tmp_path)
    lines = (EXAMPLES / "everything.toml").read_text().splitlines()
    for leaf in leaves(shown.config):
        place = shown.places.get(leaf.path)
        if (
            place is None
            or len(leaf.path) < 2
            or leaf.path[0] not in {"server", "control", "storage", "routing", "log"}
        ):
            continue
        if leaf.path[:2] != ("server", "listen") and "example" not in lines[place.line - 1]:
            assert leaf.is_default, leaf.path


def test_what_a_kind_writes_it_reads_back_as_the_same(tmp_path: Path) -> None:
    """All of the example of everything, written by `ccflared config` and read again, secrets apart."""
    first = example("everything.toml", tmp_path)
    text = "\n".join(
        as_text(
            items(
                first.config, lambda path: "x:1" if path in first.places else None, builtin(), defaults=False
            )
        )
    )
    text = text.replace('url = "[secret]"', 'url = "https://x"').replace(
        'proxy = "[secret]"', 'proxy = "https://x"'
    )
    text = text.replace('clients.laptop]\nkey = "[secret]"', 'clients.laptop]\nkey = "other"')
    text = text.replace('key_sha256 = "[secret]"', "x")
    second = read(tmp_path, main=text)
    assert isinstance(second, Loaded), render_all(second.mistakes)
    before = {leaf.path: leaf.value for leaf in leaves(first.config) if not leaf.secret}
    after = {leaf.path: leaf.value for leaf in leaves(second.config) if not leaf.secret}
    assert after == before


def test_defaults_read_as_themselves(tmp_path: Path) -> None:
    write(tmp_path, main="")
    lines = as_text(items(Config(), lambda _: None, {}, defaults=True))
    loaded = read(tmp_path, main="\n".join(lines))
    assert isinstance(loaded, Loaded), render_all(loaded.mistakes)
    given = {leaf.path: leaf.value for leaf in leaves(loaded.config) if leaf.path[0] != "providers"}
    assert given == {leaf.path: leaf.value for leaf in leaves(Config())}


@pytest.mark.parametrize(
    "wrong",
    [
        {"server": {"listn": "127.0.0.1:1"}},
        {"accounts": {"a": {}}},
        {"accounts": {"a": {"provider": "x", "api_key": {"env": "A", "file": "b"}}}},
        {"routing": {"strategy": "random"}},
        {"routing": {"attempts": 0}},
        {"log": {"level": 3}},
    ],
)
def test_the_schema_refuses_what_the_daemon_refuses(wrong: dict[str, Any]) -> None:
    assert not Draft202012Validator(json_schema()).is_valid(wrong)


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def test_keys_without_an_effect_yet_are_named_to_whoever_sets_them(tmp_path: Path) -> None:
    (warning,) = example("everything.toml", tmp_path).warnings
    assert "one_hour_cache" in warning.message
    assert "alerts" not in warning.message
    assert example("pool.toml", tmp_path).warnings == ()
    assert example("minimal.toml", tmp_path).warnings == ()
    assert example("dialects.toml", tmp_path).warnings == ()
