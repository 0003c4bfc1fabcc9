"""Another model in a request's body: that value alone is changed, wherever it stands and however it is spelled."""

import codecs
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ccflared.errors import ClientError
from ccflared.formats.model_name import model_of, with_model

NEW = "vendor/big"

PUT: list[tuple[bytes, bytes]] = [
    # first, last, between, alone
    (b'{"model":"m","messages":[]}', b'{"model":"vendor/big","messages":[]}'),
    (b'{"messages":[],"model":"m"}', b'{"messages":[],"model":"vendor/big"}'),
    (b'{"a":1,"model":"m","b":2}', b'{"a":1,"model":"vendor/big","b":2}'),
    (b'{"model":"m"}', b'{"model":"vendor/big"}'),
    # space
    (b' {\n\t"model" :\r\n "m" , "a": 1 } \n', b' {\n\t"model" :\r\n "vendor/big" , "a": 1 } \n'),
    (b'{ "a" : 1 , "model" : "m" }', b'{ "a" : 1 , "model" : "vendor/big" }'),
    # escapes in the value, in the key, in the way
    (b'{"model":"a\\"b\\\\","x":1}', b'{"model":"vendor/big","x":1}'),
    (b'{"x":1,"model":"a\\"b\\\\"}', b'{"x":1,"model":"vendor/big"}'),
    (b'{"\\u006dodel":"m"}', b'{"\\u006dodel":"vendor/big"}'),
    (b'{"x":{"model":"no"},"mod\\u0065l":"m"}', b'{"x":{"model":"no"},"mod\\u0065l":"vendor/big"}'),
    (b'{"x":"\\u006d","model":"m"}', b'{"x":"\\u006d","model":"vendor/big"}'),
    # others' models
    (b'{"x":{"model":"no"},"model":"m"}', b'{"x":{"model":"no"},"model":"vendor/big"}'),
    (b'{"x":[{"model":"no"}],"model":"m","y":{"model":"no"}}', b'{"x":[{"model":"no"}],"model":"vendor/big","y":{"model":"no"}}'),
    (b'{"x":{"model":{"type":"string"}},"model":"m"}', b'{"x":{"model":{"type":"string"}},"model":"vendor/big"}'),
    (b'{"x":["model",{"model":"no"}],"model":"m"}', b'{"x":["model",{"model":"no"}],"model":"vendor/big"}'),
    (b'{"x":"model","y":{"model":"no"},"model":"m"}', b'{"x":"model","y":{"model":"no"},"model":"vendor/big"}'),
    (b'{"x":"\\"model\\":\\"no\\"","model":"m"}', b'{"x":"\\"model\\":\\"no\\"","model":"vendor/big"}'),
    (b'{"my \\"model":"no","model":"m"}', b'{"my \\"model":"no","model":"vendor/big"}'),
    (b'{"x":"}]{[","y":{"model":"no"},"model":"m"}', b'{"x":"}]{[","y":{"model":"no"},"model":"vendor/big"}'),
    (b'{"x":{"model":"model"},"model":"model"}', b'{"x":{"model":"model"},"model":"vendor/big"}'),
    # as it is, though Python would spell it otherwise
    (b'{"x":1.50e+2,"y":"\\/\\u00e9\xc3\xa9","model":"m"}', b'{"x":1.50e+2,"y":"\\/\\u00e9\xc3\xa9","model":"vendor/big"}'),
    (b'{"x":' + b"9" * 5000 + b',"z":{"model":"no"},"model":"m"}', b'{"x":' + b"9" * 5000 + b',"z":{"model":"no"},"model":"vendor/big"}'),
    (b'\xef\xbb\xbf{"x":{"model":"no"},"model":"m"}', b'\xef\xbb\xbf{"x":{"model":"no"},"model":"vendor/big"}'),
    (b'{"x":"\xed\xa0\x80","model":"m"}', b'{"x":"\xed\xa0\x80","model":"vendor/big"}'),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), PUT, ids=lambda value: str(value)[:50])
