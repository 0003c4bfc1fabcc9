"""What is tried once more where an API of Anthropic's kind refused a request.

In any request, what another provider left in its conversation is taken out. In one that was translated, its fields are
our choice: the table of models is a guess for each model that came after it, so that a refusal is the better source.
"""

import re
from typing import Any, Final

from ccflared.formats.crossing import without_thinking
from ccflared.formats.messages.amend_fields import with_other_fields
from ccflared.formats.refusal import Amended, plain
from ccflared.formats.tool_ids import with_fit_ids

_FOREIGN: Final = re.compile(
    # Anthropic, Bedrock, Vertex: messages.1.content.0: Invalid `signature` in `thinking` block
    r"(?:invalid|corrupted|incorrect|malformed|missing|mismatched) (?:\w+ ){0,3}signature"
    r"|signature[^.:]{0,60} (?:invalid|corrupted|missing|required|malformed|not valid|does not match|failed)"
    # messages.1.content.0.thinking.signature: Field required, or Input should be a valid string
    r"|signature: (?:field required|input should be|extra inputs)"
    # `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.
    r"|thinking blocks? [^.]{0,80}cannot be modified"
    # When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`.
    r"|cannot contain (?:redacted_)?thinking"
    # Servers that know no such block: Input tag 'redacted_thinking' found using 'type' does not match any …
    r"|input tag (?:redacted_)?thinking found"
    r"|(?:unknown|unsupported|invalid|unexpected) (?:\w+ ){0,3}type:? (?:redacted_)?thinking"
)
_MISSING: Final = re.compile(
    # messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.
    r"expected thinking or redacted_thinking, but found"
    r"|must start with a thinking block"
    # DeepSeek: The `content[].thinking` in the thinking mode must be passed back to the API.
    r"|thinking\b[^.]{0,60} must be passed back"
)
# messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$', and the same of a tool_use_id
_UNFIT: Final = re.compile(r"\btool_use(?:\.id|_id)\b[^.]{0,40} (?:match|pattern)")


def amended(error: Any, body: bytes, *, translated: bool) -> Amended | None:
    """Return what to try in place of a body that was refused with an error, as refusal.read has it; None: nothing."""
    said = plain(error)
    mended = _without_thinking(said, body) or _with_fit_ids(said, body)
    return mended or (with_other_fields(said, body) if translated else None)


def _with_fit_ids(said: str, body: bytes) -> Amended | None:
    fit = with_fit_ids(body) if _UNFIT.search(said) else None
    return Amended("with ids of tools that it takes", fit) if fit is not None else None


def _without_thinking(said: str, body: bytes) -> Amended | None:
    if _MISSING.search(said):
        # Whether thoughts were taken out or never were there, the turn can be gone on with without thinking only.
        without = without_thinking(body, off=True)
        return Amended("with thinking switched off", without) if without is not None else None
    if _FOREIGN.search(said):
        without = without_thinking(body)
        return Amended("without thinking of another provider", without) if without is not None else None
    return None
