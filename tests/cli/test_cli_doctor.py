"""``ccflared doctor``: on healthy and on broken directories, with a daemon and without."""

import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from canned import NOW, account, busy, canned_daemon, troubled
from desk import FILE, Desk
from figures import row
from terminals import COMMAND

from ccflared.cli.checkup.daemon import integrity_checks, latest_checks, listener_check, storage_checks
from ccflared.cli.checkup.file import OLD_PRICES, file_checks, shipped_date
from ccflared.cli.checkup.state import database_checks, state_checks
from ccflared.cli.client import Daemon
from ccflared.cli.main import run_command
from ccflared.cli.places import Place
from ccflared.cli.render.checks import Check
from ccflared.cli.render.snapshot import Listener
from ccflared.config.load import load
from ccflared.providers.presets import builtin
from ccflared.store.schema import open_history

GIB = 1 << 30


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.config.parent.chmod(0o700)
    return desk


def examined(desk: Desk, *words: str) -> tuple[int, list[Check]]:
    code, out, err = desk.type_in("doctor", "--json", *words)
    assert err == ""
    document = json.loads(out)
    assert document["ok"] == (code == 0)
    return code, [Check(**check) for check in document["checks"]]


def wrong(checks: list[Check]) -> list[str]:
    return [f"{check.name}: {check.said}" for check in checks if check.state == "fail"]


def odd(checks: list[Check]) -> list[str]:
    return [f"{check.name}: {check.said}" for check in checks if check.state == "warn"]


def history(desk: Desk) -> Path:
    path = desk.state / "ccflared.db"
    open_history(path).close()
    return path


def test_a_new_desk_without_a_daemon_is_well(desk: Desk) -> None:
    code, checks = examined(desk)
    assert (code, wrong(checks)) == (0, [])
    assert odd(checks) == ["daemon: it is not running"]
    assert any("is not there yet" in check.said for check in checks)
    assert desk.leftovers() == set()
    assert not desk.state.exists()


def test_a_used_directory_is_well_and_nothing_in_it_is_changed(desk: Desk) -> None:
    before = history(desk).read_bytes()
    for words in ((), ("--full",)):
        code, checks = examined(desk, *words)
        assert (code, wrong(checks)) == (0, [])
        assert any(check.name == "database" and "is sound" in check.said for check in checks)
    assert (desk.state / "ccflared.db").read_bytes() == before
    assert {path.name for path in desk.state.iterdir()} <= {
        "ccflared.db",
        "ccflared.db-wal",
        "ccflared.db-shm",
    }


def test_a_person_reads_lines_and_what_to_do(desk: Desk) -> None:
    code, out, _ = desk.type_in("doctor")
    assert code == 0
    assert "daemon         it is not running" in out
    assert "→ ccflared run" in out
    assert "Nothing is wrong. 1 thing may be worth knowing." in out
    assert "A copy of the history: ccflared backup PATH" in out


@pytest.mark.parametrize("garbage", [b"garbage" * 4096, b"SQLite format 3\0" + b"\xff" * 8192])
def test_garbage_in_place_of_the_history_is_told_with_what_to_do(desk: Desk, garbage: bytes) -> None:
    desk.state.mkdir(mode=0o700)
    (desk.state / "ccflared.db").write_bytes(garbage)
    (desk.state / "ccflared.db").chmod(0o600)
    code, checks = examined(desk)
    assert code == 1
    found = [check for check in checks if check.state == "fail"]
    assert [check.name for check in found] == ["database"]
    path = desk.state / "ccflared.db"
    assert found[0].said.startswith(str(path))
    assert f"move {path} and {path}-wal away and start it again: a new one is begun" in found[0].todo


def test_a_damaged_page_is_found(desk: Desk) -> None:
    path = history(desk)
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xa5" * 4096)
    code, checks = examined(desk)
    assert code == 1
    assert wrong(checks)[0].startswith("database: ")


