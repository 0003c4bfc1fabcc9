"""The dashboard's files: what a browser gets of them, how long it may keep it, and that they go together."""

import gzip
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from stage import staged

from ccflared.daemon.access import Denied, Door, Peer
from ccflared.daemon.answers import Reply
from ccflared.daemon.asked import Asked
from ccflared.daemon.page.entry import GUARDS, page_answer
from ccflared.daemon.page.files import TYPES, Files, dashboard, read

PLANES = frozenset({"admin"})
DOOR = Door("127.0.0.1:8080", "loopback", PLANES)  # type: ignore[arg-type]
ROOT = Path(__file__).parents[2] / "ccflared" / "dashboard"
HEAVIEST = 150_000
"""Bytes over the wire of all files together."""


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for directory in ("core", "pages", "style"):
        (tmp_path / directory).mkdir()
    (tmp_path / "index.html").write_text('<script type="module" src="dashboard/{version}/main.js"></script>')
    (tmp_path / "main.js").write_text(
        'import { h } from "./core/dom.js";\n'
        + "h();\n" * 50
        + 'import("./pages/logs.js");\nimport("./pages/overview.js");\n'
    )
    (tmp_path / "core" / "dom.js").write_text("export const h = () => 1;\n")
    (tmp_path / "pages" / "overview.js").write_text("export default 1;\n")
    (tmp_path / "pages" / "logs.js").write_text("export default 2;\n")
    (tmp_path / "style.css").write_text('@import "style/base.css";\n@import "style/alone.css";\n')
    (tmp_path / "style" / "base.css").write_text("/* Why. */\na {\n  color: red;\n}\n")
    (tmp_path / "style" / "alone.css").write_text("b {}\n")
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path / "notes.md").write_text("not for anybody")
    (tmp_path / ".hidden.js").write_text("not for anybody")
    return read(tmp_path)


def asked(path: str, method: str = "GET", *, base: str = "", **fields: str) -> Asked:
    given = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
    target = (base + path).encode() if path else base.encode()
    door = replace(DOOR, base_path=base)
    here = Peer("127.0.0.1", forwarded=False)
    return Asked(
        "r", method, path or "/", target, b"", list(given.items()), given, here, "", "localhost", door
    )


def field(reply: Reply, name: bytes) -> bytes | None:
    return dict(reply.headers).get(name)


# -- what is answered


def test_the_shell_names_the_version_and_is_asked_for_each_time(files: Files) -> None:
    reply = page_answer(files, asked("/"))
    assert reply.status == 200
    assert f"dashboard/{files.version}/main.js".encode() in reply.body
    assert field(reply, b"content-type") == b"text/html; charset=utf-8"
    assert field(reply, b"cache-control") == b"no-cache"


def test_a_file_below_the_version_may_be_kept_for_ever(files: Files) -> None:
    reply = page_answer(files, asked(f"/dashboard/{files.version}/pages/logs.js"))
    assert (reply.status, reply.body) == (200, files.by_name["pages/logs.js"].plain)
    assert field(reply, b"content-type") == b"text/javascript; charset=utf-8"
    assert field(reply, b"cache-control") == b"public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/0123456789abcdef/main.js",  # of another version: files of two do not go together
        "/dashboard/main.js",
        "/dashboard/VERSION/",
        "/dashboard/VERSION/index.html",
        "/dashboard/VERSION/notes.md",
        "/dashboard/VERSION/.hidden.js",
        "/dashboard/VERSION/core",
        "/dashboard/VERSION/core/none.js",
        "/dashboard/VERSION//main.js",
    ],
)
def test_nothing_else_is_there_and_nobody_remembers_it(files: Files, path: str) -> None:
    with pytest.raises(Denied) as refused:
        page_answer(files, asked(path.replace("VERSION", files.version)))
    assert refused.value.status == 404
    assert (b"cache-control", b"no-store") in refused.value.extra


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_what_reads_is_answered(files: Files, method: str) -> None:
    with pytest.raises(Denied) as refused:
        page_answer(files, asked("/", method))
    assert refused.value.status == 405
    assert refused.value.extra == ((b"allow", b"GET, HEAD"),)


# given, the address, where it leads
ELSEWHERE = [
    ("", "/dashboard", "/"),
    ("", "/dashboard/", "/"),
    ("/ccflared", "", "/ccflared/"),
    ("/ccflared", "/dashboard", "/ccflared/"),
    ("/ccflared", "/dashboard/", "/ccflared/"),
    ("/tools/ccflared", "", "/tools/ccflared/"),
    ("/tools/a:b", "", "/tools/a:b/"),
]


@pytest.mark.parametrize(("base", "path", "leads"), ELSEWHERE)
def test_other_spellings_lead_to_the_shell_by_a_relative_address(
    files: Files, base: str, path: str, leads: str
) -> None:
    reply = page_answer(files, asked(path, base=base))
    where = (field(reply, b"location") or b"").decode()
    assert reply.status == 307
    assert where.startswith(".")
    # Below whatever prefix a proxy has cut off.
    for prefix in ("", "/cut/off"):
        url = httpx.URL(f"http://h{prefix}{base}{path}").join(where)
        assert url.path == f"{prefix}{leads}"


# -- compression and tags

ACCEPTED = [
    ("gzip", True),
    ("gzip, deflate, br, zstd", True),
    ("br;q=1, gzip;q=0.5", True),
    ("x-gzip", True),
    ("GZIP", True),
    ("gzip;q=0", False),
    ("gzip; q=0.000", False),
    ("", False),
    ("br", False),
    ("nogzip", False),
    ("identity", False),
]


@pytest.mark.parametrize(("accepted", "zipped"), ACCEPTED)
def test_who_takes_gzip_gets_it(files: Files, accepted: str, zipped: bool) -> None:
    path = f"/dashboard/{files.version}/main.js"
    plain, reply = page_answer(files, asked(path)), page_answer(files, asked(path, accept_encoding=accepted))
    assert field(reply, b"vary") == b"accept-encoding"
    assert field(reply, b"content-encoding") == (b"gzip" if zipped else None)
    assert (gzip.decompress(reply.body) if zipped else reply.body) == plain.body
    assert (field(reply, b"etag") != field(plain, b"etag")) is zipped


def test_what_compression_does_not_shorten_goes_as_it_is(files: Files) -> None:
    reply = page_answer(files, asked(f"/dashboard/{files.version}/icon.svg", accept_encoding="gzip"))
    assert reply.body == b"<svg/>"
    assert field(reply, b"content-encoding") is None


def test_who_has_it_already_is_told_so(files: Files) -> None:
    first = page_answer(files, asked("/"))
    tag = (field(first, b"etag") or b"").decode()
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = page_answer(files, asked("/", if_none_match=known))
        assert (again.status, again.body) == (304, b"")
        assert field(again, b"etag") == tag.encode()
        assert set(GUARDS) < set(again.headers)
    assert page_answer(files, asked("/", if_none_match='"other"')).status == 200


def test_another_content_is_another_version(files: Files, tmp_path: Path) -> None:
    (tmp_path / "core" / "dom.js").write_text("export const h = () => 2;\n")
    other = read(tmp_path)
    assert other.version != files.version
    assert other.shell.tag != files.shell.tag
    assert re.fullmatch(r"[0-9a-f]{16}", other.version)


# -- over the wire


