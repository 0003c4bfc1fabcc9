"""What is known of an account follows it when its name changes, and what is secret of it goes when it is removed.

A daemon that runs from the file is asked to see to it. Else it is done here, under the lock of the state directory: a
renaming is written down, and the next start has everything follow.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time

from ccflared.cli.client import account_path
from ccflared.cli.edits import Site, runs_from, state_of
from ccflared.config.model import Config
from ccflared.daemon.directory import held
from ccflared.daemon.trust import UNTRUSTED, Trust
from ccflared.errors import Refused
from ccflared.store.history import History
from ccflared.store.renaming import Renaming
from ccflared.store.vault import Vault


class Following:
    """Lets what is known follow a renaming. ``written`` is set by whoever has written the file."""

    def __init__(self) -> None:
        self.written = False


@contextmanager
def state_moves(at: Site, config: Config, old: str, new: str) -> Iterator[Following]:
    """Let state, tokens and history follow to a new name. Within the context the file is written.

    ``config``: as it is with the new name. Raises Refused where what is known could not follow.
    """
    following = Following()
    if runs_from(at):
        answer = at.question.daemon.post(account_path(old, "expect-rename"), {"name": new})
        if answer.status not in (200, 404):  # 404: it is in the file, but was never in force
            raise answer.unexpected("account rename")
        try:
            yield following
        finally:
            if not following.written:
                at.question.daemon.post(account_path(old, "expect-rename"), {"name": new, "over": True})
        return
    with _offline(state_of(at, config)) as state:
        if state is None:
            yield following
            return
        ids = {account: grant.id for account, grant in Vault(state / "tokens.db").load().grants.items()}
        renaming = Renaming(old, new, time(), grant=ids.get(old), replaces=ids.get(new))
        history = History(state / "ccflared.db", patience=5.0)
        try:
            history.insert((), [renaming.memory(time())])
            yield following
            over = not following.written
            history.insert((), [renaming.written().memory(time(), over=over)])
        finally:
            history.close()


def state_goes(at: Site, config: Config, name: str) -> None:
    """Erase the tokens of an account that has left the file. Raises Refused.

    ``config``: as it is without the account.
    """
    if runs_from(at):
        answer = at.question.daemon.post(account_path(name, "erase"))
        if answer.status != 200:
            raise answer.unexpected("account remove")
        return
    with _offline(state_of(at, config)) as state:
        if state is None:
            return
        Vault(state / "tokens.db").erase(name)
        trust = Trust(state / UNTRUSTED)
        trust.read()
        trust.trust(name)


@contextmanager
def _offline(state: Path) -> Iterator[Path | None]:
    """Hold the state directory while no daemon does; None where there is none yet. Raises Refused."""
    if not state.is_dir():
        yield None
        return
    try:
        with held(state):
            yield state
    except OSError as error:
        raise Refused(
            f"{error.filename or state}: {error.strerror}. What is known could not follow."
        ) from error
    finally:
        if os.geteuid() == 0:
            # Or the daemon, which runs as another user, could not use what was made here.
            owner = state.stat()
            for made in ("lock", "ccflared.db", "tokens.db"):
                with suppress(FileNotFoundError):
                    os.chown(state / made, owner.st_uid, owner.st_gid)
