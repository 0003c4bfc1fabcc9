"""Keeps the house in order: imports go one way, pure rooms stay pure, no file outgrows its reader."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "ccflared"

# Foundation first: a file imports its own room and rooms before it.
ROOMS = [
    "secret",
    "errors",
    "wire",
    "config",
    "formats",
    "money",
    "providers",
    "pool",
    "store",
    "daemon",
    "api",
    "demo",
    "cli",
    "__main__",
]

PURE = ["secret.py", "errors.py", "wire.py", "formats", "money", "pool", "config"]
PURE_PROVIDERS = [
    *(
        "target.py",
        "prepare.py",
        "observe.py",
        "rows.py",
        "criteria.py",
        "facts.py",
        "resets.py",
        "quota.py",
        "oauth.py",
        "origin.py",
    ),
]
READS_FILES = {"config/load", "config/save.py", "config/stored.py"}
FORBIDDEN_IN_PURE = {
    *("time", "os", "io", "socket", "ssl", "random", "secrets", "subprocess", "threading", "trio", "httpx"),
    *("hypercorn", "sqlite3", "watchfiles", "rich", "tempfile", "shutil", "select", "logging"),
}
GOES_OUT = {"daemon/transport.py", "daemon/upstream.py"}
LONGEST = 400


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each imported module's name, and its line."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from ((name.name, node.lineno) for name in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield module, node.lineno
                yield from ((f"{module}.{name.name}", node.lineno) for name in names)
            case ast.ImportFrom(level=level) if level:
                pytest.fail(f"{path}:{node.lineno}: a relative import")
            case _:
                pass


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    for name, line in imports(path):
        if name.startswith("ccflared.") and (other := name.split(".")[1]) in ROOMS:
            assert ROOMS.index(other) <= ROOMS.index(room), (
                f"line {line}: {room} imports {other}, a later room"
            )


def pure_modules() -> list[Path]:
    found = [path for path in modules() if path.relative_to(ROOT).parts[0] in PURE]
    found = [
        path for path in found if not any(str(path.relative_to(ROOT)).startswith(r) for r in READS_FILES)
    ]
    found += sorted((ROOT / "cli" / "render").glob("*.py"))
    return found + [ROOT / "providers" / name for name in PURE_PROVIDERS]


@pytest.mark.parametrize("path", pure_modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_pure_rooms_have_no_clock_socket_disk_dice_or_loop(path: Path) -> None:
    for name, line in imports(path):
        assert name.split(".")[0] not in FORBIDDEN_IN_PURE, f"line {line}: a pure file imports {name}"
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), (
            f"line {node.lineno}: a pure file awaits"
        )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("open", "print", "input"), f"line {node.lineno}: {node.func.id}()"


def test_only_the_upstream_files_of_the_daemon_speak_http_to_the_outside() -> None:
    for path in modules():
        if str(path.relative_to(ROOT)) not in GOES_OUT:
            assert not any(name.split(".")[0] == "httpx" for name, _ in imports(path)), path


def test_only_the_daemon_and_the_demo_have_tasks() -> None:
    for path in modules():
        if room_of(path) not in ("daemon", "demo", "cli"):
            assert not any(name.split(".")[0] == "trio" for name, _ in imports(path)), path


def test_only_the_store_speaks_sql() -> None:
    for path in modules():
        if room_of(path) != "store":
            names = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
            for node in names:
                assert not (
                    isinstance(node.value, str) and node.value.lstrip().startswith(("SELECT ", "INSERT "))
                ), f"{path}:{node.lineno}: SQL"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_outgrows_its_reader(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_fit_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            assert node.end_lineno - node.lineno < 60, (
                f"{node.name} has {node.end_lineno - node.lineno} lines"
            )


def test_names_say_what_a_thing_is() -> None:
    vague = ("Manager", "Helper", "Util", "Handler", "Service")
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                assert not node.name.endswith(vague), f"{path}: {node.name}"
