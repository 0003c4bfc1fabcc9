"""What the fake provider refuses of Messages requests when it is told to be strict."""

import json
from pathlib import Path
from typing import Any, get_type_hints

import httpx
import pytest
import trio
from anthropic.types.beta.message_create_params import MessageCreateParamsBase
from hypothesis import given
from hypothesis import strategies as st

from ccflared.demo import strict, strict_messages
from ccflared.demo.asked import Asked, read
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer, Call, Steps, calling
from ccflared.demo.stream import signature

DATA = Path(__file__).parent.parent / "formats" / "data"
OLD = "claude-sonnet-4-5"
MIDDLE = "claude-opus-4-6"
NEW = "claude-opus-5-5"
USER = {"role": "user", "content": "hi"}
ASK: dict[str, Any] = {"model": NEW, "max_tokens": 2000, "messages": [USER]}
EDIT = {"name": "edit", "input_schema": {"type": "object"}}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "edit", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}
TEXT = {"type": "text", "text": "x"}
MARKED = TEXT | {"cache_control": {"type": "ephemeral"}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": signature("me", "hm")}
BUDGET = {"type": "enabled", "budget_tokens": 1024}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def fault(more: dict[str, Any]) -> str | None:
    found = strict.fault_in(json.dumps(ASK | more).encode(), "me")
    return None if found is None else found.message


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"store": True}, "store: Extra inputs are not permitted"),
        ({"metadata": {"user": "x"}}, "metadata.user: Extra inputs"),
        ({"max_tokens": 0}, "max_tokens: Input should be greater"),
        ({"model": OLD, "temperature": 1.5}, "temperature: Input should be less than or equal to 1"),
        ({"stop_sequences": ["\n"]}, "stop_sequences: each stop sequence must contain non-whitespace"),
        ({"output_config": {"effort": "minimal"}}, "output_config.effort: Input should be"),
        ({"system": [{"type": "text", "text": ""}]}, "system: text content blocks must be non-empty"),
        ({"system": [MARKED] * 2, "messages": [user(*[MARKED] * 3)]}, "A maximum of 4 blocks with cache_control may be provided. Found 5."),
        ({"messages": [assistant(TEXT), USER]}, 'messages: first message must use the "user" role'),
        ({"messages": [USER | {"name": "x"}]}, "messages.0.name: Extra inputs"),
        ({"messages": [USER, {"role": "system", "content": ""}]}, "messages.1: all messages must have non-empty content"),
        ({"messages": [USER | {"output_config": {}}]}, "messages.0.output_config: Extra inputs"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role: Input should be 'user'"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0: all messages must have non-empty content"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages: text content blocks must contain non-whitespace"),
        ({"messages": [user(TEXT, {"type": "text", "text": ""})]}, "messages: text content blocks must be non-empty"),
        ({"messages": [user(TEXT | {"annotations": []})]}, "messages.0.content.0.text.annotations: Extra inputs"),
        ({"messages": [user({"type": "image_url"})]}, "messages.0.content.0: Input tag 'image_url'"),
        ({"messages": [user({"type": "image", "source": {"type": "base64", "media_type": "image/tiff", "data": "AA=="}})]}, "messages.0.content.0.image.source.base64.media_type"),
        ({"messages": [user({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "data:x"}})]}, "messages.0.content.0.image.source.base64: invalid"),
        ({"messages": [USER, assistant(CALL)]}, "messages.1: `tool_use` ids were found without"),
        ({"messages": [USER, assistant(CALL), user(TEXT, RESULT)]}, "messages.1: `tool_use` ids were found without"),
        ({"messages": [USER, assistant(CALL), USER, assistant(TEXT), user(RESULT)]}, "messages.1: `tool_use` ids were found"),
        ({"messages": [USER, assistant(CALL, CALL), user(RESULT)]}, "messages: `tool_use` ids must be unique"),
        ({"messages": [USER, assistant(CALL), user(RESULT, RESULT)]}, "messages.2.content: each tool_use must have a single result"),
        ({"messages": [user(RESULT)]}, "messages.0.content.0: unexpected `tool_use_id`"),
        ({"messages": [USER, assistant(CALL | {"id": "functions.x:0"}), USER]}, "messages.1.content.0.tool_use.id: String should match"),
        ({"messages": [USER, assistant(CALL | {"input": "{}"}), user(RESULT)]}, "messages.1.content.0.tool_use.input"),
        ({"messages": [USER, assistant(CALL), user(RESULT | {"is_error": True, "content": [{"type": "image", "source": {"type": "url", "url": "https://x"}}]})]}, "messages.2.content.0.tool_result: all content must be type"),
        ({"messages": [USER, assistant(THOUGHT | {"signature": ""}, TEXT), USER]}, "messages.1.content.0: Invalid `signature` in `thinking` block"),
        ({"messages": [USER, assistant({"type": "thinking", "thinking": "hm"}, TEXT), USER]}, "messages.1.content.0.thinking.signature: Field required"),
        ({"messages": [USER, assistant({"type": "redacted_thinking", "data": "x"}), USER]}, "messages.1.content.0: Invalid `data`"),
        ({"messages": [USER, assistant(TEXT)]}, "This model does not support assistant message prefill."),
        ({"model": OLD, "messages": [USER, assistant(TEXT | {"text": "x "})]}, "messages: final assistant content cannot end"),
        ({"tools": [EDIT, EDIT]}, "tools: Tool names must be unique."),
        ({"tools": [EDIT | {"parameters": {}}]}, "tools.0.custom.parameters: Extra inputs"),
        ({"tools": [EDIT | {"strict": None}]}, "tools.0.custom.strict: Input should be a valid boolean"),
        ({"tools": [EDIT | {"name": "a.b"}]}, "tools.0.custom.name: String should match"),
        ({"tools": [EDIT | {"input_schema": {}}]}, "tools.0.custom.input_schema.type: Field required"),
        ({"tools": [EDIT | {"input_schema": {"type": "object", "anyOf": []}}]}, "tools.0.custom.input_schema: input_schema does not"),
        ({"tool_choice": {"type": "auto"}}, "tool_choice: may only be specified while providing `tools`."),
        ({"tools": [EDIT], "tool_choice": "auto"}, "tool_choice: Input should be an object"),
        ({"tools": [EDIT], "tool_choice": {"type": "required"}}, "tool_choice: Input tag"),
        ({"tools": [EDIT], "tool_choice": {"type": "tool", "name": "x"}}, "Tool 'x' not found in provided tools"),
        ({"tools": [EDIT], "tool_choice": {"type": "none", "disable_parallel_tool_use": True}}, "tool_choice.none.disable_parallel"),
        ({"model": OLD, "thinking": BUDGET | {"budget_tokens": 100}}, "thinking.enabled.budget_tokens: Input should be greater"),
        ({"model": OLD, "thinking": BUDGET, "max_tokens": 1024}, "`max_tokens` must be greater than `thinking.budget_tokens`."),
        ({"model": OLD, "thinking": BUDGET, "temperature": 0}, "`temperature` may only be set to 1"),
        ({"model": OLD, "thinking": BUDGET, "top_p": 0.5}, "`top_p` must be greater"),
        ({"model": OLD, "thinking": BUDGET, "top_k": 5}, "`top_k` must be unset"),
        ({"model": OLD, "thinking": BUDGET, "tools": [EDIT], "tool_choice": {"type": "any"}}, "Thinking may not be enabled when tool_choice forces"),
        ({"model": OLD, "thinking": BUDGET, "messages": [USER, assistant(CALL), user(RESULT)]}, "messages.1.content.0.type: Expected `thinking`"),
        ({"model": OLD, "thinking": {"type": "adaptive"}}, "adaptive thinking is not supported on this model"),
        ({"thinking": BUDGET}, '"thinking.type.enabled" is not supported for this model.'),
        ({"thinking": {"type": "disabled"}}, '"thinking.type.disabled" is not supported for this model.'),
        ({"temperature": 0.5}, "`temperature` is deprecated for this model."),
        ({"top_k": 5}, "`top_k` is deprecated for this model."),
        ({"model": OLD, "temperature": 0.5, "top_p": 0.5}, "`temperature` and `top_p` cannot both be specified"),
    ],
)  # fmt: skip
def test_what_is_refused_and_how(more: dict[str, Any], message: str) -> None:
    assert (fault(more) or "").startswith(message)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"system": "", "stop_sequences": ["x"], "metadata": {"user_id": "u"}, "stream": True},
        {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "max"}},
        {"thinking": {"type": "adaptive"}, "tools": [EDIT], "tool_choice": {"type": "any"}},
        {"model": MIDDLE, "thinking": BUDGET, "temperature": 1},
        {"model": "glm-5", "temperature": 0.5, "top_p": 0.5, "thinking": {"type": "disabled"}},
        {"messages": [USER, assistant(THOUGHT, TEXT, CALL), user(RESULT, TEXT)]},
        {"messages": [USER, assistant(CALL), user(RESULT), USER], "model": OLD},
        {"messages": [USER, assistant(CALL), assistant(CALL | {"id": "2"}), user(RESULT | {"tool_use_id": "2"}), user(RESULT)]},
        {"messages": [USER, {"role": "system", "content": "x"}, assistant(TEXT), USER]},
        {"messages": [USER, {"role": "system", "content": [MARKED], "output_config": {"effort": "low"}}]},
        {"messages": [USER, {"role": "system", "output_config": {"effort": "low"}}, assistant(TEXT), USER]},
        {"messages": [USER, assistant(TEXT)], "model": OLD},
        {"model": OLD, "thinking": BUDGET, "messages": [USER, assistant(CALL), user(RESULT), assistant(TEXT), USER]},
        {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 1}]},
        {"system": [MARKED] * 2, "messages": [user(*[MARKED] * 2)]},
    ],
)  # fmt: skip
def test_what_is_right(more: dict[str, Any]) -> None:
    assert fault(more) is None


