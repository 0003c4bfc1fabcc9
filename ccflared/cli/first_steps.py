"""What to do where no daemon runs: how to start one, and the first steps of somebody new."""

import os
from collections.abc import Mapping
from pathlib import Path

from ccflared.cli.places import config_file, for_init
from ccflared.cli.render.layout import Line, Span
from ccflared.cli.render.sheet import Sheet
from ccflared.config.load.paths import SYSTEM_FILE, instance_of
from ccflared.config.starter import STARTER_PAGE

_UNITS = tuple(
    Path(directory) for directory in ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
)


def start_hint(chosen: Path | None, environ: Mapping[str, str]) -> str:
    """Return the command that starts the daemon here."""
    config = config_file(chosen, environ)
    if config is None:
        return "ccflared init, then ccflared run (or, without any account: ccflared demo)"
    if _is_missing(config):
        return f"ccflared init --config {config}, then ccflared run --config {config}"
    if not os.access(config, os.R_OK):
        return (
            f"ccflared run --config {config}, as a user who may read that file. (Perhaps it runs: the file may name "
            "another socket. --socket PATH asks there.)"
        )
    if unit := unit_of(config):
        return f"systemctl start {unit}"
    return f"ccflared run --config {chosen}" if chosen is not None else "ccflared run"


def unit_of(config: Path) -> str:
    """Return the system's service that runs with this file, as systemctl is told of it; "" where none is there."""
    name = instance_of(config)
    if name is None:
        return ""
    file = "ccflared@.service" if name else "ccflared.service"
    return (
        (f"ccflared@{name}" if name else "ccflared")
        if any((place / file).exists() for place in _UNITS)
        else ""
    )


def remark_on(chosen: Path | None, environ: Mapping[str, str]) -> str:
    """Say what is wrong with the file that is named, as far as the name tells; "" where nothing is."""
    config = config_file(chosen, environ)
    if config is None:
        return ""
    named = "--config" if chosen is not None else "$CCFLARED_CONFIG"
    if _is_missing(config):
        return f"There is no file {config} (named by {named})."
    if os.path.isdir(config):  # noqa: PTH112 - Path.is_dir raises where it may not be looked at
        return f"{config} (named by {named}) is a directory; the file in it is meant: {config / SYSTEM_FILE.name}"
    return ""


def _is_missing(config: Path) -> bool:
    """Tell whether the file is surely not there. One that may not be looked at may well be."""
    try:
        config.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def first_steps(chosen: Path | None, environ: Mapping[str, str], sheet: Sheet) -> list[Line]:
    """Return the greeting of ``ccflared`` alone: what it is, and what to type next."""
    config = config_file(chosen, environ)
    option = "" if chosen is None else f" --config {chosen}"
    lines = sheet.text(Span("ccflared is not running.", "strong"), indent=0)
    if config is not None and not _is_missing(config):
        lines += sheet.text(remark_on(chosen, environ) or f"Its configuration is {config}.", indent=0)
        steps = [
            (f"ccflared check{option}", "read the file and name every mistake"),
            (start_hint(chosen, environ), "start"),
        ]
    else:
        lines += sheet.text(
            "It serves Claude and OpenAI clients from several accounts. The configuration is one file, "
            f"{for_init(chosen, environ)}; there is none yet.",
            indent=0,
        )
        steps = [
            ("ccflared demo", "see it work, with a built-in provider: no account, no network"),
            (f"ccflared init{option}", "write a commented file to start from"),
            (f"ccflared run{option}", f"start; then {STARTER_PAGE} leads through the first account"),
        ]
    lines.append(())
    widest = max(len(command) for command, _ in steps)
    for command, what in steps:
        if widest + len(what) + 4 <= sheet.width:
            lines.append((Span("  "), Span(f"{command:<{widest}}", "strong"), Span(f"  {what}", "faint")))
        else:
            lines += sheet.text(Span(command, "strong"))
            lines += sheet.text(Span(what, "faint"), indent=6)
    lines.append(())
    return lines + sheet.text(Span("ccflared --help lists all commands.", "faint"), indent=0)
