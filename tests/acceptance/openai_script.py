"""Runs inside an SDK's own environment, as playing.py has it: scenes of the ``openai`` SDK, of both its APIs.

Nothing but the standard library, playing.py and ``openai`` may be imported here; the SDK is not known to the type
checker of the project, so it is one big Any.
"""

import json
from importlib import import_module
from typing import Any

from acceptance.playing import Scene, serve

openai: Any = import_module("openai")

MODEL = "gpt-4.1"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "weather", "description": "Tell the weather", "parameters": CITY}
QUESTION: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Say hello."}]}
ASKED: dict[str, Any] = {"model": MODEL, "input": "Say hello."}


def create(client: Any, **more: Any) -> dict[str, Any]:
    """Ask without streaming."""
    return _told(client.chat.completions.create(**(QUESTION | more)))


def stream(client: Any, **more: Any) -> dict[str, Any]:
    """Stream with the SDK's own help, usage included."""
    question = QUESTION | {"stream_options": {"include_usage": True}} | more
    with client.chat.completions.stream(**question) as helper:
        parts = [event.delta for event in helper if event.type == "content.delta"]
        completion = helper.get_final_completion()
    return _told(completion) | {"parts": len(parts), "streamed": "".join(parts)}


def chunks(client: Any, **more: Any) -> dict[str, Any]:
    """Stream raw."""
    found = list(client.chat.completions.create(**(QUESTION | more), stream=True))
    deltas = [chunk.choices[0].delta for chunk in found if chunk.choices]
    return {
        "ids": len({chunk.id for chunk in found}),
        "text": "".join(delta.content or "" for delta in deltas),
        "usages": sum(chunk.usage is not None for chunk in found),
        "finishes": [
            chunk.choices[0].finish_reason
            for chunk in found
            if chunk.choices and chunk.choices[0].finish_reason
        ],
    }


def tools(client: Any, *, streaming: bool) -> dict[str, Any]:
    """Have tools called, one or several side by side, tell their results, and get the answer."""

    def ask(messages: list[Any]) -> Any:
        question = QUESTION | {"tools": [{"type": "function", "function": WEATHER}], "messages": messages}
        if not streaming:
            return client.chat.completions.create(**question)
        with client.chat.completions.stream(**question) as helper:
            return helper.get_final_completion()

    messages: list[Any] = [{"role": "user", "content": "What is the weather?"}]
    called = ask(messages).choices[0]
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.function.name, "arguments": call.function.arguments},
        }
        for call in called.message.tool_calls
    ]
    messages.append({"role": "assistant", "content": called.message.content, "tool_calls": calls})
    messages += [{"role": "tool", "tool_call_id": call["id"], "content": "It rains."} for call in calls]
    return _told(ask(messages)) | {
        "called": [call["function"]["name"] for call in calls],
        "inputs": [json.loads(call["function"]["arguments"]) for call in calls],
        "first_finish": called.finish_reason,
    }


def models(client: Any) -> dict[str, Any]:
    """List the models and look at the first."""
    ids = [entry.id for entry in client.models.list()]
    return {"ids": ids, "one": client.models.retrieve(ids[0]).id}


def respond(client: Any, **more: Any) -> dict[str, Any]:
    """Ask by way of the Responses API, without streaming."""
    return _responded(client.responses.create(**(ASKED | more)))


def respond_streaming(client: Any, **more: Any) -> dict[str, Any]:
    """Ask by way of the Responses API, with the SDK's own help for streams."""
    with client.responses.stream(**(ASKED | more)) as helper:
        types, parts, numbers = [], [], []
        for event in helper:
            types.append(event.type)
            numbers.append(event.sequence_number)
            if event.type == "response.output_text.delta":
                parts.append(event.delta)
        response = helper.get_final_response()
    return _responded(response) | {
        "types": types,
        "streamed": "".join(parts),
        "in_order": numbers == sorted(set(numbers)),
    }


def respond_with_tools(client: Any, *, streaming: bool) -> dict[str, Any]:
    """Have tools called by way of the Responses API, tell their results, and get the answer."""

    def ask(items: list[Any]) -> Any:
        question = ASKED | {"tools": [{"type": "function", "strict": False} | WEATHER], "input": items}
        if not streaming:
            return client.responses.create(**question)
        with client.responses.stream(**question) as helper:
            for _ in helper:
                pass
            return helper.get_final_response()

    items: list[Any] = [{"role": "user", "content": "What is the weather?"}]
    called = ask(items)
    calls = [item for item in called.output if item.type == "function_call"]
    items += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in called.output]
    items += [
        {"type": "function_call_output", "call_id": call.call_id, "output": "It rains."} for call in calls
    ]
    return _responded(ask(items)) | {
        "called": [call.name for call in calls],
        "inputs": [json.loads(call.arguments) for call in calls],
        "first_status": called.status,
    }


def _told(completion: Any) -> dict[str, Any]:
    choice = completion.choices[0]
    return {
        "text": choice.message.content,
        "finish": choice.finish_reason,
        "model": completion.model,
        "output_tokens": completion.usage.completion_tokens if completion.usage else None,
    }


def _responded(response: Any) -> dict[str, Any]:
    return {
        "text": response.output_text,
        "status": response.status,
        "model": response.model,
        "output_tokens": response.usage.output_tokens,
    }


def connect(url: str, key: str, more: dict[str, Any]) -> Any:
    """Return a client."""
    own = {name: more.pop(name) for name in ("max_retries", "default_headers") if name in more}
    return openai.OpenAI(base_url=f"{url}/v1", timeout=25, api_key=key, **own)


SCENES: tuple[Scene, ...] = (
    *(create, stream, chunks, tools, models, respond, respond_streaming, respond_with_tools),
)

serve({scene.__name__: scene for scene in SCENES}, connect)
