"""How the tokens of OAuth accounts are: until when they hold, since when and why they do not, and what to do."""

from shlex import quote
from typing import Any, Literal

from ccflared.config.model import Account
from ccflared.config.oauth_rules import by_token
from ccflared.config.words import dotted
from ccflared.daemon.custody import Problem
from ccflared.daemon.house import House
from ccflared.daemon.world import seed_from
from ccflared.providers.oauth import Grant, login_lacks, oauth_of
from ccflared.providers.target import Target

Kind = Literal["login", "seed", "long-lived", "credentials file", "none"]


def token(house: House, name: str, now: float) -> dict[str, Any] | None:
    """Return the health of an account's tokens; None where it has no OAuth tokens. Times are Unix seconds."""
    config = house.world.config
    account = config.accounts[name]
    if not by_token(account, config.providers[account.provider]):
        return None
    grant = _grant(house, account)
    kind = _kind(account, grant)
    pair = grant.pair if grant else None
    if account.credentials_file is not None:
        pair = seed_from(account, house.world.secrets).pair
    problem = _problem(house, account, grant, now)
    return {
        "kind": kind,
        "valid_until": pair.expires_at if pair else None,
        "refreshed_at": grant.refreshed_at if grant else None,
        "problem": None
        if problem is None
        else {"kind": problem.kind, "reason": problem.reason, "since": problem.since or None},
        "todo": _todo(house, account, kind, problem),
    }


def _grant(house: House, account: Account) -> Grant | None:
    held = house.custody.held(account.name)
    if held is not None:
        return held.grant
    if account.credentials_file is not None:
        return None
    seed, known = seed_from(account, house.world.secrets), house.world.config.accounts
    grant = house.custody.grant(account.name, account.provider, seed, known)
    return grant if isinstance(grant, Grant) else None


def _kind(account: Account, grant: Grant | None) -> Kind:
    if account.credentials_file is not None:
        return "credentials file"
    if grant is None or grant.pair is None:
        return "none"
    if not grant.from_seed:
        return "login"
    return "long-lived" if grant.pair.refresh is None else "seed"


def _problem(house: House, account: Account, grant: Grant | None, now: float) -> Problem | None:
    if grant is not None and grant.refused is not None:
        return Problem("revoked", grant.refused, grant.refused_at or 0.0)
    held = house.custody.held(account.name)
    if held is not None and held.problem is not None:
        return held.problem
    target = house.world.targets[account.name]
    if not isinstance(target, Target):
        return None
    if target.ends_at is not None and target.ends_at <= now:
        return Problem("temporary", "the token has ended", target.ends_at)
    reject = house.ledger.standing(target).account.reject
    if reject.since:
        return Problem("revoked", f"the token is refused: {reject.reason}", reject.since)
    return None


def _todo(house: House, account: Account, kind: Kind, problem: Problem | None) -> str | None:
    """Say what a person should do; None: nothing."""
    state = getattr(house.world.targets[account.name], "state", None)
    if kind == "credentials file":
        ended = problem is not None or state == "no credential"
        return (
            f"run the program that owns {account.credentials_file}, which renews its tokens"
            if ended
            else None
        )
    if state == "no credential":
        return "see to it that the file's tokens can be read"
    if problem is not None and problem.kind == "client":
        return (
            f"put the client_id that was issued to you into oauth in [{dotted(('accounts', account.name))}]"
        )
    if problem is not None and problem.kind == "endpoint":
        return "see whether token_url in the oauth table is still right"
    if problem is not None and problem.kind == "disk":
        return "make room, or make the state directory writable"
    if kind == "long-lived" and problem is not None:
        return "put a new token into the file"
    if state != "needs login" and (problem is None or problem.kind != "revoked"):
        return None
    oauth = oauth_of(account, house.world.config.providers[account.provider])
    lacking = [] if oauth is None else login_lacks(oauth)
    command = f"ccflared login {quote(account.name)}"
    if lacking == ["client_id"]:
        return f"ccflared account set {quote(account.name)} oauth.client_id=ID, then {command}"
    if lacking:
        return (
            f"add {' and '.join(lacking)} to oauth in [{dotted(('accounts', account.name))}], then {command}"
        )
    return command
