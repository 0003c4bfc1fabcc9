"""usage, requests, request, logs, backup, payloads purge and alert test as they are typed."""

import base64
import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from canned import NOW, Canned, busy, canned_daemon
from desk import Desk
from figures import alerted, consumed, lines, page, row, rows

from ccflared.cli.help_numbers import NUMBERS
from ccflared.cli.main import FORMER, run_command
from ccflared.cli.usage import _begin, _day
from ccflared.store.schema import open_history


def type_in(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = run_command([str(word) for word in words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def failure(status: int, message: str) -> tuple[int, dict[str, Any]]:
    return status, {"type": "error", "error": {"message": message}}


def paths(canned: Canned) -> list[str]:
    return [what for what, _ in canned.asked if what != "GET /api/status"]


def test_usage_is_asked_for_as_it_was_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/usage?by=model&since=30d"] = (
            200,
            consumed("model", total=consumed()["total"]),
        )
        code, out, err = type_in(
            capsys, "usage", "--by", "model", "--since", "30d", "--socket", tmp_path / "s"
        )
    assert (code, err) == (0, "")
    assert "Usage by model" in out
    assert '[pricing."vendor/\\"big\\"-2026"]' in out


def test_models_without_a_price_are_named_whatever_the_rows_are_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/usage?by=account&since=7d"] = 200, consumed()
        canned.answers["GET /api/usage?by=model&since=7d"] = 200, consumed("model")
        code, out, _ = type_in(capsys, "usage", "--socket", tmp_path / "s")
    assert code == 0
    assert '[pricing."vendor/\\"big\\"-2026"]' in out
    assert paths(canned) == ["GET /api/usage?by=account&since=7d", "GET /api/usage?by=model&since=7d"]


def test_usage_as_csv_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/usage?by=day&since=7d"] = 200, consumed("day")
        code, out, _ = type_in(capsys, "usage", "--by", "day", "--csv", "--socket", tmp_path / "s")
        assert code == 0
        read = list(csv.DictReader(io.StringIO(out)))
        assert [each["day"] for each in read] == ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"]
        code, out, _ = type_in(capsys, "usage", "--by", "day", "--json", "--socket", tmp_path / "s")
        assert (code, json.loads(out)) == (0, consumed("day"))


def test_a_day_begins_in_the_time_zone_of_the_daemon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/usage?by=account&since=1h"] = 200, consumed(timezone="Asia/Tokyo")
        begin = "GET /api/usage?by=client&since=1793458800"  # 2026-10-31 15:00 UTC
        canned.answers[begin] = 200, consumed("client", total={"unpriced": 0})
        code, _, err = type_in(
            capsys, "usage", "--by", "client", "--since", "2026-11-01", "--socket", tmp_path / "s"
        )
    assert (code, err) == (0, "")
    assert begin in paths(canned)


def test_yesterday_is_the_day_before_today() -> None:
    assert _begin("today", _day("today"), None) - _begin("yesterday", _day("yesterday"), None) in (
        *(82_800, 86_400, 90_000),
    )


@pytest.mark.parametrize("since", ["", "soon", "2026-13-01", "0d", "-1d"])
def test_what_is_no_span_of_time_is_said_before_anybody_is_asked(
    capsys: pytest.CaptureFixture[str], since: str
) -> None:
    code, out, err = type_in(capsys, "usage", f"--since={since}", "--socket", "/nowhere")
    assert (code, out) == (2, "")
    assert "--since takes one such as 7d" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("usage", "--by", "week"), "there is no usage by week; there is: account, model"),
        (("requests", "-n", "5000"), "5000 is no number from 1 to 1000"),
        (("requests", "-n", "0"), "0 is no number from 1 to 1000"),
        (("requests", "--search", ""), "the text to look for is missing"),
        (("requests", "-f", "--search", " "), "the text to look for is missing"),
        (("requests", "--status", "bad"), "--status takes a number such as 429"),
        (("requests", "--status", "600"), "--status takes a number such as 429"),
        (("requests", "-f", "--search", "x"), "it does not go with -f"),
        (("logs", "--level", "loud"), "loud is no level; there are: debug, info"),
        (("request", "a/b"), "is no id of a request"),
        (("payloads",), "purge"),
        (("alert", "tset"), "did you mean test?"),
    ],
)
def test_what_cannot_be_meant_is_said(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    code, out, err = type_in(capsys, *words)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize(
    "words",
    [
        ("usage",),
        ("requests",),
        ("requests", "-f"),
        ("request", "req_1234"),
        ("logs",),
        ("logs", "-f"),
        ("doctor",),
    ],
)
def test_where_no_daemon_runs_at_the_socket_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    code, out, err = type_in(capsys, *words, "--socket", tmp_path / "none")
    assert (code, out) == (3, "")
    assert "ccflared is not running" in err


@pytest.mark.parametrize("words", [("usage",), ("requests",), ("logs",), ("requests", "-f"), ("logs", "-f")])
def test_an_older_daemon_is_named_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    with canned_daemon(tmp_path / "s", busy()):
        code, _, err = type_in(capsys, *words, "--socket", tmp_path / "s")
    assert code == 4
    assert "it must be older than this command" in err


def test_requests_are_looked_for_by_all_that_was_typed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (
        *("--account", "primary", "--status", "429", "--client", "laptop", "--model", "m", "--project", "p"),
        *("--conversation", "k:1", "--search", "no money", "-n", "7"),
    )
    what = "GET /api/requests?limit=7&account=primary&status=429&client=laptop&model=m&project=p&conversation=k%3A1&search=no+money"
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers[what] = 200, rows()
        code, out, err = type_in(capsys, "requests", *words, "--socket", tmp_path / "s")
    assert (code, err) == (0, "")
    shown = [line.split()[3] for line in out.splitlines() if line.startswith("20")]
    assert shown[0].startswith("20") or "req_" in out
    ids = [word for word in out.split() if word.startswith("req_")]
    assert ids == [each["id"] for each in reversed(rows())]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--account", "primry"), "there is no account primry; did you mean primary?"),
        (("--account", "zzz"), "there is no account zzz; there is: primary, "),
        (("--client", "laptp"), "there is no client laptp; did you mean laptop?"),
        (("-f", "--account", "primry"), "there is no account primry; did you mean primary?"),
    ],
)
def test_a_name_that_never_was_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        query = "&".join(f"{option[2:]}={name}" for option, name in [words[-2:]])
        canned.answers[f"GET /api/requests?limit=1&{query}"] = 200, []
        code, out, err = type_in(capsys, "requests", *words, "--socket", tmp_path / "s")
    assert (code, out) == (2, "")
    assert said in err


