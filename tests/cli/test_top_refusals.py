"""What ``ccflared top`` says where it cannot show anything, and with which code it ends."""

import sys
from pathlib import Path

import pytest
import terminals
from terminals import on_a_terminal, run

WITHOUT = "import sys; sys.modules['textual'] = None; from ccflared.__main__ import main; sys.exit(main())"


def test_without_a_terminal_it_names_what_is_for_that() -> None:
    ended = run("top")
    assert ended.returncode == 2
    assert "ccflared status --watch" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_dumb_terminal_is_refused_with_a_sentence(term: str) -> None:
    with on_a_terminal("top", more={"TERM": term}) as screen:
        assert screen.ended() == 2
        said = screen.written.decode()
    assert "$TERM" in said
    assert "ccflared status --watch" in said
    assert "\x1b[?1049h" not in said


def test_without_textual_it_says_how_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminals, "COMMAND", (sys.executable, "-c", WITHOUT))
    with on_a_terminal("top") as screen:
        assert screen.ended() == 2
        said = screen.written.decode()
    assert "pip install 'ccflared[tui]'" in said
    assert "pipx inject ccflared textual" in said


def test_without_a_daemon_it_says_so_before_it_draws(tmp_path: Path) -> None:
    with on_a_terminal("top", "--socket", tmp_path / "nobody.sock") as screen:
        assert screen.ended() == 3
        said = screen.written.decode()
    assert "ccflared is not running" in said
    assert "\x1b[?1049h" not in said
