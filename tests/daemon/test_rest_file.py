"""The configuration's files over REST: as they are, with the verdict on them, and never with a secret."""

from pathlib import Path
from typing import Any

import pytest
from rest import at_home, call, read_only
from stage import Stage, staged

from ccflared.daemon.shown import shown
from ccflared.formats.redaction import Redaction


async def answer(stage: Stage) -> Any:
    told = await call(stage, "GET", "/api/config/file")
    assert told.status_code == 200, told.text
    return told.json()


async def test_the_file_is_told_with_its_secrets_masked_and_the_verdict_on_it(tmp_path: Path) -> None:
    more = (
        '# before it was "sk-first", and ghp_'
        + "b2" * 12
        + '\n[admin]\ntoken = "tok-admin"\nedit = "state"\n'
    )
    async with staged(tmp_path, ["first"], more=more) as stage:
        stage.headers = {"x-api-key": "tok-admin"}
        told = await answer(stage)
        (file,) = told["files"]
        assert file["path"] == str(stage.config)
        assert file["text"].count("\n") == stage.config.read_text().count("\n")
        assert (file["truncated"], file["problem"], file["judged"]) == (False, None, True)
        assert file["modified_at"] == stage.config.stat().st_mtime
        for secret in ("sk-first", "tok-admin", "b2b2"):
            assert secret not in file["text"]
        assert 'api_key = "…"' in file["text"]
        assert (told["verdict"]["number"], told["verdict"]["applied"], told["in_force"]) == (1, True, 1)
        assert (told["writable"], told["obstacle"], told["edit"]) == (True, None, "state")


