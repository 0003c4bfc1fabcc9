"""Who may not get at a path, why, and what puts it right: in words, for people on a host and of a container.

Whether this is a container is told by variables that the image or the engine sets, and chooses words, nothing else.
"""

import errno
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from ccflared.config.load.reading import group_of, user_of

_EFFECTIVE = os.access in os.supports_effective_ids
_PEOPLE = range(1000, 60000)
"""User ids of persons, who may be put into a group; those of services that systemd makes up are above."""


def contained(environ: Mapping[str, str] | None = None) -> bool:
    """Whether this runs in a container: the image says so, podman does, or Kubernetes."""
    environ = os.environ if environ is None else environ
    return environ.get("container") in {"oci", "podman", "docker"} or "KUBERNETES_SERVICE_HOST" in environ


def mounted(path: Path) -> bool:
    """Whether something is mounted at this very path, as far as the platform tells."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return False
    places = {
        re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split(" ")[4]) for line in lines
    }
    return str(path) in places


def closed(path: Path, environ: Mapping[str, str] | None = None, *, write: bool = False) -> str:
    """Return whose the path is that keeps this user out, and the command that lets it in; "" where nobody can tell.

    ``write``: the path is to be written, not only read.
    """
    found = _closed_one(path, write=write)
    if found is None:
        return ""
    place, facts = found
    said = _whose(place, facts)
    uid, gid = os.geteuid(), os.getegid()
    if contained(environ):
        return (
            f"{said}. Give what is mounted there to {uid} on the host: `chown -R {uid}:{gid} DIRECTORY` (rootless "
            f"podman: `podman unshare chown …`, or --userns=keep-id:uid={uid},gid={gid}), or let the engine do it: "
            f":U behind a volume of podman, `fsGroup: {gid}` on Kubernetes"
        )
    if write:
        return f"{said}; `chown {uid}:{gid} {place}` as root lets it in"
    granted = stat.S_IRGRP | (stat.S_IXGRP if stat.S_ISDIR(facts.st_mode) else 0)
    if uid in _PEOPLE and facts.st_gid and facts.st_mode & granted == granted:
        group, who = group_of(facts.st_gid), user_of(uid).removeprefix("uid ").split(" ")[0]
        return f"{said}; `usermod -aG {group} {who}` as root lets it in, once logged in anew"
    bits = "g+rx" if stat.S_ISDIR(facts.st_mode) else "g+r"
    return f"{said}; `chgrp {group_of(gid)} {place} && chmod {bits} {place}` as root lets it in"


def whose(path: Path) -> str:
    """Return whose the path is that keeps this user from reading, and who this user is; "" where nobody can tell."""
    found = _closed_one(path, write=False)
    return "" if found is None else f"{_whose(*found)}, and ccflared runs as {user_of(os.geteuid())}"


def _whose(place: Path, facts: os.stat_result) -> str:
    mode = stat.S_IMODE(facts.st_mode)
    return f"{place} belongs to {user_of(facts.st_uid)}, group {group_of(facts.st_gid)}, mode {mode:04o}"


def _closed_one(path: Path, *, write: bool) -> tuple[Path, os.stat_result] | None:
    """Return the first on the way to a path that may not be passed, read or written, with what its inode says."""
    here = path.absolute()
    for place in (*reversed(here.parents), here):
        try:
            facts = place.stat()
        except FileNotFoundError:
            # It is to be made: by whom may write what is above it.
            return (place.parent, place.parent.stat()) if write else None
        except OSError:
            return None
        last = place == here
        needed = _needed(facts, write=write) if last else os.X_OK
        if not os.access(place, needed, effective_ids=_EFFECTIVE):
            return place, facts
    return None


def _needed(facts: os.stat_result, *, write: bool) -> int:
    if not write:
        return os.R_OK
    return os.W_OK | (os.X_OK if stat.S_ISDIR(facts.st_mode) else os.R_OK)


def unreadable(path: Path, error: OSError, environ: Mapping[str, str] | None = None) -> str:
    """Return why a configuration file cannot be read."""
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return "there is no such file"
        case errno.EACCES:
            why = closed(path, environ)
            said = f"this file may not be read by {user_of(os.geteuid())}: permission denied"
            return f"{said}; {why}" if why else said
        case errno.EISDIR if contained(environ):
            return (
                "this is a directory. Engines make one where the file that is to be mounted is not there: mount the "
                "directory that holds it instead"
            )
        case _:
            return f"the file cannot be read: {error.strerror}"


def unusable(directory: Path, error: OSError, environ: Mapping[str, str] | None = None) -> str:
    """Return why the state directory cannot be used, and what to do."""
    said = f"the state directory {directory} cannot be used: {error.strerror}."
    another = "[storage] directory names another."
    match error.errno:
        case errno.EACCES | errno.EPERM:
            must = f"It must belong to the user ccflared runs as ({user_of(os.geteuid())})"
            why = closed(Path(error.filename or directory), environ, write=True)
            return f"{said} {must}, but {why}; {another}" if why else f"{said} {must}; {another}"
        case errno.EROFS if contained(environ):
            return (
                f"{said} Mount a volume there: `--volume ccflared:{directory}` (podman, docker), a "
                f"PersistentVolumeClaim (Kubernetes). {another}"
            )
        case _:
            return f"{said} {another}"


def mount_lines(file: Path) -> str:
    """Return how a configuration is brought into a container that has none."""
    return (
        f"Nothing is mounted at {file.parent}. Put a {file.name} into a directory of the host, and mount that:\n"
        f"  podman run --volume ./config:{file.parent}:ro,Z …      (docker: without Z)\n"
        f"On Kubernetes, a ConfigMap with the key {file.name} is mounted there. The image has one to start from:\n"
        "  podman run --rm --entrypoint cat IMAGE /opt/ccflared/share/ccflared/container.toml > config/ccflare.toml"
    )
