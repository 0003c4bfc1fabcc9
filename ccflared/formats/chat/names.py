"""Names, ids and keys that OpenAI's API takes, made of those that it would not. The same one always makes the same."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Final

# Source: FunctionDefinition.name in the official Python SDK.
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]")
_STEM: Final = 64 - 9
"""As much of a name as leaves room for the hash behind it."""

# Undocumented: "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40".
_LONGEST_ID: Final = 40

_LONGEST_KEY: Final = 64
"""Of ``user``, ``safety_identifier`` and ``prompt_cache_key``."""

# Claude Code's metadata.user_id holds the device, the account and the session; older releases joined them by "_".
_IDENTIFIES: Final = re.compile(r"\s*\{|user_.*_account_", re.DOTALL)


def sent_names(names: Iterable[str]) -> Mapping[str, str]:
    """Return for each name of a tool the one to send: itself if it may be sent, else one made of it, all different."""
    wanted = dict.fromkeys(names)
    sent = {name: name for name in wanted if _NAME.fullmatch(name)}
    taken = set(sent)
    for name in wanted:
        if name not in sent:
            stem = _UNFIT.sub("_", name)[:_STEM]
            made = (f"{stem}_{_hash(str(again or '') + name)[:8]}" for again in count())
            sent[name] = next(one for one in made if one not in taken)
            taken.add(sent[name])
    return sent


def sent_id(call_id: str) -> str:
    """Return the id to send for that of a call: itself, or its hash where it is too long."""
    return call_id if 0 < len(call_id) <= _LONGEST_ID else f"call_{_hash(call_id)[:24]}"


def sent_key(key: str) -> str:
    """Return a key of a user or a cache: itself if it is short and says nothing about a person, else its hash."""
    return key if len(key) <= _LONGEST_KEY and not _IDENTIFIES.match(key) else _hash(key)


def _hash(text: str) -> str:
    # JSON may hold halves of surrogate pairs.
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
