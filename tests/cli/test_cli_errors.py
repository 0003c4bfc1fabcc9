"""What every command says where no daemon answers: what happened, where, and what to do next, with its exit code."""

import grp
import importlib
import os
import pkgutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from terminals import on_a_terminal, run
from troubles import ASKING, said, typed

from ccflared import cli
from ccflared.cli.checkup.state import totals_check
from ccflared.cli.main import run_command
from ccflared.config.load.paths import SYSTEM_FILE

FILE = '[control]\nsocket = "c.sock"\n[storage]\ndirectory = "state"\n[accounts.work]\nprovider = "ollama"\n'

no_file_of_this_machine = pytest.mark.skipif(SYSTEM_FILE.exists(), reason="this machine has a configuration")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ccflare.toml"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


# -- Nobody there


@no_file_of_this_machine
def test_alone_without_daemon_and_file_the_first_steps_lead_to_a_demo_a_file_and_a_dashboard(
    tmp_path: Path,
) -> None:
    code, lines = typed(home=tmp_path)
    assert code == 3
    assert lines[0] == "ccflared is not running."
    steps = said(lines)
    assert steps.index("ccflared demo") < steps.index("ccflared init") < steps.index("ccflared run")
    assert "then http://127.0.0.1:8080/ leads through the first account" in steps


def test_alone_with_a_file_that_is_named_each_step_names_it(tmp_path: Path, config: Path) -> None:
    code, lines = typed("--config", config, home=tmp_path, columns=400)
    assert code == 3
    assert lines[1] == f"Its configuration is {config}."
    assert f"ccflared check --config {config}" in said(lines)
    assert f"ccflared run --config {config}" in said(lines)
    code, lines = typed("--config", tmp_path / "no.toml", home=tmp_path, columns=400)
    assert f"ccflared init --config {tmp_path}/no.toml" in said(lines)


@pytest.mark.parametrize("words", ASKING, ids=" ".join)
def test_where_no_daemon_runs_each_place_and_the_way_to_start_are_named(
    tmp_path: Path, config: Path, words: tuple[str, ...]
) -> None:
    code, lines = typed(*words, "--config", config, home=tmp_path, columns=400)
    assert code == 3
    assert lines[0] == "ccflared is not running. Looked for it at:"
    assert lines[1] == f"  {tmp_path}/c.sock: nothing there ([control] socket of {config})"
    assert lines[-1] == f"Start it: ccflared run --config {config}"


def test_a_socket_that_nobody_serves_any_more_is_told_from_one_that_is_not_there(
    tmp_path: Path, config: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "c.sock"))
    code, lines = typed("status", "--config", config, home=tmp_path, columns=400)
    assert code == 3
    assert lines[1] == f"  {tmp_path}/c.sock: nobody listens ([control] socket of {config})"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none", "nothing there"),
        ("file", "not a socket"),
        ("directory", "not a socket"),
        ("file/below", "no directory on the way to it"),
        ("x" * 120, "longer than the path of a socket may be, 107 bytes"),
    ],
)
def test_a_socket_that_is_named_and_is_none_is_said_with_the_way_back(
    tmp_path: Path, config: Path, name: str, problem: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "directory").mkdir()
    for option, more in (
        (["--socket", tmp_path / name], {}),
        ([], {"CCFLARED_SOCKET": str(tmp_path / name)}),
    ):
        code, lines = typed(
            "status", *option, home=tmp_path, columns=400, more={"CCFLARED_CONFIG": str(config)} | more
        )
        named = "--socket" if option else "$CCFLARED_SOCKET"
        assert (code, lines[1:]) == (
            3,
            [
                f"  {tmp_path / name}: {problem} ({named})",
                "Start it: ccflared run",
                f"Or let it be looked for at its usual places: without {named}.",
            ],
        )
        assert typed("status", *option, home=tmp_path, columns=40, more=more)[0] == 3


# -- The wrong file


