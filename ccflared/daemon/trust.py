"""Where credentials must not go: origins that somebody has set over the network, and that nobody has confirmed.

The owner of that knowledge, and of ``untrusted.json`` in the state directory, which holds nothing else: it must be
known before the first request is served, whatever has become of the history. Each entry is durable before the
configuration names its origin, and counts only for that origin: who writes another one into the file by hand has said
by that where the credential is to go. It changes so seldom that the few milliseconds of writing are taken in place.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ccflared.config.load.reading import read_regular
from ccflared.config.save import replace_file
from ccflared.daemon.about import about
from ccflared.errors import Refused

log = logging.getLogger("ccflared.accounts")

UNTRUSTED: Final = "untrusted.json"
"""Its file in the state directory."""
_LARGEST: Final = 1024 * 1024
_MOST: Final = 1000


class Trust:
    """The untrusted origins by account."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._untrusted: dict[str, tuple[str, ...]] = {}
        self._edited: str | None = None
        """The account that is being edited: what is noted of it is not in its file yet."""

    def read(self) -> None:
        """Take in what was noted before this start. Raises Refused where that cannot be known: nobody may be served."""
        try:
            content, _ = read_regular(self._file, _LARGEST)
            noted = json.loads(content)
            self._untrusted = {str(name): tuple(map(str, origins)) for name, origins in noted.items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
            why = getattr(error, "strerror", None) or "it is damaged"
            raise Refused(
                f"{self._file} cannot be read: {why}. It says which endpoints were set over the network and not "
                "confirmed. See to it; or look through the base_url of your accounts, then remove it."
            ) from error

    def distrusted(self, account: str, origin: str) -> bool:
        """Whether an account's credential must not go there."""
        return origin in self._untrusted.get(account, ())

    def any_of(self, account: str) -> bool:
        """Whether something is noted of an account."""
        return account in self._untrusted

    @contextmanager
    def editing(self, account: str) -> Iterator[None]:
        """Let nothing that is noted of an account be forgotten while it is edited: the file may name it by then."""
        self._edited = account
        try:
            yield
        finally:
            self._edited = None

    def doubt(self, account: str, origin: str) -> tuple[str, ...]:
        """Note, before it is written into the file, that an account must not send its credential to an origin.

        Returns what was noted before; it stays, as the file still names that.
        """
        before = self._untrusted.get(account, ())
        self._set(account, tuple(dict.fromkeys((*before, origin))))
        return before

    def take_back(self, account: str, before: tuple[str, ...]) -> None:
        """Take in that the file was not written; ``before`` is what ``doubt`` returned."""
        self._write({**self._untrusted, account: before}, must=False)

    def at(self, account: str, origin: str | None) -> None:
        """Take in where an account is by the file as it stands: what is noted of other origins is of no use then."""
        noted = self._untrusted.get(account)
        if noted is not None and account != self._edited:
            left = tuple(each for each in noted if each == origin)
            if left != noted:
                self._write({**self._untrusted, account: left}, must=False)

    def trust(self, account: str) -> None:
        """Let the credential of an account go where the file says: somebody who may say so has, or it is gone."""
        self._set(account, ())

    def rename(self, old: str, new: str) -> None:
        """Let what is noted of an account follow it to its new name, where it joins what is noted there."""
        noted = dict.fromkeys((*self._untrusted.get(new, ()), *self._untrusted.get(old, ())))
        if noted:
            self._write({**self._untrusted, new: tuple(noted), old: ()}, must=False)

    def _set(self, account: str, origins: tuple[str, ...]) -> None:
        if origins != self._untrusted.get(account, ()):
            self._write({**self._untrusted, account: origins})

    def _write(self, noted: dict[str, tuple[str, ...]], *, must: bool = True) -> None:
        """Keep it, durably. Raises Refused where it ``must`` be and cannot: nothing has changed then."""
        left = {account: origins for account, origins in noted.items() if origins}
        if len(left) > _MOST:
            raise Refused(f"{_MOST} accounts have endpoints that nobody has confirmed")
        try:
            replace_file(self._file, json.dumps(left).encode(), mode=0o600)
        except OSError as error:
            if must:
                raise Refused(f"{self._file} cannot be written: {error.strerror}") from error
            # What is on the disk distrusts no less: a start would at worst ask for one confirmation too many.
            log.warning("%s cannot be written: %s", self._file, error.strerror, extra=about("edit"))
        self._untrusted = left
