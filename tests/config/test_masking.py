"""No secret is ever shown, whatever is wrong with the file it stands in."""

from pathlib import Path

import pytest
from filebook import read, shown
from hypothesis import given, settings
from hypothesis import strategies as st

from ccflared.config.load import Loaded

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