@pytest.mark.parametrize("words", [("status",), ("logs",), ("account", "pause", "work")], ids=" ".join)
def test_a_file_that_is_named_and_not_there_is_said_beside_the_daemon(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    no = tmp_path / "no.toml"
    code, lines = typed(*words, "--config", no, home=tmp_path, columns=400)
    assert code == 3
    assert lines[-2:] == [
        f"There is no file {no} (named by --config).",
        f"Start it: ccflared init --config {no}, then ccflared run --config {no}",
    ]
    code, lines = typed(*words, home=tmp_path, columns=400, more={"CCFLARED_CONFIG": str(no)})
    assert lines[-2] == f"There is no file {no} (named by $CCFLARED_CONFIG)."


def test_a_directory_that_is_named_as_the_file_is_said_with_the_file_in_it(tmp_path: Path) -> None:
    code, lines = typed("status", "--config", tmp_path, home=tmp_path, columns=400)
    assert code == 3
    meant = f"{tmp_path} (named by --config) is a directory; the file in it is meant: {tmp_path}/ccflare.toml"
    assert lines[-2] == meant


NEEDING_THE_FILE = (
    ("check",),
    ("config",),
    ("run",),
    ("account", "list"),
    ("account", "set", "work", "priority=2"),
    ("client", "add", "laptop"),
    ("login", "work"),
)


@pytest.mark.parametrize("words", NEEDING_THE_FILE, ids=" ".join)
def test_a_file_that_is_not_there_is_to_be_written_first(tmp_path: Path, words: tuple[str, ...]) -> None:
    no = tmp_path / "no.toml"
    code, lines = typed(*words, "--config", no, home=tmp_path, columns=400)
    assert (code, lines) == (
        2,
        [f"There is no file {no} (named by --config).", f"`ccflared init --config {no}` writes a first one."],
    )


@pytest.mark.parametrize("words", NEEDING_THE_FILE, ids=" ".join)
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, ":1:1: the file cannot be read: it is a directory"),
        (b"hello world\n", ':1:7: this is not TOML: expected "=" after the key'),
        (bytes(range(256)), ":2:118: this is not UTF-8 text (the byte 0x80)"),
    ],
    ids=["a directory", "no TOML", "binary"],
)
def test_a_file_that_is_none_is_pointed_at(
    tmp_path: Path, words: tuple[str, ...], content: bytes | None, problem: str
) -> None:
    path = tmp_path / "wrong.toml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
        path.chmod(0o600)
    code, lines = typed(*words, "--config", path, home=tmp_path)
    assert code == (1 if words[0] in ("check", "config", "run") else 4)
    assert f"{path}{problem}".replace(" ", "") in said(lines).replace(" ", "")


def test_mistakes_go_to_stderr_where_they_are_not_what_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text("hello world\n")
    path.chmod(0o600)
    for words in (("config",), ("account", "list"), ("account", "set", "work", "priority=2")):
        done = run(*words, "--config", path)
        assert (done.stdout, f"{path}:1:7: " in done.stderr) == ("", True)


def test_a_long_line_with_a_mistake_is_cut_around_it_on_a_narrow_terminal(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(
        f"[server]\nallowed_hosts = [{', '.join(f'{chr(34)}host-{n}{chr(34)}' for n in range(40))}, 5]\n"
    )
    path.chmod(0o600)
    code, lines = typed("check", "--config", path, home=tmp_path, columns=40)
    assert code == 1
    caret = next(line for line in lines if line.strip() == "^")
    excerpt = lines[lines.index(caret) - 1]
    assert excerpt[caret.index("^")] == "5"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("stauts",), "ccflared: there is no command 'stauts'; did you mean status?"),
        (("account", "lst"), "ccflared account: there is no command 'lst'; did you mean list?"),
        (("xyzzy",), "ccflared: there is no command 'xyzzy'. There are: init, check,"),
        (("status", "--jsn"), "ccflared status: unrecognized arguments: --jsn"),
        (("logs", "--level", "loud"), "loud is no level; there are: debug, info, warning, error"),
        (
            ("usage", "--by", "colour"),
            "there is no usage by colour; there is: account, model, client, project,",
        ),
    ],
)
def test_what_is_not_understood_is_said_with_where_help_is_and_fits(
    tmp_path: Path, words: tuple[str, ...], hint: str
) -> None:
    code, lines = typed(*words, home=tmp_path)
    assert code == 2
    assert hint in said(lines)
    assert lines[-1].endswith(" --help says how it is used.")


