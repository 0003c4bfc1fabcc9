"""The h2 library's connection, as a server needs it that runs for long and drains; frames; allowances. No I/O."""

import struct
from typing import TYPE_CHECKING, Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import Event
from h2.settings import SettingCodes, Settings

from ccflared.daemon.http2.fields import LARGEST_LIST

if TYPE_CHECKING:
    from hyperframe.frame import Frame, GoAwayFrame

AT_ONCE: Final = 100
"""Requests that may run on one connection."""
STREAM_WINDOW: Final = 512 * 1024
"""Bytes of a request's body that may have come and wait for the application."""
WINDOW: Final = 2 * 1024 * 1024
"""The same of all requests of a connection together."""
FRAME: Final = 16384
"""Bytes of an answer that go out in one frame: after so many, others have their turn."""

_DATA: Final = 0
_GOAWAY: Final = 7
_TABLE: Final = 4096
"""Bytes of the table of known fields, whatever more a client would keep: each field of an answer is looked up there."""
_DEFAULT_WINDOW: Final = 65535
_ANY: Final = 2**31 - 1


class Http2(H2Connection):
    """Where the library would end the connection, what one request does wrong ends that request."""

    MAX_CLOSED_STREAMS = 1000  # that it remembers; 65 536 would be megabytes for each connection

    def __init__(self) -> None:
        # Fields are checked in fields.py.
        super().__init__(
            H2Configuration(
                client_side=False,
                header_encoding=None,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: AT_ONCE,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                SettingCodes.MAX_HEADER_LIST_SIZE: LARGEST_LIST,
            },
        )
        self.frames = 0
        """How many have come."""
        # What is somewhat larger than it may be is still read, and answered with 431.
        self.decoder.max_header_list_size = 2 * LARGEST_LIST

    def begin(self) -> None:
        """Have ready what a server says first."""
        self.initiate_connection()
        self.increment_flow_control_window(WINDOW - _DEFAULT_WINDOW)

    @property
    def open_inbound_streams(self) -> int:
        """Nothing, so that one request too many is not the end of all; they are counted where they run."""
        super().open_inbound_streams  # noqa: B018 - lets go of those that have ended
        return 0

    @property
    def opened(self) -> int:
        """How many streams are open, the one included that has just come."""
        return super().open_inbound_streams

    @property
    def begun(self) -> bool:
        """Whether a frame was begun and has not ended; of a request's body each piece is waited for elsewhere."""
        buffer = self.incoming_buffer
        # Private to h2, which has no other word for it.
        if buffer._headers_buffer or buffer._preamble_len:  # noqa: SLF001
            return True
        rest = buffer._data  # noqa: SLF001
        return bool(rest) and not (len(rest) > 3 and rest[3] == _DATA)

    @property
    def head_too_large(self) -> bool:
        """Whether what has come of a request's fields, compressed, is more than any list that is read could be."""
        # Private to h2, which bounds their frames: a mebibyte of them takes most of a second to read.
        return sum(len(part.data) for part in self.incoming_buffer._headers_buffer) > 2 * LARGEST_LIST  # noqa: SLF001

    def keep_table_small(self) -> None:
        """See _TABLE. After every change of the client's settings."""
        self.encoder.header_table_size = min(self.encoder.header_table_size, _TABLE)

    def sendable(self, stream_id: int) -> int:
        """Return how many bytes of a body the client has room for, in one frame."""
        return max(0, min(self.outbound_flow_control_window, self.room_of(stream_id), FRAME))

    def room_of(self, stream_id: int) -> int:
        """Return how many bytes the client takes in for one stream, whatever it takes in for all."""
        return self.streams[stream_id].outbound_flow_control_window

    def data_frame(self, stream_id: int, data: bytes) -> bytes:
        """Return a frame that does not end its stream. The library takes ten times as long for it."""
        self.outbound_flow_control_window -= len(data)
        self.streams[stream_id].outbound_flow_control_window -= len(data)
        return struct.pack(">HBBBL", len(data) >> 8, len(data) & 0xFF, _DATA, 0, stream_id) + data

    def _receive_frame(self, frame: "Frame") -> list[Event]:
        # Not every frame has an event, but each costs something.
        self.frames += 1
        return super()._receive_frame(frame)

    def _receive_goaway_frame(self, frame: "GoAwayFrame") -> tuple[list["Frame"], list[Event]]:
        # The library would take it for the end of everything. It says that the client opens no more streams; to those
        # that are open it listens.
        del frame
        return [], []


def goaway(code: int, last: int = _ANY) -> bytes:
    """Return the frame that says which stream was the last to be served. The library would end all with it."""
    return struct.pack(">HBBBLLL", 0, 8, _GOAWAY, 0, 0, last, code)


class Allowance:
    """So many at once, and so many a second after that."""

    def __init__(self, most: float, a_second: float) -> None:
        self._most = most
        self._a_second = a_second
        self._left = most
        self._at = 0.0

    def take(self, now: float, count: int = 1) -> bool:
        """Take some. Returns whether they were left."""
        self._left = min(self._most, self._left + (now - self._at) * self._a_second) - count
        self._at = now
        return self._left >= 0

    def give(self, count: float) -> None:
        """Let there be more, for something that was of use."""
        self._left = min(self._most, self._left + count)
