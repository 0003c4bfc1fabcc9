"""Speaks to a program that has a generation of the ``anthropic`` or ``openai`` SDK: one line of JSON there, one back."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import trio

from acceptance.clients import Installed
from acceptance.live import environment

Script = Literal["sdk_script", "openai_script"]
"""The program that runs there, by what it has scenes of: the ``anthropic`` SDK or the ``openai`` SDK."""

LONGEST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call of the SDK came to. ``raised`` names the exception, ``kinds`` it and its bases."""

    value: dict[str, Any]
    seconds: float
    raised: str | None = None
    kinds: tuple[str, ...] = ()
    status: int | None = None
    said: str = ""

    @property
    def text(self) -> str:
        """The text of the answer."""
        return str(self.value["text"])


class Sdk:
    """A generation of the SDK, in a process of its own."""

    def __init__(
        self,
        generation: str,
        installed: Installed,
        home: Path,
        *,
        script: Script = "sdk_script",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.generation = generation
        self.version = installed.version
        self._process = subprocess.Popen(
            [str(installed.program), "-m", f"acceptance.{script}"],
            cwd=Path(__file__).parent.parent,
            env=environment(home, **(environ or {})),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def call(self, what: str, url: str, *, key: str = "sk-of-the-client", **more: Any) -> Outcome:
        """Play a scene of the script with a client of its own. ``as_token``: the key is an ``auth_token``.

        ``max_retries`` is the SDK's own default, 2, unless given. Fails when no answer comes within half a minute.
        """
        line = json.dumps({"what": what, "url": url, "key": key, "more": more})
        with trio.move_on_after(LONGEST_SECONDS):
            answer = await trio.to_thread.run_sync(self._exchange, line, abandon_on_cancel=True)
            return Outcome(**json.loads(answer))
        # What the thread waits for ends with the process.
        self._process.kill()
        raise AssertionError(f"the SDK {self.version} hangs in {what!r}")

    def _exchange(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)
