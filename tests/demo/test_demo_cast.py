import httpx
import trio

from ccflared.demo.cast import cast
from ccflared.demo.script import Answer, Cycle, Metered, Slow

ASK = {"model": "claude-sonnet-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}


async def test_the_first_account_runs_into_its_limit_with_true_headers_and_the_others_answer() -> None:
    provider, roles = cast(allowance=2)
    got: dict[str, list[httpx.Response]] = {}
    async with trio.open_nursery() as nursery:
        port = await nursery.start(provider.serve)
        async with httpx.AsyncClient(headers={"anthropic-version": "2023-06-01"}) as http:
            for role in (roles[0], roles[2]):
                url, key = f"http://127.0.0.1:{port}/v1/messages", {"x-api-key": role.key}
                got[role.name] = [await http.post(url, json=ASK, headers=key) for _ in range(3)]
        nursery.cancel_scope.cancel()
    limited, steady = got.values()
    assert [answer.status_code for answer in limited] == [200, 200, 429]
    assert limited[2].headers["anthropic-ratelimit-unified-5h-status"] == "rejected"
    assert 0 < int(limited[2].headers["retry-after"]) <= 20
    assert [answer.status_code for answer in steady] == [200, 200, 200]
    assert roles[2].name in steady[0].json()["content"][0]["text"]


def test_the_accounts_differ_in_name_key_and_priority() -> None:
    _, roles = cast()
    assert [role.priority for role in roles] == sorted({role.priority for role in roles})
    assert len({role.name for role in roles}) == len({role.key for role in roles}) == 3


def test_the_second_account_is_slow_every_third_time() -> None:
    provider, roles = cast(slowness=4.0)
    script = provider._scripts[roles[1].key, "messages"]
    assert isinstance(script.then, Cycle)
    drawn = [script.next(Answer()) for _ in range(6)]
    assert [isinstance(behaviour, Slow) for behaviour in drawn] == [False, False, True] * 2
    assert isinstance(provider._scripts[roles[0].key, "messages"].then, Metered)
