"""What ccflared-providers(7) and the README say of providers is what the code does, and the examples are valid."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from ccflared.config.accounts import Dialect, Provider
from ccflared.config.later import not_spoken
from ccflared.config.load import Loaded, load
from ccflared.config.modes import LEFT_OUT, MODES
from ccflared.config.quirks import Quirks
from ccflared.config.report import render_all
from ccflared.config.shapes import Table
from ccflared.config.toml_text import toml_value
from ccflared.providers.prepare import endpoint
from ccflared.providers.presets import builtin
from ccflared.providers.signs import NO_SIGNS, signs_for

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "man" / "ccflared-providers.7").read_text()
ASKED = {"anthropic": "/v1/messages", "openai-chat": "/v1/chat/completions"}


def section(title: str) -> str:
    """Return the part of the page below a heading of either kind, as it is written."""
    _, found, rest = PAGE.partition(f"{title}\n")
    assert found, f"there is no heading {title}"
    end = r"^\.S[hs] " if title.startswith(".Ss") else r"^\.Sh "
    return re.split(end, rest, maxsplit=1, flags=re.MULTILINE)[0]


def literal(text: str) -> list[str]:
    """Return what stands in literal displays, as the reader sees it."""
    shown = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", text, flags=re.MULTILINE | re.DOTALL)
    return [block.replace("\\-", "-").replace("\\(ti", "~").replace("\\e", "\\") for block in shown]


def listed(text: str) -> dict[str, str]:
    """Return the entries of the lists in a text: what each tag says, on one line."""
    entries = re.findall(r"^\.It Sy (.*?)\n(.*?)(?=^\.It|^\.El)", text, flags=re.MULTILINE | re.DOTALL)
    return {tag: " ".join(said.split()) for tag, said in entries}


def examples() -> Iterator[tuple[str, str]]:
    """Yield each example with the heading it stands below."""
    for title in (".Sh PROVIDER TABLES", *(f".Ss {name}" for name in builtin())):
        yield from ((title[4:], block) for block in literal(section(title)) if "[" in block.split("\n", 1)[0])


def test_each_built_in_provider_has_its_own_part_in_the_order_of_the_presets() -> None:
    assert re.findall(r"^\.Ss (.*)$", section(".Sh BUILT-IN PROVIDERS"), flags=re.MULTILINE) == list(
        builtin()
    )


def written(quirks: Quirks) -> str:
    """Return the quirks that are not the default, as the page has them."""
    table = Table(Quirks).write(quirks)
    assert isinstance(table, dict)
    return " , ".join(f"{key} = {toml_value(value)}" for key, value in table.items()).replace('"', "\\(dq")


@pytest.mark.parametrize(("name", "provider"), builtin().items(), ids=list(builtin()))
def test_the_facts_of_a_provider_are_those_of_its_preset(name: str, provider: Provider) -> None:
    quirks = {"quirks": written(provider.quirks)} if provider.quirks != Quirks() else {}
    assert listed(section(f".Ss {name}")) == quirks | {
        "base_url": provider.base_url or "given by the account",
        "dialect": provider.dialect + (" (not spoken yet)" if not_spoken(provider) else ""),
        "auth": provider.auth,
        "billing": provider.billing,
    }


@pytest.mark.parametrize("name", builtin())
def test_error_codes_of_its_own_are_mentioned_where_they_are_known(name: str) -> None:
    known = signs_for(name, builtin()[name].base_url or "https://h.eu") is not NO_SIGNS
    assert ("its own error codes" in section(f".Ss {name}")) == known


@pytest.mark.parametrize("name", builtin())
def test_each_provider_has_an_example_of_an_account_there(name: str) -> None:
    assert any(title == name and f'provider = "{name}"' in text for title, text in examples())


@pytest.mark.parametrize("text", [text for _, text in examples()], ids=[title for title, _ in examples()])
def test_an_example_is_a_valid_file_and_nothing_is_wrong_with_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ccflare.toml"
    path.write_text(text)
    path.chmod(0o600)
    loaded = load(path, environ={"HOME": str(tmp_path)}, builtin=builtin())
    assert isinstance(loaded, Loaded), render_all(loaded.mistakes)
    # What this version cannot do yet is all that may be said of it.
    assert [str(w) for w in loaded.warnings if "this version " not in w.message] == []


def test_every_key_of_a_provider_is_explained() -> None:
    keys = listed(section(".Sh PROVIDER TABLES").partition("\n.Ss ")[0])
    assert set(keys) == set(Provider.__dataclass_fields__)
    assert all(dialect in keys["dialect"] for dialect in get_args(Dialect))


def test_every_quirk_is_explained_in_the_order_of_the_model() -> None:
    assert list(listed(section(".Ss Quirks"))) == list(Quirks.__dataclass_fields__)


def test_the_table_of_addresses_is_what_becomes_of_them() -> None:
    (table,) = literal(section(".Ss Addresses"))
    rows = [line.split() for line in table.splitlines() if not line.startswith('.\\"')]
    assert len(rows) == 8
    for dialect, base_url, address in rows:
        (known,) = (each for each in get_args(Dialect) if each == dialect)
        assert endpoint(base_url, known, ASKED[dialect]) == address


def test_the_modes_of_better_ccflare_are_those_that_the_code_knows() -> None:
    said = listed(section(".Sh COMING FROM BETTER-CCFLARE"))
    left_out = {mode for tag, text in said.items() for mode in tag.split(" , ") if text not in builtin()}
    assert {mode: text for mode, text in said.items() if text in builtin()} == dict(MODES)
    assert left_out == set(LEFT_OUT)


def test_the_readme_lists_each_provider_with_its_dialect() -> None:
    _, _, rest = (ROOT / "README.md").read_text().partition("## Providers\n")
    rows = re.findall(
        r"^\| `([a-z-]+)` \|.*\| ([a-z-]+) *\|$", rest.partition("\n## ")[0], flags=re.MULTILINE
    )
    assert rows == [(name, provider.dialect) for name, provider in builtin().items()]


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
@pytest.mark.parametrize("page", sorted((ROOT / "man").glob("*.[1-8]")), ids=lambda page: page.name)
def test_a_page_fits_a_terminal_of_80_columns(page: Path) -> None:
    command = ["mandoc", "-Tutf8", "-O", "width=78", str(page)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [re.sub(".\b", "", line) for line in shown.splitlines()]
    assert [line for line in lines if len(line) > 80] == []
