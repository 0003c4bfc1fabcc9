"""Sockets of the service manager: by their names and addresses, whoever claims them, and what is said of the others."""

import grp
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio
from process import HAND_IN, Daemon, daemon
from stage import free_port

from ccflared.config.settings import Server
from ccflared.daemon.server import Listeners
from ccflared.daemon.sockets import (
    Inherited,
    address_of,
    control_among,
    held_words,
    open_unix,
    unclaimed_words,
    unit_of,
)
from ccflared.errors import Refused


def tcp(host: str = "127.0.0.1") -> socket.socket:
    return socket.create_server((host, 0))


def local(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(path))
    bound.listen()
    return bound


def handed(name: str, bound: socket.socket) -> Inherited:
    return Inherited(name, address_of(bound), bound)


@asynccontextmanager
async def given(
    directory: Path,
    names: str,
    *sockets: socket.socket,
    server: str = "",
    more: str = "",
    listens: bool = True,
) -> AsyncIterator[Daemon]:
    """Run the daemon with sockets handed in; ``listens``: its file names the first of them."""
    fds = [os.dup2(one.fileno(), 140 + number) for number, one in enumerate(sockets)]
    if listens:
        server = f'listen = "{address_of(sockets[0])}"\n{server}'
    try:
        async with daemon(
            directory,
            server=server,
            more=more,
            command=[sys.executable, "-c", HAND_IN, ",".join(map(str, fds))],
            environ={"LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": names},
            pass_fds=fds,
        ) as running:
            yield running
    finally:
        for fd in fds:
            os.close(fd)


async def administers(path: Path) -> bool:
    """Whether the control plane answers there."""
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
        return (await http.get("http://x/api/status")).status_code == 200


async def lives(address: str) -> bool:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"http://{address}/livez")).status_code == 200


@pytest.mark.parametrize("names", ["control:control", "ccflared.socket:control", "requests:control"])
async def test_the_unix_socket_named_control_is_the_control_socket_and_tcp_serves_requests(
    tmp_path: Path, names: str
) -> None:
    with tcp() as requests, local(tmp_path / "handed.sock") as control:
        async with given(tmp_path, names, requests, control) as running:
            assert await administers(tmp_path / "handed.sock")
            assert await lives(address_of(requests))
            assert not (running.state / "c.sock").exists()
            words = list(running.state.glob("control-socket-*"))
            assert [word.read_text() for word in words] == [f"{tmp_path}/handed.sock\n"]
            assert not any("nobody answers" in line for line in running.lines)
            running.process.terminate()
            assert await running.process.wait() == 0
        assert (tmp_path / "handed.sock").is_socket()


async def test_a_socket_at_the_path_of_the_file_is_the_control_socket_whatever_its_name(
    tmp_path: Path,
) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    with tcp() as requests, local(tmp_path / "state" / "c.sock") as control:
        async with given(tmp_path, "ccflared.socket:ccflared.socket", requests, control) as running:
            assert await administers(tmp_path / "state" / "c.sock")
            running.process.terminate()
            assert await running.process.wait() == 0
        assert (tmp_path / "state" / "c.sock").is_socket()


async def test_several_request_sockets_are_served_and_one_without_an_entry_is_warned_of(
    tmp_path: Path,
) -> None:
    with tcp() as first, tcp() as second, tcp() as third:
        server = f'listen = ["{address_of(first)}", "{address_of(second)}"]'
        async with given(
            tmp_path, "a.socket:a.socket:b.socket", first, second, third, server=server, listens=False
        ) as running:
            assert await lives(address_of(first))
            assert await lives(address_of(second))
            await running.said(
                f"nobody answers on {address_of(third)}, which the service manager holds open for ccflared "
                f'(b.socket): no entry of [server] listen is for it. Add "{address_of(third)}" there'
            )
            warnings = (await trio.to_thread.run_sync(running.status))["config"]["warnings"]
            assert len([warning for warning in warnings if "nobody answers" in warning]) == 1


