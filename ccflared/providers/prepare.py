"""Makes the request that goes to an upstream out of the one that came from a client.

The body goes as it came. Of the header fields all go but those that belong to the connection, to the way the
client took to us, or to the client's own rights here; the account's credential comes in their place.
``anthropic-version`` and ``anthropic-beta`` are the client's business: rewriting a version turns valid requests
into invalid ones, unless the provider knows an old one alone and its quirks say so. To the betas is added what an
account's token must be announced by, and nothing is taken away. To other dialects neither is sent.
"""

from collections.abc import Mapping, Sequence
from typing import Final, assert_never
from urllib.parse import urlsplit

from ccflared.config.model import Dialect
from ccflared.providers.target import Target
from ccflared.wire import Headers, Inbound, Outbound

_DEFAULT_VERSION: Final = b"2023-06-01"

_NEVER_SENT: Final = frozenset(
    {
        # RFC 9110 section 7.6.1, and framing, which is made anew
        *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding"),
        *(b"upgrade", b"http2-settings", b"host", b"content-length", b"expect"),
        # rights of the client here, under the names in use
        *(b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"x-auth-token", b"cookie"),
        *(
            b"proxy-authorization",
            b"proxy-authenticate",
            b"x-csrf-token",
            b"x-amz-security-token",
            b"cookie2",
        ),
        # whose key the client's own is; with the account's they are refused
        *(b"openai-organization", b"openai-project", b"chatgpt-account-id"),
        # the way the client took
        *(b"forwarded", b"via", b"x-real-ip", b"true-client-ip", b"cf-connecting-ip", b"x-client-ip"),
        *(b"origin", b"referer"),
        # the answer is read along, so it must come unencoded
        b"accept-encoding",
    }
)
_NEVER_SENT_PREFIXES: Final = (
    b"x-forwarded-",
    b"x-ccflared-",
    b"x-better-ccflare-",  # of scripts for another program; an upstream need not know what they tell
    b"sec-",
    b"cf-access-",
    b"tailscale-",
    b"remote-",
)
_NOT_UNDERSTOOD: Final[Mapping[Dialect, tuple[bytes, ...]]] = {"openai-chat": (b"anthropic-",)}
"""How fields begin that say nothing to an upstream of a dialect."""

_NEVER_RETURNED: Final = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding"),
        *(b"upgrade", b"proxy-authenticate", b"set-cookie", b"set-cookie2", b"server", b"date", b"via"),
        # speak of the upstream's host, not of ours
        *(b"alt-svc", b"strict-transport-security", b"nel", b"report-to", b"content-security-policy"),
        # name the account's owner
        *(b"anthropic-organization-id", b"openai-organization", b"openai-project"),
        # would be obeyed by the client, or by a proxy before us, in our name
        *(b"clear-site-data", b"refresh", b"x-sendfile", b"content-security-policy-report-only"),
    }
)
_NEVER_RETURNED_PREFIXES: Final = (
    b"access-control-",  # which web pages may read is decided here
    b"x-accel-",  # orders to nginx
    b"x-ccflared-",  # of another ccflared behind this one
)


def endpoint(base_url: str, dialect: Dialect, path: str) -> str:
    """Join a base URL and the path a client asked for (``/v1/…``).

    Dialect anthropic: a ``/v1`` that ends the base URL is not doubled. Dialect openai-chat: the base URL includes
    the version; a bare host gets ``/v1``.
    """
    base = base_url.rstrip("/")
    if base.endswith("/v1"):
        return base + path.removeprefix("/v1")
    if dialect == "openai-chat" and urlsplit(base).path:
        return base + path.removeprefix("/v1")
    return base + path


def prepare(inbound: Inbound, target: Target) -> Outbound:
    """Address a client's request to an account of its own dialect; the body is untouched."""
    named = connection_fields(inbound.headers)
    prefixes = _NEVER_SENT_PREFIXES + _NOT_UNDERSTOOD.get(target.dialect, ())
    headers = [
        (name, value)
        for name, value in inbound.headers
        if name not in _NEVER_SENT and name not in named and not name.startswith(prefixes)
    ]
    url = endpoint(target.base_url, target.dialect, inbound.path)
    if inbound.query:
        url += "?" + inbound.query.decode("ascii")
    return Outbound(inbound.method, url, addressed(headers, target), inbound.body)


def addressed(headers: list[tuple[bytes, bytes]], target: Target) -> Headers:
    """Return the fields of a request to an account, made of those that say what is asked for.

    Its provider's own fields replace them; version and betas are those of its dialect; its credential comes last.
    """
    if target.dialect == "anthropic":
        headers = _with_version(headers, target.quirks.anthropic_version)
    own = dict(target.headers)
    if own:
        headers = [field for field in headers if field[0] not in own]
        headers += [(name, value.reveal().encode()) for name, value in target.headers]
    if target.dialect == "anthropic":
        headers = _with_betas(headers, target.betas)
    return (*headers, (b"accept-encoding", b"identity"), *_credential(target))


def returned(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the fields of an upstream's answer that concern the client."""
    named = connection_fields(headers)
    if any(name == b"transfer-encoding" for name, _ in headers):
        # RFC 9112 section 6.3: it overrides a length, which is wrong then.
        named |= {b"content-length"}
    return [
        (name, value)
        for name, value in headers
        if name not in _NEVER_RETURNED and name not in named and not name.startswith(_NEVER_RETURNED_PREFIXES)
    ]


def connection_fields(headers: Headers) -> frozenset[bytes]:
    """Return the names that ``Connection`` declares to be of this connection only."""
    names: set[bytes] = set()
    for name, value in headers:
        if name == b"connection":
            names.update(token.strip().lower() for token in value.split(b","))
    return frozenset(names)


def _with_version(headers: list[tuple[bytes, bytes]], version: str | None) -> list[tuple[bytes, bytes]]:
    """Set anthropic-version to the one that a provider knows; None: the client's, or the first where it has none."""
    name = b"anthropic-version"
    if version is not None:
        return [*(field for field in headers if field[0] != name), (name, version.encode())]
    if any(field[0] == name for field in headers):
        return headers
    return [*headers, (name, _DEFAULT_VERSION)]


def _with_betas(headers: list[tuple[bytes, bytes]], betas: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """Append to anthropic-beta what is missing in it; all that the client has sent stays as it is."""
    sent = {
        beta.strip() for name, value in headers if name == b"anthropic-beta" for beta in value.split(b",")
    }
    missing = [beta for beta in betas if beta not in sent]
    if not missing:
        return headers
    last = max((at for at, (name, _) in enumerate(headers) if name == b"anthropic-beta"), default=None)
    if last is None:
        return [*headers, (b"anthropic-beta", b",".join(missing))]
    name, value = headers[last]
    more = [value, *missing] if value.strip() else missing
    return [*headers[:last], (name, b",".join(more)), *headers[last + 1 :]]


def _credential(target: Target) -> Headers:
    if target.credential is None:
        return ()
    key = target.credential.reveal().encode()
    match target.auth:
        case "x-api-key":
            return ((b"x-api-key", key),)
        case "bearer":
            return ((b"authorization", b"Bearer " + key),)
        case "none":
            return ()
        case _:
            assert_never(target.auth)
