"""Who may not get at what, why, and what mends it: as another user, on a host and in a container."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ccflared.config.load import Loaded, Rejected, find, load, read_secrets
from ccflared.config.load.certificates import problem_of
from ccflared.config.load.rights import contained, mounted, unreadable, unusable
from ccflared.config.model import Config, SecretRef, Tls
from ccflared.daemon.directory import held
from ccflared.daemon.surroundings import remarks, single_files
from ccflared.errors import Refused, UsageError
from ccflared.providers.presets import builtin

CONTAINER = {"container": "oci"}
NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may be somebody else")


@contextmanager
def as_nobody() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that everybody may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def raised(path: Path, *, write: bool = False) -> OSError:
    with pytest.raises(OSError) as caught:
        path.mkdir() if write else path.read_bytes()
    return caught.value


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"container": "oci"}, True),
        ({"container": "podman"}, True),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, True),
        ({"container": "systemd-nspawn"}, False),
        ({}, False),
    ],
)
def test_a_container_is_told_by_its_variables(environ: dict[str, str], expected: bool) -> None:
    assert contained(environ) is expected


@needs_root
def test_a_file_of_somebody_else_is_said_with_its_owner_and_the_command(place: Path) -> None:
    file = place / "ccflare.toml"
    file.write_text("")
    file.chmod(0o600)
    with as_nobody():
        error = raised(file)
        here, there = unreadable(file, error, {}), unreadable(file, error, CONTAINER)
    whose = f"{file} belongs to root (uid 0), group root, mode 0600"
    assert here.startswith("this file may not be read by ")
    assert here.endswith(
        f"(uid 65534): permission denied; {whose}; `chgrp root {file} && chmod g+r {file}` as root lets it in"
    )
    assert (
        f"; {whose}. Give what is mounted there to 65534 on the host: `chown -R 65534:0 DIRECTORY`" in there
    )
    assert "--userns=keep-id:uid=65534" in there
    assert "`fsGroup: 0`" in there


@needs_root
def test_what_is_closed_on_the_way_to_a_file_is_what_is_said(place: Path) -> None:
    file = place / "closed" / "deeper" / "ccflare.toml"
    file.parent.mkdir(parents=True)
    file.write_text("")
    (place / "closed").chmod(0o700)
    with as_nobody():
        said = unreadable(file, raised(file), {})
    assert (
        f"{place}/closed belongs to root (uid 0), group root, mode 0700; `chgrp root {place}/closed && chmod g+rx"
        in said
    )


@needs_root
def test_a_person_is_told_to_join_the_group_that_may_read_a_file(place: Path) -> None:
    file = place / "ccflare.toml"
    file.write_text("")
    file.chmod(0o640)
    os.chown(file, 0, 4321)
    os.seteuid(4567)
    try:
        said = unreadable(file, raised(file), {})
    finally:
        os.seteuid(0)
    assert "group 4321, mode 0640; `usermod -aG 4321 4567` as root lets it in, once logged in anew" in said


@needs_root
def test_the_daemon_says_so_when_it_loads_such_a_file(place: Path) -> None:
    file = place / "ccflare.toml"
    file.write_text("")
    file.chmod(0o600)
    with as_nobody():
        loaded = load(file, environ={"HOME": "/"}, builtin=builtin())
    assert isinstance(loaded, Rejected)
    (mistake,) = loaded.mistakes
    assert "belongs to root (uid 0)" in str(mistake)


@needs_root
def test_a_secret_of_somebody_else_is_said_with_its_owner(place: Path) -> None:
    file, key = place / "ccflare.toml", place / "key"
    key.write_text("a-key")
    key.chmod(0o600)
    file.write_text('[clients.laptop]\nkey = { file = "key" }\n')
    file.chmod(0o644)
    loaded = load(file, environ={"HOME": "/"}, builtin=builtin())
    assert isinstance(loaded, Loaded)
    ref = SecretRef("file", str(key))
    with as_nobody():
        told = read_secrets(loaded.config, environ={"HOME": "/"}, state_directory=place).problem(ref)
    assert told is not None
    assert f"({key} belongs to root (uid 0), group root, mode 0600, and ccflared runs as " in told


@needs_root
def test_a_state_directory_of_somebody_else_is_said_with_its_owner_and_the_command(place: Path) -> None:
    state = place / "state"
    state.mkdir(mode=0o755)
    with as_nobody(), pytest.raises(Refused) as caught, held(state):
        pass
    said = str(caught.value)
    assert said.startswith(
        f"the state directory {state} cannot be used: Permission denied. It must belong to "
    )
    assert (
        f"{state} belongs to root (uid 0), group root, mode 0755; `chown 65534:0 {state}` as root lets it in"
        in said
    )
    assert said.endswith("[storage] directory names another.")


@needs_root
def test_a_state_directory_that_cannot_be_made_is_said_with_what_is_above_it(place: Path) -> None:
    with as_nobody(), pytest.raises(Refused) as caught, held(place / "state" / "deeper"):
        pass
    assert f"but {place} belongs to root (uid 0), group root, mode 0755; `chown 65534:0 {place}`" in str(
        caught.value
    )


@needs_root
def test_a_lock_that_another_user_has_left_is_said(place: Path) -> None:
    (place / "lock").touch(mode=0o600)
    place.chmod(0o777)
    with as_nobody(), pytest.raises(Refused) as caught, held(place):
        pass
    assert (
        f"{place}/lock belongs to root (uid 0), group root, mode 0600; `chown 65534:0 {place}/lock`"
        in str(caught.value)
    )


def test_a_read_only_state_directory_of_a_container_lacks_a_volume(tmp_path: Path) -> None:
    error = OSError(30, "Read-only file system")
    said = unusable(tmp_path, error, CONTAINER)
    assert (
        f"Mount a volume there: `--volume ccflared:{tmp_path}` (podman, docker), a PersistentVolumeClaim"
        in said
    )
    assert unusable(tmp_path, error, {}) == (
        f"the state directory {tmp_path} cannot be used: Read-only file system. [storage] directory names another."
    )


def test_a_directory_in_place_of_the_file_is_what_engines_make(tmp_path: Path) -> None:
    error = raised(tmp_path)
    assert unreadable(tmp_path, error, CONTAINER).startswith("this is a directory. Engines make one where")
    assert unreadable(tmp_path, error, {}) == "the file cannot be read: Is a directory"


def test_a_container_without_a_file_is_told_how_to_mount_one(tmp_path: Path) -> None:
    file = tmp_path / "ccflare.toml"
    with pytest.raises(UsageError) as caught:
        find(None, {**CONTAINER, "CCFLARED_CONFIG": str(file)})
    said = str(caught.value)
    assert said.startswith(
        f"There is no file {file} (named by $CCFLARED_CONFIG).\nNothing is mounted at {tmp_path}."
    )
    assert f"podman run --volume ./config:{tmp_path}:ro,Z" in said
    with pytest.raises(UsageError, match="ccflared init"):
        find(None, {"CCFLARED_CONFIG": str(file)})


def test_what_is_mounted_by_itself_is_known_and_said(tmp_path: Path) -> None:
    assert mounted(Path("/proc"))
    assert not mounted(tmp_path)
    assert list(single_files([tmp_path / "ccflare.toml"])) == []
    (said,) = single_files([Path("/proc")])
    assert said.startswith(
        "/proc is mounted as a single file: a file that an editor puts in its place is not seen"
    )


def test_a_container_is_told_of_a_state_that_nothing_keeps() -> None:
    config = Config()
    assert not any("nothing is mounted" in each for each in remarks(config, Path("/proc/self"), CONTAINER))
    assert list(remarks(config, Path("/"), {})) == []
    said = [each for each in remarks(config, Path("/"), CONTAINER) if "nothing is mounted at /" in each]
    assert len(said) == 1


@needs_root
def test_a_key_that_only_root_may_read_is_told_with_the_command_that_mends_it(place: Path) -> None:
    pair = Tls(place / "cert.pem", place / "key.pem")
    for file in (pair.cert, pair.key):
        file.touch()
    pair.key.chmod(0o600)
    with as_nobody():
        problem = problem_of(pair)
    assert problem is not None
    assert problem.at == "key"
    assert str(problem).startswith(
        f"{pair.key} cannot be read: Permission denied; {pair.key} belongs to root (uid 0), group root, mode 0600; `chgrp "
    )
    assert f"chmod g+r {pair.key}` as root lets it in" in str(problem)