async def test_a_handed_socket_survives_reloads_that_drop_its_entry_and_take_it_back(tmp_path: Path) -> None:
    with tcp() as requests, tcp() as other:
        async with given(
            tmp_path,
            "a.socket:a.socket",
            requests,
            other,
            server=f'listen = ["{address_of(requests)}", "{address_of(other)}"]',
            listens=False,
        ) as running:
            text = running.config.read_text()
            for number in (2, 4):
                running.config.write_text(text.replace(f', "{address_of(other)}"', ""))
                await running.said(f"configuration {number} applied")
                # Nobody answers, and nobody is refused: who comes waits.
                waiting = await trio.open_tcp_stream(*other.getsockname())
                running.config.write_text(text)
                await running.said(f"configuration {number + 1} applied")
                async with waiting:
                    await waiting.send_all(b"GET /livez HTTP/1.0\r\nhost: localhost\r\n\r\n")
                    with trio.fail_after(5):
                        assert (await waiting.receive_some()).startswith(b"HTTP/1.1 200")


async def test_a_port_that_the_service_manager_holds_is_said_with_the_lines_to_write(tmp_path: Path) -> None:
    with tcp() as requests, local(tmp_path / "handed.sock") as control:
        port = requests.getsockname()[1]
        more = '\n[clients.one]\nkey = "a-key-of-a-client-in-tests"\n'
        async with given(tmp_path, "control:control", requests, control, more=more) as running:
            text = running.config.read_text()
            running.config.write_text(text.replace(f"127.0.0.1:{port}", f"0.0.0.0:{port}"))
            await running.said(f"cannot listen on 0.0.0.0:{port}: the service manager holds 127.0.0.1:{port}")
            await running.said(
                f"with the lines `[Socket]`, `ListenStream=`, `ListenStream=0.0.0.0:{port}`, "
                f"`ListenStream={tmp_path}/handed.sock`"
            )
            assert not any("another program has it" in line.lower() for line in running.lines)
            assert await lives(address_of(requests))


def test_another_program_is_still_said_where_the_manager_holds_another_port() -> None:
    with tcp() as requests:
        words = held_words(f"127.0.0.1:{free_port()}", [handed("a.socket", requests)])
        assert words is None
        assert "a.socket" in (
            held_words(address_of(requests).replace("127.0.0.1", "0.0.0.0"), [handed("a.socket", requests)])
            or ""
        )


def test_only_a_unix_socket_is_the_control_socket(tmp_path: Path) -> None:
    with tcp() as one, local(tmp_path / "a") as first, local(tmp_path / "b") as second:
        path = tmp_path / "b"
        assert control_among([handed("control", one)], path) is None
        both = [handed("x.socket", second), handed("control", first)]
        assert control_among(both, path) is both[1]
        assert control_among(both[:1], path) is both[0]
        assert control_among([handed("x.socket", first)], path) is None


def test_a_unix_socket_that_nobody_claims_may_have_been_meant_for_commands(tmp_path: Path) -> None:
    with local(tmp_path / "a") as one, tcp() as other:
        assert unclaimed_words(handed("x.socket", one)).endswith(
            "Then the unit says FileDescriptorName=control"
        )
        assert "FileDescriptorName" not in unclaimed_words(handed("x.socket", other))
        assert unit_of(handed("x.socket", one)) == "x.socket"
        assert unit_of(handed("requests", one)).endswith(".socket")


def test_every_handed_socket_is_claimed_where_the_file_names_none() -> None:
    with tcp() as one, tcp() as other:
        listeners = Listeners()
        listeners.inherit([handed("a", one), handed("b", other)])
        assert listeners.unclaimed(Server()) == ()
        assert len(listeners.unclaimed(Server(listen_given=True))) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else")
def test_a_group_that_the_control_socket_may_not_be_given_to_leads_to_the_socket_unit() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        group = grp.getgrnam("daemon").gr_name
        os.seteuid(65534)
        try:
            with pytest.raises(Refused) as refused:
                open_unix(Path(name) / "c.sock", 0o660, group)
        finally:
            os.seteuid(0)
    assert "may not give" in str(refused.value)
    assert "nobody (uid 65534)" in str(refused.value)
    assert "ccflared.socket with SocketGroup=daemon" in str(refused.value)
