"""What the image says of mounts, users and files that are wrong, and of what will not work."""

import json
import os
import socket
from pathlib import Path

import httpx
import pytest

from acceptance.engine import LOCKED_DOWN, Engine
from acceptance.moored import TOKEN, Site, site, until_accounts

pytestmark = [pytest.mark.acceptance, pytest.mark.machine]


def test_without_a_file_it_says_how_to_mount_one(podman: Engine) -> None:
    got = podman.once()
    assert got.returncode == 2
    assert "Nothing is mounted at /etc/ccflared" in got.stderr
    assert "podman run --volume ./config:/etc/ccflared:ro,Z" in got.stderr
    example = podman.once("--entrypoint", "cat", "--", "/opt/ccflared/share/ccflared/container.toml")
    assert example.stdout == Path(__file__).parents[2].joinpath("contrib/container/ccflare.toml").read_text()


async def test_without_a_key_it_says_the_lines_to_add(podman: Engine, tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.write(f'[server]\nlisten = "0.0.0.0:{here.port}"\n')
        got = podman.once(*here.mounts())
        assert got.returncode == 1
        assert '  [clients.laptop]\n  key = { file = "laptop.key" }\n\n  [admin]\n' in got.stderr


async def test_a_file_of_another_user_is_said_with_what_mends_it(podman: Engine, tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        os.chown(here.config / "ccflare.toml", 0, 0)
        got = podman.once(*here.mounts())
        assert got.returncode == 1
        assert "may not be read by ccflared (uid 10001): permission denied" in got.stderr
        assert "/etc/ccflared/ccflare.toml belongs to root (uid 0), group root, mode 0600." in got.stderr
        assert "`chown -R 10001:10001 DIRECTORY`" in got.stderr
        mended = [word.replace("/etc/ccflared:ro", "/etc/ccflared:U") for word in here.mounts()]
        with podman.container(*mended) as container:
            await container.said("ready:")


async def test_a_state_directory_of_another_user_is_said_with_what_mends_it(
    podman: Engine, tmp_path: Path
) -> None:
    async with site(tmp_path) as here:
        os.chown(tmp_path / "state", 0, 0)
        (tmp_path / "state").chmod(0o755)
        got = podman.once(*here.mounts())
        assert got.returncode == 4
        assert "the state directory /var/lib/ccflared cannot be used: Permission denied." in got.stderr
        assert "/var/lib/ccflared belongs to root (uid 0), group root, mode 0755." in got.stderr
        assert "`fsGroup: 10001`" in got.stderr


async def test_without_a_volume_for_the_state_it_says_how_to_have_one(podman: Engine, tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        got = podman.once(*here.mounts()[:4])
        assert got.returncode == 4
        assert "Mount a volume there: `--volume ccflared:/var/lib/ccflared`" in got.stderr
        writable = tuple(word for word in LOCKED_DOWN if not word.startswith("--read-only"))
        with podman.container(*here.mounts()[:4], options=writable) as container:
            await container.said(
                "nothing is mounted at /var/lib/ccflared: history, tokens and stored secrets go with"
            )


async def test_a_file_that_is_mounted_by_itself_works_as_far_as_it_can_and_says_so(
    podman: Engine, tmp_path: Path
) -> None:
    async with site(tmp_path) as here:
        file = here.config / "ccflare.toml"
        alone = ["--volume", f"{file}:/etc/ccflared/ccflare.toml", *here.mounts()[2:]]
        with podman.container(*alone) as container:
            await container.said("/etc/ccflared/ccflare.toml is mounted as a single file")
            await container.said("ready:")
            file.write_text(here.text("first", "second"))  # in its place: the same inode
            await until_accounts(container, "first", "second")
            assert "mounted as a single file" in container.command("ccflared", "status").stdout
            assert "mount its directory, /etc/ccflared" in container.command(
                "ccflared", "doctor"
            ).stdout.replace("\n", " ").replace("  ", " ")
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.patch(
                    f"{here.url}/api/accounts/first", json={"priority": 7}, headers={"x-api-key": TOKEN}
                )
            assert answer.status_code == 409
            assert "priority = 7" in answer.text


async def test_a_file_that_the_engine_made_a_directory_of_is_said_to_be_one(
    podman: Engine, tmp_path: Path
) -> None:
    async with site(tmp_path) as here:
        (here.config / "ccflare.toml").unlink()
        (here.config / "ccflare.toml").mkdir()
        got = podman.once(*here.mounts())
        assert got.returncode == 1
        assert "Engines make one where the file that is to be mounted is not there" in got.stderr


async def test_listeners_that_no_published_port_reaches_are_said(podman: Engine, tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        here.write(here.text("first", listen="127.0.0.1"))
        alone = tuple("none" if word == "host" else word for word in LOCKED_DOWN)
        with podman.container(*here.mounts(), options=alone) as container:
            await container.said("all listeners are on loopback, which ports that are published do not reach")


async def test_where_ipv6_is_turned_off_it_serves_and_doctor_finds_no_fault(
    podman: Engine, tmp_path: Path
) -> None:
    async with site(tmp_path) as here:
        here.write(_on_both(here))
        alone = tuple("none" if word == "host" else word for word in LOCKED_DOWN)
        off = ("--sysctl", "net.ipv6.conf.all.disable_ipv6=1")
        with podman.container(*here.mounts(), *off, options=alone) as container:
            await container.said("ready:")
            told = container.command("ccflared", "doctor")
            assert "there is no such address here yet" in " ".join(told.stdout.split())
            assert "fail " not in told.stdout


async def test_where_the_system_knows_no_ipv6_it_says_which_entry_to_leave_out(
    podman: Engine, tmp_path: Path
) -> None:
    async with site(tmp_path) as here:
        here.write(_on_both(here))
        without = tmp_path / "seccomp.json"
        rule = {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97}
        of = {"index": 0, "value": int(socket.AF_INET6), "op": "SCMP_CMP_EQ"}
        without.write_text(
            json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{**rule, "args": [of]}]})
        )
        got = podman.once(*here.mounts(), "--security-opt", f"seccomp={without}")
        assert got.returncode == 4
        assert f"cannot listen on [::]:{here.port}: Address family not supported by protocol." in got.stderr
        assert "This system has no IPv6: leave that entry out of [server] listen" in got.stderr


def _on_both(here: Site) -> str:
    one = f'listen = "0.0.0.0:{here.port}"'
    return here.text("first").replace(one, f'listen = ["0.0.0.0:{here.port}", "[::]:{here.port}"]')
