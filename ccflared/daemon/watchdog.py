"""The watchdog: gives the service manager a sign of life while the loop turns and the history's writer answers.

What the disk refuses is trouble, and told as such; what is slow but moves is alive. A writer that neither answers nor
moves is taken for stuck, and the sign stays away, so that the manager replaces this process. Only one that has
answered before: where it does not even do so after a start, another start would not help, and requests are served
without a history.
"""

import logging
from math import inf, isinf
from typing import Final

import trio

from ccflared.daemon.about import about
from ccflared.daemon.books.recorder import Recorder
from ccflared.daemon.notify import Notifier

log = logging.getLogger("ccflared.daemon")

SILENT: Final = 0.75
"""The part of WatchdogSec= after which a writer that does not move is taken for stuck: 15 s of 20."""
LONGEST: Final = 15.0
"""Seconds that this is at most."""
OFTEN: Final = 4
"""Signs of life within WatchdogSec=."""
MOMENT: Final = 0.05
"""The part of WatchdogSec= that a writer of whom nothing was heard has to answer in."""


async def watch(manager: Notifier, recorder: Recorder) -> None:
    """Give the sign of life, until cancelled."""
    limit = manager.watchdog_seconds
    if limit is None:
        return
    patience = min(SILENT * limit, LONGEST)
    stuck = False
    answered = trio.Event()
    answered.set()

    async def ask(answered: trio.Event) -> None:
        await recorder.pulse()
        answered.set()

    async with trio.open_nursery() as nursery:
        while True:
            if answered.is_set():
                answered = trio.Event()
                nursery.start_soon(ask, answered)
            if patience <= recorder.pen.silent_for() < inf:
                # It may be the loop that was away for so long, and not the writer, who was not asked meanwhile.
                with trio.move_on_after(MOMENT * limit):
                    await answered.wait()
            silent = recorder.pen.silent_for()
            if silent < patience or isinf(silent):
                if stuck:
                    log.warning("the history's writer answers again", extra=about("history"))
                    stuck = False
                manager.alive()
            elif not stuck:
                stuck = True
                log.critical(
                    "the history's writer has neither answered nor moved for %.0f s (in %s): no more signs of life, so "
                    "that the service manager replaces this process",
                    silent,
                    recorder.pen.whereabouts(),
                    extra=about("fault"),
                )
            await trio.sleep(limit / OFTEN)
