"""Pins to an account, and the paths that a pin may use outside the pool, over real sockets."""

from pathlib import Path

import httpx
import pytest
from stage import Stage, staged
from upstreams import Far, Link, always, far

from ccflared.demo.script import Answer, Failing, Limited

NAMED = "x-ccflared-account"
KEY = "client-key-0123456789"


async def pinned(stage: Stage, name: str, path: str = "/v1/messages") -> httpx.Response:
    """Ask for a message by one account, in a conversation that others have had."""
    stage.headers[NAMED] = name
    answer = await stage.ask(path=path)
    del stage.headers[NAMED]
    return answer


async def test_a_pin_is_served_by_that_account_whatever_priority_chain_and_conversation_say(
    tmp_path: Path,
) -> None:
    more = '[[fallback]]\nmodels = ["sonnet"]\ntry = ["first"]\nthen = "fail"\n'
    async with staged(tmp_path, ["first", "second", "third"], more=more) as stage:
        assert (await stage.ask()).headers[NAMED] == "first"
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            answer = await pinned(stage, "third", path)
            assert (answer.status_code, answer.headers[NAMED]) == (200, "third")
        assert stage.provider.seen[-1].get(b"x-ccflared-account") is None
        assert (await stage.ask()).headers[NAMED] == "first"


