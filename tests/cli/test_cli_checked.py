"""What ``check`` and ``config`` print on a terminal: mistakes, doubts and values, letter by letter."""

import pytest
from test_cli_render import same_as_golden, sheet, text

from ccflared.cli.render.checked import fact_lines, mistakes_lines, read_mistake, secrets_lines, value_lines
from ccflared.cli.render.layout import Line
from ccflared.cli.render.sheet import Sheet

UNKNOWN = """\
/etc/ccflared/ccflare.toml:2:1: unknown key "listn" in [server]; did you mean "listen"?
    listn = "…"
    ^^^^^"""
NOBODY = """\
/etc/ccflared/conf.d/accounts.toml:14:32: there is no account "nobody"
    try = ["primary", "secondary", "nobody"]
                                   ^^^^^^^^"""
TOLD = (UNKNOWN, NOBODY, "/etc/ccflared/ccflare.toml:1:1: no excerpt belongs to this one")
MISSING = (
    ("accounts.work.api_key", "the environment variable ANTHROPIC_API_KEY is not set"),
    ("clients.laptop.key", "/etc/ccflared/laptop.key cannot be read: Permission denied"),
)
NAMES = {
    "listeners": ["127.0.0.1:8080", "0.0.0.0:8443 (requests)"],
    "accounts": ["primary", "work", "coder-plan", "router", "gateway", "night-only"],
    "chains": [],
    "clients": ["laptop"],
}
VALUES = (
    "# /etc/ccflared/ccflare.toml",
    "",
    "[server]",
    'listen = "127.0.0.1:8080"                                 # ccflare.toml:3',
    "# tls: none",
    "# auth: x-api-key; bearer where the dialect is openai-chat, which knows nothing else",
    "[accounts.work]",
    'api_key = "[secret]"                                      # the environment variable KEY, ccflare.toml:9',
    'try = ["primary", ["second", "third"], { account = "router", model = "vendor/big" }]  # ccflare.toml:20',
    'key_sha256 = "09c79c63e915016677f788da0fc8c66d64ff420aefacdc451c41cfb811239f4f"  # ccflare.toml:92',
)


def told(on: Sheet) -> list[Line]:
    """Return all that check may say, one below the other."""
    lines = mistakes_lines([read_mistake(each) for each in TOLD], on)
    return [*lines, (), *secrets_lines(MISSING, on, wrong=True), (), *fact_lines(NAMES, on)]


@pytest.mark.parametrize("width", [40, 80, 160])
def test_what_check_says_looks_as_it_was_agreed(width: int) -> None:
    same_as_golden(f"check-{width}", text(told(sheet(width))))


@pytest.mark.parametrize("width", [40, 80, 160])
def test_values_look_as_it_was_agreed(width: int) -> None:
    lines = [line for each in VALUES for line in value_lines(each, sheet(width))]
    same_as_golden(f"config-{width}", text(lines))


def test_values_stand_as_they_are_where_there_is_room() -> None:
    lines = [line for each in VALUES for line in value_lines(each, sheet(1_000_000))]
    assert text(lines) == "".join(f"{each}\n" for each in VALUES)
