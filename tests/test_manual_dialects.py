"""What ccflared-dialects(7) says is what becomes of requests and answers: each row of its tables is put to the code."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from ccflared.config.load import Loaded, load
from ccflared.config.quirks import Quirks
from ccflared.config.report import render_all
from ccflared.errors import ClientError
from ccflared.formats import translation
from ccflared.formats.chat import by_model
from ccflared.formats.chat.reasons import BREAKS, REASONS
from ccflared.formats.dialect import ClientDialect, dialect_of
from ccflared.formats.errors import _ANSWERS, read_error, write_error
from ccflared.formats.events import Failed
from ccflared.formats.messages import models
from ccflared.formats.messages import read_answer as messages_answer
from ccflared.formats.messages.write_thinking import _BUDGETS
from ccflared.formats.translation import Translation, UpstreamDialect, is_native
from ccflared.providers.presets import builtin

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "man" / "ccflared-dialects.7").read_text()
CLIENTS: Final[Mapping[str, ClientDialect]] = {
    "Messages": "anthropic",
    "Chat Completions": "chat",
    "Responses": "responses",
}
UPSTREAMS: Final[Mapping[str, UpstreamDialect]] = {"Messages": "anthropic", "Chat Completions": "openai-chat"}


def table(name: str) -> list[list[str]]:
    """Return the rows of a table of the page, its heading left out; columns are two blanks apart."""
    (text,) = re.findall(
        rf'^\.\\" begin {name}\n.*?\n(.*?)^\.\\" end {name}$', PAGE, re.MULTILINE | re.DOTALL
    )
    return [re.split(r"\s{2,}", row.strip()) for row in re.sub(r",\n +", ", ", text).splitlines()]


def whole(name: str) -> list[list[str]]:
    """Return the rows of a table without a heading."""
    (text,) = re.findall(rf'^\.\\" begin {name}\n(.*?)^\.\\" end {name}$', PAGE, re.MULTILINE | re.DOTALL)
    return [re.split(r"\s{2,}", row.strip()) for row in text.splitlines()]


def request(client: ClientDialect, model: str = "a-model", **fields: Any) -> dict[str, Any]:
    """Return the least that a client of a dialect can ask, and more."""
    words = [{"role": "user", "content": "Hello."}]
    least = {"input": words} if client == "responses" else {"messages": words}
    return {"model": model, **least, **({"max_tokens": 100} if client == "anthropic" else {}), **fields}


def put(
    client: ClientDialect, upstream: UpstreamDialect, body: Mapping[str, Any], quirks: Quirks | None = None
) -> dict[str, Any]:
    """Return a request as an upstream gets it."""
    read = translation.read(client, json.dumps(body).encode())
    written = translation.write(upstream, read, str(body["model"]), quirks or Quirks(), None)
    found: dict[str, Any] = json.loads(written.body)
    return found


def at(body: Any, path: str) -> Any:
    """Return what stands at a path of names."""
    for name in path.split("."):
        body = body[name]
    return body


# Paths


def test_who_is_passed_on_and_who_is_translated() -> None:
    rows = table("paths")
    assert [row[0] for row in rows] == list(CLIENTS)
    for name, path, *becomes in rows:
        assert dialect_of(path) == CLIENTS[name]
        told = ["passed on" if is_native(CLIENTS[name], each) else "translated" for each in translation.PATHS]
        assert becomes == told


# Requests

FUNCTION: Final = {
    "name": "look",
    "description": "Looks.",
    "parameters": {"type": "object", "properties": {}},
}
SCHEMA: Final = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
_TOOLS: Final[Mapping[str, Any]] = {
    "Messages": [{"name": "look", "input_schema": FUNCTION["parameters"]}],
    "Chat Completions": [{"type": "function", "function": FUNCTION}],
    "Responses": [{"type": "function", **FUNCTION}],
}
_THINKS: Final = {"Messages": "claude-opus-4-7", "Chat Completions": "gpt-5.1"}

# What a client writes to say a thing that the table has by its first column, in each dialect.
SAID: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "messages": {"Messages": {}, "Chat Completions": {}, "Responses": {}},
    "max_tokens": {
        "Messages": {"max_tokens": 50},
        "Chat Completions": {"max_completion_tokens": 50},
        "Responses": {"max_output_tokens": 50},
    },
    **{
        name: {client: {name: value} for client in CLIENTS}
        for name, value in {"temperature": 0.5, "top_p": 0.5, "stream": True}.items()
    },
    "top_k": {client: {"top_k": 5} for client in ("Messages", "Chat Completions")},
    "stop_sequences": {"Messages": {"stop_sequences": ["x"]}, "Chat Completions": {"stop": "x"}},
    "tools": {name: {"tools": tools} for name, tools in _TOOLS.items()},
    "tool_choice": {
        "Messages": {"tools": _TOOLS["Messages"], "tool_choice": {"type": "any"}},
        "Chat Completions": {"tools": _TOOLS["Chat Completions"], "tool_choice": "required"},
        "Responses": {"tools": _TOOLS["Responses"], "tool_choice": "required"},
    },
    "disable_parallel_tool_use": {
        "Messages": {
            "tools": _TOOLS["Messages"],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        },
        "Chat Completions": {"tools": _TOOLS["Chat Completions"], "parallel_tool_calls": False},
        "Responses": {"tools": _TOOLS["Responses"], "parallel_tool_calls": False},
    },
    "thinking.budget_tokens": {
        "Messages": {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        "Chat Completions": {"reasoning_effort": "low", "model": "claude-opus-4-5"},
    },
    "output_config.effort": {
        "Messages": {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
        "Chat Completions": {"reasoning_effort": "low"},
        "Responses": {"reasoning": {"effort": "low"}},
    },
    "output_config.format": {
        "Messages": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        "Chat Completions": {
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
        },
        "Responses": {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}},
    },
    "metadata.user_id": {
        "Messages": {"metadata": {"user_id": "somebody"}},
        "Chat Completions": {"user": "somebody"},
        "Responses": {"safety_identifier": "somebody"},
    },
}
# Where Anthropic's API has the field, and models that take it.
_STANDS: Final = {"disable_parallel_tool_use": "tool_choice.disable_parallel_tool_use"}
_SAMPLED: Final = {"Messages": "claude-opus-4", "Chat Completions": "gpt-4"}
_ASKED: Final = dict.fromkeys(("temperature", "top_p", "top_k", "max_tokens"), _SAMPLED)


@pytest.mark.parametrize("row", table("fields"), ids=[row[0] for row in table("fields")])
def test_a_field_becomes_the_one_beside_it(row: list[str]) -> None:
    fields = dict(zip(CLIENTS, row, strict=True))
    for client, said in SAID[row[0]].items():
        assert fields[client] != "-"
        for upstream, dialect in UPSTREAMS.items():
            if is_native(CLIENTS[client], dialect):
                continue
            model = said.get("model", _ASKED.get(row[0], _THINKS)[upstream])
            body = request(CLIENTS[client], **{"model": model, **said})
            written = put(CLIENTS[client], dialect, body, Quirks(allows=("top_k",)))
            assert at(written, _STANDS.get(fields[upstream], fields[upstream])) not in (None, [], {})
    silent = {client for client, field in fields.items() if field == "-"}
    assert silent == CLIENTS.keys() - SAID[row[0]].keys()


def test_the_choice_of_a_tool_is_told_as_the_table_has_it() -> None:
    for anthropic, openai in table("choices"):
        choice = {"type": anthropic, **({"name": "look"} if anthropic == "tool" else {})}
        body = request("anthropic", tools=_TOOLS["Messages"], tool_choice=choice)
        written = put("anthropic", "openai-chat", body)["tool_choice"]
        assert (written if isinstance(written, str) else written["type"]) == openai
        body = request("chat", model="claude-opus-4", tools=_TOOLS["Chat Completions"], tool_choice=written)
        assert put("chat", "anthropic", body)["tool_choice"] == choice


def test_efforts_are_budgets_and_budgets_are_efforts() -> None:
    rows = table("budgets")
    for said, effort, *_ in rows[:3]:
        budget = int(said.removeprefix("up to ")) if said != "more" else 16_385
        thinking = {"type": "enabled", "budget_tokens": budget}
        written = put("anthropic", "openai-chat", request("anthropic", model="gpt-5", thinking=thinking))
        assert written["reasoning_effort"] == effort
    pairs = {row[-2]: int(row[-1]) for row in rows}
    assert pairs == _BUDGETS
    for effort, budget in pairs.items():
        body = request(
            "chat", model="claude-opus-4-5", reasoning_effort=effort, max_completion_tokens=100_000
        )
        assert put("chat", "anthropic", body)["thinking"]["budget_tokens"] == budget


def test_the_words_for_efforts_are_those_that_models_are_told() -> None:
    assert [(glob, tuple(words.split())) for glob, words in whole("efforts")] == list(by_model._TAKES)


def test_claudes_models_take_what_the_table_says() -> None:
    ways = {"adaptive": "effort", "budget": "budget", "none": "-"}
    yes = {True: "yes", False: "no"}
    rows = [
        [family, f"{major}.{minor}", ways[of.thinking], of.off, of.sampling, yes[of.forced], yes[of.structured]]
        for family, versions in models._ROWS.items()
        for (major, minor), of in versions
    ]  # fmt: skip
    assert table("models") == rows


FILE: Final = [{"type": "file", "file": {"file_id": "file-1"}}]
REFUSED: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    ("Chat Completions", "n"): {"n": 2},
    ("Chat Completions", "modalities"): {"modalities": ["text", "audio"]},
    ("Chat Completions", "input_audio"): {
        "messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": ""}}]}]
    },
    ("Chat Completions", "file_id"): {"messages": [{"role": "user", "content": FILE}]},
    ("Responses", "previous_response_id"): {"previous_response_id": "resp_1"},
    ("Responses", "conversation"): {"conversation": "conv_1"},
    ("Responses", "prompt"): {"prompt": {"id": "pmpt_1"}},
    ("Responses", "background"): {"background": True},
    ("Responses", "item_reference"): {"input": [{"type": "item_reference", "id": "msg_1"}]},
    ("Responses", "input_audio"): {"input": [{"role": "user", "content": [{"type": "input_audio"}]}]},
    ("Responses", "file_id"): {
        "input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]
    },
    ("Messages", "stop_sequences"): {"stop_sequences": list("abcde")},
}


@pytest.mark.parametrize(("dialect", "field"), [(row[0], row[1]) for row in whole("refused")])
def test_what_cannot_be_had_is_refused(dialect: str, field: str) -> None:
    body = request(CLIENTS[dialect], **REFUSED[dialect, field])
    with pytest.raises(ClientError) as refusal:
        put(CLIENTS[dialect], "openai-chat" if dialect == "Messages" else "anthropic", body)
    assert refusal.value.status == 400
    # Of parts and items the error names the place.
    assert field in str(refusal.value) or {"input_audio", "item_reference"} & {field}


def test_everything_that_is_refused_stands_in_the_page() -> None:
    assert {(row[0], row[1]) for row in whole("refused")} == REFUSED.keys()


LEFT_OUT: Final[Mapping[str, Any]] = {
    "web_search_20250305": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    "web_search": {"tools": [{"type": "web_search"}]},
    "mcp_servers": {"mcp_servers": [{"type": "url", "url": "https://h.eu", "name": "h"}]},
    "container": {"container": "container_1"},
    "top_k": {"top_k": 5},
    "web_search_options": {"web_search_options": {"search_context_size": "low"}},
}


@pytest.mark.parametrize(("dialect", "field"), [(row[0], row[1]) for row in whole("left out")])
def test_what_is_left_out_is_said(dialect: str, field: str) -> None:
    upstream = UPSTREAMS["Chat Completions" if dialect == "Messages" else "Messages"]
    read = translation.read(
        CLIENTS[dialect], json.dumps(request(CLIENTS[dialect], **LEFT_OUT[field])).encode()
    )
    written = translation.write(upstream, read, "a-model", Quirks(), None)
    assert field in {word.removeprefix("tool ") for word in written.dropped}
    assert field.encode() not in written.body


PASSED_OVER: Final = [(dialect, name) for dialect, names in whole("passed over") for name in names.split()]


@pytest.mark.parametrize(("dialect", "field"), PASSED_OVER)
def test_what_is_passed_over_is_neither_sent_nor_spoken_of(dialect: str, field: str) -> None:
    client = CLIENTS[dialect]
    for upstream in UPSTREAMS.values():
        if not is_native(client, upstream):
            plain = put(client, upstream, request(client))
            values: list[Any] = ["auto", {"a": "b"}, 1, True]
            assert all(put(client, upstream, request(client, **{field: each})) == plain for each in values)


# Answers


def spelled(client: str, upstream: UpstreamDialect, answer: Mapping[str, Any]) -> dict[str, Any] | Failed:
    """Return an upstream's answer as a client gets it."""
    wanted = translation.read(CLIENTS[client], json.dumps(request(CLIENTS[client])).encode())
    way = Translation(CLIENTS[client], upstream, wanted, {}, "req_1", 0.0)
    events = way.reader().document(json.dumps(answer).encode())
    if isinstance(last := events[-1], Failed):
        return last
    found: dict[str, Any] = json.loads(way.whole(events))
    return found


