"""The examples of ccflared-api(7), as they stand there: a real daemon, a real shell, real curl and jq."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import trio

from acceptance.live import Live, environment, live

pytestmark = [
    pytest.mark.acceptance,
    *(
        pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not on this machine")
        for program in ("bash", "curl", "jq")
    ),
]

PAGE = (Path(__file__).parents[2] / "man" / "ccflared-api.7").read_text()
FOR_EVER = "curl -sN "
"""What does not end by itself is given two seconds."""


def displays() -> list[str]:
    """Return what stands in the literal displays of the examples, as the reader sees it."""
    text = PAGE.partition(".Sh EXAMPLES\n")[2]
    shown = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", text, flags=re.MULTILINE | re.DOTALL)
    return [each.replace("\\e", "\\") for each in shown]


async def typed(scene: Live, home: Path, command: str) -> str:
    """Type a command into a shell and return what it prints; it has to succeed, but for what does not end."""
    whole = f"url={scene.url}\nset -e -o pipefail\n{command.replace(FOR_EVER, 'timeout 2 ' + FOR_EVER)}"
    with trio.fail_after(30):
        done = await trio.run_process(
            ["bash", "-c", whole],
            env=environment(home),
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    ends = 124 if FOR_EVER in command else 0
    assert (done.returncode, done.stderr) == (ends, b""), (command, done.stdout)
    return done.stdout.decode()


def that(words: str) -> str:
    """Return the one example that has these words in it."""
    (found,) = (each for each in displays() if words in each)
    return found


async def test_every_example_does_what_it_says(home: Path, tmp_path: Path) -> None:
    tried = []
    async with live(tmp_path, ("work", "other")) as scene:

        async def example(words: str) -> str:
            tried.append(that(words))
            return await typed(scene, home, that(words))

        said = await example("/v1/messages")
        head, _, body = said.partition("\r\n\r\n")
        assert "x-ccflared-account: work" in head
        assert json.loads(body)["type"] == "message"

        assert await example("select(.state") == ""

        paused, resumed = (
            json.loads(line) for line in (await example("/pause")).replace("}{", "}\n{").splitlines()
        )
        assert paused["success"] is resumed["success"] is True
        await typed(scene, home, "curl -s -X POST $url/api/accounts/other/pause")
        (told,) = [json.loads(await typed(scene, home, that("select(.state")))]
        assert (told["name"], told["state"]) == ("other", "paused")

        shown, made = (
            json.loads(line) for line in (await example("preview=true")).replace("}{", "}\n{").splitlines()
        )
        assert (shown["preview"], shown["changes"]) == (True, made["changes"])
        assert "+priority = 5" in shown["diffs"][0]["diff"]
        assert "priority = 5" in scene.config.read_text()

        assert json.loads(await example("by=model"))["rows"]
        assert json.loads(await example("status=error")) == []
        for words in (f"{FOR_EVER}$url/api/requests/stream", "stream_token"):
            assert "event: connected" in await example(words)
        assert json.loads(await example("/api/reload"))["applied"] is True
    assert sorted(tried) == sorted(displays())
