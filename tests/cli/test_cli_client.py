"""Finding the daemon and asking it: every way in which it can fail has its sentence."""

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from canned import busy, canned_daemon

from ccflared.cli import client
from ccflared.cli.client import Daemon, account_path
from ccflared.cli.places import Place
from ccflared.errors import NotRunning, Refused


def at(*paths: Path) -> Daemon:
    return Daemon([Place(path, "a test") for path in paths], "start it so")


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A Unix socket that listens and answers nothing by itself."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(1)
        yield server


def test_the_first_that_answers_is_used(tmp_path: Path) -> None:
    with canned_daemon(tmp_path / "b.sock", busy()), canned_daemon(tmp_path / "c.sock", {"version": "other"}):
        answer = at(tmp_path / "a.sock", tmp_path / "b.sock", tmp_path / "c.sock").get("/api/status")
    assert answer.place.path == tmp_path / "b.sock"
    assert answer.value == busy()


def test_a_post_carries_json(tmp_path: Path) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["POST /api/reload"] = 200, {"applied": True}
        assert at(tmp_path / "s").post("/api/reload", {"allowLess": True}).value == {"applied": True}
    assert canned.asked == [("POST /api/reload", {"allowLess": True})]


def test_a_name_in_a_path_is_quoted() -> None:
    assert account_path("a b/../c?", "x") == "/api/accounts/a%20b%2F..%2Fc%3F/x"


def test_where_nobody_answers_the_places_and_the_way_to_start_are_named(tmp_path: Path) -> None:
    with listening(tmp_path / "left-over"):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(NotRunning) as caught:
        at(tmp_path / "none", tmp_path / "left-over", tmp_path / "file", tmp_path / "file" / "below").get("/")
    lines = str(caught.value).split("\n")
    assert lines[0] == "ccflared is not running. Looked for it at:"
    said = [line.partition(": ")[2] for line in lines[1:-1]]
    assert said[:3] == ["nothing there (a test)", "nobody listens (a test)", "not a socket (a test)"]
    assert said[3] == "no directory on the way to it (a test)"
    assert lines[-1] == "Start it: start it so"


def test_a_path_longer_than_a_socket_may_have_is_passed_over(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="longer than the path of a socket may be, 107 bytes"):
        at(tmp_path / ("x" * 120)).get("/")


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that everybody may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def as_nobody() -> Iterator[None]:
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_without_permission_owner_mode_and_the_way_out_are_named(open_directory: Path) -> None:
    with listening(open_directory / "s"):
        (open_directory / "s").chmod(0o600)
        with as_nobody(), pytest.raises(Refused) as caught:
            at(open_directory / "none", open_directory / "s").get("/api/status")
    text = str(caught.value)
    assert "the socket belongs to root:" in text
    assert "mode 0600" in text
    assert 'mode = "0660"' in text
    assert "sudo" in text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_closed_directory_on_the_way_is_named(open_directory: Path) -> None:
    closed = open_directory / "closed"
    closed.mkdir(mode=0o700)
    with (
        listening(closed / "s"),
        as_nobody(),
        pytest.raises(Refused, match=f"the directory {closed} on the way to it belongs to root"),
    ):
        at(closed / "s").get("/api/status")


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\xff\xfe",
        b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 70000 + b"\r\n\r\n",
    ],
)
def test_something_else_at_the_socket_is_called_so(tmp_path: Path, raw: bytes) -> None:
    with canned_daemon(tmp_path / "s") as canned:
        canned.raw = raw
        with pytest.raises(Refused, match="it is not ccflared"):
            at(tmp_path / "s").get("/api/status")


def test_a_daemon_that_hangs_up_may_be_stopping(tmp_path: Path) -> None:
    with canned_daemon(tmp_path / "s") as canned:
        canned.raw = b""
        with pytest.raises(Refused, match="may be stopping"):
            at(tmp_path / "s").get("/api/status")


def test_a_daemon_that_is_silent_is_not_waited_for_long(tmp_path: Path) -> None:
    with listening(tmp_path / "s"), pytest.raises(Refused, match=r"did not answer within 0\.1 seconds"):
        at(tmp_path / "s").get("/api/status", timeout=0.1)


def test_an_answer_that_drips_is_not_waited_for_long(tmp_path: Path) -> None:
    stop = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            while not stop.wait(0.03):
                connection.sendall(b" ")

    with listening(tmp_path / "s") as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        try:
            with pytest.raises(Refused, match="did not answer within"):
                at(tmp_path / "s").get("/api/status", timeout=0.2)
        finally:
            stop.set()
            thread.join()


def test_an_endless_answer_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LARGEST", 1000)
    with canned_daemon(tmp_path / "s", busy()), pytest.raises(Refused, match="it is not ccflared"):
        at(tmp_path / "s").get("/api/status")


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"type": "error", "error": {"type": "x", "message": "it \x1b[31mfailed"}}, "it failed"),
        ({"error": "no such thing"}, "no such thing"),
        ({"message": "page not found"}, "page not found"),
        ([1], "it answered with HTTP status 500"),
    ],
)
def test_the_sentence_of_an_error_is_found_in_each_shape(
    tmp_path: Path, value: object, complaint: str
) -> None:
    with canned_daemon(tmp_path / "s") as canned:
        canned.answers["GET /x"] = 500, value
        assert at(tmp_path / "s").get("/x").complaint() == complaint
