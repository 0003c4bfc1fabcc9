import json
import re
from time import process_time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccflared.formats.redaction import INSTEAD, MARGIN, Redaction, is_secret_field
from ccflared.formats.said import said_in_answer, said_in_request

KEY = "K3y/of~the+account=='\"é"
NOTHING = Redaction(())


def cleaned(text: bytes, *secrets: str, stream: bool = False) -> bytes:
    return Redaction(secrets).cleaned(text, 1 << 20, stream=stream)[0]


@pytest.mark.parametrize(
    "token",
    [
        "sk-ant-oat01-abc_DEF-123",
        "sk-ant-x1y2z3",
        "sk-proj-0123456789abcdefghij",
        "ccf_" + "aB3-" * 10,
        "ghp_" + "a1" * 18,
        "github_pat_" + "a_1" * 10,
        "AKIA0123456789ABCDEF",
        "xoxb-123456789012-abcdef",
        "AIza" + "aB3_" * 9,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r",
        "-----BEGIN RSA PRIVATE KEY-----\\nMIIEowIBAAKCAQEA\\nProc-Type: 4,X\\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEA cut off",
    ],
)
def test_what_looks_like_a_credential_is_taken_out_wherever_it_stands(token: str) -> None:
    for before, after in (('{"text":"', '"}'), ("\\n", " and"), ("\\u2014", "."), ("x ", ""), ("(", ")")):
        if after == " and" and token.endswith("cut off"):
            continue
        told = cleaned((before + token + after).encode())
        assert token[4:12].encode() not in told, told
        assert told.startswith(before.encode() + INSTEAD)


def test_the_token_of_a_bearer_is_taken_out_and_the_word_stays() -> None:
    assert (
        cleaned(b'"Authorization: Bearer abcdefghijklmnopqrstuvwxyz"') == b'"Authorization: Bearer [secret]"'
    )


@pytest.mark.parametrize(
    "text",
    [
        "task-management-software-for-everyone",
        "disk-usage-of-the-whole-machine",
        "a bearer of news, Bearer tokens in general",
        "AKIA is a prefix, sk-short too, ghp_ and xoxb-1 as well",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "accf_012345678901234567890123456789",
    ],
)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert cleaned(text.encode()) == text.encode()


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        json.dumps(KEY)[1:-1],
        json.dumps(KEY, ensure_ascii=False)[1:-1],
        json.dumps(KEY)[1:-1].replace("/", "\\/"),
        json.dumps(json.dumps(KEY)[1:-1])[1:-1],
        quote(KEY, safe=""),
    ],
)
def test_a_known_secret_is_found_in_every_way_of_writing_it(written: str) -> None:
    assert cleaned(f"<{written}>".encode(), KEY) == b"<[secret]>"


def test_a_secret_whose_letters_are_written_as_numbers_is_found() -> None:
    hidden = "".join(f"\\u{ord(letter):04x}" for letter in "sk-ant-0123456789abcdef")
    assert cleaned(f'{{"a":"{hidden}"}}'.encode()) == b'{"a":"[secret]"}'
    half = "plain" + "".join(f"\\u{ord(letter):04X}" for letter in "known-here")
    assert cleaned(f'{{"a":"{half}"}}'.encode(), "plainknown-here") == b'{"a":"[secret]"}'
    # What is no letter's number is left as it was.
    assert cleaned(rb'{"a":"\\u0041 \u0022 \u00e9"}', "unknown") == rb'{"a":"\\u0041 \u0022 \u00e9"}'


@given(
    st.integers(0, 60),
    st.text("abcdef0123456789", min_size=6, max_size=40),
    st.integers(0, 30),
)
def test_nothing_of_a_secret_that_a_cut_goes_through_stays(before: int, secret: str, behind: int) -> None:
    text = b"." * before + secret.encode() + b"." * behind
    for most in range(len(text) + 2):
        told, cut = Redaction([secret]).cleaned(text, most)
        assert cut == (len(text) > most)
        assert not re.search(rb"[a-f0-9]", told.replace(INSTEAD, b"")), (most, told)


def test_a_secret_that_the_end_of_an_answer_breaks_off_is_taken_out() -> None:
    for length in range(6, len("0123456789abcdef")):
        assert cleaned(b"it is " + b"0123456789abcdef"[:length], "0123456789abcdef") == b"it is [secret]"
    assert cleaned(b"it is 01234", "0123456789abcdef") == b"it is 01234"


def event(text: str, kind: str = "text") -> bytes:
    return (
        f"event: content_block_delta\ndata: {json.dumps({'type': 'content_block_delta', 'delta': {kind: text}})}\n\n"
    ).encode()


@settings(max_examples=50)
@given(
    st.lists(st.integers(1, 30), max_size=12), st.sampled_from(["text", "partial_json", "content", "delta"])
)
def test_a_secret_in_pieces_over_the_events_of_a_stream_is_taken_out(cuts: list[int], kind: str) -> None:
    said = "the key is 0123456789-secret-of-mine, or sk-ant-0123456789abcdef, yes"
    pieces, rest = [], said
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    told = cleaned(
        b"".join(event(piece, kind) for piece in [*pieces, rest]), "0123456789-secret-of-mine", stream=True
    )
    joined = "".join(
        json.loads(line[6:])["delta"][kind]
        for line in told.decode().splitlines()
        if line.startswith("data: ")
    )
    assert not re.search(r"[0-9]|secret-of|sk-", joined.replace("[secret]", ""))
    assert joined.startswith("the key is [secret]")
    assert joined.endswith(", yes")


