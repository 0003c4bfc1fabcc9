"""The part that the programs inside the SDKs' own environments share. Nothing but the standard library is imported.

A program has scenes, functions of a client that return what came of it. It reads a line of JSON, plays that scene with
a new client, and says what came: what the dataclass Outcome of sdk.py has.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

Scene = Callable[..., dict[str, Any]]
Connect = Callable[[str, str, dict[str, Any]], AbstractContextManager[Any]]
"""Makes a client of a URL, a key and the options of the call, of which it takes those that are its own."""


def headers(answer: Any) -> dict[str, str]:
    """Return the header fields of an answer that tell how it was come by, and when to ask again."""
    return {
        name: value
        for name, value in answer.headers.items()
        if name.startswith(("x-ccflared-", "anthropic-ratelimit-"))
        or name in {"retry-after", "x-should-retry"}
    }


def serve(scenes: Mapping[str, Scene], connect: Connect) -> None:
    """Play what is asked for until the input ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        more = asked["more"]
        with connect(asked["url"], asked["key"], more) as client:
            print(json.dumps(_play(scenes[asked["what"]], client, more)), flush=True)


def _play(scene: Scene, client: Any, more: dict[str, Any]) -> dict[str, Any]:
    began = time.monotonic()
    try:
        value = scene(client, **more)
    except Exception as error:  # noqa: BLE001 - what the SDK raises is what is asked about
        return {
            "value": {
                "body": getattr(error, "body", None),
                "headers": headers(error.response) if hasattr(error, "response") else {},
            },
            "seconds": time.monotonic() - began,
            "raised": type(error).__name__,
            "kinds": [kind.__name__ for kind in type(error).__mro__],
            "status": getattr(error, "status_code", None),
            "said": str(error),
        }
    return {"value": value, "seconds": time.monotonic() - began}
