"""Accounts edited by REST: in better-ccflare's shapes, in the file, and in force when it is answered."""

import json
from pathlib import Path

import httpx
import pytest
import trio
from rest import at_home, call, file_of, read_only, stored, told
from stage import staged

from ccflared.config.editing import Prepared, commit


async def test_an_account_is_added_with_its_key_stored_and_serves_at_once(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        body = {
            "name": "gate",
            "apiKey": "sk-of-the-gate",
            "customEndpoint": f"http://127.0.0.1:{stage.provider_port}",
            "priority": 1,
            "modelMappings": {"sonnet": "gate-mid"},
            "tier": 5,
        }
        answer = await call(stage, "POST", "/api/accounts/anthropic-compatible", body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["account"] | {"id": "gate", "tier": 5.0} == answer.json()["account"]
        assert "sk-of-the-gate" not in answer.text + stage.config.read_text()
        assert file_of(stage)["accounts"]["gate"]["api_key"] == {"stored": "gate"}
        assert stored(stage) == {"gate": "sk-of-the-gate"}
        assert (stage.state / "secrets" / "gate").stat().st_mode & 0o777 == 0o600
        listed = (await call(stage, "GET", "/api/accounts")).json()
        assert {item["id"] for item in listed} == {"first", "gate"}
        asked = await stage.client.post(
            stage.url + "/v1/messages",
            json={
                "model": "claude-sonnet-4-5",
                "max_tokens": 5,
                "messages": [{"role": "user", "content": "x"}],
            },
            headers={"x-ccflared-account": "gate"},
        )
        assert asked.status_code == 200
        assert asked.headers["x-ccflared-model"] == "gate-mid"


async def test_an_account_is_added_from_raw_tokens(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        body = {"name": "max", "accessToken": "at-1", "refreshToken": "rt-1", "priority": 3}
        answer = await call(stage, "POST", "/api/accounts", body)
        assert answer.status_code == 200, answer.text
        assert file_of(stage)["accounts"]["max"] == {
            "provider": "claude-oauth",
            "priority": 3,
            "oauth": {
                "access_token": {"stored": "max.access_token"},
                "refresh_token": {"stored": "max.refresh_token"},
            },
        }
        assert (await stage.account("max"))["token"]["kind"] == "seed"


async def test_the_modes_of_better_ccflare_are_understood_and_others_named(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        assert (
            await call(stage, "POST", "/api/accounts/console", {"name": "a", "apiKey": "k1"})
        ).status_code == 200
        assert file_of(stage)["accounts"]["a"]["provider"] == "anthropic"
        answer = await call(stage, "POST", "/api/accounts/zia", {"name": "b", "apiKey": "k2"})
        assert answer.status_code == 400
        assert "did you mean" in told(answer)


EDITS = [
    ("priority", {"priority": 7}, {"priority": 7}),
    ("auto-fallback", {"enabled": 1}, {"auto_fallback": True}),
    ("auto-fallback", {"enabled": False}, {"auto_fallback": False}),
    ("auto-refresh", {"enabled": True}, {"auto_refresh": True}),
    ("auto-pause-on-overage", {"enabled": 0}, {"overage": "allow"}),
    ("auto-pause-on-overage", {"enabled": 1}, {"overage": "never"}),
    ("billing-type", {"billingType": "plan"}, {"billing": "plan"}),
    ("model-mappings", {"modelMappings": {"opus": ["a", "b"]}}, {"models": {"opus": ["a", "b"]}}),
    ("model-fallbacks", {"modelFallbacks": {"opus": ["a", "b", "a"]}}, {"models": {"opus": ["=", "a", "b"]}}),
]


@pytest.mark.parametrize(("word", "body", "keys"), EDITS, ids=lambda each: str(each)[:30])
async def test_each_edit_is_in_the_file_and_in_force_when_it_is_answered(
    tmp_path: Path, word: str, body: dict[str, object], keys: dict[str, object]
) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        answer = await call(stage, "POST", f"/api/accounts/first/{word}", body)
        assert (answer.status_code, answer.json()["success"]) == (200, True), answer.text
        in_file = file_of(stage)["accounts"]["first"]
        assert in_file | keys == in_file
        account = stage.running.house.world.config.accounts["first"]
        for key, value in keys.items():
            found = getattr(account, key)
            assert (
                {name: list(models) for name, models in found.items()} if key == "models" else found
            ) == value


async def test_what_was_set_can_be_taken_out_again(tmp_path: Path) -> None:
    async with staged(
        tmp_path, ["first"], own={"first": 'billing = "plan"\nmodels = { opus = "a" }'}
    ) as stage:
        await call(stage, "POST", "/api/accounts/first/billing-type", {"billingType": "auto"})
        await call(stage, "POST", "/api/accounts/first/model-mappings", {"modelMappings": {}})
        assert not {"billing", "models"} & file_of(stage)["accounts"]["first"].keys()


async def test_fallbacks_come_after_the_models_that_the_file_names(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"], own={"first": 'models = { opus = "a", haiku = ["b"] }'}) as stage:
        path = "/api/accounts/first/model-fallbacks"
        assert (await call(stage, "POST", path, {"modelFallbacks": {"opus": "c"}})).status_code == 200
        assert file_of(stage)["accounts"]["first"]["models"] == {"opus": ["a", "c"], "haiku": ["b"]}
        before = stage.config.read_bytes()
        for wrong in ({}, {"modelFallbacks": None}, {"modelFallbacks": {"opus": [1]}}):
            assert (await call(stage, "POST", path, wrong)).status_code == 400
        assert (await call(stage, "POST", path, {"modelFallbacks": {}})).status_code == 200
        assert stage.config.read_bytes() == before


async def test_peak_hours_are_those_of_the_file_or_known_ones(tmp_path: Path) -> None:
    own = {"second": 'pause_schedule = [{ from = "01:00", to = "02:00" }]'}
    async with staged(tmp_path, own=own) as stage:

        async def pause(account: str, enabled: int) -> int:
            body = {"enabled": enabled}
            return (await call(stage, "POST", f"/api/accounts/{account}/peak-hours-pause", body)).status_code

        assert [await pause(name, 1) for name in ("first", "second")] == [200, 200]
        hours = {name: each.get("pause_schedule") for name, each in file_of(stage)["accounts"].items()}
        assert hours == {
            "first": [{"from": "14:00", "to": "18:00", "timezone": "Asia/Singapore"}],
            "second": [{"from": "01:00", "to": "02:00"}],
        }
        assert [await pause(name, 0) for name in ("first", "second", "second")] == [200, 200, 200]
        assert "pause_schedule" not in stage.config.read_text()


async def test_patch_sets_several_keys_at_once_or_none(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        body = {
            "tier": 20,
            "budget": {"daily": 5},
            "max_concurrency": 3,
            "enabled": True,
            "overage": "last-resort",
        }
        assert (await call(stage, "PATCH", "/api/accounts/first", body)).status_code == 200
        in_file = file_of(stage)["accounts"]["first"]
        assert in_file | body == in_file
        before = stage.config.read_bytes()
        wrong = await call(stage, "PATCH", "/api/accounts/first", {"tier": -1, "overage": "maybe"})
        assert wrong.status_code == 400
        assert [said.split(":")[0] for said in wrong.json()["mistakes"]] == ["tier = -1", 'overage = "maybe"']
        assert stage.config.read_bytes() == before


async def test_comments_and_the_order_of_the_file_stay(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first", "second"], more="# the last word\n") as stage:
        before = stage.config.read_text()
        await call(stage, "POST", "/api/accounts/first/priority", {"priority": 9})
        assert stage.config.read_text() == before.replace("priority = 0", "priority = 9")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"proxy": "http://evil.example"}, 403),
        ({"provider": "anthropic"}, 403),
        ({"insecure": True}, 403),
        ({"oauth": {"token_url": "https://evil.example"}}, 403),
        ({"credentials_file": "/etc/passwd"}, 400),
        ({"apiKey": {"file": "/etc/passwd"}}, 400),
        ({"apiKey": {"stored": "second"}}, 400),
        ({"api_key": {"env": "HOME"}}, 403),
        ({"models": {"file": "x"}}, 400),
        ({"prioriti": 3}, 400),
        ({"apiKey": "two\nlines"}, 400),
        ({"base_url": "\ud800"}, 400),
        ({"tier": float("inf")}, 400),
        ({}, None),
    ],
    ids=str,
)
async def test_what_rest_may_not_write_is_refused_by_name(
    tmp_path: Path, body: dict[str, object], code: int | None
) -> None:
    async with staged(tmp_path, ["first", "second"]) as stage:
        before = stage.config.read_bytes()
        answer = await stage.client.request(
            "PATCH",
            stage.url + "/api/accounts/first",
            content=json.dumps(body),
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == (code or 400)
        assert not body or next(iter(body)) in told(answer)
        assert stage.config.read_bytes() == before
        assert not stored(stage)


async def test_a_secret_of_an_edit_that_is_refused_is_not_kept(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        body = {"name": "bad", "apiKey": "sk-1", "priority": "high"}
        assert (await call(stage, "POST", "/api/accounts/zai", body)).status_code == 400
        body = {"name": "first", "apiKey": "sk-1"}
        assert (await call(stage, "POST", "/api/accounts/zai", body)).status_code == 409
        assert not stored(stage)


async def test_removing_asks_for_the_name_and_erases_the_stored_key(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        await call(stage, "POST", "/api/accounts/zai", {"name": "coder", "apiKey": "sk-1"})
        assert (await call(stage, "DELETE", "/api/accounts/coder", {"confirm": "first"})).status_code == 400
        assert stored(stage)
        answer = await call(stage, "DELETE", "/api/accounts/coder", {"confirm": "coder"})
        assert answer.status_code == 200, answer.text
        assert "coder" not in file_of(stage)["accounts"]
        assert not stored(stage)
        assert (await call(stage, "DELETE", "/api/accounts/coder", {"confirm": "coder"})).status_code == 404


async def test_the_last_account_and_one_that_a_chain_names_go_only_when_it_is_meant(tmp_path: Path) -> None:
    chain = '[[fallback]]\nmodels = ["opus"]\ntry = ["first", "second"]\n'
    async with staged(tmp_path, ["first", "second"], more=chain) as stage:
        refused = await call(stage, "DELETE", "/api/accounts/first", {"confirm": "first"})
        assert (refused.status_code, "chain" in told(refused)) == (409, True)
        forced = {"confirm": "first", "force": True}
        assert (await call(stage, "DELETE", "/api/accounts/first", forced)).status_code == 200
        last = await call(stage, "DELETE", "/api/accounts/second", {"confirm": "second", "force": True})
        assert (last.status_code, last.json()["losses"]) == (409, ["The last account would be gone."])


async def test_where_the_file_may_not_be_written_the_toml_to_paste_is_told(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        with read_only(tmp_path, stage.config):
            answer = await call(stage, "POST", "/api/accounts/first/priority", {"priority": 4})
            key = {"name": "new", "apiKey": "sk-1", "priority": 2}
            added = await call(stage, "POST", "/api/accounts/zai", key)
        assert answer.status_code == 409
        assert answer.json()["toml"] == "[accounts.first]\npriority = 4"
        assert answer.json()["file"] == str(stage.config)
        assert "sk-1" not in added.text
        assert not stored(stage)
        assert added.json()["toml"].startswith('[accounts.new]\nprovider = "zai"')


async def test_a_file_with_mistakes_is_not_edited(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        broken = stage.config.read_text() + "oops\n"
        stage.config.write_text(broken)
        answer = await call(stage, "POST", "/api/accounts/first/priority", {"priority": 4})
        assert answer.status_code == 409
        assert stage.config.read_text() == broken


async def test_many_edits_at_once_all_land(tmp_path: Path) -> None:
    names = [f"a{number}" for number in range(20)]
    async with staged(tmp_path, names) as stage:
        answers: dict[str, httpx.Response] = {}

        async def edit(name: str, tier: int) -> None:
            answers[name] = await call(stage, "PATCH", f"/api/accounts/{name}", {"tier": tier})

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for number, name in enumerate(names, 1):
                    nursery.start_soon(edit, name, number)
        assert {answer.status_code for answer in answers.values()} == {200}
        in_file = file_of(stage)["accounts"]
        assert [in_file[name]["tier"] for name in names] == list(range(1, 21))
        tiers = {name: account.tier for name, account in stage.running.house.world.config.accounts.items()}
        assert tiers == {name: number for number, name in enumerate(names, 1)}


async def test_an_editors_save_between_reading_and_writing_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        saved = stage.config.read_text() + "# saved by somebody else\n"

        def save_first(prepared: Prepared) -> object:
            stage.edit(saved)
            return commit(prepared)

        monkeypatch.setattr("ccflared.daemon.edits.commit", save_first)
        answer = await call(stage, "POST", "/api/accounts/zai", {"name": "late", "apiKey": "sk-1"})
        assert (answer.status_code, answer.json()["kind"]) == (409, "conflict")
        assert stage.config.read_text() == saved
        assert not stored(stage)


RIGHTS = [("all", 200, 200), ("state", 403, 200), ("none", 403, 403)]


@pytest.mark.parametrize(("edit", "edits", "state"), RIGHTS)
async def test_the_file_says_what_rest_may_change(tmp_path: Path, edit: str, edits: int, state: int) -> None:
    more = f'[admin]\ntoken = "t-1"\nedit = "{edit}"\n'
    async with staged(tmp_path, ["first"], more=more) as stage:
        stage.headers = {"authorization": "Bearer t-1"}
        calls: list[tuple[str, str, object]] = [
            ("POST", "/api/accounts/zai", {"name": "x", "apiKey": "k"}),
            ("PATCH", "/api/accounts/first", {"tier": 3}),
            ("POST", "/api/accounts/first/priority", {"priority": 1}),
            ("PATCH", "/api/config", {"routing": {"attempts": 4}}),
            ("POST", "/api/clients", {"name": "c"}),
            ("PATCH", "/api/clients/c", {"pin": True}),
            ("POST", "/api/clients/c/rotate", None),
        ]
        for method, path, body in calls:
            answer = await call(stage, method, path, body)
            assert answer.status_code == edits, (path, answer.text)
        for path in ("pause", "resume", "force-reset-rate-limit"):
            assert (await call(stage, "POST", f"/api/accounts/first/{path}")).status_code == state
        assert (await call(stage, "POST", "/api/reload", {})).status_code == state
        assert (await at_home(stage, "PATCH", "/api/accounts/first", {"tier": 4})).status_code == 200
        assert stage.running.house.world.config.accounts["first"].tier == 4


async def test_other_paths_and_methods_are_told_apart(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        assert (await call(stage, "PATCH", "/api/accounts/nobody", {"tier": 1})).status_code == 404
        other = await call(stage, "GET", "/api/accounts/first/priority")
        assert (other.status_code, other.headers["allow"]) == (405, "POST")
