"""A credential goes to no host that it was not given for: which usage endpoints a provider's accounts may be asked at.

A path is at the account's own host and always safe. A whole URL belongs to the base_url that it was written for.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ccflared.config.kinds import Reading
from ccflared.config.model import Account, Config, Provider
from ccflared.config.words import quoted

_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of a URL, the port also where it is left out."""
    parts = urlsplit(url)
    return (
        parts.scheme.lower(),
        (parts.hostname or "").lower(),
        parts.port or _PORTS.get(parts.scheme.lower()),
    )


def usage_url(account: Account, provider: Provider) -> str | None:
    """Return where an account's usage may be asked for with its credential; None: nowhere."""
    base_url, usage = account.base_url or provider.base_url, provider.usage
    if base_url is None or usage is None or not usage.enabled:
        return None
    if usage.url.startswith("/"):
        parts = urlsplit(base_url)
        return f"{parts.scheme}://{parts.netloc}{usage.url}"
    given_for = provider.base_url
    at_home = given_for is not None and origin(base_url) == origin(given_for)
    return usage.url if at_home or origin(usage.url) == origin(base_url) else None


def with_usage_bound(config: Config, tables: Mapping[str, Any], builtin: Mapping[str, Provider]) -> Config:
    """Return the configuration without the usage URLs of built-in providers whose base_url the file moves elsewhere.

    Unless the same table gives a usage URL of its own.
    """
    given = tables.get("providers")
    kept = dict(config.providers)
    for name, provider in config.providers.items():
        table = given.get(name) if isinstance(given, Mapping) else None
        if not isinstance(table, Mapping) or name not in builtin or provider.usage is None:
            continue
        shipped = builtin[name].base_url
        moved = provider.base_url is not None and (
            shipped is None or origin(provider.base_url) != origin(shipped)
        )
        own = isinstance(table.get("usage"), Mapping) and "url" in table["usage"]
        if moved and not own and not provider.usage.url.startswith("/"):
            kept[name] = replace(provider, usage=None)
    return replace(config, providers=kept)


def usage_hosts(config: Config, reading: Reading) -> None:
    """Say for which accounts a usage URL is not asked, because they are elsewhere."""
    for name, account in config.accounts.items():
        path = ("accounts", name, "base_url")
        provider = config.providers.get(account.provider)
        if provider is None or account.base_url is None or not reading.clean(path):
            continue
        usage = provider.usage
        if usage is not None and usage.enabled and usage_url(account, provider) is None:
            host = urlsplit(usage.url).hostname or ""
            reading.warn(
                path,
                f"the usage of this account is not asked for: {quoted(host)} is another host than the one its "
                f"credential is for; usage.url of [providers.{account.provider}] may be a path",
            )
