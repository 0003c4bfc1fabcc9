"""``ccflared logs``: which lines are shown, and what they are about."""

from pathlib import Path
from typing import Any

from canned import busy, canned_daemon
from terminals import run

FIRST, SECOND = "req_0123456789abcdef01234567", "req_89abcdef0123456789abcdef"


def line(number: int, said: str, **fields: str) -> dict[str, Any]:
    return {
        "id": f"0123abcd-{number}",
        "ts": 1_795_372_500_000 + number,
        "level": "INFO",
        "msg": said,
        "data": {"logger": "ccflared.accounts"} | fields,
    }


LINES = [
    line(1, "ready"),
    line(2, "work is resting", event="account-state", account="work", request=FIRST),
    line(3, "spare is doubtful", event="account-state", account="spare", request=SECOND),
    line(4, "work is ready again", event="account-state", account="work", request=SECOND),
]


def shown(tmp_path: Path, *words: str) -> list[str]:
    """Return what ``ccflared logs`` prints, without its time."""
    socket = tmp_path / "s"
    socket.unlink(missing_ok=True)
    with canned_daemon(socket, busy()) as canned:
        canned.answers["GET /api/logs/history"] = 200, LINES
        got = run("logs", *words, "--socket", socket)
    assert (got.returncode, got.stderr) == (0, "")
    return [each.partition(" INFO ccflared.accounts: ")[2] for each in got.stdout.splitlines()]


def test_a_line_names_the_request_that_it_is_about(tmp_path: Path) -> None:
    assert shown(tmp_path) == [
        "ready",
        f"work is resting [{FIRST}]",
        f"spare is doubtful [{SECOND}]",
        f"work is ready again [{SECOND}]",
    ]


def test_lines_about_one_account_are_shown_alone(tmp_path: Path) -> None:
    assert shown(tmp_path, "--account", "work") == [
        f"work is resting [{FIRST}]",
        f"work is ready again [{SECOND}]",
    ]
    assert shown(tmp_path, "--account", "work", "-n", "1") == [f"work is ready again [{SECOND}]"]
    assert shown(tmp_path, "--account", "nobody") == []


def test_lines_about_one_request_are_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    about_second = [f"spare is doubtful [{SECOND}]", f"work is ready again [{SECOND}]"]
    for given in (SECOND, "req_89ab", "89ab"):
        assert shown(tmp_path, "--request", given) == about_second
    assert shown(tmp_path, "--request", "89ab", "--account", "spare") == [f"spare is doubtful [{SECOND}]"]
