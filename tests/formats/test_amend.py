"""What is tried once more after a refusal: by the words of real servers, and never for anything else."""

import json
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccflared.formats.amend import Amended, amendment

THINKING = {"type": "thinking", "thinking": "hm", "signature": "s"}
CALL = {"type": "tool_use", "id": "t1", "name": "read", "input": {}}
MESSAGES = [
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": [THINKING, CALL]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]},
]
REQUEST = json.dumps({"model": "m", "messages": MESSAGES, "thinking": {"type": "adaptive"}}).encode()


def error(message: Any, **more: Any) -> bytes:
    return json.dumps(
        {"type": "error", "error": {"type": "invalid_request_error", "message": message, **more}}
    ).encode()


SIGNED = [
    "messages.1.content.0: Invalid `signature` in `thinking` block",
    "messages.3.content.0: Invalid signature in thinking block",
    "ValidationException: ***.***.content.0: Invalid `signature` in `thinking` block (request id: 1)",
    ("messages.5.content.28: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. "
    "These blocks must remain as they were in the original response."),
    "messages.1.content.0.thinking.signature: Field required",
    "messages.1.content.0.thinking.signature: Input should be a valid string",
    "messages.1.content.0.thinking.signature: Extra inputs are not permitted",
    "Invalid thought signature.",
    "Corrupted thought signature.",
    "The thinking signature is not valid for this model",
    "thinking block signature verification failed",
    ("messages.1.content.0: When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`. "
    "To use thinking blocks, enable `thinking` in your request."),
    "messages.1.content.0: Input tag 'redacted_thinking' found using 'type' does not match any of the expected tags: 'text', 'image'",
    "unsupported content block type: thinking",
]  # fmt: skip


@pytest.mark.parametrize("message", SIGNED)
@pytest.mark.parametrize("translated", [True, False])
def test_a_complaint_about_signatures_is_met_without_thinking(message: str, translated: bool) -> None:
    amended = amendment(400, error(message), "anthropic", REQUEST, translated=translated)
    assert amended is not None
    assert amended.reason == "without thinking of another provider"
    assert b"signature" not in amended.body
    assert json.loads(amended.body)["messages"][1]["content"] == [CALL]


@pytest.mark.parametrize(
    "raw",
    [
        # A gateway's own error, and that of its upstream within
        json.dumps({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": error(SIGNED[0]).decode()}}).encode(),
        json.dumps({"type": "error", "error": {"type": "request_fail", "upstream_error": json.loads(error(SIGNED[0]))}}).encode(),
        json.dumps({"detail": [{"msg": SIGNED[0]}]}).encode(),
        json.dumps(SIGNED[0]).encode(),
        SIGNED[0].encode(),
        b'event: error\ndata: {"error": "Invalid `signature` in `thinking` block',
    ],
)  # fmt: skip
def test_the_words_are_found_wherever_they_stand_in_an_error(raw: bytes) -> None:
    assert amendment(400, raw, "anthropic", REQUEST) is not None


MISSING = [
    ("messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a "
    "final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."),
    "....type: Expected thinking or redacted_thinking, but found text.",
    "The `content[].thinking` in the thinking mode must be passed back to the API.",
]  # fmt: skip


@pytest.mark.parametrize("message", MISSING)
def test_where_thoughts_are_missing_thinking_is_switched_off(message: str) -> None:
    messages = [MESSAGES[0], {"role": "assistant", "content": [CALL]}, MESSAGES[2]]
    thinking = {"type": "enabled", "budget_tokens": 2048}
    body = json.dumps({"thinking": thinking, "messages": messages}).encode()
    amended = amendment(400, error(message), "anthropic", body)
    assert amended is not None
    assert amended.reason == "with thinking switched off"
    assert json.loads(amended.body) == {"thinking": {"type": "disabled"}, "messages": messages}
    assert amendment(400, error(message), "anthropic", amended.body) is None


@pytest.mark.parametrize(
    ("status", "message", "dialect", "body"),
    [
        (500, SIGNED[0], "anthropic", REQUEST),
        (401, "Invalid signature", "anthropic", REQUEST),
        (400, SIGNED[0], "anthropic", b'{"messages":[]}'),
        (400, SIGNED[0], "openai-chat", REQUEST),
        (400, SIGNED[0], "bedrock", REQUEST),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", "anthropic", REQUEST),
        (400, "messages: text content blocks must be non-empty", "anthropic", REQUEST),
        (400, "max_tokens must be greater than thinking.budget_tokens", "anthropic", REQUEST),
        (400, "tools.0.custom.input_schema: Field required", "anthropic", REQUEST),
    ],
)
def test_other_refusals_of_that_dialect_stand(status: int, message: str, dialect: str, body: bytes) -> None:
    assert amendment(status, error(message), dialect, body) is None


CHAT: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "hello", "name": "user"}],
    "max_tokens": 32000,
    "stream": True,
    "stream_options": {"include_usage": True},
    "parallel_tool_calls": False,
    "reasoning_effort": "high",
    "temperature": 0.2,
    "top_p": 0.9,
    "prompt_cache_key": "k",
    "user": "u",
    "response_format": {"type": "json_object"},
    "stop": ["x"],
}