@pytest.mark.parametrize(
    ("name", "mode", "state"),
    [
        ("ccflared.db", 0o644, "warn"),
        ("ccflared.db", 0o666, "fail"),
        ("tokens.db", 0o640, "fail"),
        ("", 0o777, "fail"),
    ],
)
def test_what_others_may_get_at_is_told(desk: Desk, name: str, mode: int, state: str) -> None:
    history(desk)
    if name == "tokens.db":
        open_history(desk.state / name).close()
    (desk.state / name).chmod(mode)
    code, checks = examined(desk)
    found = [check for check in checks if check.name == "state" and check.state != "ok"]
    assert [check.state for check in found] == [state]
    assert found[0].todo.startswith("chmod g")
    assert code == (state == "fail")


def test_secrets_in_a_file_that_others_may_read_are_told(desk: Desk) -> None:
    desk.write(FILE + '[accounts.work]\nprovider = "anthropic"\napi_key = "sk-ant-planted"\n')
    desk.config.chmod(0o644)
    code, checks = examined(desk)
    assert code == 0
    assert any("others may read it, and secrets stand in the file" in said for said in odd(checks))
    assert "sk-ant-planted" not in str(checks)


def test_without_a_configuration_that_is_what_is_wrong(tmp_path: Path) -> None:
    code, checks = examined(Desk(tmp_path, text=None))
    assert code == 1
    assert wrong(checks)[0].startswith("configuration: There is no file")


def test_mistakes_of_the_file_are_counted_and_the_rest_is_looked_at_all_the_same(desk: Desk) -> None:
    history(desk)
    desk.write(FILE + "[acounts.x]\n")
    code, checks = examined(desk)
    assert code == 1
    assert wrong(checks)[0].startswith("configuration: 1 mistake, the first at ")
    assert any(check.name == "database" and check.state == "ok" for check in checks)


def test_a_secret_that_cannot_be_read_and_a_model_without_a_price_are_worth_knowing(desk: Desk) -> None:
    desk.write(
        FILE + '[accounts.work]\nprovider = "anthropic"\napi_key = { env = "NOT_SET" }\n'
        'budget = { daily = 5.0 }\nmodels = { opus = "odd-model" }\n'
    )
    code, checks = examined(desk)
    assert code == 0
    assert any(said.startswith("secrets: accounts.work.api_key: ") for said in odd(checks))
    assert any("odd-model" in said for said in odd(checks))


def test_a_webhook_whose_secrets_cannot_be_read_is_worth_knowing(desk: Desk) -> None:
    hook = '[alerts]\nwebhook = { url = { file = "hook.url" }, secret = { env = "NOT_SET" } }\n'
    desk.write(FILE + hook)
    code, checks = examined(desk)
    assert code == 0
    assert (
        "alerts: nothing can be posted to the webhook: alerts.webhook.url and alerts.webhook.secret cannot be "
        "read from here" in odd(checks)
    )
    (desk.directory / "hook.url").write_text("https://example.com/hook\n")
    desk.environ["NOT_SET"] = "shared"
    _, checks = examined(desk)
    assert [check.state for check in checks if check.name == "alerts"] == ["ok"]


def test_a_file_without_an_account_is_worth_knowing(desk: Desk) -> None:
    desk.write('[storage]\ndirectory = "state"\n')
    _, checks = examined(desk)
    assert "accounts: there is none, so nothing can be served" in odd(checks)


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (("resting", "resting"), "accounts: none can serve now: 2 resting"),
        (
            ("doubtful", "resting"),
            "accounts: none is ready, so the next requests may fail: 1 doubtful, 1 resting",
        ),
        (("ready", "doubtful"), None),
    ],
)
def test_that_nobody_can_serve_now_is_worth_knowing(
    tmp_path: Path, desk: Desk, capsys: pytest.CaptureFixture[str], states: tuple[str, str], said: str | None
) -> None:
    accounts = [
        account(state, "anthropic", state=state) | {"name": f"a{n}"} for n, state in enumerate(states)
    ]
    with canned_daemon(tmp_path / "s", running(desk.directory, busy() | {"accounts": accounts})):
        _, checks, _ = type_in(capsys, "doctor", "--json", "--socket", tmp_path / "s")
    assert [each for each in odd(checks) if each.startswith("accounts")] == ([said] if said else [])


