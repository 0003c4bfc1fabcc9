"""``ccflared run``: the daemon in this process, and what it says when it cannot start."""

import faulthandler
import os
import resource
from collections.abc import MutableMapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import trio

from ccflared.api.routes import make_api
from ccflared.cli.configuration import shown
from ccflared.cli.terminal import complain, stderr
from ccflared.config.load import find
from ccflared.daemon.main import InvalidConfiguration, run
from ccflared.daemon.notify import Notifier
from ccflared.errors import CcflaredError, Refused, UsageError


def run_daemon(path: Path | None, *, environ: MutableMapping[str, str] | None = None) -> int:
    """Run until told to stop. Returns 0; 1 where the file has mistakes, 2 without one, 4 where the system refuses."""
    environ = os.environ if environ is None else environ
    _prepare_for_the_worst()
    try:
        trio.run(partial(run, find(path, environ), environ, make_api), strict_exception_groups=True)
    except (CcflaredError, BaseExceptionGroup) as error:
        Notifier(environ).status(f"Not started: {_in_short(_alone(error))}")
        return told(error)
    return 0


def _prepare_for_the_worst() -> None:
    """Have a process that is aborted, by a watchdog say, write where its threads are, and leave no memory on a disk.

    The memory holds every secret. PR_SET_DUMPABLE would forbid it as well, but take /proc/self from us.
    """
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What stands for stderr may be nothing, or no file.
    with suppress(AttributeError, OSError, RuntimeError, ValueError):
        faulthandler.enable()


def told(error: CcflaredError | BaseExceptionGroup[BaseException]) -> int:
    """Say why the daemon did not start and return the exit code. Raises again what is a bug."""
    match _alone(error):
        case InvalidConfiguration(mistakes=mistakes):
            terminal = stderr()
            terminal.write(shown(mistakes, terminal))
            complain("ccflared does not start with mistakes in its configuration.")
            return 1
        case UsageError():
            complain(str(_alone(error)))
            return 2
        case Refused():
            complain(str(_alone(error)))
            return 4
        case _:
            raise error


def _alone(error: BaseException) -> BaseException:
    """Return what a group holds that has no other in it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _in_short(error: BaseException) -> str:
    """Return why the daemon did not start, for a line that everybody may read."""
    match error:
        case InvalidConfiguration(mistakes=(first, *others)):
            more = f" (and {len(others)} more)" if others else ""
            return f"{first.file}:{first.line}: {first.message}{more}"
        case UsageError() | Refused():
            return str(error)
        case _:
            return "a fault of ccflared; its log says more"
