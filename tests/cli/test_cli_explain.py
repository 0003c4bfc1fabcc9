"""``ccflared explain``: the pages letter by letter, and the command as it is typed."""

import json
import os
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from canned import NOW, busy, canned_daemon, choice, nobody, story
from figures import row, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from ccflared.cli.main import run_command
from ccflared.cli.render.explain import choice_lines, story_lines
from ccflared.cli.render.explanation import read_choice, read_story
from ccflared.cli.render.layout import ASCII, UNICODE, Glyphs, Line, line_cells, text_of
from ccflared.cli.render.sheet import Sheet

GOLDEN = Path(__file__).parent / "golden"


def refused() -> dict[str, Any]:
    """A request that was given to nobody."""
    return story() | {
        "status": 503,
        "outcome": "refused",
        "error": "No account could serve this request (1 at a limit, 1 paused).",
        "attempts": [],
        "served_model": None,
        "conversation": None,
    }


def probe() -> dict[str, Any]:
    """A request of the daemon's own, to an account that cannot be reached."""
    failed = {
        "kind": "connect",
        "status": None,
        "reason": "no connection could be made",
        "why": "account test",
    }
    return story() | {
        "origin": "test",
        "client": None,
        "conversation": None,
        "chain": None,
        "status": None,
        "outcome": "error",
        "error": "no connection could be made",
        "served_model": None,
        "attempts": [story()["attempts"][0] | failed],
        "passed": [],
    }


def page(document: dict[str, Any], sheet: Sheet) -> list[Line]:
    if "candidates" in document:
        return choice_lines(read_choice(document), sheet)
    return story_lines(read_story(document), NOW, sheet)


PAGES: dict[str, Callable[[], dict[str, Any]]] = {
    "choice": choice,
    "nobody": nobody,
    "story": story,
    "refused": refused,
    "probe": probe,
}


@pytest.mark.parametrize("width", [40, 80, 160])
@pytest.mark.parametrize("name", PAGES)
def test_an_explanation_looks_as_it_was_agreed(name: str, width: int) -> None:
    shown = "".join(text_of(line) + "\n" for line in page(PAGES[name](), Sheet(width, zone=UTC)))
    file = GOLDEN / f"explain-{name}-{width}.txt"
    if os.environ.get("CCFLARED_GOLDEN") == "write":
        file.write_text(shown)
    assert shown == file.read_text()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_nothing_is_wider_than_the_terminal(name: str, glyphs: Glyphs) -> None:
    for width in range(20, 180, 3):
        assert (
            max(line_cells(line) for line in page(PAGES[name](), Sheet(width, glyphs, rules=True))) <= width
        )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([choice(), nobody(), story()]), st.data())
def test_an_answer_of_another_version_never_breaks_the_command(
    document: dict[str, Any], data: st.DataObject
) -> None:
    changed = dict(document)
    key = data.draw(st.sampled_from(sorted(changed)))
    items = changed[key]
    if isinstance(items, list) and items and data.draw(st.booleans()):
        inner = data.draw(st.sampled_from(sorted(items[0])))
        changed[key] = [items[0] | {inner: data.draw(JSON)}, *items[1:]]
    else:
        changed[key] = data.draw(JSON)
    read = choice_lines(read_choice(changed), Sheet(60)) + story_lines(read_story(changed), NOW, Sheet(60))
    assert max(line_cells(line) for line in read) <= 60


def type_in(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = run_command([str(word) for word in words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_model_is_asked_for_with_all_that_is_told_of_the_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    what = "GET /api/explain?model=vendor%2Fbig+one&client=laptop&account=work&conversation=a%3Ab"
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers[what] = 200, choice()
        words = ("vendor/big one", "--client", "laptop", "--account", "work", "--conversation", "a:b")
        code, out, err = type_in(capsys, "explain", *words, "--socket", tmp_path / "s")
    assert (code, err) == (0, "")
    assert "pinned to the account work" in out
    assert canned.asked == [(what, None)]


def test_where_nobody_would_serve_the_answer_is_no(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/explain?model=m"] = 200, nobody()
        code, out, _ = type_in(capsys, "explain", "m", "--socket", tmp_path / "s")
        assert code == 1
        assert "The account has reached a limit." in out
        code, out, _ = type_in(capsys, "explain", "m", "--json", "--socket", tmp_path / "s")
        assert (code, json.loads(out)) == (1, nobody())


def test_a_request_is_explained_by_its_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        whole = row(8)["id"]
        canned.answers[f"GET /api/explain?request={whole}"] = 200, story()
        canned.answers["GET /api/requests?limit=1000"] = 200, rows()
        for typed in (whole, "req_00000008", "00000008", whole.removeprefix("req_")):
            code, out, err = type_in(capsys, "explain", typed, "--socket", tmp_path / "s")
            assert (code, err) == (0, ""), typed
            assert "429 limit" in out
        code, out, _ = type_in(capsys, "explain", "00000008", "--json", "--socket", tmp_path / "s")
        assert (code, json.loads(out)) == (0, story())


def test_what_is_the_beginning_of_no_id_may_be_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/requests?limit=1000"] = 200, rows()
        canned.answers["GET /api/explain?model=deadbeef"] = 200, choice()
        code, out, err = type_in(capsys, "explain", "deadbeef", "--socket", tmp_path / "s")
        assert code == 0
        assert choice()["model"] in out
        assert "no request deadbeef among the latest 1,000; it is taken as the name of a model" in err
        code, out, err = type_in(capsys, "explain", "req_deadbeef", "--socket", tmp_path / "s")
        assert (code, out) == (4, "")
        assert "There is no request req_deadbeef among the latest 1,000; `ccflared requests` lists" in err
        code, out, err = type_in(capsys, "explain", "0000", "--socket", tmp_path / "s")
        assert (code, out) == (4, "")
        assert "The ids of 9 requests begin with 0000; give more of it." in err


@pytest.mark.parametrize(
    ("words", "answer", "ends"),
    [
        (
            ("req_0123456789abcdef01234567",),
            (404, "The history knows no such request."),
            (4, "There is no request req_0123456789abcdef01234567; `ccflared requests` lists the latest."),
        ),
        (("m", "--client", "x"), (404, "There is no client x."), (4, "There is no client x.")),
        (("m",), (503, "it is about to stop"), (4, "The daemon refused: it is about to stop")),
        (("req_2222", "--account", "a"), None, (2, "req_2222 is a request;")),
        (("",), None, (2, "a model or the id of a request is missing")),
    ],
)
def test_what_is_not_known_is_said_in_the_daemons_words(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    answer: tuple[int, str] | None,
    ends: tuple[int, str],
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        if answer is not None:
            failure = answer[0], {"type": "error", "error": {"message": answer[1]}}
            for path in ("model=m", "model=m&client=x", "request=req_0123456789abcdef01234567"):
                canned.answers[f"GET /api/explain?{path}"] = failure
        got, out, err = type_in(capsys, "explain", *words, "--socket", tmp_path / "s")
    assert (got, out) == (ends[0], "")
    assert ends[1] in err
