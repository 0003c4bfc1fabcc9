"""An edit on the disk: judged as the daemon would judge it, then written whole, or not at all."""

import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filebook import ENVIRON, write

from ccflared.config import save
from ccflared.config.edit import Add, AddChain, Edit, Put, Remove, Rename, Unset
from ccflared.config.editing import Edited, NotEdited, Prepared, commit, edit_files, prepare
from ccflared.config.kinds import KeyPath
from ccflared.config.load import Files, read_files
from ccflared.providers.presets import builtin

MAIN = """\
include = ["team.toml"]
[accounts.work]
provider = "ollama"

[[fallback]]
models = ["opus"]
try = ["work", "shared"]
"""
TEAM = """\
[accounts.shared]
provider = "ollama"
"""
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="another owner takes root")


@pytest.fixture
def main(tmp_path: Path) -> Path:
    return write(tmp_path, main=MAIN, team=TEAM)


def edit(path: Path, *edits: Edit, allow_less: bool = False) -> Edited | NotEdited:
    return edit_files(path, edits, environ=ENVIRON, builtin=builtin(), allow_less=allow_less)


def done(path: Path, *edits: Edit) -> Edited:
    made = edit(path, *edits)
    assert isinstance(made, Edited), made
    return made


def refused(path: Path, *edits: Edit) -> NotEdited:
    before = [file.read_bytes() for file in sorted(path.parent.glob("*.toml"))]
    names = sorted(path.parent.iterdir())
    made = edit(path, *edits)
    assert isinstance(made, NotEdited), made
    assert [file.read_bytes() for file in sorted(path.parent.glob("*.toml"))] == before
    assert sorted(path.parent.iterdir()) == names, "nothing is left behind"
    return made


def opened(path: Path) -> Files:
    files = read_files(path, ENVIRON)
    assert isinstance(files, Files)
    return files


def ready(path: Path, *edits: Edit) -> Prepared:
    made = prepare(opened(path), edits, environ=ENVIRON, builtin=builtin())
    assert isinstance(made, Prepared), made
    return made


def test_an_edit_tells_the_files_and_keys_that_it_changed(main: Path) -> None:
    made = done(main, Put(("accounts", "work", "priority"), 3), Put(("accounts", "shared", "tier"), 5))
    assert made.files == (main, main.with_name("team.toml"))
    assert [str(change) for change in made.changes] == [
        "accounts.work.priority: 0 -> 3",
        "accounts.shared.tier: 1 -> 5",
    ]
    assert made.loaded.config.accounts["work"].priority == 3
    assert sorted(main.parent.iterdir()) == [main, main.with_name("team.toml")], "nothing is left behind"


def test_what_is_so_already_writes_nothing(main: Path) -> None:
    before = main.stat()
    assert done(main, Put(("accounts", "work", "provider"), "ollama")).files == ()
    assert main.stat() == before


def test_an_edit_that_leads_to_mistakes_is_refused_with_all_of_them(main: Path) -> None:
    made = refused(main, Put(("accounts", "work", "priorty"), 3), Put(("accounts", "shared", "tier"), 0))
    assert (made.kind, made.before) == ("mistakes", False)
    assert [str(mistake).removeprefix(f"{main.parent}/") for mistake in made.mistakes] == [
        'ccflare.toml:4:1: unknown key "priorty" in [accounts.work]; did you mean "priority"?',
        "team.toml:3:8: expected a number above 0, found the integer 0",
    ]


def test_a_file_with_mistakes_is_not_edited_unless_the_edit_mends_it(main: Path) -> None:
    with main.open("a") as file:
        file.write("\n[log]\nlvel = 1\n")
    made = refused(main, Put(("accounts", "work", "priority"), 3))
    assert (made.kind, made.before) == ("mistakes", True)
    done(main, Unset(("log", "lvel")))


def test_a_file_that_is_no_toml_is_not_edited(main: Path) -> None:
    main.write_text(MAIN + "= 3\n")
    made = refused(main, Put(("accounts", "work", "priority"), 3))
    assert (made.kind, made.before) == ("mistakes", True)
    assert "this is not TOML" in str(made.mistakes[0])


def test_what_a_reload_would_refuse_as_a_loss_is_refused_until_it_is_meant(tmp_path: Path) -> None:
    path = write(tmp_path, main='[log]\n[accounts.work]\nprovider = "ollama"\n')
    assert refused(path, Remove("accounts", "work")).losses[-1] == "The last account would be gone."
    assert isinstance(edit(path, Remove("accounts", "work"), allow_less=True), Edited)
    assert path.read_text() == "[log]\n"


