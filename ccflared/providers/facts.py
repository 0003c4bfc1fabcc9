"""What is read off an upstream's answer before anything is concluded from it: status, error, limits, content."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from ccflared.formats import sse
from ccflared.formats.errors import STATUS_OF
from ccflared.formats.families import family_of
from ccflared.providers.quota import SOFT, Unified, read_unified
from ccflared.providers.resets import retry_after
from ccflared.providers.signs import NO_SIGNS, Meaning, Signs
from ccflared.wire import Head, Window

STREAM: Final = b"text/event-stream"
_JSON: Final = b"application/json"

_ALL_IS_WELL: Final = (0, 200, "0", "200")
_LONGEST_WORD: Final = 80
_LONGEST_MESSAGE: Final = 4000
_LIMIT_FIELDS: Final = (b"anthropic-ratelimit-", b"x-ratelimit-", b"ratelimit")
# MiniMax puts its code behind the message: "insufficient balance (1008)".
_CODE_BEHIND: Final = re.compile(r"\(([0-9]{4})\)\s*$")


@dataclass(frozen=True, slots=True)
class Facts:
    """One answer, read. Texts are "" where nothing was said; none of them is fit to be shown as it is."""

    path: str
    status: int
    """Of the answer; of an error inside a 200, the status it would have had outside."""
    head: Head
    now: float
    model: str | None
    """What the upstream was asked for."""
    signs: Signs
    kind: str = ""
    """``error.type``."""
    code: str = ""
    """``error.code``, or what stands for it."""
    message: str = ""
    meaning: Meaning | None = None
    """Of the code, where the provider's codes are known."""
    html: bool = False
    inside: bool = False
    """The error was told inside an answer that had begun as a success."""
    unified: Unified | None = None

    @property
    def low(self) -> str:
        """The message, for comparing."""
        return self.message.lower()

    @property
    def names_model(self) -> bool:
        """Whether the message names the model that was asked for."""
        # A word that could stand in any sentence is no name: clients may ask for a model called "rate".
        name = self.model or ""
        return len(name) > 2 and not name.isalpha() and name.lower() in self.low

    @property
    def names_limit(self) -> bool:
        """Whether any field tells of a limit."""
        return any(name.startswith(_LIMIT_FIELDS) for name, _ in self.head.headers)

    @property
    def names_wait(self) -> bool:
        """Whether it is told how long to wait."""
        return retry_after(self.head, self.now) is not None

    @property
    def hard(self) -> bool:
        """Whether the unified status refuses. One that is not known counts as a refusal, as a refusal it came with."""
        return self.unified is not None and bool(self.unified.status) and self.unified.status not in SOFT

    @property
    def spent(self) -> tuple[Window, ...]:
        """The plan's windows that this refusal can be about.

        While paid extra usage serves, a spent window refuses nobody; and the spent window of another model's family
        does not refuse this one. Either counts where the status of the whole says that a limit was reached.
        """
        if self.unified is None or (not self.hard and self.unified.overage == "in use"):
            return ()
        family = family_of(self.model) if self.model is not None else None
        spent = [w for w in self.unified.windows if w.spent or _full(w, self.unified)]
        return tuple(w for w in spent if self.hard or None in (family, w.family) or w.family == family)


def read(
    path: str, head: Head, body: bytes, now: float, *, signs: Signs = NO_SIGNS, model: str | None = None
) -> Facts:
    """Read an answer; ``body`` is the beginning of its body, or nothing."""
    kind, code, message = _error(_members(body), head)
    status = head.status
    # A success that is none: some providers put their refusals into a 200.
    inside = status < 300 and bool(kind or code) and speaks_the_api(head)
    return Facts(
        path,
        _equivalent(kind, code) if inside else status,
        head,
        now,
        model,
        signs,
        kind,
        code,
        message,
        _meaning(signs, kind, code, message),
        html=not inside and _is_html(head, body),
        inside=inside,
        unified=read_unified(head),
    )