async def test_a_file_that_was_refused_is_told_with_its_mistakes(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        stage.edit(stage.config.read_text() + '[accounts.new]\nprovider = "zai"\napi_kye = "sk-new"\n')
        await at_home(stage, "POST", "/api/reload", {})
        told = await answer(stage)
        assert "sk-new" not in str(told)
        verdict = told["verdict"]
        assert (verdict["applied"], verdict["number"], told["in_force"]) == (False, 2, 1)
        assert any("api_kye" in mistake["message"] for mistake in verdict["mistakes"])
        assert told["files"][0]["judged"]


async def test_includes_are_told_and_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        (tmp_path / "more.toml").write_bytes(b"a = '\xff'\n")
        stage.edit('include = ["more.toml"]\n' + stage.config.read_text())
        told = await answer(stage)
        assert [file["path"] for file in told["files"]] == [str(stage.config), str(tmp_path / "more.toml")]
        assert (told["files"][1]["text"], "UTF-8" in told["files"][1]["problem"]) == (None, True)
        stage.config.unlink()
        (file,) = (await answer(stage))["files"]
        assert (file["text"], file["problem"]) == (None, "there is no such file")


async def test_what_has_not_been_judged_yet_is_told_as_such(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        stage.edit(stage.config.read_text() + "# new\n")
        told = await answer(stage)
        assert not told["files"][0]["judged"] or told["verdict"]["number"] == 2


async def test_a_file_that_may_not_be_written_says_why(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        with read_only(tmp_path, stage.config):
            told = await answer(stage)
        assert not told["writable"]
        assert "may not be written" in told["obstacle"]


async def test_a_large_file_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccflared.daemon.shown_files.LONGEST", 100)
    async with staged(tmp_path, ["first"]) as stage:
        (file,) = (await answer(stage))["files"]
        assert file["truncated"]
        assert file["text"]
        assert len(file["text"]) <= 100
        assert stage.config.read_text().startswith(file["text"].partition('"')[0])


async def test_of_a_large_file_no_secret_is_seen_where_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = '[accounts.third]\nprovider = "zai"\napi_key = """\nhunter2 one\nhunter2 two"""\n# and on\n'
    async with staged(tmp_path, ["first"], more=more) as stage:
        whole = stage.config.read_text()
        for behind in range(12, 60, 7):
            most = whole.index("hunter2 one") + behind
            monkeypatch.setattr("ccflared.daemon.shown_files.LONGEST", most)
            (file,) = (await answer(stage))["files"]
            assert file["truncated"] is (most < len(whole))
            assert "hunter2" not in file["text"]


def test_what_the_daemon_knows_as_a_secret_is_taken_out_wherever_it_stands() -> None:
    text = '[accounts."hunter2-hunter2"]\nprovider = "zai" # hunter2-hunter2\n'
    told = shown(text, Redaction(["hunter2-hunter2"]), valid=True)
    assert told == '[accounts."[secret]"]\nprovider = "zai" # [secret]\n'


def test_a_private_key_in_a_comment_is_taken_out_and_the_lines_stay() -> None:
    key = "-----BEGIN PRIVATE KEY-----\n# abc\n# def\n# -----END PRIVATE KEY-----"
    told = shown(f"# {key}\ntimezone = 'UTC'\n", Redaction(()), valid=True)
    assert told == "# [secret]\n\n\n\ntimezone = 'UTC'\n"


OWN = """\
models = { opus = ["a", "b"] }
budget = { daily = 5 }
pause_schedule = [{ from = "01:00", to = "02:00" }]
session_length = "2h"
proxy = "http://me:hidden@proxy.example"
"""
LOGIN = """\
# api_key
oauth = { access_token = "hidden", refresh_token = { env = "HOME" } }
"""


async def test_what_the_file_says_of_an_account_and_what_it_could(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": OWN, "second": LOGIN}) as stage:
        told = await call(stage, "GET", "/api/accounts/first")
        assert told.status_code == 200
        assert "hidden" not in told.text
        assert "sk-first" not in told.text
        document = told.json()
        assert document["settings"] == {
            "provider": "anthropic-compatible",
            "base_url": f"http://127.0.0.1:{stage.provider_port}",
            "api_key": "…",
            "priority": 0,
            "models": {"opus": ["a", "b"]},
            "budget": {"daily": 5},
            "pause_schedule": [{"from": "01:00", "to": "02:00"}],
            "session_length": "2h",
            "proxy": "…",
        }
        second = await call(stage, "GET", "/api/accounts/second")
        assert "hidden" not in second.text
        oauth = second.json()["settings"]["oauth"]
        assert oauth == {"access_token": "…", "refresh_token": {"env": "HOME"}}
        assert (document["file"], document["line"] > 1) == (str(stage.config), True)
        defaults = document["defaults"]
        assert (defaults["tier"], defaults["overage"], defaults["session_length"]) == (1, "never", "5h")
        assert defaults["billing"] == "api"
        keys = {key["name"]: key for key in document["keys"]}
        assert keys["overage"]["choices"] == ["never", "last-resort", "allow"]
        assert (keys["tier"]["editable"], keys["proxy"]["editable"]) == (True, False)
        assert keys.keys() == defaults.keys()
        assert (await call(stage, "GET", "/api/accounts/nobody")).status_code == 404


async def test_an_account_called_as_the_stream_is_can_be_asked_for(tmp_path: Path) -> None:
    async with staged(tmp_path, ["stream"]) as stage:
        told = await call(stage, "GET", "/api/accounts/%73tream")
        assert (told.status_code, told.json()["name"]) == (200, "stream")
        assert (await call(stage, "PATCH", "/api/accounts/stream", {"tier": 3})).status_code == 200


async def test_what_is_told_of_an_account_can_be_written_again(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": OWN}) as stage:
        document = (await call(stage, "GET", "/api/accounts/first")).json()
        editable = [key["name"] for key in document["keys"] if key["editable"]]
        body = {name: document["settings"][name] for name in editable if name in document["settings"]}
        again = await call(stage, "PATCH", "/api/accounts/first", body)
        assert (again.status_code, again.json()["changes"]) == (200, [])
        usual = {name: value for name, value in document["defaults"].items() if name in editable}
        usual.pop("base_url")
        left = {name: value for name, value in usual.items() if value is not None}
        assert (await call(stage, "PATCH", "/api/accounts/first", left)).status_code == 200


async def test_the_providers_are_told_with_what_an_account_there_needs(tmp_path: Path) -> None:
    own = '[providers.gate]\nbase_url = "https://gate.example"\nheaders = { "X-Team" = "hidden" }\n'
    async with staged(tmp_path, more=own) as stage:
        told = await call(stage, "GET", "/api/providers")
        assert "hidden" not in told.text
        providers = {each["name"]: each for each in told.json()}
        assert providers["gate"]["builtin"] is False
        needs = {
            name: [key["name"] for key in providers[name]["account_keys"] if key["required"]]
            for name in ("gate", "openai-compatible", "ollama", "claude-oauth")
        }
        assert needs == {
            "gate": ["api_key"],
            "openai-compatible": ["base_url", "api_key"],
            "ollama": [],
            "claude-oauth": [],
        }
        assert providers["claude-oauth"]["login_lacks"] == ["client_id"]
        assert providers["bedrock"]["unavailable"]
        assert providers["zai"]["describes"] == (
            "The Anthropic Messages API at api.z.ai, by API key; a plan pays."
        )
        pays = {name: each["describes"].rpartition("; ")[2] for name, each in providers.items()}
        assert pays["ollama"] == "nothing is billed."
        assert pays["anthropic"] == pays["gate"] == pays["kilo"] == "each request is billed."
        for name in ("minimax", "nanogpt"):
            assert pays[name] == 'a plan pays (then billing = "plan"), or each request is billed.'


async def test_the_sections_that_can_be_set_are_told_as_the_file_has_them(tmp_path: Path) -> None:
    more = """\
[routing]
session_length = "2h"
[budget]
monthly = 80
[pricing."vendor/big"]
input = 5
[[fallback]]
models = "opus"
try = ["f*", { account = "second", model = "m" }]
"""
    async with staged(tmp_path, more=more) as stage:
        told = (await call(stage, "GET", "/api/config/settings")).json()
        assert {name: section["settings"] for name, section in told.items()} == {
            "routing": {"session_length": "2h"},
            "storage": {},
            "budget": {"monthly": 80},
            "pricing": {"vendor/big": {"input": 5}},
        }
        assert told["storage"]["defaults"] == {
            "keep_requests": "90d",
            "keep_payloads": "off",
            "max_size": "2GiB",
        }
        keys = {key["name"]: key for key in told["routing"]["keys"]}
        assert keys["strategy"]["choices"][0] == "session"
        assert (await answer(stage))["fallback"] == [
            {"models": "opus", "try": ["f*", {"account": "second", "model": "m"}]}
        ]
        defaults = {name: told[name]["defaults"] for name in ("routing", "storage")}
        assert (await call(stage, "PATCH", "/api/config", defaults)).status_code == 200
