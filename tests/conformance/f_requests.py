"""F: how a Messages request is put to an account that speaks Chat Completions. One case a rule."""

import json
from typing import Any

import laws_chat
import laws_messages
from cases import (
    CLIENT_HEADERS,
    MISSING,
    Case,
    Check,
    Outcome,
    absent,
    asked,
    at,
    either,
    encoded,
    every,
    merged,
    must,
    same,
    sent_that,
    texts,
    upstream_never,
)
from exchange import Answer, document
from spoken import chat_stream, completed, said

PATH = "/v1/messages"
BASE: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 1000,
    "messages": [{"role": "user", "content": "Hi"}],
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
IMAGE_PART = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
TOOL = {
    "name": "look",
    "description": "Looks.",
    "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}},
}
MARK = {"cache_control": {"type": "ephemeral"}}


def mapped(
    name: str, changes: dict[str, Any] | bytes, *checks: Check, answers: tuple[Answer, ...] = ()
) -> Case:
    """A request that is taken: what goes upstream is legal, and so is what comes back."""
    body = changes if isinstance(changes, bytes) else encoded(merged(BASE, changes))
    return Case(
        name,
        (laws_chat.is_request, laws_messages.is_message, asked(len(answers) or 1), *checks),
        PATH,
        body,
        answers or (completed(),),
        CLIENT_HEADERS,
    )


def turned_away(name: str, changes: dict[str, Any] | bytes, *checks: Check) -> Case:
    body = changes if isinstance(changes, bytes) else encoded(merged(BASE, changes))
    return Case(
        name,
        (laws_messages.error_of(400, "invalid_request_error"), asked(0), *checks),
        PATH,
        body,
        (completed(),),
        CLIENT_HEADERS,
    )


def said_or_refused(name: str, changes: dict[str, Any], *checks: Check) -> Case:
    """What cannot be expressed is a 400 or stands in the request as text: never lost."""
    told = every(laws_chat.is_request, laws_messages.is_message, *checks)
    refused = every(laws_messages.error_of(400, "invalid_request_error"), asked(0))
    return Case(
        name, (either(told, refused),), PATH, encoded(merged(BASE, changes)), (completed(),), CLIENT_HEADERS
    )


