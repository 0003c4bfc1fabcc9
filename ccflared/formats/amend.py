"""What can be tried once more after an upstream refused a request: the same one without what it would not take.

Two kinds of refusals are mended. What another provider left in a conversation, its thoughts and its ids of tools, in
any request of the Anthropic dialect, those that were passed on included: the client cannot mend it, and would be stuck
for good. And fields and limits that an API does not take, in requests that were translated: there they are our choice.

Errors are told apart by their words, as there is nothing else. The words were gathered from public issues of clients,
gateways and servers; tests have them. A wrong guess costs one more request, and never changes what is passed on.
"""

from typing import Final

from ccflared.formats.chat import amend as chat
from ccflared.formats.messages import amend as messages
from ccflared.formats.refusal import Amended, read

__all__ = ["Amended", "amendment"]

_REFUSALS: Final = frozenset({400, 422})


def amendment(
    status: int, error: bytes, dialect: str, body: bytes, *, translated: bool = False
) -> Amended | None:
    """Return what to try in place of ``body``, which was answered with ``status`` and ``error``; None: nothing.

    ``dialect`` is that of the account, ``translated`` whether the body was written by this daemon. Never raises.
    """
    if status not in _REFUSALS:
        return None
    if dialect == "anthropic":
        return messages.amended(read(error), body, translated=translated)
    if dialect == "openai-chat" and translated:
        return chat.amended(read(error), body)
    return None
