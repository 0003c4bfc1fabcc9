"""Odd spots of TOML texts, and what an edit makes of them: small, and to the letter."""

import tomllib
from pathlib import Path

import pytest

from ccflared.config.edit import Add, Edit, Put, Remove, Rename, Unfit, Unset, apply

FILE = Path("/ccflare.toml")
LOOKS_LIKE = '[accounts.a]\nnote = """\n\n# no comment"""\n'

CASES: dict[str, tuple[str, Edit, str]] = {
    "what looks like a comment above a table stands in a text": (
        LOOKS_LIKE + '[accounts.b]\nprovider = "x"\n',
        Remove("accounts", "b"),
        LOOKS_LIKE,
    ),
    "a comment about the whole file stays with it": (
        "# about the file\n[accounts.a]\nx = 1\n\n[log]\n",
        Remove("accounts", "a"),
        "# about the file\n\n[log]\n",
    ),
    "a comment that touches the table before belongs to that": (
        "[log]\n# about the log\n[accounts.a]\nx = 1\n",
        Remove("accounts", "a"),
        "[log]\n# about the log\n",
    ),
    "a comment that touches the next table belongs to that": (
        "[accounts.a]\nx = 1\n# about b\n[accounts.b]\n",
        Remove("accounts", "a"),
        "# about b\n[accounts.b]\n",
    ),
    "a comment set off by empty lines belongs to nobody": (
        "[log]\n\n# --- accounts ---\n\n[accounts.a]\nx = 1\n\n# --- end ---\n",
        Remove("accounts", "a"),
        "[log]\n\n# --- accounts ---\n\n# --- end ---\n",
    ),
    "a file without a newline at its end gets one where a line follows": (
        "[accounts.a]\nx = 1",
        Put(("accounts", "a", "y"), 2),
        "[accounts.a]\nx = 1\ny = 2\n",
    ),
    "a table that only its tables imply gets a header before them": (
        "# top\n\n# about models\n[accounts.a.models]\nopus = 'x'\n",
        Put(("accounts", "a", "tier"), 2),
        "# top\n\n[accounts.a]\ntier = 2\n\n# about models\n[accounts.a.models]\nopus = 'x'\n",
    ),
    "the first key of no table stands above all tables": (
        "[log]\nlevel = 'info'\n",
        Put(("timezone",), "UTC"),
        "timezone = \"UTC\"\n\n[log]\nlevel = 'info'\n",
    ),
    "all accounts in one inline table": (
        "accounts = { a = { x = 1 } }\n",
        Add("accounts", "b", {"x": 2}),
        "accounts = { a = { x = 1 }, b = { x = 2 } }\n",
    ),
    "the only key of an inline table": (
        "[accounts.a]\nx = 1\nmodels = { opus = 1 } # why\n",
        Unset(("accounts", "a", "models", "opus")),
        "[accounts.a]\nx = 1\n",
    ),
    "the last element of a list without a comma": (
        "[clients.c]\nkeys = [\n  'a', # one\n  'b'  # two\n]\n",
        Unset(("clients", "c", "keys", 1)),
        "[clients.c]\nkeys = [\n  'a', # one\n]\n",
    ),
    "the first element of a list that begins in the line of its key": (
        "[clients.c]\nkeys = ['a', # one\n        'b'] # two\n",
        Unset(("clients", "c", "keys", 0)),
        "[clients.c]\nkeys = [# one\n        'b'] # two\n",
    ),
    "an element after a list in several lines without a comma at its end": (
        "[clients.c]\nkeys = [\n  'a'  # one\n]\n",
        Put(("clients", "c", "keys", 1), "b"),
        "[clients.c]\nkeys = [\n  'a',  # one\n  \"b\",\n]\n",
    ),
    "an escaped name": (
        '[ accounts . "w\\u006frk" ] # odd\nx = 1\n',
        Rename("accounts", "work", "office"),
        '[ accounts . "office" ] # odd\nx = 1\n',
    ),
    "aligned equals signs": (
        "[accounts.a]\nprovider = 'x'\ntier     = 1\n",
        Put(("accounts", "a", "priority"), 2),
        "[accounts.a]\nprovider = 'x'\ntier     = 1\npriority = 2\n",
    ),
    "tables between those of one section": (
        "[accounts.a]\nx = 1\n\n[log]\n\n[accounts.b]\nx = 1\n\n[routing]\n",
        Add("accounts", "c", {"x": 2}),
        "[accounts.a]\nx = 1\n\n[log]\n\n[accounts.b]\nx = 1\n\n[accounts.c]\nx = 2\n\n[routing]\n",
    ),
    "a boolean is no number": (
        "[accounts.a]\nx = true\n",
        Put(("accounts", "a", "x"), 1),
        "[accounts.a]\nx = 1\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_to_the_letter(case: str) -> None:
    text, edit, expected = CASES[case]
    done = apply({FILE: text}, [edit])
    assert not isinstance(done, Unfit), done
    assert done[FILE] == expected


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("[clients.c]\nkeys = [\n  'a'\n  , 'b'\n]\n", Unset(("clients", "c", "keys", 0))),
        ("accounts.a = 1\n", Put(("accounts", "a", "tier"), 2)),
        ("fallback = 3\n", Put(("fallback", 0, "then"), "pool")),
    ],
)
def test_what_does_not_go_cleanly_is_refused(text: str, edit: Edit) -> None:
    assert tomllib.loads(text)
    done = apply({FILE: text}, [edit])
    assert isinstance(done, Unfit)
    assert done.kind == "unclean"
    assert done.paste
