"""The secrets that the daemon has, for whoever has to take them out of what is written down."""

from collections.abc import Iterator
from itertools import chain
from typing import Final
from urllib.parse import unquote, urlsplit

from ccflared.config.load.secrets import references
from ccflared.daemon.custody import Custody
from ccflared.daemon.world import World
from ccflared.formats.redaction import Redaction
from ccflared.providers.target import Target
from ccflared.secret import Secret

REMEMBERED: Final = 2000
"""Secrets that are known at once: those of before, too, which a request may have seen that still runs."""


def secrets_of(world: World, custody: Custody) -> Iterator[Secret]:
    """Yield what the file names and what accounts are used with, some of it more than once."""
    config = world.config
    for _, reference in references(config):
        if (secret := world.secrets.get(reference)) is not None:
            yield secret
    for account in config.accounts.values():
        if account.credentials_file is not None and (
            token := world.secrets.token(account.credentials_file).token
        ):
            yield token
    for target in world.targets.values():
        if isinstance(target, Target) and target.credential is not None:
            yield target.credential
    for name in custody.accounts:
        held = custody.held(name)
        if held is not None and held.grant.pair is not None:
            pair = held.grant.pair
            yield from (secret for secret in (pair.access, pair.refresh) if secret is not None)


class Known:
    """The secrets of now and those of before, bounded. Its repr shows none."""

    def __init__(self) -> None:
        self._texts: dict[str, None] = {}
        self._redaction: Redaction | None = None

    def __repr__(self) -> str:
        return f"Known({len(self._texts)})"

    def learn(self, world: World, custody: Custody) -> None:
        """Take in what the daemon has now."""
        for text in chain.from_iterable(_forms(secret) for secret in secrets_of(world, custody)):
            if text not in self._texts:
                self._redaction = None
            # What was seen last goes last.
            self._texts.pop(text, None)
            self._texts[text] = None
        while len(self._texts) > REMEMBERED:
            del self._texts[next(iter(self._texts))]

    def redaction(self) -> Redaction:
        """Return what takes them out."""
        if self._redaction is None:
            self._redaction = Redaction(self._texts)
        return self._redaction


def _forms(secret: Secret) -> Iterator[str]:
    """Yield a secret, and of a URL that holds one what it holds."""
    text = secret.reveal()
    yield text
    if "://" in text:
        try:
            password = urlsplit(text).password
        except ValueError:
            return
        if password:
            yield from (password, unquote(password))
