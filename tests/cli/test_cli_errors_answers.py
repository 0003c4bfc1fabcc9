"""What every command says where something is wrong with whom it asks: another program, an older daemon, one that hangs."""

import copy
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from canned import busy, canned_daemon
from troubles import ASKING, said, typed

from ccflared import __version__

Peer = Callable[[socket.socket], None]


@contextmanager
def other_program(path: Path, serve: Peer) -> Iterator[None]:
    """Have every connection to a socket served by a function."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(50)

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, suppress(OSError):  # whoever asks may leave at any time
                    serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def answering(answer: bytes) -> Peer:
    def serve(connection: socket.socket) -> None:
        if not answer.startswith(b"SSH"):
            connection.recv(65536)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)

    return serve


def http(status: str, body: bytes, kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


OTHERS = {
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a web page": http("200 OK", b"<html>", "text/html"),
    "an API of its own": http("404 Not Found", b'{"message": "page not found"}'),
    "other JSON": http("200 OK", b"[1, 2]"),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("words", [("status",), ("status", "--json"), ("top",)], ids=" ".join)
def test_another_program_at_the_socket_is_called_so(
    tmp_path: Path, words: tuple[str, ...], other: str
) -> None:
    path = tmp_path / "s"
    with other_program(path, answering(OTHERS[other])):
        code, lines = typed(*words, "--socket", path, home=tmp_path, columns=400)
    wrong = f"Something answers at {path} (--socket), but it is not ccflared. --socket PATH asks elsewhere."
    assert (code, lines) == (4, [wrong])


@pytest.mark.parametrize("words", ASKING, ids=" ".join)
def test_a_daemon_that_hangs_up_may_be_stopping(tmp_path: Path, words: tuple[str, ...]) -> None:
    def hang_up(connection: socket.socket) -> None:
        connection.recv(65536)

    with other_program(tmp_path / "s", hang_up):
        code, lines = typed(*words, "--socket", tmp_path / "s", home=tmp_path)
    assert code == 4
    assert "It may be stopping" in said(lines)


def test_a_daemon_that_is_silent_is_said_to_be_stuck(tmp_path: Path) -> None:
    done = threading.Event()

    def hang(connection: socket.socket) -> None:
        connection.recv(65536)
        done.wait()

    with other_program(tmp_path / "s", hang):
        code, lines = typed("status", "--line", "--socket", tmp_path / "s", home=tmp_path)
        done.set()
    assert (code, lines) == (4, ["ccflared ✗ does not answer"])


def test_a_daemon_that_takes_no_connection_is_said_to_be_stuck(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(str(tmp_path / "s"))
        code, lines = typed("status", "--socket", tmp_path / "s", home=tmp_path, columns=400)
        for each in waiting:
            each.close()
    stuck = f"ccflared at {tmp_path}/s takes no connection. It may be stuck: its log says more, and a restart helps."
    assert (code, lines) == (4, [stuck])


# -- Another version

OF_AN_OLDER = [words for words in ASKING if words[0] not in ("status", "request", "explain")]


@pytest.mark.parametrize("words", OF_AN_OLDER, ids=" ".join)
def test_a_command_that_the_daemon_is_too_old_for_says_so_and_how_that_is_mended(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    path = tmp_path / "s"
    with canned_daemon(path, busy() | {"version": "0.0.9"}):
        code, lines = typed(*words, "--socket", path, home=tmp_path, columns=400)
    assert code == 4
    assert lines[-1].startswith(f"The daemon at {path} does not know {words[0]}")
    assert lines[-1].endswith(
        f": it must be older than this command, which is version {__version__}. Restart it, and what is installed now "
        "runs."
    )


def older() -> dict[str, Any]:
    """What a daemon says that knows the least of what the commands read."""
    whole = busy()
    accounts = [{key: each[key] for key in ("name", "state")} for each in whole["accounts"]]
    return {"version": "0.0.9", "accounts": accounts}


@pytest.mark.parametrize("width", [40, 80, 160])
def test_the_status_of_an_older_daemon_is_shown_as_far_as_it_goes_and_its_version_said(
    tmp_path: Path, width: int
) -> None:
    with canned_daemon(tmp_path / "s", older()):
        code, lines = typed("status", "--socket", tmp_path / "s", home=tmp_path, columns=width)
        assert typed("status", "--line", "--socket", tmp_path / "s", home=tmp_path)[0] in (0, 1)
        assert typed("account", "list", "--socket", tmp_path / "s", home=tmp_path, columns=width)[0] == 0
    assert code in (0, 1)
    assert f"The daemon is version 0.0.9, this command {__version__}" in said(lines)


def test_a_newer_daemon_with_states_and_fields_of_its_own_is_shown_as_well(tmp_path: Path) -> None:
    newer = copy.deepcopy(busy()) | {"version": "9.0.0", "weather": {"sun": True}}
    newer["accounts"][0] |= {"state": "hibernating", "moon": [1, 2], "usage": "much"}
    newer["traffic"]["tokens"]["dreamt"] = 7
    with canned_daemon(tmp_path / "s", newer):
        code, lines = typed("status", "--socket", tmp_path / "s", home=tmp_path)
    assert code in (0, 1)
    assert "hibernating" in said(lines)
    assert f"The daemon is version 9.0.0, this command {__version__}" in said(lines)
