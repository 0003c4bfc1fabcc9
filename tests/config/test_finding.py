"""Where the file, the state directory and the control socket are looked for."""

import os
from pathlib import Path

import pytest

from ccflared.config.load import control_socket, control_socket_of, find, state_directory
from ccflared.config.load.paths import SYSTEM_FILE
from ccflared.config.model import Config, Control, Storage
from ccflared.errors import UsageError


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_path_named_on_the_command_line_comes_first(tmp_path: Path) -> None:
    named, other = touch(tmp_path / "a.toml"), touch(tmp_path / "b.toml")
    assert find(named, {"CCFLARED_CONFIG": str(other)}) == named


def test_then_the_variable_then_the_users_directory(tmp_path: Path) -> None:
    named = touch(tmp_path / "b.toml")
    xdg = touch(tmp_path / "xdg" / "ccflared" / "ccflare.toml")
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert find(None, {**environ, "CCFLARED_CONFIG": str(named)}) == named
    assert find(None, environ) == xdg
    home = touch(tmp_path / ".config" / "ccflared" / "ccflare.toml")
    assert find(None, {"HOME": str(tmp_path)}) == home
    assert find(None, {"HOME": str(tmp_path), "XDG_CONFIG_HOME": "relative"}) == home


@pytest.mark.skipif(SYSTEM_FILE.exists(), reason="this machine has a configuration for the system")
def test_with_none_the_places_are_listed_and_init_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find(None, {"HOME": str(tmp_path)})
    assert str(caught.value).splitlines() == [
        "There is no configuration. Looked for it at --config, $CCFLARED_CONFIG, and",
        f"  {tmp_path}/.config/ccflared/ccflare.toml",
        "  /etc/ccflared/ccflare.toml",
        "`ccflared init` writes a first one.",
    ]


def test_a_path_that_is_named_and_not_there_is_not_replaced_by_another(tmp_path: Path) -> None:
    touch(tmp_path / ".config" / "ccflared" / "ccflare.toml")
    with pytest.raises(UsageError, match=r"There is no file .*/no.toml \(named by \$CCFLARED_CONFIG\)"):
        find(None, {"HOME": str(tmp_path), "CCFLARED_CONFIG": str(tmp_path / "no.toml")})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"STATE_DIRECTORY": "/var/lib/ccflared:/var/lib/other", "HOME": "/h"}, "/var/lib/ccflared"),
        ({"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/ccflared"),
        ({"HOME": "/h"}, "/h/.local/state/ccflared"),
    ],
)
def test_the_state_directory(environ: dict[str, str], expected: str) -> None:
    assert state_directory(Config(), environ) == Path(expected)
    assert state_directory(Config(storage=Storage(directory=Path("/mine"))), environ) == Path("/mine")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"RUNTIME_DIRECTORY": "/run/ccflared:/run/x", "XDG_RUNTIME_DIR": "/r"},
            "/run/ccflared/ccflared.sock",
        ),
        ({"XDG_RUNTIME_DIR": "/run/user/1000", "HOME": "/h"}, "/run/user/1000/ccflared/ccflared.sock"),
        ({"HOME": "/h"}, "/h/.local/state/ccflared/ccflared.sock"),
    ],
)
def test_the_control_socket(environ: dict[str, str], expected: str) -> None:
    assert control_socket(Config(), environ) == Path(expected)
    assert control_socket(Config(control=Control(socket=Path("/mine"))), environ) == Path("/mine")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[control]\nsocket = "/run/x.sock"\n', "/run/x.sock"),
        ('control.socket = "/run/x.sock"\n', "/run/x.sock"),
        ('control = { socket = "/run/x.sock" }\n', "/run/x.sock"),
        ('[control]\nsocket = "x.sock"\n', "HERE/x.sock"),
        ('[control]\nsocket = "~/x.sock"\n', "/home/ada/x.sock"),
        ('[control]\nsocket = "/run/x.sock"\n[server]\nlisten = = 3\n', "/run/x.sock"),
        ("[server\n[control]\n  socket='/run/x.sock' # here\n", "/run/x.sock"),
        ('[server\n[control]\nmode = "0600"\nsocket="/run/x.sock"\nsocket="/run/y.sock"\n', "/run/x.sock"),
        ('oops\ncontrol = { mode = "0600", socket = "/run/x.sock" }\n', "/run/x.sock"),
        ('oops\ncontrol.socket = "/run/x.sock"\n', "/run/x.sock"),
        ('[other]\nsocket = "/run/x.sock"\noops\n', None),
        ("[control]\nsocket = 3\n", None),
        ("control = 3\n", None),
        ("", None),
        ("oops", None),
    ],
)
def test_the_control_socket_of_a_file_is_read_however_broken_the_rest_is(
    tmp_path: Path, text: str, expected: str | None
) -> None:
    path = tmp_path / "ccflare.toml"
    path.write_text(text)
    found = control_socket_of(path, {"HOME": "/home/ada"})
    assert found == (None if expected is None else Path(expected.replace("HERE", str(tmp_path))))


def test_the_control_socket_of_a_file_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    assert control_socket_of(tmp_path / "no.toml") is None
    assert control_socket_of(tmp_path) is None
    os.mkfifo(tmp_path / "pipe.toml")
    assert control_socket_of(tmp_path / "pipe.toml") is None
