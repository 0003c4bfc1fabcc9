"""What an upstream refuses and can be put in other words is asked once more, and the client hears of the answer alone."""

import gc
import json
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel
from stage import restaged, staged, toml

from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Failing


def strict() -> FakeProvider:
    return FakeProvider(default=Answer("Done."), strict=True)


def asked(provider: FakeProvider) -> list[dict[str, Any]]:
    return [json.loads(seen.body) for seen in provider.seen]


async def test_ids_of_another_provider_do_not_end_a_conversation_that_is_passed_on(tmp_path: Path) -> None:
    call = {"type": "tool_use", "id": "functions.read:0", "name": "read", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "functions.read:0", "content": "42"}
    messages = [
        {"role": "user", "content": "Read it."},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    async with staged(tmp_path, ["only"], provider=strict()) as stage:
        answer = await stage.ask(messages=messages)
        assert (answer.status_code, answer.json()["content"][0]["text"]) == (200, "Done.")
        first, second = asked(stage.provider)
        assert first["messages"] == messages
        assert second["messages"][1:] == [
            {"role": "assistant", "content": [call | {"id": "functions_read_0"}]},
            {"role": "user", "content": [result | {"tool_use_id": "functions_read_0"}]},
        ]


@pytest.mark.parametrize(
    ("message", "change"),
    [
        (
            "max_tokens is too large: 100. This model supports at most 60 completion tokens, whereas you …",
            {"max_tokens": 60},
        ),
        ("Requests with max_tokens > 4096 must have stream=true", {"stream": True}),
    ],
)
async def test_what_was_translated_is_asked_for_as_the_upstream_gives_it(
    tmp_path: Path, message: str, change: dict[str, Any]
) -> None:
    provider = strict()
    provider.play("sk-only", Failing(400, message=message), on="chat")
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        chat = f'provider = "openai-compatible"\nbase_url = "http://127.0.0.1:{port}/v1"\nmodels = {{ "*" = "m" }}'
        config = tmp_path / "ccflare.toml"
        config.write_text(toml(tmp_path / "state", port, ["only"], own={"only": chat}))
        config.chmod(0o600)
        async with restaged(tmp_path, provider, port) as stage:
            answer = await stage.ask()
            assert (answer.status_code, answer.json()["content"][0]["text"]) == (200, "Done.")
            first, second = asked(provider)
            assert second == first | change
        nursery.cancel_scope.cancel()


async def test_others_have_their_turn_while_a_long_request_is_put_otherwise(tmp_path: Path) -> None:
    turns = [{"role": role, "content": "x"} for _ in range(30_000) for role in ("user", "assistant")]
    refusal = Failing(400, message="messages.1.content.0.tool_use.id: String should match pattern '^[a-z]+$'")
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            before = trio.current_time()
            await trio.lowlevel.checkpoint()
            longest = max(longest, trio.current_time() - before)

    async with staged(tmp_path, ["only"]) as stage, trio.open_nursery() as nursery:
        body = json.dumps({"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": turns})
        stage.provider.play("sk-only", refusal)
        # What other tests have left behind is not to be looked through meanwhile.
        gc.collect()
        gc.freeze()
        nursery.start_soon(tick)
        answer = await stage.client.post(stage.url + "/v1/messages", content=body)
        gc.unfreeze()
        assert answer.status_code == 400
        assert longest < 0.3
        nursery.cancel_scope.cancel()
