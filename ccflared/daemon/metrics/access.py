"""Who may read /metrics: administration; whoever brings the token of [metrics]; anybody where the file says so.

A listener serves it by its own word, so that one of them can be for Prometheus alone. The token reads this page and
opens nothing else; one that cannot be read opens nothing at all.
"""

from hmac import compare_digest

from ccflared.daemon.access import (
    Denied,
    Door,
    Fields,
    Peer,
    Rights,
    check_admin,
    credentials,
    digest,
    refuse_other_pages,
)


def admit_metrics(rights: Rights, door: Door, peer: Peer, host: str, fields: Fields) -> None:
    """Return if the peer may read /metrics, or raise Denied. The control socket needs no word of the file."""
    if door.reach == "control":
        return
    if "metrics" not in door.serve:
        raise Denied(404, "not_found_error", "This listener does not serve that.")
    refuse_other_pages(door, peer, host, fields)
    given = credentials(fields)
    if rights.metrics_public or (
        rights.metrics is not None and any(compare_digest(digest(key), rights.metrics) for key in given)
    ):
        return
    if given and rights.metrics_token and not rights.admin_configured:
        # Also where none is needed: or nobody would find out that the one in Prometheus is wrong.
        raise _asked_for(guess=True)
    try:
        check_admin(rights, door, peer, fields)
    except Denied as denied:
        if rights.metrics_token or rights.admin_configured:
            raise _asked_for(guess=bool(given)) from denied
        raise Denied(
            403,
            "permission_error",
            "/metrics over this listener needs [metrics] token (or public = true) in ccflare.toml. "
            "On the machine itself the control socket needs none.",
        ) from denied


def _asked_for(*, guess: bool) -> Denied:
    return Denied(
        401,
        "authentication_error",
        "/metrics asks for the token of [metrics] or of [admin]: Authorization: Bearer or x-api-key.",
        ((b"www-authenticate", b"Bearer"),),
        guess=guess,
    )
