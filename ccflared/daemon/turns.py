"""Long reckoning on the loop, in short pieces: what answers a page must not hold up what serves requests."""

import trio


async def others_turn() -> None:
    """Let the tasks that are ready go on before the caller does. Between two pieces of some milliseconds each."""
    await trio.lowlevel.checkpoint()
