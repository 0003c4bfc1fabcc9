"""Unified diffs of configuration files: what they say leads from one text to the other, secrets apart."""

import re

from hypothesis import given
from hypothesis import strategies as st

from ccflared.config.unified import unified

LINES = st.lists(st.sampled_from(["", "a", "b", "c = 1", "[d]"]), max_size=40)


def patched(before: list[str], diff: str) -> list[str]:
    """Return what a diff makes of some lines."""
    made, at = [], 0
    for line in diff.split("\n") if diff else []:
        if head := re.match(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@", line):
            first = int(head[1]) - (head[2] != "0")
            made += before[at:first]
            at = first
            continue
        sign, text = line[0], line[1:]
        if sign in " -":
            assert before[at] == text
            at += 1
        if sign in " +":
            made.append(text)
    return made + before[at:]


@given(before=LINES, after=LINES)
def test_a_diff_leads_from_the_one_text_to_the_other(before: list[str], after: list[str]) -> None:
    diff = unified(before, after, (before, after))
    assert patched(before, diff) == after
    assert bool(diff) == (before != after)


def test_three_lines_stand_around_what_differs_and_hunks_say_where_they_are() -> None:
    before = [f"line {number}" for number in range(1, 31)]
    after = [line for line in before if line != "line 5"]
    after.insert(20, "new")
    assert unified(before, after, (before, after)).split("\n") == [
        "@@ -2,7 +2,6 @@",
        *(" line 2", " line 3", " line 4", "-line 5", " line 6", " line 7", " line 8"),
        "@@ -19,6 +18,7 @@",
        *(" line 19", " line 20", " line 21", "+new", " line 22", " line 23", " line 24"),
    ]


def test_a_secret_that_becomes_another_one_is_a_difference_that_tells_neither() -> None:
    shown = ['key = "…"'], ['key = "…"']
    assert unified(['key = "a"'], ['key = "b"'], shown) == '@@ -1,1 +1,1 @@\n-key = "…"\n+key = "…"'
