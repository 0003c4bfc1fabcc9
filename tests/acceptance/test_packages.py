"""Wheel and sdist: what is in them, and that pipx and uv install and run them as the README says."""

import hashlib
import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

pytestmark = [pytest.mark.acceptance, pytest.mark.machine]

ROOT: Final = Path(__file__).parent.parent.parent
PATH: Final = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
UV: Final = shutil.which("uv", path=PATH)
PIPX: Final = shutil.which("pipx")
VERSION: Final = re.findall(r'__version__ = "(.*)"', (ROOT / "ccflared/__init__.py").read_text())[0]
TO_COPY: Final = ("systemd", "container", "proxy", "grafana")
INSTALL_SECONDS: Final = 300
READY_SECONDS: Final = 90
STOP_SECONDS: Final = 10

needs_uv = pytest.mark.skipif(UV is None, reason="uv is not installed")


def ran(*words: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Run a program and return what it printed; it has to succeed."""
    done = subprocess.run(
        words, env=env, cwd=cwd, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(uv: str, source: Path, into: Path, *kinds: str) -> list[Path]:
    done = subprocess.run(
        [uv, "build", "--quiet", "--out-dir", into, *kinds, source],
        env={**os.environ, "SOURCE_DATE_EPOCH": "1790000000"},
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_SECONDS,
    )
    if done.returncode and "hatchling" in done.stderr:
        pytest.skip(f"hatchling, which builds the wheel, cannot be had: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr
    return [*into.glob("*.whl"), *into.glob("*.tar.gz")]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build the sdist, and the wheel out of it."""
    if UV is None:
        pytest.skip("uv, which builds them, is not installed")
    wheel, sdist = build(UV, ROOT, tmp_path_factory.mktemp("built"))
    return wheel, sdist


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a home of its own, and with what was downloaded before."""
    home = tmp_path / "home"
    home.mkdir()
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    kept = ("PIP_", "UV_", "SSL_", "REQUESTS_", "LANG", "LC_", "HTTP_PROXY", "HTTPS_PROXY")
    return {
        **{name: value for name, value in os.environ.items() if name.startswith(kept)},
        "PATH": f"{home}/.local/bin:{PATH}",
        "HOME": str(home),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", f"{cache}/uv"),
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", f"{cache}/pip"),
        "UV_PYTHON_DOWNLOADS": "never",
        "PIPX_DEFAULT_PYTHON": sys.executable,
    }


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_wheel_has_what_an_administrator_copies(built: tuple[Path, Path]) -> None:
    data = f"ccflared-{VERSION}.data/data/share/"
    with zipfile.ZipFile(built[0]) as archive:
        shared = {name.removeprefix(data) for name in archive.namelist() if name.startswith(data)}
    expected = {f"man/man{page.name[-1]}/{page.name}" for page in ROOT.glob("man/*.[1-8]")}
    expected |= {f"ccflared/examples/{path.name}" for path in ROOT.glob("examples/*")}
    for folder in TO_COPY:
        place = ROOT / "contrib" / folder
        found = [path for path in place.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        expected |= {f"ccflared/{folder}/{path.relative_to(place)}" for path in found}
    expected |= {
        "ccflared/ccflare.schema.json",
        "bash-completion/completions/ccflared",
        "zsh/site-functions/_ccflared",
        "fish/vendor_completions.d/ccflared.fish",
    }
    assert shared == expected
    assert shared >= {
        *("ccflared/systemd/ccflared.service", "ccflared/systemd/ccflared.socket"),
        *("ccflared/systemd/ccflared.sysusers", "ccflared/systemd/user/ccflared.service"),
        *("man/man8/ccflared.8", "man/man5/ccflare.toml.5", "ccflared/examples/everything.toml"),
    }


def test_nothing_of_the_wheel_lies_where_a_service_manager_would_take_it(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[0]) as archive:
        names = archive.namelist()
    assert [name for name in names if "/lib/systemd/" in name or "/share/systemd/" in name] == []


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="git does not tell what belongs to the tree here")
def test_the_sdist_has_what_is_needed_to_build_test_and_package(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tracked = ran("git", "ls-files", "ccflared", "contrib", "examples", "man", "tests", cwd=ROOT).splitlines()
    assert set(tracked) - names == set()
    assert {"README.md", "LICENSE", "pyproject.toml"} <= names


@needs_uv
def test_the_same_source_gives_the_same_bytes_wherever_it_lies(
    built: tuple[Path, Path], tmp_path: Path
) -> None:
    assert UV is not None
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for name in ("ccflared", "contrib", "examples", "man", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, symlinks=True, copy_function=shutil.copy, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, copy / name)
    for made in ("config/ccflare.toml", "secrets/admin"):  # beside compose.yaml, as its first lines say
        path = copy / "contrib/container" / made
        path.parent.mkdir(exist_ok=True)
        path.write_text("secret")
    for path in copy.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
    wheel, sdist = build(UV, copy, tmp_path / "again")
    assert digest(sdist) == digest(built[1])
    assert digest(wheel) == digest(built[0])
    (direct,) = build(UV, copy, tmp_path / "direct", "--wheel")
    assert digest(direct) == digest(built[0]), "the sdist builds the wheel that the tree builds"


@contextmanager
def demo(words: Sequence[str | Path], env: Mapping[str, str]) -> Iterator[str]:
    """Run a demo on a free port; yield its address. Ctrl-C has to end it soon, and well."""
    process = subprocess.Popen(
        [*words, "--listen", "127.0.0.1:0"],
        env={**env, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said: list[str] = []
    found = threading.Event()

    def listen() -> None:
        for line in process.stdout or ():
            said.append(line)
            if "Ctrl-C ends it" in line:
                found.set()
        found.set()

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        assert found.wait(READY_SECONDS), "".join(said)
        address = re.search(r"http://(127\.0\.0\.1:\d+)", "".join(said))
        assert address, "".join(said)
        yield address[1]
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.wait(STOP_SECONDS) in (0, 130), "".join(said)
        assert time.monotonic() - began < STOP_SECONDS / 2
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        listener.join()
        assert process.stdout is not None
        process.stdout.close()


def ask(address: str) -> tuple[int, bytes]:
    body = '{"model":"claude-sonnet-4-5","max_tokens":99,"messages":[{"role":"user","content":"Hi"}]}'
    with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        connection.request("POST", "/v1/messages", body, {"x-api-key": "demo"})
        answer = connection.getresponse()
        return answer.status, answer.read()


def assert_demo_answers(words: Sequence[str | Path], env: Mapping[str, str]) -> None:
    with demo(words, env) as address:
        status, body = ask(address)
        assert status == 200, body
        assert b'"type":"message"' in body.replace(b" ", b"")


def exposes_pages(pipx: str) -> bool:
    """Since 1.3 it links manual pages to where man looks; Debian 12 has an older one."""
    return tuple(map(int, re.findall(r"\d+", ran(pipx, "--version"))[:2])) >= (1, 3)


@pytest.mark.skipif(PIPX is None, reason="pipx is not installed")
def test_pipx_installs_it_and_runs_it_without_installing(
    built: tuple[Path, Path], environ: dict[str, str]
) -> None:
    assert PIPX is not None
    ran(PIPX, "install", built[0], env=environ)
    assert ran("ccflared", "--version", env=environ) == f"ccflared {VERSION}\n"
    home = Path(environ["HOME"])
    (schema,) = home.rglob("share/ccflared/ccflare.schema.json")
    assert (schema.parent / "systemd/ccflared.service").is_file()
    assert_demo_answers(["ccflared", "demo"], environ)
    if exposes_pages(PIPX) and shutil.which("man"):
        assert ran("man", "-w", "ccflared", env=environ).startswith(str(home))
    ran(PIPX, "uninstall", "ccflared", env=environ)
    assert_demo_answers([PIPX, "run", "--spec", built[1], "ccflared", "demo"], environ)


@needs_uv
@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_man_finds_the_pages_after_todays_pipx_has_installed_it(
    built: tuple[Path, Path], environ: dict[str, str]
) -> None:
    assert UV is not None
    ran(UV, "tool", "run", "pipx", "install", built[0], env=environ)
    for page in ("ccflared", "ccflare.toml", "ccflared-status", "ccflared-routing"):
        assert ran("man", "-w", page, env=environ).startswith(environ["HOME"])


@needs_uv
def test_uv_installs_it_and_runs_it_without_installing(
    built: tuple[Path, Path], environ: dict[str, str]
) -> None:
    assert UV is not None
    ran(UV, "tool", "install", "--python", sys.executable, built[0], env=environ)
    assert ran("ccflared", "--version", env=environ) == f"ccflared {VERSION}\n"
    pages = Path(ran(UV, "tool", "dir", env=environ).strip()) / "ccflared/share/man"
    assert (pages / "man8/ccflared.8").is_file()
    assert_demo_answers(["ccflared", "demo"], environ)
    uvx = Path(UV).with_name("uvx")
    assert_demo_answers([uvx, "--from", built[1], "ccflared", "demo"], environ)


def python_of(minor: int, environ: Mapping[str, str]) -> Path | None:
    """Return a Python 3.``minor``, of the system or of pyenv; uv could fetch one, but from a host of its own."""
    found = shutil.which(f"python3.{minor}", path="/usr/local/bin:/usr/bin")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    places = ([Path(found)] if found else []) + sorted(pyenv.glob(f"versions/3.{minor}.*/bin/python"))
    return next((path for path in places if works(path, environ)), None)


def works(python: Path, environ: Mapping[str, str]) -> bool:
    done = subprocess.run(
        [python, "-c", "import ssl, sqlite3"], env=environ, capture_output=True, check=False
    )
    return done.returncode == 0


@needs_uv
@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_each_python_runs_it(built: tuple[Path, Path], environ: dict[str, str], minor: int) -> None:
    assert UV is not None
    python = python_of(minor, environ)
    if python is None:
        pytest.skip(f"there is no Python 3.{minor} here")
    uvx = Path(UV).with_name("uvx")
    wheel = f"{built[0]}[tui,zstd]"
    said = ran(uvx, "--python", python, "--from", wheel, "python", "-VV", env=environ)
    assert said.startswith(f"Python 3.{minor}.")
    assert_demo_answers([uvx, "--python", python, "--from", wheel, "ccflared", "demo"], environ)
