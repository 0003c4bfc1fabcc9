"""Logging in: the address of the login page, and what is pasted from it exchanged for tokens.

Works without a browser on this machine: a person opens the address anywhere and brings the code back (ssh, containers).
The proof key (PKCE) never leaves this process, and a code counts only with the state it was asked for with.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from shlex import quote
from time import monotonic
from typing import Final

from ccflared.config.model import Account
from ccflared.config.oauth_rules import by_token
from ccflared.config.words import no_such
from ccflared.daemon import issuer
from ccflared.daemon.custody import Custody
from ccflared.daemon.upstream import Upstream
from ccflared.daemon.world import World, seed_from, with_target
from ccflared.errors import NotTheCode, Refused
from ccflared.providers.oauth import (
    Grant,
    Pasted,
    Seed,
    TokenFailure,
    TokenPair,
    authorize_url,
    challenge_of,
    exchange_request,
    login_lacks,
    pasted,
)
from ccflared.providers.target import Target
from ccflared.secret import Secret

LASTS: Final = 600.0
"""Seconds that a login may take."""
_KEPT: Final = 16


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that waits for its code. ``url``: where a person logs in."""

    session: str
    account: str
    url: str


@dataclass(frozen=True, slots=True)
class _Pending:
    account: str
    verifier: str
    state: str
    until: float
    """By the monotonic clock."""


class Logins:
    """The logins under way, few and short-lived."""

    def __init__(self, world: Callable[[], World], custody: Custody, upstream: Upstream) -> None:
        """``world``: gives the world in force."""
        self._world = world
        self._custody = custody
        self._upstream = upstream
        self._pending: dict[str, _Pending] = {}

    def begin(self, account: str) -> Begun:
        """Begin the login of an account of the file. Raises Refused where it cannot, and says what is missing."""
        target = self._target(account)
        verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        session = secrets.token_urlsafe(16)
        now = monotonic()
        self._pending = {name: each for name, each in self._pending.items() if each.until > now}
        while len(self._pending) >= _KEPT:
            del self._pending[next(iter(self._pending))]
        self._pending[session] = _Pending(account, verifier, state, now + LASTS)
        oauth = target.oauth
        if oauth is None:
            raise Refused(f"{account} has no oauth table.")
        return Begun(session, account, authorize_url(oauth, challenge_of(verifier), state))

    async def finish(self, session: str, text: str) -> str:
        """Exchange what was pasted for tokens, and put them in force, durable first. Returns the account's name.

        Raises NotTheCode for what may be pasted again; Refused otherwise: a code that was tried is spent.
        """
        waiting = self._pending.get(session)
        if waiting is None or waiting.until <= monotonic():
            raise Refused("This login is over, or was never begun: begin it anew.")
        code = pasted(text)
        if isinstance(code, str):
            raise NotTheCode(f"What was pasted is not the code: {code}.")
        if not hmac.compare_digest(code.state.encode(), waiting.state.encode()):
            raise NotTheCode(
                "This code belongs to another login: each time the command is run it prints an address of its own."
            )
        del self._pending[session]
        pair = await self._exchange(self._target(waiting.account), code, waiting.verifier)
        settings, seed = self._seed(waiting.account)
        await self._custody.install(waiting.account, settings.provider, seed.digest, pair)
        if self._custody.trouble is not None:
            raise Refused(f"The tokens cannot be read back: {self._custody.trouble}.")
        return waiting.account

    async def log_out(self, account: str) -> None:
        """Forget the tokens of an account. Raises Refused."""
        world = self._world()
        settings = world.config.accounts[account]
        if not by_token(settings, world.config.providers[settings.provider]):
            raise Refused(f"{account} has no login: it has an API key.")
        if (
            settings.credentials_file is None
            and getattr(world.targets[account], "state", None) == "needs login"
        ):
            raise Refused(f"{account} is not logged in; there is nothing to forget.")
        if settings.credentials_file is not None:
            raise Refused(f"The tokens of {account} are those of {settings.credentials_file}: log out there.")
        _, seed = self._seed(account)
        await self._custody.log_out(account, settings.provider, seed.digest)

    def _seed(self, account: str) -> tuple[Account, Seed]:
        """Return an account and what the file gives of its tokens. Raises Refused where that is not known now."""
        world = self._world()
        settings = world.config.accounts.get(account)
        if settings is None:
            raise Refused(f"{account} has left the file meanwhile.")
        seed = seed_from(settings, world.secrets)
        if seed.problem is not None:
            # It would be taken for new tokens when it can be read again, and replace what is done now.
            raise Refused(
                f"The file gives {account} a token that cannot be read: {seed.problem}. Mend that first."
            )
        return settings, seed

    def _target(self, account: str) -> Target:
        """Return the account as it would be with a login. Raises Refused where there is none for it."""
        world = self._world()
        settings = world.config.accounts.get(account)
        if settings is None:
            raise Refused(no_such("account", account, world.config.accounts))
        if not by_token(settings, world.config.providers[settings.provider]):
            raise Refused(f"{account} needs no login: its provider is asked with an api_key.")
        if settings.credentials_file is not None:
            where = settings.credentials_file
            raise Refused(
                f"The tokens of {account} are those of {where}: log in with the program that owns it."
            )
        self._seed(account)
        promised = Grant(account, settings.provider, "promised", "", TokenPair(None, Secret("promised")))
        # The token endpoint is asked, and the account's own address is not.
        target = with_target(world, account, lambda *_: promised, lambda *_: False).targets[account]
        if not isinstance(target, Target) or target.oauth is None:
            why = getattr(target, "reason", None)
            raise Refused(f"{account} cannot log in: {why or 'it cannot be addressed'}.")
        if lacking := login_lacks(target.oauth):
            needed = " ".join(f"oauth.{name}=…" for name in lacking)
            raise Refused(
                f"{account} cannot log in without {' and '.join(lacking)}; none is shipped. With what was issued to "
                f"you: `ccflared account set {quote(account)} {needed}`. "
                "Or give it a token of your own, or credentials_file: ccflared-providers(7)."
            )
        return target

    async def _exchange(self, target: Target, code: Pasted, verifier: str) -> TokenPair:
        oauth = target.oauth
        if oauth is None:
            raise Refused(f"{target.account} has no oauth table.")
        sent = (code.code, Secret(verifier))
        found = await issuer.ask(self._upstream, exchange_request(oauth, code, verifier), target, sent=sent)
        if isinstance(found, TokenFailure):
            raise Refused(f"The login was not accepted: {found.reason}. Begin it anew.")
        return found
