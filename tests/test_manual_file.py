"""What ccflare.toml(5) says of the file is what the daemon reads, every key of it, and the examples are valid."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import trustme

from ccflared import __version__
from ccflared.config.changes import changes
from ccflared.config.decode import ROOT as FILE
from ccflared.config.kinds import Kind
from ccflared.config.later import UNOBEYED
from ccflared.config.load import Loaded, load
from ccflared.config.load.secrets import LARGEST as LARGEST_SECRET
from ccflared.config.load.source import LARGEST as LARGEST_FILE
from ccflared.config.model import Config, Control, Log, Storage
from ccflared.config.oauth_rules import TOKENS
from ccflared.config.reference import SecretKind
from ccflared.config.report import render_all
from ccflared.config.schema import json_schema
from ccflared.config.secret_kinds import SOURCES
from ccflared.config.shapes import FIRST, Field, Many, MapOf, Named, Short, Table
from ccflared.config.toml_text import toml_value
from ccflared.config.words import duration_seconds, size_bytes
from ccflared.daemon.departed import KEPT
from ccflared.providers.presets import builtin

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "man" / "ccflare.toml.5").read_text()
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
SCHEMA = ROOT / "contrib" / "editor" / "ccflare.schema.json"
SPARSE = """
[server]
listen = [{ address = "127.0.0.1:8080", tls = { cert = "cert.pem", key = "key.pem" } }]
tls = { cert = "cert.pem", key = "key.pem" }
[admin]
token = "t"
[providers.x]
oauth = {}
usage = { url = "/usage", reads = "zai" }
[accounts.x]
provider = "x"
base_url = "https://x.example.com"
budget = { daily = 1 }
pause_schedule = [{ from = "14:00", to = "18:00" }]
oauth = {}
[[fallback]]
models = ["opus"]
try = ["x"]
[clients.x]
key = "k"
budget = { daily = 1 }
[pricing.x]
[budget]
daily = 1
[alerts]
webhook = { url = "https://x.example.com" }
"""
"""A file that has each table there is, and in it no key that it can do without, but for what some rule asks for."""
ASKED_FOR = {
    *("server.listen", "server.tls", "server.listen[].tls", "admin.token", "alerts.webhook"),
    *("providers.NAME.oauth", "providers.NAME.usage", "accounts.NAME.oauth", "accounts.NAME.base_url"),
    *("accounts.NAME.budget", "accounts.NAME.budget.daily", "accounts.NAME.pause_schedule"),
    *("clients.NAME.key", "clients.NAME.budget", "clients.NAME.budget.daily", "budget.daily"),
}
"""Keys that it has to have, although they can be left out elsewhere: what they are then is looked up elsewhere."""

STEPS = {"fallback[].try[].account", "fallback[].try[].model"}
"""The keys of what is no table of the model, but one of the forms of a step."""


def block(name: str) -> str:
    """Return one of the blocks that are drawn."""
    _, found, rest = PAGE.partition(f'.\\" begin {name}\n')
    assert found, f"there is no block {name}"
    return rest.partition(f'.\\" end {name}\n')[0]


def entries(text: str) -> Iterator[tuple[str, str]]:
    """Yield the entries of a list by their tags, each as the reader sees it, on one line."""
    for tags, said in re.findall(r"^\.It Sy (.*?)\n(.*?)(?=^\.It|\Z)", text, flags=re.MULTILINE | re.DOTALL):
        plain = " ".join(line for line in said.splitlines() if line != ".br")
        for written, meant in (
            ("\\(dq", '"'),
            ("\\-", "-"),
            ("\\(ti", "~"),
            ("\\~", " "),
            ("\\&", ""),
            ("\\e", "\\"),
        ):
            plain = plain.replace(written, meant)
        for tag in tags.split(" , "):
            yield tag, plain


def sections() -> list[str]:
    return re.findall(r'^\.\\" begin (.*)$', PAGE, flags=re.MULTILINE)


def told() -> dict[str, str]:
    """What the page says of each key."""
    return {tag: said for name in sections() if name != "secrets" for tag, said in entries(block(name))}


def in_schema(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the keys that the JSON Schema has, which is made from the model in another way than the page."""
    names = {"providers": "NAME", "accounts": "NAME", "clients": "NAME", "pricing": "MODEL"}
    for inner in schema.get("anyOf", ()):
        yield from in_schema(inner, path)
    if "items" in schema:
        yield from in_schema(schema["items"], f"{path}[]")
    for name, inner in schema.get("properties", {}).items():
        own = f"{path}.{name}" if path else name
        yield own
        yield from in_schema(inner, own)
    if path in names:
        yield from in_schema(schema["additionalProperties"], f"{path}.{names[path]}")