def turns(*given: Any) -> dict[str, Any]:
    """Messages whose roles alternate from user on."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[place % 2], "content": each} for place, each in enumerate(given)]}


def use(identity: str = "toolu_1", name: str = "look", given: Any = None) -> dict[str, Any]:
    return {
        "type": "tool_use",
        "id": identity,
        "name": name,
        "input": {"at": "x"} if given is None else given,
    }


def result(identity: str = "toolu_1", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": identity, **more}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def roles(*wanted: str) -> Check:
    return lambda outcome: same([each["role"] for each in outcome.sent["messages"]], list(wanted), "roles")


def words_of(place: int, *wanted: str) -> Check:
    """The texts of a message hold these words, in this order."""

    def check(outcome: Outcome) -> None:
        whole = "\n".join(texts(outcome.sent["messages"][place].get("content")))
        spots = [whole.find(each) for each in wanted]
        must(-1 not in spots and spots == sorted(spots), f"{wanted} are not in order in {whole[:300]!r}")

    return check


def anywhere(*wanted: str) -> Check:
    return sent_that(
        lambda body: all(any(w in t for t in texts(body["messages"])) for w in wanted), f"{wanted} is lost"
    )


TOOLS = {"tools": [TOOL]}
CALLED = {"tools": [TOOL], **turns("Hi", [use()], [result(content="R")])}
LONG = "mcp__a_server_with_a_long_name__a_tool_with_an_even_longer_name_than_that"
HARD_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "cache_control": {"type": "string", "pattern": "^a", "format": "uri", "title": "T"},
        "citations": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/d"}]},
    },
    "$defs": {"d": {"type": "integer", "default": 1}},
    "additionalProperties": False,
}


def _long_name() -> Case:
    """The upstream cannot know how the name was shortened: it calls the first tool it was given."""

    def checks(outcome: Outcome) -> None:
        name = outcome.sent["tools"][0]["function"]["name"]
        must(len(name) <= 64, f"the name has {len(name)} characters")
        must(
            name == outcome.sent["messages"][1]["tool_calls"][0]["function"]["name"],
            "history has another name",
        )

    history = turns("Hi", [use(name=LONG)], [result(content="R")])
    return mapped(
        "a tool name beyond 64 characters is shortened, in the history too",
        {"tools": [{**TOOL, "name": LONG}], **history},
        checks,
    )


def effort(name: str, model: str, changes: dict[str, Any], wanted: tuple[str, ...] | None) -> Case:
    def check(outcome: Outcome) -> None:
        got = outcome.sent.get("reasoning_effort", MISSING)
        if wanted is None:
            must(got is MISSING, f"reasoning_effort {got!r} where none is due")
        else:
            must(got in wanted, f"reasoning_effort {got!r}, not one of {wanted}")

    return mapped(
        name, {"model": model, "max_tokens": 64_000, **changes}, check, absent("thinking", "output_config")
    )


def budget(tokens: int) -> dict[str, Any]:
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


CASES = [
    # model
    mapped(
        "sonnet with a date is mapped by family",
        {"model": "claude-sonnet-4-5-20250929"},
        at("model", "mid-1"),
    ),
    mapped("opus is mapped by family", {"model": "claude-opus-4-1-20250805"}, at("model", "big-1")),
    mapped(
        "haiku is mapped by family, in the old spelling",
        {"model": "claude-3-5-haiku-latest"},
        at("model", "small-1"),
    ),
    mapped(
        "a model outside the map passes unchanged",
        {"model": "vendor/some-model:free"},
        at("model", "vendor/some-model:free"),
    ),
    # system
    mapped(
        "a system text is the first message",
        {"system": "S"},
        at("messages.0", {"role": "system", "content": "S"}),
        roles("system", "user"),
    ),
    mapped(
        "system blocks keep their order",
        {"system": [text("one"), text("two", **MARK)]},
        words_of(0, "one", "two"),
        roles("system", "user"),
    ),
    mapped("an empty system text is left out", {"system": ""}, roles("user")),
    mapped("empty system blocks are left out", {"system": []}, roles("user")),
    mapped(
        "the billing block is left out",
        {"system": [text("x-anthropic-billing-header: cc_version=1; cc_entrypoint=cli;"), text("Be good.")]},
        upstream_never("billing-header"),
        words_of(0, "Be good."),
    ),
    mapped(
        "a system message among the messages is not lost",
        {
            "messages": [
                {"role": "user", "content": "A"},
                {"role": "system", "content": "Mind."},
                {"role": "user", "content": "B"},
            ]
        },
        anywhere("A", "Mind.", "B"),
    ),
    # text
    mapped("a text stays a text", {}, at("messages.0", {"role": "user", "content": "Hi"})),
    mapped("text blocks keep their order", turns([text("one"), text("two")]), words_of(0, "one", "two")),
    mapped(
        "blank text blocks are dropped beside others",
        turns([text(""), text("two"), text(" \n")]),
        words_of(0, "two"),
    ),
    mapped(
        "cache marks are not sent",
        {"system": [text("S", **MARK)], "tools": [{**TOOL, **MARK}], **turns([text("Hi", **MARK)])},
        upstream_never("cache_control", "ephemeral"),
    ),
    mapped("a cache mark on the request is not sent", MARK, upstream_never("cache_control")),
    mapped(
        "citations on a text are not sent",
        turns("Hi", [text("A", citations=[{"type": "char_location", "cited_text": "secret-citation"}])], "B"),
        upstream_never("citations"),
    ),
    # images and documents
    mapped("an image is a data URL", turns([text("See"), IMAGE]), at("messages.0.content.1", IMAGE_PART)),
    mapped(
        "an image by URL stays one",
        turns([{"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}}]),
        at("messages.0.content.0", {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}),
    ),
    mapped(
        "an image keeps its place among the text",
        turns([text("A"), IMAGE, text("B")]),
        at("messages.0.content.0.text", "A"),
        at("messages.0.content.1", IMAGE_PART),
        at("messages.0.content.2.text", "B"),
    ),
    mapped(
        "a text document is text with its title",
        turns(
            [
                {
                    "type": "document",
                    "title": "Deed",
                    "source": {"type": "text", "media_type": "text/plain", "data": "Body."},
                }
            ]
        ),
        anywhere("Deed", "Body."),
        upstream_never('document"'),
    ),
    said_or_refused(
        "a PDF is neither dropped nor an image",
        turns(
            [
                text("Read"),
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                },
            ]
        ),
        upstream_never("image_url", "data:application"),
        sent_that(
            lambda body: len("".join(texts(body["messages"][0]["content"]))) > len("Read") + 4,
            "the document left no trace",
        ),
    ),
    said_or_refused(
        "a document of blocks is not lost",
        turns([{"type": "document", "source": {"type": "content", "content": [text("Inner words.")]}}]),
        anywhere("Inner words."),
    ),
    said_or_refused(
        "an image by file id is not lost",
        turns([text("See"), {"type": "image", "source": {"type": "file", "file_id": "file_1"}}]),
        sent_that(lambda body: len("".join(texts(body["messages"][0]["content"]))) > 8, "no trace"),
    ),
    # calls and results
    mapped(
        "a call is a tool_call of the same assistant message as its text",
        {**TOOLS, **turns("Hi", [text("Let me."), use()], [result(content="R")])},
        at("messages.1.content", "Let me."),
        at("messages.1.tool_calls.0.id", "toolu_1"),
        sent_that(
            lambda body: (
                json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"at": "x"}
            ),
            "arguments differ",
        ),
        roles("user", "assistant", "tool"),
    ),
    mapped(
        "an empty input is {}",
        {**TOOLS, **turns("Hi", [use(given={})], [result(content="R")])},
        at("messages.1.tool_calls.0.function.arguments", "{}"),
    ),
    mapped(
        "a result is a tool message",
        CALLED,
        at("messages.2", {"role": "tool", "tool_call_id": "toolu_1", "content": "R"}),
    ),
    mapped(
        "results stand directly behind their calls though the text came first",
        {
            **TOOLS,
            **turns(
                "Hi",
                [use("toolu_1"), use("toolu_2")],
                [text("And?"), result("toolu_2", content="R2"), result("toolu_1", content="R1")],
            ),
        },
        roles("user", "assistant", "tool", "tool", "user"),
        words_of(-1, "And?"),
    ),
    mapped(
        "a result without content is an empty text",
        {**TOOLS, **turns("Hi", [use()], [result()])},
        at("messages.2.content", ""),
    ),
    mapped(
        "a result of no blocks is an empty text",
        {**TOOLS, **turns("Hi", [use()], [result(content=[])])},
        at("messages.2.content", ""),
    ),
    mapped(
        "texts of a result are joined by newlines",
        {**TOOLS, **turns("Hi", [use()], [result(content=[text("a"), text("b")])])},
        at("messages.2.content", "a\nb"),
    ),
    mapped(
        "images of results follow behind all results",
        {
            **TOOLS,
            **turns(
                "Hi",
                [use("toolu_1"), use("toolu_2")],
                [result("toolu_1", content=[text("shot"), IMAGE]), result("toolu_2", content="R2")],
            ),
        },
        roles("user", "assistant", "tool", "tool", "user"),
        words_of(2, "shot"),
        sent_that(lambda body: IMAGE_PART in body["messages"][4]["content"], "the image is lost"),
    ),
    mapped(
        "a failed result keeps its text and no flag",
        {**TOOLS, **turns("Hi", [use()], [result(content="Bad luck", is_error=True)])},
        words_of(2, "Bad luck"),
        upstream_never("is_error"),
    ),
    mapped(
        "user properties called like API fields stay",
        {
            **TOOLS,
            **turns(
                "Hi",
                [use(given={"cache_control": {"type": "ephemeral"}, "citations": 1})],
                [result(content="R")],
            ),
        },
        sent_that(
            lambda body: (
                json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"])
                == {"cache_control": {"type": "ephemeral"}, "citations": 1}
            ),
            "properties were stripped",
        ),
    ),
    mapped(
        "integers beyond 2^53 stay exact",
        {**TOOLS, **turns("Hi", [use(given={"id": 1234567890123456789})], [result(content="R")])},
        upstream_never("1234567890123456800"),
        sent_that(
            lambda body: (
                json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"])
                == {"id": 1234567890123456789}
            ),
            "rounded",
        ),
    ),
    # thinking and server blocks in the history
    mapped(
        "earlier thoughts are not sent",
        turns(
            "Hi",
            [
                {"type": "thinking", "thinking": "deep thought", "signature": "sig-1"},
                {"type": "redacted_thinking", "data": "red-1"},
                text("A"),
            ],
            "B",
        ),
        upstream_never("deep thought", "sig-1", "red-1"),
        at("messages.1.content", "A"),
    ),
    mapped(
        "a turn of thoughts alone leaves nothing invalid",
        turns("Hi", [{"type": "thinking", "thinking": "T", "signature": "s"}], "B"),
        anywhere("Hi", "B"),
    ),
    mapped(
        "a server tool's call and result keep together",
        turns(
            "Hi",
            [
                text("I search."),
                {
                    "type": "server_tool_use",
                    "id": "srvtoolu_1",
                    "name": "web_search",
                    "input": {"query": "q"},
                },
                {
                    "type": "web_search_tool_result",
                    "tool_use_id": "srvtoolu_1",
                    "content": [
                        {
                            "type": "web_search_result",
                            "title": "T",
                            "url": "https://x.example",
                            "encrypted_content": "enc-1",
                        }
                    ],
                },
                text("Found."),
            ],
            "B",
        ),
        words_of(1, "I search.", "Found."),
        upstream_never("enc-1"),
    ),
    mapped(
        "a prefill stays the last message",
        turns("Hi", "The answer is"),
        at("messages.1", {"role": "assistant", "content": "The answer is"}),
    ),
    mapped("a message without content is skipped", turns("Hi", [], "B"), anywhere("Hi", "B")),
    # tools
    mapped(
        "a tool is a function",
        TOOLS,
        at(
            "tools",
            [
                {
                    "type": "function",
                    "function": {"name": "look", "description": "Looks.", "parameters": TOOL["input_schema"]},
                }
            ],
        ),
    ),
    mapped(
        "a custom tool is a function",
        {"tools": [{**TOOL, "type": "custom"}]},
        at("tools.0.function.name", "look"),
    ),
    mapped(
        "a schema is unchanged",
        {"tools": [{**TOOL, "input_schema": HARD_SCHEMA}]},
        at("tools.0.function.parameters", HARD_SCHEMA),
    ),
    mapped(
        "a tool without description has none",
        {"tools": [{key: TOOL[key] for key in ("name", "input_schema")}]},
        absent("tools.0.function.description"),
    ),
    mapped(
        "marks on tools that only Anthropic knows are not sent",
        {
            "tools": [
                {
                    **TOOL,
                    "defer_loading": True,
                    "eager_input_streaming": True,
                    "input_examples": [{"at": "y"}],
                }
            ]
        },
        upstream_never("defer_loading", "eager_input", "input_examples"),
    ),
    said_or_refused(
        "server tools are no empty functions",
        {
            "tools": [
                TOOL,
                {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
                {"type": "bash_20250124", "name": "bash"},
            ]
        },
        sent_that(
            lambda body: [t["function"]["name"] for t in body["tools"]] == ["look"], "other tools than look"
        ),
    ),
    said_or_refused(
        "without tools left there is nothing about tools",
        {
            "tools": [{"type": "web_search_20250305", "name": "web_search"}],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        },
        absent("tools", "tool_choice", "parallel_tool_calls"),
    ),
    mapped(
        "an empty list of tools is left out",
        {"tools": [], "tool_choice": {"type": "auto"}},
        absent("tools", "tool_choice"),
    ),
    _long_name(),
    mapped(
        "tool_choice auto",
        {**TOOLS, "tool_choice": {"type": "auto"}},
        either(at("tool_choice", "auto"), absent("tool_choice")),
    ),
    mapped(
        "tool_choice any is required",
        {**TOOLS, "tool_choice": {"type": "any"}},
        at("tool_choice", "required"),
    ),
    mapped(
        "tool_choice tool is a function",
        {**TOOLS, "tool_choice": {"type": "tool", "name": "look"}},
        at("tool_choice", {"type": "function", "function": {"name": "look"}}),
    ),
    mapped(
        "tool_choice none",
        {**TOOLS, "tool_choice": {"type": "none"}},
        either(at("tool_choice", "none"), absent("tools")),
    ),
    mapped(
        "one call at a time",
        {**TOOLS, "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        at("parallel_tool_calls", False),
    ),
    # settings
    mapped("max_tokens keeps its name", {}, at("max_tokens", 1000), absent("max_completion_tokens")),
    mapped(
        "gpt-5 gets max_completion_tokens",
        {"model": "gpt-5-mini"},
        at("max_completion_tokens", 1000),
        absent("max_tokens"),
    ),
    mapped(
        "o3 gets max_completion_tokens",
        {"model": "o3"},
        at("max_completion_tokens", 1000),
        absent("max_tokens"),
    ),
    mapped(
        "the other name is tried once where max_tokens is refused",
        {"model": "a-new-reasoner"},
        at("max_completion_tokens", 1000),
        absent("max_tokens"),
        answers=(
            document(
                {
                    "error": {
                        "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                        "type": "invalid_request_error",
                        "param": "max_tokens",
                        "code": "unsupported_parameter",
                    }
                },
                400,
            ),
            completed(),
        ),
    ),
    mapped(
        "a temperature of 0 is sent", {"temperature": 0, "top_p": 0}, at("temperature", 0), at("top_p", 0)
    ),
    mapped(
        "temperature and top_p are sent",
        {"temperature": 0.7, "top_p": 0.9},
        at("temperature", 0.7),
        at("top_p", 0.9),
    ),
    mapped("top_k is not sent", {"top_k": 40}, absent("top_k")),
    mapped(
        "stop sequences are stop",
        {"stop_sequences": ["END", "\n\nHuman:"]},
        at("stop", ["END", "\n\nHuman:"]),
    ),
    mapped("no stop sequences are no stop", {"stop_sequences": []}, absent("stop")),
    effort("a budget of 1,024 is a low effort", "gpt-5", budget(1024), ("low",)),
    effort("a budget of 8,000 is a medium effort", "gpt-5", budget(8000), ("medium",)),
    effort("a budget of 32,000 is a high effort", "gpt-5", budget(32_000), ("high",)),
    effort("a budget says nothing to a model not known to reason", "claude-sonnet-4-5", budget(8000), None),
    effort(
        "adaptive thinking keeps its effort",
        "gpt-5",
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}},
        ("medium",),
    ),
    effort(
        "the effort max is clamped",
        "gpt-5",
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
        ("high", "xhigh"),
    ),
    mapped(
        "disabled thinking is not sent",
        {"model": "gpt-5", "thinking": {"type": "disabled"}},
        absent("thinking"),
        sent_that(lambda body: body.get("reasoning_effort", "none") in {"none", "minimal"}, "an effort"),
    ),
    mapped(
        "a user id goes as at most 64 characters, or not at all",
        {
            "metadata": {
                "user_id": "user_" + "a" * 64 + "_account__session_11111111-2222-3333-4444-555555555555"
            }
        },
        absent("metadata"),
        sent_that(
            lambda body: all(len(body.get(key, "")) <= 64 for key in ("user", "safety_identifier")),
            "too long",
        ),
    ),
    Case(
        "a stream asks for usage",
        (
            laws_chat.is_request,
            laws_messages.is_stream,
            at("stream", True),
            at("stream_options", {"include_usage": True}),
        ),
        PATH,
        encoded(merged(BASE, {"stream": True})),
        (chat_stream(*said("Hello")),),
        CLIENT_HEADERS,
    ),
    mapped("without a stream nothing asks for its usage", {"stream": False}, absent("stream_options")),
    mapped(
        "what only Anthropic knows is not sent",
        {
            "service_tier": "auto",
            "container": "c",
            "context_management": {"edits": []},
            "mcp_servers": [],
            "betas": ["x"],
            "output_config": {"effort": "high"},
            "inference_geo": "us",
            "speed": "fast",
            "something_new": 1,
            "safeguards": {},
        },
        absent(
            "service_tier",
            "container",
            "context_management",
            "mcp_servers",
            "betas",
            "output_config",
            "inference_geo",
            "speed",
            "something_new",
            "safeguards",
        ),
    ),
    Case(
        "the query and the client's headers stay here",
        (laws_chat.is_request, laws_messages.is_message, at("model", "mid-1")),
        PATH + "?beta=true",
        encoded(BASE),
        (completed(),),
        (
            *CLIENT_HEADERS,
            "Authorization: Bearer sk-client-secret",
            "x-claude-code-session-id: 11111111-2222-3333-4444-555555555555",
        ),
    ),
]
