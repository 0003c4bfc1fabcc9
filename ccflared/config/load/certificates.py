"""A certificate and its key as they lie on the disk: whether they can be used, from when until when, and by whom read.

Nothing here asks for a password, and nothing of a key is ever told.
"""

import datetime as dt
import errno
import ssl
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from ccflared.config.load.reading import read_regular
from ccflared.config.load.rights import closed
from ccflared.config.model import Config, Tls
from ccflared.errors import Refused

_LARGEST: Final = 1024 * 1024
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_FIRST: Final = b"-----BEGIN CERTIFICATE-----"
_LAST: Final = b"-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Read:
    """What lies in the two files. Times are seconds since 1970."""

    digest: str
    """Of both files' content."""
    begins: float
    ends: float
    """The earliest end of the certificate and of those of its chain: from then on clients refuse it."""


class Unusable(Refused):
    """Why a pair cannot be used, and which key of ``tls`` names what is wrong; none: the two do not fit."""

    def __init__(self, said: str, at: Literal["cert", "key"] | None = None) -> None:
        super().__init__(said)
        self.at = at


def tls_of(config: Config) -> Iterator[tuple[tuple[str | int, ...], Tls]]:
    """Yield each certificate that the configuration names, with where it does."""
    if config.server.tls is not None:
        yield ("server", "tls"), config.server.tls
    for index, listen in enumerate(config.server.listen):
        if listen.tls is not None:
            yield ("server", "listen", index, "tls"), listen.tls


def read_pair(tls: Tls) -> Read:
    """Read certificate and key; whether they fit is not seen here. Raises Unusable with what is wrong, files named."""
    cert = _content(tls.cert, "cert")
    key = _content(tls.key, "key")
    if _FIRST not in cert:
        raise Unusable(f"{tls.cert} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", "cert")
    if b"PRIVATE KEY-----" not in key:
        raise Unusable(f"{tls.key} holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)", "key")
    if b"BEGIN ENCRYPTED PRIVATE KEY" in key or b"Proc-Type: 4,ENCRYPTED" in key:
        raise _encrypted(tls)
    if cert.count(_FIRST) != cert.count(_LAST):
        raise Unusable(
            f"{tls.cert} ends in the middle of a certificate; perhaps it is just being written", "cert"
        )
    try:
        spans = [validity(der) for der in _certificates(cert)]
    except (ValueError, IndexError):
        raise Unusable(
            f"{tls.cert} holds a certificate that cannot be read; it may be damaged", "cert"
        ) from None
    digest = sha256(sha256(cert).digest() + sha256(key).digest()).hexdigest()
    ends = min(end for _, end in spans)
    return Read(digest, spans[0][0], ends)


def use_pair(context: ssl.SSLContext, tls: Tls) -> None:
    """Let a context show this certificate. Raises Unusable with what is wrong, files named."""
    try:
        # Without a password to be called for, OpenSSL would ask for it on the terminal.
        context.load_cert_chain(tls.cert, tls.key, password=lambda: _no_password(tls))
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "reason", None)
        if reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
            said = f"the key {tls.key} is not that of the certificate {tls.cert}"
            raise Unusable(f"{said}; one of them may be from before a renewal") from None
        if isinstance(error, ssl.SSLError) and reason is None:
            # OpenSSL says no more than where in its own code that was.
            said = f"{tls.cert} or {tls.key} is damaged, or ends too early; perhaps it is just being written"
            raise Unusable(said) from None
        why = reason or error.strerror or str(error)
        raise Unusable(f"the certificate {tls.cert} and the key {tls.key} cannot be used: {why}") from None


def problem_of(tls: Tls) -> Unusable | None:
    """Return why a certificate cannot be used; None: it can."""
    try:
        read_pair(tls)
        use_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), tls)
    except Unusable as error:
        return error
    return None


def may_be_read_by_all(tls: Tls) -> bool:
    """Whether everyone may read the key."""
    try:
        return bool(tls.key.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def validity(der: bytes) -> tuple[float, float]:
    """Return from when until when a certificate is valid (RFC 5280, section 4.1). Raises ValueError, IndexError.

    The standard library tells it of a peer's certificate only, after a handshake that believes it.
    """
    at, _ = _inside(der, 0, _SEQUENCE)  # Certificate
    at, _ = _inside(der, at, _SEQUENCE)  # TBSCertificate
    if der[at] == _VERSION:
        at = _behind(der, at)
    for _ in ("serialNumber", "signature", "issuer"):
        at = _behind(der, at)
    at, _ = _inside(der, at, _SEQUENCE)
    return _time(der, at), _time(der, _behind(der, at))


def _no_password(tls: Tls) -> str:
    raise _encrypted(tls)


def _encrypted(tls: Tls) -> Unusable:
    return Unusable(
        f"the key {tls.key} is encrypted, and nobody is there to give its password; store it decrypted, "
        f"for the daemon alone to read: openssl pkey -in {tls.key} -out NEW.pem, chmod 600 NEW.pem",
        "key",
    )


def _content(file: Path, at: Literal["cert", "key"]) -> bytes:
    try:
        return read_regular(file, _LARGEST)[0]
    except OSError as error:
        why = closed(file) if error.errno == errno.EACCES else ""
        said = f"{file} cannot be read: {error.strerror}"
        raise Unusable(f"{said}; {why}" if why else said, at) from None


def _certificates(pem: bytes) -> Iterator[bytes]:
    text = pem.decode("ascii", "replace")
    first, last = _FIRST.decode(), _LAST.decode()
    for piece in text.split(first)[1:]:
        body, _, _ = piece.partition(last)
        yield ssl.PEM_cert_to_DER_cert(f"{first}{body}{last}")


def _inside(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Return where the content of the element at ``at`` begins and ends."""
    if der[at] != tag:
        raise ValueError
    length, begins = der[at + 1], at + 2
    if length & 0x80:
        octets = length & 0x7F
        length, begins = int.from_bytes(der[begins : begins + octets], "big"), begins + octets
    if begins + length > len(der):
        raise ValueError
    return begins, begins + length


def _behind(der: bytes, at: int) -> int:
    return _inside(der, at, der[at])[1]


def _time(der: bytes, at: int) -> float:
    begins, ends = _inside(der, at, der[at])
    text = der[begins:ends].decode("ascii")
    if der[at] == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    elif der[at] != _GENERALIZED_TIME:
        raise ValueError
    return dt.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC).timestamp()
