"""Logging in where no daemon runs: the same steps in this process, under the lock of the state directory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shlex import quote

import trio

from ccflared.cli.login import Page, Way
from ccflared.cli.places import state_for
from ccflared.config.load import Rejected, find, load, read_secrets
from ccflared.config.report import render
from ccflared.config.words import no_such
from ccflared.daemon.custody import Custody
from ccflared.daemon.directory import held
from ccflared.daemon.login import Logins
from ccflared.daemon.upstream import Upstream
from ccflared.daemon.world import build
from ccflared.errors import Refused
from ccflared.providers.presets import builtin
from ccflared.store.vault import Vault


@contextmanager
def alone(config: Path | None) -> Iterator[Way]:
    """Give the way of this process, which holds the state directory meanwhile. Raises Refused, UsageError."""
    environ = os.environ
    loaded = load(find(config, environ), environ=environ, builtin=builtin())
    if isinstance(loaded, Rejected):
        raise Refused("The file has mistakes:\n" + "\n".join(render(mistake) for mistake in loaded.mistakes))
    directory = state_for(loaded.config, loaded.files[0], environ)
    with held(directory):
        custody, upstream = Custody(Vault(directory / "tokens.db")), Upstream()
        trio.run(custody.open)
        if custody.trouble is not None:
            raise Refused(f"The tokens cannot be read: {custody.trouble}.")
        secrets = read_secrets(loaded.config, environ=environ, state_directory=directory)
        world = build(loaded, secrets, custody.grant, lambda *_: False)
        logins = Logins(lambda: world, custody, upstream)

        def begin(name: str) -> Page:
            begun = logins.begin(name)
            return Page(begun.session, begun.url)

        def finish(session: str, code: str) -> None:
            trio.run(partial(logins.finish, session, code))

        def log_out(name: str) -> str:
            if name not in world.config.accounts:
                raise Refused(no_such("account", name, world.config.accounts))
            trio.run(partial(logins.log_out, name))
            return f"{name} is logged out. `ccflared login {quote(name)}` logs it in again."

        yield Way(begin, finish, log_out)
