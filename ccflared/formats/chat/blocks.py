"""Puts what an upstream says all at once into blocks one behind the other, as the order of events wants it.

Text, thoughts and calls come mixed, and the calls of one answer interleaved. What is said first is passed on at once;
what would have to stand within an unfinished call waits until that call is whole. Waiting text is bounded.
"""

from collections import deque
from typing import Final, Literal

from ccflared.formats.arguments import Arguments, object_text
from ccflared.formats.events import BlockBegan, BlockEnded, Delta, Event

MOST_HELD: Final = 16 * 1024 * 1024
"""Bytes, about, that may wait. The longest arguments seen are files of some hundred kilobytes."""
_COST_OF_A_PIECE: Final = 56
_COST_OF_A_BLOCK: Final = 1024
"""What a text and a block count in addition to their characters, so that many small ones are bounded, too."""

_BLOCK_ENDED: Final = BlockEnded()

_HIGH_FIRST: Final = "\ud800"
_HIGH_LAST: Final = "\udbff"
"""First halves of surrogate pairs."""


class _Words:
    """A block of text or thoughts: whole at any time."""

    __slots__ = ("begun", "half", "held", "kind")

    whole = True

    def __init__(self, kind: Literal["text", "thinking"], held: list[str]) -> None:
        self.kind = kind
        self.held = held
        self.half = ""
        self.begun = False

    def begin(self) -> BlockBegan:
        return BlockBegan(self.kind)


class _Call:
    """A call, as far as it has come. ``given`` is the id that the upstream gave it, "" for none."""

    __slots__ = ("arguments", "begun", "given", "half", "held", "id", "name")

    def __init__(self, call_id: str, given: str) -> None:
        self.id = call_id
        self.given = given
        self.name = ""
        self.arguments = Arguments()
        self.held: list[str] = []
        self.half = ""
        self.begun = False

    @property
    def whole(self) -> bool:
        return self.arguments.whole

    def begin(self) -> BlockBegan | None:
        return BlockBegan("call", self.id, self.name) if self.name else None


def _joined(block: _Words | _Call, text: str) -> str:
    """Return a text behind the half character that came before it, and without the one it ends in.

    Servers that count UTF-16, as JavaScript does, may cut an emoji in two: each half comes in a chunk of its own.
    """
    if block.half and "\udc00" <= text[0] <= "\udfff":
        text = (block.half + text[0]).encode("utf-16", "surrogatepass").decode("utf-16") + text[1:]
    else:
        text = block.half + text
    block.half = text[-1] if _HIGH_FIRST <= text[-1] <= _HIGH_LAST else ""
    return text[:-1] if block.half else text


