"""``ccflared models``: its page, letter by letter, and what holds for all of them; the command beside a real daemon."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from canned import NOW
from hypothesis import given, settings
from hypothesis import strategies as st
from terminals import run
from test_cli_render import same_as_golden, sheet, text
from test_cli_with_daemon import House

from ccflared.cli.render.layout import ASCII, Line, line_cells
from ccflared.cli.render.models import model_lines
from ccflared.cli.render.offers import is_offers, read_offers
from ccflared.cli.render.sheet import Sheet

OPUS, MID, UNKNOWN = (5.0, 25.0), (0.6, 2.2), (None, None)
Usd = tuple[float | None, float | None]


def price(usd: Usd) -> dict[str, float | None]:
    return {"input": usd[0], "output": usd[1]}


def server(account: str, model: str, usd: Usd, **more: Any) -> dict[str, Any]:
    return {"account": account, "model": model, "listed": True, "price": price(usd), "until": None, **more}


def idle(account: str, model: str, usd: Usd, **why: Any) -> dict[str, Any]:
    return server(account, model, usd, **why)


def offer(name: str, usd: Usd, *accounts: Any, passed: tuple[Any, ...] = (), **more: Any) -> dict[str, Any]:
    usual = {"alias": None, "display_name": None, "source": "provider", "chain": None, "price": price(usd)}
    return {"id": name, **usual, "accounts": list(accounts), "passed": list(passed), **more}


def page(*offered: Any, **more: Any) -> dict[str, Any]:
    usual = {
        "now": NOW,
        "client": None,
        "refusal": None,
        "allowed": ["*"],
        "offered": list(offered),
        "more": 0,
    }
    return {**usual, "patterns": [], "unchanged": {"claude": [], "other": []}, "unlisted": [], **more}


def several() -> dict[str, Any]:
    """A plan, a key and a router, with maps and a chain."""
    return page(
        offer(
            "claude-opus-5-5",
            (4.0, 20.0),
            server("primary", "claude-opus-5-5", (4.0, 20.0)),
            server("work", "claude-opus-5-5", (4.0, 20.0), until=NOW + 60),
            server("router", "vendor/big", MID),
            server("router", "vendor/mid", MID),
            chain="opus",
        ),
        offer("claude-haiku-5-5", (0.125, 0.5), server("primary", "claude-haiku-5-5", (0.125, 0.5))),
        offer(
            "vendor/big",
            UNKNOWN,
            server("primary", "vendor/big", UNKNOWN, listed=False),
            server("router", "vendor/big", MID),
            alias="claude-vendor/big",
            source="file",
        ),
        offer(
            "claude-sonnet-4-6",
            (3.0, 15.0),
            server("work", "claude-sonnet-4-6", (3.0, 15.0)),
            source="prices",
        ),
        offer(
            "glm-5",
            (1.0, 3.2),
            passed=(
                idle(
                    "coder-plan",
                    "glm-5",
                    (1.0, 3.2),
                    state="paused",
                    reason="its pause_schedule says so",
                    until=NOW + 7200,
                ),
            ),
            alias="claude-glm-5",
        ),
        offer("claude-fable-5", UNKNOWN, chain="claude-fable-5", source="file"),
        more=12,
        patterns=[
            {
                "pattern": "opus",
                "chain": True,
                "accounts": [
                    {"account": "primary", "models": ["="]},
                    {"account": "router", "models": ["vendor/big", "vendor/mid"]},
                ],
            },
            {
                "pattern": "claude-3-5-*",
                "chain": False,
                "accounts": [{"account": "router", "models": ["vendor/mid"]}],
            },
        ],
        unchanged={"claude": ["primary", "work"], "other": ["primary", "work", "router"]},
        unlisted=["work", "coder-plan"],
    )


def resting() -> dict[str, Any]:
    """All at one limit."""
    names = ("claude-opus-5-5", "claude-sonnet-5")
    why = {"state": "resting", "reason": "5 h limit", "until": NOW + 1800}
    return page(
        *(offer(name, OPUS, passed=(idle("primary", name, OPUS, **why),)) for name in names),
        client="laptop",
        refusal="This client cannot ask now: 60 of 60 requests this hour. It may ask again in 12 min.",
        allowed=["claude-*", "glm-5"],
        unchanged={"claude": ["primary"], "other": ["primary"]},
    )


def starred() -> dict[str, Any]:
    """Nothing but ``*``."""
    return page(
        patterns=[{"pattern": "*", "chain": False, "accounts": [{"account": "local", "models": ["qwen3"]}]}],
        unlisted=["local"],
    )


def nameless() -> dict[str, Any]:
    return page(unchanged={"claude": ["gateway"], "other": ["gateway"]}, unlisted=["gateway"])


DOCUMENTS = {"several": several, "resting": resting, "starred": starred, "nameless": nameless, "empty": page}


def shown(document: dict[str, Any], on: Sheet) -> list[Line]:
    return model_lines(read_offers(document), on)


@pytest.mark.parametrize("width", [40, 80, 160])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_models_look_as_it_was_agreed(name: str, width: int) -> None:
    same_as_golden(f"models-{name}-{width}", text(shown(DOCUMENTS[name](), sheet(width))))


def test_a_terminal_without_unicode_gets_the_models_in_ascii() -> None:
    found = text(shown(several(), sheet(80, ASCII)))
    assert found.isascii()
    same_as_golden("models-several-ascii", found)


def test_an_unknown_price_is_a_question_mark_and_never_nothing() -> None:
    (row,) = [
        line for line in text(shown(several(), sheet(160))).splitlines() if line.startswith("  vendor/big")
    ]
    assert row.split()[1:3] == ["?", "?"]


def test_a_price_that_is_nothing_is_no_unknown_one() -> None:
    found = text(shown(page(offer("free", (0.0, 0.0), server("a", "free", (0.0, 0.0)))), sheet()))
    assert "  free  0.00  0.00  a\n" in found


@given(width=st.integers(20, 200), name=st.sampled_from(sorted(DOCUMENTS)))
@settings(deadline=None)
def test_no_line_about_models_is_wider_than_the_terminal(width: int, name: str) -> None:
    assert all(line_cells(line) <= width for line in shown(DOCUMENTS[name](), sheet(width)))


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | inner)
)
def test_whatever_is_told_instead_of_an_offer_breaks_nothing(nonsense: object) -> None:
    document = several() | {
        "patterns": nonsense,
        "unchanged": nonsense,
        "more": nonsense,
        "unlisted": nonsense,
    }
    document["offered"] = [dict.fromkeys(several()["offered"][0], nonsense)]
    assert is_offers(document)
    shown(document, sheet())


def test_names_from_elsewhere_cannot_move_the_cursor() -> None:
    evil = offer("\x1b[2Jx\u202ey", OPUS, server("\x1b]0;t\x07a", "z\nz", OPUS))
    found = text(shown(page(evil), sheet()))
    assert "\x1b" not in found
    assert "  xy  5.00  25.00  a as z z\n" in found


# Beside a real daemon: its two accounts are of a provider that nobody reaches from here.


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    try:
        yield made
    finally:
        made.daemon.kill()
        made.daemon.communicate(timeout=20)


def write(house: House, more: str) -> None:
    """Have the daemon take a file whose accounts lead nowhere."""
    base = house.config.read_text().partition("[accounts")[0]
    local = 'provider = "anthropic-compatible"\nbase_url = "http://127.0.0.1:1"\napi_key = "sk-x"\n'
    house.write(f"{base}[accounts.primary]\n{local}[accounts.second]\n{local}priority = 5\n{more}")
    assert house.type_in("reload")[0] == 0


def test_each_model_of_the_file_is_listed_with_who_would_serve_it(house: House) -> None:
    write(
        house,
        'models = { "big-1" = "=", opus = "big-1" }\n[[fallback]]\nmodels = ["claude-fable-5"]\ntry = ["primary"]\n'
        '[pricing."big-1"]\ninput = 1.5\noutput = 0\n',
    )
    code, out, err = house.type_in("models")
    assert (code, err) == (0, "")
    assert "  big-1            1.50   0.00  primary · second\n" in out
    assert "  claude-fable-5  10.00  50.00  primary · chain for claude-fable-5\n" in out
    assert "\n  opus  second as big-1\n" in out
    assert "Any other name of Claude's goes as it is to primary." in " ".join(out.split())
    code, out, _ = house.type_in("models", "--json")
    found = json.loads(out)
    assert [each["id"] for each in found["offered"]] == ["big-1", "claude-fable-5"]
    assert found["offered"][0]["alias"] == "claude-big-1"


def test_a_model_that_nobody_would_serve_says_why(house: House) -> None:
    write(house, 'models = { "big-1" = "=" }\n')
    for name in ("primary", "second"):
        assert house.type_in("account", "pause", name)[0] == 0
    code, out, _ = house.type_in("models")
    assert code == 0
    assert out.startswith("Nobody would serve now  USD per million")
    assert "  big-1  ?  ?  primary paused by hand · second paused by hand\n" in out


def test_a_client_sees_what_it_may_ask_for_and_one_that_is_none_is_told_so(house: House) -> None:
    key = "0" * 64
    write(
        house,
        f'models = {{ "big-1" = "=", "big-2" = "=" }}\n[clients.laptop]\nkey_sha256 = "{key}"\n'
        'models = ["big-1"]\naccounts = ["second"]\n',
    )
    code, out, _ = house.type_in("models", "--client", "laptop")
    assert code == 0
    assert "  big-1  ?  ?  second\n" in out
    assert "big-2" not in out
    assert "laptop may ask for big-1, and for nothing else." in out
    assert house.type_in("models", "--client", "nobody") == (
        4,
        "",
        "There is no client nobody; there is only laptop.\n",
    )


def test_where_no_daemon_runs_there_is_a_sentence(tmp_path: Path) -> None:
    got = run("models", CCFLARED_SOCKET=str(tmp_path / "none.sock"))
    assert (got.returncode, got.stdout) == (3, "")
    assert got.stderr.startswith("ccflared is not running.")
