"""What a model is called upstream: maps of accounts and providers, over real sockets."""

import json
from pathlib import Path

import pytest
from stage import QUESTION, staged

from ccflared.demo.script import Behaviour, Failing, Limited

MAPS = [
    ('"claude-opus-4-1" = "exact"\n"claude-*" = "glob"\nopus = "family"\n"*" = "all"', "exact"),
    ('"claude-*" = "glob"\n"claude-opus-*" = "longer-glob"\nopus = "family"\n"*" = "all"', "longer-glob"),
    ('"claude-*" = "glob"\nopus = "family"\n"*" = "all"', "glob"),
    ('sonnet = "other"\nopus = "family"\n"*" = "all"', "family"),
    ('sonnet = "other"\n"*" = "all"', "all"),
    ('opus = "="\n"*" = "all"', "claude-opus-4-1"),
    ('"gpt-*" = "other"', "claude-opus-4-1"),
    ('opus = ["one", "two"]', "one"),
]


@pytest.mark.parametrize("where", ["account", "provider"])
@pytest.mark.parametrize(("names", "called"), MAPS, ids=lambda value: value.replace("\n", " "))
async def test_a_name_is_looked_up_as_id_longest_glob_family_and_star(
    tmp_path: Path, where: str, names: str, called: str
) -> None:
    table = "[accounts.only.models]" if where == "account" else "[providers.anthropic-compatible.models]"
    async with staged(tmp_path, ["only"], more=f"{table}\n{names}\n") as stage:
        answer = await stage.ask(model="claude-opus-4-1")
        assert answer.status_code == 200
        assert json.loads(stage.provider.seen[0].body)["model"] == called
        told = None if called == "claude-opus-4-1" else called
        assert answer.headers.get("x-ccflared-model") == told
        (row,) = await stage.rows()
        assert (row.model, row.attempts[0].model, row.served_model) == ("claude-opus-4-1", called, called)


async def test_the_map_of_an_account_counts_before_that_of_its_provider(tmp_path: Path) -> None:
    more = '[providers.anthropic-compatible.models]\nopus = "of-the-provider"\nsonnet = "of-both"\n'
    async with staged(tmp_path, ["only"], own={"only": 'models = { opus = "own" }'}, more=more) as stage:
        for model in ("claude-opus-4-1", "claude-sonnet-4-5"):
            assert (await stage.ask(model=model)).status_code == 200
        assert [json.loads(seen.body)["model"] for seen in stage.provider.seen] == ["own", "of-both"]


