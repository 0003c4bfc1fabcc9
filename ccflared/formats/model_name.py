"""The model in a request's body: reads it, and puts another in its place without touching anything else.

Both look for the same thing, the member ``model`` of the outermost JSON object, which all dialects have in common.
Both parse only where they must: a body may be 32 MB long, and its model is all that is wanted.
"""

import json
import re

from ccflared.errors import ClientError

# SDKs and Claude Code write the model first or last; where it is first there is nothing to parse.
_FIRST = re.compile(rb'\s*\{\s*"model"\s*:\s*"([^"\\\x00-\x1f]{1,256})"')
_KEY = re.compile(rb'"model"', re.IGNORECASE)
_LONGEST = 256

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# A quote that begins or ends a string is never escaped, so each member of this name is found, in whatever object. (One
# whose key only ends in it, as in "my \"model", is found too.)
_MEMBER = re.compile(rb'"model"\s*+:\s*+(' + _STRING + rb")")
_VALUE = re.compile(rb"\s*+:\s*+(" + _STRING + rb")")
# Bytes of UTF-8 beyond ASCII never look like one of these.
_TOKEN = re.compile(_STRING + rb"|[{}\[\]]")

_WIDE = {
    "utf-16": {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"},
    "utf-32": {b"\xff\xfe": "utf-32-le", b"\x00\x00": "utf-32-be"},
}
"""By the first two bytes: the encodings that are told by a byte order mark, which stays part of the text."""


def model_of(body: bytes) -> str:
    """Find the model a request asks for, parsing the body only where it must.

    Raises ClientError (400) for a body that is no JSON object, names no model, or names it twice: which of the
    two counts could differ between us and the upstream, and rights are given by model. ``Model`` counts as a
    second ``model``: there are upstreams (those written in Go) that take it for the same key.
    """
    match = _FIRST.match(body)
    # An escaped letter in a key (\u006dodel, \u004dodel) would hide a second one; a body with such an escape is parsed.
    if match and not (_KEY.search(body, match.start(1)) or b"\\u006" in body or b"\\u004" in body):
        return _text(match[1])
    try:
        # Numbers are not our business, and Python refuses to read those of many digits.
        parsed = json.loads(body, object_pairs_hook=_top_level_pairs, parse_int=float)
    except (ValueError, RecursionError) as error:
        raise ClientError(400, "invalid_request_error", "The request body is not valid JSON.") from error
    if not isinstance(parsed, _Pairs):
        raise ClientError(400, "invalid_request_error", "The request body must be a JSON object.")
    models = [(key, value) for key, value in parsed if key.lower() == "model"]
    if len(models) > 1:
        raise ClientError(400, "invalid_request_error", "model: given more than once")
    model = dict(models).get("model")
    if not isinstance(model, str) or not 0 < len(model) <= _LONGEST or not model.isprintable():
        raise ClientError(400, "invalid_request_error", "model: a model name is required")
    return model


def further_models(body: bytes) -> list[str]:
    """Return the models that a request names besides its own, for a gateway to go on with: OpenRouter's ``models``.

    ``body`` is one that model_of has read.
    """
    found: list[str] = []
    try:
        members = json.loads(body, parse_int=float)
    except (ValueError, RecursionError):
        return found
    for name in ("models", "fallbacks", "route"):
        value = members.get(name)
        for each in value if isinstance(value, list) else [value]:
            named = each.get("model") if isinstance(each, dict) else each
            if isinstance(named, str) and not (name == "route" and named in ("fallback", "sort")):
                found.append(named)
    return found


class _Pairs(list[tuple[str, object]]):
    """A JSON object as it was written, duplicate keys and all."""


def _top_level_pairs(pairs: list[tuple[str, object]]) -> _Pairs:
    return _Pairs(pairs)


def _text(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise ClientError(400, "invalid_request_error", "The request body is not valid UTF-8.") from error
    if not text.isprintable():
        raise ClientError(400, "invalid_request_error", "model: a model name is required")
    return text


def with_model(body: bytes, model: str) -> bytes:
    """Return the body with ``model`` as the value of its model, and every other byte as it was.

    ``body`` is one that model_of has read: exactly one model in the outermost object, and its value a string.
    The new value is written in ASCII. Raises ClientError (400) if there is no such model after all.
    """
    encoding: str = json.detect_encoding(body)
    if not encoding.startswith("utf-8"):
        encoding = _WIDE.get(encoding, {}).get(body[:2], encoding)
        narrow = _recoded(body, encoding, "utf-8")
        return _recoded(with_model(narrow, model), "utf-8", encoding)
    start, end = _place(body)
    whole = memoryview(body)
    return b"".join((whole[:start], json.dumps(model).encode("ascii"), whole[end:]))


def _recoded(text: bytes, old: str, new: str) -> bytes:
    # JSON may hold halves of surrogate pairs, and its reader lets them pass.
    return text.decode(old, "surrogatepass").encode(new, "surrogatepass")


def _place(body: bytes) -> tuple[int, int]:
    """Return where the value of the outermost object's model begins and ends, quotes included."""
    if first := _FIRST.match(body):
        return first.start(1) - 1, first.end(1) + 1
    # If no key can be hidden behind an escape, the model is among the members found. Usually it is the only one:
    # a tool may have a parameter "model", but what that names is an object.
    if b"\\u006" not in body:
        members = _MEMBER.finditer(body)
        only = next(members, None)
        if only is not None and next(members, None) is None:
            return only.span(1)
    return _place_walking(body)


def _place_walking(body: bytes) -> tuple[int, int]:
    depth = 0
    for token in _TOKEN.finditer(body):
        match body[token.start()]:
            case 0x7B | 0x5B:  # an object or an array begins
                depth += 1
            case 0x7D | 0x5D:
                depth -= 1
            case _ if depth == 1:
                # A key if a colon follows; what follows a value is a comma or the end.
                value = _VALUE.match(body, token.end())
                if value and json.loads(token[0]) == "model":
                    return value.span(1)
            case _:
                pass
    raise ClientError(400, "invalid_request_error", "model: a model name is required")
