"""``GET /api/conversations``: who talks, with whom, and which account holds it."""

from pathlib import Path
from typing import Any

from stage import Stage, staged

from ccflared.demo.script import Limited

CLIENTS = '[clients.laptop]\nkey = "k-laptop"\n[clients.ci]\nkey = "k-ci"\n'


async def listed(stage: Stage, query: str = "") -> dict[str, Any]:
    answer = await stage.client.get(f"{stage.url}/api/conversations{query}", headers=stage.headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def say(stage: Stage, conversation: str, **more: Any) -> None:
    stage.headers["x-claude-code-session-id"] = conversation
    assert (await stage.ask(**more)).status_code == 200


async def test_the_latest_conversation_comes_first_with_all_that_was_asked_in_it(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await say(stage, "one", model="claude-opus-4-5")
        await say(stage, "two")
        await say(stage, "one", model="claude-haiku-4-5")
        rows = await stage.rows()
        one, two = (await listed(stage))["conversations"]
        assert (one["conversation"], two["conversation"]) == ("claude-code:one", "claude-code:two")
        assert (one["requests"], one["model"]) == (2, "claude-haiku-4-5")
        mine = [row for row in rows if row.conversation == "claude-code:one"]
        assert (one["firstAt"], one["lastAt"]) == (mine[0].at, mine[1].at)
        assert one["outputTokens"] == sum(row.tokens.output or 0 for row in mine)
        assert one["failed"] == 0


async def test_it_tells_whose_home_it_has_left_and_who_holds_it_now(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await say(stage, "one")
        stage.provider.play("sk-first", Limited(60))
        await say(stage, "one")
        await stage.rows()
        (one,) = (await listed(stage))["conversations"]
        assert (one["home"], one["heldBy"], one["account"], one["warm"]) == (
            "first",
            "second",
            "second",
            True,
        )


async def test_each_client_has_conversations_of_its_own(tmp_path: Path) -> None:
    async with staged(tmp_path, more=f'[admin]\ntoken = "t"\n{CLIENTS}') as stage:
        for key in ("k-laptop", "k-ci", "k-ci"):
            stage.headers["x-api-key"] = key
            await say(stage, "same")
        await stage.rows()
        stage.headers["x-api-key"] = "t"
        found = {each["client"]: each["requests"] for each in (await listed(stage))["conversations"]}
        assert found == {"laptop": 1, "ci": 2}


async def test_only_as_many_as_are_asked_for_and_none_from_before(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        for number in range(5):
            await say(stage, str(number))
        await stage.rows()
        found = await listed(stage, "?limit=2")
        assert [each["conversation"] for each in found["conversations"]] == ["claude-code:4", "claude-code:3"]
        assert (await listed(stage, "?hours=0"))["conversations"] == []
        refused = await stage.client.get(f"{stage.url}/api/conversations?limit=201")
        assert refused.status_code == 400


async def test_costs_by_plan_and_money_stand_apart_and_unknown_ones_are_counted(tmp_path: Path) -> None:
    own = {"first": 'billing = "plan"', "second": ""}
    async with staged(tmp_path, own=own) as stage:
        await say(stage, "one")
        await stage.client.post(f"{stage.url}/api/accounts/first/pause")
        await say(stage, "one")
        await say(stage, "one", model="nobody-knows-1")
        await stage.rows()
        (one,) = (await listed(stage))["conversations"]
        rows = (await stage.client.get(f"{stage.url}/api/requests")).json()
        assert one["planCostUsd"] == one["apiCostUsd"] == rows[-1]["costUsd"] > 0
        assert one["unpricedRequests"] == 1
