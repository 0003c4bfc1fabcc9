"""The daemon as a process: how it starts, stops, is killed, inherits sockets, and refuses to start."""

import os
import signal
import socket
import sqlite3
import ssl
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import trio
import trustme
from process import HAND_IN, daemon, start
from stage import QUESTION, events

from ccflared.demo.script import Answer, Held


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=20, trust_env=False)


async def test_sigterm_lets_running_streams_finish_and_refuses_new_connections(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running, client() as http:
        running.provider.play("sk-first", then=Answer(events=30, interval=0.03))
        url = running.url + "/v1/messages"
        async with http.stream("POST", url, json=QUESTION | {"stream": True}) as answer:
            running.process.send_signal(signal.SIGTERM)
            await running.said("stopping")
            with pytest.raises(OSError, match="connect"):
                await trio.open_tcp_stream("127.0.0.1", running.port)
            status = await trio.to_thread.run_sync(running.status)
            assert (status["state"], status["running"], len(status["listeners"])) == ("draining", 1, 1)
            body = b"".join([data async for data in answer.aiter_raw()])
        assert events(body)[-1]["type"] == "message_stop"
        with trio.fail_after(3):
            assert await running.process.wait() == 0
        assert [row.outcome for row in running.rows()] == ["complete"]


async def test_an_idle_daemon_stops_within_a_second_though_clients_keep_connections_open(
    tmp_path: Path,
) -> None:
    async with daemon(tmp_path) as running, client() as http:
        assert (await http.get(running.url + "/livez")).status_code == 200
        running.process.send_signal(signal.SIGTERM)
        with trio.fail_after(1):
            assert await running.process.wait() == 0
        assert not (running.state / "c.sock").exists()


async def test_a_second_sigterm_ends_at_once_and_the_row_says_so(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running, client() as http:
        running.provider.play("sk-first", Held(trio.Event(), after_events=5))
        url = running.url + "/v1/messages"
        async with http.stream("POST", url, json=QUESTION | {"stream": True}) as answer:
            assert answer.status_code == 200
            running.process.send_signal(signal.SIGTERM)
            await running.said("stopping")
            running.process.send_signal(signal.SIGTERM)
            with trio.fail_after(2):
                assert await running.process.wait() == 0
        (row,) = running.rows()
        assert (row.outcome, row.account) == ("truncated", "first")


async def test_a_drain_ends_when_its_time_is_over(tmp_path: Path) -> None:
    async with daemon(tmp_path, server='drain = "300ms"') as running, client() as http:
        running.provider.play("sk-first", Held(trio.Event(), after_events=5))
        url = running.url + "/v1/messages"
        async with http.stream("POST", url, json=QUESTION | {"stream": True}):
            running.process.send_signal(signal.SIGTERM)
            with trio.fail_after(3):
                assert await running.process.wait() == 0


async def test_kill_9_in_the_middle_of_traffic_loses_no_request_that_had_ended(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running, client() as http:
        ended: list[tuple[float, float, str]] = []

        async def ask_until_killed() -> None:
            with suppress(httpx.HTTPError):
                while True:
                    asked = trio.current_time()
                    answer = await http.post(running.url + "/v1/messages", json=QUESTION)
                    ended.append((asked, trio.current_time(), answer.headers["x-ccflared-request-id"]))

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(ask_until_killed)
            await trio.sleep(1.5)
            running.process.kill()
        await running.process.wait()
        # The clock that counts is the daemon's: on a busy machine it may not have run in the last 200 ms. What it
        # was asked last and answered shows until when it did.
        last = max(asked for asked, _, _ in ended)
        due = {request for _, at, request in ended if at < last - 0.2}
        connection = sqlite3.connect(running.state / "ccflared.db")
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = {request for (request,) in connection.execute("SELECT id FROM requests")}
        connection.close()
        assert len(due) > 20
        assert due <= kept


async def test_a_second_daemon_on_the_same_state_directory_refuses_to_start(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running:
        second = await trio.to_thread.run_sync(start, running.config, tmp_path)
        assert second.returncode == 4
        assert f"another ccflared (process {running.process.pid})" in second.stderr


def test_a_file_with_mistakes_is_shown_and_nothing_starts(tmp_path: Path) -> None:
    config = tmp_path / "ccflare.toml"
    config.write_text(
        '[server]\nlisten = "0.0.0.0:0"\n[accounts.a]\nprovider = "antropic"\napi_key = "sk-planted"\n'
    )
    ended = start(config, tmp_path)
    assert ended.returncode == 1
    assert "ccflare.toml:2:" in ended.stderr
    assert "anthropic" in ended.stderr
    assert "^" in ended.stderr
    assert "sk-planted" not in ended.stderr


def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = tmp_path / "ccflare.toml"
        port = taken.getsockname()[1]
        config.write_text(f'[server]\nlisten = "127.0.0.1:{port}"\n[storage]\ndirectory = "{tmp_path}/s"\n')
        ended = start(config, tmp_path)
    assert ended.returncode == 4
    assert f"127.0.0.1:{port}: Address already in use" in ended.stderr


def test_a_socket_that_another_program_serves_is_not_taken_away(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "c.sock"))
        other.listen()
        config = tmp_path / "ccflare.toml"
        config.write_text(
            f'[server]\nlisten = "127.0.0.1:0"\n[control]\nsocket = "{tmp_path}/c.sock"\n'
            f'[storage]\ndirectory = "{tmp_path}/s"\n'
        )
        ended = start(config, tmp_path)
    assert ended.returncode == 4
    assert "another program serves it" in ended.stderr


async def test_a_socket_left_by_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    for _ in range(2):
        async with daemon(tmp_path) as running:
            assert running.status()["state"] == "running"
            running.process.kill()
            await running.process.wait()


async def test_sighup_reloads(tmp_path: Path) -> None:
    async with daemon(tmp_path) as running:
        running.config.write_text(running.config.read_text() + "[routing]\nattempts = 3\n")
        running.process.send_signal(signal.SIGHUP)
        await running.said("applied (signal)")


async def test_inherited_sockets_serve_the_entries_of_their_address(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as control:
        control.bind(str(tmp_path / "handed.sock"))
        control.listen()
        given = [os.dup2(tcp.fileno(), 100), os.dup2(control.fileno(), 101)]
        address = f"127.0.0.1:{tcp.getsockname()[1]}"
        try:
            async with daemon(
                tmp_path,
                server=f'listen = "{address}"',
                command=[sys.executable, "-c", HAND_IN, "100,101"],
                environ={"LISTEN_FDS": "2", "LISTEN_FDNAMES": "requests:control"},
                pass_fds=given,
            ) as running:
                async with client() as http:
                    assert (
                        await http.post(f"http://{address}/v1/messages", json=QUESTION)
                    ).status_code == 200
                stream = await trio.open_unix_socket(tmp_path / "handed.sock")
                async with stream:
                    await stream.send_all(b"GET /api/status HTTP/1.1\r\nhost: x\r\n\r\n")
                    assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
                running.process.terminate()
                assert await running.process.wait() == 0
        finally:
            for fd in given:
                os.close(fd)
        assert (tmp_path / "handed.sock").exists()


async def test_an_inherited_socket_open_to_a_network_needs_clients_although_the_file_names_none(
    tmp_path: Path,
) -> None:
    with socket.create_server(("0.0.0.0", 0)) as tcp:
        given = os.dup2(tcp.fileno(), 102)
        config = tmp_path / "ccflare.toml"
        config.write_text(f'[storage]\ndirectory = "{tmp_path}/s"\n')
        config.chmod(0o600)
        try:
            process = await trio.run_process(
                [sys.executable, "-c", HAND_IN, "102", "run", "--config", str(config)],
                env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LISTEN_FDS": "1"},
                capture_stderr=True,
                check=False,
                pass_fds=[given],
            )
        finally:
            os.close(given)
        assert process.returncode == 4
        assert b"can be reached by more than" in process.stderr
        assert b"[clients.NAME]" in process.stderr


async def test_tls_listeners_serve_and_take_a_renewed_certificate_without_a_restart(tmp_path: Path) -> None:
    authority = trustme.CA()
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)

    def issue() -> None:
        leaf = authority.issue_cert("localhost", "127.0.0.1")
        leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
        leaf.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
        (tmp_path / "key.pem").chmod(0o600)

    issue()
    server = 'listen = "127.0.0.1:0"\ntls = { cert = "cert.pem", key = "key.pem" }'
    async with daemon(tmp_path, server=server) as running:

        async def serial() -> str:
            plain = await trio.open_tcp_stream("127.0.0.1", running.port)
            stream = trio.SSLStream(plain, trusted, server_hostname="localhost", https_compatible=True)
            async with stream:
                await stream.send_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
                return str(stream.getpeercert()["serialNumber"])

        before = await serial()
        issue()
        with trio.fail_after(10):
            while await serial() == before:
                await trio.sleep(0.1)
        # A peer that speaks no TLS, or leaves in the handshake, ends only its own connection.
        async with await trio.open_tcp_stream("127.0.0.1", running.port) as plain:
            await plain.send_all(b"GET / HTTP/1.1\r\n\r\n")
        assert await serial()
        assert not any("Traceback" in line for line in running.lines)