def test_an_account_that_a_chain_names_stays_until_it_is_forced_out(main: Path) -> None:
    made = refused(main, Remove("accounts", "work"))
    assert made.sentence == 'The account "work" is named by the chain for opus.'
    done(main, Remove("accounts", "work", forced=True))
    done(main, Remove("accounts", "shared", forced=True), Add("accounts", "last", {"provider": "ollama"}))
    assert "fallback" not in main.read_text(), "an empty chain goes"


def test_a_client_is_never_left_with_every_account_because_its_only_one_went(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        main='[accounts.a]\nprovider = "ollama"\n[accounts.b]\nprovider = "ollama"\n'
        f'[clients.c]\nkey_sha256 = "{"a" * 64}"\naccounts = ["a"]\n',
    )
    made = refused(path, Remove("accounts", "a", forced=True))
    assert made.sentence == (
        'The account "a" is the only one that "c" of [clients] may use; change or remove that first.'
    )


@pytest.mark.parametrize(
    ("text", "edits"),
    [
        ('fallback = [{ models = "*", try = ["a"] }]\n', [AddChain({"models": ["x"], "try": ["a"]})]),
        ("log = 3\n", [Put(("log", "level"), "debug")]),
    ],
)
def test_what_the_text_does_not_take_cleanly_is_refused_with_the_toml_to_write(
    tmp_path: Path, text: str, edits: Sequence[Edit]
) -> None:
    path = write(tmp_path, main=text + '[accounts.a]\nprovider = "ollama"\n')
    made = refused(path, *edits)
    assert made.kind == "unclean"
    assert made.paste.splitlines()[-1] in ('try = ["a"]', 'level = "debug"')


def test_names_that_there_are_not_or_already_are_refused(main: Path) -> None:
    assert refused(main, Rename("accounts", "nobody", "x")).kind == "unknown"
    assert refused(main, Rename("accounts", "work", "shared")).kind == "taken"
    assert refused(main, Add("accounts", "shared", {"provider": "ollama"})).kind == "taken"
    assert refused(main, Remove("clients", "nobody")).kind == "unknown"


def test_a_new_file_is_written_where_a_glob_includes_it(tmp_path: Path) -> None:
    path = write(tmp_path, main='include = ["conf.d/*.toml"]\n[accounts.a]\nprovider = "ollama"\n')
    path.chmod(0o640)
    (tmp_path / "conf.d").mkdir()
    new = tmp_path / "conf.d" / "b.toml"
    made = done(path, Add("accounts", "b", {"provider": "ollama"}, new))
    assert made.files == (new,)
    assert stat.S_IMODE(new.stat().st_mode) == 0o640
    other = tmp_path / "elsewhere.toml"
    assert "is not included by" in refused(path, Add("accounts", "c", {"provider": "ollama"}, other)).sentence


def test_a_file_that_was_changed_meanwhile_is_left_as_it_is(main: Path) -> None:
    team = main.with_name("team.toml")
    for changed in (main, team):
        prepared = ready(main, Put(("accounts", "work", "priority"), 3))
        changed.write_text(changed.read_text() + "# somebody else\n")
        before = main.read_text()
        made = commit(prepared)
        assert isinstance(made, NotEdited)
        assert made.kind == "conflict"
        assert made.sentence == f"{changed} was changed meanwhile; nothing was written."
        assert main.read_text() == before


def test_of_two_edits_that_began_at_once_the_second_sees_the_first(main: Path) -> None:
    one, other = (ready(main, Put(("accounts", "work", "priority"), number)) for number in (3, 4))
    assert isinstance(commit(one), Edited)
    assert isinstance(commit(other), NotEdited)
    assert "priority = 3" in main.read_text()


