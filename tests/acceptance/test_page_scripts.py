"""The dashboard's scripts as they are served say the same as those that were written, to a parser of the language."""

import json
import subprocess
from pathlib import Path

import pytest

from acceptance import clients
from ccflared.daemon.page.files import dashboard
from ccflared.daemon.page.lean import lean_script

ROOT = Path(__file__).parents[2] / "ccflared" / "dashboard"
COMPARE = """
const { parse } = require(process.argv[1]);
const tree = (text) => JSON.stringify(
  parse(text, { ecmaVersion: "latest", sourceType: "module" }),
  (key, value) => (["start", "end"].includes(key) ? undefined : typeof value === "bigint" ? `${value}n` : value),
);
const { pairs, whole } = JSON.parse(require("fs").readFileSync(0, "utf8"));
whole.forEach(tree);
process.stdout.write(JSON.stringify(pairs.filter(([, one, other]) => tree(one) !== tree(other)).map(([name]) => name)));
"""


@pytest.mark.acceptance
def test_without_comments_and_indentation_a_script_is_the_same_program() -> None:
    try:
        acorn = clients.acorn()
    except clients.Unavailable as why:
        pytest.skip(str(why))
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in sorted(ROOT.rglob("*.js"))}
    whole = [file.plain.decode() for name, file in dashboard().by_name.items() if name.endswith(".js")]
    pairs = [[name, text, lean_script(text)] for name, text in texts.items()]
    given = {"pairs": pairs, "whole": whole}
    run = subprocess.run(
        ["node", "-e", COMPARE, str(acorn)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(run.stdout) == []
    assert len(texts) > len(whole) > 10
