"""Where an account's credential goes: scheme, host and port of its base URL, spelled in one way only. Pure."""

from contextlib import suppress
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from ccflared.config.model import Account, Provider
from ccflared.config.oauth_rules import by_token

_PORTS: Final = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """Return the origin of a URL: names in lower case and without a dot at the end, with the port in any case."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").removesuffix(".")
    with suppress(ValueError):
        host = ip_address(host).compressed
    bracketed = f"[{host}]" if ":" in host else host
    return f"{scheme}://{bracketed}:{parts.port or _PORTS.get(scheme, 0)}"


def origin(account: Account, provider: Provider) -> str | None:
    """Return the origin of an account: of its own base_url, else of its provider's; None where it has none."""
    base_url = account.base_url or provider.base_url
    return None if base_url is None else origin_of(base_url)


def takes_credential(account: Account, provider: Provider) -> bool:
    """Whether a secret goes along with its requests, or will once there is one."""
    own = account.api_key is not None or by_token(account, provider)
    return own or provider.sends != "none" or bool(provider.headers)


def strays(
    before: tuple[Account, Provider] | None, after: tuple[Account, Provider], *, brought: bool
) -> str | None:
    """Return the origin that an edit would send a secret to which was not given for it; None: there is none.

    ``before``: the account as it was, None where it is new. ``brought``: its own credential comes with the edit. The
    secret headers of its provider can never come with it: they are bound to the provider's own origin, and so is
    whatever a new account without a credential gets later.
    """
    account, provider = after
    there = origin(account, provider)
    if there is None or there == (_own(provider) if before is None else origin(*before)):
        return None
    if not vouches(account, provider):
        return there
    return there if not brought and takes_credential(account, provider) else None


def vouches(account: Account, provider: Provider) -> bool:
    """Whether a credential that comes for an account is all that would be sent to where it is.

    Elsewhere than at its provider's own origin that is so for a key alone. Secret headers belong to the provider; and
    tokens that come speak for themselves, not for those of a login later or before.
    """
    at_home = origin(account, provider) == _own(provider)
    return at_home or not (provider.headers or by_token(account, provider))


def _own(provider: Provider) -> str | None:
    return None if provider.base_url is None else origin_of(provider.base_url)
