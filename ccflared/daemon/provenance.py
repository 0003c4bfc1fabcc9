"""Remembers whose thinking is whose, so that what is foreign can be told where a conversation changes providers.

A signature holds where it was made alone; thinking that was translated has none. What is remembered is bounded and
lives in memory: after a restart, a provider's own refusal says the same, and the request is tried once more.
"""

import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ccflared.config.usage_rules import origin
from ccflared.daemon.about import about
from ccflared.formats.crossing import signature_in, signatures
from ccflared.formats.signers import Signatures
from ccflared.providers.target import Target, Unfit

log = logging.getLogger("ccflared.request")

_TOLD_MOST: Final = 256
_UNSIGNED: Final = re.compile(rb'"signature"\s*+:\s*+""')
_CONVERSATIONS_MOST: Final = 10_000


class Provenance:
    """The owner of that memory. Nothing here awaits."""

    def __init__(self) -> None:
        self._signatures = Signatures()
        self._translated: OrderedDict[str, None] = OrderedDict()
        self._crosses = False
        self._told: set[tuple[str, str]] = set()

    def consider(self, targets: Mapping[str, Target | Unfit]) -> None:
        """Take in which accounts there are: where all are at one place, nothing can cross."""
        places = {_place(each) for each in targets.values() if isinstance(each, Target)}
        self._crosses = len(places) > 1

    def listener(self, target: Target) -> Callable[[bytes], None] | None:
        """Return what takes in the events of an account's stream in which a signature may stand; None: no need."""
        if not self._crosses or target.dialect != "anthropic":
            return None
        place = _place(target)

        def heard(raw: bytes) -> None:
            if signature := signature_in(raw):
                self._signatures.made(signature, place)

        return heard

    def answered(self, target: Target, pieces: Iterable[bytes]) -> None:
        """Take in the signatures of an account's JSON answer."""
        if not self._crosses or target.dialect != "anthropic":
            return
        document = b"".join(pieces)
        if b'"signature"' in document:
            for signature in signatures(document):
                self._signatures.made(signature, _place(target))

    def translated(self, conversation: str | None) -> None:
        """Take in that an answer of a conversation was translated: its thinking is nobody's whom it can be shown to."""
        if self._crosses and conversation is not None:
            self._translated[conversation] = None
            self._translated.move_to_end(conversation)
            if len(self._translated) > _CONVERSATIONS_MOST:
                self._translated.popitem(last=False)

    def foreign_to(
        self, target: Target, body: bytes, conversation: str | None
    ) -> Callable[[str], bool] | None:
        """Return what tells the signatures that the account's provider cannot know; None: the request has none."""
        if not self._crosses or b'"signature"' not in body:
            return None
        place = _place(target)
        unsigned = target.quirks.signed_thinking or conversation in self._translated

        def foreign(signature: str) -> bool:
            return self._signatures.maker(signature) not in (None, place)

        crosses = (unsigned and _UNSIGNED.search(body)) or any(map(foreign, signatures(body)))
        return foreign if crosses else None

    def dropped(self, account: str, model: str, words: Iterable[str]) -> None:
        """Say once of each thing that an account's model cannot be told that it is left out."""
        for word in words:
            if self._is_news(f"{account} {model}", word):
                log.info(
                    "account %s: left out of requests for %s: %s",
                    account,
                    model,
                    word,
                    extra=about("translation", account=account),
                )

    def amended(self, target: Target, how: str) -> None:
        """Say once that a provider refuses what others take, and that it need not be asked twice each time."""
        if self._is_news(target.account, how):
            log.info(
                "account %s refused a request and is asked again %s; [providers.%s] quirks can say so at once",
                *(target.account, how, target.provider),
                extra=about("translation", account=target.account),
            )

    def _is_news(self, provider: str, word: str) -> bool:
        if (provider, word) in self._told or len(self._told) >= _TOLD_MOST:
            return False
        self._told.add((provider, word))
        return True


def _place(target: Target) -> str:
    """Return where thinking is at home: who speaks two dialects at one host has two kinds of it."""
    scheme, host, port = origin(target.base_url)
    return f"{target.dialect} {scheme}://{host}:{port}"
