"""What the Responses API answers: whole responses, and the order of the events of a stream."""

import json
from typing import Any

from cases import Broken, Outcome, must, same
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter, ValidationError

_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
_FINAL = {"response.completed", "response.incomplete", "response.failed"}


def response(value: Any) -> None:
    try:
        Response.model_validate(value, strict=True)
    except ValidationError as error:
        raise Broken(f"the SDK's Response refuses it: {error}") from None
    same(value["object"], "response", "object")
    must(value["id"] and isinstance(value["created_at"], int | float), "no id or no created_at")
    must(value["status"] in {"completed", "incomplete", "failed"}, f"status {value['status']!r}")
    for key in ("parallel_tool_calls", "tool_choice", "tools"):
        must(key in value, f"{key} is not told back")
    if value["status"] == "incomplete":
        reason = (value.get("incomplete_details") or {}).get("reason")
        must(reason in {"max_output_tokens", "content_filter"}, f"incomplete_details.reason {reason!r}")
    if value["status"] == "failed":
        must(value["error"]["code"] and value["error"]["message"], "a failure without an error")
    else:
        _usage(value.get("usage"))
    ids = [item.get("id") for item in value["output"]]
    must(len(ids) == len(set(ids)) and all(ids), f"ids of items {ids}")
    for item in value["output"]:
        _item(item)


def _usage(usage: Any) -> None:
    must(isinstance(usage, dict), f"usage is {usage!r}")
    for key in ("input_tokens", "output_tokens", "total_tokens"):
        must(type(usage.get(key)) is int and usage[key] >= 0, f"usage.{key} is {usage.get(key)!r}")
    same(usage["total_tokens"], usage["input_tokens"] + usage["output_tokens"], "usage.total_tokens")
    must(type(usage["input_tokens_details"]["cached_tokens"]) is int, "no cached_tokens")
    must(type(usage["output_tokens_details"]["reasoning_tokens"]) is int, "no reasoning_tokens")


def _item(item: dict[str, Any]) -> None:
    match item["type"]:
        case "message":
            same(item["role"], "assistant", "role")
            must(item["status"] in {"completed", "incomplete"}, f"status of an item {item['status']}")
            for part in item["content"]:
                must(part["type"] in {"output_text", "refusal"}, f"a part of type {part['type']}")
                if part["type"] == "output_text":
                    same(part.get("annotations"), [], "annotations")
        case "function_call":
            must(item["call_id"] and item["name"], "a call without call_id or name")
            must(isinstance(json.loads(item["arguments"]), dict), "arguments are no object")
        case "custom_tool_call":
            must(item["call_id"] and item["name"] and isinstance(item["input"], str), f"call {item}")
        case "reasoning":
            must(isinstance(item.get("summary"), list), "reasoning without summary")
        case other:
            raise Broken(f"an item of type {other}")


def is_response(outcome: Outcome) -> None:
    must(outcome.reply.status == 200, f"status {outcome.reply.status}: {outcome.reply.body[:300]!r}")
    must("json" in (outcome.reply.header("content-type") or ""), "the answer's type is not JSON")
    response(outcome.got)


class _Grammar:
    """Which event may follow; ``items`` are the open ones, by output_index."""

    def __init__(self) -> None:
        self.items: dict[int, dict[str, Any]] = {}
        self.deltas: dict[int, str] = {}
        self.parts: dict[int, str] = {}
        self.done: dict[int, dict[str, Any]] = {}

    def take(self, event: dict[str, Any]) -> None:
        kind = event["type"].removeprefix("response.")
        index = event.get("output_index", -1)
        if kind == "output_item.added":
            same(index, len(self.items), "output_index")
            self.items[index] = event["item"]
            self.deltas[index] = ""
        elif index >= 0:
            must(
                index in self.items and index not in self.done,
                f"{kind} for the item {index}, which is not open",
            )
            if "item_id" in event:
                same(event["item_id"], self.items[index]["id"], "item_id")
            self._inside(kind, event, index)

    def _inside(self, kind: str, event: dict[str, Any], index: int) -> None:
        item = self.items[index]["type"]
        part = self.parts.get(index)
        match kind:
            case "content_part.added":
                must(item == "message" and part != "open", f"a part in {item}")
                self.parts[index], self.deltas[index] = "open", ""
            case "output_text.delta" | "refusal.delta":
                must(part == "open", f"{kind} without an open part")
                self.deltas[index] += event["delta"]
            case "output_text.done":
                same(event["text"], self.deltas[index], "the text of output_text.done")
            case "content_part.done":
                must(part == "open", "a part is done that is not open")
                self.parts[index] = "done"
            case "function_call_arguments.delta" | "custom_tool_call_input.delta":
                must(
                    item == kind.partition(".")[0].removesuffix("_arguments").removesuffix("_input"),
                    f"{kind} in {item}",
                )
                self.deltas[index] += event["delta"]
            case "function_call_arguments.done":
                same(event["arguments"], self.deltas[index] or event["arguments"], "arguments of .done")
            case "custom_tool_call_input.done":
                same(event["input"], self.deltas[index] or event["input"], "input of .done")
            case "output_item.done":
                must(part != "open", "an item is done while its part is open")
                same(event["item"]["id"], self.items[index]["id"], "id of a done item")
                _item(event["item"])
                self.done[index] = event["item"]
            case _:
                pass


def read_stream(outcome: Outcome) -> tuple[list[dict[str, Any]], _Grammar]:
    must(outcome.reply.status == 200, f"status {outcome.reply.status}: {outcome.reply.body[:300]!r}")
    must("text/event-stream" in (outcome.reply.header("content-type") or ""), "the answer is no event stream")
    events: list[dict[str, Any]] = []
    grammar, state = _Grammar(), ResponseStreamState(input_tools=omit, text_format=omit)
    last = -1
    for name, data in outcome.events:
        must(data != "[DONE]", "[DONE] is no event of this API")
        event = json.loads(data)
        same(name, event.get("type"), "the name of an event")
        must(event["sequence_number"] > last, f"sequence_number {event['sequence_number']} after {last}")
        last = event["sequence_number"]
        must(not events or events[-1]["type"] not in _FINAL, "something stands behind the end")
        try:
            state.handle_event(_EVENT.validate_python(event, strict=True))
        except (ValidationError, RuntimeError, AssertionError) as refused:
            raise Broken(f"the SDK refuses {data[:300]}: {refused!r}") from None
        grammar.take(event)
        events.append(event)
    same(
        [event["type"] for event in events[:2]], ["response.created", "response.in_progress"], "first events"
    )
    return events, grammar


def whole(outcome: Outcome) -> dict[str, Any]:
    """Return the response that a finished stream ends with."""
    events, grammar = read_stream(outcome)
    final = events[-1]
    must(
        final["type"] in {"response.completed", "response.incomplete"},
        f"the stream ends with {final['type']}",
    )
    must(outcome.reply.ended, "the body broke off")
    response(final["response"])
    same(
        final["response"]["output"],
        [grammar.done.get(index) for index in sorted(grammar.items)],
        "output at the end",
    )
    same(f"response.{final['response']['status']}", final["type"], "status at the end")
    made: dict[str, Any] = final["response"]
    return made


def is_stream(outcome: Outcome) -> None:
    whole(outcome)


def is_failed_stream(outcome: Outcome) -> None:
    events, _ = read_stream(outcome)
    same(events[-1]["type"], "response.failed", "the last event")
    response(events[-1]["response"])


def kinds(outcome: Outcome) -> list[str]:
    return [event["type"] for event in read_stream(outcome)[0]]