BODIES = [
    b'{"model":"claude-opus-4-1", "max_tokens":9,"messages":[{"role":"user","content":"hi"}]}',
    b' {"max_tokens" : 9,\n "messages":[{"role":"user","content":"\\"model\\": \\"claude-opus-4-1\\" \\u00e9 \xc3\xa9"}]\n,"model" :\t"claude-opus-4-1" }\n',
    b'{"messages":[{"role":"user","content":[{"type":"text","text":"x","model":"claude-opus-4-1"}]}],"model":"claude-opus-4-1","max_tokens":9,"x":1e2}',
    b'{"max_tokens":9,"tools":[{"name":"t","input_schema":{"type":"object","properties":{"model":{"type":"string"}}}}],"model":"claude-opus-4-1","messages":[{"role":"user","content":"hi"}]}',
    b'{"max_tokens":9,"messages":[{"role":"user","content":"'
    + b"y" * 1_500_000
    + b'"}],"model":"claude-opus-4-1"}',
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_a_mapped_body_differs_in_the_value_of_its_model_and_in_no_other_byte(
    tmp_path: Path, body: bytes, path: str
) -> None:
    async with staged(tmp_path, ["only"], own={"only": 'models = { opus = "vendor/big" }'}) as stage:
        answer = await stage.client.post(stage.url + path, content=body)
        assert answer.status_code == 200
        assert answer.headers["x-ccflared-model"] == "vendor/big"
        arrived = stage.provider.seen[0].body
        place = body.rfind(b'"claude-opus-4-1"')
        after = place + len(b'"claude-opus-4-1"')
        assert arrived == body[:place] + b'"vendor/big"' + body[after:]
        assert stage.provider.seen[0].get(b"content-length") == str(len(arrived)).encode()


async def test_a_model_that_is_not_mapped_goes_up_with_the_body_untouched_and_is_not_told(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        body = b'{ "messages" : [{"role":"user","content":"hi"}],"max_tokens":5,  "model":"claude-opus-4-1"}'
        answer = await stage.client.post(stage.url + "/v1/messages", content=body)
        assert "x-ccflared-model" not in answer.headers
        assert stage.provider.seen[0].body == body


NO_MODEL = Failing(404, kind="not_found_error", message="model: big")
NOT_TO_BE_HAD = [
    (NO_MODEL, "no such model"),
    (Failing(403, message="Your account does not have access to the model big."), "no such model"),
    (Limited(60, unified=False), "limit"),
    (Failing(429, message="Too many tokens for big-1", headers=((b"x-ratelimit-reset", b"30s"),)), "limit"),
]


@pytest.mark.parametrize(("behaviour", "kind"), NOT_TO_BE_HAD, ids=lambda value: str(value)[:50])
async def test_a_list_is_tried_in_order_before_the_next_account_when_a_model_is_not_to_be_had(
    tmp_path: Path, behaviour: Behaviour, kind: str
) -> None:
    own = {"first": 'models = { opus = ["big-1", "mid", "small"] }'}
    async with staged(tmp_path, own=own) as stage:
        stage.provider.play("sk-first", behaviour)
        answer = await stage.ask(model="claude-opus-4-1")
        assert answer.headers["x-ccflared-model"] == "mid"
        await stage.ask(model="claude-opus-4-1")
        asked = [(seen.key, json.loads(seen.body)["model"]) for seen in stage.provider.seen]
        assert asked == [("sk-first", "big-1"), ("sk-first", "mid"), ("sk-first", "mid")]
        first, second = await stage.rows()
        assert [(a.account, a.model, a.kind) for a in first.attempts] == [
            ("first", "big-1", kind),
            ("first", "mid", "served"),
        ]
        assert len(second.attempts) == 1


async def test_when_no_model_of_the_list_is_to_be_had_the_next_account_serves_by_its_own_name(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, own={"first": 'models = { opus = ["big", "mid"] }'}) as stage:
        stage.provider.play("sk-first", NO_MODEL, NO_MODEL)
        answer = await stage.ask(model="claude-opus-4-1")
        assert answer.headers["x-ccflared-account"] == "second"
        assert "x-ccflared-model" not in answer.headers
        asked = [(seen.key, json.loads(seen.body)["model"]) for seen in stage.provider.seen]
        assert asked == [("sk-first", "big"), ("sk-first", "mid"), ("sk-second", "claude-opus-4-1")]


async def test_a_failure_of_the_whole_account_does_not_try_its_other_models(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": 'models = { opus = ["big", "mid"] }'}) as stage:
        stage.provider.play("sk-first", Limited(reset_in=600))
        assert (await stage.ask(model="claude-opus-4-1")).headers["x-ccflared-account"] == "second"
        assert [seen.key for seen in stage.provider.seen] == ["sk-first", "sk-second"]


async def test_a_map_is_a_filter_for_claude_names_and_for_no_others(tmp_path: Path) -> None:
    async with staged(tmp_path, own={"first": 'models = { opus = "big" }'}) as stage:
        served = {}
        for model in ("claude-opus-4-1", "claude-haiku-4-5", "claude-next", "glm-4.6"):
            # Each in a conversation of its own: a warm one would stay where it was.
            stage.headers["x-claude-code-session-id"] = model
            served[model] = (await stage.ask(model=model)).headers["x-ccflared-account"]
        assert served == {
            "claude-opus-4-1": "first",
            "claude-haiku-4-5": "second",
            "claude-next": "second",
            "glm-4.6": "first",
        }
        assert json.loads(stage.provider.seen[-1].body)["model"] == "glm-4.6"


async def test_where_every_map_filters_the_model_out_the_client_is_told_and_nobody_asked(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, ["only"], own={"only": 'models = { opus = "big" }'}) as stage:
        answer = await stage.ask(model="claude-haiku-4-5")
        assert answer.status_code == 503
        assert answer.json()["error"]["type"] == "overloaded_error"
        assert not stage.provider.seen


async def test_the_rest_of_one_mapped_model_is_kept_under_its_upstream_name(tmp_path: Path) -> None:
    own = {"first": 'models = { opus = "big", sonnet = "mid", haiku = "big" }'}
    async with staged(tmp_path, own=own) as stage:
        stage.provider.play("sk-first", Limited(60, unified=False))
        served = []
        for model in ("claude-opus-4-1", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-5"):
            stage.headers["x-claude-code-session-id"] = model
            served.append((await stage.ask(model=model)).headers["x-ccflared-account"])
        assert served == ["second", "first", "second", "second"]


async def test_a_model_of_a_chain_is_the_upstreams_name_and_is_not_mapped_again(tmp_path: Path) -> None:
    more = '[[fallback]]\nmodels = ["opus"]\ntry = [{ account = "second", model = "claude-haiku-4-5" }, "first"]\n'
    own = dict.fromkeys(("first", "second"), 'models = { opus = "big", haiku = "small" }')
    async with staged(tmp_path, own=own, more=more) as stage:
        stage.provider.play("sk-second", then=Failing(500))
        answer = await stage.ask(model="claude-opus-4-1")
        assert answer.headers["x-ccflared-model"] == "big"
        asked = [(seen.key, json.loads(seen.body)["model"]) for seen in stage.provider.seen]
        assert asked == [("sk-second", "claude-haiku-4-5"), ("sk-first", "big")]


async def test_the_rights_of_a_client_go_by_the_requested_name_not_by_the_mapped_one(tmp_path: Path) -> None:
    more = '[clients.laptop]\nkey = "client-key-0123456789"\nmodels = ["claude-opus-*"]\n'
    async with staged(tmp_path, ["only"], own={"only": 'models = { opus = "big" }'}, more=more) as stage:
        stage.headers["x-api-key"] = "client-key-0123456789"
        assert (await stage.ask(model="claude-opus-4-1")).status_code == 200
        refused = await stage.ask(model="big")
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "permission_error")
        assert len(stage.provider.seen) == 1


async def test_the_answer_to_a_mapped_stream_is_passed_on_as_it_came(tmp_path: Path) -> None:
    async with staged(tmp_path, ["only"], own={"only": 'models = { sonnet = "mid" }'}) as stage:
        direct = await stage.client.post(
            f"http://127.0.0.1:{stage.provider_port}/v1/messages",
            json=QUESTION | {"stream": True, "model": "mid"},
            headers={"x-api-key": "sk-only", "anthropic-version": "2023-06-01"},
        )
        proxied = await stage.ask(stream=True)
        assert b'"model": "mid"' in proxied.content or b'"model":"mid"' in proxied.content
        assert len(proxied.content) == len(direct.content)
        (row,) = await stage.rows()
        assert (row.model, row.served_model) == ("claude-sonnet-4-5", "mid")
