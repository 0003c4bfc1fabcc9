"""The tokens' own file: private, durable, zeroed where it was overwritten, and nobody else's database."""

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ccflared.errors import Refused
from ccflared.providers.oauth import Grant, TokenPair
from ccflared.secret import Secret
from ccflared.store.vault import Kept, Vault

GRANT = Grant(
    "plan", "login", "id", "seed", TokenPair(Secret("at-1"), Secret("rt-1"), 2e9, 1e9), refreshed_at=1e9
)


def test_what_is_saved_is_found_again_by_another_vault(tmp_path: Path) -> None:
    path = tmp_path / "state" / "tokens.db"
    Vault(path).save(GRANT, 1.0)
    assert Vault(path).load() == Kept({"plan": GRANT}, {})
    out = replace(GRANT, pair=None)
    Vault(path).save(out, 2.0)
    assert Vault(path).find("plan") == out
    for odd in (
        replace(GRANT, pair=TokenPair(None, Secret("r")), refused="no", refused_at=1.0, spending="x"),
        replace(GRANT, pair=TokenPair(Secret("a"), None, None, 0.0), refreshed_at=None),
    ):
        Vault(path).save(odd, 3.0)
        assert Vault(path).find("plan") == odd


def test_the_file_is_private_and_no_file_is_made_by_reading(tmp_path: Path) -> None:
    path = tmp_path / "tokens.db"
    assert Vault(path).load() == Kept({}, {})
    Vault(path).erase("plan")
    Vault(path).rename("plan", "other", replaces=None)
    assert not path.exists()
    Vault(path).save(GRANT, 1.0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["tokens.db"]


def test_a_token_that_was_replaced_or_erased_is_not_left_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "tokens.db"
    vault = Vault(path)
    vault.save(GRANT, 1.0)
    vault.save(replace(GRANT, pair=TokenPair(Secret("at-2"), Secret("rt-2"))), 2.0)
    assert b"rt-1" not in path.read_bytes()
    assert b"rt-2" in path.read_bytes()
    vault.erase("plan")
    assert b"rt-2" not in path.read_bytes()


def test_a_rename_takes_the_place_of_what_was_kept_under_the_new_name(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "tokens.db")
    vault.save(GRANT, 1.0)
    vault.save(replace(GRANT, account="other", id="old"), 1.0)
    for _ in range(2):  # a crash may have come after the first time
        vault.rename("plan", "other", replaces="old")
        assert vault.load().grants == {"other": replace(GRANT, account="other")}


def test_a_rename_leaves_a_login_that_has_come_since(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "tokens.db")
    vault.save(GRANT, 1.0)
    new = replace(GRANT, account="other", id="new")
    vault.save(new, 1.0)
    vault.rename("plan", "other", replaces=None)
    assert vault.load().grants == {"other": new}


def test_accounts_that_left_the_file_long_ago_are_forgotten(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "tokens.db")
    for name in ("known", "gone", "fresh"):
        vault.save(replace(GRANT, account=name), 1.0)
    # Being in the file counts, not having been written.
    assert vault.tend({"known", "fresh"}, 90.0, 100.0) == []
    assert vault.tend({"known"}, 120.0, 100.0) == ["gone"]
    assert set(vault.load().grants) == {"known", "fresh"}
    assert vault.tend({"known"}, 195.0, 100.0) == ["fresh"]


def test_a_seed_that_was_spent_is_remembered_whatever_becomes_of_its_account(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "tokens.db")
    seeded = replace(GRANT, id="0123", seed="0123456")
    vault.save(seeded, 1.0)
    assert vault.load().adopted == {"0123456": "plan"}
    vault.save(GRANT, 2.0)  # a login
    vault.rename("plan", "other", replaces=None)
    assert vault.load().adopted == {"0123456": "other"}
    vault.erase("other")
    assert vault.load() == Kept({}, {"0123456": "other"})


def test_a_database_of_another_program_or_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = foreign.read_bytes()
    with pytest.raises(Refused, match="another program"):
        Vault(foreign).save(GRANT, 1.0)
    assert foreign.read_bytes() == before
    newer = tmp_path / "newer.db"
    Vault(newer).save(GRANT, 1.0)
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Refused, match="newer"):
        Vault(newer).load()
