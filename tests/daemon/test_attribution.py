"""Which project and which conversation a request is booked to, as its row tells. Over real sockets."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from stage import QUESTION, Stage, staged

from ccflared.daemon.projects import Projects
from ccflared.wire import Entry

DATA = Path(__file__).parent.parent / "formats" / "data"
CLAUDE: dict[str, Any] = json.loads((DATA / "claude_code_request.json").read_text()) | {"stream": False}
CODEX: dict[str, Any] = json.loads((DATA / "codex_request.json").read_text()) | {"stream": False}
SESSION = {"x-claude-code-session-id": "5b3c1a52-0000-4000-8000-000000000001"}
AGENT = SESSION | {"x-claude-code-agent-id": "agent-1"}
TITLE = QUESTION | {"messages": [{"role": "user", "content": "Give this a title."}]}


async def send(stage: Stage, body: dict[str, Any], path: str = "/v1/messages", **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer: httpx.Response = await stage.client.post(stage.url + path, json=body, headers=named)
    assert answer.status_code == 200, answer.text


async def last(stage: Stage) -> Entry:
    return (await stage.rows())[-1]


def booked(row: Entry) -> tuple[str | None, str | None]:
    return row.project, row.project_source


async def test_claude_codes_project_is_its_directory_and_its_conversation_its_session(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await send(stage, CLAUDE, **SESSION)
        row = await last(stage)
        assert booked(row) == ("work", "workspace")
        assert row.conversation == f"claude-code:{SESSION['x-claude-code-session-id']}"


async def test_a_session_that_only_the_metadata_tell_is_the_same(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        user = {"device_id": "d" * 64, "account_uuid": "", "session_id": "the-session"}
        await send(stage, CLAUDE | {"metadata": {"user_id": json.dumps(user)}})
        await send(stage, TITLE, x_claude_code_session_id="the-session")
        first, second = await stage.rows()
        assert first.conversation == second.conversation == "claude-code:the-session"
        assert booked(first) == booked(second) == ("work", "workspace")


async def test_sub_agents_and_requests_made_besides_follow_their_conversation(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await send(stage, TITLE, **SESSION)
        assert booked(await last(stage)) == (None, None)
        await send(stage, CLAUDE, **SESSION)
        for headers in (SESSION, AGENT):
            await send(stage, TITLE, **headers)
            row = await last(stage)
            assert booked(row) == ("work", "workspace")
            assert row.conversation == f"claude-code:{SESSION['x-claude-code-session-id']}"


async def test_codexs_project_is_its_directory_and_its_conversation_its_session(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await send(stage, CODEX, "/v1/responses", session_id="0199-codex")
        row = await last(stage)
        assert booked(row) == ("work", "workspace")
        assert row.conversation == "session:0199-codex"


@pytest.mark.parametrize("name", ["x_ccflared_project", "x_better_ccflare_project"])
async def test_the_header_wins_and_never_goes_upstream(tmp_path: Path, name: str) -> None:
    async with staged(tmp_path) as stage:
        await send(stage, CLAUDE, **SESSION, **{name: "shop"})
        row = await last(stage)
        assert booked(row) == ("shop", "header")
        (seen,) = stage.provider.seen
        assert not [key for key, _ in seen.headers if b"project" in key.lower()]
        # It is the word for this request alone.
        await send(stage, TITLE, **SESSION)
        assert booked(await last(stage)) == ("work", "workspace")


async def test_ccflareds_own_header_counts_before_that_of_scripts_for_another_program(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await send(stage, QUESTION, x_better_ccflare_project="theirs", x_ccflared_project="ours")
        assert booked(await last(stage)) == ("ours", "header")


async def test_a_refused_request_has_its_project_too(tmp_path: Path) -> None:
    async with staged(tmp_path, ()) as stage:
        answer = await stage.client.post(
            stage.url + "/v1/messages", content=b"no json", headers={"x-ccflared-project": "shop"}
        )
        assert answer.status_code == 400
        assert booked(await last(stage)) == ("shop", "header")


async def test_the_directory_counts_only_where_the_file_lets_it(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        whole = stage.config.read_text()
        stage.edit(whole.replace("[storage]\n", '[storage]\nprojects = "header"\n'))
        assert (await stage.running.reloads.reload("command")).applied
        await send(stage, CLAUDE, **SESSION)
        assert booked(await last(stage)) == (None, None)
        await send(stage, CLAUDE, **SESSION, x_ccflared_project="shop")
        assert booked(await last(stage)) == ("shop", "header")


async def test_an_empty_header_names_nothing_and_a_long_one_is_cut(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await send(stage, QUESTION, x_ccflared_project="")
        assert booked(await last(stage)) == (None, None)
        await send(stage, QUESTION, x_ccflared_project="a" * 500)
        assert booked(await last(stage)) == ("a" * 200, "header")


def test_conversations_that_are_remembered_are_bounded_and_each_clients_own() -> None:
    projects, body = Projects(), json.dumps(CLAUDE).encode()
    assert projects.of(body, "laptop", "claude-code:1") == "work"
    assert projects.of(b"{}", "laptop", "claude-code:1") == "work"
    assert projects.of(b"{}", "desk", "claude-code:1") is None
    for number in range(5000):
        projects.of(b"{}", "laptop", f"claude-code:other-{number}")
    assert len(projects._known) <= 4096
    assert projects.of(b"{}", "laptop", "claude-code:1") is None


def test_a_conversation_that_tells_no_directory_is_not_looked_at_for_ever() -> None:
    projects, body = Projects(), json.dumps(CLAUDE).encode()
    for _ in range(4):
        assert projects.of(b"{}", None, "session:1") is None
    assert projects.of(body, None, "session:1") is None
    assert projects.of(body, None, "user:somebody") is None
    assert projects.of(body, None, None) is None
