"""Clients, chains, prices, routing and retention edited by REST."""

from pathlib import Path

import pytest
from rest import at_home, call, file_of, told
from stage import QUESTION, Stage, staged

ADMIN = '[admin]\ntoken = "t-1"\n'


async def ask_as(stage: Stage, key: str) -> int:
    answer = await stage.client.post(
        stage.url + "/v1/messages", json=QUESTION, headers={"authorization": f"Bearer {key}"}
    )
    return answer.status_code


async def test_a_clients_key_is_told_once_counts_at_once_and_is_kept_as_its_digest(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], more=ADMIN) as stage:
        stage.headers = {"x-api-key": "t-1"}
        answer = await call(stage, "POST", "/api/clients", {"name": "laptop", "requests_per_hour": 60})
        assert answer.status_code == 200, answer.text
        key = answer.json()["key"]
        assert "every request needs a key" in told(answer)
        assert key not in stage.config.read_text()
        assert file_of(stage)["clients"]["laptop"].keys() == {"key_sha256", "requests_per_hour"}
        assert await ask_as(stage, key) == 200
        assert await ask_as(stage, "ccf_other") == 401


async def test_rotating_replaces_a_key_or_keeps_the_old_one_for_a_while(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], more=ADMIN) as stage:
        stage.headers = {"x-api-key": "t-1"}
        keys = [(await call(stage, "POST", "/api/clients", {"name": "c"})).json()["key"]]
        rotated = [await call(stage, "POST", "/api/clients/c/rotate", {"keepOld": yes}) for yes in (True, 1)]
        keys += [answer.json()["key"] for answer in rotated]
        assert [await ask_as(stage, key) for key in keys] == [200, 200, 200]
        keys.append((await call(stage, "POST", "/api/clients/c/rotate")).json()["key"])
        assert [await ask_as(stage, key) for key in keys] == [401, 401, 401, 200]


async def test_a_clients_rights_are_edited_but_not_its_keys(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], more=ADMIN) as stage:
        stage.headers = {"x-api-key": "t-1"}
        await call(stage, "POST", "/api/clients", {"name": "c"})
        body = {"models": ["claude-haiku-*"], "pin": True, "expires": "2999-01-01", "budget": {"daily": 2.5}}
        assert (await call(stage, "PATCH", "/api/clients/c", body)).status_code == 200
        assert stage.running.house.world.config.clients["c"].models == ("claude-haiku-*",)
        for forbidden in ({"key": "mine"}, {"key_sha256": "0" * 64}, {"key": {"file": "/etc/passwd"}}):
            answer = await call(stage, "PATCH", "/api/clients/c", forbidden)
            assert answer.status_code == 403, answer.text
        assert (await call(stage, "PATCH", "/api/clients/c", {"accounts": ["nobody"]})).status_code == 400
        assert (await call(stage, "PATCH", "/api/clients/d", {"pin": True})).status_code == 404


async def test_the_last_client_goes_only_when_it_is_meant(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], more=ADMIN) as stage:
        stage.headers = {"x-api-key": "t-1"}
        await call(stage, "POST", "/api/clients", {"name": "c"})
        assert (await call(stage, "DELETE", "/api/clients/c", {})).status_code == 400
        answer = await call(stage, "DELETE", "/api/clients/c", {"confirm": "c"})
        assert (answer.status_code, "allowLess" in told(answer)) == (409, True)
        body = {"confirm": "c", "allowLess": True}
        assert (await call(stage, "DELETE", "/api/clients/c", body)).status_code == 200
        assert "clients" not in file_of(stage)


async def test_chains_prices_routing_and_retention_are_edited_in_one_step(tmp_path: Path) -> None:
    chain = '[[fallback]]\nmodels = ["opus"]\ntry = ["first"]\n[pricing."vendor/old"]\ninput = 1.0\noutput = 1.0\n'
    async with staged(tmp_path, ["first", "second"], more=chain) as stage:
        chains = [
            {"models": ["opus"], "try": [["first", "second"]], "then": "fail"},
            {"models": ["haiku"], "try": ["second", {"account": "first", "model": "big"}]},
        ]
        body = {
            "routing": {"strategy": "least-used", "attempts": 5, "cooldown": {"first": "10s"}},
            "storage": {"keep_requests": "30d"},
            "pricing": {"vendor/big": {"input": 2.0, "output": 4.0}, "vendor/old": None},
            "fallback": chains,
        }
        answer = await call(stage, "PATCH", "/api/config", body)
        assert answer.status_code == 200, answer.text
        told_by_file = file_of(stage)
        assert told_by_file["fallback"] == chains
        assert told_by_file["pricing"] == {"vendor/big": {"input": 2.0, "output": 4.0}}
        config = stage.running.house.world.config
        assert (config.routing.strategy, config.routing.attempts, config.routing.cooldown.first) == (
            "least-used",
            5,
            10.0,
        )
        assert [step.models for step in config.fallback] == [("opus",), ("haiku",)]
        assert (await call(stage, "PATCH", "/api/config", {"routing": {"attempts": None}})).status_code == 200
        assert stage.running.house.world.config.routing.attempts == 8
        assert (await call(stage, "PATCH", "/api/config", {"fallback": []})).status_code == 200
        assert "fallback" not in file_of(stage)
        assert (
            await call(stage, "POST", "/api/config/strategy", {"strategy": "affinity"})
        ).status_code == 200
        assert stage.running.house.world.config.routing.strategy == "affinity"


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ({"server": {"listen": "0.0.0.0:1"}}, 403, "server"),
        ({"admin": {"edit": "all"}}, 403, "admin"),
        ({"providers": {"anthropic": {"base_url": "https://evil.example"}}}, 403, "providers"),
        ({"accounts": {}}, 403, "accounts"),
        ({"alerts": {"webhook": {"url": "https://evil.example"}}}, 403, "alerts"),
        ({"storage": {"directory": "/elsewhere"}}, 403, "directory"),
        ({"routin": {}}, 400, "routing"),
        ({"routing": {"strategi": "session"}}, 400, "strategy"),
        ({"routing": {"attempts": 0}}, 400, ""),
        ({"fallback": [{"models": ["opus"], "try": ["nobody"]}]}, 400, "nobody"),
        ({"fallback": {"models": "opus"}}, 400, "list"),
        ({"pricing": {"m": {"input": "free"}}}, 400, ""),
        ({"pricing": 3}, 400, "pricing"),
        ({}, 400, "routing"),
    ],
    ids=str,
)
async def test_the_rest_of_the_file_is_not_for_rest_and_mistakes_change_nothing(
    tmp_path: Path, body: dict[str, object], code: int, word: str
) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        before = stage.config.read_bytes()
        answer = await call(stage, "PATCH", "/api/config", body)
        assert answer.status_code == code, answer.text
        assert word in told(answer)
        assert stage.config.read_bytes() == before
        assert (await at_home(stage, "PATCH", "/api/config", body)).status_code == code
