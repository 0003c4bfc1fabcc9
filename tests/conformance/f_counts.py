"""F: count_tokens is answered here, about right, and rather too high than too low."""

from typing import Any

import laws_messages
from cases import CLIENT_HEADERS, MISSING, Case, Check, Outcome, asked, encoded, merged, must, status
from f_requests import BASE, IMAGE, TOOL, turns

PATH = "/v1/messages/count_tokens"


def counted(name: str, changes: dict[str, Any], low: int, high: int, *checks: Check) -> Case:
    def check(outcome: Outcome) -> None:
        must(set(outcome.got) == {"input_tokens"}, f"the answer is {outcome.got}")
        tokens = outcome.got["input_tokens"]
        must(type(tokens) is int and low <= tokens <= high, f"{tokens} tokens, not {low} to {high}")

    body = encoded(merged(BASE, {"max_tokens": MISSING, **changes}))
    return Case(name, (status(200), asked(0), check, *checks), PATH + "?beta=true", body, (), CLIENT_HEADERS)


_TOOLS = [{**TOOL, "name": f"look_{place}", "description": "word " * 100} for place in range(20)]
_BIG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 2_000_000}}

CASES = [
    counted("a short question", {}, 1, 30),
    counted("four thousand letters are about a thousand tokens", turns("word " * 800), 700, 2000),
    counted("Chinese characters are about a token each", turns("汉字" * 500), 800, 2500),
    counted("an image is a constant, whatever its size", turns([_BIG]), 500, 4000),
    counted("a tiny image counts for something", turns([IMAGE]), 50, 4000),
    counted("the system text counts", {"system": "word " * 800}, 700, 2000),
    counted("tools count", {"tools": _TOOLS}, 1800, 8000),
    counted(
        "calls and results count",
        turns(
            "Hi",
            [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "word " * 400}}],
            [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "word " * 400}],
        ),
        700,
        2500,
    ),
    counted(
        "thoughts and odd blocks are no fault",
        turns(
            "Hi",
            [
                {"type": "thinking", "thinking": "word " * 100, "signature": "s"},
                {"type": "hologram"},
                {"type": "text", "text": "A"},
            ],
            "B",
        ),
        1,
        500,
    ),
    Case(
        "a mistake is told as one",
        (laws_messages.error_of(400, "invalid_request_error"), asked(0)),
        PATH,
        b"{",
        (),
        CLIENT_HEADERS,
    ),
]
