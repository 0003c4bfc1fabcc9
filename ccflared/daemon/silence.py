"""Notices accounts that do not even begin to answer, while the requests that wait for them go on waiting.

An idle_timeout of minutes is right for a request, but others need not walk into the same silence, least of all when
clients give up before it has passed, so that nobody would ever learn of it. It is a doubt: it only orders. A stream
begins at once, while an answer in one piece may honestly take minutes: of those nothing is concluded.
"""

import re
from time import time
from typing import Final

import trio

from ccflared.daemon.house import House
from ccflared.wire import Observation

LOOK: Final = 5.0
PATIENCE: Final = 60.0
"""Seconds. A large prompt in a busy hour may take half of it to be read, from an account that is well."""
_STREAMS: Final = re.compile(rb'"stream"\s*:\s*true')


async def watch(house: House, *, look: float = LOOK, patience: float = PATIENCE) -> None:
    """Look every ``look`` seconds for streams that have been waited for ``patience`` seconds, until cancelled."""
    while True:
        await trio.sleep(look)
        now = trio.current_time()
        for waiting in [
            each for each in house.under_way.waiting if not each.looked_at and now - each.since >= patience
        ]:
            waiting.looked_at = True
            if _STREAMS.search(waiting.body):
                waiting.noted = True
                if house.doubted_since(waiting.target, waiting.at):
                    continue  # the same silence, which another try has told of
                reason = f"not even the head of a stream within {patience:g} s"
                seen = Observation("account", "time-out", reason, confidence="inferred")
                house.failed(waiting.target, seen, time(), waiting.model)