def test_a_name_that_has_left_the_file_is_found_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/requests?limit=1&account=gone"] = 200, rows()[:1]
        canned.answers["GET /api/requests?limit=20&account=gone"] = 200, rows()
        code, out, err = type_in(capsys, "requests", "--account", "gone", "--socket", tmp_path / "s")
    assert (code, err) == (0, "The configuration has no account gone now; the history has.\n")
    assert out.count("req_") == len(rows())


def test_that_nothing_was_found_is_said_beside_the_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/requests?limit=20&model=none"] = 200, []
        code, out, err = type_in(capsys, "requests", "--model", "none", "--socket", tmp_path / "s")
        assert (code, out, err) == (0, "", "No such request is in the history.\n")
        words = ("--model", "none", "--json")
        code, out, err = type_in(capsys, "requests", *words, "--socket", tmp_path / "s")
        assert (code, json.loads(out), err) == (0, [], "")


def test_requests_as_json_are_the_apis_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/requests?limit=20"] = 200, rows()
        code, out, _ = type_in(capsys, "requests", "--json", "--socket", tmp_path / "s")
    assert (code, json.loads(out)) == (0, rows())


def test_a_request_is_found_by_its_id_and_by_the_beginning_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = page()["id"]
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers[f"GET /api/requests/{whole}"] = 200, page()
        canned.answers["GET /api/requests?limit=1000"] = 200, [*rows(), row(0x80000001)]
        for typed in (whole, whole.removeprefix("req_"), "00000008", "req_00000008"):
            code, out, err = type_in(capsys, "request", typed, "--socket", tmp_path / "s")
            assert (code, err) == (0, ""), typed
            assert "✗ 529 overloaded" in out
        code, out, _ = type_in(capsys, "request", whole, "--json", "--socket", tmp_path / "s")
        assert (code, json.loads(out)) == (0, page())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "req_0123456789abcdef01234567",
            "There is no request req_0123456789abcdef01234567; `ccflared requests` lists",
        ),
        ("abcd", "There is no request abcd among the latest 1,000; `ccflared requests` lists the latest."),
        ("0000", "The ids of 9 requests begin with 0000; give more of it."),
        ("nonsense", "There is no request nonsense; `ccflared requests` lists the latest."),
    ],
)
def test_a_wrong_id_says_where_the_right_ones_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], typed: str, said: str
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/requests?limit=1000"] = 200, rows()
        code, out, err = type_in(capsys, "request", typed, "--socket", tmp_path / "s")
    assert (code, out) == (4, "")
    assert said in err