def tried(raw: bytes, status: int = 400, **other: Any) -> Amended | None:
    body = json.dumps(CHAT | other, separators=(",", ":")).encode()
    return amendment(status, raw, "openai-chat", body, translated=True)


def detail(*fields: str) -> bytes:
    listed = [
        {"type": "extra_forbidden", "loc": ["body", f], "msg": "Extra inputs are not permitted"}
        for f in fields
    ]
    return json.dumps(
        {"object": "error", "message": {"detail": listed}, "type": "invalid_request_error"}
    ).encode()


REFUSED = [
    # OpenAI, Azure
    (error("Unsupported parameter: 'parallel_tool_calls' is not supported with this model.", param="parallel_tool_calls", code="unsupported_parameter"), ["parallel_tool_calls"]),
    (error("Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.", param="temperature", code="unsupported_value"), ["temperature"]),
    (error("Unsupported parameter: 'top_p' is not supported with this model.", param=None, code=None), ["top_p"]),
    (error("Unrecognized request argument supplied: reasoning_effort"), ["reasoning_effort"]),
    (error("Unrecognized request arguments supplied: parallel_tool_calls, user"), ["parallel_tool_calls", "user"]),
    (error("Unknown parameter: 'prompt_cache_key'.", param="prompt_cache_key", code="unknown_parameter"), ["prompt_cache_key"]),
    # Groq
    (error("property 'reasoning_effort' is unsupported, did you mean 'reasoning_format'?"), ["reasoning_effort"]),
    (error("`reasoning_effort` is not supported with this model"), ["reasoning_effort"]),
    (error("`reasoning_effort` must be one of `none` or `default`"), ["reasoning_effort"]),
    (error("'reasoning_effort' : value is not one of the allowed values ['none', 'default']"), ["reasoning_effort"]),
    # xAI
    (b'{"code":"Client specified an invalid argument","error":"Model grok-4-latest does not support parameter reasoningEffort."}', ["reasoning_effort"]),
    # Mistral, with 422
    (detail("parallel_tool_calls"), ["parallel_tool_calls"]),
    (detail("stream_options", "user"), ["stream_options", "user"]),
    (b'{"object":"error","message":"{\\"detail\\":[{\\"type\\":\\"extra_forbidden\\",\\"loc\\":[\\"body\\",\\"user\\"],\\"msg\\":\\"Extra inputs are not permitted\\"}]}"}', ["user"]),
    # Cerebras, Fireworks, vLLM, servers in Go, Rust and Python
    (error("body.prompt_cache_key: property 'body.prompt_cache_key' is unsupported", code="wrong_api_format"), ["prompt_cache_key"]),
    (error("Extra inputs are not permitted, field: 'stream_options', value: {'include_usage': True}"), ["stream_options"]),
    (b'{"object":"error","message":"1 validation error for ChatCompletionRequest\\nparallel_tool_calls\\n  Extra inputs are not permitted [type=extra_forbidden]"}', ["parallel_tool_calls"]),
    (error('json: unknown field "stream_options"'), ["stream_options"]),
    (error("unknown field `user`, expected one of `model`, `messages`"), ["user"]),
    (error("create() got an unexpected keyword argument 'reasoning_effort'"), ["reasoning_effort"]),
    (error("Additional properties are not allowed ('user' was unexpected)"), ["user"]),
    (error("stream_options.include_usage: unknown field 'include_usage'"), ["stream_options"]),
    (b"Unknown field: user", ["user"]),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "gone"), REFUSED, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("status", [400, 422])
