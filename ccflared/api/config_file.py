"""``GET /api/config/file``: the configuration's files as texts, with the last verdict on them. No secret is in it."""

from typing import Final

from ccflared.api.calls import Call, reply
from ccflared.api.route import Route
from ccflared.api.schemas import (
    FLAG,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    TEXT,
    TEXTS,
    each,
    many,
    maybe,
    one_of,
    record,
    told,
)
from ccflared.api.status_schemas import VERDICT
from ccflared.daemon.answers import Reply
from ccflared.daemon.shown_files import shown_files


async def files(call: Call) -> Reply:
    """Answer the files of the configuration as they are now, what came of them last, and what waits for a restart."""
    running = call.running
    redaction, reloads = running.house.redaction(), running.reloads
    seen = await shown_files(running.sources, redaction)
    admin = running.house.world.config.admin
    return reply(
        200,
        {
            "files": [
                {
                    "path": str(file.path),
                    "text": file.text,
                    "truncated": file.cut,
                    "modified_at": file.modified_at,
                    "problem": file.problem,
                    "judged": file.digest is not None and file.digest == reloads.judged(file.path),
                }
                for file in seen.files
            ],
            "verdict": reloads.log[0].document(),
            "in_force": reloads.applied.number,
            "pending_restart": list(reloads.pending_restart),
            "writable": seen.obstacle is None,
            "obstacle": seen.obstacle,
            "fallback": seen.chains,
            "edit": admin.edit if admin is not None else "all",
        },
    )


ROUTES: Final = (
    Route(
        "GET",
        "/api/config/file",
        files,
        "The files of the configuration as they are now, what came of them last, and what waits for a restart.",
        gives={
            200: record(
                {
                    "files": many(
                        record(
                            {
                                "path": TEXT,
                                "text": told(MAYBE_TEXT, "Secrets are masked. Null: it cannot be read."),
                                "truncated": FLAG,
                                "modified_at": MAYBE_NUMBER,
                                "problem": told(MAYBE_TEXT, "Why it cannot be read."),
                                "judged": told(FLAG, "Whether the verdict is on the file as it is now."),
                            }
                        )
                    ),
                    "verdict": VERDICT,
                    "in_force": told({"type": "integer"}, "The number of the verdict that counts."),
                    "pending_restart": TEXTS,
                    "writable": FLAG,
                    **each(MAYBE_TEXT, "obstacle"),
                    "fallback": told(
                        maybe(many({"type": "object"})),
                        "The chains as the files have them; null: these have mistakes.",
                    ),
                    "edit": one_of("all", "state", "none"),
                }
            )
        },
    ),
)