def ended(response: dict[str, Any] | Failed) -> str:
    """Return why a response ended, as the page says it."""
    if isinstance(response, Failed):
        return "failed"
    details = response["incomplete_details"]
    assert response["status"] == ("incomplete" if details else "completed")
    return str(details["reason"] if details else response["status"])


def message(reason: str, *, calls: bool) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": "Hello."}]
    if calls:
        content.append({"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}})
    usage = {
        "input_tokens": 1,
        "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 300,
        "output_tokens": 5,
    }
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "content": content,
        "stop_reason": reason,
        "usage": usage,
    }


def completion(reason: str, *, calls: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "assistant", "content": "Hello."}
    if calls:
        said["tool_calls"] = [
            {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
        ]
    usage = {
        "prompt_tokens": 321,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 300},
    }
    return {"choices": [{"index": 0, "message": said, "finish_reason": reason}], "usage": usage}


@pytest.mark.parametrize(("reason", "finish", "response"), table("stops"))
def test_a_stop_reason_is_told_as_the_table_has_it(reason: str, finish: str, response: str) -> None:
    answer = message(reason, calls=reason == "tool_use")
    chat = spelled("Chat Completions", "anthropic", answer)
    assert isinstance(chat, dict)
    assert chat["choices"][0]["finish_reason"] == finish
    assert ended(spelled("Responses", "anthropic", answer)) == response


@pytest.mark.parametrize(("finish", "reason", "response"), table("finishes"))
def test_a_finish_reason_is_told_as_the_table_has_it(finish: str, reason: str, response: str) -> None:
    answer = completion(finish, calls=reason == "tool_use")
    told = spelled("Messages", "openai-chat", answer)
    assert (told["stop_reason"] if isinstance(told, dict) else "an error") == reason
    assert ended(spelled("Responses", "openai-chat", answer)) == response


def test_every_reason_that_the_code_knows_stands_in_the_tables() -> None:
    called = {"tool_calls", "function_call"}
    assert {row[0] for row in table("finishes")} == {*REASONS, *BREAKS, *called, "anything else"}
    assert {row[0] for row in table("stops")} == {*messages_answer._REASONS, "anything else"}


def test_a_called_tool_is_the_reason_whatever_the_server_says() -> None:
    told = spelled("Messages", "openai-chat", completion("stop", calls=True))
    assert isinstance(told, dict)
    assert told["stop_reason"] == "tool_use"


def test_usage_is_counted_as_the_clients_dialect_counts_it() -> None:
    told = spelled("Messages", "openai-chat", completion("stop", calls=False))
    assert isinstance(told, dict)
    names = [row[0] for row in table("usage")]
    assert [told["usage"][name] for name in names] == [1, 20, 300, 5]
    chat, response = (
        spelled(client, "anthropic", message("end_turn", calls=False))
        for client in ("Chat Completions", "Responses")
    )
    assert isinstance(chat, dict)
    assert isinstance(response, dict)
    cached, written = (row[1] for row in table("usage")[1:3])
    for usage, prompt in ((chat["usage"], "prompt_tokens"), (response["usage"], "input_tokens")):
        assert usage[prompt] == 321
        details = usage[f"{prompt}_details"]
        assert (details[cached], details[written]) == (20, 300)


def test_errors_are_told_as_the_table_has_them() -> None:
    rows = table("errors")
    # Of a 401 clients are never told.
    assert {int(row[0]) for row in rows} == {*_ANSWERS, 500} - {401}
    for upstream, anthropic, openai in rows:
        told = read_error(int(upstream), b'{"error": {"message": "No."}}')
        status, body = write_error("anthropic", told)
        assert anthropic == f"{status} {json.loads(body)['error']['type']}"
        for client in ("Chat Completions", "Responses"):
            status, body = write_error(CLIENTS[client], told)
            error = json.loads(body)["error"]
            assert openai == f"{status} {', '.join(filter(None, (error['type'], error['code'])))}"


def test_a_prompt_that_is_too_long_is_said_in_words_that_make_claude_code_compact() -> None:
    told = read_error(400, b'{"error": {"message": "Too much.", "code": "context_length_exceeded"}}')
    _, body = write_error("anthropic", told)
    assert "prompt is too long" in json.loads(body)["error"]["message"]
    assert "prompt is too long" in PAGE
    _, body = write_error("chat", told)
    assert json.loads(body)["error"]["code"] == "context_length_exceeded"


# What people copy

README: Final = (ROOT / "README.md").read_text().partition("\n## Every client on every account\n")[2]
SHOWN: Final = re.findall(r"^```toml\n(.*?)^```$", README.partition("\n## ")[0], re.MULTILINE | re.DOTALL)
DISPLAYED: Final = [
    block.replace("\\-", "-")
    for block in re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed$", PAGE, re.MULTILINE | re.DOTALL)
]


def test_the_readme_and_the_page_configure_codex_alike() -> None:
    in_readme, in_page = (
        [tomllib.loads(text) for text in texts if "[model_providers." in text] for texts in (SHOWN, DISPLAYED)
    )
    assert in_readme == in_page
    (codex,) = in_page
    provider = codex["model_providers"][codex["model_provider"]]
    assert provider["wire_api"] == "responses"
    assert f"{provider['base_url']}/responses" == "http://127.0.0.1:8080/v1/responses"


@pytest.mark.parametrize("text", [text for text in (*SHOWN, *DISPLAYED) if "[accounts." in text])
def test_accounts_that_are_shown_are_a_valid_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ccflare.toml"
    path.write_text(text)
    path.chmod(0o600)
    loaded = load(path, environ={"HOME": str(tmp_path)}, builtin=builtin())
    assert isinstance(loaded, Loaded), render_all(loaded.mistakes)
    assert loaded.warnings == ()


def test_the_readme_says_who_is_passed_on_as_the_page_does() -> None:
    rows = re.findall(r"^\| .* \| `(/v1/[a-z/]+)` \| ([a-z ]+) \| ([a-z ]+) \|$", README, re.MULTILINE)
    assert [list(row) for row in rows] == [row[1:] for row in table("paths")]
