"""Runs the real ``claude`` as a person would, but with a home of its own and nowhere to go but to the daemon."""

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import trio

from acceptance.clients import Installed
from acceptance.live import Printed, environment

LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a terminal: an installed ``claude``, a home, a directory to work in, and where the API is."""

    installed: Installed
    home: Path
    url: str
    key: str = "sk-of-the-client"
    variable: str = "ANTHROPIC_AUTH_TOKEN"
    more: Mapping[str, str] = field(default_factory=dict)
    """Variables beside those."""

    @property
    def work(self) -> Path:
        """The directory that ``claude`` is started in."""
        return self.home / "work"

    async def says(self, prompt: str, *options: str) -> Printed:
        """Ask one question with ``claude -p``; give up after a minute."""
        command, environ = [str(self.installed.program), "-p", prompt, *options], self.environment()
        began = time.monotonic()
        with trio.move_on_after(LONGEST_SECONDS):
            done = await trio.run_process(
                command,
                cwd=self.work,
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
            return Printed(
                done.returncode, done.stdout.decode(), done.stderr.decode(), time.monotonic() - began
            )
        raise AssertionError(f"claude did not answer {prompt!r} within {LONGEST_SECONDS:.0f} s")

    async def starts(
        self, prompt: str, *, task_status: trio.TaskStatus[trio.Process] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Ask one question, for somebody who will not wait for the answer; started with the process."""
        await trio.run_process(
            [str(self.installed.program), "-p", prompt],
            cwd=self.work,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            task_status=task_status,
        )

    def environment(self) -> dict[str, str]:
        """Return the variables it is started with, and make its directory. Its retries, of minutes, stay as they are."""
        self.work.mkdir(exist_ok=True)
        return environment(
            self.home,
            ANTHROPIC_BASE_URL=self.url,
            CLAUDE_CONFIG_DIR=str(self.home / "claude"),
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
            DISABLE_AUTOUPDATER="1",
            DISABLE_TELEMETRY="1",
            DISABLE_ERROR_REPORTING="1",
            **{self.variable: self.key},
            **self.more,
        )
