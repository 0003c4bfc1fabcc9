"""A string that hides itself: credentials are of this type from the moment they are read.

It has no ``__str__`` that tells, so a secret that strays into a log line, an f-string, a traceback or JSON
shows as ``[secret]``. Only :meth:`Secret.reveal` gives the text, and it is easy to search for.
"""

import hashlib
import hmac
from typing import final


@final
class Secret:
    """A credential in memory. Equal to another secret of the same text, compared in constant time."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one place that must send or compare it."""
        return self._text

    def fingerprint(self) -> str:
        """Return 12 hex digits of the SHA-256: tells two secrets apart without telling either."""
        return hashlib.sha256(self._text.encode()).hexdigest()[:12]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "[secret]"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")
