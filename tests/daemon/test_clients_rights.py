"""Keys of clients: which count, what each may, and that a look-up is the same work for one client and for 5 000."""

import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import pytest
import trio
from stage import Stage, staged

from ccflared.config.model import Client, Config
from ccflared.daemon.access import Door, Peer, Rights, admit_request, check_expiry, digest
from ccflared.daemon.clients import Clients
from ccflared.demo.script import Held

ADMIN = '[admin]\ntoken = "the-admin-token"\n'


async def ask(stage: Stage, key: str, **more: Any) -> httpx.Response:
    stage.headers = {"x-api-key": key}
    return await stage.fresh(**more)


async def admin(stage: Stage, path: str) -> Any:
    answer = await stage.client.get(stage.url + path, headers={"authorization": "Bearer the-admin-token"})
    assert answer.status_code == 200, answer.text
    return answer.json()


# -- constant work


def work(clients: int, key: str) -> Counter[str]:
    """Return which functions run, and how often, to admit a request where there are so many clients."""
    names = [f"c{number}" for number in range(clients)]
    known = {name: Client(name, key_sha256=("00",), requests_per_hour=10) for name in names}
    config = Config(clients=known)
    rights = Rights({digest(f"ck-{name}"): name for name in names}, None, False, False, False)
    used = Clients()
    door = Door("127.0.0.1:1", "loopback", frozenset({"requests"}))
    peer, fields = Peer("127.0.0.1", forwarded=False), {b"x-api-key": key.encode()}
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: Any) -> None:
        if event in ("call", "c_call"):
            calls[argument.__name__ if event == "c_call" else frame.f_code.co_qualname] += 1

    sys.setprofile(count)
    try:
        name = admit_request(rights, door, peer, "127.0.0.1", fields)
        check_expiry(config, name, 0.0)
        client = config.clients.get(name or "")
        refusal = client and used.admit(client, 0.0, None)
    finally:
        sys.setprofile(None)
    assert name is not None
    assert refusal is None
    return calls


def test_a_look_up_is_the_same_work_for_one_client_and_for_5000() -> None:
    alone = work(1, "ck-c0")
    assert alone["openssl_sha256"] == 1
    assert work(5000, "ck-c0") == work(5000, "ck-c4999") == alone


# -- which keys count


async def test_a_key_that_cannot_be_read_turns_its_client_away_and_matches_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.key").write_text("\n")
    more = ADMIN + (
        '[clients.gone]\nkey = { file = "missing.key" }\n[clients.empty]\nkey = { file = "empty.key" }\n'
        '[clients.unset]\nkey = { env = "NOBODY_SETS_THIS" }\n'
    )
    async with staged(tmp_path, more=more) as stage:
        for key in ("", "None", "missing.key", "NOBODY_SETS_THIS"):
            for headers in ({"x-api-key": key}, {"authorization": f"Bearer {key or chr(34)}"}, {}):
                answer = await stage.client.post(stage.url + "/v1/messages", json={}, headers=headers)
                assert answer.status_code == 401
                assert answer.headers["x-should-retry"] == "false"
        states = {
            each["name"]: (each["state"], each["reason"]) for each in await admin(stage, "/api/clients")
        }
        assert {state for state, _ in states.values()} == {"no key"}
        assert "missing.key" in (states["gone"][1] or "")
        (tmp_path / "missing.key").write_text("now-there\n")
        assert (await stage.running.reloads.reload("command")).applied
        assert (await ask(stage, "now-there")).status_code == 200


async def test_two_keys_of_a_client_both_count_and_one_leaves_while_its_requests_run(tmp_path: Path) -> None:
    new = sha256(b"ck-new").hexdigest()
    more = f'[clients.laptop]\nkey = "ck-old"\nkey_sha256 = "{new}"\n'
    async with staged(tmp_path, more=more) as stage:
        go = trio.Event()
        stage.provider.play("sk-first", Held(go), Held(go))
        answers: list[httpx.Response] = []

        async def ask_with(key: str) -> None:
            body = {
                "model": "claude-sonnet-4-5",
                "max_tokens": 9,
                "messages": [{"role": "user", "content": key}],
            }
            answers.append(
                await stage.client.post(stage.url + "/v1/messages", json=body, headers={"x-api-key": key})
            )

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_with, "ck-old")
            nursery.start_soon(ask_with, "ck-new")
            with trio.fail_after(5):
                while stage.running.house.under_way.requests < 2:
                    await trio.lowlevel.checkpoint()
            stage.edit(stage.config.read_text().replace('key = "ck-old"\n', ""))
            assert (await stage.running.reloads.reload("command")).applied
            assert (await ask(stage, "ck-old")).status_code == 401
            assert (await ask(stage, "ck-new")).status_code == 200
            go.set()
        assert [answer.status_code for answer in answers] == [200, 200]
        assert {row.client for row in await stage.rows()} == {"laptop"}


async def test_a_key_that_two_clients_share_is_that_of_the_first_and_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_text("shared")
    (tmp_path / "b.key").write_text("shared\n")
    (tmp_path / "c.key").write_text("the-admin-token")
    more = ADMIN + "".join(f'[clients.{name}]\nkey = {{ file = "{name}.key" }}\n' for name in "abc")
    async with staged(tmp_path, more=more) as stage:
        assert (await ask(stage, "shared")).status_code == 200
        assert (await ask(stage, "the-admin-token")).status_code == 401
        assert [row.client for row in await stage.rows()] == ["a"]
        assert stage.running.reloads.applied.warnings == (
            "clients.b has the same key as clients.a, whose limits count; give it one of its own",
            "clients.c has the same key as [admin], which administers and sends no requests; give it one of its own",
        )


