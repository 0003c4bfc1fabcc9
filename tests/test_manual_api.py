"""What ccflared-api(7) says of paths, header fields and numbers is what the daemon answers."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccflared.api.account_edits import WRITABLE
from ccflared.api.route import Route
from ccflared.api.routes import ROUTES
from ccflared.daemon import app
from ccflared.daemon.feeds import live
from ccflared.daemon.guesses import GUESSES
from ccflared.daemon.page.sessions import IDLE
from ccflared.daemon.paths import methods_of, place_of
from ccflared.daemon.projects import named_in
from ccflared.formats import dialect

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "man" / "ccflared-api.7").read_text()
STREAMED = {"lastEventId", "stream_token"}
"""Parameters of streams, told of once."""
RIGHTS = {
    "open": "Asks for no credential.",
    "state": "Changes state.",
    "credential": "Changes credentials.",
    "control": "Over the control socket alone.",
}


def block(name: str) -> str:
    _, found, rest = PAGE.partition(f'.\\" begin {name}\n')
    assert found, f"there is no block {name}"
    return rest.partition(f'.\\" end {name}\n')[0]


def entries(name: str) -> Iterator[tuple[str, str]]:
    """Yield the entries of a block: what each tag says."""
    yield from re.findall(
        r"^\.It Sy (.*?)\n(.*?)(?=^\.It Sy|\Z)", block(name), flags=re.MULTILINE | re.DOTALL
    )


def drawn() -> dict[str, str]:
    """What the page says of each route."""
    by_hand = {"endpoints", "understood", "given", "others"}
    names = re.findall(r'^\.\\" begin (.*)$', PAGE, flags=re.MULTILINE)
    found = [entry for name in names if name not in by_hand for entry in entries(name)]
    assert len(dict(found)) == len(found)
    return dict(found)


def called(route: Route) -> str:
    return f"{route.method} {route.path}"


def section(title: str) -> str:
    _, found, rest = PAGE.partition(f"{title}\n")
    assert found, f"there is no heading {title}"
    return " ".join(re.split(r"^\.S[hs] ", rest, maxsplit=1, flags=re.MULTILINE)[0].split())


def test_every_route_is_in_the_page_and_no_other() -> None:
    assert sorted(drawn()) == sorted(map(called, ROUTES))


@pytest.mark.parametrize("route", ROUTES, ids=called)
def test_a_route_says_what_it_needs_and_takes(route: Route) -> None:
    said = drawn()[called(route)]
    assert {right for right, words in RIGHTS.items() if words in said} == {route.right} & set(RIGHTS)
    assert ("takes preview" in said) == ("preview" in route.query)
    assert ("Only with admin.edit = \\(dqall\\(dq." in said) == (
        route.right == "edit" and "preview" not in route.query
    )
    named = re.findall(r"^\.It Cm \\&\?(\w+)=$", said, flags=re.MULTILINE)
    assert named == [name for name in route.query if name not in STREAMED | {"preview"}]
    _, _, body = " ".join(said.split()).partition(" Body: ")
    keys = {} if route.body is None else route.body.get("properties", {})
    needed = set() if route.body is None else set(route.body.get("required", ()))
    written = [word.strip() for word in re.sub(r"\(.*?\)", "", body.rstrip(".")).split(",") if word.strip()]
    assert written == [name if name in needed else f"{name}?" for name in keys]


def test_streams_are_told_of_where_their_parameters_are() -> None:
    assert {route.path for route in ROUTES if STREAMED & set(route.query)} == {
        tag.removeprefix("GET ") for tag, _ in entries("streams") if tag.endswith("/stream")
    }
    said = section(".Ss Streams")
    assert all(f"?{name}=" in said for name in STREAMED)


def test_the_endpoints_are_those_that_are_served_from_the_pool() -> None:
    told = [tag.split() for tag, _ in entries("endpoints")]
    assert all(place_of(method, path) == "pooled" for method, path in told)
    known = {path for _, path in told} | {"/v1/embeddings", "/v1/files", "/v1/completions", "/v1/complete"}
    assert {(method, path) for path in known for method in methods_of(path)} == {
        (method, path) for method, path in told
    }


def test_other_paths_are_what_they_are_said_to_be() -> None:
    told = {tag: place_of(*tag.split()) for tag, _ in entries("others")}
    assert told == {
        "GET /livez": "open",
        "GET /readyz": "open",
        "GET /health": "health",
        "GET /metrics": "metrics",
        "GET /": "dashboard",
        "HEAD /": "open",
    }
    assert place_of("HEAD", "/api/hello") == place_of("POST", "/api/event_logging/batch") == "open"
    assert place_of("GET", "/dashboard") == "dashboard"


def test_header_fields_of_our_own_are_those_that_the_daemon_knows() -> None:
    known = {
        name
        for path in (ROOT / "ccflared" / "daemon").glob("*.py")
        for name in re.findall(r'b"(x-ccflared-[a-z-]+)"', path.read_text())
    }
    told = [tag for name in ("understood", "given") for tag, _ in entries(name)]
    assert known == set(told)
    assert [tag for tag, _ in entries("understood")] == ["x-ccflared-account", "x-ccflared-project"]
    assert named_in(((b"x-ccflared-project", b"app"),)) == "app"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
def test_errors_have_the_shape_that_is_shown(path: str) -> None:
    made = json.loads(dialect.error_body(path, "rate_limit_error", "...", "req_..."))
    text = PAGE.partition(".Ss Errors\n")[2].partition("\n.Ss ")[0]
    shown = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", text, flags=re.MULTILINE | re.DOTALL)
    assert made in [json.loads(each) for each in shown]


def test_numbers_that_are_told_are_those_that_count() -> None:
    streams = section(".Ss Streams")
    rings = live.Live()
    sizes = [ring._size for ring in (rings.requests, rings.lines, rings.accounts, rings.alerts)]
    assert sizes == [3000, 1000, 500, 500]
    assert "the last 3000 of requests, 1000 lines of the log, and 500 each" in streams
    assert f"comment every {live.SILENCE:g} seconds" in streams
    assert live.STUCK == 60
    assert f"more than {live.LISTENERS} at once" in streams
    assert (GUESSES, "After five wrong tokens in a minute" in section(".Sh WHO MAY ASK")) == (5, True)
    assert f"not been used for {IDLE / 3600:g} hours" in section(".Ss Sessions")
    assert f"at most {app._API_BODY_LIMIT >> 20} MiB" in section(".Sh ADMINISTRATION")


def test_the_keys_of_an_account_that_rest_may_write_are_told() -> None:
    said = section(".Ss Edits")
    listed = said.partition("these keys can be written: ")[2].partition(";")[0]
    assert listed.split(", ") == list(WRITABLE)


def test_paths_in_examples_are_routes() -> None:
    asked = {
        re.sub(r"accounts/work", "accounts/{name}", path)
        for path in re.findall(r"/api/[a-z/]+", section(".Sh EXAMPLES"))
    }
    assert asked - {route.path for route in ROUTES} == set()
    assert len(asked) > 5
