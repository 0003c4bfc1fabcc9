"""Asks a provider what is used of an account, and reads its answer. Pure: the request is sent elsewhere.

Nothing that comes of it says anything about serving but the windows it tells: a 401 here may be a key without the
right to look, a 429 one poll too many.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never

from ccflared import __version__
from ccflared.config.model import Reads
from ccflared.providers import usage_anthropic, usage_plans
from ccflared.providers.facts import read as read_facts
from ccflared.providers.observe import quoted
from ccflared.providers.resets import retry_after
from ccflared.providers.target import Target, UsageAt
from ccflared.secret import Secret
from ccflared.wire import Head, Headers, Outbound, Quota


@dataclass(frozen=True, slots=True)
class Untold:
    """Why an answer tells nothing of usage, as the end of a sentence and without control characters."""

    reason: str
    again_at: float | None = None
    """When it may be asked again, as the answer itself told."""


OF_PLANS: Final[frozenset[Reads]] = frozenset({"anthropic", "zai", "minimax", "nanogpt"})
"""Forms that tell the windows of a plan; the other tells prepaid credit."""
_READERS: Final[Mapping[Reads, Callable[[Mapping[str, Any], float], Quota | str]]] = {
    "anthropic": usage_anthropic.read,
    "zai": usage_plans.read_zai,
    "minimax": usage_plans.read_minimax,
    "nanogpt": usage_plans.read_nanogpt,
    "kilo": usage_plans.read_kilo,
}


def usage_request(at: UsageAt, target: Target, credential: Secret | None, extra: Headers = ()) -> Outbound:
    """Return the request for an account's usage. ``extra``: further fields, such as the beta of OAuth tokens.

    The provider's own ``headers`` are secrets for the host of its base_url, and go to no other.
    """
    headers: list[tuple[bytes, bytes]] = [
        (b"user-agent", f"ccflared/{__version__}".encode()),
        (b"accept", b"application/json"),
        (b"accept-encoding", b"identity"),
    ]
    own = [(name, value.reveal().encode()) for name, value in target.headers] if at.at_home else []
    given = {name for name, _ in (*own, *extra)}
    headers = [field for field in headers if field[0] not in given] + own + list(extra)
    if credential is not None:
        key = credential.reveal().encode()
        match at.auth:
            case "bearer":
                headers.append((b"authorization", b"Bearer " + key))
            case "authorization":
                headers.append((b"authorization", key))
            case "x-api-key":
                headers.append((b"x-api-key", key))
            case "none":
                pass
            case _:
                assert_never(at.auth)
    return Outbound("GET", at.url, tuple(headers), b"")


def read_usage(reads: Reads, head: Head, body: bytes, now: float) -> Quota | Untold:
    """Read an answer. Whatever it is, nothing is raised: what cannot be read is told in words."""
    if head.status != 200:
        said = read_facts("", head, body, now).message
        reason = f"it answered {head.status}" + (f": {said}" if said else "")
        return Untold(quoted(reason), retry_after(head, now))
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return Untold("its answer is not JSON")
    if not isinstance(document, dict):
        return Untold("its answer is no JSON object")
    found = _READERS[reads](document, now)
    return found if isinstance(found, Quota) else Untold(quoted(found))
