"""schemathesis reads the OpenAPI document of a live daemon, asks what nobody would ask, and finds nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
import trio
from stage import Stage, staged

pytestmark = pytest.mark.acceptance

TOKEN = "t-acceptance"
ADMIN = f'[admin]\ntoken = "{TOKEN}"\n'
COMMAND = Path(sys.prefix, "bin", "schemathesis")
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "negative_data_rejection"
)
SECONDS = 60
"""For each run."""
STREAMS = "/stream$"
READS = ("--include-method", "GET")
EDITS = (
    *("--exclude-method", "GET"),
    # These would have the daemon ask providers that others run; and wrong log-ins would close the door to all the rest.
    *(
        "--exclude-path-regex",
        "^/api/accounts(/[{]mode[}])?$|/(test|refresh-usage)$|^/api/oauth|^/api/session$",
    ),
)
LOGS_IN = ("--include-path-regex", "^/api/session$")
SETTINGS = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 409, 414, 415, 422, 429]

[parameters]
"path.name" = "first"
"path.id" = "{id}"
"""


async def found(stage: Stage, directory: Path, *which: str) -> subprocess.CompletedProcess[bytes]:
    """Have schemathesis ask the daemon for a while."""
    for _ in range(3):
        await stage.ask()
    await stage.ask(max_tokens="many")
    row = (await stage.rows())[-1]
    settings = directory / "schemathesis.toml"
    settings.write_text(SETTINGS.replace("{id}", row.id))
    command = [
        *(str(COMMAND), "--config-file", str(settings), "run", stage.url + "/api/openapi.json"),
        *("--url", stage.url, "--checks", CHECKS, "--phases", "examples,coverage,fuzzing"),
        *("--header", f"x-api-key: {TOKEN}", "--max-examples", "30", "--max-time", str(SECONDS)),
        *("--exclude-path-regex", STREAMS, "--no-color", "--seed", "1", "--continue-on-failure"),
        *("--warnings", "off", "--suppress-health-check", "all", *which),
    ]
    with trio.fail_after(3 * SECONDS):
        return await trio.run_process(
            command, capture_stdout=True, capture_stderr=True, check=False, cwd=directory
        )


@pytest.mark.parametrize("which", [READS, EDITS, LOGS_IN], ids=["what reads", "what edits", "what logs in"])
async def test_schemathesis_finds_nothing(tmp_path: Path, which: tuple[str, ...]) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        stage.headers = {"x-api-key": TOKEN}
        done = await found(stage, tmp_path, *which)
        lines = (done.stdout + done.stderr).decode().splitlines()
        assert done.returncode == 0, "\n".join(line[:300] for line in lines)
