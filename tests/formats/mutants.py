"""Requests for hypothesis: anything that is JSON, and real requests in which something has gone wrong."""

import itertools
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

KEYS = st.sampled_from(
    [
        *(
            "type",
            "role",
            "content",
            "text",
            "name",
            "id",
            "call_id",
            "tool_call_id",
            "input",
            "output",
            "arguments",
        ),
        *(
            "function",
            "custom",
            "image_url",
            "url",
            "file",
            "file_data",
            "tools",
            "parameters",
            "cache_control",
        ),
        *("encrypted_content", "summary", "refusal", "tool_calls", "schema", "properties", "anyOf", "$ref"),
    ]
)
WORDS = st.sampled_from(
    [
        *(
            "",
            " ",
            "user",
            "assistant",
            "system",
            "developer",
            "tool",
            "function",
            "custom",
            "message",
            "text",
        ),
        *("input_text", "output_text", "image_url", "input_image", "file", "input_file", "function_call"),
        *("function_call_output", "reasoning", "namespace", "object", "string", "{}", '{"a":1}', "[1]", "{"),
        *(
            "data:image/png;base64,AAAA",
            "data:,x",
            "https://example.com/a.png",
            "\ud800",
            "c1",
            "web_search_call",
        ),
        *("none", "auto", "required", "high", "ephemeral", "1h", "#/$defs/x", "functions.x:0"),
    ]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), WORDS
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=8,
)
"""Any JSON, of words that mean something to somebody."""


@st.composite
def mutants(draw: st.DrawFn, documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Draw a document in which up to four places are lost, said twice, changed, or put elsewhere."""
    document: dict[str, Any] = deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(0, 4))):
        holders = [value for value in _inside(document) if value]
        holder = draw(st.sampled_from(holders)) if holders else document
        place: Any = (
            draw(st.integers(0, len(holder) - 1))
            if isinstance(holder, list)
            else draw(st.sampled_from(sorted(holder)))
            if holder
            else "type"
        )
        match draw(st.sampled_from(["lose", "twice", "change", "move", "more"])):
            case "lose" if holder:
                del holder[place]
            case "twice" if isinstance(holder, list):
                holder.insert(draw(st.integers(0, len(holder))), deepcopy(holder[place]))
            case "move" if isinstance(holder, list):
                holder.insert(draw(st.integers(0, len(holder) - 1)), holder.pop(place))
            case "more" if isinstance(holder, dict):
                holder[draw(KEYS)] = draw(JSON)
            case _:
                holder[place] = draw(JSON)
    return document


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _inside(inner)


def plain(value: Any) -> Any:
    """Return what hypothesis made of an SDK's types as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Iterable):
        return [plain(inner) for inner in itertools.islice(value, 4)]
    return str(value)
