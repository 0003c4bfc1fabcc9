"""Real clients through an account by login: its tokens end, are renewed and are taken back, and no client notices."""

from pathlib import Path

import pytest
import trio
from issuer import FakeIssuer
from logins import login_provider, plan

from acceptance.claude import Person
from acceptance.clients import Installed
from acceptance.live import kinds, live
from acceptance.sdk import Sdk
from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer

pytestmark = pytest.mark.acceptance

HELLO = "Good day to you, whoever you are and wherever you sit."
NAMES = ("plan", "second")


async def test_claude_code_is_served_by_a_plan_whose_token_has_ended_and_then_was_taken_back(
    claude: Installed, home: Path, tmp_path: Path
) -> None:
    issuer = FakeIssuer()
    access, refresh = issuer.log_in()
    tokens = f'oauth = {{ access_token = "{access}", refresh_token = "{refresh}", expires_at = 1.0 }}'
    accepts = FakeProvider(
        default=Answer(HELLO), accepts=lambda key: key.startswith("sk-") or issuer.accepts(key)
    )
    async with trio.open_nursery() as nursery:
        port = await nursery.start(issuer.serve)
        own, more = {"plan": plan(tokens)}, login_provider(port)
        async with live(tmp_path, NAMES, provider=accepts, own=own, more=more) as scene:
            person = Person(claude, home, scene.url)
            printed = await person.says("Say hello.")
            assert (printed.code, printed.text.strip(), printed.error) == (0, HELLO, "")
            (seen,) = accepts.seen
            assert (seen.key or "").startswith("at-")
            assert seen.key != access
            betas = (seen.get(b"anthropic-beta") or b"").split(b",")
            assert betas[0] == b"claude-code-20250219"
            assert betas[-1] == b"oauth-2025-04-20"
            issuer.revoke()
            printed = await person.says("Say hello again.")
            assert (printed.code, printed.text.strip(), printed.error) == (0, HELLO, "")
            assert accepts.seen[-1].key == "sk-second"
            first, second = await scene.rows()
            assert kinds(first) == [("plan", "served")]
            assert kinds(second) == [("plan", "credential"), ("second", "served")]
            assert issuer.refreshes == 1
        nursery.cancel_scope.cancel()


async def test_the_sdks_are_served_across_a_renewal(sdk: Sdk, tmp_path: Path) -> None:
    issuer = FakeIssuer()
    access, refresh = issuer.log_in()
    tokens = f'oauth = {{ access_token = "{access}", refresh_token = "{refresh}" }}'
    accepts = FakeProvider(default=Answer(HELLO), accepts=issuer.accepts)
    async with trio.open_nursery() as nursery:
        port = await nursery.start(issuer.serve)
        more = login_provider(port)
        async with live(
            tmp_path, ("plan",), provider=accepts, own={"plan": plan(tokens)}, more=more
        ) as scene:
            for what in ("create", "stream"):
                done = await sdk.call(what, scene.url, max_retries=0)
                assert (done.raised, done.text) == (None, HELLO)
                issuer.end(accepts.seen[-1].key or "")
            assert issuer.refreshes == 1
        nursery.cancel_scope.cancel()