def test_what_to_do_without_the_named_file_is_said_once(desk: Desk) -> None:
    code, out, _ = desk.type_in("doctor", "--config", "nope.toml")
    assert code == 1
    assert out.count("ccflared init") == 1
    assert "ccflared init --config nope.toml writes a first one" in out


def test_every_line_that_is_well_has_a_name_of_its_own(desk: Desk) -> None:
    history(desk)
    _, checks = examined(desk)
    well = [check.name for check in checks if check.state == "ok"]
    assert sorted(well) == sorted(set(well))


def test_old_prices_are_worth_a_look(desk: Desk) -> None:
    dated = shipped_date()
    assert dated is not None
    loaded = load(desk.config, environ=desk.environ, builtin=builtin())

    def prices(today: date) -> list[str]:
        checks = file_checks(loaded, desk.environ, today)
        return [check.state for check in checks if check.name == "prices"]

    assert prices(dated) == ["ok"]
    assert prices(date.fromordinal(dated.toordinal() + OLD_PRICES + 1)) == ["warn"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "A reverse proxy here that adds no X-Forwarded-For would pass for this machine"),
        ('[clients.a]\nkey = "k"\n', "requests: 1 client with keys; administration: the control socket"),
        (
            '[admin]\ntoken = "t"\n',
            "requests: this machine, without a key (a reverse proxy here that adds no",
        ),
        ('[admin]\ntoken = "t"\n', "[clients]); administration: the admin token and the control socket"),
    ],
)
def test_who_is_trusted_is_said(desk: Desk, table: str, said: str) -> None:
    desk.write(FILE + table)
    _, checks = examined(desk)
    assert any(check.name == "trust" and said in check.said for check in checks)


CLIENTS, ADMIN = '[clients.a]\nkey = "k"\n', '[admin]\ntoken = "t"\n'
LISTENS = 'listen = "127.0.0.1:0"\n'
BELIEVED = 'trusted_proxies = ["127.0.0.1"]\n'
NAMED = 'allowed_hosts = ["a.example.com"]\n'


@pytest.mark.parametrize(
    ("lines", "state", "said"),
    [
        (NAMED + BELIEVED, "ok", "of 127.0.0.1 are believed, for a.example.com"),
        (NAMED, "warn", "allowed_hosts names hosts that only reach loopback, and trusted_proxies names no"),
        ('base_path = "/x"\n', "warn", "base_path is set, and trusted_proxies names no reverse proxy"),
        ('listen = "unix:/run/x/r.sock"\n', "warn", "a listener is a unix socket, and trusted_proxies names"),
        (
            'listen = "unix:/run/x/r.sock"\n' + NAMED + BELIEVED,
            "warn",
            "does not name it: nothing is believed",
        ),
        ('trusted_proxies = ["0.0.0.0/0"]\n' + NAMED, "warn", "believes every address"),
        (BELIEVED, "warn", "asked for by a name, this daemon answers 421"),
    ],
)
def test_what_the_file_leaves_open_of_a_reverse_proxy_is_said(
    desk: Desk, lines: str, state: str, said: str
) -> None:
    desk.write(FILE.replace(LISTENS, lines) + CLIENTS + ADMIN)
    (check,) = [check for check in examined(desk)[1] if check.name == "proxy"]
    assert check.state == state
    assert said in check.said
    assert bool(check.todo) == (state == "warn")


def test_a_dashboard_that_a_reverse_proxy_cannot_reach_is_told_of(desk: Desk) -> None:
    desk.write(FILE.replace(LISTENS, NAMED + BELIEVED) + CLIENTS)
    assert any("closed through the proxy" in each for each in odd(examined(desk)[1]))


@pytest.mark.parametrize("lines", [LISTENS, 'listen = "0.0.0.0:1"\n' + NAMED])
def test_where_nothing_tells_of_a_reverse_proxy_none_is_talked_of(desk: Desk, lines: str) -> None:
    desk.write(FILE.replace(LISTENS, lines) + CLIENTS + ADMIN)
    assert not [check for check in examined(desk)[1] if check.name == "proxy"]


