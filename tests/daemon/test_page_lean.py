"""What goes over the wire of the dashboard's scripts and styles: without comments and indentation; nothing else is gone."""

from pathlib import Path

import pytest

from ccflared.daemon.page.lean import lean_script, lean_style

ROOT = Path(__file__).parents[2] / "ccflared" / "dashboard"
SCRIPTS = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.js"))


def test_comments_and_indentation_of_a_script_are_gone() -> None:
    assert lean_script(
        """\
// @ts-check
/**
 * Says a word.
 * @param {string} word
 */
export function say(word) {
  // a reason
  const url = "https://example.org"; // stays: it is no line of its own

  /** @type {any} */ (window).word = /** @type {any} */ (word) + url;
}
"""
    ) == (
        "export function say(word) {\n"
        'const url = "https://example.org"; // stays: it is no line of its own\n'
        "(window).word = (word) + url;\n}\n"
    )


def test_those_of_styles_too() -> None:
    assert lean_style("/* Why. */\na {\n  color: red;\n}\n") == "a {\ncolor: red;\n}\n"


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_text_in_a_script_goes_over_several_lines(name: str) -> None:
    lines = lean_script((ROOT / name).read_text()).splitlines()
    odd = [line for line in lines if line.replace("\\\\", "").replace("\\`", "").count("`") % 2]
    assert not odd, odd
