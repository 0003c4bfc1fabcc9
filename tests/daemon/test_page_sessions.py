"""Sessions of the dashboard: how one begins, what it opens and what it does not, and how it ends."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from listening import listening
from rest import at_home, call, told
from stage import Stage, staged

from ccflared.daemon.page.cookie import cookie_name, given_in
from ccflared.daemon.page.sessions import IDLE, MOST, Sessions

SESSION = "/api/session"
LOGS = "/api/logs/stream"
TOKEN = "sesame-open"
ADMIN = f'[admin]\ntoken = "{TOKEN}"\n'


async def log_in(stage: Stage, **given: str) -> httpx.Response:
    """Log in and go on with the cookie."""
    answer = await call(stage, "POST", SESSION, given or {"token": TOKEN})
    if answer.status_code == 200:
        stage.headers = {"cookie": answer.headers.get("set-cookie", "none").partition(";")[0]}
    stage.client.cookies.clear()
    return answer


async def session(stage: Stage, **fields: str) -> Any:
    answer = await stage.client.get(stage.url + SESSION, headers=stage.headers | fields)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


async def link(stage: Stage) -> Any:
    answer = await at_home(stage, "POST", f"{SESSION}/link")
    return answer.json()


def secret_of(address: str) -> str:
    return address.partition("#link=")[2]


# -- how it is told


async def test_where_nothing_is_asked_for_everybody_here_is_admitted(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        assert await session(stage) == {"admitted": True, "by": "open", "asks": None, "message": None}
        answer = await log_in(stage, token="anything")
        assert answer.json()["by"] == "open"
        assert "set-cookie" not in answer.headers
        forwarded = await session(stage, via="1.1 proxy")
        assert (forwarded["admitted"], forwarded["asks"]) == (False, None)
        assert "[admin] token" in forwarded["message"]


async def test_where_a_token_is_asked_for_it_says_so(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        asked = await session(stage)
        assert (asked["admitted"], asked["by"], asked["asks"]) == (False, None, "token")
        assert (await session(stage, authorization=f"Bearer {TOKEN}"))["by"] == "token"
        assert (await at_home(stage, "GET", SESSION)).json()["by"] == "control"


async def test_asking_is_no_place_to_try_tokens_at_without_being_counted(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        for _ in range(5):
            assert not (await session(stage, authorization="Bearer guess"))["admitted"]
        late = await session(stage, authorization=f"Bearer {TOKEN}")
        assert not late["admitted"]
        said = r"Too many wrong credentials from this address; try again in (60|5\d) s\."
        assert re.fullmatch(said, late["message"])


# -- how it begins


async def test_the_token_begins_a_session_which_administers(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        answer = await log_in(stage)
        assert answer.json() == {"admitted": True, "by": "session", "asks": None, "message": None}
        name, value = re.match(r"(\w+)=([\w-]{43}); ", answer.headers["set-cookie"]).groups()  # type: ignore[union-attr]
        assert name == cookie_name(stage.state)
        assert answer.headers["set-cookie"] == f"{name}={value}; Path=/; HttpOnly; SameSite=Strict"
        assert (await session(stage))["by"] == "session"
        assert (await call(stage, "GET", "/api/status")).status_code == 200
        assert (await call(stage, "POST", "/api/accounts/first/pause")).status_code == 200
        async with listening(stage, LOGS):
            pass


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"token": ""},
        {"token": 1},
        {"token": TOKEN, "link": "x"},
        {"password": TOKEN},
        {"token": None},
    ],
)
async def test_what_is_no_log_in_is_refused_and_no_guess(tmp_path: Path, body: object) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        assert (await call(stage, "POST", SESSION, body)).status_code == 400
        half = '{"token": "\\ud800"}'
        answer = await stage.client.post(
            stage.url + SESSION, content=half, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 400
        assert (await log_in(stage)).status_code == 200


async def test_a_log_in_is_json_and_of_a_sensible_size(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        for content, kind, status in (
            (f"token={TOKEN}", "application/x-www-form-urlencoded", 415),
            (f'{{"token":"{TOKEN}"}}', "text/plain", 415),
            (f'{{"token":"{"x" * 200_000}"}}', "application/json", 413),
        ):
            answer = await stage.client.post(
                stage.url + SESSION, content=content, headers={"content-type": kind}
            )
            assert answer.status_code == status


async def test_five_wrong_ones_a_minute_are_one_line_each_and_then_even_the_right_one_waits(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        for _ in range(5):
            assert (await log_in(stage, token="guess")).status_code == 401
        late = await log_in(stage)
        assert late.status_code == 429
        seconds = late.headers["retry-after"]
        assert 50 < int(seconds) <= 60
        assert f"try again in {seconds} s" in told(late)
        said = [line.message for _, line in stage.running.house.live.lines.last()]
        lines = [line for line in said if line.startswith("authentication")]
        assert lines == ["authentication failure for administration from 127.0.0.1"] * 5


async def test_a_link_lets_in_whoever_has_guessed_too_often_and_a_spent_one_is_no_guess(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        made = secret_of((await link(stage))["link"])
        for _ in range(6):
            await log_in(stage, token="guess")
        assert (await log_in(stage, link=made)).status_code == 200
        for _ in range(6):
            assert (await log_in(stage, link=made)).status_code == 401
    (tmp_path / "again").mkdir()
    async with staged(tmp_path / "again", more=ADMIN) as stage:
        for _ in range(6):
            assert (await log_in(stage, link="of-yesterday")).status_code == 401
        assert (await log_in(stage)).status_code == 200


async def test_who_is_logged_in_stays_so_while_others_guess(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        await log_in(stage)
        for _ in range(6):
            await stage.client.post(stage.url + SESSION, json={"token": "guess"})
        assert (await call(stage, "GET", "/api/status")).status_code == 200


async def test_a_cookie_that_counts_no_more_is_no_guess(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        stage.headers = {"cookie": f"{cookie_name(stage.state)}=of-the-daemon-before"}
        for _ in range(9):
            assert (await call(stage, "GET", "/api/status")).status_code == 401
        assert (await log_in(stage)).status_code == 200


@pytest.mark.parametrize(
    "fields", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "same-site"}]
)
async def test_pages_of_others_may_not_even_log_in(tmp_path: Path, fields: dict[str, str]) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        await log_in(stage)
        for method, path in (
            ("POST", SESSION),
            ("GET", SESSION),
            ("DELETE", SESSION),
            ("GET", "/api/status"),
        ):
            answer = await stage.client.request(method, stage.url + path, headers=stage.headers | fields)
            assert answer.status_code == 403
        assert (await session(stage))["by"] == "session"


# -- the cookie


async def test_behind_tls_the_cookie_is_for_tls_alone(tmp_path: Path) -> None:
    server = 'trusted_proxies = ["127.0.0.1"]'
    more = ADMIN + '[clients.one]\nkey = "k"\n'
    async with staged(tmp_path, server=server, more=more) as stage:
        for fields, secure in (
            ({"x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.1"}, True),
            ({"x-forwarded-proto": "https, http", "x-forwarded-for": "192.0.2.1"}, True),
            ({"x-forwarded-proto": "http", "x-forwarded-for": "192.0.2.1"}, False),
            ({"origin": f"https://127.0.0.1:{stage.port}", "host": f"127.0.0.1:{stage.port}"}, True),
        ):
            answer = await stage.client.post(stage.url + SESSION, json={"token": TOKEN}, headers=fields)
            assert answer.headers["set-cookie"].endswith("; Secure") is secure
            stage.client.cookies.clear()


async def test_who_is_not_believed_does_not_say_how_a_browser_came(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        fields = {"x-forwarded-proto": "https"}
        answer = await stage.client.post(stage.url + SESSION, json={"token": TOKEN}, headers=fields)
        assert not answer.headers["set-cookie"].endswith("; Secure")


async def test_the_cookie_is_for_the_base_path(tmp_path: Path) -> None:
    more = ADMIN + '[clients.one]\nkey = "k"\n'
    async with staged(tmp_path, server='base_path = "/ccflared"', more=more) as stage:
        answer = await call(stage, "POST", "/ccflared" + SESSION, {"token": TOKEN})
        assert "; Path=/ccflared; " in answer.headers["set-cookie"]


def test_two_daemons_have_two_names_and_each_keeps_its_own() -> None:
    one, other = cookie_name(Path("/var/lib/one")), cookie_name(Path("/var/lib/other"))
    assert one == cookie_name(Path("/var/lib/one")) != other
    assert re.fullmatch(r"ccflared_[0-9a-f]{8}", one)


def test_a_cookie_is_found_among_others() -> None:
    headers = [
        (b"cookie", b'a=1; mine=x; mine="y"; theirs=z'),
        (b"host", b"mine=h"),
        (b"cookie", b"mine=w; mine"),
    ]
    assert list(given_in(headers, "mine")) == ["x", "y", "w", ""]
    assert len(list(given_in([(b"cookie", b"mine=x;" * 1000)], "mine"))) == 8


# -- what it does not open


async def test_a_session_sends_no_requests_and_chooses_no_account(tmp_path: Path) -> None:
    more = ADMIN + '[clients.one]\nkey = "k"\n'
    async with staged(tmp_path, more=more) as stage:
        await log_in(stage)
        assert (await stage.ask()).status_code == 401
        stage.headers |= {"x-api-key": "k"}
        assert "x-ccflared-account" not in (await stage.ask()).headers
        stage.headers |= {"x-ccflared-account": "first"}
        assert (await stage.ask()).status_code == 403
        assert (await call(stage, "GET", "/metrics")).status_code == 401


async def test_the_cookie_goes_to_no_upstream(tmp_path: Path) -> None:
    more = ADMIN + '[clients.one]\nkey = "k"\n'
    async with staged(tmp_path, more=more) as stage:
        await log_in(stage)
        stage.headers |= {"x-api-key": "k"}
        assert (await stage.ask()).status_code == 200
        (asked,) = stage.provider.seen
        assert asked.get(b"cookie") is None


# -- how it ends


async def test_logging_out_ends_the_session_and_its_streams_at_once(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        await log_in(stage)
        ticket = (await call(stage, "POST", LOGS + "/token")).json()["token"]
        stranger = replace(stage, headers={})
        async with (
            listening(stage, LOGS) as own,
            listening(stranger, f"{LOGS}?stream_token={ticket}") as by_ticket,
        ):
            answer = await call(stage, "DELETE", SESSION)
            assert answer.status_code == 200
            assert "=; Max-Age=0; Path=/; HttpOnly" in answer.headers["set-cookie"]
            with trio.fail_after(10):
                assert await own.ended()
                assert await by_ticket.ended()
        assert (await call(stage, "GET", "/api/status")).status_code == 401
        assert (await call(stage, "DELETE", SESSION)).status_code == 200


async def test_logging_in_again_ends_the_session_of_before(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        await log_in(stage)
        before = stage.headers
        await log_in(stage)
        assert len(stage.running.house.entrance.sessions) == 1
        stage.headers = before
        assert (await call(stage, "GET", "/api/status")).status_code == 401


@pytest.mark.parametrize("then", ['[admin]\ntoken = "another"\n', ""], ids=["another token", "no [admin]"])
async def test_another_token_ends_every_session_and_voids_links(tmp_path: Path, then: str) -> None:
    async with staged(tmp_path, more=ADMIN + '[clients.one]\nkey = "k"\n') as stage:
        made = secret_of((await link(stage))["link"])
        await log_in(stage)
        text = stage.config.read_text()
        async with listening(stage, LOGS) as listener:
            stage.config.write_text(text.replace(ADMIN, then))
            assert (await at_home(stage, "POST", "/api/reload", {"allowLess": True})).status_code == 200
            assert await listener.ended()
        status = 401 if then else 403
        assert (await call(stage, "GET", "/api/status")).status_code == status
        assert (await log_in(stage, link=made)).status_code == status
        stage.config.write_text(text)
        await at_home(stage, "POST", "/api/reload")
        assert (await call(stage, "GET", "/api/status")).status_code == 401


async def test_a_session_that_idles_out_ends_its_streams(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        await log_in(stage)
        house = stage.running.house
        async with listening(stage, LOGS) as listener:
            (own,) = house.entrance.sessions._known.values()
            own.used -= IDLE + 1
            house.live.stir()
            assert await listener.ended()
        assert (await call(stage, "GET", "/api/status")).status_code == 401
        assert not len(house.entrance.sessions)


def test_a_session_lasts_while_it_is_used() -> None:
    sessions = Sessions()
    token = sessions.begin(0.0, b"admin")
    for hour in (11, 22, 33):
        session = sessions.find(token, hour * 3600.0, b"admin")
        assert session
        sessions.use(session, hour * 3600.0)
    assert sessions.find(token, 33 * 3600.0 + IDLE, b"admin") is None
    assert sessions.find(token, 33 * 3600.0, b"admin") is None  # what is over stays so


def test_there_are_not_too_many_sessions_and_the_one_used_longest_ago_goes() -> None:
    sessions = Sessions()
    first, second, *_ = [sessions.begin(0.0, b"admin") for _ in range(MOST)]
    used = sessions.find(first, 1.0, b"admin")
    assert used
    sessions.use(used, 1.0)
    sessions.begin(2.0, b"admin")
    assert len(sessions) == MOST
    assert sessions.find(first, 2.0, b"admin")
    assert sessions.find(second, 2.0, b"admin") is None
    assert sessions.find("ä", 2.0, b"admin") is None
    sessions.begin(3.0, b"other")
    assert len(sessions) == 1


# -- links


async def test_a_link_lets_one_browser_in_once(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        made = await link(stage)
        assert re.fullmatch(re.escape(stage.url) + r"/#link=[\w-]{43}", made["link"])
        assert (made["urls"], made["seconds"]) == ([stage.url + "/"], 600.0)
        assert (await log_in(stage, link=secret_of(made["link"]))).json()["by"] == "session"
        assert (await call(stage, "GET", "/api/status")).status_code == 200
        again = await log_in(stage, link=secret_of(made["link"]))
        assert again.status_code == 401
        assert "ccflared dashboard" in told(again)


async def test_only_the_control_socket_gives_links(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        await log_in(stage)
        assert (await call(stage, "POST", f"{SESSION}/link")).status_code == 403
        stage.headers = {"authorization": f"Bearer {TOKEN}"}
        assert (await call(stage, "POST", f"{SESSION}/link")).status_code == 403


async def test_where_nothing_is_asked_for_the_plain_address_will_do(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        made = await link(stage)
        assert (made["link"], made["seconds"]) == (stage.url + "/", None)
        assert f"ssh -L {stage.port}:127.0.0.1:{stage.port}" in made["message"]


async def test_where_nobody_may_administer_it_says_which_lines_to_add(tmp_path: Path) -> None:
    async with staged(tmp_path, more='[clients.one]\nkey = "k"\n') as stage:
        answer = await at_home(stage, "POST", f"{SESSION}/link")
        assert answer.status_code == 409
        assert "\n  [admin]\n  token = " in told(answer)


async def test_without_a_listener_for_browsers_it_says_so(tmp_path: Path) -> None:
    server = f'listen = [{{ address = "127.0.0.1:0", serve = ["requests"] }}, "unix:{tmp_path}/r.sock"]'
    async with staged(tmp_path, server=server, more=ADMIN + '[clients.one]\nkey = "k"\n') as stage:
        answer = await at_home(stage, "POST", f"{SESSION}/link")
        assert answer.status_code == 409
        assert 'serve = ["admin"]' in told(answer)


async def test_a_token_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    async with staged(tmp_path, more='[admin]\ntoken = { env = "NOT_SET" }\n') as stage:
        answer = await at_home(stage, "POST", f"{SESSION}/link")
        assert answer.status_code == 409
        assert "ccflared check --secrets" in told(answer)
        assert (await log_in(stage, token="")).status_code == 400
        assert (await log_in(stage, token="None")).status_code == 401
