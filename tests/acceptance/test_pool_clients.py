"""The pool as its clients meet it: real Claude Code and SDKs, accounts that come and go, and the real ``explain``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from acceptance.claude import Person
from acceptance.clients import Installed
from acceptance.live import Live, Printed, asked, kinds, live
from acceptance.sdk import Sdk
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Failing, Limited, Metered, Window

pytestmark = pytest.mark.acceptance

HELLO = "Good day to you, whoever you are and wherever you sit."
AT_ONCE = 15.0
"""Seconds, with the start of the program on a busy machine; its own retries go on for minutes."""
WITHOUT_SLEEP = 5.0
"""Seconds for a call of an SDK that runs already; what it might sleep is hours."""
EQUALS = {"first": "priority = 0", "second": "priority = 0"}
AFFINITY = '[routing]\nstrategy = "affinity"\n'


def hello() -> FakeProvider:
    """Return a provider that answers as a plan does, with its usage windows."""
    return FakeProvider(
        default=Answer(HELLO, five_hour=Window(0.2, 9000.0), seven_day=Window(0.3, 300_000.0))
    )


def undisturbed(printed: Printed) -> None:
    """Hold what ``claude`` printed against what its user wants to see: the answer, and nothing else."""
    assert (printed.code, printed.text, printed.error) == (0, f"{HELLO}\n", "")


def words(text: str) -> str:
    """Return what a command printed without the line breaks and columns of its page."""
    return " ".join(text.split())


async def why(scene: Live, *of: str) -> list[str]:
    """Return what ``ccflared explain`` prints of a request or a model, line by line, without the spaces that align."""
    return [words(line) for line in (await scene.command("explain", *of)).splitlines() if line.strip()]


STAYS_OR_MOVES: Mapping[str, tuple[str, str]] = {
    "warm": ("", "sk-second"),
    "auto_fallback": ("auto_fallback = true", "sk-first"),
}
"""A line of the better account, and who then goes on with a conversation that the other has begun."""


@pytest.mark.parametrize("case", STAYS_OR_MOVES)
async def test_a_running_conversation_stays_where_its_cache_is_warm_unless_the_better_account_has_auto_fallback(
    claude: Installed, home: Path, tmp_path: Path, case: str
) -> None:
    line, goes_on = STAYS_OR_MOVES[case]
    async with live(tmp_path, provider=hello(), own={"first": line}) as scene:
        person = Person(claude, home, scene.url)
        running, other = str(uuid4()), str(uuid4())
        await scene.command("account", "pause", "first")
        undisturbed(await person.says("Say hello.", "--session-id", running))
        await scene.command("account", "resume", "first")
        undisturbed(await person.says("And once more?", "--continue"))
        undisturbed(await person.says("Say hello.", "--session-id", other))
        undisturbed(await person.says("And a third time?", "--resume", running))
        undisturbed(await person.says("Say it again.", "--resume", other))
        assert scene.keys == ["sk-second", goes_on, "sk-first", goes_on, "sk-first"]
        rows = await scene.written(5)
        conversations = [f"claude-code:{each}" for each in (running, running, other, running, other)]
        assert [row.conversation for row in rows] == conversations
        # What it would do next is what it did.
        for conversation, key in ((conversations[0], goes_on), (conversations[2], "sk-first")):
            plan = await why(scene, str(rows[0].model), "--conversation", conversation)
            (asked_first,) = [line for line in plan if line.startswith("→ 1 ")]
            assert asked_first.startswith(f"→ 1 {key.removeprefix('sk-')} it served this conversation before")


@pytest.mark.parametrize("case", STAYS_OR_MOVES)
async def test_a_conversation_whose_home_has_its_window_reset_comes_home_at_once_only_by_auto_fallback(
    claude: Installed, home: Path, tmp_path: Path, case: str
) -> None:
    line, goes_on = STAYS_OR_MOVES[case]
    provider = hello()
    async with live(tmp_path, provider=provider, own={"first": line}) as scene:
        person = Person(claude, home, scene.url)
        provider.play("sk-first", Answer(HELLO), Limited(reset_in=1))
        undisturbed(await person.says("Say hello."))
        undisturbed(await person.says("And once more?", "--continue"))
        assert scene.keys == ["sk-first", "sk-first", "sk-second"]
        await scene.rested("first")
        undisturbed(await person.says("And a third time?", "--continue"))
        undisturbed(await person.says("Say hello."))
        assert scene.keys[3:] == [goes_on, "sk-first"]
        rows = await scene.rows()
        assert {row.outcome for row in rows} == {"complete"}
        assert [len(row.attempts) for row in rows] == [1, 2, 1, 1]


async def test_a_conversation_goes_on_elsewhere_when_its_plan_is_used_up_and_explain_tells_it(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    provider = hello()
    provider.play("sk-first", then=Metered(2, window=7000.0, answer=Answer(HELLO)))
    session = str(uuid4())
    async with live(tmp_path, provider=provider) as scene:
        person = Person(claude, home, scene.url)
        undisturbed(await person.says("Say hello.", "--session-id", session))
        for _ in range(3):
            undisturbed(await person.says("And once more?", "--resume", session))
        # One switch, and nobody knocks again at an account that has said when it will be back.
        assert scene.keys == ["sk-first"] * 3 + ["sk-second"] * 2
        rows = await scene.written(4)
        assert {row.conversation for row in rows} == {f"claude-code:{session}"}
        assert [kinds(row) for row in rows] == [
            [("first", "served")],
            [("first", "served")],
            [("first", "limit"), ("second", "served")],
            [("second", "served")],
        ]
        assert [(row.outcome, row.status) for row in rows] == [("complete", 200)] * 4

        switched, after = await why(scene, rows[2].id), await why(scene, rows[3].id)
        assert switched[0].startswith(f"{rows[2].id} ● complete after ")
        assert any(f"conversation claude-code:{session}" in line for line in switched)
        assert any(line.startswith("1 first ✗ 429 limit limit reached: ") for line in switched)
        assert any(line.startswith("2 second ● 200 served ") for line in switched)
        assert any("it served this conversation before" in line for line in switched)
        assert any(line.startswith("1 second ● 200 served ") for line in after)
        assert any(line.startswith("first ○ resting limit reached: ") for line in after)
        assert "its 5h window is spent until" in words("\n".join(after))


async def test_claude_is_served_by_an_account_that_has_another_name_for_its_model(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    mapped = {"first": 'models = { sonnet = "vendor/mid", opus = ["vendor/big", "vendor/mid"] }'}
    provider = hello()
    async with live(tmp_path, provider=provider, own=mapped) as scene:
        person = Person(claude, home, scene.url)
        undisturbed(await person.says("Say hello.", "--model", "sonnet"))
        provider.play("sk-first", Failing(404, message="model: vendor/big"))
        undisturbed(await person.says("Say hello.", "--model", "opus"))
        undisturbed(await person.says("Say hello.", "--model", "haiku"))
        models = [asked(seen)["model"] for seen in provider.seen]
        assert models[:3] == ["vendor/mid", "vendor/big", "vendor/mid"]
        assert models[3].startswith("claude-haiku-")
        assert scene.keys == ["sk-first"] * 3 + ["sk-second"]
        sonnet, opus, haiku = await scene.written(3)
        assert (sonnet.model or "").startswith("claude-sonnet-")
        assert sonnet.served_model == "vendor/mid"
        assert any(
            line.startswith("1 first ● 200 served as vendor/mid") for line in await why(scene, sonnet.id)
        )
        assert [(attempt.model, attempt.kind) for attempt in opus.attempts] == [
            ("vendor/big", "no such model"),
            ("vendor/mid", "served"),
        ]
        story = words(await scene.command("explain", haiku.id))
        assert "first ○ not asked its models map other names of Claude's, but not claude-haiku-" in story


async def test_the_caller_is_told_by_which_name_its_model_was_asked_for(sdk: Sdk, tmp_path: Path) -> None:
    mapped = {"first": 'models = { sonnet = "vendor/mid" }'}
    async with live(tmp_path, provider=hello(), own=mapped) as scene:
        renamed = await sdk.call("told", scene.url, model="claude-sonnet-5")
        assert (renamed.raised, renamed.text, renamed.value["model"]) == (None, HELLO, "vendor/mid")
        assert renamed.value["headers"]["x-ccflared-model"] == "vendor/mid"
        kept = await sdk.call("told", scene.url, model="claude-opus-5-5")
        assert (kept.raised, kept.text) == (None, HELLO)
        assert "x-ccflared-model" not in kept.value["headers"]
        assert scene.keys == ["sk-first", "sk-second"]


async def test_opus_goes_by_its_chain_step_by_step_and_the_rest_by_the_pool(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    chain = '[[fallback]]\nmodels = ["opus"]\ntry = ["second", { account = "third", model = "vendor/big" }]\n'
    provider = hello()
    async with live(
        tmp_path, ["first", "second", "third"], provider=provider, own={"third": "pool = false"}, more=chain
    ) as scene:
        person = Person(claude, home, scene.url)
        undisturbed(await person.says("Say hello.", "--model", "opus"))
        provider.play("sk-second", then=Limited(reset_in=7000))
        undisturbed(await person.says("And once more?", "--continue", "--model", "opus"))
        undisturbed(await person.says("Say hello.", "--model", "sonnet"))
        provider.play("sk-third", then=Limited(reset_in=7000))
        undisturbed(await person.says("Say hello.", "--model", "opus"))
        assert scene.keys == ["sk-second", "sk-second", "sk-third", "sk-first", "sk-third", "sk-first"]
        assert asked(provider.seen[2])["model"] == "vendor/big"
        assert asked(provider.seen[5])["model"].startswith("claude-opus-")
        rows = await scene.written(4)
        assert [row.chain for row in rows] == ["opus", "opus", None, "opus"]
        story = words("\n".join(await why(scene, rows[1].id)))
        assert "chain for opus" in story
        assert "2 third ● 200 served as vendor/big" in story
        assert "step 2 of the chain" in story


CREDENTIALS = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN")


@pytest.mark.parametrize("variable", CREDENTIALS)
async def test_when_all_accounts_rest_for_hours_claude_shows_our_sentence_after_one_request(
    claude: Installed, home: Path, tmp_path: Path, variable: str
) -> None:
    async with live(tmp_path) as scene:
        scene.provider.play("sk-first", then=Limited(reset_in=18000))
        scene.provider.play("sk-second", then=Limited(reset_in=9000))
        person = Person(claude, home, scene.url, variable=variable)
        for question in ("Say hello.", "Say hello to me."):
            printed = await person.says(question)
            assert (printed.code, printed.error) == (1, "")
            sentence = "All 2 accounts have reached a limit. The first is expected back in 2.5 h.\n"
            assert printed.text.startswith("API Error: ")
            assert printed.text.endswith(f" · {sentence}")
            assert printed.seconds < AT_ONCE
        # The second question is not even put to them.
        assert scene.keys == ["sk-first", "sk-second"]
        asked_both, asked_nobody = await scene.written(2)
        assert {(row.outcome, row.status) for row in (asked_both, asked_nobody)} == {("refused", 429)}
        assert kinds(asked_both) == [("first", "limit"), ("second", "limit")]
        assert [(each.account, each.state) for each in asked_nobody.passed] == [
            ("first", "resting"),
            ("second", "resting"),
        ]
        story = words("\n".join(await why(scene, asked_nobody.id)))
        assert "Tried Nobody. Not asked as it was then first ○ resting limit reached: " in story
        assert len(await scene.rows()) == 2


async def test_when_all_accounts_rest_for_hours_the_sdk_raises_without_sleeping(
    sdk: Sdk, tmp_path: Path
) -> None:
    async with live(tmp_path) as scene:
        scene.provider.play("sk-first", then=Limited(reset_in=18000))
        scene.provider.play("sk-second", then=Limited(reset_in=9000))
        scenes = ("create", "stream", "told")
        for what in scenes:
            limited = await sdk.call(what, scene.url)
            assert (limited.raised, limited.status) == ("RateLimitError", 429)
            assert limited.seconds < WITHOUT_SLEEP
            headers = limited.value["headers"]
            assert headers["x-should-retry"] == "false"
            assert 8900 < int(headers["retry-after"]) <= 9001
            # Whose windows these are is nobody's business, and there is no one account they would be of.
            assert not [name for name in headers if name.startswith("anthropic-ratelimit-")]
        assert scene.keys == ["sk-first", "sk-second"]
        rows = await scene.rows()
        assert [(row.outcome, row.status) for row in rows] == [("refused", 429)] * len(scenes)


def by_user(number: int, turn: int) -> dict[str, Any]:
    """Return a turn of a conversation whose caller names it; nothing else in it is the same twice."""
    messages = [{"role": "user", "content": f"Question {turn} of somebody."}]
    return {"metadata": {"user_id": f"reader-{number}"}, "messages": messages}


def by_first_turn(number: int, turn: int) -> dict[str, Any]:
    """Return a turn of a conversation that is known by how it began, though that is written in another shape later."""
    began = f"Tell me about the number {number}."
    first: Any = began if turn == 0 else [{"type": "text", "text": began}]
    messages = [{"role": "user", "content": first}]
    for each in range(turn):
        messages += [
            {"role": "assistant", "content": HELLO},
            {"role": "user", "content": f"And further? ({each})"},
        ]
    return {"messages": messages}


@pytest.mark.parametrize("said", [by_user, by_first_turn])
async def test_conversations_of_an_sdk_are_spread_over_equals_and_each_stays_where_it_is(
    sdk: Sdk, tmp_path: Path, said: Any
) -> None:
    conversations, turns = range(6), 3
    async with live(tmp_path, provider=hello(), own=EQUALS, more=AFFINITY) as scene:
        for turn in range(turns):
            for number in conversations:
                done = await sdk.call("create", scene.url, max_retries=0, **said(number, turn))
                assert (done.raised, done.text) == (None, HELLO), done.said
        homes = scene.keys[: len(conversations)]
        assert sorted(str(key) for key in homes) == ["sk-first"] * 3 + ["sk-second"] * 3
        assert scene.keys == homes * turns
        rows = await scene.rows()
        assert len({row.conversation for row in rows}) == len(conversations)


async def test_a_burst_of_token_counts_that_one_account_refuses_goes_unnoticed_and_benches_nobody(
    sdk: Sdk, tmp_path: Path
) -> None:
    # As many as Claude Code's /context sends.
    burst = 26
    provider = hello()
    async with live(tmp_path, provider=provider) as scene:
        provider.play("sk-first", then=Limited(reset_in=600, unified=False), on="count_tokens")
        counted = await sdk.call("count_many", scene.url, number=burst, max_retries=0)
        assert (counted.raised, counted.value) == (None, {"statuses": [200] * burst})
        assert await scene.states() == {"first": "ready", "second": "ready"}
        done = await sdk.call("create", scene.url, max_retries=0)
        assert (done.raised, done.text) == (None, HELLO)
        assert scene.keys[-1] == "sk-first"
        rows = await scene.rows()
        assert [(row.outcome, row.status) for row in rows] == [("complete", 200)] * (burst + 1)


async def test_token_counts_that_every_account_refuses_leave_messages_alone(sdk: Sdk, tmp_path: Path) -> None:
    provider = hello()
    async with live(tmp_path, provider=provider) as scene:
        for key in ("sk-first", "sk-second"):
            provider.play(key, then=Limited(reset_in=600), on="count_tokens")
        counted = await sdk.call("count_many", scene.url, number=26, max_retries=0)
        assert counted.value == {"statuses": [429] * 26}
        assert await scene.states() == {"first": "ready", "second": "ready"}
        done = await sdk.call("create", scene.url, max_retries=0)
        assert (done.raised, done.text, scene.keys[-1]) == (None, HELLO, "sk-first")
