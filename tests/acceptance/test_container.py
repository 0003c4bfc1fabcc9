"""The image, run as locked down as can be: health, edits, requests, stops, restarts."""

import json
import os
import re
import shutil
import signal
from pathlib import Path
from secrets import token_hex

import httpx
import pytest
import trio
from stage import QUESTION, events

from acceptance.engine import IMAGE, Engine
from acceptance.moored import KEY, site, until_accounts
from ccflared import __version__
from ccflared.demo.script import Answer

pytestmark = [pytest.mark.acceptance, pytest.mark.machine]

LARGEST = 260_000_000
"""Bytes that the image may have, with a base image of Debian's packages."""


# ---- The image -------------------------------------------------------------------------------------------------------


def test_the_image_runs_as_a_user_by_number_and_says_what_it_is(podman: Engine) -> None:
    (found,) = json.loads(podman.podman("image", "inspect", IMAGE).stdout)
    config = found["Config"]
    assert (config["User"], config["StopSignal"]) == ("10001:10001", "SIGTERM")
    assert (config["Entrypoint"], config["Cmd"]) == (["/opt/ccflared/bin/ccflared"], ["run"])
    assert config.get("Volumes") is None
    assert config["Labels"]["org.opencontainers.image.version"] == __version__
    assert found["Healthcheck"]["Test"][0] == "CMD"
    assert found["Size"] < LARGEST


def test_no_file_of_the_image_lends_rights_and_no_compiler_or_cache_is_in_it(podman: Engine) -> None:
    script = (
        "find / -xdev -type f -perm /6000 2>/dev/null; command -v gcc cc make curl wget; "
        "find / -xdev \\( -path '*/.cache/pip' -o -path '/src' -o -path '*/ccflared/bin/pip*' \\) 2>/dev/null; "
        "find / -xdev -not -path '/proc/*' -user 10001 2>/dev/null"
    )
    got = podman.once("--entrypoint", "sh", "--", "-c", script)
    assert (got.stdout.split(), got.stderr) == (["/var/lib/ccflared"], "")


