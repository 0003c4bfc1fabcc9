"""A payload is written as JSON in pieces: whole, cut where that is asked for, and none of them long."""

import json
import os
from base64 import b64decode

import pytest

from ccflared.api.payload_calls import written
from ccflared.store.packing import Unpacked
from ccflared.store.payload_reader import Kept

HEADERS = {"x-name": 'a "quoted" \ud800 name'}


@pytest.mark.parametrize("most", [None, 0, 1, 256 * 1024, 5_000_000])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 98_304, 98_305, 4_000_000])
def test_what_is_written_in_pieces_is_the_whole_payload(size: int, most: int | None) -> None:
    body = os.urandom(size)
    asked = Unpacked(HEADERS, body, size, truncated=False, status=None, whole=True)
    answered = Unpacked({}, b"{}", 9, truncated=True, status=200, whole=False)
    pieces = list(written(Kept("req_1", 1.5, asked, answered), None, most))
    assert max(map(len, pieces)) <= 128 * 1024
    found = json.loads(b"".join(pieces))
    assert list(found) == ["id", "request", "response", "meta"]
    assert found["request"]["headers"] == {"x-name": 'a "quoted" ? name'}
    assert b64decode(found["request"]["body"], validate=True) == body[:most]
    assert found["request"]["truncated"] is (most is not None and most < size)
    assert (found["request"]["bytes"], found["response"]["bytes"]) == (size, 9)
    assert found["response"]["truncated"] is True
    assert found["response"]["status"] == 200
    assert (found["meta"]["at"], found["meta"]["complete"], found["meta"]["outcome"]) == (1.5, False, None)
