"""Shells on a pseudo-terminal, with the completions of contrib/completions turned on, and somebody who types."""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ

import pytest

ROOT = Path(__file__).parent.parent.parent
COMPLETIONS = ROOT / "contrib" / "completions"
PROMPT = "ready> "
# What the shells find as ccflared: it completes as ccflared does, and else shows the words that have reached it.
SHOWS = f"""#!/bin/sh
for word; do
    if [ "$word" = complete ]; then exec {sys.executable} -m ccflared "$@"; fi
done
exec {sys.executable} -c 'import json, sys; print("GOT" + json.dumps(sys.argv[1:]) + "END")' "$@"
"""
BEGIN = {
    "bash": f"PS1={PROMPT.strip()!r}' '; source {COMPLETIONS}/ccflared.bash\n",
    "zsh": f"PS1={PROMPT.strip()!r}' '; fpath=({COMPLETIONS} $fpath); autoload -U compinit; compinit -u -D; unset zle_bracketed_paste\n",
    "fish": f"function fish_prompt; echo -n {PROMPT.strip()!r}' '; end; source {COMPLETIONS}/ccflared.fish\n",
}
WORDS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}


class Shell:
    """A shell that somebody types into."""

    def __init__(self, name: str, terminal: int) -> None:
        self.name = name
        self._terminal = terminal
        self._written = b""

    def type_in(self, text: str) -> None:
        """Type something. Tabs complete; nothing happens to a line that does not end."""
        os.write(self._terminal, text.encode())

    def until(self, seen: Callable[[str], bool]) -> str:
        """Return what has been written since the last call, once it satisfies ``seen``."""
        ends = time.monotonic() + 20
        while not seen(self._written.decode(errors="replace")):
            assert time.monotonic() < ends, self._written
            if select.select([self._terminal], [], [], 0.05)[0]:
                self._written += os.read(self._terminal, 65536)
        found, self._written = self._written.decode(errors="replace"), b""
        return found

    def words(self, line: str) -> list[str]:
        """Type a line with its tabs and Enter; return the words that have reached ccflared."""
        self.type_in(line + "\n")
        shown = self.until(lambda text: "END" in text and PROMPT in text.partition("END")[2])
        got = re.findall(r"GOT(\[.*?\])END", shown.replace("\r\n", ""))
        words = json.loads(got[-1])
        assert isinstance(words, list)
        return words

    def offered(self, line: str, *names: str) -> str:
        """Type a line and tabs until all of ``names`` are shown; clear the line; return what was shown."""
        self.type_in(line + ("\t\t" if self.name == "bash" else "\t"))
        shown = self.until(lambda text: all(name in text for name in names))
        self.type_in("\x15\n")
        self.until(lambda text: PROMPT in text)
        return shown


@contextmanager
def typing_into(name: str, home: Path, **more: str) -> Iterator[Shell]:
    """Run a shell, skip the test where there is none."""
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    (home / "bin").mkdir(exist_ok=True)
    (home / "bin" / "ccflared").write_text(SHOWS)
    (home / "bin" / "ccflared").chmod(0o755)
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, pack("HHHH", 100, 160, 0, 0))
    environ = {
        "PATH": f"{home}/bin:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "PYTHONPATH": str(ROOT),
        **more,
    }
    process = subprocess.Popen(
        # fish reads from nothing but the terminal that controls it.
        ["setsid", "--ctty", program, *WORDS[name][1:]],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environ,
        cwd=home,
    )
    os.close(theirs)
    try:
        shell = Shell(name, ours)
        shell.type_in(BEGIN[name])
        shell.until(lambda text: text.endswith(PROMPT) or PROMPT in text.rpartition("\n")[2])
        yield shell
    finally:
        process.kill()
        process.wait()
        os.close(ours)
