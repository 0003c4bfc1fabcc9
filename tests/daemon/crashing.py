"""Runs ccflared and kills it, as ``kill -9`` does, at one step of renewing a token: ``python crashing.py STEP run …``."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from ccflared.daemon import issuer, renewing
from ccflared.daemon.upstream import Upstream
from ccflared.providers.oauth import Grant
from ccflared.store.vault import Vault

STEPS = (
    "before it is noted",
    "noted",
    "answered",
    "before it is written",
    "written",
    "in force",
    "first use",
    "used",
)


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody gets here")


def around(owner: Any, name: str, *, before: Callable[..., bool], after: Callable[..., bool]) -> None:
    """Die when a call is made that ``before`` is true of, or has returned that ``after`` is true of."""
    true = getattr(owner, name)

    def wrapped(*given: Any, **named: Any) -> Any:
        if before(*given, **named):
            die()
        result = true(*given, **named)
        if after(*given, **named):
            die()
        return result

    setattr(owner, name, wrapped)


def never(*_: Any, **__: Any) -> bool:
    return False


def always(*_: Any, **__: Any) -> bool:
    return True


def noting(_: Vault, grant: Grant, __: float) -> bool:
    return grant.spending is not None


def rotated(_: Vault, grant: Grant, __: float) -> bool:
    return grant.spending is None and grant.refreshed_at is not None


def arm(step: str) -> None:
    """Set the step at which to die."""
    vault = {
        "before it is noted": (noting, never),
        "noted": (never, noting),
        "before it is written": (rotated, never),
        "written": (never, rotated),
    }
    if step in vault:
        before, after = vault[step]
        around(Vault, "save", before=before, after=after)
    elif step == "answered":
        around(issuer, "read_answer", before=always, after=never)
    elif step == "in force":
        around(renewing.Renewing, "_in_force", before=never, after=always)
    elif step in ("first use", "used"):
        _die_at_use(late=step == "used")


def _die_at_use(*, late: bool) -> None:
    """Die when a renewed token is about to be sent to the provider, or has been answered."""
    true = Upstream.send

    async def send(self: Upstream, outbound: Any, target: Any, **named: Any) -> Any:
        uses = target.credential is not None and "/v1/messages" in outbound.url
        if uses and not late:
            die()
        answer = await true(self, outbound, target, **named)
        if uses and answer.head.status == 200:
            die()
        return answer

    Upstream.send = send  # type: ignore[method-assign]


if __name__ == "__main__":
    arm(sys.argv.pop(1))
    from ccflared.cli.main import run_command

    sys.exit(run_command(sys.argv[1:]))