def test_a_state_directory_that_is_a_file_is_wrong(desk: Desk) -> None:
    desk.state.write_text("")
    code, checks = examined(desk)
    assert code == 1
    assert wrong(checks) == [f"state: {desk.state} is no directory"]


def test_more_than_may_be_used_is_told(tmp_path: Path) -> None:
    open_history(tmp_path / "ccflared.db").close()
    checks = list(state_checks(tmp_path, 1000, full=False))
    assert any(check.name == "size" and check.state == "warn" for check in checks)
    checks = list(state_checks(tmp_path, GIB, full=False))
    assert [check.state for check in checks if check.name == "size"] == ["ok"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_this_user_may_not_read_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "ccflared.db"
    open_history(path).close()
    path.chmod(0)
    assert [check.state for check in database_checks(path, "database", full=False)] == ["skip"]


def test_a_database_is_not_looked_at_twice_where_the_daemon_has_told(tmp_path: Path) -> None:
    open_history(tmp_path / "ccflared.db").close()
    checks = list(state_checks(tmp_path, GIB, full=False, sound=True))
    assert all(check.name != "database" for check in checks)


def type_in(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, list[Check], str]:
    code = run_command([str(word) for word in words])
    printed = capsys.readouterr()
    return (
        code,
        [Check(**check) for check in json.loads(printed.out)["checks"]] if printed.out else [],
        printed.err,
    )


def running(directory: Path, document: dict[str, Any]) -> dict[str, Any]:
    """The status of a daemon whose file and state are in a directory, and that listens nowhere."""
    config = document["config"] | {"file": str(directory / "ccflare.toml")}
    return document | {"config": config, "listeners": [], "storage": {"directory": str(directory)}}


def test_a_running_daemon_is_asked_and_believed(
    tmp_path: Path, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    status = running(desk.directory, busy() | {"accounts": busy()["accounts"][:2]})
    sound: dict[str, Any] = {"status": "ok", "kind": "quick", "faults": [], "error": None}
    totals = {"hours": 3, "days": 1, "differences": [], "more": 0, "since": NOW - 9000}
    with canned_daemon(tmp_path / "s", status) as canned:
        canned.answers["POST /api/storage/integrity/check"] = 200, sound
        canned.answers["POST /api/storage/totals/check"] = 200, totals
        canned.answers["GET /api/storage"] = 200, {"retention_error": None, "integrity": sound}
        canned.answers["GET /api/requests?limit=1"] = 200, [row(1)]
        code, checks, err = type_in(capsys, "doctor", "--json", "--socket", tmp_path / "s")
    assert err == ""
    assert wrong(checks) == []
    said = [check.said for check in checks if check.name in ("database", "totals")]
    assert said[-2:] == [
        "the database is sound (--full also holds its indexes against its tables)",
        "what the rows add up to, of 3 hours and 1 day",
    ]
    assert code == 0


def test_whatever_needs_a_person_is_wrong(
    tmp_path: Path, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", running(desk.directory, troubled()) | {"version": "0.0.1"}):
        code, checks, _ = type_in(capsys, "doctor", "--json", "--socket", tmp_path / "s")
    assert code == 1
    found = {check.name: check for check in checks if check.state == "fail"}
    assert set(found) == {"reload", "accounts", "history"}
    first = next(check for check in checks if check.name == "accounts")
    assert first == Check(
        "accounts", "fail", "primary needs a login: the refresh token was rejected", "ccflared login primary"
    )
    assert any("it is version 0.0.1, this command" in said for said in odd(checks))


def asking(path: Path) -> Daemon:
    return Daemon([Place(path, "--socket")])


def test_a_full_check_is_waited_for(tmp_path: Path) -> None:
    running_yet = {"status": "running"}
    with canned_daemon(tmp_path / "s") as canned:
        canned.answers["POST /api/storage/integrity/check"] = 202, running_yet
        corrupt = {"status": "corrupt", "faults": ["row 3 missing", "page 4"], "advice": "stop ccflared"}
        canned.answers["GET /api/storage"] = 200, {"integrity": corrupt}
        found = integrity_checks(asking(tmp_path / "s"), full=True)
    assert found == [
        Check("database", "fail", "row 3 missing", "stop ccflared"),
        Check("database", "fail", "page 4"),
    ]
    assert canned.asked[0][1] == {"kind": "full"}


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((404, {}), None),
        ((409, {"error": {"message": "Another integrity check is running."}}), "skip"),
        ((200, {"status": "unknown", "error": "the disk failed"}), "warn"),
    ],
)
def test_what_the_daemon_cannot_tell_of_soundness(
    tmp_path: Path, answer: tuple[int, Any], state: str | None
) -> None:
    with canned_daemon(tmp_path / "s") as canned:
        canned.answers["POST /api/storage/integrity/check"] = answer
        found = integrity_checks(asking(tmp_path / "s"), full=False)
    assert (found and found[0].state) == state


def test_totals_that_differ_say_how_they_are_made_anew(
    tmp_path: Path, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    with canned_daemon(tmp_path / "s", running(desk.directory, busy())) as canned:
        canned.answers["POST /api/storage/totals/check"] = 200, {"differences": [{}, {}], "more": 1}
        found = list(storage_checks(asking(tmp_path / "s")))
        assert found == [
            Check(
                "totals",
                "fail",
                "3 totals are not what the rows add up to",
                "ccflared doctor --rebuild-totals",
            )
        ]
        canned.answers["POST /api/storage/totals/rebuild"] = 200, {"days": 2, "rows": 1234, "seconds": 0.1}
        _, checks, _ = type_in(capsys, "doctor", "--rebuild-totals", "--json", "--socket", tmp_path / "s")
    assert checks[0] == Check("totals", "ok", "made anew: 2 days from 1,234 rows")


def test_totals_are_not_made_anew_without_a_daemon(desk: Desk) -> None:
    code, out, err = desk.type_in("doctor", "--rebuild-totals")
    assert (code, out) == (4, "")
    assert "by the running daemon" in err


def test_a_row_from_the_future_means_a_clock_that_went_back(tmp_path: Path) -> None:
    with canned_daemon(tmp_path / "s") as canned:
        canned.answers["GET /api/requests?limit=1"] = 200, [row(1, at=NOW + 9000)]
        found = list(latest_checks(asking(tmp_path / "s"), NOW))
        assert [check.state for check in found] == ["warn"]
        assert list(latest_checks(asking(tmp_path / "s"), NOW + 9000)) == []


@contextmanager
def listening(status: int) -> Iterator[int]:
    """A server that answers everything with one status."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Be silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def listener(port: int, host: str = "127.0.0.1", error: str | None = None) -> Listener:
    return Listener(f"{host}:{port}", f"http://{host}:{port}", ("requests",), False, "loopback", error)


def test_a_listener_is_connected_to() -> None:
    with listening(200) as port:
        assert listener_check(listener(port)).state == "ok"
        assert listener_check(listener(port, "0.0.0.0")).state == "ok"
    with listening(404) as port:
        assert listener_check(listener(port)).state == "warn"
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert listener_check(listener(nobody.getsockname()[1])).state == "fail"
    assert listener_check(listener(1, error="the address is in use")).state == "fail"


READ_ONLY = 'mount --bind state state && mount -o remount,ro,bind state && exec "$0" "$@"'


def test_a_read_only_directory_is_told(desk: Desk) -> None:
    history(desk)
    before = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", READ_ONLY)
    if shutil.which("unshare") is None or desk.type_in("true", before=before)[0]:
        pytest.skip("no namespace of mounts can be had here")
    code, out, err = desk.type_in("doctor", "--json", before=(*before, *COMMAND))
    assert (code, err) == (1, "")
    checks = [Check(**check) for check in json.loads(out)["checks"]]
    assert f"disk: {desk.state} lies on a read-only file system: nothing is recorded" in wrong(checks)
    assert not any(said.startswith("history") for said in wrong(checks))
