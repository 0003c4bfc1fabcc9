"""Words that clients act on: what an answer must not say, and why."""

from pathlib import Path

import pytest
from stage import staged

from ccflared.demo.script import Failing


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "This ccflared asks for a client key."),
        ({"x-api-key": "ck-wrong"}, "This ccflared does not know this client key."),
        ({"authorization": "Bearer ck-wrong"}, "This ccflared does not know this client key."),
    ],
    ids=["none", "x-api-key", "bearer"],
)
async def test_a_refused_client_key_is_told_in_words_that_claude_code_shows(
    tmp_path: Path, headers: dict[str, str], said: str
) -> None:
    # It puts "Not logged in. Please run /login" in the place of any 401 that names x-api-key.
    async with staged(tmp_path, more='[clients.laptop]\nkey = "ck-right"\n') as stage:
        stage.headers = headers
        refused = await stage.ask()
        assert refused.status_code == 401
        assert refused.json()["error"]["message"] == said
        assert "x-api-key" not in refused.text


async def test_where_no_recovery_is_in_sight_a_client_is_told_not_to_wait_for_it(tmp_path: Path) -> None:
    # Claude Code heeds this only with a retry-after above 60 s; else it says "Repeated 529 Overloaded errors".
    async with staged(tmp_path, ["only"]) as stage:
        stage.provider.play("sk-only", then=Failing(401))
        refused = await stage.ask()
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 60
        assert refused.headers["x-should-retry"] == "false"
