"""The words for edits and conversations, as the dialogs of ``ccflared top`` have them: pure, on sheets of any width."""

from typing import Any

import pytest

from ccflared.cli.render.conversation import conversation_lines
from ccflared.cli.render.edited import message_of, preview_lines, refusal_lines, toml_of
from ccflared.cli.render.layout import ASCII, Line, line_cells, text_of
from ccflared.cli.render.sheet import Sheet
from ccflared.cli.top.dialogs.written import folded

DIFF = "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n [accounts.first]\n-priority = 0\n+priority = 7\n"
PREVIEW = {
    "preview": True,
    "message": "This is what would be written.",
    "changes": ["accounts.first.priority: 0 -> 7"],
    "warnings": ["it cannot serve"],
    "diffs": [{"file": "/etc/f", "diff": DIFF}, {"file": "/etc/g", "diff": "+a = 1"}],
    "obstacle": None,
    "toml": "[accounts.first]\npriority = 7\n",
}
TOLD = {
    "model": "claude-sonnet-4-5",
    "system": [{"kind": "text", "text": "Be brief."}],
    "tools": [{"name": "clock"}],
    "truncated": True,
    "notes": ["the request could not be read to its end"],
    "messages": [
        {
            "role": "user",
            "parts": [
                {"kind": "image", "mediaType": "image/png", "bytes": 2048},
                {"kind": "document", "title": "Tides", "text": "high\n  low"},
                {"kind": "document", "url": "https://example.com/tides.pdf"},
                {"kind": "other", "type": "search", "value": {"q": "tides"}},
            ],
        },
        {
            "role": "assistant",
            "parts": [
                {"kind": "thinking", "sealed": 4096},
                {"kind": "tool_call", "id": "t", "name": "clock", "arguments": "not { json"},
            ],
        },
        {"role": "user", "parts": [{"kind": "tool_result", "id": "t", "parts": []}]},
        {"role": "user", "parts": []},
    ],
    "answer": {
        "parts": [{"kind": "text", "text": "It is late.", "cut": 12}],
        "stop": "max_tokens",
        "whole": False,
        "error": {"kind": "overloaded_error", "message": "Overloaded"},
    },
}


def text(lines: list[Line]) -> str:
    return "\n".join(text_of(line) for line in lines)


def test_a_preview_is_its_warnings_and_the_diff_of_each_file() -> None:
    assert text(preview_lines(PREVIEW, Sheet(60))) == (
        "Warning: it cannot serve\n\n/etc/f\n@@ -1,2 +1,2 @@\n [accounts.first]\n-priority = 0\n+priority = 7\n\n"
        "/etc/g\n+a = 1"
    )


def test_what_comes_and_what_goes_differ_in_colour_too() -> None:
    styles = {text_of(line): line[0].style for line in preview_lines(PREVIEW, Sheet(60)) if line}
    assert (styles["+priority = 7"], styles["-priority = 0"]) == ("good", "bad")


def test_where_it_cannot_be_written_the_toml_stands_there_instead() -> None:
    said = text(preview_lines(PREVIEW | {"obstacle": "/etc may not be written."}, Sheet(60)))
    assert said == (
        "The daemon may not write the file: /etc may not be written.\n\n"
        "Write it by hand, into /etc/f:\n\n[accounts.first]\npriority = 7"
    )
    assert toml_of(PREVIEW) == "[accounts.first]\npriority = 7"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            {
                "kind": "not allowed",
                "losses": ["The last account would go."],
                "message": 'The last account would go. If that is meant: "allowLess": true.',
            },
            "Something would go that nobody loses by accident:\n  • The last account would go.",
        ),
        (
            {
                "kind": "not allowed",
                "losses": [],
                "message": 'The account "a" is named by the chain for opus.',
            },
            'The account "a" is named by the chain for opus.',
        ),
        (
            {
                "kind": "mistakes",
                "mistakes": ["tier = -1: at least 1"],
                "message": "It would have mistakes. tier = -1: at least 1.",
                "toml": "tier = -1",
            },
            "It would have mistakes.\n  • tier = -1: at least 1\n\nThis was to be written:\ntier = -1",
        ),
        (
            {
                "kind": "not writable",
                "message": "/etc may not be written.",
                "toml": "a = 1",
                "file": "/etc/f",
            },
            "The daemon may not write the file: /etc may not be written.\n\nWrite it by hand, into /etc/f:\n\na = 1",
        ),
        (
            {"kind": "taken", "message": "There is one. Nothing was written."},
            "There is one. Nothing was written.",
        ),
    ],
)
def test_each_refusal_has_its_words(told: dict[str, Any], said: str) -> None:
    assert text(refusal_lines(told, Sheet(90))) == said


def test_a_verdict_that_refused_what_was_written_tells_its_mistakes() -> None:
    mistake = {
        "message": "expected a number",
        "file": "/etc/f",
        "line": 3,
        "column": 1,
        "excerpt": "a = x\n^",
    }
    verdict = {
        "number": 4,
        "applied": False,
        "mistakes": [mistake],
        "losses": [],
        "changes": [],
        "warnings": [],
    }
    told = {"kind": "refused", "message": "It is written, but not in force: 1 mistake.", "verdict": verdict}
    said = text(refusal_lines(told, Sheet(90)))
    assert said.startswith("It is written, but not in force: 1 mistake.")
    assert "expected a number" in said


def test_a_conversation_tells_of_every_kind_of_part() -> None:
    assert text(conversation_lines(TOLD, Sheet(100))).split("\n") == [
        "the request could not be read to its end",
        "Not all of it is kept.",
        "claude-sonnet-4-5 · system prompt of 9 characters · 1 tool · 4 messages",
        "",
        "user",
        "  (image image/png, 2.0 KiB)",
        "  (document Tides)",
        "  high",
        "    low",
        "  (document https://example.com/tides.pdf)",
        "  (search)",
        "  {",
        '    "q": "tides"',
        "  }",
        "",
        "assistant",
        "  (thinking, 4,096 characters sealed)",
        "  calls clock",
        "    not { json",
        "",
        "tool",
        "  result of clock",
        "    (nothing)",
        "",
        "user",
        "  (nothing)",
        "",
        "answer · ended by max_tokens · not whole",
        "  It is late.",
        "  … 12 more characters",
        "  overloaded_error Overloaded",
    ]


def test_of_a_long_conversation_the_end_is_shown() -> None:
    messages = [{"role": "user", "parts": [{"kind": "text", "text": f"number {at}."}]} for at in range(100)]
    said = text(conversation_lines({"messages": messages}, Sheet(80)))
    assert "60 earlier messages not shown here" in said
    assert "number 59." not in said
    assert "number 60." in said
    assert "No answer is kept." in said


@pytest.mark.parametrize(
    "told", [None, [], "x", {"messages": [1], "answer": {"parts": "x"}}, {"diffs": [{"diff": 1}]}]
)
def test_what_is_no_answer_breaks_nothing(told: object) -> None:
    for write in (preview_lines, refusal_lines, conversation_lines):
        assert isinstance(write(told, Sheet(40)), list)
    assert (message_of(told), toml_of(told)) == ("", "")


@pytest.mark.parametrize("width", [1, 7, 20, 80])
def test_what_is_folded_is_never_wider_and_keeps_every_letter(width: int) -> None:
    lines = [*preview_lines(PREVIEW, Sheet(width, ASCII)), *conversation_lines(TOLD, Sheet(width))]
    for line in lines:
        pieces = list(folded(line, width))
        assert text_of(line) == "".join(text_of(piece) for piece in pieces)
        assert all(line_cells(piece) <= max(width, 2) for piece in pieces)
