import json
import socket
import ssl
from pathlib import Path

import httpx
import pytest
import trio
import trustme
from stage import QUESTION, Stage, accounts, events, free_port, staged

from ccflared.daemon.verdicts import Verdict
from ccflared.demo.script import Answer

LAPTOP = '[clients.laptop]\nkey = "client-key-0123456789"\n'


async def verdict(stage: Stage, number: int) -> Verdict:
    """Wait until a verdict of that number has been given."""
    with trio.fail_after(10):
        while stage.running.reloads.log[0].number < number:
            await trio.sleep(0.01)
    return stage.running.reloads.log[0]


async def test_an_edited_file_is_applied_by_itself(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.edit(stage.config.read_text().replace("sk-first", "sk-other"))
        seen = await verdict(stage, 2)
        assert (seen.applied, seen.cause) == (True, "file")
        assert any("api_key" in change and "changed" in change for change in seen.changes)
        assert not any("sk-" in change for change in seen.changes)
        await stage.ask()
        assert stage.provider.seen[-1].key == "sk-other"


async def test_a_file_written_in_place_and_one_behind_a_swapped_link_are_seen(tmp_path: Path) -> None:
    async with staged(tmp_path, more='include = ["conf.d/*.toml"]') as stage:
        included = tmp_path / "conf.d"
        for version, key in (("..v1", "sk-one"), ("..v2", "sk-two")):
            (included / version).mkdir(parents=True)
            (included / version / "a.toml").write_text(
                f'[accounts.third]\nprovider = "anthropic"\napi_key = "{key}"\n'
            )
        (included / "a.toml").symlink_to("..data/a.toml")
        (included / "..data").symlink_to("..v1")
        assert (await verdict(stage, 2)).applied
        assert "third" in stage.running.house.world.targets
        (included / "..tmp").symlink_to("..v2")
        (included / "..tmp").rename(included / "..data")
        assert (await verdict(stage, 3)).applied
        with stage.config.open("a") as file:
            file.write("\n[routing]\nattempts = 3\n")
        assert (await verdict(stage, 4)).changes == ("routing.attempts: 8 -> 3",)


async def test_a_secret_file_is_watched_and_its_last_value_kept_when_it_vanishes(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sk-one\n")
    more = f'[accounts.third]\nprovider = "anthropic-compatible"\nbase_url = "http://127.0.0.1:1"\napi_key = {{ file = "{key}" }}\n'
    async with staged(tmp_path, ["first"], more=more) as stage:
        key.write_text("sk-two\n")
        assert (await verdict(stage, 2)).applied
        target = stage.running.house.world.targets["third"]
        assert target.credential.reveal() == "sk-two"  # type: ignore[union-attr]
        key.unlink()
        assert (await verdict(stage, 3)).warnings
        target = stage.running.house.world.targets["third"]
        assert target.credential.reveal() == "sk-two"  # type: ignore[union-attr]


async def test_a_file_with_mistakes_is_refused_and_the_old_one_serves(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        good = stage.config.read_text()
        stage.edit(good.replace("priority", "priorty") + "[routing]\nattempts = 'many'\n")
        seen = await verdict(stage, 2)
        assert not seen.applied
        assert len(seen.mistakes) == 3
        assert (await stage.ask()).status_code == 200
        status = (await stage.client.get(stage.url + "/api/status")).json()
        assert status["config"]["serial"] == 1
        assert "priorty" in status["config"]["refused"]["mistakes"][0]["excerpt"]
        stage.edit(good)
        await verdict(stage, 3)
        status = (await stage.client.get(stage.url + "/api/status")).json()
        assert status["config"]["refused"] is None


@pytest.mark.parametrize("lost", ["", "[server]\nlisten = '127.0.0.1:0'\n"])
async def test_losing_every_account_has_to_be_asked_for(tmp_path: Path, lost: str) -> None:
    async with staged(tmp_path) as stage:
        control = "\n".join(stage.config.read_text().splitlines()[2:6])
        stage.edit(lost + ("" if not lost else control))
        refused = await stage.client.post(stage.url + "/api/reload")
        assert refused.status_code == 409
        assert refused.json()["losses"]
        said = stage.running.reloads.log[0].sentence
        assert said.endswith("The last account would be gone. If that is meant: ccflared reload --allow-less")
        allowed = await stage.client.post(stage.url + "/api/reload", json={"allowLess": True})
        if lost:
            assert allowed.status_code == 200
            assert (await stage.ask()).status_code == 503


async def test_listeners_come_and_go_while_a_stream_goes_on(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Answer(events=30, interval=0.02))
        text = stage.config.read_text()
        first = stage.url
        body = b""
        async with stage.client.stream(
            "POST", first + "/v1/messages", json=QUESTION | {"stream": True}
        ) as answer:
            stage.edit(
                text.replace('"127.0.0.1:0"', f'["unix:{tmp_path}/r.sock", "[::1]:0"]').replace(
                    "[control]", '[clients.a]\nkey = "client-key-0123456789"\n[control]'
                )
            )
            assert (await stage.running.reloads.reload("command")).applied
            assert [bound.door.reach for bound in stage.running.listeners.bound] == ["unix", "loopback"]
            async for data in answer.aiter_raw():
                body += data
        assert events(body)[-1]["type"] == "message_stop"
        with pytest.raises(OSError, match="connect"):
            await trio.open_tcp_stream("127.0.0.1", int(first.rpartition(":")[2]))
        stage.edit(text)
        assert (await stage.running.reloads.reload("command", allow_less=True)).applied
        assert not (tmp_path / "r.sock").exists()
        assert (await stage.ask()).status_code == 200


async def test_an_address_that_is_taken_refuses_the_reload_and_changes_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        taken = f'["127.0.0.1:0", "127.0.0.1:{stage.provider_port}"]'
        stage.edit(stage.config.read_text().replace('"127.0.0.1:0"', taken).replace("sk-first", "sk-new"))
        seen = await stage.running.reloads.reload("command")
        assert not seen.applied
        assert "Address already in use" in seen.sentence
        await stage.ask()
        assert stage.provider.seen[-1].key == "sk-first"


async def test_storage_and_control_wait_for_a_restart_and_say_so(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.edit(stage.config.read_text().replace("c.sock", "d.sock"))
        seen = await stage.running.reloads.reload("command")
        assert seen.applied
        assert seen.needs_restart == ("control.socket",)
        status = (await stage.client.get(stage.url + "/api/status")).json()
        assert status["config"]["pending_restart"] == ["control.socket"]


async def test_five_hundred_reloads_under_32_streams_break_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", then=Answer(events=20, interval=0.05))
        good = stage.config.read_text()
        done = 0
        finished = trio.Event()

        async def stream() -> None:
            nonlocal done
            while not finished.is_set():
                answer = await stage.ask(stream=True)
                assert answer.status_code == 200
                assert events(answer.content)[-1]["type"] == "message_stop"
                done += 1

        async with trio.open_nursery() as nursery:
            for _ in range(32):
                nursery.start_soon(stream)
            for number in range(500):
                if number % 2:
                    stage.edit(good + "[nonsense]\n")
                else:
                    stage.edit(good.replace("priority = 1", f"priority = {number + 1}"))
                seen = await stage.running.reloads.reload("command")
                assert seen.applied is not bool(number % 2)
            finished.set()
        assert done >= 32
        assert {row.outcome for row in await stage.rows()} == {"complete"}


async def test_the_control_socket_gives_the_verdict_synchronously(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.edit(stage.config.read_text() + "[routing]\nattempts = 2\n")
        stream = await trio.open_unix_socket(str(stage.running.control.path))
        async with stream:
            await stream.send_all(b"POST /api/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
            data = b""
            while not data.endswith(b"}"):
                data += await stream.receive_some()
        document = json.loads(data.partition(b"\r\n\r\n")[2])
        assert document["applied"]
        assert document["changes"] == ["routing.attempts: 8 -> 2"]
        assert stage.running.house.world.config.routing.attempts == 2


async def test_a_running_request_finishes_with_the_configuration_it_began_with(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        stage.provider.play("sk-first", Answer(events=20, interval=0.02))
        async with stage.client.stream(
            "POST", stage.url + "/v1/messages", json=QUESTION | {"stream": True}
        ) as answer:
            stage.edit(
                stage.config.read_text().replace(accounts(stage.provider_port, "first"), "").rstrip()
                + "\n"
                + accounts(stage.provider_port, "second")
            )
            assert (await stage.running.reloads.reload("command", allow_less=True)).applied
            body = b"".join([data async for data in answer.aiter_raw()])
        assert events(body)[-1]["type"] == "message_stop"
        await stage.ask()
        assert stage.provider.seen[-1].key == "sk-second"


async def test_a_listener_may_widen_or_change_its_spelling_on_the_same_port(tmp_path: Path) -> None:
    port = free_port()
    async with staged(tmp_path, server=f'listen = "127.0.0.1:{port}"', more=LAPTOP) as stage:
        text = stage.config.read_text()
        stage.headers = {"x-api-key": "client-key-0123456789"}
        for address in (f"0.0.0.0:{port}", f"localhost:{port}", f"127.0.0.1:{port}"):
            stage.edit(text.replace(f"127.0.0.1:{port}", address))
            assert (await stage.running.reloads.reload("command")).applied
            assert (await stage.ask()).status_code == 200


async def test_a_listener_that_cannot_be_replaced_goes_on(tmp_path: Path) -> None:
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.2", port))
        other.listen()
        async with staged(tmp_path, server=f'listen = "127.0.0.1:{port}"', more=LAPTOP) as stage:
            stage.headers = {"x-api-key": "client-key-0123456789"}
            stage.edit(stage.config.read_text().replace(f"127.0.0.1:{port}", f"0.0.0.0:{port}"))
            seen = await stage.running.reloads.reload("command")
            assert not seen.applied
            assert (await stage.ask()).status_code == 200
            assert stage.running.listeners.bound[0].door.reach == "loopback"


async def test_tls_is_switched_on_and_off_on_the_same_address(tmp_path: Path) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    leaf.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    (tmp_path / "both.pem").chmod(0o600)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    port = free_port()
    async with (
        staged(tmp_path, server=f'listen = "127.0.0.1:{port}"') as stage,
        httpx.AsyncClient(verify=trusted, trust_env=False) as client,
    ):
        text = stage.config.read_text()
        tls = text.replace("[control]", 'tls = { cert = "both.pem", key = "both.pem" }\n[control]')
        for _ in range(2):
            assert (await client.get(f"http://127.0.0.1:{port}/livez")).status_code == 200
            stage.edit(tls)
            assert (await stage.running.reloads.reload("command")).applied
            assert (await client.get(f"https://127.0.0.1:{port}/livez")).status_code == 200
            stage.edit(text)
            assert (await stage.running.reloads.reload("command")).applied
