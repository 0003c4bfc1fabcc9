"""A target for tests, as an account of an ordinary provider makes it."""

from dataclasses import replace
from typing import Any

from ccflared.providers.target import Target
from ccflared.secret import Secret

TARGET = Target(
    account="first",
    provider="anthropic",
    dialect="anthropic",
    base_url="https://api.anthropic.com",
    auth="x-api-key",
    credential=Secret("sk-own"),
    headers=(),
    proxy=None,
    insecure=False,
    link_local=False,
    fingerprint="f",
)


def target(**changes: Any) -> Target:
    return replace(TARGET, **changes)