def test_a_field_that_is_refused_is_left_out(raw: bytes, gone: list[str], status: int) -> None:
    amended = tried(raw, status)
    assert amended is not None
    assert amended.reason == "without " + ", ".join(gone)
    assert json.loads(amended.body) == {key: value for key, value in CHAT.items() if key not in gone}


@pytest.mark.parametrize(
    ("old", "new"), [("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")]
)
def test_the_limit_on_output_gets_its_other_name(old: str, new: str) -> None:
    message = f"Unsupported parameter: '{old}' is not supported with this model. Use '{new}' instead."
    body = json.dumps({"model": "m", old: 100, "user": "u"}, separators=(",", ":")).encode()
    for raw in (
        error(message, param=old, code="unsupported_parameter"),
        error(message),
        error(message, code="invalid_request_body"),
    ):
        amended = amendment(400, raw, "openai-chat", body, translated=True)
        assert amended == Amended(f"with {new}", body.replace(old.encode(), new.encode()))


def test_several_fields_are_seen_to_at_once() -> None:
    amended = tried(detail("max_tokens", "user", "top_p"))
    assert amended is not None
    assert amended.reason == "with max_completion_tokens and without top_p, user"
    assert json.loads(amended.body).keys() == (CHAT.keys() | {"max_completion_tokens"}) - {
        "max_tokens",
        "user",
        "top_p",
    }


