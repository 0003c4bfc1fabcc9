"""Takes credentials out of what is kept of requests and answers: those that are known, and what looks like one.

It is for text that somebody else wrote: JSON, event streams, plain. A credential may stand in it with the escapes of
JSON or of a URL, in pieces over the events of a stream, or cut off at the end.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import quote

from ccflared.formats.fragments import runs

INSTEAD: Final = b"[secret]"
MARGIN: Final = 64 * 1024
"""Bytes behind a cut that have to be at hand, so that what crosses it is known for what it is."""
TELLING: Final = 6
"""Characters of a secret that tell something of it, and are no word that stands in any sentence."""
_STEP: Final = 512 * 1024
"""Bytes that are searched at a time: other threads wait meanwhile."""

# A literal beginning with a rare letter is what makes searching fast, so each begins there, and looks back. What may
# not stand before it is looked at, too; of an escape of JSON the last letter is no part of a word.
_ALONE: Final = r"(?:(?<![A-Za-z0-9]{0})|(?<=\\[nrtbf]{0})|(?<=\\u[0-9a-fA-F]{{4}}{0}))"


def _pattern(anchor: str, before: str, rest: str) -> re.Pattern[bytes]:
    """Return what finds ``rest`` behind ``anchor``, which follows upon ``before``."""
    return re.compile(f"{anchor}(?<={before}{anchor}){rest}".encode())


_LOOKS: Final = (
    (1, _pattern("k-", "s", rf"(?:ant-[A-Za-z0-9_-]{{6,}}|{_ALONE.format('sk-')}[A-Za-z0-9_-]{{16,}})")),
    (2, _pattern("f_", "cc", rf"{_ALONE.format('ccf_')}[A-Za-z0-9_-]{{20,}}")),
    (0, re.compile(rb"gh[pousr]_[A-Za-z0-9]{20,}")),
    (0, re.compile(rb"github_pat_[A-Za-z0-9_]{20,}")),
    (0, re.compile(rb"AKIA[A-Z0-9]{16}")),
    (0, re.compile(rb"xox[abceprs]-[A-Za-z0-9-]{10,}")),
    (0, re.compile(rb"AIza[A-Za-z0-9_-]{30,}")),
    # What of a block is not there is cut off; no block is longer.
    (
        0,
        re.compile(
            rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:[^-]|-(?!----)){0,16384}(?:-----END [A-Z0-9 ]*-*)?"
        ),
    ),
)
"""What credentials look like, and how many bytes before the match belong to it."""
_BEARERS: Final = tuple(
    re.compile(word + rb"(?: |%20|\\t)+([A-Za-z0-9._~+/=-]{20,})") for word in (b"Bearer", b"bearer")
)
_ANTHROPIC: Final = re.compile(rb"sk-ant-[A-Za-z0-9_-]{6,}")
"""What is found by its looks wherever it stands need not be looked for by itself."""
_JWT: Final = re.compile(rb"\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")
_OF_A_JWT: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_NUMBERED: Final = re.compile(rb"\\u00[2-7][0-9a-fA-F]")
# With several backslashes it is JSON within JSON, as the arguments of a tool are.
_ESCAPED: Final = re.compile(rb"\\{1,8}u00([2-7][0-9a-fA-F])|\\.", re.DOTALL)
_NAMES: Final = frozenset(
    [
        "auth",
        "token",
        "secret",
        "password",
        "passwd",
        "credential",
        "credentials",
        "key",
        "apikey",
        "signature",
        "jwt",
        "assertion",
        "bearer",
    ]
)
_WITHIN: Final = (
    "authorization",
    "apikey",
    "api-key",
    "api_key",
    "secret",
    "password",
    "cookie",
    "credential",
)

Span = tuple[int, int]


def is_secret_field(name: bytes) -> bool:
    """Whether a header field of that name, in lower case, holds a credential."""
    text = name.decode("latin-1")
    return any(word in text for word in _WITHIN) or not _NAMES.isdisjoint(re.split(r"[-_.]", text))


class Redaction:
    """What is to be taken out: the credentials that are known at one moment."""

    __slots__ = ("_known",)

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {form for secret in secrets for form in _forms(secret)}
        self._known = tuple(sorted(known, key=len, reverse=True))

    def __repr__(self) -> str:
        return f"Redaction({len(self._known)} forms)"

    def and_also(self, secrets: Iterable[str]) -> "Redaction":
        """Return one that takes these out, too."""
        both = Redaction(secrets)
        both._known += tuple(form for form in self._known if form not in both._known)
        return both

    def cleaned(self, text: bytes, most: int, *, stream: bool = False) -> tuple[bytes, bool]:
        """Return the first ``most`` bytes of a text or so without credentials, and whether it was cut.

        ``text`` need not hold more than MARGIN bytes behind the cut. ``stream``: it is a stream of events.
        """
        window = text[: most + MARGIN]
        spans = self.spans(window, stream=stream)
        if _NUMBERED.search(window):
            # JSON may write any letter as a number; some do so with + and &, and who wants to hide something.
            plain, place = _unescaped(window)
            seen = _apart(place(span) for span in spans)
            both = _apart([*seen, *self.spans(plain, stream=stream)])
            if both != seen:
                window, spans = plain, both
        pieces, at = [], 0
        for start, end in spans:
            if start >= most:
                break
            pieces += [window[at:start], INSTEAD]
            at = end
        pieces.append(window[at : max(at, most)])
        return b"".join(pieces), len(text) > most

    def spans(self, text: bytes, *, stream: bool = False) -> list[Span]:
        """Return where credentials stand, in order, without overlaps."""
        spans = list(self._found(text))
        if stream:
            joined, starts, parts = _joined(text)
            for start, end in self._found(joined):
                spans += _where(starts, parts, start, end)
        return _apart(spans)

    def _found(self, text: bytes) -> Iterator[Span]:
        for begin in range(0, len(text), _STEP):
            yield from _looks_like_one(text, begin, begin + _STEP + MARGIN)
        for form in self._known:
            at = -1 if _ANTHROPIC.fullmatch(form) else text.find(form)
            while at >= 0:
                yield at, at + len(form)
                at = text.find(form, at + len(form))
            yield from _cut_off(form, text)


def _looks_like_one(text: bytes, begin: int, end: int) -> Iterator[Span]:
    for before, looks in _LOOKS:
        for match in looks.finditer(text, begin, end):
            yield match.start() - before, match.end()
    for bearer in _BEARERS:
        for match in bearer.finditer(text, begin, end):
            yield match.span(1)
    for match in _JWT.finditer(text, begin, end):
        in_front = text[max(0, match.start() - 4096) : match.start()]
        head = in_front[len(in_front.rstrip(_OF_A_JWT)) :]
        if (at := head.find(b"eyJ")) >= 0:
            yield match.start() - len(head) + at, match.end()


def _cut_off(form: bytes, text: bytes) -> Iterator[Span]:
    """Yield where a text ends in the middle of a secret."""
    tail = text[-len(form) + 1 :]
    if form[:TELLING] not in tail:
        return
    for length in range(min(len(form) - 1, len(tail)), TELLING - 1, -1):
        if tail.endswith(form[:length]):
            yield len(text) - length, len(text)
            return


def _joined(stream: bytes) -> tuple[bytes, list[int], list[Span]]:
    """Return what a stream says in pieces as one text, where each piece begins in it, and where it stands."""
    texts, starts, parts, at = [], [], [], 0
    for text, pieces in runs(stream):
        texts.append(text)
        for first, behind in pieces:
            starts.append(at)
            parts.append((first, behind))
            at += behind - first
        at += 1
    return b"\n".join(texts), starts, parts


def _where(starts: list[int], parts: list[Span], start: int, end: int) -> Iterator[Span]:
    """Yield where a span of joined parts stands in the text that they are parts of."""
    number = max(0, bisect_right(starts, start) - 1)
    while number < len(parts) and starts[number] < end:
        (first, behind), at = parts[number], starts[number]
        begin, stop = first + max(0, start - at), first + min(behind - first, end - at)
        if begin < stop:
            yield begin, stop
        number += 1


def _forms(secret: str) -> Iterator[bytes]:
    """Yield a secret in every way in which it may be written."""
    if len(secret) < TELLING:
        return
    for ascii_alone in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_alone)[1:-1]
        quoted = quote(secret, safe="")
        small = re.sub("%..", lambda code: code[0].lower(), quoted)
        for form in (secret, once, json.dumps(once, ensure_ascii=ascii_alone)[1:-1], quoted, small):
            for slashed in (form, form.replace("/", "\\/"), form.replace("/", "\\\\/")):
                yield slashed.encode("utf-8", "replace")


def _unescaped(text: bytes) -> tuple[bytes, Callable[[Span], Span]]:
    """Return a text with letters for their numbers, and the function that tells where a span of it stands then."""
    pieces: list[bytes] = []
    starts: list[int] = []
    ends: list[int] = []
    lost, at = [0], 0
    for match in _ESCAPED.finditer(text):
        if match[1] is None or (letter := bytes((int(match[1], 16),))) in b'"\\\x7f':
            continue
        pieces += [text[at : match.start()], letter]
        at = match.end()
        starts.append(match.start())
        ends.append(at)
        lost.append(lost[-1] + at - match.start() - 1)
    pieces.append(text[at:])

    def place(span: Span) -> Span:
        # Of one that begins or ends within an escape rather too much.
        return span[0] - lost[bisect_left(starts, span[0])], span[1] - lost[bisect_right(ends, span[1])]

    return b"".join(pieces), place


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch as one."""
    apart: list[Span] = []
    for start, end in sorted(spans):
        if apart and start <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return apart
