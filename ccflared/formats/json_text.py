"""JSON as it is read from clients and upstreams, and written for them: lossless, bounded, always UTF-8.

Numbers stay what they were: integers of any size, no NaN, nothing that overflows. Half a surrogate pair, which JSON
can hold and UTF-8 cannot, becomes U+FFFD.
"""

import json
import re
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any, Final

from ccflared.errors import ClientError

_HALF: Final = re.compile("[\ud800-\udfff]")


def loads(text: bytes | str) -> Any:
    """Return the value of a JSON text. Raises ValueError for anything that is none, for NaN and for infinities."""
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def dumps(value: Any) -> bytes:
    """Write a value as compact JSON."""
    return text_of(value).encode()


def text_of(value: Any) -> str:
    """Write a value as compact JSON text. Raises ValueError for one that is nested too deeply."""
    try:
        text = _ENCODER.encode(value)
    except RecursionError as error:
        # What could just be read may be too deep to be written: it is wrapped in more by now.
        raise ValueError("nested too deeply") from error
    return sound(text)


def quoted(text: str) -> bytes:
    """Write one text as JSON, as dumps does, but fast: it is done for every event of a stream."""
    try:
        return encode_basestring(text).encode()
    except UnicodeEncodeError:
        return encode_basestring(sound(text)).encode()


def sound(text: str) -> str:
    """Return a text with U+FFFD for each half of a surrogate pair."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def members(text: bytes | str) -> dict[str, Any]:
    """Return the members of a JSON object; none for anything else."""
    try:
        value = loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def body_members(body: bytes) -> dict[str, Any]:
    """Return the members of a client's request. Raises ClientError (400) for what is no JSON object."""
    try:
        value = loads(body)
    except ValueError as error:
        raise ClientError(400, "invalid_request_error", "The request body is not valid JSON.") from error
    if not isinstance(value, dict):
        raise ClientError(400, "invalid_request_error", "The request body must be a JSON object.")
    return value


def body_of(value: Any) -> bytes:
    """Write a client's request for an upstream. Raises ClientError (400) for one that is nested too deeply."""
    try:
        return dumps(value)
    except ValueError as error:
        raise ClientError(400, "invalid_request_error", "The request is nested too deeply.") from error


def rewritten(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Return a JSON value with ``change`` made to each object in it, inner ones first. Raises ValueError as text_of."""
    # By way of its text, whose reader bounds the depth where a walk of our own would not.
    try:
        return json.loads(text_of(value), object_hook=change)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is beyond what can be passed on")
    return number


# json.loads and json.dumps would make a new one for each call, which costs as much as reading a small chunk.
_DECODER: Final = json.JSONDecoder(parse_constant=_refused, parse_float=_finite)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
