"""Keeps the house in order: imports go one way, pure rooms stay pure, no file outgrows its reader."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from ccflared.config.accounts import Dialect
from ccflared.providers.presets import builtin

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
    *("target.py", "prepare.py", "observe.py", "rows.py", "criteria.py", "facts.py", "resets.py", "quota.py"),
    *(
        "address.py",
        "oauth.py",
        "origin.py",
        "usage.py",
        "usage_values.py",
        "usage_anthropic.py",
        "usage_plans.py",
    ),
]
PURE_DAEMON = ["in_words.py", "alarms/alert.py", "alarms/alert_rules.py", "alarms/webhook_formats.py"]
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
    found += [ROOT / "daemon" / name for name in PURE_DAEMON]
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


def test_only_top_draws_with_textual() -> None:
    for path in modules():
        if not str(path.relative_to(ROOT)).startswith("cli/top/"):
            assert not any(name.split(".")[0] == "textual" for name, _ in imports(path)), path


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


# Who speaks of providers by name: their own room, the demo, the names that another program has for them, and the
# words for whose form an answer about usage has.
NAMES_PROVIDERS = ("providers/", "demo/", "cli/demo.py", "config/modes.py", "config/accounts.py")
# Words that are names of a dialect, too, of upstreams or of clients.
DIALECTS = {*get_args(Dialect), "openai"}


def asked_by_name(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each name of a built-in provider that something is compared with or looked up among, and its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare():
                about_dialects = "dialect" in ast.unparse(node)
                yield from (
                    named for named in names_in(node) if not (about_dialects and named[0] in DIALECTS)
                )
            case ast.Tuple() | ast.List() | ast.Set() | ast.Dict():
                # What is compared elsewhere with one of a collection, or looked up in it.
                yield from (named for named in names_in(node) if named[0] not in DIALECTS)
            case ast.MatchValue() | ast.Subscript(slice=ast.Constant()):
                yield from (named for named in names_in(node) if named[0] not in DIALECTS)
            case ast.Call(func=ast.Attribute(attr="startswith" | "endswith" | "get")):
                yield from (named for named in names_in(node) if named[0] not in DIALECTS)
            case _:
                pass


def names_in(node: ast.AST) -> list[tuple[str, int]]:
    constants = [inner for inner in ast.walk(node) if isinstance(inner, ast.Constant)]
    return [(c.value, c.lineno) for c in constants if isinstance(c.value, str) and c.value in builtin()]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_done_for_a_provider_by_its_name(path: Path) -> None:
    if not str(path.relative_to(ROOT)).startswith(NAMES_PROVIDERS):
        for name, line in asked_by_name(ast.parse(path.read_text())):
            pytest.fail(
                f"line {line}: the provider {name} by its name; say in presets.toml what is special of it"
            )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('if provider == "zai": pass', True),
        ('if "anthropic" != account.provider: pass', True),
        ('if provider in ("zai", "minimax"): pass', True),
        ('PLANS = frozenset({"zai"})', True),
        ('QUIRKS = {"kilo": 1}', True),
        ('match provider:\n case "ollama": pass', True),
        ('if provider.startswith("claude-oauth"): pass', True),
        ('if dialect_of(path) == "anthropic": pass', False),
        ('if target.dialect == "vertex": pass', False),
        ('if dialect_of(path) == "zai": pass', True),
        ('Dialect = Literal["anthropic", "openai-chat"]', False),
        ('"""Speaks of zai."""', False),
    ],
)
def test_how_a_provider_would_be_asked_for_by_name(source: str, found: bool) -> None:
    assert bool(list(asked_by_name(ast.parse(source)))) == found
