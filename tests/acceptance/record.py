"""Records what the real agents send, once more with each new release: ``python -m acceptance.record`` in tests/.

Each does a small task with tools against a fake API, with nothing between; the last request of it goes to
tests/formats/data/. What belongs to the machine or the day is replaced, long texts are cut; the structure stays.
"""

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio

from acceptance import clients
from acceptance.claude import Person
from acceptance.codex import Coder
from acceptance.responses import Responses, calls, calls_freely, says
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Call, Steps, calling

DATA = Path(__file__).parent.parent / "formats" / "data"
HOME = "/home/somebody"
LONGEST = 300
PATCH = "*** Begin Patch\n*** Add File: poem.txt\n+Roses are red.\n*** End Patch\n"

# What differs from run to run or from machine to machine, and what stands for it.
PATTERNS = (
    (re.compile(r"\b20\d\d-\d\d-\d\d\b"), "2026-11-22"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "0" * 64),
    (re.compile(r"(unix_ms\W+)\d+"), r"\g<1>1800000000000"),
    (re.compile(r"Linux \d[\w.+-]*"), "Linux 6.1.0"),
    (re.compile(r"Chunk ID: [0-9a-f]+"), "Chunk ID: 012345"),
    (re.compile(r"(<timezone>)[^<]*"), r"\g<1>Etc/UTC"),
)
UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
WHOLE = ("definition", "arguments", "input", "user_id", "x-codex-turn-metadata")
"""Keys whose texts are not cut."""


def neutral(body: dict[str, Any], home: Path) -> dict[str, Any]:
    """Return a body without what is of this machine and this run."""
    uuids: dict[str, str] = {}

    def replaced(text: str) -> str:
        text = text.replace(str(home), HOME).replace(str(home).replace("/", "-"), HOME.replace("/", "-"))
        for pattern, instead in PATTERNS:
            text = pattern.sub(instead, text)
        return UUID.sub(
            lambda found: uuids.setdefault(found[0], f"00000000-0000-7000-8000-{len(uuids):012}"), text
        )

    def walk(value: Any, key: str = "") -> Any:
        match value:
            case dict():
                return {name: walk(inner, name) for name, inner in value.items()}
            case list():
                return [walk(inner, key) for inner in value]
            case str() if key != "signature":
                text = replaced(value)
                if len(text) <= LONGEST or key in WHOLE:
                    return text
                return f"{text[:LONGEST]} … ({len(text)} characters)"
            case _:
                return value

    made = walk(body)
    assert isinstance(made, dict)
    return made


async def claude_code(home: Path) -> dict[str, Any]:
    """Return the last request of a task that Claude Code did with three calls, two of them side by side."""
    work = home / "work"
    work.mkdir()
    (work / "note.txt").write_text("the word is xyzzy\n")
    write = Call("Write", {"file_path": str(work / "poem.txt"), "content": "Roses are red.\n"})
    look = Call("Read", {"file_path": str(work / "note.txt")})
    bash = Call("Bash", {"command": "cat poem.txt", "description": "Show the poem"})
    steps = Steps((calling(write, look, thinking=True), calling(bash, text="Now a look."), Answer("Done.")))
    provider = FakeProvider(default=steps, strict=True)
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        person = Person(clients.claude_code(), home, f"http://127.0.0.1:{port}")
        printed = await person.says("Write a poem.", "--allowedTools", "Write,Read,Bash")
        assert (printed.code, printed.text.strip()) == (0, "Done."), printed
        nursery.cancel_scope.cancel()
    body: dict[str, Any] = json.loads(provider.seen[-1].body)
    return body


async def codex(home: Path, model: str = "gpt-5.5") -> dict[str, Any]:
    """Return the last request of a task that Codex did with three calls, two of them side by side.

    A model that it does not know is offered fewer tools, and must patch by way of a command.
    """
    command = f"apply_patch <<'EOF'\n{PATCH}EOF\n"
    known = model.startswith("gpt-")
    edit = (
        calls_freely("apply_patch", PATCH, "call_a")
        if known
        else calls("exec_command", {"cmd": command}, "call_a")
    )
    fake = Responses(
        (
            (edit, calls("exec_command", {"cmd": "ls"}, "call_b")),
            (says("Now a look."), calls("exec_command", {"cmd": "cat poem.txt"}, "call_c")),
            (says("Done."),),
        )
    )
    async with trio.open_nursery() as nursery:
        port = await nursery.start(fake.serve)
        printed = await Coder(clients.codex(), home, f"http://127.0.0.1:{port}", model=model).says(
            "Write a poem."
        )
        assert (printed.code, printed.text.strip()) == (0, "Done."), printed
        nursery.cancel_scope.cancel()
    return fake.bodies[-1]


async def codex_with_another_model(home: Path) -> dict[str, Any]:
    """Return the same of a model that Codex does not know."""
    return await codex(home, "claude-sonnet-5")


RECORDS: dict[str, Callable[[Path], Any]] = {
    "claude_code_request": claude_code,
    "codex_request": codex,
    "codex_request_of_another_model": codex_with_another_model,
}


def main() -> None:
    """Record all of them."""
    DATA.mkdir(exist_ok=True)
    for name, record in RECORDS.items():
        with tempfile.TemporaryDirectory() as directory:
            home = Path(directory).resolve()
            body = neutral(trio.run(record, home), home)
        (DATA / f"{name}.json").write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n")
        print(f"{name}.json")


if __name__ == "__main__":
    main()
