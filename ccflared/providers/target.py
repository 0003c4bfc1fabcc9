"""An account made ready to be addressed: base URL, authentication, credential and header fields in one place."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ccflared.config.model import Account, Auth, Dialect, Provider, Reads, UsageAuth
from ccflared.config.usage_rules import origin, usage_url
from ccflared.providers.signs import NO_SIGNS, Signs, signs_for
from ccflared.secret import Secret

_TELLING: Final = 6
"""Characters of a secret that tell something of it, and are no word that stands in any sentence."""


@dataclass(frozen=True, slots=True)
class UsageAt:
    """Where an account's usage can be asked for with its credential, and how the answer is read."""

    url: str
    reads: Reads
    auth: UsageAuth
    at_home: bool = True
    """It is at the host that the account is asked at, too."""


@dataclass(frozen=True, slots=True)
class Target:
    """One account at one provider, as far as addressing it goes."""

    account: str
    provider: str
    dialect: Dialect
    base_url: str
    auth: Auth
    credential: Secret | None
    headers: tuple[tuple[bytes, Secret], ...]
    """Fields of the provider's ``headers`` table, added to each request."""
    proxy: Secret | None
    insecure: bool
    link_local: bool
    fingerprint: str
    """Tells whether what was learnt of this account still concerns it: provider, place and credential."""
    place: str = ""
    """Where it is, and through which proxy; what keeps one account from being reached there keeps all."""
    signs: Signs = NO_SIGNS
    """What the provider's own error codes mean."""
    usage: UsageAt | None = None
    """None: its usage cannot be asked for, or not with this credential."""

    def without_secrets(self, text: str) -> str:
        """Return a sentence that may repeat what an upstream said without what it must not repeat: our credentials."""
        for secret in (self.credential, self.proxy, *(value for _, value in self.headers)):
            if secret is not None:
                text = _without(secret.reveal(), text)
        return text

    def masked(self, body: bytes) -> bytes:
        """Return an answer's body with our credentials starred out; it keeps its length."""
        for secret in (self.credential, self.proxy, *(value for _, value in self.headers)):
            if secret is not None and len(key := secret.reveal().encode()) >= _TELLING:
                body = body.replace(key, b"*" * len(key))
        return body


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why an account cannot be addressed at all, in the words of the status page."""

    state: str
    """``off``, ``no credential``, ``needs login`` or ``unsupported``."""
    reason: str | None


def resolve(
    account: Account,
    provider: Provider,
    *,
    credential: Secret | None,
    problem: str | None,
    proxy: Secret | None,
    headers: tuple[tuple[bytes, Secret], ...],
) -> Target | Unfit:
    """Bring an account and its provider together.

    ``credential`` is the account's key or token if it could be read, ``problem`` the sentence if it could not.
    """
    if not account.enabled:
        return Unfit("off", "enabled = false")
    if provider.dialect != "anthropic":
        return Unfit("unsupported", f"this version does not speak the dialect {provider.dialect}")
    if account.proxy is not None and proxy is None:
        return Unfit("no credential", "the proxy URL cannot be read")
    if account.api_key is None and (provider.oauth is not None or account.oauth is not None):
        # Their tokens have to be refreshed, and announced by a beta of their own.
        return Unfit("unsupported", "this version does not use OAuth accounts yet")
    if provider.auth != "none" and credential is None:
        return Unfit("no credential", problem or "no api_key is given")
    base_url = account.base_url or provider.base_url
    if base_url is None:
        return Unfit("unsupported", "no base_url is given")
    key = credential.fingerprint() if credential else "-"
    return Target(
        account=account.name,
        provider=account.provider,
        dialect=provider.dialect,
        base_url=base_url.rstrip("/"),
        auth=provider.auth,
        credential=credential,
        headers=headers,
        proxy=proxy,
        insecure=account.insecure,
        link_local=account.link_local,
        fingerprint=f"{account.provider} {base_url} {key}",
        place=_place(base_url, proxy),
        signs=signs_for(account.provider, base_url),
        usage=_usage_at(account, provider, base_url),
    )


def _usage_at(account: Account, provider: Provider, base_url: str) -> UsageAt | None:
    usage, url = provider.usage, usage_url(account, provider)
    if usage is None or url is None:
        return None
    return UsageAt(url, usage.reads, usage.auth or provider.auth, at_home=origin(url) == origin(base_url))


def _place(base_url: str, proxy: Secret | None) -> str:
    parts = urlsplit(base_url)
    way = ""
    if proxy is not None:
        way = f" through {urlsplit(proxy.reveal()).netloc.rpartition('@')[2]}"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}{way}"


def _without(secret: str, text: str) -> str:
    """Hide a secret in a text, also where the text was cut off in the middle of it."""
    if len(secret) < _TELLING:
        return text
    text = text.replace(secret, "[secret]")
    for length in range(len(secret) - 1, _TELLING - 1, -1):
        text = text.replace(secret[:length] + "…", "[secret]…")
    return text