def test_another_edit_that_takes_too_long_is_not_waited_for_for_ever(
    main: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(save, "_LOCK_TRIES", 2)
    held = os.open(main.parent, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        made = refused(main, Put(("accounts", "work", "priority"), 3))
    finally:
        os.close(held)
    assert (made.kind, made.sentence) == (
        "conflict",
        f"{main} is being edited by another ccflared right now.",
    )
    done(main, Put(("accounts", "work", "priority"), 3))


def test_a_link_stays_a_link_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = write(tmp_path / "real", main=TEAM)
    link = tmp_path / "ccflare.toml"
    link.symlink_to("real/ccflare.toml")
    done(link, Put(("accounts", "shared", "tier"), 5))
    assert link.is_symlink()
    assert "tier = 5" in real.read_text()


def test_mode_and_attributes_stay(main: Path) -> None:
    main.chmod(0o660)
    try:
        os.setxattr(main, "user.origin", b"by hand")
    except OSError:
        pytest.skip("no extended attributes here")
    inode = main.stat().st_ino
    done(main, Put(("accounts", "work", "tier"), 5))
    assert stat.S_IMODE(main.stat().st_mode) == 0o660
    assert os.getxattr(main, "user.origin") == b"by hand"
    assert main.stat().st_ino != inode, "it was replaced, not overwritten"


def test_an_access_control_list_stays(main: Path) -> None:
    # user::rw- user:1234:r-- group::--- mask::r-- other::---
    entries = [(1, 6, -1), (2, 4, 1234), (4, 0, -1), (16, 4, -1), (32, 0, -1)]
    acl = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + rights.to_bytes(2, "little") + (who & 0xFFFFFFFF).to_bytes(4, "little")
        for tag, rights, who in entries
    )
    try:
        os.setxattr(main, "system.posix_acl_access", acl)
    except OSError:
        pytest.skip("no access control lists here")
    done(main, Put(("accounts", "work", "tier"), 5))
    assert os.getxattr(main, "system.posix_acl_access") == acl


@ROOT
def test_root_keeps_the_owner_of_the_file(main: Path) -> None:
    os.chown(main, 1234, 4321)
    done(main, Put(("accounts", "work", "tier"), 5))
    assert (main.stat().st_uid, main.stat().st_gid) == (1234, 4321)


EDIT_AS = """
import os, sys
from pathlib import Path
from ccflared.config.edit import Put
from ccflared.config.editing import edit_files
from ccflared.config.load import load
from ccflared.config.save import hindrance
from ccflared.providers.presets import builtin
edits, where = [Put(("accounts", "work", "tier"), 5)], {"environ": {"HOME": "/"}, "builtin": builtin()}
edit_files(Path("/nowhere"), edits, **where)  # imports what the other user may not read
load(Path(sys.argv[1]), **where)
if uid := int(sys.argv[2]):
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
known = hindrance(Path(sys.argv[1]), Path(sys.argv[1]))
made = edit_files(Path(sys.argv[1]), edits, **where)
print(f"{known.path} {known.sentence}." == made.sentence)
print(made.kind, made.sentence, made.paste, made.file, sep="\\n")
"""


def by(uid: int, path: Path) -> list[str]:
    """Make an edit as another user; return kind, sentence, TOML and file of the refusal, which was known before."""
    for directory in path.parents[:3]:
        if directory.stat().st_uid == os.getuid() and directory != Path("/tmp"):  # noqa: S108 - where pytest works
            directory.chmod(directory.stat().st_mode | 0o011)
    got = subprocess.run(
        [sys.executable, "-c", EDIT_AS, path, str(uid)], capture_output=True, text=True, check=True
    )
    known, *told = got.stdout.splitlines()
    assert known == "True"
    return told


@ROOT
def test_who_may_not_write_the_file_is_told_what_to_write_and_where(main: Path) -> None:
    for file in main.parent.iterdir():
        file.chmod(0o644)
    assert by(1234, main) == [
        "not writable",
        f"{main} may not be written by uid 1234.",
        "[accounts.work]",
        "tier = 5",
        str(main),
    ]
    assert main.read_text() == MAIN


@ROOT
def test_who_could_not_keep_the_owner_is_refused(main: Path) -> None:
    for path in (main, main.with_name("team.toml"), main.parent):
        os.chown(path, -1, 1234)
        path.chmod(path.stat().st_mode | 0o060)
    main.parent.chmod(0o770)
    kind, sentence, *_ = by(1234, main)
    assert kind == "not writable"
    assert sentence == (
        f"{main} cannot be replaced by uid 1234 with its owner, mode and attributes kept (uid 0, gid 1234, "
        "mode 0660): Operation not permitted; do it as its owner or as root."
    )
    assert main.read_text() == MAIN


@ROOT
def test_a_file_that_is_mounted_by_itself_is_refused_with_the_reason(main: Path) -> None:
    beside = main.parent / "mounted"
    beside.write_text(MAIN)
    script = f'mount --bind {beside} {main} && exec {sys.executable} -c "$1" {main} 0'
    got = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", EDIT_AS],
        capture_output=True,
        text=True,
        check=False,
    )
    if "mount" in got.stderr or "unshare" in got.stderr:
        pytest.skip("no mounts here")
    assert got.stdout.splitlines()[:3] == [
        "True",
        "not writable",
        f"{main} is mounted as a single file, which cannot be replaced; mount its directory instead.",
    ]
    assert beside.read_text() == MAIN


