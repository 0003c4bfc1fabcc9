"""``ccflared run``: the daemon in this process, and what it says when it cannot start."""

import os
from collections.abc import MutableMapping
from functools import partial
from pathlib import Path

import trio

from ccflared.api.routes import make_api
from ccflared.cli.configuration import shown
from ccflared.cli.terminal import complain, stderr
from ccflared.config.load import find
from ccflared.daemon.main import InvalidConfiguration, run
from ccflared.errors import CcflaredError, Refused, UsageError


def run_daemon(path: Path | None, *, environ: MutableMapping[str, str] | None = None) -> int:
    """Run until told to stop. Returns 0; 1 where the file has mistakes, 2 without one, 4 where the system refuses."""
    environ = os.environ if environ is None else environ
    try:
        trio.run(partial(run, find(path, environ), environ, make_api), strict_exception_groups=True)
    except (CcflaredError, BaseExceptionGroup) as error:
        return told(error)
    return 0


def told(error: CcflaredError | BaseExceptionGroup[BaseException]) -> int:
    """Say why the daemon did not start and return the exit code. Raises again what is a bug."""
    alone: BaseException = error
    while isinstance(alone, BaseExceptionGroup) and len(alone.exceptions) == 1:
        alone = alone.exceptions[0]
    match alone:
        case InvalidConfiguration(mistakes=mistakes):
            terminal = stderr()
            terminal.write(shown(mistakes, terminal))
            complain("ccflared does not start with mistakes in its configuration.")
            return 1
        case UsageError():
            complain(str(alone))
            return 2
        case Refused():
            complain(str(alone))
            return 4
        case _:
            raise error
