"""How an alert is spelled, as JSON, for ntfy, Slack and Discord, and how that is signed. Pure."""

import hmac
import json
from base64 import b64encode
from hashlib import sha256
from typing import Final, Literal

from ccflared.daemon.alarms.alert import SEVERITIES, Alert, Severity
from ccflared.secret import Secret
from ccflared.wire import Headers

Format = Literal["json", "ntfy", "slack", "discord"]

_JSON: Final = (b"content-type", b"application/json")
_PRIORITIES: Final[dict[Severity, bytes]] = {"info": b"3", "warning": b"4", "critical": b"5"}
"""Of ntfy: 3 is the default, 5 the most urgent."""
_TAGS: Final[dict[Severity, bytes]] = {
    "info": b"information_source",
    "warning": b"warning",
    "critical": b"rotating_light",
}
_LONGEST: Final = 1900
"""Characters; Discord takes 2000."""


def spelled(alert: Alert, format_: Format) -> tuple[Headers, bytes]:
    """Return the header fields and the body that tell of an alert."""
    alarm = alert.alarm
    severity = SEVERITIES[alarm.type]
    match format_:
        case "json":
            return (_JSON,), _json({"type": "alert", "alert": alert.document()})
        case "ntfy":
            headers = (
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"title", _field(alarm.title)),
                (b"priority", _PRIORITIES[severity]),
                (b"tags", _TAGS[severity]),
            )
            return headers, alarm.message[:_LONGEST].encode("utf-8", "replace")
        case "slack":
            text = f"*{_escaped(alarm.title)}*\n{_escaped(alarm.message[:_LONGEST])}"
            return (_JSON,), _json({"text": text})
        case "discord":
            content = f"**{alarm.title}**\n{alarm.message}"[:_LONGEST]
            # Without this, what an upstream says could call everybody.
            return (_JSON,), _json({"content": content, "allowed_mentions": {"parse": []}})


def signed(alert: Alert, body: bytes, secret: Secret | None, now: float) -> Headers:
    """Return the fields by which a receiver knows an alert again and, given the secret, who sent it and when.

    The signature is of the time, a full stop and the body: so nobody can send an old alert anew.
    """
    headers: Headers = ((b"x-ccflared-alert-id", alert.id.encode()),)
    if secret is None:
        return headers
    stamp = b"%d" % int(now)
    mark = hmac.new(secret.reveal().encode(), stamp + b"." + body, sha256).hexdigest()
    return (
        *headers,
        (b"x-ccflared-timestamp", stamp),
        (b"x-ccflared-signature", b"sha256=" + mark.encode()),
    )


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _field(text: str) -> bytes:
    """Return a text as a header field can carry it: as it is, or encoded as RFC 2047 has it."""
    if text.isascii() and text.isprintable():
        return text.encode()
    return b"=?UTF-8?B?" + b64encode(text.encode("utf-8", "replace")) + b"?="


def _escaped(text: str) -> str:
    """Return a text that means itself in Slack: no link, and no call for a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
