"""What ccflared-numbers(7) names is what there is."""

import re
from pathlib import Path
from typing import get_args

from ccflared.api.routes import ROUTES
from ccflared.daemon.alarms.alert import AlertType

PAGE = (Path(__file__).parent.parent / "man" / "ccflared-numbers.7").read_text()


def named(part: str) -> set[str]:
    """Return the words that a list of the page explains."""
    (text,) = re.findall(rf'^\.\\" begin {part}\n(.*?)^\.\\" end {part}\n', PAGE, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^\.It Sy (\S+)$", text, re.MULTILINE))


def test_the_page_explains_every_alert_there_is_but_the_test() -> None:
    assert named("alerts") == set(get_args(AlertType)) - {"test"}


def test_the_page_names_every_stream() -> None:
    assert named("streams") == {route.path for route in ROUTES if route.path.endswith("/stream")}


def test_paths_that_the_page_names_are_routes() -> None:
    paths = set(re.findall(r"/api/[a-z/.-]+[a-z]", PAGE))
    assert paths - {route.path for route in ROUTES} == set()
    assert len(paths) > 5