def payload(asked: bytes, answered: bytes) -> dict[str, Any]:
    return {
        "id": page()["id"],
        "request": {
            "headers": {"content-type": "application/json", "x-odd": "\x1b]0;title\x07b"},
            "body": base64.b64encode(asked).decode(),
            "bytes": len(asked),
            "truncated": False,
        },
        "response": {
            "status": 200,
            "headers": {"content-type": "text/event-stream"},
            "body": base64.b64encode(answered).decode(),
            "bytes": 4000,
            "truncated": True,
        },
        "meta": {},
    }


def test_a_body_is_printed_to_be_read_and_obeyed_by_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = page()["id"]
    asked = json.dumps({"model": "m", "messages": [{"content": "a\x1b[2Jb\u202ec"}]}).encode()
    answered = b"event: x\ndata: {}\x1b[31m\x9b1mred\xff\n\n"
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers[f"GET /api/requests/payload/{whole}"] = 200, payload(asked, answered)
        code, out, err = type_in(capsys, "request", whole, "--body", "--socket", tmp_path / "s")
    assert (code, err) == (0, "")
    assert '\n  "model": "m",\n' in out
    assert "event: x\ndata: {}" in out
    assert "(cut: there were 4,000 bytes)" in out
    assert not set(out) & {"\x1b", "\x07", "\x9b", "\u202e"}


def test_a_body_that_is_not_kept_is_said_in_the_daemons_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = page()["id"]
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers[f"GET /api/requests/{whole}"] = 200, page()
        said = 'No payload of this request is kept: [storage] keep_payloads = "off".'
        canned.answers[f"GET /api/requests/payload/{whole}"] = failure(404, said)
        code, out, err = type_in(capsys, "request", whole, "--body", "--socket", tmp_path / "s")
    assert (code, out) == (4, "")
    assert said in err


def test_the_last_lines_of_the_log_are_those_of_the_level_and_graver(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/logs/history"] = 200, lines()
        code, out, _ = type_in(capsys, "logs", "--socket", tmp_path / "s")
        assert (code, len(out.splitlines())) == (0, 4)
        assert out.startswith("2026-11-22T18:34:01Z DEBUG ccflared.accounts: primary")
        code, out, _ = type_in(capsys, "logs", "--level", "warn", "-n", "1", "--socket", tmp_path / "s")
        assert out == "2026-11-22T18:34:04Z ERROR ccflared.recorder: history is off: the disk is full\n"
        code, out, _ = type_in(capsys, "logs", "--level", "warn", "--json", "--socket", tmp_path / "s")
        assert json.loads(out) == lines()[2:]


def test_a_copy_by_the_daemon_goes_to_where_the_user_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["POST /api/storage/backup"] = (
            200,
            {"path": str(tmp_path / "b.db"), "bytes": 88_000_000},
        )
        code, out, err = type_in(capsys, "backup", "b.db", "--socket", tmp_path / "s")
    assert (code, err) == (0, "")
    assert f"Wrote {tmp_path}/b.db: 84 MiB in " in " ".join(out.split())
    assert canned.asked[-1][1] == {"path": str(tmp_path / "b.db"), "force": False, "payloads": False}


def test_a_copy_replaces_nothing_unless_it_is_forced_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "b.db"
    target.write_text("mine")
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["POST /api/storage/backup"] = 200, {"bytes": 1}
        code, _, err = type_in(capsys, "backup", target, "--socket", tmp_path / "s")
        assert code == 4
        assert "is there already; it stays as it is (--force replaces it)" in err
        assert canned.asked == []
        code, _, _ = type_in(capsys, "backup", target, "--force", "--socket", tmp_path / "s")
        assert code == 0
        canned.answers["POST /api/storage/backup"] = failure(507, "the disk is full")
        code, _, err = type_in(capsys, "backup", target, "--force", "--socket", tmp_path / "s")
        assert code == 4
        assert "The daemon made no copy: the disk is full" in err


@pytest.mark.parametrize(
    ("path", "code", "said"), [(".", 2, "is a directory"), ("none/b.db", 4, "There is no directory")]
)
def test_a_copy_needs_a_name_in_a_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str, code: int, said: str
) -> None:
    got, _, err = type_in(capsys, "backup", tmp_path / path, "--socket", tmp_path / "s")
    assert got == code
    assert said in err


