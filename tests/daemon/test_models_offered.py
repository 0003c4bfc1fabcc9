"""``GET /api/models/offered`` of a real daemon: who would serve each model now, in order, and where other names go."""

from pathlib import Path
from typing import Any

from rest import call, told
from stage import Stage, staged

from ccflared.daemon import offers

MAPS = {"second": 'models = { opus = ["big-1", "big-2"], "claude-sonnet-4-5" = "mid-1" }'}
CLIENT = f'[clients.laptop]\nkey_sha256 = "{"0" * 64}"\n'


async def offered(stage: Stage, query: str = "") -> dict[str, Any]:
    answer = await call(stage, "GET", f"/api/models/offered{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def model(stage: Stage, name: str, query: str = "") -> dict[str, Any]:
    found = await offered(stage, query)
    return next(dict(each) for each in found["offered"] if each["id"] == name)


def names(found: dict[str, Any], source: str | None = None) -> list[str]:
    return [each["id"] for each in found["offered"] if source in (None, each["source"])]


async def test_providers_are_asked_only_where_that_is_wanted(tmp_path: Path) -> None:
    async with staged(tmp_path, ["first"]) as stage:
        before = await offered(stage)
        assert (names(before), before["unlisted"]) == ([], ["first"])
        after = await offered(stage, "?ask=true")
        assert "claude-opus-5-5" in names(after, "provider")
        assert after["unlisted"] == []
        # what was told is remembered for who does not ask
        assert names(await offered(stage)) == names(after)


async def test_accounts_stand_in_the_order_in_which_they_would_be_asked(tmp_path: Path) -> None:
    async with staged(tmp_path, own=MAPS) as stage:
        found = await model(stage, "claude-opus-5-5", "?ask=1")
        assert [(each["account"], each["model"]) for each in found["accounts"]] == [
            ("first", "claude-opus-5-5"),
            ("second", "big-1"),
            ("second", "big-2"),
        ]
        assert [each["listed"] for each in found["accounts"]] == [True, False, False]
        assert found["price"] == found["accounts"][0]["price"] == {"input": 4, "output": 20}
        assert found["accounts"][1]["price"] == {"input": None, "output": None}
        await call(stage, "POST", "/api/accounts/first/pause")
        found = await model(stage, "claude-opus-5-5")
        assert [each["account"] for each in found["accounts"]] == ["second", "second"]
        assert [(each["account"], each["state"]) for each in found["passed"]] == [("first", "paused")]
        assert found["price"] == {"input": None, "output": None}


async def test_who_would_serve_is_what_explain_says(tmp_path: Path) -> None:
    chain = '[[fallback]]\nmodels = ["opus"]\ntry = [{ account = "second", model = "huge" }, "first"]\nthen = "fail"\n'
    async with staged(tmp_path, ["first", "second", "third"], more=chain, own=MAPS) as stage:
        for each in (await offered(stage, "?ask=1"))["offered"]:
            explained = (await call(stage, "GET", f"/api/explain?model={each['id']}")).json()
            assert [(one["account"], one["model"]) for one in each["accounts"]] == [
                (one["account"], one["model"]) for one in explained["candidates"]
            ], each["id"]
            assert each["chain"] == explained["chain"]
        opus = await model(stage, "claude-opus-5-5")
        assert opus["chain"] == "opus"
        assert [each["model"] for each in opus["accounts"]] == ["huge", "claude-opus-5-5"]


async def test_the_names_are_those_of_the_list_that_clients_get(tmp_path: Path) -> None:
    async with staged(tmp_path, own=MAPS) as stage:
        found = await offered(stage, "?ask=1")
        clients = (await stage.client.get(stage.url + "/v1/models")).json()["data"]
        ours = [name for each in found["offered"] for name in (each["id"], each["alias"]) if name]
        assert sorted(ours) == sorted(each["id"] for each in clients)
        aliases = {each["id"]: each["alias"] for each in found["offered"]}
        assert (aliases["big-1"], aliases["claude-opus-5-5"]) == ("claude-big-1", None)


async def test_a_model_that_only_an_account_without_a_key_has_says_so(tmp_path: Path) -> None:
    own = {"second": 'api_key = { env = "CCFLARED_NO_SUCH_KEY" }\nmodels = { "big-1" = "=", opus = "big-1" }'}
    chain = '[[fallback]]\nmodels = ["big-1"]\ntry = ["second"]\nthen = "fail"\n'
    async with staged(tmp_path, own=own, more=chain) as stage:
        found = await model(stage, "big-1")
        assert found["accounts"] == []
        ((account, state),) = [(each["account"], each["state"]) for each in found["passed"]]
        assert (account, state) == ("second", "no credential")


async def test_what_the_file_says_by_pattern_and_where_other_names_go_is_told(tmp_path: Path) -> None:
    own = {**MAPS, "third": 'models = { "*" = "local-1" }'}
    chain = (
        '[[fallback]]\nmodels = ["claude-haiku-*"]\ntry = ["first", { account = "third", model = "small" }]\n'
    )
    async with staged(tmp_path, ["first", "second", "third"], own=own, more=chain) as stage:
        found = await offered(stage)
        assert found["patterns"] == [
            {
                "pattern": "claude-haiku-*",
                "chain": True,
                "accounts": [
                    {"account": "first", "models": ["="]},
                    {"account": "third", "models": ["small"]},
                ],
            },
            {
                "pattern": "opus",
                "chain": False,
                "accounts": [{"account": "second", "models": ["big-1", "big-2"]}],
            },
            {"pattern": "*", "chain": False, "accounts": [{"account": "third", "models": ["local-1"]}]},
        ]
        # a map is a filter: of Claude's names the second takes those alone that it maps
        assert found["unchanged"] == {"claude": ["first"], "other": ["first", "second"]}


async def test_a_client_is_told_of_its_own_models_and_accounts_and_of_its_limit(tmp_path: Path) -> None:
    more = f'{CLIENT}accounts = ["second"]\nmodels = ["big-*"]\nbudget = {{ daily = 0.0 }}\n[admin]\ntoken = "t-1"\n'
    async with staged(tmp_path, own=MAPS, more=more) as stage:
        stage.headers = {"x-api-key": "t-1"}
        found = await offered(stage, "?client=laptop")
        assert names(found) == ["big-1", "big-2"]
        assert found["allowed"] == ["big-*"]
        assert {each["account"] for one in found["offered"] for each in one["accounts"]} <= {"second"}
        assert found["refusal"].startswith("This client cannot ask now: ")
        assert found["unchanged"] == {"claude": [], "other": ["second"]}
        answer = await call(stage, "GET", "/api/models/offered?client=nobody")
        assert (answer.status_code, told(answer)) == (404, "There is no client nobody; there is only laptop.")


async def test_what_a_maker_is_known_to_have_counts_until_it_lists_its_models(tmp_path: Path) -> None:
    plan = '#base_url = ""\nprovider = "anthropic"'
    async with staged(
        tmp_path, ["first"], own={"first": plan}, more='[pricing."odd-1"]\ninput = 1\n'
    ) as stage:
        found = await offered(stage)
        assert {"claude-opus-5-5", "claude-sonnet-4-5"} <= {*names(found, "prices")}
        assert await model(stage, "odd-1")
        assert (await model(stage, "odd-1"))["price"] == {"input": 1, "output": None}


async def test_names_alone_are_the_same_names(tmp_path: Path) -> None:
    async with staged(tmp_path, own=MAPS) as stage:
        whole = await offered(stage, "?ask=1")
        brief = await offered(stage, "?names=true")
        assert names(brief) == names(whole)
        assert [each["display_name"] for each in brief["offered"]] == [
            each["display_name"] for each in whole["offered"]
        ]
        assert not any(each["accounts"] or each["passed"] for each in brief["offered"])


async def test_of_very_many_models_there_is_a_count(tmp_path: Path) -> None:
    every = ", ".join(f'"m-{number}" = "="' for number in range(offers.MOST + 7))
    async with staged(tmp_path, ["first"], own={"first": f"models = {{ {every} }}"}) as stage:
        found = await offered(stage)
        assert (len(found["offered"]), found["more"]) == (offers.MOST, 7)
