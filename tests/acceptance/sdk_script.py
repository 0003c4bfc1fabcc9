"""Runs inside an SDK's own environment, as playing.py has it: scenes of the ``anthropic`` SDK.

Nothing but the standard library, playing.py and ``anthropic`` may be imported here; the SDK is not known to the type
checker of the project, so it is one big Any.
"""

import asyncio
from importlib import import_module
from typing import Any

from acceptance.playing import Scene, headers, serve

anthropic: Any = import_module("anthropic")

MODEL = "claude-sonnet-5"
WEATHER = {
    "name": "weather",
    "description": "Tell the weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
QUESTION: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Say hello."}],
}


def create(client: Any, **more: Any) -> dict[str, Any]:
    """Ask without streaming."""
    return _told(client.messages.create(**(QUESTION | more)))


def beta(client: Any, betas: list[str], **more: Any) -> dict[str, Any]:
    """Ask by way of the SDK's beta interface, which adds fields and, in 0.x, a query."""
    return _told(client.beta.messages.create(**(QUESTION | more), betas=betas))


def told(client: Any, **more: Any) -> dict[str, Any]:
    """Ask without streaming, and return what ccflared says of it in the header, too."""
    answer = client.messages.with_raw_response.create(**(QUESTION | more))
    return _told(answer.parse()) | {"headers": headers(answer)}


def stream(client: Any, **more: Any) -> dict[str, Any]:
    """Stream with the SDK's own help."""
    with client.messages.stream(**(QUESTION | more)) as helper:
        parts = list(helper.text_stream)
        message = helper.get_final_message()
    return _told(message) | {"parts": len(parts), "streamed": "".join(parts)}


def events(client: Any, **more: Any) -> dict[str, Any]:
    """Stream raw."""
    found = list(client.messages.create(**(QUESTION | more), stream=True))
    deltas = [event.delta for event in found if event.type == "content_block_delta"]
    return {
        "types": [event.type for event in found],
        "text": "".join(delta.text for delta in deltas if delta.type == "text_delta"),
    }


def leave(client: Any, after: int) -> dict[str, Any]:
    """Leave a stream after so many events."""
    types = []
    with client.messages.create(**QUESTION, stream=True) as running:
        for event in running:
            types.append(event.type)
            if len(types) == after:
                break
    return {"types": types}


def tool(client: Any, *, streaming: bool) -> dict[str, Any]:
    """Have a tool called, tell its result, and get the answer."""

    def ask(messages: list[Any]) -> Any:
        question = QUESTION | {"tools": [WEATHER], "messages": messages}
        if not streaming:
            return client.messages.create(**question)
        with client.messages.stream(**question) as helper:
            return helper.get_final_message()

    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    called = ask(messages)
    use = next(block for block in called.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "It rains."}
    messages += [{"role": "assistant", "content": called.content}, {"role": "user", "content": [result]}]
    return _told(ask(messages)) | {"called": use.name, "input": use.input, "first_stop": called.stop_reason}


def parallel(client: Any, *, streaming: bool) -> dict[str, Any]:
    """Have several tools called side by side, tell their results, and get the answer."""

    def ask(messages: list[Any]) -> Any:
        question = QUESTION | {"tools": [WEATHER], "messages": messages}
        if not streaming:
            return client.messages.create(**question)
        with client.messages.stream(**question) as helper:
            return helper.get_final_message()

    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris and in Rome?"}]
    called = ask(messages)
    uses = [block for block in called.content if block.type == "tool_use"]
    results = [
        {"type": "tool_result", "tool_use_id": use.id, "content": f"It rains in {use.input['city']}."}
        for use in reversed(uses)
    ]
    messages += [{"role": "assistant", "content": called.content}, {"role": "user", "content": results}]
    return _told(ask(messages)) | {"inputs": [use.input for use in uses], "first_stop": called.stop_reason}


def count(client: Any) -> dict[str, Any]:
    """Count tokens."""
    counted = client.messages.count_tokens(model=MODEL, messages=QUESTION["messages"])
    return {"input_tokens": counted.input_tokens}


def count_many(client: Any, number: int) -> dict[str, Any]:
    """Count tokens many times at once, as a client does that shows what fills its context."""

    async def one(other: Any) -> int | None:
        try:
            await other.messages.count_tokens(model=MODEL, messages=QUESTION["messages"])
        except anthropic.APIStatusError as error:
            return int(error.status_code)
        return 200

    async def together() -> list[int | None]:
        async with anthropic.AsyncAnthropic(
            base_url=client.base_url, api_key=client.api_key, max_retries=client.max_retries
        ) as other:
            return list(await asyncio.gather(*(one(other) for _ in range(number))))

    return {"statuses": asyncio.run(together())}


def models(client: Any, model: str) -> dict[str, Any]:
    """List the models and look at one."""
    return {
        "ids": [entry.id for entry in client.models.list(limit=1000)],
        "one": client.models.retrieve(model).id,
    }


def batches(client: Any) -> dict[str, Any]:
    """Ask for something that no pool of accounts can have."""
    return {"ids": [entry.id for entry in client.messages.batches.list(limit=1)]}


def many(client: Any, number: int) -> dict[str, Any]:
    """Stream several answers at once with the SDK's asynchronous client."""

    async def one(other: Any) -> dict[str, Any]:
        async with other.messages.stream(**QUESTION) as helper:
            return _told(await helper.get_final_message())

    async def together() -> list[dict[str, Any]]:
        async with anthropic.AsyncAnthropic(base_url=client.base_url, api_key=client.api_key) as other:
            return list(await asyncio.gather(*(one(other) for _ in range(number))))

    return {"answers": asyncio.run(together())}


def _told(message: Any) -> dict[str, Any]:
    return {
        "text": "".join(block.text for block in message.content if block.type == "text"),
        "stop_reason": message.stop_reason,
        "model": message.model,
        "output_tokens": message.usage.output_tokens,
    }


def connect(url: str, key: str, more: dict[str, Any]) -> Any:
    """Return a client. ``as_token``: the key is an ``auth_token``."""
    own = {name: more.pop(name) for name in ("max_retries", "default_headers") if name in more}
    # None: a key of the environment must not stand in for it.
    credential = {"auth_token": key, "api_key": None} if more.pop("as_token", False) else {"api_key": key}
    return anthropic.Anthropic(base_url=url, timeout=25, **credential, **own)


SCENES: tuple[Scene, ...] = (
    *(create, beta, told, stream, events, leave, tool, parallel, count, count_many, models, batches, many),
)

serve({scene.__name__: scene for scene in SCENES}, connect)