def test_the_model_is_changed_and_nothing_else(body: bytes, expected: bytes) -> None:
    assert model_of(body)
    assert with_model(body, NEW) == expected
    assert model_of(with_model(body, NEW)) == NEW


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_wide_body_stays_as_wide_as_it_is(encoding: str, mark: str) -> None:
    text = mark + '{"x":{"model":"no"},"y":"Größe 😀 \ud800","model":"%s"}'
    body = (text % "m").encode(encoding, "surrogatepass")
    assert model_of(body) == "m"
    assert with_model(body, NEW) == (text % NEW).encode(encoding, "surrogatepass")


@pytest.mark.parametrize(("model", "written"), [("Größe", b'"Gr\\u00f6\\u00dfe"'), ('a"b\\', b'"a\\"b\\\\"')])
def test_the_new_name_is_written_in_ascii(model: str, written: bytes) -> None:
    assert with_model(b'{"model":"m","x":1}', model) == b'{"model":' + written + b',"x":1}'


def test_a_body_as_deep_as_can_be_read_is_written_from_a_deeper_place_as_well() -> None:
    def deeper(body: bytes, frames: int) -> bytes:
        return deeper(body, frames - 1) if frames else with_model(body, NEW)

    body = b'{"x":' + b"[" * 700 + b'{"model":"no"}' + b"]" * 700 + b',"model":"%s"}'
    assert model_of(body % b"m") == "m"
    assert deeper(body % b"m", 300) == body % NEW.encode()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"x":{"model":"no"}, "y":{"model":"no"}}', b'[{"model":7}]'])
def test_a_body_without_a_model_is_the_clients_mistake(body: bytes) -> None:
    with pytest.raises(ClientError, match="a model name is required"):
        with_model(body, NEW)


NAMES = st.one_of(
    st.sampled_from(["model", "mode", 'x"model', "messages", "\u212a", "\ud800"]), st.text(max_size=4)
)
STRINGS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(['"model":"x"', "model", '\\"', "}", '{"model":', "\ud800\\", "\u2028😀"]),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), STRINGS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
MODELS = st.one_of(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12),
    st.sampled_from(["m", 'a"b', "\\"]),
)


def spelled(text: str, *, escaped: bool) -> str:
    if not escaped:
        return json.dumps(text)
    units = text.encode("utf-16-be", "surrogatepass")
    return '"' + "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2)) + '"'


@given(
    st.lists(st.tuples(NAMES, VALUES), max_size=5),
    st.integers(0, 5),
    st.tuples(MODELS, MODELS),
    st.sampled_from(["", " ", "\n\t"]),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_any_body_with_one_model_has_the_other_afterwards_and_is_else_the_same(
    others: list[tuple[str, Any]],
    place: int,
    models: tuple[str, str],
    space: str,
    spelling: tuple[bool, bool, bool],
) -> None:
    (old, new), (ascii_only, escaped_key, escaped_value) = models, spelling
    others = [(name, value) for name, value in others if name.lower() != "model"]
    members = [
        f"{space}{json.dumps(name)}{space}:{space}{json.dumps(value, ensure_ascii=ascii_only)}{space}"
        for name, value in others
    ]
    key = f"{space}{spelled('model', escaped=escaped_key)}{space}:{space}"
    before = "{" + "".join(member + "," for member in members[:place]) + key
    after = space + "".join("," + member for member in members[place:]) + "}" + space
    head, tail = before.encode(errors="surrogatepass"), after.encode(errors="surrogatepass")
    body = head + spelled(old, escaped=escaped_value).encode() + tail
    assume(model_of(body) == old)
    changed = with_model(body, new)
    assert changed == head + json.dumps(new).encode() + tail
    assert json.loads(changed) == json.loads(body) | {"model": new}


@given(
    st.binary(max_size=30),
    st.sampled_from([b"", b'{"model":"', b'"model":"', b'{"\\u006d', codecs.BOM_UTF16_LE]),
)
def test_whatever_comes_is_changed_or_refused(raw: bytes, begin: bytes) -> None:
    body = begin + raw
    try:
        model_of(body)
    except ClientError:
        return
    assert model_of(with_model(body, NEW)) == NEW
