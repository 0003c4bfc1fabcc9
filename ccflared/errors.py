"""The exception tree. An error's type says whose fault it is; nothing is told apart by its text.

Expected failures are values (an Observation, a Refusal); these exceptions are for the few places where a
failure must cross several calls. Exceptions of libraries become one of these at the border where the
library is called.
"""


class CcflaredError(Exception):
    """Base of all. ``str()`` of one is a sentence fit for the person who must act."""


class UsageError(CcflaredError):
    """The command was called in a way it cannot obey, or there is no configuration (exit 2)."""


class NotRunning(CcflaredError):  # noqa: N818 - reads as the fact it states
    """No daemon answers at any place it is looked for (exit 3)."""


class Refused(CcflaredError):  # noqa: N818 - reads as the fact it states
    """The daemon or the system will not do it (exit 4): state directory in use, address taken, …"""


class NotTheCode(Refused):
    """What was pasted at a login is not its code, and nothing was done with it: it may be pasted again."""


class ClientError(CcflaredError):
    """The client's request cannot be served as it stands.

    ``status`` is the HTTP status; ``kind`` the official error type name (``invalid_request_error`` …).
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class UpstreamError(CcflaredError):
    """An upstream could not be reached or did not keep to the protocol. Never the client's fault."""


class ConnectFailed(UpstreamError):  # noqa: N818 - reads as the fact it states
    """No connection: name not found, refused, TLS, forbidden address, or not within the time."""


class UpstreamTimeout(UpstreamError):  # noqa: N818 - reads as the fact it states
    """The upstream was silent for longer than it may be."""


class UpstreamBroken(UpstreamError):  # noqa: N818 - reads as the fact it states
    """The connection broke, or what came over it was no HTTP."""
