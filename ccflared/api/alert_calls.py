"""Alerts in REST: which there were, what raises them, that somebody knows of them, and whether the webhook works."""

from time import time
from typing import Any, Final

from ccflared.api.calls import Call, reply
from ccflared.api.route import Route, Schema
from ccflared.daemon.alarms.alert import REPEATED, SEVERITIES
from ccflared.daemon.answers import Reply
from ccflared.errors import ClientError


async def alerts(call: Call) -> Reply:
    """Answer the latest alerts, the newest first."""
    newest = call.running.house.alerts.newest(call.asked_for["limit"])
    return reply(200, [alert.document() for alert in newest])


async def config(call: Call) -> Reply:
    """Answer what raises alerts, and whether there is a webhook; not its URL, which is a secret."""
    settings = call.running.house.world.config.alerts
    webhook = call.running.house.webhook
    return reply(
        200,
        {
            "daily_spend": settings.daily_spend,
            "runaway": settings.runaway,
            "again": settings.again,
            "webhook": None
            if settings.webhook is None
            else {
                "format": settings.webhook.format,
                "signed": settings.webhook.secret is not None,
                "waiting": webhook.waiting,
                "lost": webhook.lost,
            },
            "types": [
                {"type": kind, "severity": severity, "repeated": kind in REPEATED}
                for kind, severity in SEVERITIES.items()
            ],
        },
    )


async def acknowledge_all(call: Call) -> Reply:
    """Take in that somebody knows of all alerts."""
    number = call.running.house.alerts.acknowledge_all(time())
    return reply(200, {"success": True, "acknowledged": number})


async def acknowledge(call: Call) -> Reply:
    """Take in that somebody knows of an alert, and answer it. Raises ClientError (404)."""
    alert = call.running.house.alerts.acknowledge(call.parts[0], time())
    if alert is None:
        raise ClientError(404, "not_found_error", f"There is no alert {call.parts[0]}.")
    return reply(200, alert.document())


async def test(call: Call) -> Reply:
    """Send a test alert now, once, and answer what the webhook said."""
    house = call.running.house
    alert = house.alerts.test(time())
    posted = await house.webhook.post(alert)
    told = {"sent": posted.sent, "status": posted.status, "error": posted.error, "id": alert.id}
    return reply(200, told)


_NULLABLE: Final = ("value", "threshold", "account", "client", "conversation", "request_id", "resolved_at")
_NUMBERS: Final = ("value", "threshold", "resolved_at")


def _nullable(name: str) -> dict[str, Any]:
    return {"type": ["number" if name in _NUMBERS else "string", "null"]}


ALERT: Final[Schema] = {
    "type": "object",
    "required": [
        *("id", "at", "timestamp", "type", "severity", "title", "message", "acknowledged"),
        *_NULLABLE,
    ],
    "properties": {
        "id": {"type": "string"},
        "at": {"type": "number"},
        "timestamp": {"type": ["string", "null"]},
        "type": {"enum": list(SEVERITIES)},
        "severity": {"enum": ["info", "warning", "critical"]},
        "title": {"type": "string"},
        "message": {"type": "string"},
        "acknowledged": {"type": "boolean"},
        **{name: _nullable(name) for name in _NULLABLE},
    },
}

ROUTES: Final = (
    Route(
        "GET",
        "/api/insights/alerts",
        alerts,
        "The latest alerts, the newest first.",
        query={"limit": {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}},
        gives={200: {"type": "array", "items": ALERT}},
    ),
    Route(
        "GET",
        "/api/insights/alerts/config",
        config,
        "What raises alerts, and whether there is a webhook.",
        gives={
            200: {
                "type": "object",
                "required": ["daily_spend", "runaway", "again", "webhook", "types"],
                "properties": {
                    "daily_spend": {"type": ["number", "null"]},
                    "runaway": {"type": "integer"},
                    "again": {"type": "number"},
                    "webhook": {"type": ["object", "null"]},
                    "types": {"type": "array", "items": {"type": "object"}},
                },
            }
        },
    ),
    Route(
        "POST",
        "/api/insights/alerts/acknowledge-all",
        acknowledge_all,
        "Say that somebody knows of all alerts.",
        "state",
        gives={
            200: {
                "type": "object",
                "required": ["success", "acknowledged"],
                "properties": {"success": {"type": "boolean"}, "acknowledged": {"type": "integer"}},
            }
        },
    ),
    Route(
        "POST",
        "/api/insights/alerts/{id}",
        acknowledge,
        "Say that somebody knows of an alert: it is not told again while it lasts.",
        "state",
        gives={200: ALERT},
    ),
    Route(
        "POST",
        "/api/alerts/test",
        test,
        "Post a test alert to the webhook, and answer what it said.",
        "state",
        gives={
            200: {
                "type": "object",
                "required": ["sent", "status", "error", "id"],
                "properties": {
                    "sent": {"type": "boolean"},
                    "status": {"type": ["integer", "null"]},
                    "error": {"type": ["string", "null"]},
                    "id": {"type": "string"},
                },
            }
        },
    ),
)
