"""The log in systemd's own journal: a journald in a namespace of its own, and journalctl that is asked by fields."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from stage import free_port

JOURNALD = Path("/usr/lib/systemd/systemd-journald")

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(os.geteuid() != 0, reason="a namespace of mounts takes root"),
    pytest.mark.skipif(
        not JOURNALD.exists() or not all(map(shutil.which, ("journalctl", "systemd-cat", "unshare", "curl"))),
        reason="no systemd here",
    ),
]

FILE = """\
[server]
listen = "127.0.0.1:PORT"
[control]
socket = "DIR/c.sock"
[storage]
directory = "DIR/state"
[log]
level = "debug"
[accounts.work]
provider = "ollama"
base_url = "http://127.0.0.1:9"
"""

SCRIPT = """\
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/systemd/journald.conf.d /run/log
printf '[Journal]\\nStorage=volatile\\nReadKMsg=no\\n' > /run/systemd/journald.conf.d/test.conf
JOURNALD & journald=$!
for _ in $(seq 100); do [ -S /run/systemd/journal/stdout ] && break; sleep 0.1; done
# As systemd starts a service: stderr is a stream to the journal, and JOURNAL_STREAM says which.
systemd-cat -t stream bash -c 'JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) exec PYTHON -m ccflared run \
  --config DIR/ccflare.toml' & daemon=$!
for _ in $(seq 200); do curl -sf http://127.0.0.1:PORT/readyz > DIR/ready && break; sleep 0.1; done
curl -s -D DIR/head http://127.0.0.1:PORT/v1/messages \
  -d '{"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}' > DIR/answer
kill $daemon
wait $daemon || true
journalctl --sync
journalctl -D /run/log/journal -o json --no-pager > DIR/all.json
journalctl -D /run/log/journal -o json --no-pager CCFLARED_ACCOUNT=work > DIR/work.json
journalctl -D /run/log/journal -o cat --no-pager -p info SYSLOG_IDENTIFIER=ccflared > DIR/info.txt
kill $journald
"""


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_journal_can_be_asked_for_an_account_and_a_request(tmp_path: Path) -> None:
    known = {
        "PORT": str(free_port()),
        "DIR": str(tmp_path),
        "PYTHON": sys.executable,
        "JOURNALD": str(JOURNALD),
    }
    texts = [dedent(FILE), SCRIPT]
    for name, value in known.items():
        texts = [text.replace(name, value) for text in texts]
    (tmp_path / "ccflare.toml").write_text(texts[0])
    (tmp_path / "ccflare.toml").chmod(0o600)
    command = ["unshare", "--mount", "--propagation", "private", "bash", "-c", texts[1]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip(f"no namespaces here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    head = (tmp_path / "head").read_text()
    request = next(line.split()[1] for line in head.splitlines() if line.startswith("x-ccflared-request-id"))
    own = [entry for entry in entries(tmp_path / "all.json") if entry.get("SYSLOG_IDENTIFIER") == "ccflared"]
    assert any(entry["MESSAGE"].startswith("ready: ") for entry in own)
    work = entries(tmp_path / "work.json")
    assert {entry["CCFLARED_ACCOUNT"] for entry in work} == {"work"}
    assert {entry["CCFLARED_REQUEST"] for entry in work} == {request}
    assert {"try", "request", "place"} <= {entry["CCFLARED_EVENT"] for entry in work}
    assert {entry["PRIORITY"] for entry in work if entry["CCFLARED_EVENT"] == "try"} == {"7"}
    shown = (tmp_path / "info.txt").read_text()
    assert f"[{request}]" in shown
    assert "asked work" not in shown
