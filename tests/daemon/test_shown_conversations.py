"""``GET /api/requests/{id}/conversation``: what was said in a request, where its payload is kept."""

import json
from pathlib import Path
from typing import Any

import pytest
from dialects import (
    PATHS,
    QUESTIONS,
    Client,
    Upstream,
    ask,
    before,
    each_client,
    each_upstream,
    streaming_or_not,
)
from rest import call, told
from stage import staged
from test_rest_schemas import check

from ccflared.api.conversation_calls import without_secrets
from ccflared.api.openapi import described
from ccflared.api.routes import ROUTES
from ccflared.demo.script import Failing
from ccflared.formats.redaction import Redaction
from ccflared.formats.transcript.answered import Answer
from ccflared.formats.transcript.telling import Asked, conversation

KEPT = 'keep_payloads = "1d"'


@each_client
@each_upstream
@streaming_or_not
async def test_a_conversation_is_told_alike_in_every_dialect(
    tmp_path: Path, client: Client, upstream: Upstream, *, stream: bool
) -> None:
    async with before(tmp_path, upstream, storage=KEPT) as stage:
        await ask(stage, client, stream=stream)
        (row,) = await stage.rows()
        answer = await call(stage, "GET", f"/api/requests/{row.id}/conversation")
        check(described(ROUTES), "GET", "/api/requests/{id}/conversation", answer)
        found: dict[str, Any] = answer.json()
        assert found["id"] == row.id
        assert found["dialect"] == {"messages": "anthropic"}.get(client, client)
        assert found["model"] == QUESTIONS[client]["model"]
        (message,) = found["messages"]
        assert message == {"role": "user", "parts": [{"kind": "text", "text": "Say hello."}]}
        said = found["answer"]
        assert any(part["kind"] == "text" and part["text"] for part in said["parts"])
        assert (said["whole"], said["streamed"], said["error"]) == (True, stream, None)
        assert said["usage"]["output"] == row.tokens.output
        assert (found["truncated"], found["notes"]) == (False, [])


async def test_why_a_conversation_is_not_told(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.ask()
        (row,) = await stage.rows()
        answer = await call(stage, "GET", f"/api/requests/{row.id}/conversation")
        assert answer.status_code == 404
        assert told(answer) == 'No payload of this request is kept: [storage] keep_payloads = "off".'
        answer = await call(stage, "GET", "/api/requests/req_none/conversation")
        assert answer.status_code == 404
        assert told(answer) == "There is no request req_none."


async def test_a_refusal_is_told_with_what_was_asked(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], storage=KEPT) as stage:
        stage.provider.play("sk-first", Failing(400, message="tools.3: not so"))
        await stage.ask()
        (row,) = await stage.rows()
        found = (await call(stage, "GET", f"/api/requests/{row.id}/conversation")).json()
        assert found["messages"]
        assert found["answer"]["error"] == {"kind": "invalid_request_error", "message": "tools.3: not so"}


async def test_of_a_request_that_is_too_large_there_is_its_beginning(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], storage=KEPT) as stage:
        messages = [
            {
                "role": "user" if number % 2 == 0 else "assistant",
                "content": f"{number} " + "\u00e9\n" * 60_000,
            }
            for number in range(31)
        ]
        body = json.dumps({"model": "claude-sonnet-4-5", "max_tokens": 10, "messages": messages})
        answer = await stage.client.post(
            stage.url + PATHS["messages"], content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 200
        (row,) = await stage.rows()
        answer = await call(stage, "GET", f"/api/requests/{row.id}/conversation")
        found = answer.json()
        assert found["truncated"]
        assert found["notes"][0].startswith("Not all of the request is kept")
        assert found["messages"][0]["parts"][0]["text"].startswith("0 ")
        assert len(answer.content) < 5_000_000


@pytest.mark.parametrize("body", [b"", b"no JSON", b'{"messages": [{"role": "user", "content": "half'])
async def test_what_is_no_request_has_a_conversation_as_well(tmp_path: Path, body: bytes) -> None:
    async with staged(tmp_path, ["first"], storage=KEPT) as stage:
        await stage.client.post(stage.url + PATHS["messages"], content=body)
        (row,) = await stage.rows()
        answer = await call(stage, "GET", f"/api/requests/{row.id}/conversation")
        assert answer.status_code == 200, answer.text
        assert answer.json()["answer"]["error"]["message"]
        assert "half" not in answer.text or answer.json()["messages"][0]["parts"][0]["text"] == "half"


async def test_requests_are_listed_up_to_a_time_or_by_their_id(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], storage=KEPT) as stage:
        for _ in range(3):
            await stage.ask()
        rows = (await call(stage, "GET", "/api/requests")).json()
        await stage.running.house.payloads.caught_up()
        until = rows[0]["at"]
        for more in ("", "&search=hello", "&status=success"):
            found = (await call(stage, "GET", f"/api/requests?until={until!r}{more}")).json()
            assert [row["id"] for row in found] == [row["id"] for row in rows[1:]]
        found = (await call(stage, "GET", f"/api/requests?id={rows[1]['id']}")).json()
        assert [row["id"] for row in found] == [rows[1]["id"]]
        assert (await call(stage, "GET", "/api/requests?id=req_none")).json() == []
        middle = f"/api/requests?until={until!r}&since={rows[1]['at']!r}"
        assert [row["id"] for row in (await call(stage, "GET", middle)).json()] == [rows[1]["id"]]


async def test_a_request_tells_what_each_kind_of_tokens_cost(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        await stage.ask()
        await stage.ask(model="a-model-of-unknown-price")
        priced, unpriced = await stage.rows()
        row = (await call(stage, "GET", f"/api/requests/{priced.id}")).json()
        assert sum(row["costByKind"].values()) == pytest.approx(row["costUsd"], abs=1e-6)
        assert row["costByKind"]["output"] > 0
        row = (await call(stage, "GET", f"/api/requests/{unpriced.id}")).json()
        assert (row["costUsd"], row["costByKind"]) == (None, None)


def test_a_secret_that_comes_in_pieces_between_others_is_not_put_together() -> None:
    pieces = ["it is sk-an", "t-api03-AbC", "dEfGhIjKlMn"]
    events = [
        {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}
        for piece in pieces
        for index, text in ((0, piece), (1, "meanwhile "))
    ]
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    kept, _ = Redaction([]).cleaned(body, len(body), stream=True)
    found = conversation("anthropic", Asked(b"{}", False), Answer(kept, 200, False, True))
    shown = without_secrets(found, Redaction([]))
    assert [part["text"] for part in shown["answer"]["parts"]] == ["it is [secret]", "meanwhile " * 3]
    assert json.loads(json.dumps(shown)).keys() == found.keys()
