"""A request's row in the stream is that of the list: one makes it of what has just ended, the other of the history."""

from pathlib import Path

import pytest
from listening import listening
from rest import at_home, call
from stage import staged

from ccflared.demo.script import Answer, Cut, ErrorEvent, Failing, Limited

MORE = """
[pricing."claude-sonnet-4-5"]
input = 3.0
output = 15.0
[pricing."vendor/big"]
input = 1.0
output = 2.0
"""
OWN = {"second": 'models = { opus = "vendor/big", sonnet = "=" }'}


@pytest.mark.parametrize("storage", ["", 'keep_payloads = "1d"'])
async def test_rows_of_the_stream_are_those_of_the_list(tmp_path: Path, storage: str) -> None:
    async with (
        staged(tmp_path, more=MORE, own=OWN, storage=storage) as stage,
        listening(stage, "/api/requests/stream") as listener,
    ):
        stage.headers |= {"x-ccflared-project": "a project", "user-agent": "a test"}
        await stage.ask()
        await stage.ask(stream=True)
        for ill in (Failing(500), Cut(after_events=5), ErrorEvent(after_events=5), Limited(600)):
            stage.provider.play("sk-first", ill, then=Answer())
            await stage.fresh(stream=True)
            await at_home(stage, "POST", "/api/accounts/first/force-reset-rate-limit")
        await at_home(stage, "POST", "/api/accounts/first/pause")
        await stage.fresh(model="claude-opus-4-1")
        await at_home(stage, "POST", "/api/accounts/first/resume")
        await stage.ask(messages="none")
        await stage.ask(path="/v1/messages/count_tokens")
        await stage.ask(path="/v1/chat/completions")
        for name in ("first", "second"):
            await at_home(stage, "POST", f"/api/accounts/{name}/pause")
        await stage.ask(stream=True)
        await stage.running.house.payloads.settled()
        rows = (await call(stage, "GET", "/api/requests")).json()
        assert len(rows) == 11
        assert {row["outcome"] for row in rows} == {"complete", "truncated", "error", "refused"}
        assert all(row["hasPayload"] is bool(storage) for row in rows)
        (bad,) = [row for row in rows if row["statusCode"] == 400]
        assert bad["errorMessage"] == "status 400: messages: Field required"
        told = [(await listener.until(type="summary"))["payload"] for _ in rows]
        for row in rows:
            (same,) = [each for each in told if each["id"] == row["id"]]
            assert [(k, same.get(k), v) for k, v in row.items() if same.get(k) != v] == [], row["at"]
            assert same.keys() == row.keys()
