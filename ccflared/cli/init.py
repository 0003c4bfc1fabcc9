"""``ccflared init``: a first file, readable by whom the daemon runs as, and what to do next."""

import grp
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ccflared.cli.first_steps import unit_of
from ccflared.cli.places import for_init
from ccflared.cli.terminal import stdout
from ccflared.config.load.paths import instance_of
from ccflared.config.load.reading import group_of
from ccflared.config.save import create, replace_file
from ccflared.config.starter import STARTER, STARTER_HELD, STARTER_PAGE
from ccflared.errors import Refused

GROUP: Final = "ccflared-admin"
"""The group of the shipped unit: its daemon may read what this group may."""


def init(config: Path | None, *, force: bool = False, environ: Mapping[str, str] = os.environ) -> int:
    """Write a commented starter file, making its directory: mode 0600, or 0640 where a group is to read it.

    It goes to ``config``, else to $CCFLARED_CONFIG, else /etc/ccflared for root and to the user's
    configuration directory for others. Raises Refused if it is there already and ``force`` is false, or if it
    cannot be written.
    """
    path = for_init(config, environ)
    write = replace_file if force else create
    gid = _reading_group(path)
    unit = unit_of(path)
    # Its address is that of the socket unit: a line here would stand against it as soon as it is changed there.
    text = STARTER_HELD.format(unit=unit) if unit else STARTER
    try:
        if gid is None:
            write(path, text.encode(), mode=0o600)
        else:
            write(path, text.encode(), mode=0o640, gid=gid)
        written = path.stat()
    except FileExistsError:
        raise Refused(f"{path} is there already; it stays as it is (--force replaces it).") from None
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from None
    who = f" (mode {stat.S_IMODE(written.st_mode):04o}, group {group_of(written.st_gid)})" if gid else ""
    stdout().write(stdout().sheet().text(f"Wrote {path}{who}. {_next(path, unit, config)}", indent=0))
    return 0


def _next(path: Path, unit: str, config: Path | None) -> str:
    option = "" if config is None else f" --config {path}"
    add = f"by hand or by `ccflared account add`; `ccflared check{option}` names every mistake."
    if "@" in unit:
        return (
            f"Next: give it an address of its own, by `systemctl edit {unit}.socket` with the lines `[Socket]` and "
            f"`ListenStream=127.0.0.1:8081`, and `systemctl enable --now {unit}`. Accounts go into the file, {add}"
        )
    run = f"systemctl enable --now {unit}" if unit else f"ccflared run{option}"
    return (
        f"Next: `{run}`, then open {STARTER_PAGE} in a browser: it leads you through the first account. Or put one "
        f"into the file, {add}"
    )


def _reading_group(path: Path) -> int | None:
    """Return the group that is to read a file which root writes; None: nobody but its owner.

    That of the shipped units for the system's files, else that of the directory, where it is somebody else's than
    root's.
    """
    if os.geteuid() != 0:
        return None
    if instance_of(path) is not None:
        try:
            return grp.getgrnam(GROUP).gr_gid
        except KeyError:
            pass
    try:
        return path.parent.stat().st_gid or None
    except OSError:  # it is yet to be made, and is root's then
        return None
