"""The commands as they are typed: what is printed where, and every exit code."""

import json
from pathlib import Path
from typing import Any

import pytest
from canned import account, applied, busy, canned_daemon, lossy, mistaken, quiet, troubled

from ccflared import __version__
from ccflared.cli.help import HELP
from ccflared.cli.main import FORMER, run_command


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No daemon and no file of this machine is found, and pages are 80 columns wide."""
    for name in (
        "CCFLARED_CONFIG",
        "CCFLARED_SOCKET",
        "RUNTIME_DIRECTORY",
        "XDG_RUNTIME_DIR",
        "STATE_DIRECTORY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home" / "state"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TZ", "UTC")


def type_in(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = run_command([str(word) for word in words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize(
    ("document", "code"),
    [(busy(), 0), (quiet(), 0), (troubled(), 1)],
    ids=["fine", "empty", "needs a person"],
)
def test_status_exits_with_what_the_daemon_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], document: dict[str, Any], code: int
) -> None:
    with canned_daemon(tmp_path / "s", document):
        assert type_in(capsys, "status", "--socket", tmp_path / "s")[0] == code
        assert type_in(capsys, "--socket", tmp_path / "s", "status", "--line")[0] == code
        assert type_in(capsys, "--socket", tmp_path / "s")[0] == code


def test_status_json_is_the_answer_itself_and_exits_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", troubled()):
        code, out, _ = type_in(capsys, "status", "--json", "--socket", tmp_path / "s")
    assert code == 1
    assert json.loads(out) == troubled()


def test_a_pipe_gets_no_colour_and_no_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with canned_daemon(tmp_path / "s", troubled()):
        _, out, _ = type_in(capsys, "status", "--socket", tmp_path / "s")
    assert "\x1b" not in out
    assert "─" not in out


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", "--json"),
        ("reload",),
        ("reload", "--log"),
        ("account", "list"),
        ("account", "reset", "a"),
        ("account", "pause", "a"),
        ("account", "resume", "a"),
        ("account", "test", "a"),
        ("explain", "a-model"),
        ("explain", "req_1234"),
    ],
    ids=" ".join,
)
def test_where_no_daemon_runs_a_command_exits_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    code, out, err = type_in(capsys, *words, "--socket", tmp_path / "none")
    assert code == 3
    assert out == ""
    assert err.startswith("ccflared is not running.")
    assert "Start it: " in err


def test_a_prompt_gets_its_line_also_where_no_daemon_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert type_in(capsys, "status", "--line", "--socket", tmp_path / "none") == (
        3,
        "ccflared ○ not running\n",
        "",
    )
    with canned_daemon(tmp_path / "s") as canned:
        canned.raw = b"nonsense"
        code, out, err = type_in(capsys, "status", "--line", "--socket", tmp_path / "s")
    assert (code, out, err) == (4, "ccflared ✗ does not answer\n", "")


def test_ccflared_alone_shows_the_first_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = type_in(capsys)
    assert (code, err) == (3, "")
    assert "ccflared demo" in out
    assert "ccflared init" in out
    assert "http://127.0.0.1:8080/ leads through the first account" in " ".join(out.split())
    config = tmp_path / "home" / "config" / "ccflared" / "ccflare.toml"
    config.parent.mkdir(parents=True)
    config.write_text("")
    code, out, _ = type_in(capsys)
    assert code == 3
    assert f"Its configuration is {config}.".replace(" ", "") in "".join(out.split())
    assert "ccflared init" not in out


def test_a_file_that_is_not_there_is_to_be_written_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "no.toml"
    code, _, err = type_in(capsys, "status", "--config", config)
    assert code == 3
    assert f"Start it: ccflared init --config {config}, then ccflared run --config {config}" in err
    code, out, _ = type_in(capsys, "--config", config)
    assert code == 3
    assert f"{config};thereisnoneyet." in "".join(out.split())


def test_ccflared_alone_with_a_socket_says_that_nobody_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = type_in(capsys, "--socket", tmp_path / "none")
    assert (code, out) == (3, "")
    assert "nothing there (--socket)" in err


def test_something_else_at_the_socket_exits_with_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", {"message": "I am a container engine"}):
        code, out, err = type_in(capsys, "status", "--socket", tmp_path / "s")
    assert (code, out) == (4, "")
    assert "it is not ccflared" in err


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ((200, applied()), 0, "Configuration 4 is in force, with 3 changes:"),
        ((200, applied() | {"changes": []}), 0, "Nothing has changed"),
        ((422, mistaken()), 1, "Configuration 4 was refused for 2 mistakes"),
        ((409, lossy()), 4, "ccflared reload --allow-less"),
    ],
)
def test_reload_prints_the_verdict_and_exits_by_it(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    answer: tuple[int, dict[str, Any]],
    code: int,
    said: str,
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["POST /api/reload"] = answer
        got, out, _ = type_in(capsys, "reload", "--socket", tmp_path / "s")
        assert got == code
        assert said in out
        got, out, _ = type_in(capsys, "reload", "--json", "--socket", tmp_path / "s")
        assert (got, json.loads(out)) == (code, answer[1])
    assert canned.asked[0] == ("POST /api/reload", {"allowLess": False})


def test_reload_allow_less_is_passed_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["POST /api/reload"] = 200, applied()
        assert type_in(capsys, "reload", "--allow-less", "--socket", tmp_path / "s")[0] == 0
    assert canned.asked == [("POST /api/reload", {"allowLess": True})]


def test_reload_log_prints_all_verdicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/reload"] = 200, [mistaken(), applied()]
        code, out, _ = type_in(capsys, "reload", "--log", "--socket", tmp_path / "s")
        assert code == 0
        assert out.index("refused") < out.index("in force")
        code, out, _ = type_in(capsys, "reload", "--log", "--json", "--socket", tmp_path / "s")
        assert (code, json.loads(out)) == (0, [mistaken(), applied()])


def test_an_older_daemon_that_knows_no_reload_is_called_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", busy()):
        code, _, err = type_in(capsys, "reload", "--socket", tmp_path / "s")
    assert code == 4
    assert "does not know reload: it must be older than this command" in err


def test_a_daemon_that_refuses_is_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["POST /api/reload"] = 503, {"error": {"message": "it is about to stop"}}
        code, _, err = type_in(capsys, "reload", "--socket", tmp_path / "s")
    assert (code, err) == (4, "The daemon refused: it is about to stop\n")


def test_account_list_prints_a_table_or_the_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/accounts"] = 200, [{"id": "primary", "name": "primary"}]
        code, out, _ = type_in(capsys, "account", "list", "--socket", tmp_path / "s")
        assert code == 0
        assert out.splitlines()[1].split()[:2] == ["1>", "primary"]
        assert "priority" in out
        code, out, _ = type_in(capsys, "account", "list", "--json", "--socket", tmp_path / "s")
        assert (code, json.loads(out)) == (0, [{"id": "primary", "name": "primary"}])


@pytest.mark.parametrize(
    ("word", "call"), [("reset", "force-reset-rate-limit"), ("pause", "pause"), ("resume", "resume")]
)
def test_what_the_daemon_did_with_an_account_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, call: str
) -> None:
    document = busy() | {"accounts": [account("my work", "zai")]}
    answer = {"success": True, "message": "It is so now.\x1b[2J"}
    with canned_daemon(tmp_path / "s", document) as canned:
        canned.answers[f"POST /api/accounts/my%20work/{call}"] = 200, answer
        got = type_in(capsys, "account", word, "my work", "--socket", tmp_path / "s")
        assert got == (0, "It is so now.\n", "")
        code, out, _ = type_in(capsys, "account", word, "my work", "--json", "--socket", tmp_path / "s")
        assert (code, json.loads(out)) == (0, answer)


@pytest.mark.parametrize(
    ("success", "code", "shown"),
    [
        (True, 0, "● It came to this.\n"),
        (False, 1, "✗ It came to this.\n  More: ccflared explain req_1\n"),
    ],
)
def test_testing_an_account_exits_by_whether_it_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], success: bool, code: int, shown: str
) -> None:
    answer = {"success": success, "message": "It came to this.", "request": "req_1"}
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["POST /api/accounts/work/test"] = 200, answer
        assert type_in(capsys, "account", "test", "work", "--socket", tmp_path / "s") == (code, shown, "")
        got, out, _ = type_in(capsys, "account", "test", "work", "--json", "--socket", tmp_path / "s")
        assert (got, json.loads(out)) == (code, answer)


def test_an_account_that_cannot_be_asked_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        failure = {"type": "error", "error": {"message": "spare is off: enabled = false."}}
        canned.answers["POST /api/accounts/spare/test"] = 409, failure
        got = type_in(capsys, "account", "test", "spare", "--socket", tmp_path / "s")
    assert got == (4, "", "The daemon refused: spare is off: enabled = false.\n")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Primray", "There is no account named Primray; did you mean primary?"),
        ("x", "There is no account named x. There are: primary, work, backup, coder-plan, spare."),
    ],
)
def test_an_account_that_is_not_there_is_answered_with_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    with canned_daemon(tmp_path / "s", busy()):
        for word in ("pause", "resume", "reset", "test"):
            code, _, err = type_in(capsys, "account", word, name, "--socket", tmp_path / "s")
            assert (code, err) == (4, f"{said}\n")


def test_the_daemon_of_another_file_is_shown_but_not_acted_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ccflared").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    mine = tmp_path / "mine.toml"
    mine.write_text("")
    socket = tmp_path / "ccflared" / "ccflared.sock"
    with canned_daemon(socket, busy()) as canned:
        canned.answers["POST /api/reload"] = 200, applied()
        code, out, _ = type_in(capsys, "status", "--config", mine)
        assert code == 0
        assert f"not from {mine}" in " ".join(out.split())
        for words in (
            ("reload",),
            ("account", "reset", "primary"),
            ("account", "pause", "primary"),
            ("account", "test", "primary"),
            ("explain", "a-model"),
            ("explain", "req_1234"),
        ):
            code, _, err = type_in(capsys, *words, "--config", mine)
            assert code == 4
            assert f"--socket {socket}" in err
        assert type_in(capsys, "reload")[0] == 0
        mine.write_text(f'[control]\nsocket = "{socket}"\n')
        assert type_in(capsys, "reload", "--config", mine)[0] == 0
    assert [what for what, _ in canned.asked].count("POST /api/reload") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("stauts",), "there is no command 'stauts'; did you mean status?"),
        (("frobnicate",), "There are: init, check,"),
        (
            ("account",),
            "the following arguments are required: list|add|set|rename|remove|pause|resume|reset|trust|test",
        ),
        (("account", "lsit"), "did you mean list?"),
        (("account", "reset"), "required: NAME"),
        (("account", "puase", "a"), "did you mean pause?"),
        (("explain",), "required: MODEL|REQUEST-ID"),
        (("status", "--json", "--line"), "not allowed with"),
        (("status", "--watch", "0"), "no number of seconds"),
        (("status", "--nonsense"), "ccflared status: unrecognized arguments"),
        (("reload", "--log", "--allow-less"), "not allowed with"),
        (("run", "--config", ""), "a path is missing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_command_that_is_not_understood_exits_with_2(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    code, out, err = type_in(capsys, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert "--help" in err


@pytest.mark.parametrize("option", FORMER)
def test_an_option_of_better_ccflare_is_answered_with_what_it_is_here(
    capsys: pytest.CaptureFixture[str], option: str
) -> None:
    code, _, err = type_in(capsys, option, "x")
    assert code == 2
    assert f"{option} is an option of better-ccflare; here it is: {FORMER[option]}" in err


def test_run_without_a_configuration_exits_with_2_and_names_the_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = type_in(capsys, "run", "--config", tmp_path / "none.toml")
    assert code == 2
    assert f"{tmp_path}/none.toml" in err
    assert "ccflared init" in err


@pytest.mark.parametrize("words", [*HELP, ""])
def test_each_command_has_a_whole_help(capsys: pytest.CaptureFixture[str], words: str) -> None:
    for asked in (f"{words} --help", f"help {words}"):
        code, out, err = type_in(capsys, *asked.split())
        assert (code, err) == (0, "")
        assert out.startswith(f"usage: ccflared {words}".rstrip())
        assert "exit codes:\n  0  " in out
        assert f"examples:\n  ccflared {words}".rstrip() in out
        assert "--config PATH" in out
        assert "--socket PATH" in out
        assert max(len(line) for line in out.splitlines()) <= 80


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = type_in(capsys, "--help")
    assert [words for words in HELP if " " not in words and f"\n    {words} " not in out] == []


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--version", "-V"):
        assert type_in(capsys, option) == (0, f"ccflared {__version__}\n", "")