def keys() -> set[str]:
    """Every key of the file, but for tables at its top, which are sections of the page."""
    tables = set(FILE.fields) - {"include", "timezone"}
    tokens = {f"providers.NAME.oauth.{name}" for name in TOKENS}
    # An entry of listen may stand without its brackets: the same keys once more.
    return {key for key in in_schema(json_schema()) if not key.startswith("server.listen.")} - tables - tokens


def test_what_is_drawn_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "contrib/dev/draw-file"), "--check"]
    drawn = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (drawn.returncode, drawn.stderr) == (0, "")


def test_every_key_of_the_file_is_in_the_page_and_no_other() -> None:
    tags = [tag for name in sections() if name != "secrets" for tag, _ in entries(block(name))]
    assert sorted(tags) == sorted(keys())
    assert len(tags) > 150


def test_every_table_is_a_section_in_the_order_of_the_model() -> None:
    headings = re.findall(r"^\.Ss \[+(\w+).*$", PAGE, flags=re.MULTILINE)
    assert headings == [name for name in FILE.fields if name not in ("include", "timezone")]


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_a_pager_finds_a_key_by_its_whole_name_and_by_its_last_word() -> None:
    command = ["mandoc", "-Tascii", "-O", "width=78", str(ROOT / "man" / "ccflare.toml.5")]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [re.sub(".\b", "", line) for line in shown.splitlines()]
    assert lines.count("     accounts.NAME.priority") == 1
    assert [line for line in lines if line.endswith(".keep_payloads")] == ["     storage.keep_payloads"]


def test_each_says_what_it_does_and_what_it_takes() -> None:
    for tag in told().keys() - STEPS:
        does, found, takes = told()[tag].partition(" Takes ")
        assert found, tag
        assert does.endswith("."), tag
        assert re.match(r".*\. (Default: .*|Must be given)\. Since ", takes), tag


def test_each_says_since_when_it_is_there_and_none_is_from_the_future() -> None:
    for tag, said in told().items():
        (since,) = re.findall(r"Since (\d+\.\d+\.\d+)\.$", said)
        assert version(FIRST) <= version(since) <= version(__version__), tag


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def in_force(kind: Kind[Any], value: Any, path: str) -> Iterator[tuple[str, Field, Any]]:
    """Yield each key of a configuration as the page calls it, with what is in force."""
    match kind:
        case Short():
            yield from in_force(kind.table, value, path)
        case Table() if value is not None:
            for name, field in kind.fields.items():
                own, held = f"{path}.{name}".lstrip("."), getattr(value, field.attribute)
                yield own, field, held
                yield from in_force(field.key.kind, held, own)
        case Named():
            ours = value["x"]
            yield from in_force(kind.item, ours, f"{path}.{'MODEL' if path == 'pricing' else 'NAME'}")
        case Many() if isinstance(kind.item, Table | Short):
            yield from in_force(kind.item, value[0], f"{path}[]")
        case MapOf():
            return
        case _:
            return


def sparse(directory: Path) -> Config:
    pair = trustme.CA().issue_cert("localhost")
    pair.private_key_pem.write_to_path(str(directory / "key.pem"))
    pair.cert_chain_pems[0].write_to_path(str(directory / "cert.pem"))
    return loaded(directory, SPARSE).config


def loaded(directory: Path, text: str) -> Loaded:
    path = directory / "ccflare.toml"
    path.write_text(text)
    path.chmod(0o600)
    found = load(path, environ={"HOME": str(directory)}, builtin=builtin())
    assert isinstance(found, Loaded), render_all(found.mistakes)
    return found


def default(said: str) -> str:
    """Return what an entry says that an absent key means."""
    match = re.search(r"(?:Default: (.*)|(Must be given))\. Since", said)
    assert match, said
    return str(match[1] or match[2])


