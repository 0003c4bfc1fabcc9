"""HTTP/2 with programs from outside: node, the load generator of nghttp2, and the Anthropic SDK."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trio
from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient
from anthropic.types import RawMessageStreamEvent
from http2_peer import trusting
from stage import QUESTION, Stage
from test_http2_served import SPOKEN, secured

from ccflared.demo.script import Answer, Dropped

pytestmark = pytest.mark.acceptance

NODE = """
const http2 = require('node:http2'), fs = require('node:fs');
const [port, ca, question] = process.argv.slice(2);
const session = http2.connect(`https://localhost:${port}`, { ca: fs.readFileSync(ca) });
session.on('goaway', (code) => console.log(JSON.stringify({ goaway: code })));
const ask = () => new Promise((resolve) => {
  const stream = session.request({ ':method': 'POST', ':path': '/v1/messages', 'content-type': 'application/json' });
  let body = '', status = 0, failed = null;
  stream.on('response', (fields) => { status = fields[':status']; });
  stream.on('data', (data) => { body += data; });
  stream.on('error', (error) => { failed = error.code; });
  stream.on('close', () => resolve({ status, failed, whole: body.includes('message_stop'), code: stream.rstCode }));
  stream.end(question);
});
(async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, ask));
  console.log(JSON.stringify(answers));
  session.close();
})();
"""


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


async def node(stage: Stage, directory: Path) -> list[dict[str, Any]]:
    (directory / "client.js").write_text(NODE)
    question = json.dumps(QUESTION | {"stream": True, "system": "x" * 100_000})
    command = [program("node"), str(directory / "client.js"), str(stage.port), str(directory / "ca.pem")]
    with trio.fail_after(60):
        done = await trio.run_process([*command, question], capture_stdout=True, stdin=subprocess.DEVNULL)
    answers: list[dict[str, Any]] = json.loads(done.stdout.decode().splitlines()[-1])
    return answers


async def test_node_asks_twenty_times_at_once_and_can_tell_what_is_unfinished(tmp_path: Path) -> None:
    async with secured(tmp_path, names=["first"]) as stage:
        stage.provider.play("sk-first", then=SPOKEN)
        answers = await node(stage, tmp_path)
        assert answers == [{"status": 200, "failed": None, "whole": True, "code": 0}] * 20
        stage.provider.play("sk-first", then=Dropped(after_events=6, answer=SPOKEN))
        answers = await node(stage, tmp_path)
        begun = [answer for answer in answers if answer["status"] == 200]
        assert begun
        assert all(answer["failed"] and answer["code"] == 2 and not answer["whole"] for answer in begun)


async def test_h2load_gets_an_answer_to_everything(tmp_path: Path) -> None:
    async with secured(tmp_path) as stage:
        (tmp_path / "question.json").write_text(json.dumps(QUESTION | {"stream": True}))
        stage.provider.play("sk-first", then=Answer(events=20, interval=0.005))
        command = [program("h2load"), "-n600", "-c3", "-m100", "-H", "content-type: application/json"]
        url = f"https://127.0.0.1:{stage.port}/v1/messages"
        with trio.fail_after(120):
            done = await trio.run_process(
                [*command, "-d", str(tmp_path / "question.json"), url],
                capture_stdout=True,
                stdin=subprocess.DEVNULL,
            )
        assert "Application protocol: h2" in done.stdout.decode()
        assert "600 succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout.decode()
        assert {row.outcome for row in await stage.rows()} == {"complete"}


async def test_the_anthropic_sdk_streams_and_sees_a_break(tmp_path: Path) -> None:
    async with secured(tmp_path, names=["first"]) as stage:
        over_http2 = DefaultAsyncHttpxClient(http2=True, verify=trusting(), trust_env=False)
        address = f"https://localhost:{stage.port}"
        async with AsyncAnthropic(
            api_key="x", base_url=address, http_client=over_http2, max_retries=0
        ) as client:
            question: dict[str, Any] = QUESTION | {"model": "claude-sonnet-5"}
            response = await client.messages.with_raw_response.create(**question)
            assert response.http_response.http_version == "HTTP/2"
            events: list[RawMessageStreamEvent] = []
            async with await client.messages.create(**question, stream=True) as stream:
                events += [event async for event in stream]
            assert events[-1].type == "message_stop"
            stage.provider.play("sk-first", Dropped(after_events=6, answer=SPOKEN))
            with pytest.raises(Exception, match=r"StreamReset|stream"):  # noqa: PT012 - it begins well
                async with await client.messages.create(**question, stream=True) as stream:
                    async for _ in stream:
                        pass
