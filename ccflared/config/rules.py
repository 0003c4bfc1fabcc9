"""The rules that tie parts of the file together: names that must exist, endpoints, credentials, protection.

Each rule says what is wrong at the place where a person would change it, and keeps quiet about parts in which
something is wrong already.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from ccflared.config.chain_kinds import Step
from ccflared.config.kinds import KeyPath, Reading
from ccflared.config.later import not_spoken
from ccflared.config.model import Account, Config, OAuth, Provider
from ccflared.config.modes import mode_hint
from ccflared.config.net_kinds import split_address
from ccflared.config.oauth_rules import by_token, check_reach, check_token_url, check_tokens
from ccflared.config.protection import PROTECTION_KEYS, exposures, lines_for
from ccflared.config.reference import SecretRef
from ccflared.config.words import did_you_mean, dotted, quoted
from ccflared.secret import Secret


def apply_rules(config: Config, tables: Mapping[str, Any], reading: Reading, *, whole: bool) -> None:
    """Tell ``reading`` what is wrong. ``tables`` give the names of entries that did not decode.

    ``whole`` is false where a file could not be read: then nothing is said about what may stand in it.
    """
    _listeners(config, reading)
    for name, account in config.accounts.items():
        path: KeyPath = ("accounts", name)
        if reading.clean(*((*path, key) for key in ("provider", "base_url", "insecure", "link_local"))):
            _endpoint(config, account, reading)
        if reading.clean(path):
            _credential(config, account, reading)
    _literal_urls(config, reading)
    _client_keys(config, reading)
    check_tokens(config, reading)
    if whole:
        accounts = _names(tables, "accounts")
        _providers(config, {*config.providers, *_names(tables, "providers")}, reading)
        _chains(config, tables, accounts, reading)
        _client_accounts(config, accounts, reading)
        if reading.clean(*(("server", key) for key in PROTECTION_KEYS), ("clients",)):
            for exposure in exposures(config):
                reading.wrong(exposure.path, str(exposure), add=lines_for(config))


def with_chains_expanded(config: Config) -> Config:
    """Return the configuration with the globs of chains replaced by what they match, in the file's order."""
    return replace(
        config,
        fallback=tuple(
            replace(chain, steps=tuple(_expanded(step, config.accounts) for step in chain.steps))
            for chain in config.fallback
        ),
    )


def is_glob(name: str) -> bool:
    """Whether a name of an account or model is a pattern."""
    return any(c in name for c in "*?[")


def _expanded(step: Step, accounts: Iterable[str]) -> Step:
    names: dict[str, None] = {}
    for given in step.accounts:
        matched = [name for name in accounts if fnmatchcase(name, given)] if is_glob(given) else [given]
        names.update(dict.fromkeys(matched))
    return replace(step, accounts=tuple(names))


def _names(tables: Mapping[str, Any], section: str) -> list[str]:
    found = tables.get(section)
    return list(found) if isinstance(found, dict) else []


def _listeners(config: Config, reading: Reading) -> None:
    if not reading.clean(("server", "listen")):
        return
    every = {listen.address for listen in config.server.listen}
    seen: set[str] = set()
    for index, listen in enumerate(config.server.listen):
        parts = split_address(listen.address)
        if parts is not None and parts[1] == 0:
            continue  # the system chooses a port for each
        wide = _wildcard(listen.address)
        if listen.address in seen:
            reading.wrong(("server", "listen", index), f"{quoted(listen.address)} is listened on twice")
        elif wide in every and wide != listen.address:
            message = f"{quoted(listen.address)} is covered by {quoted(wide)} already; leave one of them out"
            reading.wrong(("server", "listen", index), message)
        seen.add(listen.address)
    if config.server.allow_unauthenticated and config.clients:
        message = "allow_unauthenticated has no effect while there are [clients]"
        reading.warn(("server", "allow_unauthenticated"), message, "key")


def _wildcard(address: str) -> str:
    """Return the address that listens on the same port of every interface."""
    parts = split_address(address)
    if parts is None:
        return address
    return f"[::]:{parts[1]}" if ":" in parts[0] else f"0.0.0.0:{parts[1]}"


def _providers(config: Config, known: set[str], reading: Reading) -> None:
    for name, account in config.accounts.items():
        path: KeyPath = ("accounts", name, "provider")
        if account.provider in known or not reading.clean(path):
            continue
        hint = mode_hint(account.provider) or did_you_mean(account.provider, known)
        reading.wrong(path, f"there is no provider {quoted(account.provider)}{hint}")


def _endpoint(config: Config, account: Account, reading: Reading) -> None:
    """base_url exists, and http and link-local go only where they may."""
    path: KeyPath = ("accounts", account.name)
    provider = config.providers.get(account.provider)
    if provider is None or not reading.clean(("providers", account.provider)):
        return
    if account.base_url is None and provider.base_url is None:
        reading.wrong(
            path, f"{_title(path)} needs base_url: the provider {quoted(account.provider)} has none", "key"
        )
        return
    if account.base_url is not None:
        path = (*path, "base_url")
    check_reach(account.base_url or provider.base_url or "", path, account, reading)
    if by_token(account, provider):
        check_token_url(account, provider, reading)
    if provider.usage is not None and provider.usage.enabled and not provider.usage.url.startswith("/"):
        check_reach(provider.usage.url, ("providers", account.provider, "usage", "url"), account, reading)


