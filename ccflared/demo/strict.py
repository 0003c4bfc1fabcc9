"""What api.anthropic.com refuses in a Messages request and translators get wrong, in its words as far as known. Pure.

The whitelists are the parameters of Anthropic's own SDK, beta ones included. What each generation of models refuses
is in Anthropic's documentation: "What's new in Claude 4.6", "Migrating to Claude Opus 4.7", "Troubleshooting thinking".
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ccflared.demo.asked import Fault
from ccflared.demo.strict_messages import conversation, marks, text

REQUEST = frozenset(
    {
        *("billing_policy", "cache_control", "compaction", "container", "context_management", "diagnostics"),
        *("fallback_credit_token", "fallbacks", "inference_geo", "max_tokens", "mcp_servers", "messages"),
        *("metadata", "model", "output_config", "output_format", "safeguards", "service_tier", "speed"),
        *("stop_sequences", "stream", "system", "temperature", "thinking", "thread", "tool_choice", "tools"),
        *("top_k", "top_p", "user_profile_id", "workspace_id"),
    }
)
TOOL = frozenset(
    {
        *("allowed_callers", "cache_control", "defer_loading", "description", "eager_input_streaming"),
        *("input_examples", "input_schema", "name", "strict", "type"),
    }
)
SHAPES: Mapping[str, tuple[type, str]] = {
    "metadata": (dict, "an object"),
    "output_config": (dict, "an object"),
    "thinking": (dict, "an object"),
    "tool_choice": (dict, "an object"),
    "tools": (list, "a valid array"),
    "stop_sequences": (list, "a valid array"),
    "stream": (bool, "a valid boolean"),
}
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
CHOICE = {
    "auto": frozenset({"type", "disable_parallel_tool_use"}),
    "any": frozenset({"type", "disable_parallel_tool_use"}),
    "tool": frozenset({"type", "name", "disable_parallel_tool_use"}),
    "none": frozenset({"type"}),
}
EFFORTS = ("low", "medium", "high", "xhigh", "max")
MOST_MARKS = 4
LEAST_BUDGET = 1024
GENERATION = re.compile(r"claude-(?:[a-z]+-)?(\d)(?:-(\d{1,2}))?(?![\d])")


def fault_in(body: bytes, signer: str, *, counting: bool = False) -> Fault | None:
    """Return the first thing that is wrong with a request that is one as far as ``asked.read`` looks, or None.

    ``signer``: whose thinking blocks are accepted. ``counting``: it is a count_tokens request.
    """
    asked: dict[str, Any] = json.loads(body)
    try:
        json.dumps(asked, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return Fault("The request body is not valid JSON: no low surrogate in string")
    rules = (
        _request(asked, counting),
        _system(asked.get("system")),
        conversation(asked["messages"], signer),
        _tools(asked),
        _thinking(asked),
        _of_the_model(asked),
    )
    return next((fault for each in rules for fault in each), None)


def generation(model: str) -> tuple[int, int] | None:
    """Return which generation of Claude a model is of, such as (4, 5); None for models of others."""
    found = GENERATION.match(model)
    return (int(found[1]), int(found[2] or 0)) if found else None


def _request(asked: Mapping[str, Any], counting: bool) -> Iterator[Fault]:
    for key in sorted(asked.keys() - REQUEST):
        yield Fault(f"{key}: Extra inputs are not permitted")
    for key, (shape, name) in SHAPES.items():
        if not isinstance(asked.get(key), shape | None):
            yield Fault(f"{key}: Input should be {name}")
    if not counting and (isinstance(asked["max_tokens"], bool) or asked["max_tokens"] < 1):
        yield Fault("max_tokens: Input should be greater than or equal to 1")
    for key in ("temperature", "top_p"):
        value = asked.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield Fault(f"{key}: Input should be a valid number")
        elif not 0 <= value <= 1:
            bound = "less than or equal to 1" if value > 1 else "greater than or equal to 0"
            yield Fault(f"{key}: Input should be {bound}")
    for place, stop in enumerate(asked.get("stop_sequences") or ()):
        if not isinstance(stop, str):
            yield Fault(f"stop_sequences.{place}: Input should be a valid string")
        elif not stop.strip():
            yield Fault("stop_sequences: each stop sequence must contain non-whitespace")
    for key in (asked.get("metadata") or {}).keys() - {"user_id"}:
        yield Fault(f"metadata.{key}: Extra inputs are not permitted")
    effort = (asked.get("output_config") or {}).get("effort")
    if effort not in (None, *EFFORTS):
        yield Fault(f"output_config.effort: Input should be {', '.join(map(repr, EFFORTS))}")
    found = marks(asked)
    if found > MOST_MARKS:
        yield Fault(f"A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {found}.")


def _system(system: Any) -> Iterator[Fault]:
    if system is None or isinstance(system, str):
        return
    if not isinstance(system, list):
        yield Fault("system: Input should be a valid string or a valid array")
        return
    for place, block in enumerate(system):
        if not isinstance(block, dict) or block.get("type") != "text":
            yield Fault(f"system.{place}.type: Input should be 'text'")
        else:
            yield from text(block, f"system.{place}", "system")


def _tools(asked: Mapping[str, Any]) -> Iterator[Fault]:
    tools, choice = asked.get("tools"), asked.get("tool_choice")
    names: list[str] = []
    for place, tool in enumerate(tools or ()):
        if not isinstance(tool, dict):
            yield Fault(f"tools.{place}: Input should be an object")
        elif tool.get("type") in (None, "custom"):
            yield from _custom(tool, f"tools.{place}.custom")
            names.append(tool["name"])
    if len(set(names)) < len(names):
        yield Fault("tools: Tool names must be unique.")
    if choice is None:
        return
    kind = choice.get("type")
    if not isinstance(kind, str) or kind not in CHOICE:
        yield Fault(
            "tool_choice: Input tag does not match any of the expected tags: 'auto', 'any', 'tool', 'none'"
        )
        return
    for key in choice.keys() - CHOICE[kind]:
        yield Fault(f"tool_choice.{kind}.{key}: Extra inputs are not permitted")
    if not tools:
        yield Fault("tool_choice: may only be specified while providing `tools`.")
    elif kind == "tool" and choice.get("name") not in names:
        yield Fault(f"Tool '{choice.get('name')}' not found in provided tools")


def _custom(tool: Mapping[str, Any], where: str) -> Iterator[Fault]:
    for key in sorted(tool.keys() - TOOL):
        yield Fault(f"{where}.{key}: Extra inputs are not permitted")
    if not isinstance(tool.get("name"), str):
        yield Fault(f"{where}.name: Field required")
    elif not TOOL_NAME.fullmatch(tool["name"]):
        yield Fault(f"{where}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
    if "description" in tool and not isinstance(tool["description"], str):
        yield Fault(f"{where}.description: Input should be a valid string")
    if "strict" in tool and not isinstance(tool["strict"], bool):
        yield Fault(f"{where}.strict: Input should be a valid boolean")
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        yield Fault(f"{where}.input_schema: Field required")
    elif schema.get("type") != "object":
        said = "Input should be 'object'" if "type" in schema else "Field required"
        yield Fault(f"{where}.input_schema.type: {said}")
    elif schema.keys() & {"oneOf", "allOf", "anyOf"}:
        yield Fault(
            f"{where}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"
        )


def _thinking(asked: Mapping[str, Any]) -> Iterator[Fault]:
    thinking = asked.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type")
    if kind not in ("enabled", "adaptive", "disabled", "between_tools"):
        yield Fault(
            "thinking: Input tag does not match any of the expected tags: 'enabled', 'disabled', 'adaptive'"
        )
    if kind not in ("enabled", "adaptive"):
        return
    if kind == "enabled":
        yield from _manual(asked, thinking.get("budget_tokens"))
    elif "budget_tokens" in thinking:
        yield Fault("thinking.adaptive.budget_tokens: Extra inputs are not permitted")
    if asked.get("temperature") not in (None, 1):
        yield Fault("`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.")
    if asked.get("top_p") is not None and asked["top_p"] < 0.95:
        yield Fault("`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.")
    if asked.get("top_k") is not None:
        yield Fault("`top_k` must be unset when thinking is enabled.")


def _manual(asked: Mapping[str, Any], budget: Any) -> Iterator[Fault]:
    """Yield what thinking with a budget demands."""
    if isinstance(budget, bool) or not isinstance(budget, int):
        yield Fault("thinking.enabled.budget_tokens: Field required")
    elif budget < LEAST_BUDGET:
        yield Fault(
            f"thinking.enabled.budget_tokens: Input should be greater than or equal to {LEAST_BUDGET}"
        )
    elif "max_tokens" in asked and budget >= asked["max_tokens"]:
        yield Fault("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if (asked.get("tool_choice") or {}).get("type") in ("any", "tool"):
        yield Fault("Thinking may not be enabled when tool_choice forces tool use.")
    for place in range(len(asked["messages"]) - 1, -1, -1):
        message = asked["messages"][place]
        content = message["content"] if isinstance(message["content"], list) else []
        kinds = [block["type"] for block in content]
        if message["role"] == "assistant":
            if "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking"):
                yield Fault(
                    f"messages.{place}.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
                    f"`{kinds[0]}`. When `thinking` is enabled, a final `assistant` message must start with a thinking "
                    "block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
                )
            return
        if message["role"] == "user" and "tool_result" not in kinds:
            return


def _of_the_model(asked: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what the generation of the model no longer takes, or not yet."""
    of = generation(asked["model"])
    if of is None:
        return
    thinking = (asked.get("thinking") or {}).get("type")
    if thinking == "adaptive" and of < (4, 6):
        yield Fault("adaptive thinking is not supported on this model")
    if (thinking == "enabled" and of >= (4, 7)) or (thinking == "disabled" and of == (5, 5)):
        yield Fault(
            f'"thinking.type.{thinking}" is not supported for this model. Use "thinking.type.adaptive" and '
            '"output_config.effort" to control thinking behavior.'
        )
    if of >= (4, 6) and asked["messages"][-1]["role"] == "assistant":
        yield Fault(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    for key in ("temperature", "top_p", "top_k"):
        if of >= (4, 7) and asked.get(key) not in (None, 1 if key != "top_k" else None):
            yield Fault(f"`{key}` is deprecated for this model.")
    if (4, 5) <= of < (4, 7) and asked.get("temperature") is not None and asked.get("top_p") is not None:
        yield Fault("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
