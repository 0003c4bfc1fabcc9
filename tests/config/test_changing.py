"""What a reload reports as changed, and what it refuses to lose."""

from pathlib import Path

import pytest
from filebook import config

from ccflared.config.changes import Change, changes, losses
from ccflared.config.load import read_secrets
from ccflared.config.model import Config

BASE = """
[server]
listen = ["127.0.0.1:8080"]
[accounts.work]
provider = "anthropic"
api_key = { env = "KEY" }
[accounts.spare]
provider = "ollama"
"""


def told(directory: Path, old: str, new: str) -> list[str]:
    return [
        str(change)
        for change in changes(
            config(directory, old), config(directory, new), old_secrets=None, new_secrets=None
        )
    ]


def test_nothing_changed_is_an_empty_list(tmp_path: Path) -> None:
    assert told(tmp_path, BASE, BASE + "# a comment\n") == []


def test_each_changed_key_is_told_with_old_and_new_as_the_file_spells_them(tmp_path: Path) -> None:
    new = BASE.replace('provider = "ollama"', 'provider = "ollama"\npriority = 5\nmax_concurrency = 2')
    new += '[routing]\nstrategy = "affinity"\nidle_timeout = "10m"\ncooldown = { first = "5s" }\n'
    assert told(tmp_path, BASE, new) == [
        'routing.strategy: "session" -> "affinity"',
        'routing.idle_timeout: "5m" -> "10m"',
        'routing.cooldown.first: "30s" -> "5s"',
        "accounts.spare.priority: 0 -> 5",
        "accounts.spare.max_concurrency: no limit -> 2",
    ]


def test_accounts_that_come_and_go_are_told_whole(tmp_path: Path) -> None:
    new = BASE.replace("[accounts.spare]", '[accounts."new one"]\nbudget = { daily = 3 }\napi_key = "s"')
    assert told(tmp_path, BASE, new) == [
        'accounts.spare: { provider = "ollama" } -> gone',
        'accounts."new one": none -> { provider = "ollama", api_key = "[secret]", budget.daily = 3 }',
    ]


def test_a_table_that_comes_or_goes_is_told_by_its_keys(tmp_path: Path) -> None:
    new = BASE + "budget = { daily = 3 }\n"
    assert told(tmp_path, BASE, new) == ["accounts.spare.budget.daily: none -> 3"]
    assert told(tmp_path, new, BASE) == ["accounts.spare.budget.daily: 3 -> none"]


def test_the_order_of_accounts_is_a_change_because_it_decides_among_equals(tmp_path: Path) -> None:
    first = '[accounts.a]\nprovider = "ollama"\n[accounts.b]\nprovider = "ollama"\n'
    second = '[accounts.b]\nprovider = "ollama"\n[accounts.a]\nprovider = "ollama"\n'
    assert told(tmp_path, first, second) == ["accounts: a, b -> b, a"]


def test_chains_are_told_by_their_place(tmp_path: Path) -> None:
    chain = '[[fallback]]\nmodels = ["opus"]\ntry = ["work"]\n'
    assert told(tmp_path, BASE + chain, BASE + chain.replace('"work"', '"spare"')) == [
        'fallback[0].try: ["work"] -> ["spare"]'
    ]


def test_a_secret_is_told_as_changed_and_nothing_else(tmp_path: Path) -> None:
    new = BASE.replace('{ env = "KEY" }', '"sk-ant-literal"')
    assert told(tmp_path, BASE, new) == ["accounts.work.api_key: changed"]


def test_a_secret_whose_content_changed_is_told_though_the_file_is_the_same(tmp_path: Path) -> None:
    found = config(tmp_path, BASE)
    old, new = (
        read_secrets(found, environ={"KEY": key}, state_directory=tmp_path) for key in ("first", "second")
    )
    assert changes(found, found, old_secrets=old, new_secrets=old) == ()
    assert changes(found, found, old_secrets=old, new_secrets=new) == (
        Change("accounts.work.api_key", None, None),
    )


