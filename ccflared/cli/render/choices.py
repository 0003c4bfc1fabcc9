"""The words that options about what happened may have: apart, so that the parser loads nothing else for them. Pure."""

from typing import Final

BY: Final = ("account", "model", "client", "project", "day", "hour")
"""What usage can be added up by."""
LEVELS: Final = ("debug", "info", "warning", "error")
"""Levels of the log, from the least on."""
ALSO: Final = {"warn": "warning", "critical": "error"}
"""Other names of levels."""