def test_long_texts_are_searched_in_steps_that_miss_nothing() -> None:
    token = b"sk-ant-0123456789abcdef"
    for at in range(512 * 1024 - 30, 512 * 1024 + 5, 3):
        text = b" " * at + token + b" " * (600 * 1024)
        assert token not in Redaction(()).cleaned(text, 4 << 20)[0]


def test_what_lies_far_behind_the_cut_is_not_looked_at() -> None:
    told, cut = NOTHING.cleaned(b"x" * (MARGIN * 3), MARGIN)
    assert (told, cut) == (b"x" * MARGIN, True)


def test_a_redaction_shows_no_secret() -> None:
    assert "hidden-thing" not in repr(Redaction(["hidden-thing"]).and_also(["another-hidden-thing"]))


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        *(
            (name, True)
            for name in ("authorization", "x-api-key", "proxy-authorization", "cookie", "set-cookie")
        ),
        *(
            (name, True)
            for name in ("x-goog-api-key", "private-token", "x-auth", "x-client-secret", "api_key")
        ),
        *((name, True) for name in ("cf-access-jwt-assertion", "x-amz-security-token", "xapikey")),
        *((name, False) for name in ("content-type", "anthropic-ratelimit-tokens-remaining", "user-agent")),
        *((name, False) for name in ("x-claude-code-session-id", "anthropic-beta", "author")),
    ],
)
def test_fields_that_hold_credentials_are_known_by_their_names(name: str, *, secret: bool) -> None:
    assert is_secret_field(name.encode()) is secret


@pytest.mark.parametrize(
    "piece",
    [
        *(
            b".eyJ" + b"eyJ" * 4 + b".aaaaaaaa",
            b"eyJ",
            b".eyJaaaaaaaaa",
            b"sk-",
            b"xox-xoxb-",
            b"Bearer  ",
            b"ghp_",
        ),
        *(
            b"-----BEGIN PRIVATE KEY-----",
            b"-----BEGIN ",
            b"\\u0041",
            b'\\"',
            b'"text":"',
            b'"text":"\\',
            b"secret",
        ),
        *(b'data: {"delta":"a"}\n\n', b'{"text":"s","delta":"k"}', b"event: response.delta\n", b'"a\\"'),
    ],
)
def test_nothing_that_is_sent_can_make_it_take_long(piece: bytes) -> None:
    body = b'{"x":"' + piece * (1024 * 1024 // len(piece))
    redaction = Redaction(["secret-of-mine", "another secret"])
    began = process_time()
    told, _ = redaction.cleaned(body, 4 << 20, stream=True)
    said_in_request(told)
    said_in_answer(told, stream=False)
    said_in_answer(told, stream=True)
    # Mostly it is a tenth of a second; what goes by the square of the length would be hours.
    assert process_time() - began < 20


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        # Of each the beginning is found as it stands, so that nothing told that there was more behind it.
        ('{"h":"Bearer AAAAAAAAAAAAAAAAAAAAAAAA\\u002BTAILTAIL"}', ()),
        ('{"h":"sk-ant-aaaaaaaa\\u002dTAILTAIL"}', ()),
        ('{"h":"sk-ant-aaaaaaaa","i":"sk-ant-bbbbbb\\u002dTAILTAIL"}', ()),
        ('{"h":"a+known+one","i":"a\\u002bknown\\u002bTAIL"}', ("a+known+one", "a+known+TAIL")),
        # JSON within JSON, and a URL of somebody who writes small letters.
        ('{"h":"{\\"i\\":\\"a\\\\u002bknown\\\\u002bTAIL\\"}"}', ("a+known+TAIL",)),
        ("https://example.org/?key=a%2bknown%2bTAIL&x=1", ("a+known+TAIL",)),
    ],
)
def test_letters_written_as_numbers_hide_no_part_of_a_credential(text: str, secrets: tuple[str, ...]) -> None:
    told = cleaned(text.encode(), *secrets)
    assert b"TAIL" not in told
    assert INSTEAD in told
    assert cleaned(told, *secrets) == told


@given(st.lists(st.sampled_from(["sk-ant-", "abcdef", "-", "+", " ", '\\"', "\\n"])), st.data())
def test_which_letters_are_numbers_makes_no_difference(parts: list[str], data: st.DataObject) -> None:
    letters = [each for part in parts for each in ([part] if part.startswith("\\") else part)]
    told = "".join(
        f"\\u{ord(each):04x}" if len(each) == 1 and data.draw(st.booleans()) else each for each in letters
    )
    plain = cleaned("".join(letters).encode())
    hidden = cleaned(told.encode())
    assert (INSTEAD in plain) == (INSTEAD in hidden)
    assert re.sub(rb"\\u00(..)", lambda each: bytes.fromhex(each[1].decode()), hidden) == plain
