"""OAuth without a network: what is asked of a login page and of a token endpoint, and what their answers mean. Pure.

RFC 6749 has the grants and the error codes, RFC 7636 the proof key (PKCE), RFC 9700 section 4.14 the rotation of
refresh tokens. No client id is known here: the operator configures the one issued to them.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any, Final, Literal, TypeGuard
from urllib.parse import parse_qs, quote, quote_plus, urlencode, urlsplit

from ccflared import __version__
from ccflared.config.model import Account, OAuth, Provider
from ccflared.providers.resets import retry_after
from ccflared.secret import Secret
from ccflared.wire import Head, Outbound

REVOKED: Final = frozenset({"invalid_grant", "invalid_refresh_token", "refresh_token_reused"})
"""The error codes that say: this refresh token, or code, will never work again. Matched as codes, never in texts."""
_CLIENT: Final = frozenset({"invalid_client", "unauthorized_client"})
_LONGEST_LIFE: Final = 10 * 366 * 86400.0
_LONGEST_SAID: Final = 160
_LOGIN_NEEDS: Final = ("authorize_url", "token_url", "client_id", "redirect_uri")

FailureKind = Literal["revoked", "client", "endpoint", "temporary"]


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Tokens as an issuer, or the file, gave them. ``access`` None: it has to be asked for first."""

    access: Secret | None
    refresh: Secret | None = None
    expires_at: float | None = None
    """Wall-clock time at which ``access`` ends; None: not told."""
    obtained_at: float = 0.0
    """Wall-clock time; 0: unknown, as of tokens that the file gives."""

    @property
    def lifetime(self) -> float | None:
        """Seconds from its issue to its end; None where either is unknown."""
        if self.expires_at is None or not self.obtained_at:
            return None
        return max(0.0, self.expires_at - self.obtained_at)


@dataclass(frozen=True, slots=True)
class Grant:
    """What an account was given, by a login or by a seed in the file, as it stands after its rotations.

    ``id`` stays the same through rotations, and ``seed`` is the digest of what the file gave when it was adopted:
    the grant counts until the file gives something else. ``pair`` None: logged out.
    """

    account: str
    provider: str
    """Whose tokens they are: no other provider is ever sent them."""
    id: str
    seed: str
    pair: TokenPair | None
    refreshed_at: float | None = None
    refused: str | None = None
    """The sentence of the issuer's definitive refusal: a person has to log in."""
    refused_at: float | None = None
    spending: str | None = None
    """Digest of the refresh token that is being exchanged; what is still there at a start was interrupted."""

    @property
    def from_seed(self) -> bool:
        """Whether it began with tokens of the file, not with a login."""
        return bool(self.seed) and self.id == self.seed[: len(self.id)]


@dataclass(frozen=True, slots=True)
class Seed:
    """What the file gives of an account's tokens. ``digest`` tells it from what it gave before; "": it gives none."""

    digest: str = ""
    pair: TokenPair | None = None
    problem: str | None = None
    """Why it cannot be read."""


@dataclass(frozen=True, slots=True)
class TokenFailure:
    """Why no tokens came.

    ``revoked``: never with this token again; ``client``: the client id is not accepted; ``endpoint``: the address is no
    token endpoint (any more); ``temporary``: anything else.
    """

    kind: FailureKind
    reason: str
    until: float | None = None
    """Wall-clock time before which the issuer does not want to be asked again."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a person brings back from the login page."""

    code: Secret
    state: str


def seed_of(access: Secret | None, refresh: Secret | None, expires_at: float | None) -> Seed:
    """Make the seed of what the file gives. A refresh token alone tells it from others: it is what is spent."""
    told = refresh or access
    return Seed() if told is None else Seed(digest(told), TokenPair(access, refresh, expires_at))