def _credential(config: Config, account: Account, reading: Reading) -> None:
    """At most one kind of credential; none at all is worth a warning."""
    path: KeyPath = ("accounts", account.name)
    provider = config.providers.get(account.provider, Provider())
    if (why := not_spoken(provider)) is not None:
        reading.warn((*path, "provider"), f"{_title(path)} cannot serve: {why}")
        return
    tokens = account.oauth is not None and (account.oauth.access_token or account.oauth.refresh_token)
    given = [
        name
        for name, there in (
            ("api_key", account.api_key),
            ("oauth", tokens),
            ("credentials_file", account.credentials_file),
        )
        if there
    ]
    oauth = account.oauth or provider.oauth
    if len(given) > 1:
        reading.wrong(
            (*path, given[1]), f"{_title(path)} has both {given[0]} and {given[1]}; give one", "key"
        )
    elif "api_key" in given and provider.oauth is not None:
        hint = "a token of your own goes into oauth = { access_token = … }"
        reading.wrong(
            (*path, "api_key"), f"the provider {quoted(account.provider)} logs in by OAuth; {hint}", "key"
        )
    elif not given and oauth is None and provider.sends != "none":
        reading.warn(path, f"{_title(path)} has no api_key; it cannot serve until it has one", "key")
    elif not given and oauth is not None and not _client_id(account.oauth, provider.oauth):
        hint = "or credentials_file, or a token"
        reading.warn(path, f"{_title(path)} cannot log in: give it oauth.client_id, {hint}", "key")


def _client_id(*tables: OAuth | None) -> bool:
    return any(table is not None and table.client_id for table in tables)


def _literal_urls(config: Config, reading: Reading) -> None:
    """Secrets that are URLs, where the file itself holds them. The mistake does not repeat them."""
    for path, ref in _url_secrets(config):
        if ref.kind == "literal" and isinstance(ref.value, Secret) and reading.clean(path):
            parts = urlsplit(ref.value.reveal())
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                reading.wrong(path, "expected a URL that begins with http:// or https://")


def _url_secrets(config: Config) -> Iterator[tuple[KeyPath, SecretRef]]:
    for name, account in config.accounts.items():
        if account.proxy is not None:
            yield ("accounts", name, "proxy"), account.proxy
    if config.alerts.webhook is not None:
        yield ("alerts", "webhook", "url"), config.alerts.webhook.url


def _chains(config: Config, tables: Mapping[str, Any], accounts: Iterable[str], reading: Reading) -> None:
    known = list(accounts)
    for index, chain in enumerate(config.fallback):
        path: KeyPath = ("fallback", index, "try")
        if not reading.clean(path):
            continue
        for place, step in enumerate(chain.steps):
            for number, name in enumerate(step.accounts):
                where = _member((*path, place), tables["fallback"][index]["try"][place], number)
                if not any(fnmatchcase(k, name) for k in known) if is_glob(name) else name not in known:
                    reading.wrong(where, _no_account(name, known))


def _member(path: KeyPath, written: Any, number: int) -> KeyPath:
    """Return where the account of this number stands in a step as it is written."""
    if isinstance(written, dict):
        path, written = (*path, "account"), written["account"]
    return (*path, number) if isinstance(written, list) else path


def _client_accounts(config: Config, accounts: Iterable[str], reading: Reading) -> None:
    known = list(accounts)
    for client in config.clients.values():
        for index, name in enumerate(client.accounts):
            path: KeyPath = ("clients", client.name, "accounts", index)
            if is_glob(name):
                if name != "*" and not any(fnmatchcase(k, name) for k in known):
                    reading.warn(path, f"no account matches {quoted(name)}")
            elif name not in known and reading.clean(path):
                reading.wrong(path, _no_account(name, known))


def _no_account(name: str, known: Iterable[str]) -> str:
    what = "no account matches" if is_glob(name) else "there is no account"
    return f"{what} {quoted(name)}{did_you_mean(name, known)}"


def _client_keys(config: Config, reading: Reading) -> None:
    """See that each key belongs to one client, and that the admin token is none, as far as the file tells."""
    owners: dict[str, str] = {}
    if config.admin is not None:
        for digest in _digests((config.admin.token,), (config.admin.token_sha256,)):
            owners[digest] = "[admin]"
    for client in config.clients.values():
        path: KeyPath = ("clients", client.name)
        for digest in _digests(client.key, client.key_sha256):
            owner = owners.setdefault(digest, _title(path))
            if owner != _title(path):
                reading.wrong(
                    path, f"{_title(path)} has the same key as {owner}; give it one of its own", "key"
                )


def _digests(refs: Iterable[SecretRef | None], digests: Iterable[str | None]) -> Iterator[str]:
    for ref in refs:
        if ref is not None and isinstance(ref.value, Secret):
            yield hashlib.sha256(ref.value.reveal().encode()).hexdigest()
    yield from (digest for digest in digests if digest is not None)


def _title(path: KeyPath) -> str:
    return f"[{dotted(path)}]"
