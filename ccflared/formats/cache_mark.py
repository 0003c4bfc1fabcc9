"""How the end of a prompt cache is marked, in Anthropic's dialect and by gateways that took it over."""

from typing import Any

from ccflared.formats.request import Lifetime


def cache_mark(lifetime: Lifetime | None) -> dict[str, Any]:
    """Return the member that ends a prompt cache at a block or part; none for None. Unsaid, five minutes are meant."""
    match lifetime:
        case None:
            return {}
        case "5m":
            return {"cache_control": {"type": "ephemeral"}}
        case "1h":
            return {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
