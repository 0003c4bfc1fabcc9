"""Where Linux's own calls are not: the daemon starts, answers and stops, and commands edit the file.

No Mac is at hand. What Python has on Linux alone is taken away from it before ccflared is imported, and it is told that
it runs on one; mypy asks the same of types. What neither finds is how a Mac's kernel and file system behave.
"""

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Final

STARTED: Final = 60.0
ELSEWHERE: Final = """
import os, socket, sys, zoneinfo
import hypercorn.trio, httpx, rich.console, tomlkit, trio, watchfiles
ON_LINUX = {
    os: "getxattr setxattr listxattr removexattr sched_getaffinity sched_setaffinity pidfd_open memfd_create eventfd "
        "copy_file_range splice posix_fallocate posix_fadvise getrandom O_PATH O_TMPFILE O_DIRECT O_NOATIME setns unshare",
    socket: "SOCK_CLOEXEC SOCK_NONBLOCK MSG_NOSIGNAL SO_PEERCRED SO_PASSCRED TCP_USER_TIMEOUT TCP_QUICKACK TCP_DEFER_ACCEPT "
        "SO_BINDTODEVICE SO_MARK AF_NETLINK AF_VSOCK IP_FREEBIND SO_INCOMING_CPU",
}
for module, names in ON_LINUX.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
sys.platform = "darwin"
from ccflared.__main__ import main
main()
"""


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-c", ELSEWHERE, *map(str, words)]


def typed(home: Path, *words: str | Path) -> str:
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    done = subprocess.run(command(*words), env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_first_file_is_written_and_edited_there(tmp_path: Path) -> None:
    typed(tmp_path, "init", "--config", tmp_path / "ccflare.toml")
    path = tmp_path / "ccflare.toml"
    path.chmod(0o640)
    typed(tmp_path, "account", "add", "local", "--provider", "ollama", "--config", path)
    typed(tmp_path, "account", "set", "local", "priority=5", "--config", path)
    assert "priority = 5" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "is fine" in typed(tmp_path, "check", "--config", path)


def test_a_demo_starts_answers_and_stops_there(tmp_path: Path) -> None:
    environ = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    with subprocess.Popen(
        command("demo", "--listen", "127.0.0.1:0"),
        env=environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as demo:
        try:
            assert demo.stdout is not None
            said = ""
            for line in demo.stdout:
                said += line
                if "Ctrl-C ends it" in line:
                    break
            config = re.search(r"CCFLARED_CONFIG=(\S+)", said)
            assert config, said
            assert "running" in typed(tmp_path, "status", "--config", config[1])
            assert "in force" in typed(tmp_path, "reload", "--log", "--config", config[1])
        finally:
            demo.send_signal(signal.SIGINT)
            code = demo.wait(STARTED)
    assert code == 0