def in_force(account: str, provider: str, kept: Grant | None, seed: Seed) -> Grant | None:
    """Return the grant that counts: the one kept, as long as the file gives nothing else than it was adopted over.

    A seed that cannot be read now has not changed, as far as anybody knows; and one that has left the file has done
    its work. What is kept counts for the provider that it was given by, and for no other.
    """
    if kept is not None and kept.provider == provider and seed.digest in ("", kept.seed):
        return kept
    return None if seed.pair is None else Grant(account, provider, seed.digest[:12], seed.digest, seed.pair)


def oauth_of(account: Account, provider: Provider) -> OAuth | None:
    """Return the OAuth settings of an account: the keys that it gives over those of its provider; None without any."""
    own, base = account.oauth, provider.oauth
    if own is None or base is None:
        return own or base
    given = {f.name: value for f in fields(OAuth) if (value := getattr(own, f.name)) is not None}
    return replace(base, **given)


def login_lacks(oauth: OAuth) -> list[str]:
    """Return the keys that a login needs and that are not given."""
    return [name for name in _LOGIN_NEEDS if not getattr(oauth, name)]


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def authorize_url(oauth: OAuth, challenge: str, state: str) -> str:
    """Return the address of the login page. A query that authorize_url has already is kept."""
    asked = {
        "response_type": "code",
        "client_id": oauth.client_id or "",
        "redirect_uri": oauth.redirect_uri or "",
        "scope": " ".join(oauth.scopes or ()),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    url = oauth.authorize_url or ""
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode({k: v for k, v in asked.items() if v})}"


def pasted(text: str) -> Pasted | str:
    """Read what was pasted: ``CODE#STATE``, or the address that the browser was sent to. A str says what is wrong."""
    text = "".join(text.split())
    if text.startswith(("http://", "https://")):
        try:
            told = parse_qs(urlsplit(text).query)
        except ValueError:
            return "this is no address that can be read"
        if error := told.get("error"):
            return f"the login page refused: {_plain(error[0])}"
        code, state = told.get("code", [""])[0], told.get("state", [""])[0]
    else:
        code, _, state = text.partition("#")
    if not _token(code):
        return "there is no code in it"
    if not _token(state):
        return "the state is missing: paste all of it, with the # and what stands behind it, or the whole address"
    return Pasted(Secret(code), state)


def exchange_request(oauth: OAuth, code: Pasted, verifier: str) -> Outbound:
    """Ask for tokens in exchange for a code (RFC 6749 section 4.1.3)."""
    asked = {
        "grant_type": "authorization_code",
        "code": code.code.reveal(),
        "redirect_uri": oauth.redirect_uri or "",
        "client_id": oauth.client_id or "",
        "code_verifier": verifier,
    }
    if oauth.encoding == "json":
        asked["state"] = code.state  # Anthropic's endpoint wants it; RFC 6749 has no such parameter
    return _request(oauth, asked)


def refresh_request(oauth: OAuth, refresh: Secret) -> Outbound:
    """Ask for a new pair in exchange for a refresh token (RFC 6749 section 6), with the client id if there is one."""
    asked = {"grant_type": "refresh_token", "refresh_token": refresh.reveal()}
    if oauth.client_id:
        asked["client_id"] = oauth.client_id
    return _request(oauth, asked)


def read_answer(
    head: Head, body: bytes, now: float, *, spent: Secret | None = None, sent: Sequence[Secret] = ()
) -> TokenPair | TokenFailure:
    """Read what a token endpoint answered. ``spent``: the refresh token; it stays where no new one is given.

    ``sent``: further secrets of the request, which no sentence may repeat in any spelling.
    """
    found = _read(head, body, now, spent)
    if isinstance(found, TokenFailure):
        return replace(found, reason=_without((*sent, *((spent,) if spent else ())), found.reason))
    return found


