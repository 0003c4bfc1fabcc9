"""The provider that the booted daemon asks: quick answers, and for the key ``slow`` streams of a quarter of a minute.

python provider.py DIRECTORY KEY...: takes these keys, and the tokens of an issuer at the next port, which writes those
of a login to DIRECTORY/access and DIRECTORY/refresh. The first is over already, so that the daemon has to renew it, by
the second, which can be used but once.
"""

import sys
from functools import partial
from pathlib import Path

import trio
from issuer import FakeIssuer

from ccflared.demo.provider import FakeProvider
from ccflared.demo.script import Answer

PORT = 9100


async def main(directory: Path, keys: frozenset[str]) -> None:
    """Serve until it is ended."""
    issuer = FakeIssuer()
    access, refresh = issuer.log_in()
    issuer.end(access)
    provider = FakeProvider(accepts=lambda key: key in keys or issuer.accepts(key), remember=1)
    provider.play("slow", then=Answer(events=30, interval=0.4))
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(provider.serve, host="0.0.0.0", port=PORT))
        await nursery.start(partial(issuer.serve, port=PORT + 1))
        (directory / "access").write_text(access)
        (directory / "refresh").write_text(refresh)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), frozenset(sys.argv[2:]))