def read_event(
    raw: bytes, head: Head, now: float, *, signs: Signs = NO_SIGNS, model: str | None = None
) -> Facts:
    """Read an ``event: error`` of a stream whose head is ``head``."""
    document = _members(raw if raw.lstrip().startswith(b"{") else sse.parse(raw).data)
    kind, code, message = _error(document, None)
    return Facts(
        "/v1/messages",
        _equivalent(kind, code),
        head,
        now,
        model,
        signs,
        kind,
        code,
        message,
        _meaning(signs, kind, code, message),
        inside=True,
        unified=read_unified(head),
    )


def is_stream(head: Head) -> bool:
    """Whether the answer is a stream of events."""
    return (head.get(b"content-type") or b"").strip().lower().startswith(STREAM)


def speaks_the_api(head: Head) -> bool:
    """Whether the answer is of a kind that the API answers with."""
    return is_stream(head) or is_json(head)


def is_json(head: Head) -> bool:
    """Whether the answer is a JSON document."""
    return _JSON in (head.get(b"content-type") or b"").lower()


def _full(window: Window, unified: Unified) -> bool:
    """Whether a window is used up by its numbers, where neither it nor the whole tells a status."""
    told = window.name in unified.statuses or unified.status in SOFT
    return not told and (window.utilization or 0.0) >= 1.0


def _is_html(head: Head, body: bytes) -> bool:
    begin = body[:100].removeprefix(b"\xef\xbb\xbf").lstrip()
    if begin.startswith(b"<"):
        return True
    # There are gateways that call their JSON HTML.
    return b"text/html" in (head.get(b"content-type") or b"").lower() and not begin.startswith(b"{")


def _equivalent(kind: str, code: str) -> int:
    """Return the status that an error told inside a 200 would have had outside; 500 where nothing says it."""
    for word in (kind, code):
        if word in STATUS_OF:
            return STATUS_OF[word]
    # OpenRouter gives the status itself as the code.
    return int(code) if re.fullmatch(r"[45][0-9]{2}", code) else 500


def _meaning(signs: Signs, kind: str, code: str, message: str) -> Meaning | None:
    if not signs.meanings:
        return None
    behind = _CODE_BEHIND.search(message)
    words = (code, kind, behind[1] if behind else "")
    return next((signs.meanings[word] for word in words if word in signs.meanings), None)


def _error(document: dict[str, Any], head: Head | None) -> tuple[str, str, str]:
    """Return type, code and message of an error in any of the shapes that are in use."""
    error = document.get("error")
    base = document.get("base_resp")  # MiniMax
    if isinstance(error, dict):
        kind, code, message = error.get("type"), error.get("code"), error.get("message")
    elif isinstance(base, dict) and base.get("status_code"):
        kind, code, message = None, base.get("status_code"), base.get("status_msg")
    elif document.get("type", "error") == "error":
        kind, code = document.get("__type"), document.get("code")
        if isinstance(document.get("content"), list) or code in _ALL_IS_WELL:
            code = None  # an answer that brings a status of its own along
        told = (error, document.get("message"), document.get("msg"), document.get("detail"))
        message = next((text for text in told if isinstance(text, str)), None)
    else:
        kind = code = message = None
    if kind is None and head is not None:
        # Amazon's answers name the exception in a field: "ThrottlingException:http://…".
        kind = (head.get(b"x-amzn-errortype") or b"").decode("latin-1").partition(":")[0]
    return _word(kind), _word(code), message[:_LONGEST_MESSAGE] if isinstance(message, str) else ""


def _word(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return value[:_LONGEST_WORD] if isinstance(value, str) else _digits(value)


def _digits(value: int) -> str:
    return str(value) if abs(value) < 10**9 else ""


def _members(data: bytes) -> dict[str, Any]:
    """Return the members of a JSON object; none for anything else."""
    if not data.lstrip().startswith(b"{"):
        return {}
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
