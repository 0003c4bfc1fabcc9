"""Brings the blocks of an upstream into the order of events.py, however they come.

Anthropic itself opens one block after the other and ends each; others leave ends out, let blocks overlap, or send text
for a block that they never began. The law here:

* The first block that is open is told as it comes. Those that begin meanwhile wait.
* Text and thoughts end where another block begins: nothing is lost, as more of them begins a block anew. A call ends
  where its upstream says so or the message ends, for two halves of its arguments would be worth nothing.
* Text and thoughts begin at their first character (or signature): blank blocks are none. [An empty text block that
  comes back in the history is refused by Anthropic's API.]
* A block of a kind that cannot be told is passed over, with all that belongs to it.
"""

from collections import deque
from typing import Final

from ccflared.formats import sse
from ccflared.formats.events import BlockBegan, BlockEnded, Delta, Event, Kind, Signed

LONGEST_HELD: Final = sse.LONGEST_EVENT
"""Characters that may wait for a call to end."""
MOST_OPEN: Final = 1000
"""Blocks that may have begun and not ended; Claude calls some ten tools at once at most."""
_WEIGHT: Final = 64
"""What a waiting event weighs beside its characters."""


class Unfit(Exception):  # noqa: N818 - reads as the fact it states
    """What came cannot be made a legal answer; ``str()`` says why. It crosses no border: the answer has failed."""


class _Block:
    """A block that has begun: its first event, whether that is told, and what waits behind it."""

    __slots__ = ("began", "ended", "filled", "held", "index", "told", "whole")

    def __init__(self, index: int, began: BlockBegan, whole: str) -> None:
        self.index = index
        self.began = began
        self.whole = whole  # arguments that came with the beginning, told if no others come
        self.held: list[Event] = []
        self.told = False
        self.filled = False
        self.ended = False


class Blocks:
    """The blocks of one answer. What it makes of them is appended to ``said``."""

    __slots__ = ("_open", "_order", "_weight", "said")

    def __init__(self) -> None:
        self.said: list[Event] = []
        self._open: dict[int, _Block | None] = {}
        self._order: deque[_Block] = deque()
        self._weight = 0

    def begin(self, index: int, began: BlockBegan, whole: str = "") -> None:
        """Take the beginning of a block. ``whole``: the arguments of a call, if they came at once."""
        self.end(index)
        block = _Block(index, began, whole)
        self._opened(index, block)
        self._order.append(block)
        self._advance()
        if block is not self._order[0]:
            self._weigh(len(began.data) + len(whole))
        if began.kind in ("call", "redacted"):
            self._tell(block)

    def pass_over(self, index: int) -> None:
        """Take the beginning of a block that is not told."""
        self.end(index)
        self._opened(index, None)

    def more(self, index: int, kind: Kind, text: str) -> None:
        """Take the next characters of a block. Those of a call that never began are nobody's, and dropped."""
        if text and (block := self._fitting(index, kind)) is not None:
            block.filled = True
            self._add(block, Delta(text))

    def sign(self, index: int, signature: str) -> None:
        """Take the signature of thoughts, or more of it."""
        if signature and (block := self._fitting(index, "thinking")) is not None:
            self._add(block, Signed(signature))

    def end(self, index: int) -> None:
        """Take the end of a block; of one that is not open it says nothing."""
        block = self._open.pop(index, None)
        if block is not None:
            block.ended = True
            self._advance()

    def end_all(self) -> None:
        """Take the end of the message, which ends every block."""
        self._open.clear()
        for block in self._order:
            block.ended = True
        self._advance()

    def _opened(self, index: int, block: _Block | None) -> None:
        self._open[index] = block
        if len(self._open) > MOST_OPEN:
            raise Unfit("The upstream's answer has more open at once than can be held.")

    def _fitting(self, index: int, kind: Kind) -> _Block | None:
        block = self._open.get(index)
        if block is not None and block.began.kind == kind:
            return block
        if kind == "call" or (block is None and index in self._open):
            return None
        self.begin(index, BlockBegan(kind))
        return self._open[index]

    def _add(self, block: _Block, event: Delta | Signed) -> None:
        if not block.told:
            self._tell(block)
        if block is self._order[0]:
            self.said.append(event)
        else:
            self._weigh(len(event.text if isinstance(event, Delta) else event.signature))
            block.held.append(event)

    def _tell(self, block: _Block) -> None:
        block.told = True
        (self.said if block is self._order[0] else block.held).append(block.began)

    def _weigh(self, length: int) -> None:
        self._weight += _WEIGHT + length
        if self._weight > LONGEST_HELD:
            raise Unfit("The upstream's answer has more open at once than can be held.")

    def _advance(self) -> None:
        """End the first block if it can be, tell what waits in the next one, and so on."""
        order = self._order
        while order:
            first = order[0]
            self.said += first.held
            first.held = []
            if len(order) == 1:
                self._weight = 0
            if not first.ended and (len(order) == 1 or first.began.kind == "call"):
                return
            self._close(first)
            order.popleft()

    def _close(self, block: _Block) -> None:
        if not block.ended:
            # It ends because another one has begun; should more of it come, it is to begin a block of its own.
            block.ended = True
            del self._open[block.index]
        if block.whole and not block.filled:
            self.said.append(Delta(block.whole))
        if block.told:
            self.said.append(BlockEnded())
