"""Secrets in the state directory: private, never replaced, and of the daemon's user even if root puts them there."""

import os
import stat
from pathlib import Path

import pytest

from ccflared.config.stored import forget_secret, free_name, store_secret
from ccflared.secret import Secret


def test_a_secret_is_for_its_owner_alone_and_the_first_one_makes_the_directories(tmp_path: Path) -> None:
    state = tmp_path / "new" / "state"
    path = store_secret(state, "work", Secret("sk-x"))
    assert path.read_text() == "sk-x"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, state)] == [0o600, 0o700, 0o700]
    assert list(path.parent.iterdir()) == [path]


def test_a_secret_is_never_replaced(tmp_path: Path) -> None:
    path = store_secret(tmp_path, "work", Secret("sk-x"))
    with pytest.raises(FileExistsError):
        store_secret(tmp_path, "work", Secret("sk-y"))
    assert (path.read_text(), free_name(tmp_path, "work"), free_name(tmp_path, "new")) == (
        "sk-x",
        "work-2",
        "new",
    )
    assert list(path.parent.iterdir()) == [path]


def test_a_forgotten_secret_is_gone_and_one_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    path = store_secret(tmp_path, "work", Secret("sk-x"))
    forget_secret(tmp_path, "work")
    forget_secret(tmp_path, "work")
    forget_secret(tmp_path / "nowhere", "work")
    assert not path.exists()


def test_a_directory_that_others_may_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir(mode=0o755)
    store_secret(tmp_path, "work", Secret("sk-x"))
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_a_link_in_place_of_the_directory_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "secrets").symlink_to("elsewhere")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        store_secret(tmp_path, "work", Secret("sk-x"))
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away takes root")
def test_what_root_stores_belongs_to_whom_the_state_directory_belongs_to(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 4321)
    path = store_secret(tmp_path, "work", Secret("sk-x"))
    assert [(each.stat().st_uid, each.stat().st_gid) for each in (path, path.parent)] == [(1234, 4321)] * 2
