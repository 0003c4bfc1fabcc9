"""The command ``ccflared``. The signal handlers come first; what is heavy is imported after them.

For PID 1 of a container the kernel's default action for SIGTERM is to do nothing, so that a stop during the
imports would hang until the engine kills. The daemon replaces these handlers as soon as it can drain.
"""

import os
import signal
import sys
from types import FrameType


def _leave(number: int, _frame: FrameType | None) -> None:
    """End at once and quietly: as the default action would, and where that does nothing, by exit."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    # Only PID 1 comes here. A stop that was asked for is no failure of the container.
    os._exit(0 if number == signal.SIGTERM else 128 + number)


def _occupy() -> None:
    """Let no file or socket that is opened later take the place of a standard stream that is closed."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one


def main() -> int:
    """Run the command line and return the exit code."""
    _occupy()
    signal.signal(signal.SIGTERM, _leave)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # nohup and `&` of a shell script mean it
        signal.signal(signal.SIGINT, _leave)
    words = sys.argv[1:]
    if "complete" in words:
        from ccflared.cli.complete import complete  # noqa: PLC0415 - without the parser, which takes as long again

        if (code := complete(words)) is not None:
            return code
    from ccflared.cli.main import run_command  # noqa: PLC0415 - not before the handlers stand

    return run_command(words)


if __name__ == "__main__":
    sys.exit(main())
