"""An account made ready to be addressed: base URL, authentication, credential and header fields in one place."""

from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from ccflared.config.later import not_spoken
from ccflared.config.model import Account, Auth, Dialect, OAuth, Provider, Reads, UsageAuth
from ccflared.config.oauth_rules import by_token
from ccflared.config.quirks import Quirks
from ccflared.config.usage_rules import origin, usage_url
from ccflared.providers.oauth import Grant, Seed, oauth_of
from ccflared.providers.signs import NO_SIGNS, Signs, signs_for
from ccflared.secret import Secret
from ccflared.wire import Head

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
    betas: tuple[bytes, ...] = ()
    """Values that anthropic-beta must have."""
    ends_at: float | None = None
    """Wall-clock time at which the credential ends, where that is known and somebody else renews it."""
    grant: Grant | None = None
    """Tokens that are renewed here: ``credential`` is missing, and is added for each try."""
    oauth: OAuth | None = None
    usage: UsageAt | None = None
    """None: its usage cannot be asked for, or not with this credential."""
    quirks: Quirks = field(default_factory=Quirks)
    """What its API does otherwise than the one that its dialect names."""

    def without_secrets(self, text: str) -> str:
        """Return a sentence that may repeat what an upstream said without what it must not repeat: our credentials."""
        for secret in (self.credential, self.proxy, *(value for _, value in self.headers)):
            if secret is not None:
                text = _without(secret.reveal(), text)
        return text

    def masked(self, body: bytes) -> bytes:
        """Return an answer's body with our credentials starred out; it keeps its length."""
        for key in self._keys():
            body = body.replace(key, b"*" * len(key))
        return body

    def without_echo(self, head: Head) -> Head:
        """Return the head of an answer without the fields that repeat our credentials, as of some gateways they do."""
        keys = self._keys()
        if not any(key in value for _, value in head.headers for key in keys):
            return head
        return Head(head.status, tuple(f for f in head.headers if not any(key in f[1] for key in keys)))

    def _keys(self) -> list[bytes]:
        secrets = (self.credential, self.proxy, *(value for _, value in self.headers))
        keys = [secret.reveal().encode() for secret in secrets if secret is not None]
        return [key for key in keys if len(key) >= _TELLING]


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why an account cannot be addressed at all, in the words of the status page."""

    state: str
    """``off``, ``no credential``, ``needs login`` or ``unsupported``."""
    reason: str | None


def bare_target(url: str) -> Target:
    """Return what the way to a URL takes that is no account's: no credential, and none of an account's liberties."""
    return Target(
        account="",
        provider="",
        dialect="anthropic",
        base_url=url,
        auth="none",
        credential=None,
        headers=(),
        proxy=None,
        insecure=False,
        link_local=False,
        fingerprint="",
    )


def resolve(
    account: Account,
    provider: Provider,
    *,
    credential: Secret | None,
    problem: str | None,
    proxy: Secret | None,
    headers: tuple[tuple[bytes, Secret], ...],
    seed: Seed = Seed(),  # noqa: B008 - frozen
    grant: Grant | str | None = None,
) -> Target | Unfit:
    """Bring an account and its provider together.

    ``credential`` is the account's key if it could be read, ``problem`` the sentence if it could not. ``seed`` is what
    the file gives of OAuth tokens, ``grant`` what counts; a str says why that is not known.
    """
    if not account.enabled:
        return Unfit("off", "enabled = false")
    if (why := not_spoken(provider)) is not None:
        return Unfit("unsupported", why)
    if account.proxy is not None and proxy is None:
        return Unfit("no credential", "the proxy URL cannot be read")
    base_url = account.base_url or provider.base_url
    if base_url is None:
        return Unfit("unsupported", "no base_url is given")
    made = Target(
        account=account.name,
        provider=account.provider,
        dialect=provider.dialect,
        base_url=base_url.rstrip("/"),
        auth=provider.sends,
        credential=None,
        headers=headers,
        proxy=proxy,
        insecure=account.insecure,
        link_local=account.link_local,
        fingerprint="",
        place=_place(base_url, proxy),
        signs=signs_for(account.provider, base_url),
        usage=_usage_at(account, provider, base_url),
        quirks=provider.quirks,
    )
    if by_token(account, provider):
        return _with_tokens(made, account, provider, seed, grant)
    if provider.sends != "none" and credential is None:
        return Unfit("no credential", problem or "no api_key is given")
    key = credential.fingerprint() if credential else "-"
    return replace(made, credential=credential, fingerprint=_fingerprint(made, key))


def _with_tokens(
    made: Target, account: Account, provider: Provider, seed: Seed, grant: Grant | str | None
) -> Target | Unfit:
    oauth = oauth_of(account, provider)
    usage = made.usage
    if usage is not None and provider.usage is not None and provider.usage.auth is None:
        usage = replace(usage, auth="bearer")
    made = replace(
        made,
        auth="bearer",
        usage=usage,
        oauth=oauth,
        betas=tuple(beta.encode() for beta in (oauth.betas if oauth else None) or ()),
    )
    if account.credentials_file is not None:
        if seed.pair is None:
            return Unfit("no credential", seed.problem or f"{account.credentials_file} gives no token")
        # Its owner renews it: what was learnt of the account outlasts that.
        return _held_by_others(made, seed, f"file {account.credentials_file}")
    if isinstance(grant, str):
        return Unfit("no credential", grant)
    if grant is None and seed.problem is not None:
        return Unfit("no credential", seed.problem)
    if grant is None or grant.pair is None:
        return Unfit("needs login", "nobody has logged in" if grant is None else "logged out")
    if grant.refused is not None:
        return Unfit("needs login", grant.refused)
    if grant.pair.refresh is None:
        return _held_by_others(made, Seed(pair=grant.pair), grant.id)
    return replace(made, grant=grant, fingerprint=_fingerprint(made, grant.id))


def _held_by_others(made: Target, seed: Seed, key: str) -> Target:
    """Return a target with a token that nobody here renews."""
    pair = seed.pair
    return replace(
        made,
        credential=pair.access if pair else None,
        ends_at=pair.expires_at if pair else None,
        fingerprint=_fingerprint(made, key),
    )


def _fingerprint(made: Target, key: str) -> str:
    return f"{made.provider} {made.base_url} {key}"


def _usage_at(account: Account, provider: Provider, base_url: str) -> UsageAt | None:
    usage, url = provider.usage, usage_url(account, provider)
    if usage is None or url is None:
        return None
    return UsageAt(url, usage.reads, usage.auth or provider.sends, at_home=origin(url) == origin(base_url))


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
