"""Commands as a person sees them: run in a real terminal (tmux, on a socket of its own), and what stood there then."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = (sys.executable, "-m", "ccflared")
PATIENCE = 30.0
"""Seconds that a command may take."""
TALL = 400
"""Lines of a terminal in which nothing ever scrolls away."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What a command has left on the terminal: bare, with its colours, and with lines joined that were wrapped."""

    text: str
    ansi: str
    joined: str
    code: int

    @property
    def lines(self) -> list[str]:
        """The lines, without spaces at their ends and empty ones below the last."""
        return self.text.rstrip().split("\n")

    @property
    def wrapped(self) -> list[str]:
        """Lines that the terminal had to wrap, as it was too narrow for them."""
        shown = {line.rstrip() for line in self.text.split("\n")}
        return [line for line in self.joined.split("\n") if line.rstrip() not in shown]


@dataclass(slots=True)
class Tmux:
    """A tmux server. Commands run in ``home``, with ``environ`` and nothing else of this process."""

    socket: Path
    home: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    done: int = 0

    def capture(
        self,
        words: Sequence[str],
        columns: int,
        *,
        lines: int = TALL,
        keys: Sequence[tuple[str, str]] = (),
        environ: Mapping[str, str] | None = None,
    ) -> Capture:
        """Run ccflared with these words to its end, and return what stands there.

        ``keys``: what is typed, as tmux names it, each once something stands on the screen.
        """
        return self.shell([*COMMAND, *words], columns, lines=lines, keys=keys, environ=environ)

    def shell(
        self,
        command: Sequence[str],
        columns: int,
        *,
        lines: int = TALL,
        keys: Sequence[tuple[str, str]] = (),
        environ: Mapping[str, str] | None = None,
    ) -> Capture:
        """Do the same with any command."""
        self.done += 1
        name, end = f"w{self.done}", self.home / f".exit-{self.done}"
        given = {**self.environ, **(environ or {})}
        told = " ".join(f"{key}={shlex.quote(value)}" for key, value in given.items())
        ended = f"echo $? > {end}; tmux -S {self.socket} wait-for -S {name}"
        line = f"trap : INT; cd {shlex.quote(str(self.home))}; env -i {told} {shlex.join(command)}; {ended}; exec cat"
        size = ("-x", str(columns), "-y", str(lines))
        self.run("new-session", "-d", "-s", name, *size, "sh", "-c", line)
        try:
            for awaited, key in keys:
                self._until(name, awaited)
                self.run("send-keys", "-t", name, key)
            self.run("wait-for", name)
            code = int(end.read_text())
            return Capture(self._pane(name), self._pane(name, "-e"), self._pane(name, "-J"), code)
        finally:
            self.run("kill-session", "-t", name)
            end.unlink(missing_ok=True)

    def output(self, *words: str, code: int = 0) -> str:
        """Run ccflared with these words and without a terminal; return what it prints. It has to end with ``code``."""
        done = subprocess.run(
            [*COMMAND, *words],
            env=dict(self.environ),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout

    def _until(self, name: str, awaited: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while awaited not in (shown := self._pane(name)):
            assert time.monotonic() < deadline, f"{awaited!r} does not come:\n{shown}"

    def _pane(self, name: str, *how: str) -> str:
        shown = self.run("capture-pane", "-p", "-t", name, *how)
        return "\n".join(line.rstrip() for line in shown.rstrip().split("\n")) + "\n"

    def run(self, *words: str) -> str:
        """Run a command of tmux and return what it prints."""
        done = subprocess.run(
            ["tmux", "-f", os.devnull, "-S", str(self.socket), *words],
            capture_output=True,
            encoding="utf-8",
            env={
                "PATH": os.environ["PATH"],
                "LANG": "C.UTF-8",
                "TERM": "xterm-256color",
                "HOME": str(self.home),
            },
            check=False,
            timeout=PATIENCE,
        )
        if done.returncode:
            raise RuntimeError(f"tmux {shlex.join(words)}: {done.stderr}")
        return done.stdout


@contextmanager
def tmux(directory: Path, **environ: str) -> Iterator[Tmux]:
    """Run a tmux server until the end of the block, its socket in ``directory``."""
    usual = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "TERM": "tmux-256color",
        "TZ": "UTC",
        "PYTHONPATH": str(ROOT),
    }
    server = Tmux(directory / "t", directory, {**usual, **environ})
    server.run("new-session", "-d", "-s", "keep", "cat")  # a server ends with its last session
    try:
        yield server
    finally:
        server.run("kill-server")


@contextmanager
def scene(directory: Path) -> Iterator[Path]:
    """Play :mod:`acceptance.scenery` until the end of the block; gives its file once all has happened."""
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", "TZ": "UTC"}
    command = [sys.executable, "-m", "acceptance.scenery", str(directory)]
    with (directory / "scene.log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environ, cwd=directory
        )
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError((directory / "scene.log").read_text())
            yield directory / "ccflare.toml"
        finally:
            process.terminate()
            process.wait(20)
            if process.stdout is not None:
                process.stdout.close()
