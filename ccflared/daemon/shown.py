"""The configuration's files as they may be shown to administrators: no secret of them, nothing that looks like one.

The model says which values are harmless. What it does not know (comments, above all) is searched for the credentials
that the daemon has, and for what looks like one.
"""

import tomllib
from typing import Final

from ccflared.config.decode import ROOT
from ccflared.config.locate import locate
from ccflared.config.mask import masked_text
from ccflared.config.unified import unified
from ccflared.formats.redaction import INSTEAD, Redaction

LONGEST: Final = 512 * 1024
"""Characters of a file that are shown."""


def shown(text: str, redaction: Redaction, *, valid: bool) -> str:
    """Return a text of TOML as it may be seen, with as many lines as it has.

    ``valid``: it belongs to a configuration that was found to be one.
    """
    try:
        tomllib.loads(text)
        places = locate(text)
    except (ValueError, RecursionError):
        places = None
    masked = masked_text(text, places, ROOT, valid=valid).encode()
    pieces, at = [], 0
    for start, end in redaction.spans(masked):
        pieces += [masked[at:start], INSTEAD, b"\n" * masked.count(b"\n", start, end)]
        at = end
    return b"".join([*pieces, masked[at:]]).decode(errors="replace")


def difference(before: str, after: str, redaction: Redaction, *, was_valid: bool = True) -> str:
    """Return the unified diff of a file that an edit changes, and that belongs to a valid configuration then."""
    old, new = shown(before, redaction, valid=was_valid), shown(after, redaction, valid=True)
    return unified(_lines(before), _lines(after), (_lines(old), _lines(new)))


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []
