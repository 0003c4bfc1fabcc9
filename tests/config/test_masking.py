"""No secret is ever shown, whatever is wrong with the file it stands in."""

import tomllib
from pathlib import Path

import pytest
from filebook import read, shown
from hypothesis import given, settings
from hypothesis import strategies as st

from ccflared.config.decode import ROOT
from ccflared.config.load import Loaded
from ccflared.config.locate import locate
from ccflared.config.mask import masked_text
from ccflared.config.starter import STARTER

SECRET = "sk-ant-secret-1234567890"


@pytest.mark.parametrize(
    "text",
    [
        f'[accounts.a]\nprovider = "anthropic"\napi_key = "{SECRET}"\napi_key = "x"\n',
        f'[accounts.a]\nprovider = "anthropic"\napi_kye = "{SECRET}"\n',
        f'[accounts.a]\nprovider = "anthropic"\napi_key = {SECRET}\n',
        f'[accounts.a]\nprovider = "anthropic"\napi_key = "{SECRET}\n',
        f"[accounts.a]\nprovider = 'anthropic'\napi_key = '{SECRET}' oops\n",
        f'[accounts.a]\nprovider = "anthropic"\napi_key = ["{SECRET}"]\n',
        f'[accounts.a]\nprovider = "anthropic"\napi_key = {{ env = "{SECRET}" }}\n',
        f'[accounts.a]\nprovider = "anthropic"\napi_key = {{ key = "{SECRET}" }}\n',
        f'accounts.a = {{ provider = "anthropic", api_key = "{SECRET}", x = 1 }}\n',
        f'accounts.a = {{ provider = "anthropic", api_key = "{SECRET}" x = 1 }}\n',
        f'[accounts.a]\nprovider = "ollama"\nproxy = "{SECRET}"\n',
        f'[providers.a]\nheaders = {{ "X-Key" = "{SECRET}", Host = "x" }}\n',
        f'[providers.a]\nheaders = {{ "X-Key" = "{SECRET}", Host = }}\n',
        f'[clients.a]\nkey_sha256 = "{SECRET}"\n',
        f'[clients.a]\nkey = ["{SECRET}", 3]\n',
        f'[clients.a]\nkey = [\n"{SECRET}", 3]\n',
        f'[clients.a]\nkey = [\n"{SECRET}" 3]\n',
        f'[clients.a]\nkey = "{SECRET}"\n[clients.b]\nkey = "{SECRET}"\n',
        f'[admin]\ntoken = "{SECRET}"\ntoken_sha256 = "{"a" * 64}"\n',
        f'[alerts]\nwebhook = {{ url = "{SECRET}" }}\n',
        f'[accounts.a]\nprovider = "ollama"\nbase_url = "https://me:{SECRET}@host.example"\n',
        f'[accounts.a]\nprovider = "ollama"\nbase_url = "https://me:{SECRET}@host.example" oops\n',
        f"{SECRET}\n",
        f'"{SECRET}"\n',
        f'[accounts.a]\nprovider = "anthropic"\napi_key = """\n{SECRET}\n""" oops\n',
        f'[accounts.a]\nprovider = "anthropic"\napi_key = """\n{SECRET}\n',
    ],
)  # fmt: skip
def test_a_mistake_in_a_line_with_a_secret_does_not_show_it(tmp_path: Path, text: str) -> None:
    told = shown(tmp_path, text)
    assert told
    assert SECRET not in told
    assert SECRET[:10] not in told


def test_what_is_no_secret_stays_visible_beside_one_and_the_caret_stays_below_its_place(
    tmp_path: Path,
) -> None:
    text = f'accounts.a = {{ provider = "anthropic", api_key = "{SECRET}", prority = 1 }}\n'
    _, line, caret = shown(tmp_path, text).splitlines()
    assert line == '    accounts.a = { provider = "anthropic", api_key = "…", prority = 1 }'
    assert line[caret.index("^") : caret.rindex("^") + 1] == "prority"


def test_a_configuration_does_not_show_its_secrets(tmp_path: Path) -> None:
    loaded = read(tmp_path, main=f'[accounts.a]\nprovider = "anthropic"\napi_key = "{SECRET}"\n')
    assert isinstance(loaded, Loaded)
    assert SECRET not in repr(loaded)


@settings(deadline=None)  # it touches the disk
@given(cut=st.integers(0, 200), noise=st.sampled_from(["", '"', "'", "]", "=", "\n", "[", "#", "{"]))
def test_a_file_broken_anywhere_does_not_show_a_secret(
    tmp_path_factory: pytest.TempPathFactory, cut: int, noise: str
) -> None:
    text = f"""\
[accounts.a]
provider = "anthropic"
api_key = "{SECRET}"
oauth = {{ access_token = '{SECRET}', scopes = ["a"] }}
[clients]
a.key = ["{SECRET}x",
   "{SECRET}y"]
"""
    directory = tmp_path_factory.mktemp("broken")
    loaded = read(directory, main=text[:cut] + noise + text[cut:])
    if not isinstance(loaded, Loaded):
        told = shown(directory, text[:cut] + noise + text[cut:])
        assert SECRET not in told


def whole(text: str, *, valid: bool = False) -> str:
    try:
        tomllib.loads(text)
        places = locate(text)
    except tomllib.TOMLDecodeError:
        places = None
    return masked_text(text, places, ROOT, valid=valid)


COMMENTS = [
    f'# api_key = "{SECRET}"',
    f"# api_key = {SECRET}",
    f"# key = ['{SECRET}', '{SECRET}']",
    f'# headers = {{ "X-Team" = "{SECRET}" }}',
    f"# old key: {SECRET}",
    f"# {SECRET}",
    f"# was {SECRET}, which nobody needs",
    f"# curl -H 'Authorization: Bearer {SECRET}'",
    f'# base_url = "https://me:{SECRET}@host.example"',
    f'# webhook = {{ url = "https://hooks.example/services/{SECRET}" }}',
    f'# oauth = {{ access_token = "{SECRET}" }}',
    f'#[accounts.b]\n#api_key="{SECRET}"',
    f"# token_sha256 = {'ab' * 32}",
    f"# see https://me:{SECRET[:9]}7@host.example/v1",
    f'# key = [\n#   "{SECRET[:9]}8",\n# ]',
    f"# my token is {SECRET[:10]}9Qx4Zt",
]


@pytest.mark.parametrize("comment", COMMENTS)
@pytest.mark.parametrize(
    "text", ['[accounts.a]\nprovider = "ollama"{}\n', "{}\n", 'list = [\n{}\n"a"]\n', "oops{}\n"]
)
def test_a_secret_in_a_comment_is_masked(comment: str, text: str) -> None:
    told = whole(text.format(f" {comment}"), valid=True)
    assert SECRET[:10] not in told
    assert "abab" not in told


@pytest.mark.parametrize(
    "comment",
    [
        '# [accounts.work]\n# provider = "anthropic"   # the Claude API, by key\n# priority = 10',
        '# api_key = { env = "ANTHROPIC_API_KEY" }  # or { file = "PATH" }',
        "# models such as claude-sonnet-4-5-20250929 and vendor/big-model-with-a-long-name",
        "# clients: ANTHROPIC_BASE_URL=http://127.0.0.1:8080",
        "# see /etc/systemd/system/ccflared.service.d/override.conf",
        '# the "session" strategy is the default; drain-soonest is for plans',
    ],
)
def test_what_comments_usually_say_stays(comment: str) -> None:
    assert whole(comment, valid=True) == comment


@pytest.mark.parametrize(
    "text",
    [
        '[accounts.a\napi_key = """\nhunter2 and\nmore"""\n',
        "[accounts.a\nkey = [\n  hunter2,\n]\n",
        "[accounts.a\napi_key: hunter2\n",
        "[accounts.a\napikey hunter2\n",
        "[accounts.a\nexport API=hunter2\n",
        "[accounts.a] hunter2\nx = 1\n",
    ],
)
def test_a_line_of_broken_text_that_nobody_can_place_is_masked(text: str) -> None:
    told = whole(text)
    assert "hunter2" not in told
    assert told.count("\n") == text.count("\n")


def test_a_secret_that_was_written_as_a_number_is_masked() -> None:
    assert whole("[accounts.a]\napi_key = 48151623\npriority = 7\n") == (
        '[accounts.a]\napi_key = "…"\npriority = 7\n'
    )


@pytest.mark.parametrize("text", ["# " + "a." * 50_000, "[x\n" + "a." * 50_000, "# " + "a-" * 50_000])
def test_a_long_line_takes_no_long_time(text: str) -> None:
    assert whole(text).count("\n") == text.count("\n")


def test_of_a_valid_file_it_can_be_seen_where_secrets_are_read_from() -> None:
    text = '[accounts.a]\nprovider = "anthropic"\napi_key = { env = "A_KEY" }\n[clients.c]\nkey = ["x", { file = "k" }]\n'
    assert whole(text, valid=True) == text.replace('"x"', '"…"')
    assert "A_KEY" not in whole(text)


def test_a_masked_text_has_as_many_lines() -> None:
    text = f'[accounts.a]\napi_key = """\n{SECRET}\n\n{SECRET}"""\npriority = 1\n'
    assert whole(text) == '[accounts.a]\napi_key = "…"\n"…"\n\n"…"\npriority = 1\n'


def test_the_starter_file_can_be_read_whole() -> None:
    assert whole(STARTER, valid=True) == STARTER


@given(
    cut=st.integers(0, 250),
    noise=st.sampled_from(["", '"', "'", "]", "=", "\n", "[", "#", "{", '"""']),
    secret=st.sampled_from([SECRET, "9f3kq0zz81mmw2pl77x1"]),
)
def test_no_text_however_broken_shows_a_secret(cut: int, noise: str, secret: str) -> None:
    text = f"""\
[accounts.a]  # before: {secret}
provider = "anthropic"
api_key = "{secret}"
oauth = {{ access_token = '{secret}', scopes = ["a"] }}
# api_key = "{secret}"
[clients]
a.key = ["{secret}x",
   "{secret}y"]
"""
    told = whole(text[:cut] + noise + text[cut:])
    assert secret not in told
