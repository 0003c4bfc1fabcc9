"""The rules for tokens and for the addresses that credentials are sent to."""

from urllib.parse import urlsplit

from ccflared.config.kinds import KeyPath, Reading
from ccflared.config.model import Account, Config, Provider, SecretRef
from ccflared.config.reach import reach_of_host
from ccflared.config.words import dotted, quoted

TOKENS = ("access_token", "refresh_token", "expires_at")
"""The keys of oauth that belong to an account, not to its provider."""


def by_token(account: Account, provider: Provider) -> bool:
    """Whether an account is addressed with OAuth tokens."""
    oauth = provider.oauth is not None or account.oauth is not None or account.credentials_file is not None
    return account.api_key is None and oauth


def check_reach(url: str, path: KeyPath, account: Account, reading: Reading) -> None:
    """See that http and link-local addresses get a credential only where the account says so."""
    parts = urlsplit(url)
    where = reach_of_host(parts.hostname or "")
    if where == "link-local" and not account.link_local:
        reading.wrong(
            path,
            f"{parts.hostname} is a link-local or metadata address, where clouds hand out credentials; "
            "if it is really meant, add link_local = true to the account",
        )
    elif parts.scheme == "http" and where == "public" and not account.insecure:
        reading.wrong(
            path,
            f"http to {parts.hostname} would send the credential readable to everyone on the way; "
            "write https, or add insecure = true to the account",
        )


def check_token_url(account: Account, provider: Provider, reading: Reading) -> None:
    """See that refresh tokens go only where an account's credential may."""
    if account.oauth is not None and account.oauth.token_url is not None:
        path: KeyPath = ("accounts", account.name, "oauth", "token_url")
        check_reach(account.oauth.token_url, path, account, reading)
    elif provider.oauth is not None and provider.oauth.token_url is not None:
        path = ("providers", account.provider, "oauth", "token_url")
        check_reach(provider.oauth.token_url, path, account, reading)


def check_tokens(config: Config, reading: Reading) -> None:
    """See that tokens belong to one account each: a refresh token that two would spend kills the login of both."""
    for name, provider in config.providers.items():
        for key in TOKENS:
            if provider.oauth is not None and getattr(provider.oauth, key) is not None:
                message = f"{key} belongs to an account: put it into oauth of [accounts.NAME]"
                reading.wrong(("providers", name, "oauth", key), message, "key")
    owners: dict[SecretRef, str] = {}
    for account in config.accounts.values():
        token = account.oauth.refresh_token if account.oauth is not None else None
        if token is None or not account.enabled:
            continue
        owner = owners.setdefault(token, account.name)
        if owner != account.name:
            reading.wrong(
                ("accounts", account.name, "oauth", "refresh_token"),
                f"this is the refresh token of [{dotted(('accounts', owner))}], too, and only one of them can use it; "
                f"log {quoted(account.name)} in on its own",
                "key",
            )