@pytest.mark.parametrize(
    ("message", "most"),
    [
        ("max_tokens is too large: 32000. This model supports at most 16384 completion tokens, whereas you provided 32000.", 16384),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192),
        ("<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]", 8192),
        ("`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window`", 8192),
        ("The parameter `max_tokens` specified in the request are not valid: integer above maximum value, expected a value <= 12288, but got 32000 instead.", 12288),
        ("Input validation error: `max_new_tokens` must be <= 4096. Given: 32000", 4096),
        ("Unable to submit request because it has a maxOutputTokens value of 32000 but the supported range is from 1 (inclusive) to 8193 (exclusive). Update the value and try again.", 8192),
        # The prompt is counted, so that what is left is known; a few tokens are spared.
        ("This model's maximum context length is 32768 tokens. However, you requested 33024 tokens (1024 in the messages, 32000 in the completion). Please reduce the length of the messages or completion.", 31680),
        ("This model's maximum context length is 32768 tokens. However, you requested 34024 tokens (1024 in the messages, 1000 in the functions, 32000 in the completion). Please reduce the length.", 30680),
        ("This model's maximum context length is 32768 tokens, however you requested 33024 tokens (1024 in your prompt; 32000 for the completion). Please reduce your prompt; or completion length.", 31680),
        ('This endpoint\'s maximum context length is 131072 tokens. However, you requested about 141607 tokens (100000 of text input, 9607 of tool input, 32000 in the output). Please reduce the length of either one, or use the "middle-out" transform to compress your prompt automatically.', 21401),
        ("Requested token count exceeds the model's maximum context length of 32768 tokens. You requested a total of 33524.0 tokens: 1524 tokens from the input messages and 32000.0 tokens for the completion.", 31180),
        ("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 1000 `inputs` tokens and 32000 `max_new_tokens`", 7129),
        ("'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 40960 tokens and your request has 24235 input tokens (32000 > 40960 - 24235). None", 16661),
        ("This model's maximum context length is 40960 tokens. However, you requested 32000 output tokens and your prompt contains 24235 input tokens, for a total of 56235 tokens.", 16661),
    ],
)  # fmt: skip
def test_a_limit_on_output_that_is_beyond_the_models_becomes_the_models(message: str, most: int) -> None:
    amended = tried(error(message))
    assert amended is not None
    assert amended.reason == f"with max_tokens of {most}"
    assert json.loads(amended.body) == CHAT | {"max_tokens": most}
    assert tried(error(message), max_tokens=most) is None


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 131072 tokens. However, you requested 128000 output tokens and your prompt contains at least 3073 input tokens, for a total of at least 131073 tokens. Please reduce the length of the input prompt or the number of requested output tokens. (parameter=input_tokens, value=3073)",
        "This model's maximum context length is 8192 tokens. However, you requested 32000 output tokens and your prompt contains 12769 characters (more than …)",
        "max_tokens=32000 cannot be greater than max_model_len=max_total_tokens=8192. Please request fewer output tokens. (parameter=max_tokens, value=32000)",
        "max_completion_tokens=131072 cannot be greater than max_model_len=128000",
    ],
)  # fmt: skip
def test_where_the_room_is_not_told_the_limit_is_left_to_the_server(message: str) -> None:
    amended = tried(error(message))
    assert amended is not None
    assert amended.reason == "without max_tokens"
    assert json.loads(amended.body) == {key: value for key, value in CHAT.items() if key != "max_tokens"}


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 32768 tokens. However, you requested 33024 tokens (32000 in the messages, 1024 in the completion).",
        "This model's maximum context length is 8192 tokens, however you requested 8977 tokens (8977 in your prompt; 0 for the completion).",
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 204308 tokens. Please reduce the length of the messages.",
        'This endpoint\'s maximum context length is 16384 tokens. However, you requested about 94307 tokens (94307 of text input). Please reduce the length of either one, or use the "middle-out" transform.',
        "This model's maximum context length is 32768 tokens. However, you requested 0 output tokens and your prompt contains at least 32769 input tokens, for a total of at least 32769 tokens.",
        "This model's maximum context length is 32768 tokens. However, you requested 1024 output tokens and your prompt contains at least 31745 input tokens, for a total of at least 32769 tokens.",
        "Requested token count exceeds the model's maximum context length of 32768 tokens. You requested a total of 64000 tokens: 32000 tokens from the input messages and 32000 tokens for the completion.",
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 8100 `inputs` tokens and 32000 `max_new_tokens`",
        "The input (40000 tokens) is longer than the model's context length (32768 tokens).",
        "Prompt contains 140000 tokens and 0 draft tokens, too large for model with 131072 maximum context length",
    ],
)  # fmt: skip
def test_a_prompt_that_leaves_no_room_is_not_mended(message: str) -> None:
    assert tried(error(message)) is None


def test_an_answer_that_is_only_given_as_a_stream_is_asked_for_as_one() -> None:
    refused = error(
        "Requests with max_tokens > 4096 must have stream=true", param="max_tokens", code="BAD_REQUEST"
    )
    amended = amendment(400, refused, "openai-chat", b'{"model":"m","max_tokens":32000}', translated=True)
    assert amended == Amended("as a stream", b'{"stream":true,"model":"m","max_tokens":32000}')
    assert tried(refused) is None


@pytest.mark.parametrize(
    "raw",
    [
        error("Unsupported parameter: 'response_format' is not supported with this model.", param="response_format"),
        error("Unknown parameter: 'stop'.", param="stop"),
        error("Unknown parameter: 'messages[0].name'.", param="messages[0].name"),
        error("'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' : property 'reasoning_content' is unsupported)]"),
        error("Invalid type for 'messages[0].content': user content must be a string"),
        error("This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.", code="context_length_exceeded"),
        error("tools is not supported in this model", param="tools"),
        error("Unknown parameter: 'seed'.", param="seed"),
        error("The user has been warned about temperature"),
        error("", param="temperature"),
        detail(),
        b"",
        b"null",
        b"\xff",
        b"<html>Bad Request</html>",
    ],
)  # fmt: skip
def test_other_refusals_stand(raw: bytes) -> None:
    assert tried(raw) is None


