"""A call of the REST API as a route sees it, and the small answers that many routes give."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from ccflared.config.words import no_such
from ccflared.daemon.answers import Reply
from ccflared.daemon.asked import Asked
from ccflared.daemon.main import Running
from ccflared.errors import ClientError
from ccflared.providers.target import Target


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted call. ``parts``: what stands in the path for a ``*``."""

    running: Running
    asked: Asked
    body: Mapping[str, Any]
    parts: tuple[str, ...]
    asked_for: Mapping[str, Any] = field(default_factory=dict)
    """The parameters of the query as the route declares them: checked, converted, with their defaults."""

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query; of one that is repeated, the last."""
        return dict(parse_qsl(self.asked.query.decode("latin-1"), keep_blank_values=True))

    @property
    def lasts(self) -> Callable[[], bool]:
        """Whether who asks still may administer, as a question for later."""
        admission = self.asked.admission
        return admission.lasts if admission is not None else lambda: False

    @property
    def account(self) -> str:
        """The account that the path names. Raises ClientError (404) where there is none of that name."""
        name = self.parts[0]
        if name not in self.running.house.world.config.accounts:
            raise ClientError(
                404, "not_found_error", no_such("account", name, self.running.house.world.config.accounts)
            )
        return name

    @property
    def target(self) -> Target:
        """The account that the path names, if it can be addressed. Raises ClientError (404, 409)."""
        target = self.running.house.world.targets[self.account]
        if not isinstance(target, Target):
            why = f": {target.reason}" if target.reason else ""
            raise ClientError(409, "invalid_request_error", f"{self.account} is {target.state}{why}.")
        return target


def document(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object of a body, {} for an empty one. Raises ClientError (400)."""
    if not body:
        return {}
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ClientError(400, "invalid_request_error", "The body is not valid JSON.") from error
    if not isinstance(parsed, dict):
        raise ClientError(400, "invalid_request_error", "The body must be a JSON object.")
    return parsed


def reply(code: int, answer: object) -> Reply:
    """Return an answer in JSON."""
    return Reply(code, json.dumps(answer, ensure_ascii=False).encode())


def done(said: str) -> Reply:
    """Return the answer of a call that has taken effect."""
    return reply(200, {"success": True, "message": said})
