"""Real prompts to the real Claude Code, answered through the daemon."""

import json
import signal
from pathlib import Path

import pytest
import trio

from acceptance.claude import Person
from acceptance.clients import Installed
from acceptance.live import asked, kinds, live, traces
from ccflared.demo.provider import FakeProvider, Seen
from ccflared.demo.script import Answer, Dropped, ErrorEvent, Failing, Held, Limited, Reset

pytestmark = pytest.mark.acceptance

HELLO = "Good day to you, whoever you are and wherever you sit."
AT_ONCE = 15.0
"""Seconds, with the start of the program on a busy machine; its own retries go on for minutes."""
QUICK = "[routing]\noverload_retry = { attempts = 1 }\n"


def results(seen: Seen) -> str:
    """Return the tool results of a request as text."""
    blocks = [
        block
        for message in asked(seen)["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "tool_result"
    ]
    return json.dumps([block["content"] for block in blocks])


async def test_a_prompt_is_answered(claude: Installed, home: Path, tmp_path: Path) -> None:
    async with live(tmp_path, provider=FakeProvider(default=Answer(HELLO))) as scene:
        printed = await Person(claude, home, scene.url).says("Say hello.")
        assert (printed.code, printed.text.strip(), printed.error) == (0, HELLO, "")
        (seen,) = scene.provider.seen
        assert seen.target == "/v1/messages?beta=true"
        assert seen.get(b"anthropic-version") == b"2023-06-01"
        assert (seen.get(b"anthropic-beta") or b"").startswith(b"claude-code-20250219,")
        assert seen.key == "sk-first"
        assert not traces(seen, "sk-of-the-client")
        (row,) = await scene.rows()
        assert (row.outcome, row.status, row.account, row.stream) == ("complete", 200, "first", True)
        session = (seen.get(b"x-claude-code-session-id") or b"").decode()
        assert row.conversation == f"claude-code:{session}"
        assert row.user_agent is not None
        assert row.user_agent.startswith(f"claude-cli/{claude.version} ")
        assert row.tokens.cache_write_5m


async def test_a_conversation_that_is_continued_stays_one_conversation(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    async with live(tmp_path, provider=FakeProvider(default=Answer(HELLO))) as scene:
        person = Person(claude, home, scene.url)
        await person.says("Say hello.")
        again = await person.says("And once more?", "--continue")
        assert (again.code, again.text.strip()) == (0, HELLO)
        assert HELLO in json.dumps(asked(scene.provider.seen[-1])["messages"])
        rows = await scene.rows()
        assert [row.outcome for row in rows] == ["complete"] * 2
        assert len({row.conversation for row in rows}) == 1


async def test_a_file_is_really_written(claude: Installed, home: Path, tmp_path: Path) -> None:
    poem = home / "work" / "poem.txt"
    write = Answer(HELLO, tool="Write", tool_input={"file_path": str(poem), "content": "Roses are red.\n"})
    async with live(tmp_path, provider=FakeProvider(default=write)) as scene:
        printed = await Person(claude, home, scene.url).says("Write a poem.", "--allowedTools", "Write")
        assert (printed.code, printed.text.strip()) == (0, HELLO)
        assert poem.read_text() == "Roses are red.\n"
        rows = await scene.rows()
        assert [(row.outcome, row.stop_reason) for row in rows] == [
            ("complete", "tool_use"),
            ("complete", "end_turn"),
        ]


async def test_a_file_is_really_read_and_a_command_really_run(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    note = home / "work" / "note.txt"
    note.parent.mkdir()
    note.write_text("the word is xyzzy\n")
    read = Answer(HELLO, tool="Read", tool_input={"file_path": str(note)})
    bash = Answer(HELLO, tool="Bash", tool_input={"command": "echo $((6 * 7))", "description": "Reckon"})
    async with live(tmp_path) as scene:
        person = Person(claude, home, scene.url)
        scene.provider.play("sk-first", then=read)
        printed = await person.says("What is the word?", "--allowedTools", "Read")
        assert (printed.code, printed.text.strip()) == (0, HELLO)
        assert "the word is xyzzy" in results(scene.provider.seen[-1])
        scene.provider.play("sk-first", then=bash)
        printed = await person.says("What is six by seven?", "--allowedTools", "Bash")
        assert (printed.code, printed.text.strip()) == (0, HELLO)
        assert "42" in results(scene.provider.seen[-1])
        rows = await scene.rows()
        assert [row.stop_reason for row in rows] == ["tool_use", "end_turn"] * 2


async def test_accounts_that_fail_each_in_its_own_way_go_unnoticed(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    names = ["limited", "overloaded", "inside", "reset", "steady"]
    async with live(tmp_path, names, provider=FakeProvider(default=Answer(HELLO)), more=QUICK) as scene:
        scene.provider.play("sk-limited", then=Limited(reset_in=600))
        scene.provider.play("sk-overloaded", then=Failing(529))
        scene.provider.play("sk-inside", then=ErrorEvent("overloaded_error"))
        scene.provider.play("sk-reset", then=Reset(after_events=1))
        printed = await Person(claude, home, scene.url).says("Say hello.")
        assert (printed.code, printed.text.strip(), printed.error) == (0, HELLO, "")
        (row,) = await scene.rows()
        assert row.outcome == "complete"
        assert kinds(row) == [
            ("limited", "limit"),
            ("overloaded", "overloaded"),
            ("inside", "overloaded"),
            ("reset", "broken"),
            ("steady", "served"),
        ]


async def test_a_limit_met_in_the_middle_of_the_work_goes_unnoticed(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    bash = Answer(HELLO, tool="Bash", tool_input={"command": "echo done", "description": "Do it"})
    async with live(tmp_path, provider=FakeProvider(default=Answer(HELLO))) as scene:
        scene.provider.play("sk-first", bash, then=Limited(reset_in=18000))
        printed = await Person(claude, home, scene.url).says("Do it.", "--allowedTools", "Bash")
        assert (printed.code, printed.text.strip(), printed.error) == (0, HELLO, "")
        assert scene.keys == ["sk-first", "sk-first", "sk-second"]
        rows = await scene.rows()
        assert [(row.outcome, row.account) for row in rows] == [("complete", "first"), ("complete", "second")]
        assert kinds(rows[1]) == [("first", "limit"), ("second", "served")]


async def test_a_stream_that_breaks_after_content_is_asked_for_again_by_claude_itself(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    broken = Dropped(after_events=6, answer=Answer("Not to be seen, for this is cut.", interval=0.02))
    async with live(tmp_path, provider=FakeProvider(default=Answer(HELLO))) as scene:
        scene.provider.play("sk-first", broken)
        printed = await Person(claude, home, scene.url).says("Say hello.")
        assert (printed.code, printed.text.strip()) == (0, HELLO)
        rows = await scene.rows()
        assert [row.outcome for row in rows] == ["truncated", "complete"]


async def test_when_all_accounts_are_limited_for_long_claude_says_so_at_once(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    async with live(tmp_path) as scene:
        scene.provider.play("sk-first", then=Limited(reset_in=7000))
        scene.provider.play("sk-second", then=Limited(reset_in=9000))
        printed = await Person(claude, home, scene.url).says("Say hello.")
        assert printed.code == 1
        assert "All 2 accounts have reached a limit. The first is expected back in" in printed.text
        assert printed.seconds < AT_ONCE
        (row,) = await scene.rows()
        assert (row.outcome, row.status) == ("refused", 429)


async def test_an_account_whose_credential_is_refused_is_no_reason_to_log_in(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    # Of a 401 passed on, claude would think that it is its own, and try again for minutes.
    async with live(tmp_path, ["only"]) as scene:
        scene.provider.play("sk-only", then=Failing(401))
        printed = await Person(claude, home, scene.url).says("Say hello.")
        assert printed.code == 1
        assert "503 No account could serve this request (1 not accepted upstream)." in printed.text
        assert printed.seconds < AT_ONCE
        (row,) = await scene.rows()
        assert (row.outcome, row.status, kinds(row)) == ("refused", 503, [("only", "credential")])


async def test_a_daemon_without_accounts_says_what_to_do(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    async with live(tmp_path, []) as scene:
        printed = await Person(claude, home, scene.url).says("Say hello.")
        assert printed.code == 1
        assert "This ccflared has no account yet: add one on its dashboard" in printed.text
        assert printed.seconds < AT_ONCE
        (row,) = await scene.rows()
        assert (row.outcome, row.status, row.account) == ("refused", 503, None)


async def test_the_upstreams_own_words_about_a_bad_request_are_shown(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    async with live(tmp_path) as scene:
        scene.provider.play("sk-first", then=Failing(400, message="metadata: the moon is in the wrong phase"))
        printed = await Person(claude, home, scene.url).says("Say hello.")
        assert printed.code == 1
        assert "the moon is in the wrong phase" in printed.text
        rows = await scene.rows()
        assert {(row.outcome, row.status, row.account) for row in rows} == {("complete", 400, "first")}


async def test_a_wrong_client_key_is_told_at_once_and_the_right_one_works_in_each_form(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    more = '[clients.laptop]\nkey = "ck-right"\n'
    async with live(tmp_path, provider=FakeProvider(default=Answer(HELLO)), more=more) as scene:
        wrong = await Person(claude, home, scene.url, "ck-wrong").says("Say hello.")
        assert wrong.code == 1
        assert "This ccflared does not know this client key." in wrong.text
        assert wrong.seconds < AT_ONCE
        assert scene.keys == []
        variables = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN")
        for variable in variables:
            right = await Person(claude, home, scene.url, "ck-right", variable).says("Say hello.")
            assert (right.code, right.text.strip()) == (0, HELLO)
        assert scene.keys == ["sk-first"] * 3
        assert not any(traces(seen, "ck-") for seen in scene.provider.seen)
        rows = await scene.rows()
        assert [row.client for row in rows] == ["laptop"] * 3


async def test_claude_told_to_stop_ends_the_upstreams_work(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    provider = FakeProvider(default=Held(trio.Event(), after_events=6))
    async with live(tmp_path, provider=provider) as scene, trio.open_nursery() as nursery:
        person = Person(claude, home, scene.url)
        process = await nursery.start(person.starts, "Tell me a long story.")
        with trio.fail_after(AT_ONCE):
            seen = await provider.received(1)
            process.send_signal(signal.SIGINT)
            await seen.left.wait()
            await process.wait()
        (row,) = await scene.rows()
        assert row.outcome == "client_gone"