def test_what_the_client_wrote_is_never_mended_but_for_signatures() -> None:
    body = json.dumps(CHAT).encode()
    for raw, _ in REFUSED:
        assert amendment(400, raw, "openai-chat", body) is None
        assert amendment(400, raw, "anthropic", body) is None


# Ids of tools


def conversation(*ids: str) -> bytes:
    """A request that was passed on, in which these tools were called; its spelling is its own."""
    calls = [
        {"type": "tool_use", "id": each, "name": "read", "input": {"id": "a.b", "n": 2**60}} for each in ids
    ]
    results = [{"type": "tool_result", "tool_use_id": each, "content": "a:b"} for each in ids]
    return json.dumps({"messages": [{"role": "assistant", "content": calls}, {"role": "user", "content": results}, {"role": "user", "content": "functions.read:0"}]}, indent=1).encode()  # fmt: skip


UNFIT = [
    "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
    "messages.2.content.1.tool_result.tool_use_id: String should match pattern '^[a-zA-Z0-9_-]+$'",
    json.dumps({"error": {"message": "messages.5.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"}}),
]  # fmt: skip


@pytest.mark.parametrize("message", UNFIT)
@pytest.mark.parametrize("translated", [True, False])
def test_ids_of_another_provider_are_made_fit_on_both_sides_of_each_pair(
    message: str, translated: bool
) -> None:
    body = conversation("functions.read:0", "toolu_1")
    amended = amendment(400, error(message), "anthropic", body, translated=translated)
    assert amended is not None
    assert amended.reason == "with ids of tools that it takes"
    assert amended.body == conversation("functions_read_0", "toolu_1")
    assert amendment(400, error(message), "anthropic", amended.body) is None


def test_ids_that_are_made_fit_are_unlike_each_other_and_those_that_were() -> None:
    body = conversation("a.b", "a:b", "a_b", "", "é")
    amended = amendment(400, error(UNFIT[0]), "anthropic", body)
    assert amended is not None
    assert amended.body == conversation("a_b_2", "a_b_3", "a_b", "_", "__2")


@pytest.mark.parametrize(
    "message",
    [
        "messages.1.content.0.server_tool_use.id: String should match pattern '^srvtoolu_[a-zA-Z0-9_]+$'",
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: a.b.",
        "messages.1.content.0.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{1,200}$'",
    ],
)
def test_other_complaints_about_tools_stand(message: str) -> None:
    assert amendment(400, error(message), "anthropic", conversation("a.b")) is None


# Fields of requests that were translated for Anthropic's dialect

MARK = {"cache_control": {"type": "ephemeral"}}
FORM = {
    "type": "json_schema",
    "schema": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}},
}
CLAUDE: dict[str, Any] = {
    "model": "claude-next",
    "max_tokens": 32000,
    "system": [{"type": "text", "text": "Be brief.", **MARK}],
    "messages": [{"role": "user", "content": [{"type": "text", "text": "temperature?", **MARK}]}],
    "tools": [{"name": "read", "input_schema": {"type": "object", "properties": MARK}, **MARK}],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "temperature": 0.2,
    "top_p": 0.9,
    "top_k": 5,
    "stop_sequences": ["x"],
    "thinking": {"type": "adaptive", "display": "summarized"},
    "output_config": {"effort": "high", "format": FORM},
    "metadata": {"user_id": "u"},
}  # fmt: skip


def claimed(message: str, status: int = 400, **other: Any) -> Amended | None:
    body = json.dumps(CLAUDE | other).encode()
    return amendment(status, error(message), "anthropic", body, translated=True)


