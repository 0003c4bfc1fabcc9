"""Podman with the image of the project, built once by contrib/dev/build-container, in the namespace it made for it."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import trio

ROOT = Path(__file__).parent.parent.parent
IMAGE = "localhost/ccflared:latest"
UID = 10001
BUILDING_SECONDS = 900
NEEDED = ("podman", "buildah", "crun", "mmdebstrap", "unshare", "nsenter")
LOCKED_DOWN = (
    *("--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt", "no-new-privileges"),
    *("--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=16m,mode=1777"),  # noqa: S108 - the container's
    *("--log-driver", "k8s-file", "--pull", "never", "--network", "host"),
)
HOLD = 'tr "\\0" "\\n" < /proc/$$/environ > "$HOLD.new"; echo "PID=$$" >> "$HOLD.new"; mv "$HOLD.new" "$HOLD"; read -r _\n'


class UnavailableError(Exception):
    """There can be no container here, and why."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Runs words of podman where the image is."""

    pid: str
    environ: dict[str, str]

    def words(self, *given: str | Path) -> list[str]:
        """Return the command that runs a program where the engine is set up."""
        return ["nsenter", f"--mount=/proc/{self.pid}/ns/mnt", "--wd=/", *map(str, given)]

    def podman(self, *given: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman and return what came of it."""
        done = subprocess.run(
            self.words(*self.environ["PODMAN"].split(), *given),
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, f"podman {given}: {done.stderr}"
        return done

    def once(self, *given: str | Path, image: str = IMAGE) -> subprocess.CompletedProcess[str]:
        """Run a container that is expected to end by itself. Words of the program follow "--"."""
        words = list(given)
        cut = words.index("--") if "--" in words else len(words)
        return self.podman("run", "--rm", *LOCKED_DOWN, *words[:cut], image, *words[cut + 1 :], check=False)

    @contextmanager
    def container(self, *given: str | Path, options: tuple[str, ...] = LOCKED_DOWN) -> Iterator["Container"]:
        """Run a container until the context ends."""
        name = f"ccflared-test-{token_hex(6)}"
        try:
            self.podman("run", "--detach", "--name", name, *options, *given, IMAGE)
            yield Container(self, name)
        finally:
            self.podman("rm", "--force", "--time", "0", name, check=False)


@dataclass(frozen=True, slots=True)
class Container:
    """A container that runs, or did."""

    engine: Engine
    name: str

    def log(self) -> str:
        """Return what the daemon has said."""
        got = self.engine.podman("logs", self.name)
        return got.stdout + got.stderr

    async def said(self, text: str, *, within: float = 20) -> str:
        """Wait until the log holds ``text``; returns the log."""
        with trio.move_on_after(within):
            while text not in (log := await trio.to_thread.run_sync(self.log)):
                await trio.sleep(0.05)
            return log
        raise AssertionError(f"it never said {text!r}: {self.log()}")

    def inspect(self, template: str) -> str:
        """Return what podman knows of it."""
        return self.engine.podman("inspect", self.name, "--format", template).stdout.strip()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program in it."""
        return self.engine.podman("exec", self.name, *words, check=False)

    def stop(self, seconds: int) -> int:
        """Stop it and return the exit code. ``seconds``: when it would be killed."""
        self.engine.podman("stop", "--time", str(seconds), self.name)
        return int(self.inspect("{{.State.ExitCode}}"))


@contextmanager
def engine(directory: Path) -> Iterator[Engine]:
    """Build the image and yield the engine that has it. Raises UnavailableError."""
    if os.geteuid() != 0:
        raise UnavailableError("it takes root")
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        raise UnavailableError(f"there is no {missing[0]}")
    script, told, hold = directory / "hold.sh", directory / "build.log", directory / "hold"
    script.write_text(HOLD)
    with (
        told.open("w") as log,
        subprocess.Popen(
            [ROOT / "contrib/dev/build-container", "--no-run", "--tag", IMAGE, "--check", script],
            env=os.environ | {"HOLD": str(hold)},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as building,
    ):
        try:
            _wait_for(hold, building)
            if not hold.exists():
                said = told.read_text()
                if re.search(r"STEP|COMMIT", said):
                    raise AssertionError(f"the image cannot be built: {said[-3000:]}")
                raise UnavailableError(f"no image can be built here: {said[-300:]}")
            lines = hold.read_text().splitlines()
            environ = dict(line.split("=", 1) for line in lines if "=" in line)
            yield Engine(environ.pop("PID"), environ)
        finally:
            building.communicate()


def _wait_for(hold: Path, building: subprocess.Popen[bytes]) -> None:
    """Wait until the image is there and the script holds the namespace, or all is over."""
    for _ in range(BUILDING_SECONDS * 10):
        try:
            building.wait(0.1)
        except subprocess.TimeoutExpired:
            if not hold.exists():
                continue
        return
