"""The real Codex with nothing between it and a Responses API: the facts that the translation for it rests on."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from acceptance.clients import Installed
from acceptance.codex import Coder, Way
from acceptance.live import Printed
from acceptance.responses import Item, Responses, calls, calls_freely, says

pytestmark = pytest.mark.acceptance

PATCH = "*** Begin Patch\n*** Add File: poem.txt\n+Roses are red.\n*** End Patch\n"
OTHER_MODEL = "claude-sonnet-5"


@asynccontextmanager
async def responses(*answers: Sequence[Item]) -> AsyncIterator[tuple[Responses, str]]:
    fake = Responses(answers)
    async with trio.open_nursery() as nursery:
        port = await nursery.start(fake.serve)
        yield fake, f"http://127.0.0.1:{port}"
        nursery.cancel_scope.cancel()


def outputs(fake: Responses) -> list[str]:
    """Return what Codex told of its calls."""
    return [item["output"] for item in fake.bodies[-1]["input"] if item["type"].endswith("_call_output")]


def tools(fake: Responses) -> dict[str, Any]:
    return {tool.get("name", tool["type"]): tool for tool in fake.bodies[0]["tools"]}


@pytest.mark.parametrize("way", ["provider", "built in"])
async def test_a_prompt_is_answered(codex: Installed, home: Path, way: Way) -> None:
    async with responses([says("Good day.")]) as (fake, url):
        printed = await Coder(codex, home, url, way=way).says("Say hello.")
    assert (printed.code, printed.text.strip()) == (0, "Good day.")
    methods = [request.method for request in fake.requests]
    # The built-in provider asks for a WebSocket first, and takes a 426 at its word.
    assert methods == (["POST"] if way == "provider" else ["GET", "POST"])
    headers = dict(fake.requests[-1].headers)
    assert headers[b"authorization"] == b"Bearer sk-of-the-client"
    assert headers[b"session-id"].decode() == fake.bodies[0]["prompt_cache_key"]


async def test_files_are_edited_by_a_custom_call_alone(codex: Installed, home: Path) -> None:
    answers = (
        [calls("apply_patch", {"input": PATCH}, "call_a")],
        [calls_freely("apply_patch", PATCH, "call_b"), calls("exec_command", {"cmd": "cat poem.txt"}, "call_c")],
        [says("Done.")],
    )  # fmt: skip
    async with responses(*answers) as (fake, url):
        printed = await Coder(codex, home, url).says("Write a poem.")
    assert (printed.code, printed.text.strip()) == (0, "Done.")
    assert (home / "work" / "poem.txt").read_text() == "Roses are red.\n"
    assert tools(fake)["apply_patch"]["type"] == "custom"
    refused, patched, shown = outputs(fake)
    assert refused == "aborted"
    assert "A poem.txt" in patched
    assert "Roses are red." in shown


async def test_a_model_that_codex_does_not_know_patches_by_a_command(codex: Installed, home: Path) -> None:
    command = f"apply_patch <<'EOF'\n{PATCH}EOF\n"
    answers = (
        [calls_freely("apply_patch", PATCH, "call_a"), calls("exec_command", {"cmd": command}, "call_b")],
        [says("Done.")],
    )
    async with responses(*answers) as (fake, url):
        printed: Printed = await Coder(codex, home, url, model=OTHER_MODEL).says("Write a poem.")
    assert (printed.code, printed.text.strip()) == (0, "Done.")
    assert (home / "work" / "poem.txt").read_text() == "Roses are red.\n"
    assert "apply_patch" not in tools(fake)
    unsupported, patched = outputs(fake)
    assert unsupported == "unsupported custom tool call: apply_patch"
    assert "A poem.txt" in patched


async def test_a_tool_of_a_namespace_is_called_by_both_names(codex: Installed, home: Path) -> None:
    close = calls("close_agent", {"target": "nobody"}, "call_a")
    answers = (
        [close | {"namespace": "multi_agent_v1"}, close | {"call_id": "call_b"}],
        [close | {"call_id": "call_c", "name": "multi_agent_v1.close_agent"}],
        [says("Done.")],
    )
    async with responses(*answers) as (fake, url):
        await Coder(codex, home, url, model=OTHER_MODEL).says("Close it.")
    inner = [tool["name"] for tool in tools(fake)["multi_agent_v1"]["tools"]]
    assert "close_agent" in inner
    done, *unsupported = outputs(fake)
    assert not done.startswith("unsupported")
    assert unsupported == [
        "unsupported call: close_agent",
        "unsupported call: multi_agent_v1.close_agent",
    ]


async def test_further_tools_are_searched_for(codex: Installed, home: Path) -> None:
    search = {
        "type": "tool_search_call",
        "call_id": "call_s",
        "execution": "client",
        "arguments": {"query": "agent"},
    }
    async with responses([search], [says("Done.")]) as (fake, url):
        await Coder(codex, home, url).says("Look for it.")
    assert tools(fake)["tool_search"].keys() == {"type", "execution", "description", "parameters"}
    *_, found = fake.bodies[-1]["input"]
    assert (found["type"], found["call_id"]) == ("tool_search_output", "call_s")
    assert [tool["type"] for tool in found["tools"]] == ["namespace"]