def _read(head: Head, body: bytes, now: float, spent: Secret | None) -> TokenPair | TokenFailure:
    if head.status in (404, 410) and _code(_document(body)) not in REVOKED:
        return TokenFailure("endpoint", f"the token endpoint is not there ({head.status})")
    if 300 <= head.status < 400:
        return TokenFailure(
            "endpoint", f"the token endpoint redirects ({head.status}), which is never followed"
        )
    told = _document(body)
    if head.status >= 300:
        return _refusal(head, told, now)
    if told is None:
        return TokenFailure(
            "endpoint", "what answers is no token endpoint: it answered with something that is no JSON"
        )
    access = told.get("access_token")
    if not _token(access):
        return TokenFailure("endpoint", "the token endpoint answered without an access_token")
    refresh = told.get("refresh_token")
    return TokenPair(
        access=Secret(access),
        refresh=Secret(refresh) if _token(refresh) else spent,
        expires_at=_end(told.get("expires_in"), now),
        obtained_at=now,
    )


def digest(token: Secret) -> str:
    """Return the SHA-256 of a token, by which it is recognised without being kept."""
    return hashlib.sha256(token.reveal().encode()).hexdigest()


def _without(secrets: Iterable[Secret], text: str) -> str:
    for secret in secrets:
        plain = secret.reveal()
        for spelling in {plain, quote_plus(plain), quote(plain, safe=""), json.dumps(plain)[1:-1]}:
            text = text.replace(spelling, "[secret]")
    return text


def _refusal(head: Head, told: Mapping[str, Any] | None, now: float) -> TokenFailure:
    code = _code(told)
    said = _said(told)
    if code in REVOKED:
        return TokenFailure("revoked", f"the issuer refuses the token ({code}{f': {said}' if said else ''})")
    if code in _CLIENT:
        return TokenFailure("client", f"the issuer does not accept client_id ({code})")
    what = f"the token endpoint answered {head.status}" + (f" ({code})" if code else "")
    until = retry_after(head, now) if head.status in (429, 503) else None
    return TokenFailure("temporary", f"{what}: {said}" if said else what, until)


def _request(oauth: OAuth, asked: Mapping[str, str]) -> Outbound:
    if oauth.encoding == "json":
        kind, body = b"application/json", json.dumps(asked).encode()
    else:
        kind, body = b"application/x-www-form-urlencoded", urlencode(asked).encode()
    headers = (
        (b"content-type", kind),
        (b"accept", b"application/json"),
        (b"accept-encoding", b"identity"),
        (b"user-agent", f"ccflared/{__version__}".encode()),
    )
    return Outbound("POST", oauth.token_url or "", headers, body)


def _document(body: bytes) -> Mapping[str, Any] | None:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _code(told: Mapping[str, Any] | None) -> str:
    """Return the error code: ``error`` (RFC 6749 section 5.2), or the ``code`` or ``type`` of an error object."""
    error = told.get("error") if told else None
    if isinstance(error, dict):
        found = [error.get("code"), error.get("type")]
        error = next(
            (each for each in found if isinstance(each, str) and each in REVOKED | _CLIENT), found[-1]
        )
    return _plain(error) if isinstance(error, str) else ""


def _said(told: Mapping[str, Any] | None) -> str:
    if not told:
        return ""
    error = told.get("error")
    said = told.get("error_description") or (error.get("message") if isinstance(error, dict) else None)
    return _plain(said).rstrip(".") if isinstance(said, str) else ""


def _plain(text: str) -> str:
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return shown if len(shown) <= _LONGEST_SAID else shown[: _LONGEST_SAID - 1] + "…"


def _token(value: object) -> TypeGuard[str]:
    """Whether it can be a token: printable ASCII (RFC 6749 appendix A.12) without a space, as a header can carry it."""
    return isinstance(value, str) and 0 < len(value) <= 64 * 1024 and all("!" <= c <= "~" for c in value)


def _end(lasts: object, now: float) -> float | None:
    if isinstance(lasts, bool) or not isinstance(lasts, int | float | str):
        return None
    try:
        seconds = float(lasts)
    except (ValueError, OverflowError):
        return None
    return now + min(seconds, _LONGEST_LIFE) if isfinite(seconds) and seconds > 0 else None