def test_an_address_that_is_none_is_said_of_the_option_of_demo(tmp_path: Path) -> None:
    assert typed("demo", "--listen", "nowhere", home=tmp_path) == (
        2,
        ["ccflared demo: --listen takes an address such as 127.0.0.1:8080, not nowhere"],
    )


# -- No permission


@contextmanager
def as_nobody() -> Iterator[None]:
    # All that a command may import: who has become somebody else may not be able to read it any more.
    for module in pkgutil.iter_modules(cli.__path__, "ccflared.cli."):
        importlib.import_module(module.name)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that everybody may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else")


@needs_root
@pytest.mark.parametrize("words", ASKING, ids=" ".join)
def test_a_socket_that_may_not_be_opened_is_said_with_its_owner_and_the_way_out(
    open_directory: Path, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    path = open_directory / "c.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        path.chmod(0o600)
        server.listen()
        with as_nobody():
            code = run_command([*words, "--socket", str(path)])
    said = capfd.readouterr().err
    assert code == 4
    assert (
        f"may not open ccflared's control socket {path}: the socket belongs to root:root, mode 0600.\n"
        in said
    )
    assert "Run the command as root (sudo), or open the socket to a group that " in said
    assert said.endswith('  [control]\n  mode = "0660"\n  group = "GROUP"\n')


@needs_root
def test_a_socket_that_is_open_to_a_group_names_the_command_that_lets_one_in(
    open_directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = open_directory / "c.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        os.chown(path, 0, grp.getgrnam("daemon").gr_gid)
        path.chmod(0o660)
        server.listen()
        with as_nobody():
            assert run_command(["status", "--socket", str(path)]) == 4
    said = capfd.readouterr().err
    assert "the socket belongs to root:daemon, mode 0660.\n" in said
    assert "`sudo usermod -aG daemon nobody`, then log in again" in said


@needs_root
def test_a_file_that_may_not_be_read_is_said_with_who_asks(
    open_directory: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(open_directory))
    path = open_directory / "ccflare.toml"
    path.write_text(FILE)
    path.chmod(0o600)
    with as_nobody():
        assert run_command(["config", "--config", str(path)]) == 1
        assert run_command(["account", "set", "work", "priority=2", "--config", str(path)]) == 4
        assert run_command(["status", "--config", str(path)]) == 3
    said = capfd.readouterr().err
    assert said.count(f"{path}:1:1: this file may not be read by ") == 2
    assert "(uid 65534): permission denied" in said
    assert "ccflared is not running. Looked for it at:" in said


@needs_root
def test_a_history_that_may_not_be_looked_at_is_passed_over(open_directory: Path) -> None:
    state = open_directory / "state"
    state.mkdir(mode=0o700)
    (state / "ccflared.db").write_bytes(b"")
    with as_nobody():
        assert {check.state for check in totals_check(state / "ccflared.db", None)} <= {"skip"}


@needs_root
def test_a_file_that_may_not_be_written_is_said_with_what_to_paste(
    open_directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = open_directory / "ccflare.toml"
    path.write_text(FILE)
    path.chmod(0o644)
    with as_nobody():
        assert run_command(["account", "set", "work", "priority=2", "--config", str(path)]) == 4
    done = capfd.readouterr()
    assert "may not be written by " in done.err
    assert done.err.endswith(f"By hand, in {path}:\n")
    assert done.out == "[accounts.work]\npriority = 2\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.read_text() == FILE


def test_ctrl_c_ends_a_question_without_a_word_of_python(tmp_path: Path, config: Path) -> None:
    with on_a_terminal("account", "add", "--config", config, more={"HOME": str(tmp_path)}) as screen:
        screen.type_in("\x03")
        assert screen.ended() != 0
    assert b"Traceback" not in screen.written