def test_without_a_daemon_the_copy_is_made_directly(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    open_history(desk.state / "ccflared.db").close()
    code, out, err = desk.type_in("backup", "copy.db")
    assert (code, err) == (0, "")
    assert f"Wrote {tmp_path}/copy.db: " in out
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM requests").fetchone() == (0,)
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert desk.leftovers() == {"copy.db"}


def test_without_a_daemon_and_a_history_nothing_is_copied(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    code, out, err = desk.type_in("backup", "copy.db")
    assert (code, out) == (4, "")
    assert "There is no history to copy" in err
    desk.state.mkdir()
    (desk.state / "ccflared.db").write_bytes(b"garbage" * 1000)
    code, out, err = desk.type_in("backup", "copy.db")
    assert (code, out) == (4, "")
    assert f"No copy of {desk.state}/ccflared.db was made: " in err
    assert desk.leftovers() == set()


def test_bodies_are_erased_only_when_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["POST /api/payloads/purge"] = (
            200,
            {"success": True, "message": "All payloads are erased."},
        )
        code, _, err = type_in(capsys, "payloads", "purge", "--socket", tmp_path / "s")
        assert code == 2
        assert "say --yes" in err
        assert paths(canned) == []
        code, out, _ = type_in(capsys, "payloads", "purge", "--yes", "--socket", tmp_path / "s")
        assert (code, out) == (0, "All payloads are erased. The rows of the history stay.\n")
        canned.answers["POST /api/payloads/purge"] = 200, {"success": True, "message": "done", "erased": 1}
        code, out, _ = type_in(capsys, "payloads", "purge", "--yes", "--socket", tmp_path / "s")
    assert (code, out) == (0, "The kept bodies of 1 request are erased. The rows of the history stay.\n")


@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_who_does_not_say_yes_keeps_the_bodies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr("ccflared.cli.storage.can_ask", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with canned_daemon(tmp_path / "s", busy()) as canned:
        code, out, err = type_in(capsys, "payloads", "purge", "--socket", tmp_path / "s")
    assert (code, out) == (4, "")
    assert err.rstrip().endswith("Nothing was erased.")
    assert paths(canned) == []


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ({"sent": True, "status": 204, "error": None}, 0, "The webhook took the test and answered 204."),
        (
            {"sent": False, "status": 500, "error": "it answered 500"},
            1,
            "The test did not arrive: it answered 500.",
        ),
        (
            {"sent": False, "status": None, "error": "no connection could be made"},
            1,
            "no connection could be made.",
        ),
    ],
)
def test_a_test_alert_says_whether_it_arrived(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: dict[str, Any], code: int, said: str
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["POST /api/alerts/test"] = 200, answer | {"id": "1"}
        got, out, _ = type_in(capsys, "alert", "test", "--socket", tmp_path / "s")
        assert got == code
        assert said in " ".join(out.split())
        got, out, _ = type_in(capsys, "alert", "test", "--json", "--socket", tmp_path / "s")
        assert (got, json.loads(out)["sent"]) == (code, answer["sent"])


ALERTS = "GET /api/insights/alerts?limit=500"


def test_open_alerts_are_listed_and_the_latest_of_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers[ALERTS] = 200, alerted()
        code, out, err = type_in(capsys, "alert", "list", "--socket", tmp_path / "s")
        assert (code, err) == (0, "")
        still, _, past = out.partition("Over, or acknowledged")
        assert "No account could serve" in still
        assert "alert_pool_exhausted" in still
        assert "The budget of client ci is spent" in past
        assert past.count("alert_") == 10
        code, out, _ = type_in(capsys, "alert", "list", "--json", "--socket", tmp_path / "s")
        assert (code, json.loads(out)) == (0, alerted())
        canned.answers[ALERTS] = 200, []
        code, out, _ = type_in(capsys, "alert", "list", "--socket", tmp_path / "s")
        assert (code, out) == (0, "Open alerts\n  None.\n")


def test_somebody_says_that_alerts_are_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["POST /api/insights/alerts/alert_1"] = 200, alerted()[0]
        canned.answers["POST /api/insights/alerts/acknowledge-all"] = (
            200,
            {"success": True, "acknowledged": 3},
        )
        canned.answers["POST /api/insights/alerts/a%2Fb"] = failure(404, "There is no alert a/b.")
        known = ("alert", "acknowledge")
        code, out, _ = type_in(capsys, *known, "alert_1", "--socket", tmp_path / "s")
        assert (code, out) == (0, "Acknowledged: No account could serve a request.\n")
        code, out, _ = type_in(capsys, *known, "all", "--socket", tmp_path / "s")
        assert (code, out) == (0, "Acknowledged 3 alerts.\n")
        code, out, _ = type_in(capsys, *known, "all", "--json", "--socket", tmp_path / "s")
        assert (code, json.loads(out)["acknowledged"]) == (0, 3)
        code, out, err = type_in(capsys, *known, "a/b", "--socket", tmp_path / "s")
        assert (code, out) == (4, "")
        assert "There is no alert a/b; ccflared alert list shows those that there are." in err


def test_usage_by_hour_is_of_a_day_unless_more_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        for since, words in (("24h", ()), ("7d", ("--since", "7d"))):
            what = f"GET /api/usage?by=hour&since={since}"
            canned.answers[what] = 200, consumed("hour", total={"unpriced": 0})
            code, _, err = type_in(capsys, "usage", "--by", "hour", *words, "--socket", tmp_path / "s")
            assert (code, err) == (0, "")
            assert paths(canned)[-1] == what


@pytest.mark.parametrize("json_too", [False, True])
def test_without_a_webhook_the_lines_to_add_are_said_and_nothing_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, json_too: bool
) -> None:
    with canned_daemon(tmp_path / "s", busy()) as canned:
        canned.answers["GET /api/insights/alerts/config"] = 200, {"webhook": None, "types": []}
        more = ("--json",) if json_too else ()
        code, out, err = type_in(capsys, "alert", "test", *more, "--socket", tmp_path / "s")
    assert (code, out) == (4, "")
    assert "There is no webhook; add to the file:\n  [alerts]\n  webhook = { url = " in err
    assert not any(what.startswith("POST") for what, _ in canned.asked)
    assert NUMBERS["alert test"][2][-1] == (code, "there is no webhook; or " + NUMBERS["alert"][2][-1][1])


@pytest.mark.parametrize("typed", ["req_abc", "abc", "req_"])
def test_the_beginning_of_an_id_has_four_letters_at_least(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    with canned_daemon(tmp_path / "s", busy()):
        code, out, err = type_in(capsys, "request", typed, "--socket", tmp_path / "s")
        assert (code, out) == (2, "")
        assert "is too short for the beginning of an id: at least 4 letters" in err
        if typed.startswith("req_"):
            code, out, again = type_in(capsys, "explain", typed, "--socket", tmp_path / "s")
            assert (code, out, again) == (2, "", err.replace("ccflared request", "ccflared explain"))


@pytest.mark.parametrize(
    ("option", "here"),
    [
        ("--stats", "ccflared usage"),
        ("--logs", "ccflared logs -f"),
        ("--logs=50", "ccflared logs -f"),
        ("--analyze", "ccflared doctor"),
        ("--reset-stats", "move ccflared.db and ccflared.db-wal away"),
        ("--clear-history", "keep_requests"),
        ("--compact", "max_size"),
        ("--repair-db", "ccflared doctor --full"),
        ("--doctor", "ccflared doctor"),
    ],
)
def test_who_comes_from_better_ccflare_is_told_the_new_command(
    capsys: pytest.CaptureFixture[str], option: str, here: str
) -> None:
    code, _, err = type_in(capsys, option)
    assert code == 2
    assert here in err
    assert option.partition("=")[0] in FORMER


def test_the_times_of_canned_rows_are_those_of_the_canned_daemon() -> None:
    assert all(each["at"] <= NOW for each in rows())