@pytest.mark.parametrize(
    ("model", "of"),
    [
        ("claude-opus-5-5", (5, 5)),
        ("claude-sonnet-4-5-20250929", (4, 5)),
        ("claude-sonnet-4-20250514", (4, 0)),
        ("claude-3-5-haiku-20241022", (3, 5)),
        ("claude-fable-5", (5, 0)),
        ("gpt-5.5", None),
    ],
)
def test_the_generation_of_a_model_is_in_its_name(model: str, of: tuple[int, int] | None) -> None:
    assert strict.generation(model) == of


def test_marks_in_tool_results_count_and_properties_of_that_name_do_not() -> None:
    schema = {"type": "object", "properties": {"cache_control": {"type": "string"}}}
    asked = {
        "tools": [EDIT | {"input_schema": schema}],
        "messages": [user(RESULT | {"content": [MARKED]}), assistant(CALL | {"input": {"cache_control": 1}})],
    }
    assert strict_messages.marks(asked) == 1


def test_all_that_is_accepted_is_a_parameter_of_the_official_sdk_or_sent_by_claude_code() -> None:
    known = get_type_hints(MessageCreateParamsBase).keys()
    # The newest SDK leaves out what the newest models refuse.
    older = {"temperature", "top_p", "top_k", "output_format"}
    assert known | older | {"stream", "safeguards"} >= strict.REQUEST


