"""What the Chat Completions API is: legal requests to it, legal answers of it, and what a stream of it may hold."""

import json
import re
from typing import Any

from cases import SECRET, UPSTREAM_KEY, Broken, Outcome, must, same
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import ValidationError

FINISHES = {"stop", "length", "tool_calls", "content_filter"}
_NAMES = re.compile(r"[a-zA-Z0-9_-]{1,64}")

# --- requests ---------------------------------------------------------------------------------------------------------

_KEYS = {
    *(
        "model",
        "messages",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_tokens",
        "max_completion_tokens",
    ),
    *(
        "temperature",
        "top_p",
        "stop",
        "stream",
        "stream_options",
        "reasoning_effort",
        "user",
        "safety_identifier",
    ),
    *("prompt_cache_key", "response_format"),
}
_ROLES = {
    "system": {"role", "content"},
    "developer": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "reasoning_content"},
    "tool": {"role", "content", "tool_call_id"},
}
_PARTS = {"text": {"type", "text"}, "image_url": {"type", "image_url"}, "file": {"type", "file"}}


def _credentials(outcome: Outcome) -> None:
    call = outcome.call
    same(call.method, "POST", "method")
    same(call.target, "/v1/chat/completions", "target")
    same(call.header("authorization"), f"Bearer {UPSTREAM_KEY}", "authorization")
    for name, _ in call.headers:
        lower = name.lower()
        must(
            not lower.startswith(("anthropic-", "x-api-key", "cookie", "x-claude")),
            f"the header {name} went upstream",
        )
    must(SECRET.encode() not in call.raw, "the client's credential went upstream")


def is_request(outcome: Outcome) -> None:
    """What went upstream would be taken by a strict server."""
    _credentials(outcome)
    body = outcome.sent
    must(not (extra := set(body) - _KEYS), f"unknown keys {extra}")
    must(None not in body.values(), f"a null in {sorted(body)}")
    must(isinstance(body.get("model"), str) and body["model"], "no model")
    must(not {"max_tokens", "max_completion_tokens"} <= set(body), "two limits")
    if "stream_options" in body:
        must(body.get("stream") is True, "stream_options without stream")
    if "stop" in body:
        must(body["stop"], "an empty stop")
    _tools(body)
    _messages(body.get("messages"))


def _tools(body: dict[str, Any]) -> None:
    if "tools" not in body:
        must("tool_choice" not in body and "parallel_tool_calls" not in body, "tool_choice without tools")
        return
    must(body["tools"], "tools is empty")
    names = [tool["function"]["name"] for tool in body["tools"]]
    must(len(names) == len(set(names)), f"two tools share a name: {names}")
    for tool in body["tools"]:
        must(set(tool) == {"type", "function"} and tool["type"] == "function", f"tool {str(tool)[:200]}")
        extra = set(tool["function"]) - {"name", "description", "parameters", "strict"}
        must(not extra, f"unknown keys {extra} in a function")
        must(_NAMES.fullmatch(tool["function"]["name"]), f"tool name {tool['function']['name']!r}")
        must(isinstance(tool["function"].get("description", ""), str), "a description that is no text")
        must(isinstance(tool["function"].get("parameters", {}), dict), "parameters are no object")
    match body.get("tool_choice", "auto"):
        case "auto" | "required" | "none":
            pass
        case {"type": "function", "function": {"name": name}}:
            must(name in names, f"tool_choice names {name!r}, which is no tool")
        case other:
            raise Broken(f"tool_choice {other!r}")


def _messages(messages: Any) -> None:
    must(isinstance(messages, list) and messages, "no messages")
    waiting: list[str] = []
    for place, each in enumerate(messages):
        role, where = each.get("role"), f"messages.{place}"
        must(role in _ROLES, f"{where}: role {role!r}")
        must(not (extra := set(each) - _ROLES[role]), f"{where}: unknown keys {extra}")
        if role == "tool":
            must(each["tool_call_id"] in waiting, f"{where}: a result without a call: {each['tool_call_id']}")
            waiting.remove(each["tool_call_id"])
            _content(each["content"], {"text"}, where, empty=True)
            continue
        must(not waiting, f"{where}: a {role} message though the calls {waiting} wait for their results")
        if role == "assistant":
            waiting = _assistant(each, where)
        else:
            _content(each.get("content"), set(_PARTS) if role == "user" else {"text"}, where)
    must(not waiting, f"the calls {waiting} have no results")


def _content(content: Any, kinds: set[str], where: str, *, empty: bool = False) -> None:
    if isinstance(content, str):
        must(content.strip() or empty, f"{where}: blank content")
        return
    must(isinstance(content, list) and content, f"{where}: content is {content!r}")
    for part in content:
        must(part.get("type") in kinds, f"{where}: a part of type {part.get('type')!r}")
        must(set(part) == _PARTS[part["type"]], f"{where}: part {str(part)[:200]}")
        if part["type"] == "text":
            must(part["text"].strip(), f"{where}: a blank text part")
        if part["type"] == "image_url":
            must(
                re.match(r"data:image/|https?://", part["image_url"]["url"]),
                f"{where}: image {str(part)[:100]}",
            )


def _assistant(each: dict[str, Any], where: str) -> list[str]:
    calls = each.get("tool_calls")
    if calls is None:
        must("tool_calls" not in each, f"{where}: tool_calls is null")
        must(
            isinstance(each.get("content"), str | list),
            f"{where}: content {each.get('content')!r} without calls",
        )
        return []
    must(calls, f"{where}: tool_calls is empty")
    for call in calls:
        must(
            set(call) == {"id", "type", "function"} and call["type"] == "function",
            f"{where}: call {str(call)[:200]}",
        )
        must(set(call["function"]) == {"name", "arguments"}, f"{where}: call {str(call)[:200]}")
        must(isinstance(call["function"]["arguments"], str), f"{where}: arguments are no text")
        must(isinstance(json.loads(call["function"]["arguments"]), dict), f"{where}: arguments are no object")
        must(_NAMES.fullmatch(call["function"]["name"]), f"{where}: name {call['function']['name']!r}")
        must(isinstance(call["id"], str) and call["id"], f"{where}: no id")
    ids = [call["id"] for call in calls]
    must(len(ids) == len(set(ids)), f"{where}: two calls share an id")
    return ids


