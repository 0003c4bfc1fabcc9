"""Which conversation belongs to which account: the owner of the bindings, bounded, each change remembered."""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ccflared.daemon.ledger import Remember
from ccflared.pool.remembered import binding_of, binding_text
from ccflared.pool.sessions import Binding, served
from ccflared.store.memories import CONVERSATION, Memory

MOST: Final = 10_000
"""Conversations that are remembered; the one used longest ago goes first."""
_AT_ONCE: Final = 4
"""Expired conversations that one request sees out."""


class Bindings:
    """The bindings by conversation, the latest used last."""

    def __init__(self, remember: Remember) -> None:
        self._remember = remember
        self._known: OrderedDict[str, Binding] = OrderedDict()
        self.homes: Counter[str] = Counter()
        """How many conversations each account is the home of."""

    def __len__(self) -> int:
        return len(self._known)

    def recall(self, memories: Iterable[Memory]) -> None:
        """Take in what was remembered before this start, in the order of its use."""
        for memory in memories:
            binding = binding_of(memory.value) if memory.kind == CONVERSATION and memory.value else None
            if binding is not None and memory.key not in self._known:
                self._put(memory.key, binding)
        while len(self._known) > MOST:
            self._forget_first()

    def of(self, conversation: str | None, now: float, length: float) -> Binding | None:
        """Return where a conversation belongs; None where it is new, or was not heard of for ``length`` seconds."""
        if conversation is None:
            return None
        binding = self._known.get(conversation)
        return None if binding is None or now - binding.used >= length else binding

    def offered(self, conversation: str, account: str, now: float) -> None:
        """Bind a new conversation to the account that is asked first: what it asks meanwhile goes there, too."""
        if conversation not in self._known:
            self._set(conversation, Binding(account, account, now, home_used=0.0), now)

    def served(self, conversation: str, account: str, began: float, now: float, *, borrows: bool) -> None:
        """Take in that an account served a request begun at ``began``. ``borrows``: its home is away for the moment."""
        before = self._known.get(conversation)
        self._set(conversation, served(before, account, began, now, borrows=borrows), now)

    def expire(self, now: float, length: float) -> None:
        """Forget a few of the conversations that were not heard of for ``length`` seconds."""
        for _ in range(_AT_ONCE):
            first = next(iter(self._known.values()), None)
            if first is None or now - first.used < length:
                return
            self._remember(Memory(CONVERSATION, self._forget_first(), None, now))

    def rename(self, old: str, new: str) -> None:
        """Let the conversations of an account follow it to its new name."""
        for conversation, binding in self._known.items():
            if old in (binding.home, binding.at):
                home, at = (new if name == old else name for name in (binding.home, binding.at))
                self._known[conversation] = renamed = replace(binding, home=home, at=at)
                self._remember(Memory(CONVERSATION, conversation, binding_text(renamed), binding.used))
        self.homes[new] += self.homes.pop(old, 0)

    def _set(self, conversation: str, binding: Binding, now: float) -> None:
        self._put(conversation, binding)
        self._remember(Memory(CONVERSATION, conversation, binding_text(binding), now))
        while len(self._known) > MOST:
            self._remember(Memory(CONVERSATION, self._forget_first(), None, now))

    def _put(self, conversation: str, binding: Binding) -> None:
        before = self._known.get(conversation)
        if before is not None:
            self.homes[before.home] -= 1
        self.homes[binding.home] += 1
        self._known[conversation] = binding
        self._known.move_to_end(conversation)

    def _forget_first(self) -> str:
        conversation, binding = self._known.popitem(last=False)
        self.homes[binding.home] -= 1
        return conversation