@pytest.mark.parametrize(
    ("lines", "restart"),
    [
        ('[storage]\ndirectory = "/elsewhere"\n', ["storage.directory"]),
        ('[storage]\nmax_size = "1GiB"\n', []),
        ('[control]\nmode = "0660"\ngroup = "ops"\n', ["control.mode", "control.group"]),
        ('[accounts.c]\nprovider = "zai"\n', []),
        ('[admin]\ntoken = { credential = "admin" }\n', ["admin.token"]),
        ('[admin]\ntoken = { env = "TOKEN" }\n', []),
    ],
)
def test_what_counts_only_after_a_restart_is_marked(tmp_path: Path, lines: str, restart: list[str]) -> None:
    found = changes(
        config(tmp_path, BASE), config(tmp_path, BASE + lines), old_secrets=None, new_secrets=None
    )
    assert found
    assert [change.key for change in found if change.needs_restart] == restart


def test_a_credential_that_the_unit_has_handed_over_needs_no_restart(tmp_path: Path) -> None:
    (tmp_path / "admin").write_text("token")
    old, new = config(tmp_path, BASE), config(tmp_path, BASE + '[admin]\ntoken = { credential = "admin" }\n')
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    secrets = read_secrets(new, environ=environ, state_directory=tmp_path)
    found = changes(old, new, old_secrets=None, new_secrets=secrets)
    assert [change.needs_restart for change in found if change.key == "admin.token"] == [False]


# --- what must not be lost by accident ------------------------------------------------------------------------

CLIENT = '[clients.c]\nkey = "k"\n'
ADMIN = '[admin]\ntoken = "t"\n'
OPEN = '[server]\nlisten = "0.0.0.0:8080"\nallow_unauthenticated = true\n'
WIDE = '[server]\nlisten = "0.0.0.0:8080"\n'
ACCOUNT = '[accounts.a]\nprovider = "ollama"\n'


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        (ACCOUNT, "", ["The file is empty now.", "The last account would be gone."]),
        ("", "", []),
        ("[log]\nlevel = 'debug'\n", "", ["The file is empty now."]),
        (ACCOUNT, "[log]\nlevel = 'debug'\n", ["The last account would be gone."]),
        (ACCOUNT, ACCOUNT.replace("accounts.a", "accounts.b"), []),
        (ACCOUNT + CLIENT, ACCOUNT, ["All [clients] would be gone, and with them every client key."]),
        (ACCOUNT + CLIENT, ACCOUNT + CLIENT.replace("clients.c", "clients.d"), []),
        (ACCOUNT + ADMIN, ACCOUNT, ["The token of [admin] would be gone."]),
        (ACCOUNT + ADMIN, ACCOUNT + ADMIN.replace('"t"', '"u"'), []),
        (ACCOUNT, OPEN + ACCOUNT, ["Anybody could send requests to 0.0.0.0:8080 without a key."]),
        (OPEN + ACCOUNT, OPEN + ACCOUNT, []),
        (OPEN, OPEN.replace('"0.0.0.0:8080"', '["0.0.0.0:8080", "0.0.0.0:9090"]'), []),
        (
            OPEN.replace("0.0.0.0", "127.0.0.1") + ACCOUNT,
            OPEN + ACCOUNT,
            ["Anybody could send requests to 0.0.0.0:8080 without a key."],
        ),
        (
            WIDE + CLIENT,
            OPEN,
            [
                "All [clients] would be gone, and with them every client key.",
                "Anybody could send requests to 0.0.0.0:8080 without a key.",
            ],
        ),
        (WIDE + CLIENT, OPEN + CLIENT, []),
    ],
)
def test_what_could_be_lost_by_accident_is_named(tmp_path: Path, old: str, new: str, lost: list[str]) -> None:
    before: Config = config(tmp_path, old)
    assert list(losses(before, config(tmp_path, new))) == lost
