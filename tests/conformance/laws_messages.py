"""What the Messages API is: legal requests to it, legal answers of it, and its event grammar."""

import json
import re
from typing import Any

import anthropic.lib.streaming._messages as sdk
from anthropic.types import Message, RawMessageStreamEvent
from cases import SECRET, UPSTREAM_KEY, Broken, Outcome, must, same
from pydantic import TypeAdapter, ValidationError

STOPS = {
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
}
ERRORS = {
    *(
        "invalid_request_error",
        "authentication_error",
        "billing_error",
        "permission_error",
        "not_found_error",
    ),
    *("request_too_large", "rate_limit_error", "timeout_error", "api_error", "overloaded_error"),
}
_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
_IDS = re.compile(r"[a-zA-Z0-9_-]+")
_NAMES = re.compile(r"[a-zA-Z0-9_-]{1,128}")


# --- answers ----------------------------------------------------------------------------------------------------------


def _counts(usage: Any, what: str) -> None:
    must(isinstance(usage, dict), f"{what}: usage is {usage!r}")
    for key in ("input_tokens", "output_tokens"):
        must(type(usage.get(key)) is int and usage[key] >= 0, f"{what}: usage.{key} is {usage.get(key)!r}")
    for key in ("cache_read_input_tokens", "cache_creation_input_tokens"):
        value = usage.get(key)
        must(value is None or (type(value) is int and value >= 0), f"{what}: usage.{key} is {value!r}")


def message(value: Any) -> None:
    """A whole Message, stricter than the SDK's model of it."""
    must(isinstance(value, dict), f"no message but {value!r}")
    try:
        Message.model_validate(value, strict=True)
    except ValidationError as error:
        raise Broken(f"the SDK's Message refuses it: {error}") from None
    must(value["id"], "the message has no id")
    must("stop_sequence" in value, "stop_sequence is missing")
    must(value.get("stop_reason") in STOPS, f"stop_reason is {value.get('stop_reason')!r}")
    _counts(value["usage"], "message")
    ids = [block["id"] for block in value["content"] if block["type"] == "tool_use"]
    must(len(ids) == len(set(ids)), f"two calls share an id: {ids}")
    for block in value["content"]:
        match block["type"]:
            case "text":
                must(block["text"], "an empty text block")
            case "thinking":
                must(isinstance(block.get("signature"), str), "thinking without signature")
            case "tool_use":
                must(block["id"] and block["name"], "a call without id or name")
                must(isinstance(block["input"], dict), f"the input of a call is {block['input']!r}")
            case other:
                raise Broken(f"a block of type {other}")
    if ids:
        must(
            value["stop_reason"] in {"tool_use", "max_tokens", "refusal"},
            f"calls, but {value['stop_reason']}",
        )
    else:
        must(value["stop_reason"] != "tool_use", "tool_use without a call")


def is_message(outcome: Outcome) -> None:
    must(outcome.reply.status == 200, f"status {outcome.reply.status}: {outcome.reply.body[:300]!r}")
    must("json" in (outcome.reply.header("content-type") or ""), "the answer's type is not JSON")
    message(outcome.got)


def is_error(outcome: Outcome) -> None:
    """The answer is an error as the API tells them."""
    must(outcome.reply.status >= 400, f"status {outcome.reply.status} where an error is due")
    must("json" in (outcome.reply.header("content-type") or ""), "the error's type is not JSON")
    error(outcome.got)


def error(value: Any) -> None:
    must(isinstance(value, dict) and value.get("type") == "error", f"no error but {str(value)[:200]}")
    inner = value.get("error")
    must(isinstance(inner, dict), "error.error is no object")
    must(inner.get("type") in ERRORS, f"error.type {inner.get('type')!r} is not official")
    must(isinstance(inner.get("message"), str) and inner["message"].strip(), "the error has no message")


def error_of(status: int | tuple[int, ...], *kinds: str) -> Any:
    def check(outcome: Outcome) -> None:
        wanted = status if isinstance(status, tuple) else (status,)
        must(
            outcome.reply.status in wanted,
            f"status {outcome.reply.status}, not {wanted}: {outcome.reply.body[:300]!r}",
        )
        is_error(outcome)
        must(outcome.got["error"]["type"] in kinds, f"error type {outcome.got['error']['type']}, not {kinds}")

    return check


