"""Every command in a real terminal, over a daemon with a day behind it: nothing is wider, nothing fails, all ends well."""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import jsonschema
import pytest

from acceptance.captured import Tmux, scene, tmux
from acceptance.playbill import DOING, LOOKING, WITHOUT, Act, found, helped, played, prepare, refused
from ccflared.api.openapi import described
from ccflared.api.routes import ROUTES

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not here"),
]
COLOURED = "\x1b["


@pytest.fixture(scope="module")
def terminal() -> Iterator[Tmux]:
    """A tmux whose commands mean the scene. Its directory has a short name, as sockets must have."""
    with TemporaryDirectory(prefix="cap-") as directory:
        home = Path(directory)
        with scene(home) as file, tmux(home, CCFLARED_CONFIG=str(file)) as server:
            yield server


@pytest.mark.parametrize("columns", [80, 160])
def test_every_command_fits_the_terminal_and_ends_as_it_has_to(terminal: Tmux, columns: int) -> None:
    prepare(terminal.home)
    acts = played(terminal, columns, (*LOOKING, *DOING, *WITHOUT))
    for act, capture in chain(acts, refused(terminal, columns)):
        assert capture.code == act.code, (act.name, capture.text)
        assert "Traceback" not in capture.text, capture.text
        assert "\x1b" not in capture.text, act.name
        assert capture.text.strip(), act.name
        assert act.raw or not capture.wrapped, (act.name, capture.wrapped)


@pytest.mark.parametrize("columns", [30, 40])
def test_what_is_looked_at_most_fits_a_narrow_terminal(terminal: Tmux, columns: int) -> None:
    prepare(terminal.home)
    for act, capture in played(terminal, columns, [act for act in (*LOOKING, *WITHOUT) if act.main]):
        assert capture.code == act.code, (act.name, capture.text)
        assert "Traceback" not in capture.text, capture.text
        assert act.raw or not capture.wrapped, (act.name, capture.wrapped)


@pytest.mark.parametrize("columns", [40, 80])
def test_help_fits_the_terminal(terminal: Tmux, columns: int) -> None:
    for act, capture in helped(terminal, columns):
        assert capture.code == 0, act.name
        assert not capture.wrapped, (act.name, capture.wrapped)


def test_a_terminal_gets_colour_and_one_that_must_not_have_it_gets_none(terminal: Tmux) -> None:
    plain = [
        Act("plain", ["status"], 1, environ={"NO_COLOR": "1"}),
        Act("dumb", ["status"], 1, environ={"TERM": "dumb"}),
    ]
    for act, capture in played(terminal, 80, plain):
        assert COLOURED not in capture.ansi, act.name
    ((_, capture),) = played(terminal, 80, [Act("coloured", ["status"], 1)])
    assert COLOURED in capture.ansi
    assert set(colours(capture.ansi)) <= {0, 1, 2, 22, 31, 32, 33, 39, 49}, (
        "others are illegible on some grounds"
    )


def test_what_programs_read_is_what_it_says(terminal: Tmux) -> None:
    for words in ("logs", "config", "check"):
        json.loads(terminal.output(*words.split(), "--json"))
    title, *rows = csv.reader(io.StringIO(terminal.output("usage", "--csv", "--by", "model")))
    assert title[:2] == ["model", "requests"]
    assert rows
    assert all(len(row) == len(title) for row in rows)
    assert all(number.replace(".", "").isdigit() or not number for row in rows for number in row[1:])


ANSWERS = {
    "status": "/api/status",
    "requests -n 50": "/api/requests",
    "request REQUEST": "/api/requests/{id}",
    "usage": "/api/usage",
    "usage --by model": "/api/usage",
    "explain claude-opus-4-5": "/api/explain",
    "explain FAILOVER": "/api/explain",
    "models": "/api/models/offered",
    "account list": "/api/accounts",
    "client list": "/api/clients",
    "alert list": "/api/insights/alerts",
    "reload --log": "/api/reload",
}
"""Commands whose --json is an answer of the API, and of which route."""


@pytest.mark.parametrize("words", ANSWERS)
def test_json_is_the_answer_that_the_api_describes(terminal: Tmux, words: str) -> None:
    document = described(ROUTES)
    told = document["paths"][ANSWERS[words]]["get"]["responses"]["200"]["content"]["application/json"]
    ids = found(terminal)
    code = 1 if words == "status" else 0
    shown = terminal.output(*(ids.get(word, word) for word in words.split()), "--json", code=code)
    schema = told["schema"] | {"components": document["components"]}
    jsonschema.validate(json.loads(shown), schema, cls=jsonschema.Draft202012Validator)


def test_what_is_piped_has_no_colour(terminal: Tmux) -> None:
    ids = found(terminal)
    for act in LOOKING:
        if not act.keys:
            shown = terminal.output(*(ids.get(word, word) for word in act.words), code=act.code)
            assert "\x1b" not in shown, act.name


def colours(ansi: str) -> Iterator[int]:
    """Yield the numbers of all styles that a terminal was told."""
    for part in ansi.split(COLOURED)[1:]:
        codes, ended, _ = part.partition("m")
        if ended:
            yield from (int(code or 0) for code in codes.split(";") if code.isdigit() or not code)
