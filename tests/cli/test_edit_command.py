"""ccflared edit: the file in an editor, which here is a short script."""

import stat
import sys
from pathlib import Path

import pytest
from desk import FILE, Desk
from terminals import Screen, on_a_terminal

GOOD, BAD = "priority = 3", "priorty = 3"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def with_editor(desk: Desk, *lines: str) -> Desk:
    """Let $EDITOR be a program of these lines; ``copy`` is the file it is to edit, ``text`` what is in it."""
    script = desk.directory / "editor.py"
    head = (
        "import os, sys, time",
        "from pathlib import Path",
        "copy = Path(sys.argv[1])",
        "text = copy.read_text()",
    )
    script.write_text("\n".join([*head, *lines]))
    desk.environ["EDITOR"] = f"{sys.executable} {script}"
    return desk


def left(desk: Desk) -> set[str]:
    return desk.leftovers() - {"editor.py"}


def typed(screen: Screen, answer: str, *, after: str) -> None:
    seen = len(screen.written)
    screen.until(lambda _: after in screen.written[seen:].decode(errors="replace"))
    screen.type_in(f"{answer}\n")


def test_what_is_good_takes_the_place_of_the_file(desk: Desk) -> None:
    desk.config.chmod(0o640)
    with_editor(
        desk,
        "assert copy.parent == Path.cwd() and copy.name.startswith('.ccflare.toml.') and copy.suffix == '.toml'",
        "assert copy.stat().st_mode & 0o777 == 0o640",
        f"copy.write_text(text + {GOOD!r} + chr(10))",
    )
    with on_a_terminal("edit", more=desk.environ, cwd=desk.directory) as screen:
        assert screen.ended() == 0, screen.written
    assert f"{desk.config} is saved." in screen.written.decode()
    assert desk.text == f"{FILE}{GOOD}\n"
    assert stat.S_IMODE(desk.config.stat().st_mode) == 0o640
    assert left(desk) == set()


def test_an_editor_that_replaces_its_file_is_fine_as_well(desk: Desk) -> None:
    with_editor(
        desk, "new = copy.with_suffix('.new')", f"new.write_text(text + {GOOD!r})", "new.replace(copy)"
    )
    with on_a_terminal("edit", more=desk.environ) as screen:
        assert screen.ended() == 0
    assert desk.text == FILE + GOOD
    assert stat.S_IMODE(desk.config.stat().st_mode) == 0o600


def test_mistakes_are_shown_and_can_be_mended(desk: Desk) -> None:
    with_editor(
        desk, f"copy.write_text(text.replace({BAD!r}, {GOOD!r}) if {BAD!r} in text else text + {BAD!r})"
    )
    with on_a_terminal("edit", more=desk.environ, columns=200) as screen:
        typed(screen, "q", after="(x) leave it as it was: ")
        typed(screen, "e", after="(x) leave it as it was: ")
        assert screen.ended() == 0
    assert 'unknown key "priorty" in [accounts.local]; did you mean "priority"?' in screen.written.decode()
    assert desk.text == FILE + GOOD
    assert left(desk) == set()


def test_what_has_mistakes_can_only_be_left(desk: Desk) -> None:
    with_editor(desk, f"copy.write_text(text + {BAD!r})")
    with on_a_terminal("edit", more=desk.environ) as screen:
        typed(screen, "x", after="(x) leave it as it was: ")
        assert screen.ended() == 4
    assert desk.text == FILE
    assert left(desk) == set()


def test_a_loss_is_asked_about(desk: Desk) -> None:
    without = FILE[: FILE.index("\n# local")]
    with_editor(desk, f"copy.write_text({without!r})")
    with on_a_terminal("edit", more=desk.environ, columns=200) as screen:
        typed(screen, "a", after="(a)pply it all the same: ")
        assert screen.ended() == 0
    assert "The last account would be gone." in screen.written.decode()
    assert desk.text == without


def test_a_broken_file_can_be_mended(desk: Desk) -> None:
    desk.write(FILE + "= 3\n")
    with_editor(desk, "copy.write_text(text.replace('= 3', ''))")
    with on_a_terminal("edit", more=desk.environ) as screen:
        assert screen.ended() == 0
    assert desk.text == FILE + "\n"