async def test_a_pin_to_an_account_that_rests_is_refused_without_a_call(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-second", then=Limited(reset_in=600))
        # What a pinned request meets counts for everybody: it is the account's own limit.
        assert (await pinned(stage, "second")).status_code == 429
        refused = await pinned(stage, "second")
        assert refused.status_code == 429
        assert 590 <= int(refused.headers["retry-after"]) <= 601
        assert refused.headers["x-should-retry"] == "false"
        assert refused.json()["error"]["message"].startswith("The account has reached a limit.")
        assert [seen.key for seen in stage.provider.seen] == ["sk-second"]
        assert (await stage.account("second"))["state"] == "resting"


@pytest.mark.parametrize("failure", [Failing(500), Failing(529), Failing(401)], ids=["500", "529", "401"])
async def test_a_pin_to_an_account_that_fails_asks_nobody_else(tmp_path: Path, failure: Failing) -> None:
    more = "[routing]\noverload_retry = { attempts = 1 }\n"
    async with staged(tmp_path, more=more) as stage:
        stage.provider.play("sk-second", failure)
        refused = await pinned(stage, "second")
        assert refused.status_code == 503
        assert [seen.key for seen in stage.provider.seen] == ["sk-second"]
        (row,) = await stage.rows()
        assert [attempt.account for attempt in row.attempts] == ["second"]


async def test_a_pin_to_an_account_that_is_paused_off_or_unknown_is_an_error(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first", "second", "third"], own={"third": "enabled = false"}) as stage:
        await stage.client.post(stage.url + "/api/accounts/second/pause")
        assert (await pinned(stage, "second")).status_code == 503
        assert (await pinned(stage, "third")).status_code == 503
        unknown = await pinned(stage, "fourth")
        assert (unknown.status_code, unknown.json()["error"]["type"]) == (400, "invalid_request_error")
        assert not stage.provider.seen


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/files"])
async def test_a_client_without_the_right_to_pin_is_refused_one(tmp_path: Path, path: str) -> None:
    more = f'[clients.laptop]\nkey = "{KEY}"\n'
    own = {"second": 'passthrough = ["/v1/files"]'}
    async with staged(tmp_path, own=own, more=more) as stage:
        stage.headers["x-api-key"] = KEY
        refused = await pinned(stage, "second", path)
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "permission_error")
        assert not stage.provider.seen
        answer = await stage.ask()
        assert answer.status_code == 200
        assert NAMED not in answer.headers


async def test_a_client_with_the_right_to_pin_is_told_who_served(tmp_path: Path) -> None:
    more = f'[clients.laptop]\nkey = "{KEY}"\npin = true\n'
    async with staged(tmp_path, more=more) as stage:
        stage.headers["x-api-key"] = KEY
        assert (await pinned(stage, "second")).headers[NAMED] == "second"
        assert (await stage.ask()).headers[NAMED] == "first"


FILES = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


async def passed(stage: Stage, method: str, path: str, name: str | None = "files") -> httpx.Response:
    headers = {} if name is None else {NAMED: name}
    body = b"--x\r\n\r\nbytes\xff\r\n--x--" if method == "POST" else None
    kind = {"content-type": "multipart/form-data; boundary=x"} if body else {}
    return await stage.client.request(method, stage.url + path, content=body, headers=headers | kind)


def own(place: Far) -> dict[str, str]:
    return {
        "files": f'base_url = "http://127.0.0.1:{place.port}"\npassthrough = ["/v1/files", "/v1/batches/"]'
    }


PASSED = [
    ("POST", "/v1/files"),
    ("GET", "/v1/files?limit=3&after_id=a%20b"),
    ("GET", "/v1/files/file_1/content"),
    ("DELETE", "/v1/files/file_1"),
    ("GET", "/v1/batches/b"),
    ("GET", "/v1/batches"),
]


@pytest.mark.parametrize(("method", "path"), PASSED)
async def test_a_pin_reaches_the_paths_that_the_account_lists_with_method_query_and_body(
    tmp_path: Path, method: str, path: str
) -> None:
    async with (
        far(always(FILES % b"200 OK")) as place,
        staged(tmp_path, ["first", "files"], own=own(place)) as stage,
    ):
        answer = await passed(stage, method, path)
        assert (answer.status_code, answer.content) == (200, b"{}")
        assert answer.headers[NAMED] == "files"
        (request,) = place.requests
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.startswith(f"{method} {path} HTTP/1.1\r\n".encode())
        assert b"x-api-key: sk-files" in head
        assert body == (b"--x\r\n\r\nbytes\xff\r\n--x--" if method == "POST" else b"")
        (row,) = await stage.rows()
        assert (row.path, row.account, row.model, row.outcome) == (
            path.partition("?")[0],
            "files",
            None,
            "complete",
        )


NOT_PASSED = [
    ("/v1/filesystem", "files"),
    ("/v1/file", "files"),
    ("/v1/skills", "files"),
    ("/v1/files", "first"),
    ("/v1/files", "nobody"),
    ("/v1/files", None),
]


@pytest.mark.parametrize(("path", "name"), NOT_PASSED)
async def test_any_other_path_account_or_a_request_without_a_pin_is_404(
    tmp_path: Path, path: str, name: str | None
) -> None:
    async with (
        far(always(FILES % b"200 OK")) as place,
        staged(tmp_path, ["first", "files"], own=own(place)) as stage,
    ):
        answer = await passed(stage, "GET", path, name)
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")
        assert not place.requests
        assert not stage.provider.seen


STATUSES = [b"403 Forbidden", b"429 Too Many Requests", b"500 Internal Server Error", b"529 Overloaded"]


@pytest.mark.parametrize("status", STATUSES)
async def test_what_comes_of_such_a_path_is_passed_on_and_touches_no_state(
    tmp_path: Path, status: bytes
) -> None:
    async with (
        far(always(FILES % status)) as place,
        staged(tmp_path, ["first", "files"], own=own(place)) as stage,
    ):
        answer = await passed(stage, "GET", "/v1/files")
        assert (answer.status_code, answer.content) == (int(status[:3]), b"{}")
        assert (await stage.account("files"))["state"] == "ready"
        assert len(place.requests) == 1


async def test_a_401_on_such_a_path_is_the_accounts_and_no_clients(tmp_path: Path) -> None:
    async with (
        far(always(FILES % b"401 Unauthorized")) as place,
        staged(tmp_path, ["first", "files"], own=own(place)) as stage,
    ):
        answer = await passed(stage, "GET", "/v1/files")
        assert (answer.status_code, answer.json()["error"]["type"]) == (503, "overloaded_error")
        assert (await stage.account("files"))["state"] == "ready"


async def test_silence_on_such_a_path_says_nothing_of_the_account(tmp_path: Path) -> None:
    more = '[routing]\nidle_timeout = "100ms"\n'
    async with (
        far(Link.closed) as place,
        staged(tmp_path, ["first", "files"], own=own(place), more=more) as stage,
    ):
        answer = await passed(stage, "GET", "/v1/files")
        assert answer.status_code == 503
        assert (await stage.account("files"))["state"] == "ready"


async def test_a_limit_on_messages_keeps_such_a_path_from_nobody_but_a_pause_does(tmp_path: Path) -> None:
    limit = b"HTTP/1.1 429 Limited\r\nretry-after: 600\r\ncontent-length: 2\r\n\r\n{}"
    async with far(always(limit)) as place, staged(tmp_path, ["first", "files"], own=own(place)) as stage:
        assert (await pinned(stage, "files")).status_code == 429
        assert (await pinned(stage, "files")).status_code == 429
        assert len(place.requests) == 1
        await passed(stage, "GET", "/v1/files")
        assert len(place.requests) == 2
        await stage.client.post(stage.url + "/api/accounts/files/pause")
        assert (await passed(stage, "GET", "/v1/files")).status_code == 503
        assert len(place.requests) == 2


async def test_the_proxy_of_an_account_is_used_for_pins_and_for_what_is_passed_through(
    tmp_path: Path,
) -> None:
    async with far(always(FILES % b"200 OK")) as proxy:
        more = (
            'base_url = "http://10.9.8.7:81"\npassthrough = ["/v1/files"]\n'
            f'proxy = "http://user:word@127.0.0.1:{proxy.port}"'
        )
        async with staged(tmp_path, ["first", "files"], own={"files": more}) as stage:
            assert (await pinned(stage, "files")).status_code == 200
            assert (await passed(stage, "GET", "/v1/files/a")).status_code == 200
            assert (await stage.ask()).headers[NAMED] == "first"
        first, second = proxy.requests
        assert first.startswith(b"POST http://10.9.8.7:81/v1/messages HTTP/1.1\r\n")
        assert second.startswith(b"GET http://10.9.8.7:81/v1/files/a HTTP/1.1\r\n")


async def test_an_answer_of_a_pinned_stream_is_poured_as_any_other(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"second": "pool = false"}) as stage:
        stage.provider.play("sk-second", Answer(text="Only for pins."))
        stage.headers[NAMED] = "second"
        answer = await stage.ask(stream=True)
        assert b"Only" in answer.content
        assert b"message_stop" in answer.content
