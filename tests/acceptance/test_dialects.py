"""Real clients of every dialect before upstreams of both: whoever asks need not know what answers.

The upstreams are as strict as the real ones, so what arrives there was right in everything.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
import trio

from acceptance.claude import Person
from acceptance.clients import Installed
from acceptance.codex import Coder, Way
from acceptance.live import asked, kinds, live, traces
from acceptance.sdk import Sdk
from ccflared.demo.provider import FakeProvider, Seen
from ccflared.demo.script import (
    Answer,
    Behaviour,
    Call,
    Cut,
    ErrorEvent,
    Failing,
    Held,
    Limited,
    Steps,
    calling,
)

pytestmark = pytest.mark.acceptance

Upstream = Literal["messages", "chat"]

HELLO = "Good day to you, whoever you are and wherever you sit."
POEM = "Roses are red,\nviolets are „blau“.\n"
PATCH = "*** Begin Patch\n*** Add File: poem.txt\n+Roses are red.\n*** End Patch\n"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
AT_ONCE = 15.0

PROVIDERS = """
[providers.fakechat]
dialect = "openai-chat"
base_url = "http://127.0.0.1:PORT/v1"
models = { opus = "gpt-5.5", sonnet = "gpt-4.1", haiku = "gpt-4.1", "*" = "=" }
quirks = { effortless_tools = ["gpt-5.[4-9]*"] }
"""
CHAT = 'provider = "fakechat"\n# base_url\n'
MESSAGES = 'models = { "gpt-5*" = "claude-opus-5-5", "gpt-4*" = "claude-sonnet-4-5", "*" = "=" }\n'
PATHS = {"messages": "/v1/messages", "chat": "/v1/chat/completions"}
CITIES = (Call("weather", {"city": "Paris"}), Call("weather", {"city": "Rome"}))

both = pytest.mark.parametrize("upstream", ["messages", "chat"])
streaming_or_not = pytest.mark.parametrize("streaming", [False, True], ids=["plain", "stream"])


def answering(default: Behaviour) -> FakeProvider:
    return FakeProvider(default=default, strict=True)


def at(*upstreams: Upstream) -> dict[str, Any]:
    """Return what ``live`` needs for accounts at these upstreams: one, two, … in descending priority."""
    names: Sequence[str] = ("one", "two", "three")[: len(upstreams)]
    own = dict(zip(names, (CHAT if each == "chat" else MESSAGES for each in upstreams), strict=True))
    return {"names": names, "own": own, "more": PROVIDERS}


def arrived_right(seen: Seen, upstream: Upstream) -> None:
    """What arrives is in the upstream's dialect and tells nothing of the client's."""
    assert seen.target.partition("?")[0] == PATHS[upstream]
    assert not traces(seen, "sk-of-the-client")
    if upstream == "chat":
        assert seen.target == PATHS["chat"]
        assert seen.get(b"x-api-key") is None
        assert not traces(seen, "anthropic-version")
        assert not traces(seen, "x-claude-code-session-id")
        assert not traces(seen, "x-anthropic-billing-header")


def told(seen: Seen) -> str:
    """Return the results of tools that a request tells of."""
    messages = asked(seen)["messages"]
    results = [message["content"] for message in messages if message["role"] == "tool"]
    results += [
        block["content"]
        for message in messages
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "tool_result"
    ]
    return json.dumps(results, ensure_ascii=False)


# Claude Code


@both
async def test_claude_does_a_task_with_files(
    claude: Installed, home: Path, tmp_path: Path, upstream: Upstream
) -> None:
    work = home / "work"
    work.mkdir()
    (work / "note.txt").write_text("the word is xyzzy\n")
    steps = Steps(
        (
            calling(
                Call("Write", {"file_path": str(work / "poem.txt"), "content": POEM}),
                Call("Read", {"file_path": str(work / "note.txt")}),
                thinking=True,
                cut=3,
            ),
            calling(
                Call(
                    "Edit",
                    {"file_path": str(work / "poem.txt"), "old_string": "red", "new_string": "xyzzy"},
                ),
                text="The word is known.",
                cut=1,
            ),
            calling(Call("Bash", {"command": "cat poem.txt", "description": "Show the poem"})),
            Answer(HELLO, thinking=True),
        )
    )
    async with live(tmp_path, **at(upstream), provider=answering(steps)) as scene:
        printed = await Person(claude, home, scene.url).says(
            "Write it.", "--allowedTools", "Write,Read,Edit,Bash"
        )
        assert (printed.code, printed.text.strip(), printed.error) == (0, HELLO, "")
        assert (work / "poem.txt").read_text() == POEM.replace("red", "xyzzy")
        for seen in scene.provider.seen:
            arrived_right(seen, upstream)
        assert "the word is xyzzy" in told(scene.provider.seen[1])
        assert "Roses are xyzzy," in told(scene.provider.seen[-1])
        assert len(scene.provider.seen) == 4
        if upstream == "chat":
            last = asked(scene.provider.seen[-1])
            assert (last["model"], last["reasoning_effort"]) == ("gpt-5.5", "none")
            assert last["max_completion_tokens"] > 0
            assert last["messages"][0]["role"] in {"system", "developer"}
        rows = await scene.rows()
        assert [(row.outcome, row.stop_reason) for row in rows] == [
            *[("complete", "tool_use")] * 3,
            ("complete", "end_turn"),
        ]
        assert all(row.tokens.input or row.tokens.cache_write_5m for row in rows)
        assert all(row.tokens.output for row in rows)


@pytest.mark.parametrize("order", [("chat", "messages"), ("messages", "chat")], ids=lambda order: order[0])
async def test_claude_goes_on_at_an_upstream_of_the_other_dialect(
    claude: Installed, home: Path, tmp_path: Path, order: tuple[Upstream, Upstream]
) -> None:
    poem = home / "work" / "poem.txt"
    write = calling(Call("Write", {"file_path": str(poem), "content": POEM}), thinking=True)
    provider = answering(Answer(HELLO, thinking=True))
    provider.play("sk-one", write, then=Limited(reset_in=600), on=order[0])
    async with live(tmp_path, **at(*order), provider=provider) as scene:
        printed = await Person(claude, home, scene.url).says("Write a poem.", "--allowedTools", "Write")
        assert (printed.code, printed.text.strip(), printed.error) == (0, HELLO, "")
        assert poem.read_text() == POEM
        assert scene.keys == ["sk-one", "sk-one", "sk-two"]
        arrived_right(provider.seen[-1], order[1])
        rows = await scene.rows()
        assert kinds(rows[-1]) == [("one", "limit"), ("two", "served")]


async def test_a_stream_that_breaks_behind_a_translation_is_asked_for_again(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    provider = answering(Answer(HELLO))
    provider.play("sk-one", Cut(after_events=4), ErrorEvent(after_events=4), on="chat")
    async with live(tmp_path, **at("chat"), provider=provider) as scene:
        printed = await Person(claude, home, scene.url).says("Say hello.")
        assert (printed.code, printed.text.strip()) == (0, HELLO)
        assert len(provider.seen) == 3
        rows = await scene.rows()
        assert rows[-1].outcome == "complete"
        assert "complete" not in {row.outcome for row in rows[:-1]}


async def test_a_prompt_that_is_too_long_for_a_chat_upstream_is_understood(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    words = "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens."
    provider = answering(Failing(400, message=words, code="context_length_exceeded"))
    async with live(tmp_path, **at("chat"), provider=provider) as scene:
        printed = await Person(claude, home, scene.url).says("Say hello.")
        assert printed.code == 1
        assert "prompt is too long" in printed.text.lower()
        assert printed.seconds < AT_ONCE


# Codex


@both
@pytest.mark.parametrize("way", ["provider", "built in"])
async def test_codex_does_a_task_with_files(
    codex: Installed, home: Path, tmp_path: Path, upstream: Upstream, way: Way
) -> None:
    steps = Steps(
        (
            calling(
                Call("apply_patch", {"input": PATCH}),
                Call("exec_command", {"cmd": "echo $((6 * 7))"}),
                thinking=True,
                cut=3,
            ),
            calling(Call("exec_command", {"cmd": "cat poem.txt"}), text="Now a look.", cut=1),
            Answer(HELLO, thinking=True),
        )
    )
    async with live(tmp_path, **at(upstream), provider=answering(steps)) as scene:
        printed = await Coder(codex, home, scene.url, way=way).says("Write a poem.")
        assert (printed.code, printed.text.strip()) == (0, HELLO), printed.error
        assert "Reconnecting" not in printed.error
        assert (home / "work" / "poem.txt").read_text() == "Roses are red.\n"
        assert len(scene.provider.seen) == 3
        for seen in scene.provider.seen:
            arrived_right(seen, upstream)
        assert "42" in told(scene.provider.seen[1])
        assert "A poem.txt" in told(scene.provider.seen[1])
        assert "Roses are red." in told(scene.provider.seen[-1])
        rows = await scene.rows()
        assert [(row.outcome, row.stop_reason) for row in rows] == [
            *[("complete", "tool_use")] * 2,
            ("complete", "end_turn"),
        ]
        assert len({row.conversation for row in rows}) == 1
        assert rows[0].conversation


@both
async def test_codex_with_a_model_that_it_does_not_know_has_all_of_its_tools(
    codex: Installed, home: Path, tmp_path: Path, upstream: Upstream
) -> None:
    patch = Call("exec_command", {"cmd": f"apply_patch <<'EOF'\n{PATCH}EOF\n"})
    steps = Steps((calling(patch), Answer(HELLO)))
    async with live(tmp_path, **at(upstream), provider=answering(steps)) as scene:
        printed = await Coder(codex, home, scene.url, model="claude-sonnet-5").says("Write a poem.")
        assert (printed.code, printed.text.strip()) == (0, HELLO), printed.error
        assert (home / "work" / "poem.txt").read_text() == "Roses are red.\n"
        offered = asked(scene.provider.seen[0])["tools"]
        names = [tool.get("name") or tool["function"]["name"] for tool in offered]
        assert {"exec_command", "view_image"} <= set(names)
        # Tools of a namespace are among them, under whatever name.
        assert [name for name in names if name.endswith("close_agent")]


@both
async def test_codex_asks_again_when_a_stream_breaks(
    codex: Installed, home: Path, tmp_path: Path, upstream: Upstream
) -> None:
    provider = answering(Answer(HELLO))
    provider.play("sk-one", Cut(after_events=5), ErrorEvent(after_events=5), on=upstream)
    async with live(tmp_path, **at(upstream), provider=provider) as scene:
        printed = await Coder(codex, home, scene.url).says("Say hello.")
        assert (printed.code, printed.text.strip()) == (0, HELLO), printed.error
        assert len(provider.seen) == 3


# The anthropic SDK


@both
async def test_the_anthropic_sdk_gets_answers_and_both_kinds_of_stream(
    sdk: Sdk, tmp_path: Path, upstream: Upstream
) -> None:
    async with live(tmp_path, **at(upstream), provider=answering(Answer(HELLO, output_tokens=33))) as scene:
        plain = await sdk.call("create", scene.url)
        helped = await sdk.call("stream", scene.url)
        raw = await sdk.call("events", scene.url)
        assert (plain.raised, helped.raised, raw.raised) == (None, None, None), (plain, helped, raw)
        assert plain.text == helped.text == raw.text == HELLO
        assert plain.value["stop_reason"] == helped.value["stop_reason"] == "end_turn"
        assert plain.value["output_tokens"] == helped.value["output_tokens"] == 33
        assert helped.value["parts"] > 3
        assert (raw.value["types"][0], raw.value["types"][-1]) == ("message_start", "message_stop")
        for seen in scene.provider.seen:
            arrived_right(seen, upstream)
        rows = await scene.rows()
        assert [(row.outcome, row.tokens.output) for row in rows] == [("complete", 33)] * 3


@both
@streaming_or_not
async def test_the_anthropic_sdk_has_tools_called_one_and_several_side_by_side(
    sdk: Sdk, tmp_path: Path, upstream: Upstream, streaming: bool
) -> None:
    provider = answering(Answer(HELLO))
    provider.play(
        "sk-one", calling(CITIES[0], text="One moment."), Answer(HELLO),
        Answer("", calls=CITIES, cut=2, interleaved=True), Answer(HELLO), on=upstream,
    )  # fmt: skip
    async with live(tmp_path, **at(upstream), provider=provider) as scene:
        one = await sdk.call("tool", scene.url, streaming=streaming)
        assert one.raised is None, one.said
        assert (one.value["input"], one.value["first_stop"]) == ({"city": "Paris"}, "tool_use")
        assert one.text == HELLO
        several = await sdk.call("parallel", scene.url, streaming=streaming)
        assert several.raised is None, several.said
        assert several.value["inputs"] == [{"city": "Paris"}, {"city": "Rome"}]
        assert several.text == HELLO
        assert "It rains in Rome." in told(provider.seen[-1])


@both
async def test_the_anthropic_sdk_shows_an_image(sdk: Sdk, tmp_path: Path, upstream: Upstream) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    content = [{"type": "text", "text": "What is this?"}, {"type": "image", "source": source}]
    async with live(tmp_path, **at(upstream), provider=answering(Answer(HELLO))) as scene:
        done = await sdk.call("create", scene.url, messages=[{"role": "user", "content": content}])
        assert done.raised is None, done.said
        (message,) = asked(scene.provider.seen[0])["messages"]
        shown = message["content"][1]
        if upstream == "chat":
            assert shown["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"
        else:
            assert shown["source"] == source


@both
async def test_the_anthropic_sdk_counts_tokens_and_lists_models(
    sdk: Sdk, tmp_path: Path, upstream: Upstream
) -> None:
    async with live(tmp_path, **at(upstream), provider=answering(Answer(HELLO))) as scene:
        counted = await sdk.call("count_many", scene.url, number=26, max_retries=0)
        assert counted.value["statuses"] == [200] * 26
        assert (await sdk.call("count", scene.url)).value["input_tokens"] > 0
        if upstream == "chat":
            assert list(scene.provider.seen) == []
        models = await sdk.call("models", scene.url, model="claude-sonnet-5")
        assert models.raised is None, models.said
        assert models.value["ids"]


# The openai SDK


@both
async def test_the_openai_sdk_gets_answers_and_both_kinds_of_stream(
    openai_sdk: Sdk, tmp_path: Path, upstream: Upstream
) -> None:
    async with live(tmp_path, **at(upstream), provider=answering(Answer(HELLO, output_tokens=33))) as scene:
        plain = await openai_sdk.call("create", scene.url)
        helped = await openai_sdk.call("stream", scene.url)
        raw = await openai_sdk.call("chunks", scene.url)
        assert (plain.raised, helped.raised, raw.raised) == (None, None, None), (plain, helped, raw)
        assert plain.text == helped.text == raw.text == HELLO
        assert plain.value["finish"] == helped.value["finish"] == "stop"
        assert plain.value["output_tokens"] == helped.value["output_tokens"] == 33
        assert helped.value["parts"] > 3
        assert (raw.value["ids"], raw.value["finishes"], raw.value["usages"]) == (1, ["stop"], 0)
        for seen in scene.provider.seen:
            arrived_right(seen, upstream)
        rows = await scene.rows()
        assert [row.outcome for row in rows] == ["complete"] * 3


@both
async def test_the_openai_sdk_gets_the_same_by_way_of_responses(
    openai_sdk: Sdk, tmp_path: Path, upstream: Upstream
) -> None:
    default = Answer(HELLO, output_tokens=33, thinking=True)
    async with live(tmp_path, **at(upstream), provider=answering(default)) as scene:
        plain = await openai_sdk.call("respond", scene.url)
        helped = await openai_sdk.call("respond_streaming", scene.url)
        assert (plain.raised, helped.raised) == (None, None), (plain, helped)
        assert plain.text == helped.text == helped.value["streamed"] == HELLO
        assert plain.value["status"] == helped.value["status"] == "completed"
        assert plain.value["output_tokens"] == helped.value["output_tokens"] == 33
        types = helped.value["types"]
        assert (types[0], types[-1]) == ("response.created", "response.completed")
        assert helped.value["in_order"]
        for seen in scene.provider.seen:
            arrived_right(seen, upstream)


@both
@streaming_or_not
@pytest.mark.parametrize("what", ["tools", "respond_with_tools"])
async def test_the_openai_sdk_has_tools_called_one_and_several_side_by_side(
    openai_sdk: Sdk, tmp_path: Path, upstream: Upstream, streaming: bool, what: str
) -> None:
    provider = answering(Answer(HELLO))
    provider.play(
        "sk-one", calling(CITIES[0], text="One moment."), Answer(HELLO),
        Answer("", calls=CITIES, cut=2, interleaved=True), Answer(HELLO), on=upstream,
    )  # fmt: skip
    async with live(tmp_path, **at(upstream), provider=provider) as scene:
        one = await openai_sdk.call(what, scene.url, streaming=streaming)
        assert one.raised is None, one.said
        assert (one.value["called"], one.value["inputs"], one.text) == (
            ["weather"],
            [{"city": "Paris"}],
            HELLO,
        )
        several = await openai_sdk.call(what, scene.url, streaming=streaming)
        assert several.raised is None, several.said
        assert several.value["inputs"] == [{"city": "Paris"}, {"city": "Rome"}]
        assert several.text == HELLO
        assert told(provider.seen[-1]).count("It rains.") == 2


@both
@pytest.mark.parametrize("what", ["create", "respond"])
async def test_the_openai_sdk_shows_an_image(
    openai_sdk: Sdk, tmp_path: Path, upstream: Upstream, what: str
) -> None:
    url = f"data:image/png;base64,{PIXEL}"
    async with live(tmp_path, **at(upstream), provider=answering(Answer(HELLO))) as scene:
        if what == "create":
            content: list[Any] = [
                {"type": "text", "text": "?"},
                {"type": "image_url", "image_url": {"url": url}},
            ]
            more: dict[str, Any] = {"messages": [{"role": "user", "content": content}]}
        else:
            content = [{"type": "input_text", "text": "?"}, {"type": "input_image", "image_url": url}]
            more = {"input": [{"role": "user", "content": content}]}
        done = await openai_sdk.call(what, scene.url, **more)
        assert done.raised is None, done.said
        (message,) = asked(scene.provider.seen[0])["messages"]
        shown = message["content"][1]
        if upstream == "chat":
            assert shown["image_url"]["url"] == url
        else:
            assert shown["source"] == {"type": "base64", "media_type": "image/png", "data": PIXEL}


@both
async def test_the_openai_sdk_lists_models(openai_sdk: Sdk, tmp_path: Path, upstream: Upstream) -> None:
    async with live(tmp_path, **at(upstream), provider=answering(Answer(HELLO))) as scene:
        models = await openai_sdk.call("models", scene.url)
        assert models.raised is None, models.said
        assert models.value["one"] == models.value["ids"][0]


@both
@pytest.mark.parametrize("what", ["create", "respond", "stream", "respond_streaming"])
async def test_refusals_have_the_classes_and_the_shape_that_the_openai_sdk_knows(
    openai_sdk: Sdk, tmp_path: Path, upstream: Upstream, what: str
) -> None:
    settings = at(upstream)
    settings["more"] += '[clients.laptop]\nkey = "ck"\n'
    async with live(tmp_path, **settings, provider=answering(Limited(reset_in=600))) as scene:
        wrong = await openai_sdk.call(what, scene.url, key="ck-wrong")
        assert (wrong.raised, wrong.status) == ("AuthenticationError", 401)
        limited = await openai_sdk.call(what, scene.url, key="ck")
        assert (limited.raised, limited.status) == ("RateLimitError", 429)
        assert limited.seconds < AT_ONCE
        assert limited.value["headers"]["retry-after"]
        for refusal in (wrong, limited):
            assert refusal.value["body"].keys() == {"message", "type", "param", "code"}


@both
@pytest.mark.parametrize("what", ["stream", "respond_streaming"])
async def test_the_openai_sdk_does_not_take_a_broken_stream_for_a_whole_one(
    openai_sdk: Sdk, tmp_path: Path, upstream: Upstream, what: str
) -> None:
    broken = Cut(after_events=5, answer=Answer(HELLO))
    async with live(tmp_path, **at(upstream), provider=answering(broken)) as scene:
        done = await openai_sdk.call(what, scene.url, max_retries=0)
        assert done.raised is not None or done.value["status"] != "completed", done.value


@both
async def test_a_client_that_leaves_ends_the_work_of_an_upstream_of_either_dialect(
    sdk: Sdk, tmp_path: Path, upstream: Upstream
) -> None:
    provider = answering(Held(trio.Event(), after_events=5))
    async with live(tmp_path, **at(upstream), provider=provider) as scene:
        left = await sdk.call("leave", scene.url, after=3)
        assert left.raised is None, left.said
        with trio.fail_after(AT_ONCE):
            await provider.seen[0].left.wait()
        (row,) = await scene.rows()
        assert row.outcome == "client_gone"