async def test_a_browser_gets_the_page_with_its_guards(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        shell = await stage.client.get(stage.url + "/")
        assert shell.status_code == 200
        for name, value in GUARDS:
            assert shell.headers[name.decode()] == value.decode()
        found = re.search(r'src="(dashboard/\w+/main\.js)"', shell.text)
        assert found
        script = await stage.client.get(f"{stage.url}/{found[1]}")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert script.headers["content-encoding"] == "gzip"
        assert script.headers["x-content-type-options"] == "nosniff"
        assert "permissions-policy" not in script.headers
        head = await stage.client.head(f"{stage.url}/{found[1]}")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == script.headers["content-length"]
        again = await stage.client.get(stage.url + "/", headers={"if-none-match": shell.headers["etag"]})
        assert again.status_code == 304
        assert "content-length" not in again.headers
        assert (await stage.client.get(f"{stage.url}/dashboard")).headers["location"] == "./"
        refused = await stage.client.post(stage.url + "/")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_what_clients_ask_before_they_begin_is_answered_as_ever(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        answer = await stage.client.head(stage.url + "/")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


async def test_the_page_is_where_administration_is_served(tmp_path: Path) -> None:
    listen = 'listen = [{ address = "127.0.0.1:0", serve = ["requests"] }]'
    async with staged(tmp_path, server=listen) as stage:
        for path in ("/", "/dashboard", f"/dashboard/{dashboard().version}/main.js"):
            assert (await stage.client.get(stage.url + path)).status_code == 404


async def test_the_page_is_for_hosts_of_ours(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        answer = await stage.client.get(stage.url + "/", headers={"host": "evil.example"})
        assert answer.status_code == 421


async def test_a_link_on_another_page_leads_here_though_its_scripts_may_not(tmp_path: Path) -> None:
    cross = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    async with staged(tmp_path) as stage:
        assert (await stage.client.get(stage.url + "/", headers=cross)).status_code == 200
        assert (await stage.client.get(stage.url + "/api/session", headers=cross)).status_code == 403


async def test_below_a_base_path_the_page_is_found_with_and_without_its_slash(tmp_path: Path) -> None:
    more = '[admin]\ntoken = "t"\n[clients.one]\nkey = "k"\n'
    async with staged(tmp_path, server='base_path = "/ccflared"', more=more) as stage:
        bare = await stage.client.get(stage.url + "/ccflared")
        assert (bare.status_code, bare.headers["location"]) == (307, "./ccflared/")
        assert (await stage.client.get(stage.url + "/ccflared/")).status_code == 200
        assert (await stage.client.get(stage.url + "/")).status_code == 404


# -- the files that there are


def test_every_file_is_of_a_kind_that_is_served() -> None:
    for path in ROOT.rglob("*"):
        assert path.is_dir() or path.suffix.removeprefix(".") in TYPES, path


def test_all_files_together_are_light() -> None:
    files = dashboard()
    weight = sum(len(file.zipped or file.plain) for file in (files.shell, *files.by_name.values()))
    assert weight < HEAVIEST, f"{weight} bytes"


def test_the_first_page_is_one_script_and_one_style_sheet() -> None:
    shell = (ROOT / "index.html").read_text()
    assert re.findall(r"[\w/]+[.](?:js|css)\b", shell.replace("dashboard/{version}/", "")) == [
        "style.css",
        "main.js",
    ]
    whole = dashboard().by_name["main.js"].plain.decode()
    assert set(re.findall(r'import\("(.+?)"\)', whole)) <= {f"./{name}" for name in dashboard().by_name}
    assert not re.search(r"^import\b", whole, re.MULTILINE), "it would wait for another file"


def test_styles_are_served_as_one_and_without_their_comments(files: Files) -> None:
    assert files.by_name["style.css"].plain == b"a {\ncolor: red;\n}\nb {}\n"
    assert not [name for name in files.by_name if name.startswith("style/")]


def test_every_style_is_imported() -> None:
    sheet = (ROOT / "style.css").read_text()
    for path in (ROOT / "style").glob("*.css"):
        assert f'@import "style/{path.name}";' in sheet


def test_everything_that_the_shell_names_is_there() -> None:
    shell = (ROOT / "index.html").read_text()
    for name in re.findall(r'(?:href|src)="([^"]+)"', shell):
        assert name.startswith("dashboard/{version}/"), name
        assert (ROOT / name.removeprefix("dashboard/{version}/")).is_file(), name
