"""What api.openai.com refuses in a Chat Completions request, and in which words, as far as is known. Pure.

The whitelists are the parameters of OpenAI's own SDK. Not in them is what is deprecated (functions) or known to other
APIs alone (top_k): some servers answer 400 to it and some ignore it, so nobody may count on either.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ccflared.demo.asked import Fault
from ccflared.demo.chat_faults import empty, long, missing, named, not_one_of, unknown, whole
from ccflared.demo.chat_messages import adjacency, messages

REQUEST = frozenset(
    {
        *("audio", "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens"),
        *("messages", "modalities", "model", "n", "parallel_tool_calls", "prediction", "presence_penalty"),
        *(
            "prompt_cache_key",
            "prompt_cache_retention",
            "reasoning_effort",
            "response_format",
            "safety_identifier",
        ),
        *("seed", "service_tier", "stop", "store", "stream", "stream_options", "temperature", "tool_choice"),
        *("tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options"),
    }
)
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
REASONS = re.compile(r"o[1-9]|gpt-[5-9]")
"""Models that reason: they want ``max_completion_tokens``, and sample as they like."""
SAMPLING = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
"""What models that reason take with this value alone."""
EFFORTLESS = re.compile(r"gpt-5\.[4-9]|gpt-[6-9]")
"""Models that refuse tools beside an effort, unless it is none."""
EAGER = re.compile(r"gpt-5\.[6-9]|gpt-[6-9]")
"""Those of them that reason if they are told nothing, so that tools are refused then, too."""
MOST_OUTPUT = {"gpt-4o": 16_384, "gpt-4.1": 32_768}
"""Tokens, by how the names of models begin."""
UNIONS = {"oneOf", "anyOf", "allOf", "enum", "const", "not"}
"""What may not stand at the top of a function's schema."""
MOST_STOPS = 4


def fault_in(asked: Mapping[str, Any], allows: Collection[str] = ()) -> Fault | None:
    """Return the first thing that is wrong with a request, or None.

    ``allows``: further keys, of a message as ``messages.reasoning_content``, of a part of its content as
    ``messages.content.cache_control``.
    """
    for rules in (_request(asked, allows), messages(asked, allows), adjacency(asked), _tools(asked)):
        for fault in rules:
            return fault
    return None


def _request(asked: Mapping[str, Any], allows: Collection[str]) -> Iterator[Fault]:
    if "metadata" in asked:
        yield Fault("The 'metadata' parameter is only allowed when 'store' is enabled.", "metadata")
    for key in sorted(asked.keys() - REQUEST - set(allows)):
        yield Fault(f"Unrecognized request argument supplied: {key}")
    if not isinstance(asked.get("model"), str) or not asked["model"]:
        yield Fault("you must provide a model parameter")
        return
    yield from _limits(asked)
    yield from _of_the_model(asked)
    yield from _stream_options(asked)
    if "stop" in asked:
        yield from _stop(asked["stop"])
    for key in ("user", "safety_identifier", "prompt_cache_key"):
        if isinstance(asked.get(key), str) and len(asked[key]) > 64:
            yield long(key, 64, len(asked[key]))
    yield from _format(asked.get("response_format"))


def _stream_options(asked: Mapping[str, Any]) -> Iterator[Fault]:
    options = asked.get("stream_options")
    if options is None:
        return
    if asked.get("stream") is not True:
        only = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        yield Fault(only, "stream_options")
    if not isinstance(options, dict):
        object_ = "Invalid type for 'stream_options': expected an object."
        yield Fault(object_, "stream_options", "invalid_type")
    else:
        yield from unknown(options, {"include_usage", "include_obfuscation"}, "stream_options", "", ())


def _limits(asked: Mapping[str, Any]) -> Iterator[Fault]:
    for key in ("max_tokens", "max_completion_tokens", "n", "seed"):
        if asked.get(key) is not None and not whole(asked[key]):
            yield Fault(f"Invalid type for '{key}': expected an integer.", key, "invalid_type")
    for key in ("max_tokens", "max_completion_tokens"):
        if whole(asked.get(key)) and asked[key] < 1:
            below = f"integer below minimum value. Expected a value >= 1, but got {asked[key]} instead."
            yield Fault(f"Invalid '{key}': {below}", key, "integer_below_min_value")
    if asked.get("max_tokens") is not None and asked.get("max_completion_tokens") is not None:
        both = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        yield Fault(both, None, "invalid_parameter_combination")
    for key, low, high in (
        ("temperature", 0, 2),
        ("top_p", 0, 1),
        ("presence_penalty", -2, 2),
        ("frequency_penalty", -2, 2),
    ):
        value = asked.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield Fault(f"Invalid type for '{key}': expected a decimal.", key, "invalid_type")
        elif value < low:
            yield Fault(f"Invalid '{key}': decimal below minimum value.", key, "decimal_below_min_value")
        elif value > high:
            yield Fault(f"Invalid '{key}': decimal above maximum value.", key, "decimal_above_max_value")
    for key in ("stream", "store", "parallel_tool_calls", "logprobs"):
        if not isinstance(asked.get(key), bool | None):
            yield Fault(f"Invalid type for '{key}': expected a boolean.", key, "invalid_type")
    if asked.get("reasoning_effort") not in (None, *EFFORTS):
        yield not_one_of("reasoning_effort", asked["reasoning_effort"], EFFORTS)