@ROOT
def test_a_directory_that_may_not_be_written_is_named_itself(main: Path) -> None:
    for file in main.parent.iterdir():
        os.chown(file, 1234, -1)
    assert by(1234, main)[:2] == [
        "not writable",
        f"{main.parent} may not be written by uid 1234, and a file is replaced from within its directory.",
    ]


@pytest.mark.parametrize(
    ("path", "where"),
    [
        (("fallback", 0, "try", "x"), "fallback[0].try"),
        (("fallback", 0, "try", 7), "fallback[0].try"),
        (("fallback", 0, "try", 7, "x"), "fallback[0].try"),
    ],
)
def test_a_place_that_a_list_does_not_have_is_not_written(main: Path, path: KeyPath, where: str) -> None:
    made = refused(main, Put(path, "shared"))
    assert (made.kind, made.sentence) == (
        "unclean",
        f"{where} in {main} is a list, which is set as a whole.",
    )


def test_a_value_of_many_levels_is_not_written(main: Path) -> None:
    deep: list[object] = []
    for _ in range(2000):
        deep = [deep]
    assert refused(main, Put(("accounts", "work", "models"), deep)).kind == "unclean"


@pytest.mark.parametrize("section", ["accounts", "clients", "providers", "pricing", "fallback"])
def test_a_section_that_is_none_is_a_mistake_that_was_there_before(tmp_path: Path, section: str) -> None:
    path = write(tmp_path, main=f"{section} = 3\n")
    for each in (
        Add("clients", "x", {}),
        Rename("accounts", "a", "b"),
        Remove("accounts", "a"),
        AddChain({}),
    ):
        made = refused(path, each)
        assert (made.kind, made.before) == ("mistakes", True)


def test_an_edit_begins_anew_where_the_file_has_changed_meanwhile(main: Path) -> None:
    def put(key: str) -> Edited | NotEdited:
        return edit(main, Put(("accounts", "work", key), 3))

    keys = ("priority", "tier", "max_concurrency")
    with ThreadPoolExecutor(3) as pool:
        assert [type(made) for made in pool.map(put, keys)] == [Edited] * 3
    loaded = ready(main, Put(("accounts", "work", "provider"), "ollama")).loaded
    assert [getattr(loaded.config.accounts["work"], key) for key in keys] == [3, 3, 3]


def test_stored_secrets_that_nothing_names_any_more_are_told(tmp_path: Path) -> None:
    text = """
        [accounts.a]
        provider = "zai"
        api_key = { stored = "one" }
        [accounts.b]
        provider = "zai"
        api_key = { stored = "both" }
        [accounts.c]
        provider = "zai"
        api_key = { stored = "both" }
        """
    path = write(tmp_path, main=text)
    assert done(path, Put(("accounts", "a", "tier"), 2)).released == ()
    assert done(path, Remove("accounts", "b")).released == ()
    assert ready(path, Remove("accounts", "c")).released == ("both",)
    assert done(path, Put(("accounts", "a", "api_key"), {"stored": "two"})).released == ("one",)


def test_a_chain_that_refuses_goes_with_its_last_account_only_if_that_is_meant(tmp_path: Path) -> None:
    chain = '[[fallback]]\nmodels = ["opus"]\ntry = ["a"]\nthen = "fail"\n'
    accounts = '[accounts.a]\nprovider = "ollama"\n[accounts.b]\nprovider = "ollama"\n'
    path = write(tmp_path, main=accounts + chain)
    gone = Remove("accounts", "a", forced=True)
    made = refused(path, gone)
    assert made.kind == "not allowed"
    assert made.losses == (made.sentence,)
    assert made.sentence.startswith("The chain for opus would be gone")
    assert isinstance(edit(path, gone, allow_less=True), Edited)
    path = write(tmp_path, main=accounts + chain.replace('"fail"', '"pool"'))
    assert isinstance(edit(path, gone), Edited), "one that lets every account be asked is no loss"