# -- expiry


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/messages"),
        ("POST", "/v1/messages/count_tokens"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/claude-sonnet-4-5"),
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/files"),
        ("GET", "/v1/messages"),
        ("OPTIONS", "/v1/messages"),
    ],
)
async def test_an_expired_key_is_refused_everywhere(tmp_path: Path, method: str, path: str) -> None:
    more = '[clients.old]\nkey = "ck-old"\nexpires = 2020-01-01\n[clients.new]\nkey = "ck-new"\nexpires = 2999-01-01\n'
    async with staged(tmp_path, more=more) as stage:
        old = await stage.client.request(method, stage.url + path, json={}, headers={"x-api-key": "ck-old"})
        assert (old.status_code, old.headers["x-should-retry"]) == (401, "false")
        assert "This client key has expired." in old.text
        new = await stage.client.request(method, stage.url + path, json={}, headers={"x-api-key": "ck-new"})
        assert new.status_code != 401


# -- models, accounts and pins

NARROW = '[clients.narrow]\nkey = "ck-n"\nmodels = ["claude-haiku-*"]\n[clients.wide]\nkey = "ck-w"\n'


async def test_a_client_sees_and_counts_only_the_models_that_it_may_ask_for(tmp_path: Path) -> None:
    async with staged(tmp_path, more=NARROW) as stage:
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            assert (await ask(stage, "ck-n", path=path)).status_code == 403
            assert (await ask(stage, "ck-n", path=path, model="claude-haiku-4-5")).status_code == 200
        all_models = (await _models(stage, "ck-w"))["data"]
        listing = await _models(stage, "ck-n")
        assert {model["id"] for model in listing["data"]} == {
            model["id"] for model in all_models if model["id"].startswith("claude-haiku-")
        }
        assert 0 < len(listing["data"]) < len(all_models)
        assert listing["first_id"] == listing["data"][0]["id"]
        for named in ("claude-sonnet-4-5", "claude%2Dsonnet-4-5"):
            single = await stage.client.get(stage.url + f"/v1/models/{named}", headers={"x-api-key": "ck-n"})
            assert (single.status_code, single.json()["error"]["type"]) == (403, "permission_error")


async def _models(stage: Stage, key: str) -> dict[str, Any]:
    answer = await stage.client.get(stage.url + "/v1/models", headers={"x-api-key": key})
    assert answer.status_code == 200
    return dict(answer.json())


async def test_a_client_cannot_find_out_which_accounts_there_are_that_it_may_not_use(tmp_path: Path) -> None:
    more = '[clients.a]\nkey = "ck-a"\npin = true\naccounts = ["first"]\n'
    async with staged(tmp_path, own={"second": 'passthrough = ["/v1/files"]'}, more=more) as stage:
        told = set()
        for account in ("second", "nobody"):
            for path in ("/v1/models", "/v1/files"):
                headers = {"x-api-key": "ck-a", "x-ccflared-account": account}
                answer = await stage.client.get(stage.url + path, headers=headers)
                told.add((answer.status_code, answer.json()["error"]["message"]))
        assert told == {(403, "This client may not use that account.")}


# -- what administrators see


async def test_clients_are_shown_to_administrators_with_what_they_have_used(tmp_path: Path) -> None:
    more = ADMIN + (
        '[pricing."claude-sonnet-4-5"]\ninput = 1.0\noutput = 1.0\n'
        '[clients.laptop]\nkey = ["ck-1", "ck-2"]\nbudget = { daily = 5.0, monthly = 50.0 }\n'
        'requests_per_hour = 100\naccounts = ["f*"]\nmodels = ["claude-*"]\npin = true\nexpires = 2999-01-01\n'
        '[clients.idle]\nkey = "ck-3"\n'
    )
    async with staged(tmp_path, more=more) as stage:
        assert (await ask(stage, "ck-2")).status_code == 200
        assert (await ask(stage, "ck-1", stream=True)).status_code == 200
        rows = await stage.rows()
        laptop, idle = await admin(stage, "/api/clients")
        rights = {
            key: laptop[key] for key in ("id", "keys", "accounts", "models", "pin", "expires", "expired")
        }
        assert rights == {
            "id": "laptop",
            "keys": 2,
            "accounts": ["f*"],
            "models": ["claude-*"],
            "pin": True,
            "expires": "2999-01-01",
            "expired": False,
        }
        assert (laptop["state"], laptop["requests_per_hour"], laptop["requests_last_hour"]) == (
            "ready",
            100,
            2,
        )
        cost = sum(row.cost or 0 for row in rows) / 1e6
        assert cost > 0
        assert laptop["budget"] == {
            "daily": 5.0,
            "monthly": 50.0,
            "counts": "value",
            "spent_today": cost,
            "spent_this_month": cost,
        }
        assert laptop["today"] == laptop["this_month"]
        assert (laptop["today"]["requests"], laptop["today"]["value"]) == (2, cost)
        assert laptop["today"]["tokens"]["output"] == sum(row.tokens.output or 0 for row in rows)
        assert laptop["last_used"] == max(row.at for row in rows)
        assert (idle["today"]["requests"], idle["last_used"], idle["budget"]) == (0, None, None)
        short = (await admin(stage, "/api/status"))["clients"]
        assert [each["name"] for each in short] == ["laptop", "idle"]
        assert short[0].items() <= laptop.items()
        assert "ck-" not in repr((laptop, idle, short))


async def test_clients_are_not_shown_to_clients(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN + NARROW) as stage:
        answer = await stage.client.get(stage.url + "/api/clients", headers={"x-api-key": "ck-w"})
        assert answer.status_code == 401
