"""ccflared-status(1) is held against what the daemon answers and what the line says."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ccflared.api.status_schemas import STATUS

PAGE: Final = (Path(__file__).parent.parent / "man" / "ccflared-status.1").read_text()
JSON: Final = PAGE.partition(".Sh JSON\n")[2].partition("\n.Sh ")[0]
PLAIN: Final = {"string": "text", "integer": "whole", "number": "number", "boolean": "flag"}


def called(schema: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return what the page calls a type, and the schema of what is in it where it may be null."""
    if "anyOf" in schema:
        (inner,) = (each for each in schema["anyOf"] if each != {"type": "null"})
        word, found = called(inner)
        return f"{word} or null", found
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        assert kind[1:] == ["null"]
        return f"{PLAIN[kind[0]]} or null", schema
    if kind == "array":
        item, found = called(schema["items"])
        return f"array of {'objects' if item == 'object' else item}", found
    return PLAIN.get(kind, kind), schema


def fields(schema: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the type of each field of an object, and of what is in it."""
    for name, inner in schema["properties"].items():
        word, found = called(inner)
        yield above + name, word
        if found.get("type") == "object":
            yield from fields(found, f"{above}{name}{'[]' * word.startswith('array')}.")


def told() -> Iterator[tuple[str, str]]:
    """Yield the same as the page has it."""
    _, *sections = re.split(r"^\.Ss (.*)\n", JSON, flags=re.MULTILINE)
    for title, text in zip(sections[::2], sections[1::2], strict=True):
        above = "" if title == "The document" else title.removesuffix("\\&") + "."
        for names, word in re.findall(r"^\.It Sy (.*) Pq (.*)$", text, re.MULTILINE):
            for name in names.split(" , "):
                yield above + name, word


def test_the_page_has_each_field_of_the_answer_with_its_type_and_no_other() -> None:
    assert dict(told()) == dict(fields(STATUS))
    assert len(list(told())) == len(dict(told())), "each stands there once"


def test_each_field_has_a_sentence_of_its_own_or_shares_that_of_the_next() -> None:
    entries = re.findall(r"^\.It Sy .*\n(.*)$", JSON, re.MULTILINE)
    assert len(entries) > 100
    assert ".El" not in entries


def test_the_parts_of_the_line_stand_in_the_page() -> None:
    line = re.search(r"^ccflared SIGN .*?(?=\n\.Ed)", PAGE, re.MULTILINE | re.DOTALL)
    assert line is not None
    for part in (
        "READY/ALL ready",
        "[NEXT [USED %] | again TIME]",
        "[N running]",
        "[N/h]",
        "[stopping]",
        "[N to do]",
    ):
        assert part in re.sub(r"\s+", " ", line[0])