class Blocks:
    """The blocks of one answer. ``take`` gives out their events."""

    __slots__ = (
        *("_blank", "_by_id", "_by_index", "_events", "_ids", "_last", "_queue", "_room", "_seed"),
        *("any", "calls"),
    )

    def __init__(self, seed: str, most_held: int = MOST_HELD) -> None:
        self._seed = seed
        self._room = most_held
        self._queue: deque[_Words | _Call] = deque()
        self._events: list[Event] = []
        # Blank text begins no block: Anthropic's API refuses a history that has a block of nothing else.
        self._blank: list[str] = []
        self._by_index: dict[int | None, _Call] = {}
        self._by_id: dict[tuple[int | None, str], _Call] = {}
        self._ids: set[str] = set()
        self._last: _Call | None = None
        self.any = False
        """Whether anything was said."""
        self.calls = False
        """Whether any tool is called."""

    @property
    def overfull(self) -> bool:
        """Whether more waits than may."""
        return self._room < 0

    def take(self) -> list[Event]:
        """Return the events since the last time."""
        events, self._events = self._events, []
        return events

    def say(self, kind: Literal["text", "thinking"], text: str) -> None:
        """Add text or thoughts, "" being none."""
        if not text:
            return
        queue = self._queue
        last = queue[-1] if queue else None
        if type(last) is _Words and last.kind == kind:
            if last.half or _HIGH_FIRST <= text[-1] <= _HIGH_LAST:
                text = _joined(last, text)
            if len(queue) == 1:
                if text:
                    self._events.append(Delta(text))
                return
        elif text.isspace():
            if kind == "text":
                self._keep(self._blank, text)
            return
        else:
            last = _Words(kind, self._blank if kind == "text" else [])
            self._enqueue(last)
            text = _joined(last, text)
        self._keep(last.held, text)
        self._advance()

    def call(self, index: int | None, call_id: str, name: str, arguments: str) -> None:
        """Add what a chunk says of a call; ``index`` None and "" are things that it does not say."""
        if not (call_id or name or arguments):
            return
        self._last = call = self._find(index, call_id, name, arguments)
        call.name = call.name or name
        if arguments and (call.half or _HIGH_FIRST <= arguments[-1] <= _HIGH_LAST):
            arguments = _joined(call, arguments)
        if fragment := call.arguments.take(arguments):
            self._keep(call.held, fragment)
        self._advance()

    def close(self, *, cut: bool) -> str:
        """End all blocks: the answer has ended. Returns what forbids it, in a sentence; "" where all is well.

        ``cut``: the answer was cut on purpose, so a call may be half.
        """
        while self._queue:
            block = self._queue[0]
            if type(block) is _Call and not self._completed(block, cut=cut):
                return "The upstream ended its answer in the middle of a tool call."
            self._end(block)
        return ""

    @property
    def half(self) -> bool:
        """Whether a call is not whole yet."""
        return any(type(block) is _Call and block.arguments.missing != "" for block in self._queue)

    def _find(self, index: int | None, call_id: str, name: str, arguments: str) -> _Call:
        """Return the call that a fragment belongs to, a new one where it belongs to none.

        Calls are told apart by index. But there are servers that say index 0 of all (Google's), so another id is
        another call, as is one that is named anew after its arguments were whole; and some say no index (Ollama's).
        """
        call = self._last if index is None else self._by_index.get(index)
        if call is None:
            return self._new(index, call_id)
        if call_id and call_id != call.given:
            if (known := self._by_id.get((index, call_id))) is not None:
                return known
            if call.given or call.arguments.begun:
                return self._new(index, call_id)
            call.given = call_id
            self._by_id[index, call_id] = call
        elif name and not call_id:
            another = index is None and call.name not in ("", name)
            if another or (call.whole and arguments.strip()):
                return self._new(index, "")
        return call

    def _new(self, index: int | None, given: str) -> _Call:
        call_id = given
        if not given or given in self._ids:
            call_id = f"toolu_{self._seed.removeprefix('req_')}{len(self._ids):02d}"
        self._ids.add(call_id)
        call = _Call(call_id, given)
        self._by_index[index] = call
        if given:
            self._by_id[index, given] = self._by_id[None, given] = call
        self._room -= len(given)
        self._enqueue(call)
        return call

    def _enqueue(self, block: _Words | _Call) -> None:
        self.any = True
        self._blank = []
        self._room -= _COST_OF_A_BLOCK
        self._queue.append(block)

    def _keep(self, held: list[str], text: str) -> None:
        held.append(text)
        self._room -= len(text) + _COST_OF_A_PIECE

    def _advance(self) -> None:
        """Give out what stands in the first block; end it if another waits and it is whole, and go on with that."""
        queue = self._queue
        while queue:
            block = queue[0]
            self._pour(block)
            if len(queue) == 1 or not block.whole or not block.begun:
                return
            self._end(block)

    def _pour(self, block: _Words | _Call) -> None:
        if not block.begun:
            began = block.begin()
            if began is None:
                return
            self._events.append(began)
            block.begun = True
            self.calls = self.calls or type(block) is _Call
        if not block.held or (type(block) is _Call and (block.arguments.odd or not block.arguments.begun)):
            return
        text = "".join(block.held)
        self._room += len(text) + _COST_OF_A_PIECE * len(block.held)
        block.held.clear()
        if text:
            self._events.append(Delta(text))

    def _completed(self, call: _Call, *, cut: bool) -> bool:
        """Make a call's arguments an object's, if they can be; whether they are."""
        if not call.name:
            return cut or not call.arguments.begun
        if call.arguments.odd:
            call.held = [object_text("".join(call.held))]
            call.arguments = Arguments()
            call.arguments.take(call.held[0])
        elif not cut:
            missing = call.arguments.missing
            if missing is None:
                return False
            if missing:
                call.held.append(missing)
        return True

    def _end(self, block: _Words | _Call) -> None:
        self._queue.popleft()
        if type(block) is _Words and block.half:
            # Its other half never came.
            self._keep(block.held, block.half)
        self._pour(block)
        if block.begun:
            self._events.append(_BLOCK_ENDED)
        if type(block) is _Words:
            self._room += _COST_OF_A_BLOCK
