"""What api.anthropic.com accepts: a checker that refuses what it would answer 400 to.

Kept apart from the code it checks: keys come from the official SDK's types, the rest from the API's error messages.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_type_hints

from anthropic.types import (
    Base64ImageSourceParam,
    Base64PDFSourceParam,
    DocumentBlockParam,
    ImageBlockParam,
    OutputConfigParam,
    PlainTextSourceParam,
    RedactedThinkingBlockParam,
    TextBlockParam,
    ThinkingBlockParam,
    ToolParam,
    ToolResultBlockParam,
    ToolUseBlockParam,
    URLImageSourceParam,
    URLPDFSourceParam,
)
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

Block = dict[str, Any]

TOP = {*get_type_hints(MessageCreateParamsNonStreaming), "temperature", "top_p", "top_k", "stream"}
BLOCKS: dict[str, Any] = {
    "text": TextBlockParam,
    "image": ImageBlockParam,
    "document": DocumentBlockParam,
    "thinking": ThinkingBlockParam,
    "redacted_thinking": RedactedThinkingBlockParam,
    "tool_use": ToolUseBlockParam,
    "tool_result": ToolResultBlockParam,
}
IN_TURNS = {
    "user": {"text", "image", "document", "tool_result"},
    "assistant": {"text", "thinking", "redacted_thinking", "tool_use"},
}
SOURCES: dict[tuple[str, str], Any] = {
    ("image", "base64"): Base64ImageSourceParam,
    ("image", "url"): URLImageSourceParam,
    ("document", "base64"): Base64PDFSourceParam,
    ("document", "text"): PlainTextSourceParam,
    ("document", "url"): URLPDFSourceParam,
}
MEDIA = {
    "image": {"image/jpeg", "image/png", "image/gif", "image/webp"},
    "document": {"application/pdf", "text/plain"},
}
THOUGHTS = ("thinking", "redacted_thinking")
ID = re.compile(r"[a-zA-Z0-9_-]+")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")

# By model: the types of thinking, the efforts, whether tools can be forced, how many of temperature and top_p it takes,
# whether it is held to a schema, whether the last turn may be its own.
FIVE = {"low", "medium", "high", "xhigh", "max"}
MODELS: dict[str, tuple[set[str], set[str], bool, int, bool, bool]] = {
    "claude-3-5-haiku-20241022": (set(), set(), True, 2, False, True),
    "claude-opus-4-1-20250805": ({"enabled"}, set(), True, 1, False, True),
    "claude-sonnet-4-5": ({"enabled"}, set(), True, 1, True, True),
    "claude-haiku-4-5-20251001": ({"enabled"}, set(), True, 1, True, True),
    "claude-opus-4-6": ({"adaptive"}, FIVE - {"xhigh"}, True, 1, True, False),
    "claude-opus-4-8": ({"adaptive"}, FIVE, True, 0, True, False),
    "claude-sonnet-5": ({"adaptive", "disabled"}, FIVE, True, 0, True, False),
    "claude-sonnet-5-5": ({"adaptive", "between_tools"}, FIVE, False, 0, True, False),
    "claude-haiku-5-5": ({"adaptive", "disabled"}, FIVE, True, 0, True, False),
    "claude-opus-5-5": ({"adaptive"}, FIVE, False, 0, True, False),
    "claude-fable-5": ({"adaptive"}, FIVE, True, 0, True, False),
    "claude-fable-5-1": ({"adaptive"}, FIVE, False, 0, True, False),
    "glm-4.7": ({"enabled"}, set(), True, 2, False, True),
}


def accepted(body: bytes) -> dict[str, Any]:
    """Return the request that a body is; an AssertionError says why the API would not take it."""
    request = json.loads(body.decode())
    assert isinstance(request, dict)
    _keys(request, TOP)
    assert request["model"] in MODELS, "a model that the checker does not know"
    _whole(request["max_tokens"])
    assert request.get("stream", True) is True
    system = request.get("system", [])
    for block in system:
        assert block["type"] == "text"
        _block(block)
    assert system or "system" not in request
    tools = _tools(request)
    _messages(request["messages"], tools)
    _choice(request, tools)
    _thinking(request)
    _sampling(request)
    _output(request)
    _marks(request)
    for stop in request.get("stop_sequences", []):
        assert stop.strip()
    if "metadata" in request:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", request["metadata"]["user_id"])
    return request


def _keys(value: Mapping[str, Any], known: Any) -> None:
    names = known if isinstance(known, set) else set(get_type_hints(known))
    required = set() if isinstance(known, set) else set(known.__required_keys__)
    assert value.keys() <= names, f"extra inputs are not permitted: {value.keys() - names}"
    assert required <= value.keys(), f"field required: {required - value.keys()}"
    assert None not in value.values(), "null is not accepted"


def _whole(value: Any) -> None:
    assert isinstance(value, int)
    assert not isinstance(value, bool)
    assert value >= 1


def _block(block: Block) -> None:
    kind = block["type"]
    _keys(block, BLOCKS[kind])
    match kind:
        case "text":
            assert block["text"].strip(), "text content blocks must contain non-whitespace text"
        case "image" | "document":
            source = block["source"]
            _keys(source, SOURCES[kind, source["type"]])
            assert source.get("media_type", "image/png") in MEDIA[kind] | {"image/png"}
            assert source["type"] == "url" or source["data"]
            assert source["type"] != "url" or re.match("https?://", source["url"], re.IGNORECASE)
        case "thinking":
            assert block["signature"]
        case "redacted_thinking":
            assert block["data"]
        case "tool_use":
            assert ID.fullmatch(block["id"])
            assert NAME.fullmatch(block["name"])
            assert isinstance(block["input"], dict)
        case "tool_result":
            content = block.get("content", [])
            for inner in content:
                assert inner["type"] in ("text", "image", "document")
                assert "cache_control" not in inner
                _block(inner)
            if block.get("is_error"):
                assert content
                assert all(inner["type"] == "text" for inner in content)
        case _:
            raise AssertionError(kind)


def _messages(messages: list[dict[str, Any]], tools: set[str]) -> None:
    assert messages, "at least one message is required"
    assert messages[0]["role"] == "user", "first message must use the user role"
    seen: set[str] = set()
    asked: list[str] = []
    for number, message in enumerate(messages):
        assert message.keys() == {"role", "content"}
        role, content = message["role"], message["content"]
        assert number == 0 or role != messages[number - 1]["role"], "roles must alternate"
        assert content, "messages must have non-empty content"
        for block in content:
            assert block["type"] in IN_TURNS[role]
            _block(block)
        answered = [block["tool_use_id"] for block in content if block["type"] == "tool_result"]
        assert sorted(answered) == sorted(asked), (
            "each tool_use must have its tool_result in the next message"
        )
        assert all(block["type"] == "tool_result" for block in content[: len(answered)]), "results come first"
        calls = [block for block in content if block["type"] == "tool_use"]
        asked = [block["id"] for block in calls]
        assert len(set(asked)) == len(asked), "tool_use ids must be unique"
        assert not seen & set(asked), "tool_use ids must be unique"
        seen |= set(asked)
        assert not calls or tools, "requests with tool_use blocks must define tools"
        if role == "assistant":
            assert content[-1]["type"] not in THOUGHTS, "the final block cannot be thinking"
            after = content[content.index(calls[0]) :] if calls else []
            assert all(block["type"] != "text" for block in after), "text behind a tool_use"
    assert not asked, "tool_use without tool_result"


def _tools(request: dict[str, Any]) -> set[str]:
    tools = request.get("tools", [])
    names = [tool["name"] for tool in tools]
    for tool in tools:
        _keys(tool, ToolParam)
        assert NAME.fullmatch(tool["name"])
        schema = tool["input_schema"]
        assert schema["type"] == "object"
        assert not schema.keys() & {"anyOf", "oneOf", "allOf"}, "not supported at the top level"
        assert isinstance(schema.get("properties", {}), dict)
        assert all(isinstance(name, str) for name in schema.get("required", []))
        assert tool.get("description", "x").strip()
    assert len(set(names)) == len(names), "tool names must be unique"
    assert names or "tools" not in request
    return set(names)


def _choice(request: dict[str, Any], tools: set[str]) -> None:
    choice = request.get("tool_choice")
    if choice is None:
        return
    assert tools, "tool_choice may only be specified while providing tools"
    assert choice["type"] in ("auto", "any", "tool", "none")
    assert choice.keys() <= {"type", "name", "disable_parallel_tool_use"}
    assert (choice["type"] == "tool") == ("name" in choice)
    assert choice["type"] != "none" or choice.keys() == {"type"}
    assert "name" not in choice or choice["name"] in tools
    if choice["type"] in ("any", "tool"):
        assert MODELS[request["model"]][2], "type tool and any are not supported for this model"
        thinks = request.get("thinking", {}).get("type") in ("enabled", "adaptive")
        assert not thinks, "thinking may not be enabled when tool_choice forces tool use"


def _thinking(request: dict[str, Any]) -> None:
    thinking = request.get("thinking")
    kinds, _, _, _, _, prefill = MODELS[request["model"]]
    last = request["messages"][-1]
    if last["role"] == "assistant":
        assert prefill, "prefilling assistant messages is not supported for this model"
        text = last["content"][-1]["text"]
        assert text == text.rstrip(), "final assistant content cannot end with trailing whitespace"
    if thinking is None:
        return
    assert thinking["type"] in kinds, "thinking.type is not supported for this model"
    if thinking["type"] == "enabled":
        assert thinking.keys() == {"type", "budget_tokens"}
        assert 1024 <= thinking["budget_tokens"] < request["max_tokens"]
        assert last["role"] == "user"
        if last["content"][0]["type"] == "tool_result":
            assert request["messages"][-2]["content"][0]["type"] in THOUGHTS, "expected thinking"
    else:
        assert thinking.keys() <= {"type", "display"}
        assert thinking.get("display", "summarized") in ("summarized", "omitted")


def _sampling(request: dict[str, Any]) -> None:
    given = request.keys() & {"temperature", "top_p", "top_k"}
    most = MODELS[request["model"]][3]
    assert len(given & {"temperature", "top_p"}) <= most, "cannot both be specified for this model"
    assert most or not given, "temperature is deprecated for this model"
    assert 0 <= request.get("temperature", 0) <= 1
    assert 0 <= request.get("top_p", 0) <= 1
    assert request.get("top_k", 0) >= 0
    if request.get("thinking", {}).get("type") in ("enabled", "adaptive"):
        assert not given, "temperature may only be set to 1 when thinking is enabled"


def _output(request: dict[str, Any]) -> None:
    config = request.get("output_config")
    if config is None:
        return
    assert config
    _keys(config, OutputConfigParam)
    assert "effort" not in config or config["effort"] in MODELS[request["model"]][1]
    if "format" in config:
        assert MODELS[request["model"]][4]
        assert config["format"].keys() == {"type", "schema"}
        assert config["format"]["type"] == "json_schema"
        _closed(config["format"]["schema"])
        assert request["messages"][-1]["role"] == "user"


def _closed(schema: Any) -> None:
    assert isinstance(schema, dict)
    known = {"type", "description", "properties", "required", "additionalProperties", "items", "minItems"}
    assert schema.keys() <= known | {"format", "enum", "const", "anyOf", "$ref", "$defs"}
    assert schema.keys() & {"type", "anyOf", "enum", "const", "$ref"}
    kinds = schema.get("type", [])
    if "object" in ([kinds] if isinstance(kinds, str) else kinds):
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) <= schema["properties"].keys()
    for inner in (
        *schema.get("properties", {}).values(),
        *schema.get("$defs", {}).values(),
        *schema.get("anyOf", []),
        *([schema["items"]] if "items" in schema else []),
    ):
        _closed(inner)


def marks(request: dict[str, Any]) -> Iterator[Block]:
    """Yield the blocks and tools at which a prompt cache ends."""
    blocks = [*request.get("tools", []), *request.get("system", [])]
    for message in request["messages"]:
        blocks += message["content"]
    return (block for block in blocks if "cache_control" in block)


def _marks(request: dict[str, Any]) -> None:
    marked = list(marks(request))
    assert len(marked) <= 4, "a maximum of 4 blocks with cache_control"
    lifetimes = [block["cache_control"].get("ttl", "5m") for block in marked]
    assert all(block["cache_control"]["type"] == "ephemeral" for block in marked)
    assert lifetimes == sorted(lifetimes), "a ttl of 1h must not come after one of 5m"
    assert not any(block.get("type") in THOUGHTS for block in marked)