def _of_the_model(asked: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what one kind of models takes and the other does not."""
    model = asked["model"].rpartition("/")[2]
    for beginning, most in MOST_OUTPUT.items():
        for key in ("max_tokens", "max_completion_tokens"):
            if model.startswith(beginning) and asked.get(key) is not None and asked[key] > most:
                yield Fault(
                    f"{key} is too large: {asked[key]}. This model supports at most {most} completion tokens, "
                    f"whereas you provided {asked[key]}.",
                    key,
                    "invalid_value",
                )
    if not REASONS.match(model):
        if asked.get("reasoning_effort") is not None:
            yield Fault("Unrecognized request argument supplied: reasoning_effort")
        return
    yield from _effort_beside_tools(asked, model)
    if asked.get("max_tokens") is not None:
        yield Fault(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    for key, only in SAMPLING.items():
        if asked.get(key) not in (None, only):
            yield Fault(
                f"Unsupported value: '{key}' does not support {asked[key]} with this model. "
                f"Only the default ({only}) value is supported.",
                key,
                "unsupported_value",
            )
    for key in ("logprobs", "top_logprobs", "logit_bias"):
        if asked.get(key):
            unsupported = f"Unsupported parameter: '{key}' is not supported with this model."
            yield Fault(unsupported, key, "unsupported_parameter")


def _effort_beside_tools(asked: Mapping[str, Any], model: str) -> Iterator[Fault]:
    told = asked.get("reasoning_effort")
    if asked.get("tools") and EFFORTLESS.match(model) and told != "none" and (told or EAGER.match(model)):
        yield Fault(
            f"Function tools with reasoning_effort are not supported for {model} in /v1/chat/completions. To use "
            "function tools, use /v1/responses or set reasoning_effort to 'none'.",
            "reasoning_effort",
        )


def _stop(stop: Any) -> Iterator[Fault]:
    if stop is None or isinstance(stop, str):
        return
    if not isinstance(stop, list) or not all(isinstance(each, str) for each in stop):
        yield Fault(
            "Invalid type for 'stop': expected a string or a list of strings.", "stop", "invalid_type"
        )
    elif not stop:
        yield empty("stop")
    elif len(stop) > MOST_STOPS:
        most = f"Expected an array with maximum length {MOST_STOPS}, but got an array with length {len(stop)} instead."
        yield Fault(f"Invalid 'stop': array too long. {most}", "stop", "array_above_max_length")


def _format(wanted: Any) -> Iterator[Fault]:
    if wanted is None:
        return
    kinds = ("json_object", "json_schema", "text")
    if not isinstance(wanted, dict) or wanted.get("type") not in kinds:
        yield not_one_of("response_format.type", wanted, kinds)
    elif wanted["type"] == "json_schema":
        schema = wanted.get("json_schema")
        if not isinstance(schema, dict) or not isinstance(schema.get("schema"), dict):
            yield missing("response_format.json_schema")
        else:
            yield from named(schema.get("name"), "response_format.json_schema.name")


def _tools(asked: Mapping[str, Any]) -> Iterator[Fault]:
    tools = asked.get("tools")
    if tools is None:
        for key in ("tool_choice", "parallel_tool_calls"):
            if asked.get(key) is not None:
                yield Fault(
                    f"Invalid value for '{key}': '{key}' is only allowed when 'tools' are specified.", key
                )
        return
    if not isinstance(tools, list):
        yield Fault("Invalid type for 'tools': expected an array of objects.", "tools", "invalid_type")
        return
    if not tools:
        yield empty("tools")
    names: list[Any] = []
    for place, tool in enumerate(tools):
        where = f"tools[{place}]"
        function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
        if not isinstance(function, dict):
            yield not_one_of(f"{where}.type", tool, ("function",))
            continue
        yield from unknown(tool, {"type", "function"}, where, "", ())
        yield from _function(function, f"{where}.function")
        names.append(function.get("name"))
    if len(set(names)) < len(names):
        yield Fault("Invalid 'tools': the names of functions must be unique.", "tools", "invalid_value")
    yield from _choice(asked.get("tool_choice"), names)


def _function(function: Mapping[str, Any], where: str) -> Iterator[Fault]:
    yield from unknown(function, {"name", "description", "parameters", "strict"}, where, "", ())
    yield from named(function.get("name"), f"{where}.name")
    if "description" in function and not isinstance(function["description"], str):
        yield Fault(f"Invalid type for '{where}.description': expected a string.", where, "invalid_type")
    schema = function.get("parameters")
    if "parameters" in function and (not isinstance(schema, dict) or schema.get("type") != "object"):
        kind = schema.get("type") if isinstance(schema, dict) else None
        yield Fault(
            f"Invalid schema for function '{function.get('name')}': schema must be a JSON Schema of "
            f"'type: \"object\"', got 'type: \"{kind}\"'.",
            f"{where}.parameters",
            "invalid_function_parameters",
        )
    elif isinstance(schema, dict) and schema.keys() & UNIONS:
        yield Fault(
            f"Invalid schema for function '{function.get('name')}': schema must have type 'object' and not have "
            "'oneOf'/'anyOf'/'allOf'/'enum'/'const'/'not' at the top level.",
            f"{where}.parameters",
            "invalid_function_parameters",
        )


def _choice(choice: Any, names: list[Any]) -> Iterator[Fault]:
    if choice is None or choice in ("none", "auto", "required"):
        return
    function = (
        choice.get("function") if isinstance(choice, dict) and choice.get("type") == "function" else None
    )
    if not isinstance(function, dict) or choice.keys() != {"type", "function"} or function.keys() != {"name"}:
        yield not_one_of("tool_choice", choice, ("none", "auto", "required"))
    elif function["name"] not in names:
        none = f"Invalid value: tool_choice names '{function['name']}', which is none of the tools."
        yield Fault(none, "tool_choice", "invalid_value")