CLAIMS: list[tuple[str, list[str]]] = [
    ("`temperature` and `top_p` cannot both be specified for this model. Please use only one.", ["top_p"]),
    ("`temperature` is deprecated for this model.", ["temperature"]),
    ("temperature: Extra inputs are not permitted", ["temperature"]),
    ("temperature: Input should be less than or equal to 1", ["temperature"]),
    ("`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.", ["temperature"]),
    ("`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.", ["top_p"]),
    ("`top_p` is deprecated for this model.", ["top_p"]),
    ("`top_k` must be unset when thinking is enabled.", ["top_k"]),
    ("Unsupported parameter: 'top_k'", ["top_k"]),
    ("adaptive thinking is not supported on this model", ["thinking", "output_config.effort"]),
    ("thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'disabled', 'enabled'", ["thinking", "output_config.effort"]),
    ('"thinking.type.adaptive" is not supported for this model.', ["thinking", "output_config.effort"]),
    ('"thinking.type.disabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.', ["thinking"]),
    ("thinking: Extra inputs are not permitted", ["thinking"]),
    ("Thinking may not be enabled when tool_choice forces tool use.", ["thinking"]),
    ("This model does not support extended thinking", ["thinking"]),
    ("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024", ["thinking"]),
    ("thinking.adaptive.display: Extra inputs are not permitted", ["thinking.display"]),
    ("This model does not support the effort parameter.", ["output_config.effort"]),
    ("output_config.effort: Input should be 'low', 'medium' or 'high'", ["output_config.effort"]),
    ("metadata: Extra inputs are not permitted", ["metadata"]),
    ("metadata.user_id: Extra inputs are not permitted", ["metadata"]),
    ("tool_choice.auto.disable_parallel_tool_use: Extra inputs are not permitted", ["tool_choice.disable_parallel_tool_use"]),
]  # fmt: skip


@pytest.mark.parametrize(("message", "gone"), CLAIMS, ids=[message[:60] for message, _ in CLAIMS])
@pytest.mark.parametrize("status", [400, 422])
def test_a_field_that_anthropic_refuses_is_left_out_of_what_was_translated(
    message: str, gone: list[str], status: int
) -> None:
    amended = claimed(message, status)
    assert amended is not None
    assert set(amended.reason.removeprefix("without ").split(", ")) == {*gone}
    left: dict[str, Any] = json.loads(json.dumps(CLAUDE))
    for path in gone:
        name, _, part = path.partition(".")
        if part:
            del left[name][part]
        else:
            del left[name]
    assert json.loads(amended.body) == left
    assert amendment(status, error(message), "anthropic", json.dumps(CLAUDE).encode()) is None


def test_an_object_whose_last_member_goes_goes_with_it() -> None:
    amended = claimed("This model does not support the effort parameter.", output_config={"effort": "low"})
    assert amended is not None
    assert json.loads(amended.body).keys() == CLAUDE.keys() - {"output_config"}


def test_a_budget_becomes_adaptive_thinking_where_that_is_all_there_is() -> None:
    amended = claimed(
        '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
        '"output_config.effort" to control thinking behavior.',
        thinking={"type": "enabled", "budget_tokens": 2048},
    )
    assert amended is not None
    assert amended.reason == "with adaptive thinking"
    assert json.loads(amended.body) == CLAUDE | {"thinking": {"type": "adaptive"}}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("output_config.format: Extra inputs are not permitted", "without output_config.format"),
        ("structured outputs are not supported on this model", "without output_config.format"),
        ("output_config: Extra inputs are not permitted", "without output_config"),
    ],
)
def test_the_form_of_an_answer_is_asked_for_in_words_where_it_cannot_be_demanded(
    message: str, reason: str
) -> None:
    amended = claimed(message)
    assert amended is not None
    assert amended.reason == reason
    found = json.loads(amended.body)
    assert "format" not in found.get("output_config", {})
    said, words = found["system"]
    assert said == CLAUDE["system"][0]
    assert json.loads(words["text"].partition("JSON Schema:\n")[2]) == FORM["schema"]
    assert '"minimum": 1}' in words["text"]
    bare = json.dumps({"model": "m", "output_config": {"format": FORM}}).encode()
    alone = amendment(400, error(message), "anthropic", bare, translated=True)
    assert alone is not None
    assert json.loads(alone.body) == {"system": [words], "model": "m"}


