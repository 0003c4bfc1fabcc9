"""Looks at the certificates once a minute: whether one is about to end, or can be used that could not before.

A file that changes is seen at once by the reload; what is seen here changes with the time alone.
"""

import logging
from time import time
from typing import Final

import trio

from ccflared.daemon.about import about
from ccflared.daemon.server import Listeners

log = logging.getLogger("ccflared.certificates")

_LOOK: Final = 60.0


async def watch(listeners: Listeners) -> None:
    """Look now and then, until cancelled."""
    while True:
        if listeners.certificates.mended(time()):
            for renewed in listeners.renew():
                log.info("%s", renewed, extra=about("certificate"))
        listeners.certificates.tell(time())
        await trio.sleep(_LOOK)