# --- answers ----------------------------------------------------------------------------------------------------------


def completion(value: Any) -> None:
    try:
        ChatCompletion.model_validate(value, strict=True)
    except ValidationError as error:
        raise Broken(f"the SDK's ChatCompletion refuses it: {error}") from None
    must(value["id"] and type(value["created"]) is int, "no id or no created")
    choice = value["choices"][0]
    must(choice["finish_reason"] in FINISHES, f"finish_reason {choice['finish_reason']!r}")
    made = choice["message"]
    must("content" in made, "the message has no content key")
    calls = made.get("tool_calls")
    must(calls is None or calls, "tool_calls is empty")
    for call in calls or ():
        must(call["id"] and call["function"]["name"], "a call without id or name")
        must(isinstance(json.loads(call["function"]["arguments"]), dict), "arguments are no object")
    must(
        calls is None or choice["finish_reason"] in {"tool_calls", "length", "content_filter"},
        "calls, but no such finish",
    )
    usage(value["usage"])


def usage(value: Any) -> None:
    for key in ("prompt_tokens", "completion_tokens", "total_tokens"):
        must(type(value.get(key)) is int and value[key] >= 0, f"usage.{key} is {value.get(key)!r}")
    same(value["total_tokens"], value["prompt_tokens"] + value["completion_tokens"], "usage.total_tokens")


def is_completion(outcome: Outcome) -> None:
    must(outcome.reply.status == 200, f"status {outcome.reply.status}: {outcome.reply.body[:300]!r}")
    must("json" in (outcome.reply.header("content-type") or ""), "the answer's type is not JSON")
    completion(outcome.got)


def error(value: Any) -> None:
    must(isinstance(value, dict) and isinstance(value.get("error"), dict), f"no error but {str(value)[:200]}")
    inner = value["error"]
    must({"message", "type", "param", "code"} <= set(inner), f"the error has keys {sorted(inner)}")
    must(isinstance(inner["message"], str) and inner["message"].strip(), "the error has no message")
    must(isinstance(inner["type"], str) and inner["type"], "the error has no type")


def error_of(*statuses: int) -> Any:
    def check(outcome: Outcome) -> None:
        must(outcome.reply.status in statuses, f"status {outcome.reply.status}, not {statuses}")
        must("json" in (outcome.reply.header("content-type") or ""), "the error's type is not JSON")
        error(outcome.got)

    return check


def chunks(outcome: Outcome) -> tuple[list[dict[str, Any]], bool]:
    """Return the chunks of a stream, and whether ``[DONE]`` closed it."""
    must(outcome.reply.status == 200, f"status {outcome.reply.status}: {outcome.reply.body[:300]!r}")
    must("text/event-stream" in (outcome.reply.header("content-type") or ""), "the answer is no event stream")
    made: list[dict[str, Any]] = []
    done = False
    for name, data in outcome.events:
        must(not done, "something stands behind [DONE]")
        must(name == "message", f"a chunk is named {name}")
        if data == "[DONE]":
            done = True
        else:
            made.append(json.loads(data))
    return made, done


def whole(outcome: Outcome) -> dict[str, Any]:
    """Return the completion that a finished stream amounts to, as the SDK puts it together."""
    made, done = chunks(outcome)
    must(done and outcome.reply.ended, f"the stream is not ended: {outcome.reply.body[-300:]!r}")
    must(
        len({(each["id"], each["created"], each["model"]) for each in made}) == 1,
        "id, created or model change",
    )
    state = ChatCompletionStreamState()
    finishes: list[str] = []
    indexes: list[int] = []
    for each in made:
        try:
            state.handle_chunk(ChatCompletionChunk.model_validate(each, strict=True))
        except (ValidationError, RuntimeError, TypeError) as refused:
            raise Broken(f"the SDK refuses {str(each)[:200]}: {refused!r}") from None
        for choice in each["choices"]:
            must(not finishes or not choice["delta"], "a delta behind the finish")
            if choice.get("finish_reason") is not None:
                finishes.append(choice["finish_reason"])
            for call in choice["delta"].get("tool_calls") or ():
                if call["index"] not in indexes:
                    indexes.append(call["index"])
                    must(call.get("id") and call["function"].get("name"), "a call begins without id or name")
                else:
                    must("id" not in call and "name" not in call["function"], "id or name are told twice")
    same(made[0]["choices"][0]["delta"].get("role"), "assistant", "role of the first delta")
    same(indexes, list(range(len(indexes))), "indexes of the calls")
    must(len(finishes) == 1 and finishes[0] in FINISHES, f"finish reasons {finishes}")
    result: dict[str, Any] = state.current_completion_snapshot.to_dict(mode="json")
    for call in result["choices"][0]["message"].get("tool_calls") or ():
        must(isinstance(json.loads(call["function"]["arguments"]), dict), "arguments are no object")
    return result


def is_stream(outcome: Outcome) -> None:
    whole(outcome)


def is_failed_stream(outcome: Outcome) -> None:
    """The stream ended in an error object, and not in a finish."""
    made, _ = chunks(outcome)
    error(made[-1])
    must(
        not any(choice.get("finish_reason") for each in made for choice in each.get("choices", ())),
        "a finish was made up before the error",
    )