@pytest.mark.parametrize(
    "message",
    [
        "messages.0.content.0.text.cache_control: Extra inputs are not permitted",
        "system.0.cache_control.ephemeral.ttl: Extra inputs are not permitted",
        "tools.0.custom.cache_control: Extra inputs are not permitted",
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ],
)
def test_marks_of_the_prompt_cache_go_from_where_they_may_stand(message: str) -> None:
    amended = claimed(message)
    assert amended is not None
    assert amended.reason == "without cache_control"
    found = json.loads(amended.body)
    assert found["system"] == [{"type": "text", "text": "Be brief."}]
    assert found["messages"] == [{"role": "user", "content": [{"type": "text", "text": "temperature?"}]}]
    assert found["tools"] == [{"name": "read", "input_schema": {"type": "object", "properties": MARK}}]


@pytest.mark.parametrize(
    ("message", "most"),
    [
        ("max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for claude-next", 8192),
        ("input length and `max_tokens` exceed context limit: 188240 + 32000 > 200000, decrease input length or `max_tokens` and try again", 11696),
    ],
)  # fmt: skip
def test_a_limit_beyond_the_models_becomes_the_models_and_a_budget_stays_below_it(
    message: str, most: int
) -> None:
    amended = claimed(message)
    assert amended is not None
    assert amended.reason == f"with max_tokens of {most}"
    assert json.loads(amended.body) == CLAUDE | {"max_tokens": most}
    thought = claimed(message, thinking={"type": "enabled", "budget_tokens": 24576})
    assert thought is not None
    budget = {"type": "enabled", "budget_tokens": most * 3 // 4}
    assert json.loads(thought.body) == CLAUDE | {"max_tokens": most, "thinking": budget}


@pytest.mark.parametrize(
    "message",
    [
        "messages: text content blocks must be non-empty",
        "`max_tokens` must be greater than `thinking.budget_tokens`.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 199000 + 32000 > 200000, decrease input length or `max_tokens` and try again",
        "tools.0.custom.input_schema.properties.temperature: JSON schema is invalid",
        "tools.0.custom.input_schema.properties.cache_control: Input should be an object",
        "stop_sequences: each stop sequence must contain non-whitespace",
        "model: claude-next is not available",
        "max_tokens: 32000 > 900, which is the maximum allowed number of output tokens for tiny",
    ],
)  # fmt: skip
def test_other_refusals_of_what_was_translated_stand(message: str) -> None:
    assert claimed(message, thinking={"type": "enabled", "budget_tokens": 24576}) is None


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from([*SIGNED, *MISSING, *UNFIT, *(message for message, _ in CLAIMS), "param", "Unsupported value: 'user'", "Unrecognized request arguments supplied: user,,"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["param", "loc", "error", "message", "detail"]) | st.text(), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@given(
    st.integers(),
    JSON.map(json.dumps).map(str.encode) | st.binary(max_size=80),
    st.sampled_from(["anthropic", "openai-chat", ""]),
    st.sampled_from(
        [
            REQUEST,
            json.dumps(CHAT).encode(),
            json.dumps(CLAUDE).encode(),
            conversation("a.b"),
            b'{"user":1,"user":2}',
        ]
    )
    | st.binary(max_size=40),
    st.booleans(),
)
def test_no_error_and_no_body_is_too_strange(
    status: int, raw: bytes, dialect: str, body: bytes, translated: bool
) -> None:
    for code in (status, 400):
        amended = amendment(code, raw, dialect, body, translated=translated)
        if amended is not None:
            assert amended.body != body
            json.loads(amended.body)


def test_an_error_that_is_long_or_deep_takes_no_time() -> None:
    assert tried(b"[" * 1_000_000) is None
    assert tried(json.dumps({"error": "property '" * 100_000}).encode()) is None
    assert amendment(400, b"signature" * 1_000_000, "anthropic", REQUEST) is None


@pytest.mark.parametrize(
    "words",
    ["a" * 30_000, "x" + " " * 30_000, "value" + " " * 30_000, "'x'" + " " * 30_000, "x :" * 10_000],
    ids=["a long word", "spaces", "spaces behind a kind", "spaces behind a name", "colons"],
)
def test_what_a_refusal_repeats_is_looked_through_in_no_time(words: str) -> None:
    began = perf_counter()
    assert amendment(400, error(f"unsupported: {words}"), "openai-chat", REQUEST, translated=True) is None
    assert perf_counter() - began < 0.5