def test_an_included_file_is_edited_by_name(desk: Desk) -> None:
    desk.write('include = "team.toml"\n' + FILE)
    team = desk.directory / "team.toml"
    team.write_text('[accounts.team]\nprovider = "ollama"\n')
    with_editor(desk, f"copy.write_text(text + {GOOD!r})")
    with on_a_terminal("edit", "--file", "team.toml", more=desk.environ, cwd=desk.directory) as screen:
        assert screen.ended() == 0, screen.written
    assert team.read_text().endswith(GOOD)


def test_nothing_changed_is_nothing_written(desk: Desk) -> None:
    before = desk.config.stat()
    with_editor(desk, "")
    with on_a_terminal("edit", more=desk.environ) as screen:
        assert screen.ended() == 0
    assert "Nothing was changed." in screen.written.decode()
    after = desk.config.stat()  # all but the time of reading
    assert (after.st_ino, after.st_mtime_ns, after.st_size) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_size,
    )


def kept(desk: Desk, screen: Screen) -> bytes:
    """What was written and is not thrown away, as the screen tells."""
    (name,) = left(desk)
    assert f"What you wrote is kept in {desk.directory / name}." in screen.written.decode()
    return (desk.directory / name).read_bytes()


def test_an_editor_that_fails_changes_nothing(desk: Desk) -> None:
    with_editor(desk, "sys.exit(3)")
    with on_a_terminal("edit", more=desk.environ) as screen:
        assert screen.ended() == 4
    assert "The editor ended with status 3. Nothing was changed." in screen.written.decode()
    assert desk.text == FILE
    assert left(desk) == set()


def test_what_was_written_stays_when_the_editor_fails(desk: Desk) -> None:
    with_editor(desk, f"copy.write_text(text + {GOOD!r})", "sys.exit(3)")
    with on_a_terminal("edit", more=desk.environ, columns=250) as screen:
        assert screen.ended() == 4
    assert kept(desk, screen).decode() == FILE + GOOD
    assert desk.text == FILE


def test_what_was_written_stays_when_the_editor_fails_the_second_time(desk: Desk) -> None:
    with_editor(desk, f"sys.exit(1) if {BAD!r} in text else copy.write_text(text + {BAD!r})")
    with on_a_terminal("edit", more=desk.environ, columns=250) as screen:
        typed(screen, "e", after="(x) leave it as it was: ")
        assert screen.ended() == 4
    assert kept(desk, screen).decode() == FILE + BAD


def test_what_was_written_stays_when_it_cannot_be_read(desk: Desk) -> None:
    with_editor(desk, "copy.write_bytes(text.encode() + b'# caf' + bytes([0xe9]))")
    with on_a_terminal("edit", more=desk.environ, columns=250) as screen:
        assert screen.ended() == 4
    assert kept(desk, screen).endswith(b"# caf\xe9")
    assert "What the editor left cannot be read" in screen.written.decode()


def test_what_was_written_stays_when_nobody_answers(desk: Desk) -> None:
    with_editor(desk, f"copy.write_text(text + {BAD!r})")
    with on_a_terminal("edit", more=desk.environ, columns=250) as screen:
        screen.until(lambda text: "(x) leave it as it was: " in text)
        screen.process.send_signal(2)
        assert screen.ended() == 4
    assert kept(desk, screen).decode() == FILE + BAD


def test_a_change_by_somebody_else_meanwhile_wins_and_no_work_is_lost(desk: Desk) -> None:
    with_editor(
        desk,
        f"copy.write_text(text + {GOOD!r})",
        f"Path({str(desk.config)!r}).write_text(text + '# somebody else')",
    )
    with on_a_terminal("edit", more=desk.environ, columns=250) as screen:
        assert screen.ended() == 4
    assert "was changed meanwhile; nothing was written." in screen.written.decode()
    assert desk.text == FILE + "# somebody else"
    assert kept(desk, screen).decode() == FILE + GOOD


def test_without_a_terminal_it_names_check(desk: Desk) -> None:
    with_editor(desk, "copy.write_text('')")
    code, out, err = desk.type_in("edit")
    assert (code, out) == (2, "")
    assert "ccflared check" in err
    assert desk.text == FILE
