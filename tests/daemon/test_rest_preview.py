"""Previews of edits: what would be written, in full and without a secret; and nothing is."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from rest import at_home, call, file_of, read_only, stored, told
from stage import Stage, staged

from ccflared.api.routes import ROUTES
from ccflared.daemon.shown import difference

ADMIN = '[admin]\ntoken = "t-1"\n'
CLIENT = f'{ADMIN}[clients.c]\nkey_sha256 = "{"a" * 64}"\n'
KEY = "sk-of-nobody-but-me"

Case = tuple[str, str, dict[str, Any] | None]
EDITS: dict[str, Case] = {
    "POST /api/accounts": (
        "POST",
        "/api/accounts",
        {"name": "max", "accessToken": KEY, "refreshToken": KEY + "-too"},
    ),
    "POST /api/accounts/{mode}": ("POST", "/api/accounts/zai", {"name": "coder", "apiKey": KEY, "tier": 5}),
    "PATCH /api/accounts/{name}": ("PATCH", "/api/accounts/first", {"budget": {"daily": 5}, "apiKey": KEY}),
    "DELETE /api/accounts/{name}": ("DELETE", "/api/accounts/second", {"confirm": "second"}),
    "POST /api/accounts/{name}/rename": ("POST", "/api/accounts/first/rename", {"name": "other"}),
    "POST /api/accounts/{name}/priority": ("POST", "/api/accounts/first/priority", {"priority": 7}),
    "POST /api/accounts/{name}/auto-fallback": ("POST", "/api/accounts/first/auto-fallback", {"enabled": 1}),
    "POST /api/accounts/{name}/auto-refresh": ("POST", "/api/accounts/first/auto-refresh", {"enabled": 1}),
    "POST /api/accounts/{name}/auto-pause-on-overage": (
        "POST",
        "/api/accounts/first/auto-pause-on-overage",
        {"enabled": 0},
    ),
    "POST /api/accounts/{name}/peak-hours-pause": (
        "POST",
        "/api/accounts/first/peak-hours-pause",
        {"enabled": 1},
    ),
    "POST /api/accounts/{name}/billing-type": (
        "POST",
        "/api/accounts/first/billing-type",
        {"billingType": "plan"},
    ),
    "POST /api/accounts/{name}/custom-endpoint": (
        "POST",
        "/api/accounts/first/custom-endpoint",
        {"customEndpoint": "https://elsewhere.example"},
    ),
    "POST /api/accounts/{name}/model-mappings": (
        "POST",
        "/api/accounts/first/model-mappings",
        {"modelMappings": {"opus": ["a", "b"]}},
    ),
    "POST /api/accounts/{name}/model-fallbacks": (
        "POST",
        "/api/accounts/first/model-fallbacks",
        {"modelFallbacks": {"opus": ["a"]}},
    ),
    "POST /api/api-keys": ("POST", "/api/api-keys", {"name": "new"}),
    "DELETE /api/api-keys/{name}": ("DELETE", "/api/api-keys/c", {"allowLess": True}),
    "POST /api/clients": ("POST", "/api/clients", {"name": "new", "pin": True}),
    "PATCH /api/clients/{name}": ("PATCH", "/api/clients/c", {"requests_per_hour": 6}),
    "DELETE /api/clients/{name}": ("DELETE", "/api/clients/c", {"confirm": "c", "allowLess": True}),
    "POST /api/clients/{name}/rotate": ("POST", "/api/clients/c/rotate", {"keepOld": True}),
    "PATCH /api/config": (
        "PATCH",
        "/api/config",
        {
            "routing": {"attempts": 4},
            "pricing": {"m": {"input": 1}},
            "fallback": [{"models": ["opus"], "try": ["first"]}],
        },
    ),
    "POST /api/config/strategy": ("POST", "/api/config/strategy", {"strategy": "affinity"}),
    "POST /api/config/retention": ("POST", "/api/config/retention", {"requestDays": 30}),
}
REFUSED: list[Case] = [
    ("POST", "/api/accounts/zai", {"name": "first", "apiKey": KEY}),
    ("POST", "/api/accounts/zai", {"name": "bad", "apiKey": KEY, "priority": "high"}),
    ("PATCH", "/api/accounts/first", {"tier": -1, "overage": "maybe"}),
    ("PATCH", "/api/accounts/first", {"proxy": "http://evil.example"}),
    ("PATCH", "/api/accounts/nobody", {"tier": 1}),
    ("DELETE", "/api/accounts/second", {"confirm": "first"}),
    ("DELETE", "/api/clients/c", {"confirm": "c"}),
    ("PATCH", "/api/config", {"routing": {"strategy": "luck"}}),
    ("PATCH", "/api/config", {"server": {}}),
    ("POST", "/api/config/retention", {"requestDays": 0}),
]


def kept(stage: Stage) -> dict[str, str]:
    """Return a digest of the file, and of all that the daemon keeps but its history, which it writes at any time."""
    files = [stage.config, *(path for path in stage.state.rglob("*") if path.is_file())]
    return {
        str(path): sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.startswith(("ccflared.db", "payloads.db"))
    }


async def preview(stage: Stage, case: Case) -> Any:
    method, path, body = case
    return await call(stage, method, f"{path}?preview=true", body)


def test_every_edit_of_the_file_can_be_seen_before() -> None:
    others = {"POST /api/payloads/purge"}  # it edits no file
    edits = {f"{route.method} {route.path}" for route in ROUTES if route.right == "edit"} - others
    assert edits == EDITS.keys()
    assert edits == {f"{route.method} {route.path}" for route in ROUTES if "preview" in route.query}


@pytest.mark.parametrize("name", EDITS)
async def test_what_a_preview_says_is_what_the_edit_does_then(tmp_path: Path, name: str) -> None:
    case = EDITS[name]
    async with staged(tmp_path, more=CLIENT) as stage:
        stage.headers = {"x-api-key": "t-1"}
        before, text = kept(stage), stage.config.read_text()
        answer = await preview(stage, case)
        assert answer.status_code == 200, answer.text
        seen = answer.json()
        assert kept(stage) == before
        assert not stage.running.house.renames.names
        assert (seen["success"], seen["preview"], seen["writable"], seen["obstacle"]) == (
            *(True, True, True),
            None,
        )
        assert KEY not in answer.text
        assert not {"key", "data", "account", "id"} & seen.keys()

        done = await call(stage, *case)
        assert done.status_code == 200, done.text
        assert (seen["changes"], seen["warnings"]) == (done.json()["changes"], done.json()["warnings"])
        redaction = stage.running.house.redaction()
        diff = difference(text, stage.config.read_text(), redaction)
        assert seen["diffs"] == [{"file": str(stage.config), "diff": diff}]
        again = (await preview(stage, case)).json()
        assert again.get("diffs") != seen["diffs"]


@pytest.mark.parametrize("case", REFUSED, ids=str)
async def test_what_the_edit_would_be_refused_for_its_preview_is(tmp_path: Path, case: Case) -> None:
    async with staged(tmp_path, more=CLIENT) as stage:
        stage.headers = {"x-api-key": "t-1"}
        before = kept(stage)
        seen, done = await preview(stage, case), await call(stage, *case)
        assert 400 <= seen.status_code < 500
        one, other = seen.json(), done.json()
        for answer in (one, other):
            answer.pop("request_id", None)
        assert (seen.status_code, one) == (done.status_code, other)
        assert kept(stage) == before


async def test_a_key_that_would_be_made_is_not_told_nor_its_digest(tmp_path: Path) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        stage.headers = {"x-api-key": "t-1"}
        seen = (await preview(stage, ("POST", "/api/clients", {"name": "new"}))).json()
        assert '+key_sha256 = "…"' in seen["diffs"][0]["diff"]
        assert seen["toml"] == ""


async def test_an_edit_that_is_made_already_shows_no_diff(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        seen = (await preview(stage, ("PATCH", "/api/accounts/first", {"priority": 0}))).json()
        assert (seen["diffs"], seen["changes"], seen["writable"]) == ([], [], True)
        assert "already" in seen["message"]


async def test_a_credential_that_would_not_be_trusted_there_is_told_and_nothing_is_noted(
    tmp_path: Path,
) -> None:
    case = ("POST", "/api/accounts/first/custom-endpoint", {"customEndpoint": "https://elsewhere.example"})
    async with staged(tmp_path) as stage:
        seen = (await preview(stage, case)).json()
        assert seen["untrusted"] == "https://elsewhere.example:443"
        assert "account trust first" in seen["message"]
        assert not stage.running.house.trust.any_of("first")
        brought = (case[0], case[1], {**case[2], "apiKey": KEY})
        assert (await preview(stage, brought)).json()["untrusted"] is None
        home = await at_home(stage, "POST", case[1] + "?preview=true", case[2])
        assert home.json()["untrusted"] is None


async def test_where_the_file_may_not_be_written_the_preview_says_so_with_the_toml(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        with read_only(tmp_path, stage.config):
            seen = (await preview(stage, EDITS["POST /api/accounts/{name}/priority"])).json()
            done = await call(stage, *EDITS["POST /api/accounts/{name}/priority"])
            added = await preview(stage, EDITS["POST /api/accounts/{mode}"])
        assert (seen["writable"], seen["toml"]) == (False, "[accounts.first]\npriority = 7")
        assert seen["obstacle"] in told(done)
        assert 'api_key = "the key that was sent"' in added.json()["toml"]
        assert KEY not in added.text
        assert not stored(stage)


@pytest.mark.parametrize(
    "query",
    ["Preview=true", "preview", "preview=", "preview=maybe", "preview=true&preview=false", "dry_run=1"],
)
async def test_who_misspells_a_preview_does_not_edit(tmp_path: Path, query: str) -> None:
    async with staged(tmp_path) as stage:
        before = kept(stage)
        answer = await call(stage, "PATCH", f"/api/accounts/first?{query}", {"priority": 7})
        assert answer.status_code == 400
        assert query.partition("=")[0] in told(answer)
        assert kept(stage) == before


async def test_a_preview_needs_the_rights_of_the_edit(tmp_path: Path) -> None:
    async with staged(tmp_path, more='[admin]\ntoken = "t-1"\nedit = "state"\n') as stage:
        stage.headers = {"x-api-key": "t-1"}
        assert (await preview(stage, EDITS["POST /api/clients"])).status_code == 403
        stage.headers = {}
        assert (await preview(stage, EDITS["POST /api/clients"])).status_code == 401


async def test_the_secrets_of_the_file_are_masked_in_the_lines_around(tmp_path: Path) -> None:
    more = '[accounts.third]\nprovider = "zai"\napi_key = "sk-third-and-secret" # was ghp_' + "a1" * 12 + "\n"
    async with staged(tmp_path, more=more) as stage:
        answer = await preview(stage, ("PATCH", "/api/accounts/third", {"priority": 3}))
        diff = answer.json()["diffs"][0]["diff"]
        assert 'api_key = "…"' in diff
        assert "sk-third" not in answer.text
        assert "a1a1a1" not in answer.text
        assert file_of(stage)["accounts"]["third"].get("priority") is None


async def test_several_files_each_have_their_diff(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    chain = tmp_path / "conf.d" / "chains.toml"
    chain.write_text('[[fallback]]\nmodels = ["opus"]\ntry = ["first"]\n')
    async with staged(tmp_path) as stage:
        stage.edit('include = ["conf.d/*.toml"]\n' + stage.config.read_text())
        await at_home(stage, "POST", "/api/reload", {})
        seen = (await preview(stage, EDITS["POST /api/accounts/{name}/rename"])).json()
        assert [each["file"] for each in seen["diffs"]] == [str(stage.config), str(chain)]
        assert '+try = ["other"]' in seen["diffs"][1]["diff"]
