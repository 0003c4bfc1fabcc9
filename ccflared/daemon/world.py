"""The world as one version of the configuration makes it: built whole, then swapped in by one reference. Frozen.

A request keeps the world it began with. Checking a file builds the same world and throws it away.
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal
from zoneinfo import ZoneInfo

from ccflared.config.load import Loaded, Secrets
from ccflared.config.model import Account, Client, Config
from ccflared.config.oauth_rules import by_token
from ccflared.config.words import shell_word
from ccflared.daemon.access import Rights, digest, networks, open_administration
from ccflared.money.pricing import Prices, PriceTable, prices_of
from ccflared.pool.names import known_names
from ccflared.providers.oauth import Grant, Seed, TokenPair, seed_of
from ccflared.providers.origin import origin
from ccflared.providers.target import Target, Unfit, resolve
from ccflared.secret import Secret


@dataclass(frozen=True, slots=True)
class World:
    """Configuration, credentials and what follows from them."""

    loaded: Loaded
    secrets: Secrets
    targets: Mapping[str, Target | Unfit]
    """By account name, in the order of the file."""
    rights: Rights
    zone: dt.tzinfo | None
    """Of days and months in budgets and schedules; None: the system's."""
    billing: Mapping[str, Literal["plan", "api"]]
    """Who pays for an account's requests, by account."""
    prices: Prices
    names: frozenset[str]
    """Names of models that stand in the file."""

    @property
    def config(self) -> Config:
        """The configuration this world was built from."""
        return self.loaded.config


Grants = Callable[[str, str, Seed, Collection[str]], Grant | str | None]
"""Says which grant counts for an account, of a provider, whose file gives a seed, among the accounts of the file.

A str says why there is none that can be used.
"""


Distrusts = Callable[[str, str], bool]
"""Says whether an account's credential must not go to an origin."""


def build(
    loaded: Loaded,
    secrets: Secrets,
    grants: Grants,
    distrusts: Distrusts,
    listed: PriceTable | None = None,
) -> World:
    """Build the world of a configuration that was found valid. ``listed``: the price list that counts, if one does."""
    config = loaded.config
    return World(
        loaded=loaded,
        secrets=secrets,
        targets={
            name: _target(config, account, secrets, grants, distrusts)
            for name, account in config.accounts.items()
        },
        rights=_rights(config, secrets),
        zone=ZoneInfo(config.timezone) if config.timezone else None,
        billing={name: _billing(config, account) for name, account in config.accounts.items()},
        prices=prices_of(config.pricing, listed),
        names=known_names(config),
    )


def _billing(config: Config, account: Account) -> Literal["plan", "api"]:
    return account.billing or config.providers[account.provider].billing


def with_target(world: World, account: str, grants: Grants, distrusts: Distrusts) -> World:
    """Return the world with one account made ready anew, after its tokens, or the trust in it, have changed."""
    target = _target(world.config, world.config.accounts[account], world.secrets, grants, distrusts)
    return replace(world, targets={**world.targets, account: target})


def _target(
    config: Config, account: Account, secrets: Secrets, grants: Grants, distrusts: Distrusts
) -> Target | Unfit:
    """Make an account ready, unless its credential must not go where the file says: then nothing has it at hand."""
    provider = config.providers[account.provider]
    there = origin(account, provider)
    if account.enabled and there is not None and distrusts(account.name, there):
        return Unfit(
            "endpoint not trusted",
            # The command comes first: the rest may be cut off where there is little room.
            f"ccflared account trust {shell_word(account.name)} lets its credential go to "
            f"{account.base_url or there}, which was set over the network without it",
        )
    headers: list[tuple[bytes, Secret]] = []
    for name, value in provider.headers.items():
        secret = secrets.get(value)
        if secret is None:
            return Unfit("no credential", secrets.problem(value) or f"the header {name} cannot be read")
        headers.append((name.lower().encode(), secret))
    seed = seed_from(account, secrets)
    grant = None
    if by_token(account, provider) and account.credentials_file is None and account.enabled:
        grant = grants(account.name, account.provider, seed, config.accounts)
    return resolve(
        account,
        provider,
        seed=seed,
        grant=grant,
        credential=secrets.get(account.api_key),
        problem=secrets.problem(account.api_key) if account.api_key else None,
        proxy=secrets.get(account.proxy),
        headers=tuple(headers),
    )


def seed_from(account: Account, secrets: Secrets) -> Seed:
    """Return what the file gives of an account's tokens, or what keeps it from being read."""
    if account.credentials_file is not None:
        told = secrets.token(account.credentials_file)
        pair = TokenPair(told.token, None, told.expires_at) if told.token else None
        return Seed("", pair, told.problem)
    if account.oauth is None:
        return Seed()
    access, refresh = secrets.get(account.oauth.access_token), secrets.get(account.oauth.refresh_token)
    for reference, read in ((account.oauth.access_token, access), (account.oauth.refresh_token, refresh)):
        if reference is not None and read is None:
            return Seed(problem=secrets.problem(reference))
    return seed_of(access, refresh, account.oauth.expires_at)


def _rights(config: Config, secrets: Secrets) -> Rights:
    admin = config.admin
    token = secrets.get(admin.token) if admin else None
    given = bytes.fromhex(admin.token_sha256) if admin and admin.token_sha256 else None
    administers = digest(token.reveal()) if token else given
    keys: dict[bytes, str] = {}
    for client in config.clients.values():
        for key in _keys(client, secrets):
            # The admin token is no client's key, and a key that two clients have is that of the first.
            if key != administers:
                keys.setdefault(key, client.name)
    return Rights(
        clients=keys if config.clients else None,
        admin=administers,
        admin_configured=admin is not None,
        open_admin=open_administration(config),
        unauthenticated=config.server.allow_unauthenticated,
        metrics=digest(reads.reveal()) if (reads := secrets.get(config.metrics.token)) else None,
        metrics_token=config.metrics.token is not None,
        metrics_public=config.metrics.public,
        hosts=tuple(host.lower() for host in config.server.allowed_hosts),
        origins=frozenset(origin.lower().rstrip("/") for origin in config.server.allowed_origins),
        proxies=networks(config.server.trusted_proxies),
        unix_proxy="unix" in config.server.trusted_proxies,
        reachable=frozenset(keys.values()),
        pins=frozenset(client.name for client in config.clients.values() if client.pin),
    )


def shared_keys(config: Config, secrets: Secrets) -> list[str]:
    """Return a sentence for each client that has the same key as another one, or as administration.

    The file itself is checked for it; what is read from elsewhere can only be seen now.
    """
    rights = _rights(config, secrets)
    owners: dict[bytes, str] = {}
    if rights.metrics is not None:
        owners[rights.metrics] = "[metrics], which opens the numbers alone"
    if rights.admin is not None:
        owners[rights.admin] = "[admin], which administers and sends no requests"
    told = []
    for client in config.clients.values():
        for key in dict.fromkeys(_keys(client, secrets)):
            mine = f"clients.{client.name}"
            if (
                owner := owners.setdefault(key, f"{mine}, whose limits count")
            ) != f"{mine}, whose limits count":
                told.append(f"{mine} has the same key as {owner}; give it one of its own")
    return told


def _keys(client: Client, secrets: Secrets) -> list[bytes]:
    """Return the digests of a client's keys. One that cannot be read admits nobody."""
    read = [secret for reference in client.key if (secret := secrets.get(reference))]
    return [digest(secret.reveal()) for secret in read] + [bytes.fromhex(text) for text in client.key_sha256]