# --- streams ----------------------------------------------------------------------------------------------------------

_DELTAS = {
    "text": {"text_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
}


class _Grammar:
    """The event grammar as a machine, which knows the open block."""

    def __init__(self) -> None:
        self.state, self.next, self.kind = "start", 0, ""
        self.data: dict[str, Any] = {}

    def take(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        must(kind == "ping" or kind in self._legal(), f"{kind} in state {self.state}")
        match kind:
            case "message_start":
                must(event["message"]["content"] == [], "message_start has content")
                must(event["message"].get("stop_reason") is None, "message_start has a stop_reason")
                _counts(event["message"]["usage"], "message_start")
                self.state = "between"
            case "content_block_start":
                must(event["index"] == self.next, f"block {event['index']} where {self.next} is due")
                self._opened(event["content_block"])
            case "content_block_delta":
                must(event["index"] == self.next, f"a delta for block {event['index']}; open is {self.next}")
                given = event["delta"]["type"]
                must(given in _DELTAS.get(self.kind, set()), f"{given} in a {self.kind} block")
                self.data[given] = self.data.get(given, "") + next(
                    value for key, value in event["delta"].items() if key != "type"
                )
            case "content_block_stop":
                must(event["index"] == self.next, f"stop of block {event['index']}; open is {self.next}")
                self._closed()
            case "message_delta":
                must(
                    event["delta"].get("stop_reason") in STOPS,
                    f"stop_reason {event['delta'].get('stop_reason')!r}",
                )
                must("stop_sequence" in event["delta"], "message_delta without stop_sequence")
                must(type(event["usage"].get("output_tokens")) is int, "message_delta without output_tokens")
                self.state = "told"
            case "message_stop":
                self.state = "done"
            case "error":
                error(event)
                self.state = "failed"
            case _:
                pass

    def _legal(self) -> set[str]:
        return {
            "start": {"message_start", "error"},
            "between": {"content_block_start", "message_delta", "error"},
            "open": {"content_block_delta", "content_block_stop", "error"},
            "told": {"message_stop", "error"},
        }.get(self.state, set())

    def _opened(self, block: dict[str, Any]) -> None:
        self.kind, self.data, self.state = block["type"], {}, "open"
        must(self.kind in _DELTAS, f"a block of type {self.kind}")
        if self.kind == "thinking":
            same(block.get("signature"), "", "signature of a thinking block's start")
        if self.kind == "tool_use":
            same(block.get("input"), {}, "input of a call's start")

    def _closed(self) -> None:
        if self.kind == "text":
            must(self.data.get("text_delta"), "an empty text block")
        if (text := self.data.get("input_json_delta")) and not isinstance(json.loads(text), dict):
            raise Broken(f"the input of a call is {text[:100]!r}")
        self.next, self.state = self.next + 1, "between"


def read_stream(outcome: Outcome) -> tuple[list[dict[str, Any]], _Grammar]:
    """Check the grammar and return the events, pings left out."""
    must(outcome.reply.status == 200, f"status {outcome.reply.status}: {outcome.reply.body[:300]!r}")
    must("text/event-stream" in (outcome.reply.header("content-type") or ""), "the answer is no event stream")
    grammar, events = _Grammar(), []
    for name, data in outcome.events:
        try:
            event = json.loads(data)
        except ValueError:
            raise Broken(f"an event without JSON: {data[:200]!r}") from None
        same(name, event.get("type"), "the name of an event")
        if name != "error":
            try:
                if name != "ping":
                    _EVENT.validate_python(event, strict=True)
            except ValidationError as refused:
                raise Broken(f"the SDK refuses {data[:200]}: {refused}") from None
        grammar.take(event)
        if name != "ping":
            events.append(event)
    return events, grammar


def whole(outcome: Outcome) -> dict[str, Any]:
    """Return the message that a finished stream amounts to, as the SDK puts it together."""
    events, grammar = read_stream(outcome)
    must(grammar.state == "done", f"the stream ends in state {grammar.state}: {outcome.reply.body[-300:]!r}")
    must(outcome.reply.ended, "the body broke off")
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for event in events:
        typed = _EVENT.validate_python(event)
        snapshot = sdk.accumulate_event(event=typed, current_snapshot=snapshot, json_bufs=buffers)
    made: dict[str, Any] = snapshot.to_dict(mode="json")
    for index, raw in buffers.items():
        made["content"][index]["input"] = json.loads(raw)
    message({**made, "stop_sequence": made.get("stop_sequence")})
    return made


def is_stream(outcome: Outcome) -> None:
    whole(outcome)


def failed_stream(outcome: Outcome) -> list[dict[str, Any]]:
    """The stream began and ended in an error event: nothing was made up."""
    events, grammar = read_stream(outcome)
    must(grammar.state == "failed", f"the stream ends in state {grammar.state}, not in an error")
    must(not any(event["type"] == "message_delta" for event in events), "an end was made up before the error")
    return events


def is_failed_stream(outcome: Outcome) -> None:
    failed_stream(outcome)


# --- requests ---------------------------------------------------------------------------------------------------------

_KEYS = {
    *("model", "messages", "max_tokens", "system", "tools", "tool_choice", "temperature", "top_p", "top_k"),
    *("stop_sequences", "stream", "thinking", "output_config", "metadata", "service_tier", "cache_control"),
}
_BLOCKS = {
    "text": {"type", "text", "cache_control", "citations"},
    "image": {"type", "source", "cache_control"},
    "document": {"type", "source", "title", "context", "citations", "cache_control"},
    "tool_use": {"type", "id", "name", "input", "cache_control"},
    "tool_result": {"type", "tool_use_id", "content", "is_error", "cache_control"},
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
}


def _credentials(outcome: Outcome) -> None:
    call = outcome.call
    same(call.method, "POST", "method")
    same(call.target.partition("?")[0], "/v1/messages", "path")
    same(call.header("x-api-key"), UPSTREAM_KEY, "x-api-key")
    must(call.header("anthropic-version"), "no anthropic-version")
    for name in ("authorization", "cookie", "openai-organization"):
        must(call.header(name) is None, f"the client's {name} went upstream")
    must(SECRET.encode() not in call.raw, "the client's credential went upstream")


def is_request(outcome: Outcome) -> None:
    """What went upstream would be taken by the API."""
    _credentials(outcome)
    body = outcome.sent
    must(not (extra := set(body) - _KEYS), f"unknown keys {extra}")
    must(isinstance(body.get("model"), str) and body["model"], "no model")
    must(
        type(body.get("max_tokens")) is int and body["max_tokens"] >= 1,
        f"max_tokens {body.get('max_tokens')!r}",
    )
    if "system" in body:
        _content(body["system"], {"text"}, "system")
    _tools(body)
    _settings(body)
    _conversation(body["messages"])


def _content(content: Any, kinds: set[str], where: str) -> list[dict[str, Any]]:
    if isinstance(content, str):
        must(content.strip(), f"{where} is blank")
        return [{"type": "text", "text": content}]
    must(isinstance(content, list) and content, f"{where} is {content!r}")
    for block in content:
        kind = block.get("type")
        must(kind in kinds, f"{where}: a {kind} block")
        must(not (extra := set(block) - _BLOCKS[kind]), f"{where}: unknown keys {extra} in {kind}")
        if kind == "text":
            must(isinstance(block["text"], str) and block["text"].strip(), f"{where}: a blank text block")
        if kind in ("image", "document"):
            _source(block["source"], where)
        if kind == "tool_result" and block.get("content") not in (None, "", []):
            _content(block["content"], {"text", "image", "document"}, f"{where}.tool_result")
        if kind == "tool_use":
            must(isinstance(block["input"], dict), f"{where}: the input of a call is {block['input']!r}")
            must(_NAMES.fullmatch(block["name"]), f"{where}: name {block['name']!r}")
    return list(content)


def _source(source: Any, where: str) -> None:
    match source:
        case {"type": "base64", "media_type": str(), "data": str(data)}:
            must(data and not data.startswith("data:"), f"{where}: base64 source {data[:40]!r}")
        case {"type": "url", "url": str(url)}:
            must(url.startswith("http"), f"{where}: url source {url[:40]!r}")
        case {"type": "text", "media_type": "text/plain", "data": str()}:
            pass
        case _:
            raise Broken(f"{where}: source {str(source)[:100]}")


def _tools(body: dict[str, Any]) -> None:
    if "tools" not in body:
        must("tool_choice" not in body, "tool_choice without tools")
        return
    must(body["tools"], "tools is empty")
    names = [tool["name"] for tool in body["tools"]]
    must(len(names) == len(set(names)), f"two tools share a name: {names}")
    for tool in body["tools"]:
        extra = set(tool) - {"name", "description", "input_schema", "type", "cache_control", "strict"}
        must(not extra, f"unknown keys {extra} in a tool")
        must(_NAMES.fullmatch(tool["name"]), f"tool name {tool['name']!r}")
        must(
            tool["input_schema"].get("type") == "object",
            f"schema of type {tool['input_schema'].get('type')!r}",
        )
        must(tool.get("type", "custom") == "custom", f"tool of type {tool.get('type')}")
        must(isinstance(tool.get("description", ""), str), "a description that is no text")
        must(isinstance(tool.get("strict", False), bool), "strict is no truth value")
    choice = body.get("tool_choice", {"type": "auto"})
    must(choice.get("type") in {"auto", "any", "tool", "none"}, f"tool_choice {choice}")
    if choice["type"] == "tool":
        must(choice["name"] in names, f"tool_choice names {choice['name']!r}, which is no tool")


def _settings(body: dict[str, Any]) -> None:
    if (heat := body.get("temperature")) is not None:
        must(0 <= heat <= 1, f"temperature {heat}")
    must("temperature" not in body or heat is not None, "temperature is null")
    if "stop_sequences" in body:
        stops = body["stop_sequences"]
        must(
            stops and all(isinstance(stop, str) and stop.strip() for stop in stops), f"stop_sequences {stops}"
        )
    must(not set(body.get("metadata", {})) - {"user_id"}, f"metadata {body.get('metadata')}")
    thinking = body.get("thinking", {"type": "disabled"})
    if thinking["type"] == "enabled":
        must(
            1024 <= thinking["budget_tokens"] < body["max_tokens"],
            f"budget {thinking} of {body['max_tokens']}",
        )
    if thinking["type"] != "disabled":
        must(body.get("temperature", 1) == 1, "a temperature beside thinking")
        must("top_k" not in body, "top_k beside thinking")
        must(body.get("top_p", 1) >= 0.95, "a low top_p beside thinking")
        must(
            body.get("tool_choice", {"type": "auto"})["type"] in {"auto", "none"},
            "a forced tool beside thinking",
        )


def _conversation(messages: Any) -> None:
    must(isinstance(messages, list) and messages, "no messages")
    same(messages[0]["role"], "user", "role of the first message")
    kinds = {
        "user": {"text", "image", "document", "tool_result"},
        "assistant": {"text", "tool_use", "thinking"},
    }
    turns: list[tuple[str, list[dict[str, Any]]]] = []
    for place, each in enumerate(messages):
        must(set(each) == {"role", "content"}, f"message {place} has keys {set(each)}")
        must(each["role"] in kinds, f"role {each['role']}")
        blocks = _content(each["content"], kinds[each["role"]], f"messages.{place}")
        if turns and turns[-1][0] == each["role"]:
            turns[-1][1].extend(blocks)
        else:
            turns.append((each["role"], list(blocks)))
    _pairs(turns)
    last_role, last = turns[-1]
    if last_role == "assistant" and last[-1]["type"] == "text":
        must(last[-1]["text"] == last[-1]["text"].rstrip(), "the last assistant text ends in white space")


def _pairs(turns: list[tuple[str, list[dict[str, Any]]]]) -> None:
    open_calls: list[str] = []
    seen: set[str] = set()
    for role, blocks in turns:
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if role == "user":
            must(sorted(results) == sorted(open_calls), f"calls {open_calls} are answered by {results}")
            leading = [block["type"] == "tool_result" for block in blocks]
            must(leading == sorted(leading, reverse=True), "text stands before a tool result")
        open_calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        for each in open_calls:
            must(_IDS.fullmatch(each), f"call id {each!r}")
            must(each not in seen, f"the id {each} is used twice")
            seen.add(each)
    must(not open_calls, f"the calls {open_calls} have no results")