def test_every_default_told_is_the_one_in_force(tmp_path: Path) -> None:
    seen = set()
    for tag, field, value in in_force(FILE, sparse(tmp_path), ""):
        if tag not in told() or tag in ASKED_FOR:
            continue
        seen.add(tag)
        said = default(told()[tag])
        if field.required:
            assert said == "Must be given", tag
        elif isinstance(field.key.kind, Table):
            # What the keys in it are by default is told with them.
            assert said == (
                "those of its keys" if value == field.key.kind.made() else field.key.absent or "none"
            ), tag
        elif value in (None, (), {}):
            assert said == (field.key.absent or "none"), tag
        else:
            assert said == toml_value(field.key.kind.write(value)), tag
    nothing = {tag: default(told()[tag]) for tag in ASKED_FOR}
    assert nothing.pop("server.listen") == '"127.0.0.1:8080"'
    assert nothing.pop("server.listen[].tls") == "those of [server], if it has any"
    assert nothing.pop("accounts.NAME.base_url") == "the provider's"
    assert set(nothing.values()) == {"none"}
    assert keys() - seen == ASKED_FOR | STEPS


def test_what_is_not_obeyed_yet_says_so() -> None:
    said = {tag for tag, words in told().items() if "does not obey it yet" in words}
    assert said == {".".join("NAME" if part == "*" else str(part) for part in key) for key in UNOBEYED}


def test_secrets_come_from_where_the_page_says() -> None:
    assert [tag for tag, _ in entries(block("secrets"))] == list(SOURCES)
    assert {*SOURCES, "literal"} == set(get_args(SecretKind))
    assert f"it\nmay have {LARGEST_SECRET >> 10} KiB" in PAGE
    assert f"A file may have {LARGEST_FILE >> 20} MiB" in PAGE
    assert f"is kept for {KEPT / 86400:g} days" in PAGE


def test_the_units_that_are_named_are_understood() -> None:
    durations, sizes = re.findall(
        r"Texts of a number and a unit:\n(.*?)^\.It", PAGE, flags=re.MULTILINE | re.DOTALL
    )
    named = re.findall(r"\b(?:ms|[smhdw])\b(?= ,|[,;]| ;)", durations.split(";")[0] + ";")
    assert named == ["ms", "s", "m", "h", "d", "w"]
    assert all(duration_seconds(f"1{unit}") for unit in named)
    assert duration_seconds("1h30m") == 5400
    for unit, worth in (("KiB", 1024), ("TiB", 1024**4), ("kB", 1000), ("TB", 1000**4), ("B", 1)):
        assert size_bytes(f"1{unit}") == worth
        assert re.search(rf"\b{unit}\b", sizes)


def test_what_waits_for_a_restart_is_what_the_page_names(tmp_path: Path) -> None:
    text = PAGE.partition(".Sh RELOAD\n")[2].partition(".Sh IDENTITY\n")[0]
    assert ".Sy storage.directory ;" in text
    assert ".Sy [control] ;" in text
    changed = replace(
        loaded(tmp_path, (ROOT / "examples" / "pool.toml").read_text()).config,
        storage=Storage(Path("/srv"), 1.0, 1.0, 1, "header"),
        control=Control(Path("/srv/x.sock"), 0o660, "users"),
        log=Log("debug", "json"),
    )
    found = changes(Config(), changed, old_secrets=None, new_secrets=None)
    waiting = {change.key for change in found if change.needs_restart}
    assert waiting == {"storage.directory", "control.socket", "control.mode", "control.group"}
    assert len(found) > 15


def displays() -> list[str]:
    """Return what stands in literal displays, as the reader sees it."""
    shown = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return [text.replace("\\e", "\\") for text in shown]


@pytest.mark.parametrize("text", [text for text in displays() if "provider = " in text])
def test_an_example_is_a_valid_file_and_nothing_is_wrong_with_it(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text).warnings == ()


def test_the_page_has_examples() -> None:
    assert sum("[accounts." in text for text in displays()) == 5
    for text in displays():
        if not text.startswith("#:schema"):
            tomllib.loads(text)


def test_the_schema_for_editors_is_the_one_that_is_printed() -> None:
    command = [sys.executable, "-m", "ccflared", "schema"]
    printed = subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout
    assert printed == SCHEMA.read_bytes()
    assert json.loads(printed)["title"] == "ccflare.toml"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_file_says_first_where_its_schema_is(path: Path) -> None:
    with path.open() as file:
        directive, _, schema = file.readline().strip().partition(" ")
    assert directive == "#:schema"
    assert (path.parent / schema).resolve() == SCHEMA