def test_nothing_in_the_history_of_the_image_is_secret_or_of_the_machine_that_built_it(
    podman: Engine,
) -> None:
    told = podman.podman("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE).stdout
    assert "COPY" in told
    assert not re.search(r"(?i)token|passwo|api[_-]?key|index-url|proxy=", told)


def test_nothing_is_compiled_anew_when_it_starts(podman: Engine) -> None:
    script = (
        "import sys, importlib._bootstrap_external as b; missed = []; old = b._compile_bytecode; "
        "get = b.SourceLoader.source_to_code; "
        "b.SourceLoader.source_to_code = lambda self, data, path, **more: (missed.append(path), get(self, data, path, "
        "**more))[1]; import ccflared.cli.main, ccflared.cli.daemon, ccflared.cli.top.app; print(missed)"
    )
    got = podman.once("--entrypoint", "/opt/ccflared/bin/python", "--", "-c", script)
    assert (got.stdout.strip(), got.stderr) == ("[]", "")


# ---- A life ----------------------------------------------------------------------------------------------------------


async def test_it_runs_without_rights_turns_healthy_serves_and_stops_at_once(
    podman: Engine, tmp_path: Path
) -> None:
    async with site(tmp_path) as here:
        with podman.container(*here.mounts()) as container:
            await container.said("ready:")
            facts = container.command("cat", "/proc/1/status").stdout
            assert re.search(r"^Uid:\s+10001\s+10001", facts, re.MULTILINE)
            assert re.search(r"^CapEff:\s+0{16}$", facts, re.MULTILINE)
            assert re.search(r"^CapBnd:\s+0{16}$", facts, re.MULTILINE)
            assert re.search(r"^NoNewPrivs:\s+1$", facts, re.MULTILINE)
            assert "Read-only" in container.command("touch", "/opt/x", "/var/x").stderr
            assert podman.podman("healthcheck", "run", container.name).returncode == 0
            answer = await here.ask()
            assert answer.status_code == 200
            assert events(answer.content)[-1]["type"] == "message_stop"
            assert here.provider.seen[-1].key == "sk-first"
            shown = container.command("ccflared", "status")
            assert (shown.returncode, "first" in shown.stdout) == (0, True), shown.stderr
            for path in ("/livez", "/readyz"):
                # Probes come to the address of the pod, with any Host.
                async with httpx.AsyncClient(trust_env=False) as client:
                    got = await client.get(here.url + path, headers={"host": "pod.example.com"})
                assert got.status_code == 200
            # The daemon's own part of a stop; podman takes a moment more.
            pid = int(container.inspect("{{.State.Pid}}"))
            began = trio.current_time()
            os.kill(pid, signal.SIGTERM)
            with trio.fail_after(10):
                while Path(f"/proc/{pid}").exists():
                    await trio.sleep(0.01)
            assert trio.current_time() - began < 1
            with trio.fail_after(10):
                while container.inspect("{{.State.Status}}") != "exited":
                    await trio.sleep(0.05)
            assert container.inspect("{{.State.ExitCode}}") == "0"
            log = container.log()
            assert "nothing is mounted" not in log
            assert KEY not in log + podman.podman("inspect", container.name).stdout


async def test_the_health_check_fails_where_nobody_answers(podman: Engine, tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        with podman.container(*here.mounts()) as container:
            await container.said("ready:")
            pid = int(container.inspect("{{.State.Pid}}"))
            os.kill(pid, signal.SIGSTOP)  # stopped: its loop does not turn
            try:
                assert podman.podman("healthcheck", "run", container.name, check=False).returncode == 1
            finally:
                os.kill(pid, signal.SIGCONT)
            assert podman.podman("healthcheck", "run", container.name).returncode == 0


@pytest.mark.parametrize(
    "table", ['[storage]\ndirectory = "/var/lib/ccflared/deeper"', '[control]\nsocket = "/tmp/c.sock"']
)
async def test_the_health_check_finds_a_daemon_whose_places_are_others(
    podman: Engine, tmp_path: Path, table: str
) -> None:
    async with site(tmp_path) as here:
        here.write(f"{here.text('first')}\n{table}\n")
        with podman.container(*here.mounts()) as container:
            await container.said("ready:")
            assert podman.podman("healthcheck", "run", container.name).returncode == 0
            assert container.command("ccflared", "status").returncode == 0


async def test_a_replaced_file_counts_within_seconds_and_a_bad_one_is_refused(
    podman: Engine, tmp_path: Path
) -> None:
    async with site(tmp_path) as here:
        with podman.container(*here.mounts()) as container:
            await container.said("ready:")
            here.write(here.text("first", "second"))
            await until_accounts(container, "first", "second")
            here.write("[server\n")
            await container.said("refused")
            assert (await here.ask()).status_code == 200
            shown = container.command("ccflared", "status")
            assert (shown.returncode, "ccflare.toml:1:" in shown.stdout) == (1, True)
            here.write(here.text("second"))
            await container.said("configuration 4 applied", within=10)
            await until_accounts(container, "second")


async def test_a_swapped_link_counts_as_the_volumes_of_kubernetes_do_it(
    podman: Engine, tmp_path: Path
) -> None:
    async with site(tmp_path) as here:

        def put(version: str, text: str) -> None:
            (here.config / version).mkdir()
            here.write(text, f"{version}/ccflare.toml")
            (here.config / "..data_tmp").symlink_to(version)
            (here.config / "..data_tmp").replace(here.config / "..data")

        put("..2026_1", here.text("first"))
        (here.config / "ccflare.toml").unlink()
        (here.config / "ccflare.toml").symlink_to("..data/ccflare.toml")
        here.config.chmod(0o777)  # as Kubernetes has it; the mount is read-only
        with podman.container(*here.mounts()) as container:
            await container.said("ready:")
            put("..2026_2", here.text("first", "second"))
            shutil.rmtree(here.config / "..2026_1")
            await until_accounts(container, "first", "second")


async def test_a_new_key_counts_as_soon_as_its_file_is_saved(podman: Engine, tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        with podman.container(*here.mounts()) as container:
            await container.said("ready:")
            (tmp_path / "secrets/laptop").write_text("another-key\n")
            with trio.fail_after(15):
                while (await here.ask()).status_code != 401:
                    await trio.sleep(0.1)


async def test_a_stop_lets_a_running_stream_end(podman: Engine, tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.provider.play("sk-first", then=Answer(events=60, interval=0.05))
        with podman.container(*here.mounts()) as container:
            await container.said("ready:")
            async with (
                httpx.AsyncClient(timeout=20, trust_env=False) as client,
                client.stream(
                    "POST",
                    here.url + "/v1/messages",
                    json=QUESTION | {"stream": True},
                    headers={"x-api-key": KEY},
                ) as answer,
                trio.open_nursery() as nursery,
            ):
                codes: list[int] = []

                async def stop() -> None:
                    codes.append(await trio.to_thread.run_sync(container.stop, 60))

                nursery.start_soon(stop)
                await container.said("stopping: 1 request running")
                body = b"".join([piece async for piece in answer.aiter_raw()])
            assert events(body)[-1]["type"] == "message_stop"
            assert codes == [0]


async def test_a_stop_while_it_starts_is_heard(podman: Engine, tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for _ in range(3):
            with podman.container(*here.mounts()) as container:
                pid = container.inspect("{{.State.Pid}}")
                with trio.fail_after(
                    10
                ):  # until it has said that it hears; Python itself takes a moment before
                    while not _hears_sigterm(pid):
                        await trio.lowlevel.checkpoint()
                began = trio.current_time()
                assert await trio.to_thread.run_sync(container.stop, 30) == 0
                assert trio.current_time() - began < 3


def _hears_sigterm(pid: str) -> bool:
    caught = re.search(r"^SigCgt:\s+(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> 14 & 1)


async def test_what_happened_outlives_the_container(podman: Engine, tmp_path: Path) -> None:
    volume = f"ccflared-test-{token_hex(6)}"
    async with site(tmp_path) as here:
        mounts = [*here.mounts()[:4], "--volume", f"{volume}:/var/lib/ccflared"]
        try:
            for rows in (1, 2):
                with podman.container(*mounts) as container:
                    await container.said("ready:")
                    assert (await here.ask()).status_code == 200
                    with trio.fail_after(10):
                        while True:
                            got = container.command("ccflared", "requests", "--json")
                            if got.returncode == 0 and len(json.loads(got.stdout)) == rows:
                                break
                            await trio.sleep(0.1)
                    assert await trio.to_thread.run_sync(container.stop, 30) == 0
        finally:
            podman.podman("volume", "rm", "--force", volume, check=False)


async def test_it_listens_on_ipv6_as_well(podman: Engine, tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        both = here.text("first").replace(
            f'listen = "0.0.0.0:{here.port}"', f'listen = ["0.0.0.0:{here.port}", "[::]:{here.port}"]'
        )
        here.write(both)
        with podman.container(*here.mounts()) as container:
            await container.said("ready:")
            async with httpx.AsyncClient(trust_env=False) as client:
                for host in ("127.0.0.1", "[::1]"):
                    assert (await client.get(f"http://{host}:{here.port}/readyz")).status_code == 200


async def test_another_user_will_do_where_the_state_is_theirs(podman: Engine, tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for path in (tmp_path / "config", tmp_path / "secrets", tmp_path / "state", *tmp_path.glob("*/*")):
            os.chown(path, 4321, 4321)
        with podman.container(*here.mounts(), "--user", "4321:4321") as container:
            await container.said("ready:")
            assert podman.podman("healthcheck", "run", container.name).returncode == 0
            assert container.command("ccflared", "status").returncode == 0
            assert (await here.ask()).status_code == 200


async def test_a_copy_of_the_history_is_made_in_the_volume(podman: Engine, tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        with podman.container(*here.mounts()) as container:
            await container.said("ready:")
            copied = container.command("ccflared", "backup", "/var/lib/ccflared/copy.db")
            assert copied.returncode == 0, copied.stderr
            assert (tmp_path / "state/copy.db").stat().st_size > 0
