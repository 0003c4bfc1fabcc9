"""The tokens' own file: private, durable, zeroed where it was overwritten, and nobody else's database."""

import stat
from dataclasses import replace
from pathlib import Path

from ccflared.providers.oauth import Grant, TokenPair
from ccflared.secret import Secret
from ccflared.store.vault import Vault

GRANT = Grant("plan", "id", "seed", TokenPair(Secret("at-1"), Secret("rt-1"), 2e9, 1e9), refreshed_at=1e9)


def test_what_is_saved_is_found_again_by_another_vault(tmp_path: Path) -> None:
    path = tmp_path / "state" / "tokens.db"
    Vault(path).save(GRANT, 1.0)
    assert Vault(path).load() == {"plan": GRANT}
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
    assert Vault(path).load() == {}
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


def test_a_rename_takes_the_place_of_what_an_earlier_account_left_and_may_be_done_again(
    tmp_path: Path,
) -> None:
    vault = Vault(tmp_path / "tokens.db")
    vault.save(GRANT, 1.0)
    vault.save(replace(GRANT, account="other", id="old"), 1.0)
    for _ in range(2):
        vault.rename("plan", "other", replaces="old")
        assert vault.load() == {"other": replace(GRANT, account="other")}


def test_a_rename_leaves_a_login_that_has_come_since(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "tokens.db")
    vault.save(GRANT, 1.0)
    new = replace(GRANT, account="other", id="new")
    vault.save(new, 1.0)
    vault.rename("plan", "other", replaces=None)
    assert vault.load() == {"other": new}