async def test_a_provider_knows_its_own_thoughts_again_and_no_others() -> None:
    steps = Steps((calling(Call("edit", {}), thinking=True), Answer("Done.")))
    providers = [FakeProvider(default=steps, strict=True, seed=seed) for seed in (1, 2)]
    async with trio.open_nursery() as nursery:
        ports = [await nursery.start(provider.serve) for provider in providers]
        async with httpx.AsyncClient(headers={"anthropic-version": "2023-06-01", "x-api-key": "k"}) as client:

            async def ask(port: int, messages: list[Any]) -> httpx.Response:
                body = ASK | {"tools": [EDIT], "messages": messages}
                return await client.post(f"http://127.0.0.1:{port}/v1/messages", json=body)

            said = (await ask(ports[0], [USER])).json()["content"]
            assert [block["type"] for block in said] == ["thinking", "tool_use"]
            history = [USER, assistant(*said), user(RESULT | {"tool_use_id": said[1]["id"]})]
            own, other = [await ask(port, history) for port in ports]
            without = await ask(ports[1], [USER, assistant(said[1]), history[2]])
        nursery.cancel_scope.cancel()
    assert own.json()["content"] == [{"type": "text", "text": "Done."}]
    assert (other.status_code, without.status_code) == (400, 200)
    assert other.json()["error"]["message"] == "messages.1.content.0: Invalid `signature` in `thinking` block"


def test_what_claude_code_really_sends_is_right() -> None:
    assert strict.fault_in((DATA / "claude_code_request.json").read_bytes(), "0") is None


async def test_who_is_not_told_to_be_strict_is_not() -> None:
    blank = [{"role": "user", "content": ""}]
    async with trio.open_nursery() as nursery:
        codes = []
        for strictly in (False, True):
            port = await nursery.start(FakeProvider(strict=strictly, open_to_all=True).serve)
            async with httpx.AsyncClient(headers={"anthropic-version": "2023-06-01"}) as client:
                answer = await client.post(
                    f"http://127.0.0.1:{port}/v1/messages", json=ASK | {"messages": blank}
                )
                codes.append(answer.status_code)
        nursery.cancel_scope.cancel()
    assert codes == [200, 400]


WORDS = (
    *("role", "content", "type", "text", "source", "tool_use", "tool_result", "id", "name", "input"),
    "x",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["user", "assistant", *WORDS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(strict.REQUEST)), JSON, max_size=5))
def test_no_request_is_more_than_it_can_bear(more: dict[str, Any]) -> None:
    body = json.dumps(ASK | more).encode()
    if isinstance(read(body), Asked):
        strict.fault_in(body, "me")
