"""curl through the daemon: what a person types, and bodies large enough that curl asks before it sends them."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from acceptance.live import environment, kinds, live, traces
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Dropped, Held, Limited

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine"),
]

HELLO = "Good day to you, whoever you are and wherever you sit."
ASK = '{"model":"claude-sonnet-5","max_tokens":99,"messages":[{"role":"user","content":"Hi"}]}'
STREAM = ASK[:-1] + ',"stream":true}'


@dataclass(frozen=True, slots=True)
class Curled:
    """What curl came to; ``talk`` is what -v tells of the wire."""

    code: int
    body: bytes
    talk: str


async def curl(home: Path, *words: str) -> Curled:
    """Run curl to its end."""
    with trio.fail_after(30):
        done = await trio.run_process(
            ["curl", "-sv", *words],
            env=environment(home),
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    return Curled(done.returncode, done.stdout, done.stderr.decode())


def large(home: Path) -> tuple[Path, bytes]:
    """Write a request of two megabytes to a file."""
    body = json.dumps(json.loads(ASK) | {"system": "x" * 2_000_000}).encode()
    path = home / "large.json"
    path.write_bytes(body)
    return path, body


async def test_a_request_as_people_type_it_is_answered(home: Path, tmp_path: Path) -> None:
    async with live(tmp_path, provider=FakeProvider(default=Answer(HELLO))) as scene:
        # Neither content-type (curl says form-urlencoded) nor anthropic-version, and a query of its own.
        query = "beta=true&empty=&twice=1&twice=2&odd=%7e+%20'x"
        done = await curl(home, f"{scene.url}/v1/messages?{query}", "-H", "x-api-key: typed", "-d", ASK)
        assert (done.code, json.loads(done.body)["content"][0]["text"]) == (0, HELLO)
        (seen,) = scene.provider.seen
        assert seen.target == f"/v1/messages?{query}"
        assert seen.body == ASK.encode()
        assert seen.get(b"anthropic-version") == b"2023-06-01"
        assert not traces(seen, "typed")
        (row,) = await scene.rows()
        assert (row.outcome, row.status) == ("complete", 200)


async def test_a_large_body_is_asked_for_when_curl_waits_to_be_asked(home: Path, tmp_path: Path) -> None:
    path, body = large(home)
    async with live(tmp_path) as scene:
        words = ["-H", "Expect: 100-continue", "--expect100-timeout", "20", "--data-binary", f"@{path}"]
        done = await curl(home, f"{scene.url}/v1/messages", *words)
        assert done.code == 0
        assert "< HTTP/1.1 100" in done.talk
        assert "< HTTP/1.1 200" in done.talk
        (seen,) = scene.provider.seen
        assert seen.body == body
        assert seen.get(b"expect") is None
        (row,) = await scene.rows()
        # Without the 100 it would have waited for the time-out.
        assert (row.outcome, row.status, row.total_ms < 10_000) == ("complete", 200, True)


async def test_a_large_body_goes_on_to_the_next_account_when_the_first_is_limited(
    home: Path, tmp_path: Path
) -> None:
    path, body = large(home)
    async with live(tmp_path) as scene:
        scene.provider.play("sk-first", then=Limited(reset_in=600))
        done = await curl(home, f"{scene.url}/v1/messages", "--data-binary", f"@{path}")
        assert done.code == 0
        assert [seen.body == body for seen in scene.provider.seen] == [True, True]
        (row,) = await scene.rows()
        assert kinds(row) == [("first", "limit"), ("second", "served")]


async def test_a_body_that_is_not_wanted_is_refused_in_words(home: Path, tmp_path: Path) -> None:
    path, _ = large(home)
    more = '[clients.laptop]\nkey = "ck-right"\n'
    async with live(tmp_path, server='max_body = "1MiB"\n', more=more) as scene:
        words = ["-H", "Expect: 100-continue", "--expect100-timeout", "20", "--data-binary", f"@{path}"]
        wrong = await curl(home, f"{scene.url}/v1/messages", "-H", "x-api-key: ck-wrong", *words)
        assert (wrong.code, json.loads(wrong.body)["error"]["type"]) == (0, "authentication_error")
        assert "< HTTP/1.1 401" in wrong.talk
        bearer = "authorization: Bearer ck-right"
        refused = await curl(home, f"{scene.url}/v1/messages", "-H", bearer, *words)
        assert (refused.code, json.loads(refused.body)["error"]["type"]) == (0, "request_too_large")
        assert "< HTTP/1.1 413" in refused.talk
        # One that does not wait to be asked must get to read the answer, too, and no reset.
        eager = await curl(home, f"{scene.url}/v1/messages", "-H", bearer, "-H", "Expect:", *words[2:])
        assert (eager.code, json.loads(eager.body)["error"]["type"]) == (0, "request_too_large")
        assert scene.keys == []
        rows = await scene.rows()
        assert [(row.outcome, row.status) for row in rows] == [("refused", 413)] * 2


async def test_a_stream_is_seen_as_it_comes_and_not_when_it_is_over(home: Path, tmp_path: Path) -> None:
    release = trio.Event()
    provider = FakeProvider(default=Held(release, after_events=5, answer=Answer(HELLO)))
    async with live(tmp_path, provider=provider) as scene:
        process = await trio.lowlevel.open_process(
            ["curl", "-sN", f"{scene.url}/v1/messages", "-d", STREAM],
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        seen = b""
        with trio.fail_after(20):
            while seen.count(b"content_block_delta") < 4:  # each of the two is named twice
                seen += await process.stdout.receive_some()
            assert b"message_stop" not in seen
            release.set()
            async for data in process.stdout:
                seen += data
            assert await process.wait() == 0
        text = "".join(
            json.loads(line[6:])["delta"]["text"]
            for line in seen.decode().splitlines()
            if line.startswith("data: ") and "text_delta" in line
        )
        assert text == HELLO
        (row,) = await scene.rows()
        assert (row.outcome, row.stop_reason) == ("complete", "end_turn")
        assert row.first_byte_ms is not None
        assert row.first_byte_ms <= row.total_ms


async def test_a_stream_cut_in_the_middle_of_an_event_ends_with_an_error_of_curl(
    home: Path, tmp_path: Path
) -> None:
    broken = Dropped(after_events=6, answer=Answer(HELLO, interval=0.02))
    async with live(tmp_path, provider=FakeProvider(default=broken)) as scene:
        done = await curl(home, "-N", f"{scene.url}/v1/messages", "-d", STREAM)
        assert done.code == 18, done.talk  # "transfer closed with outstanding read data remaining"
        (row,) = await scene.rows()
        assert (row.outcome, row.status) == ("truncated", 200)


async def test_many_requests_share_one_connection(home: Path, tmp_path: Path) -> None:
    async with live(tmp_path) as scene:
        again = ["--next", "-s", f"{scene.url}/v1/messages", "-d", STREAM]
        done = await curl(home, f"{scene.url}/v1/messages", "-d", ASK, *again, *again)
        assert done.code == 0
        assert done.body.count(b"event: message_stop") == 2
        assert done.talk.count("Connected to") == 1
        rows = await scene.rows()
        assert [row.outcome for row in rows] == ["complete"] * 3
