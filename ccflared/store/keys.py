"""Keys of clients: made here, told once, and kept as a SHA-256 alone."""

import secrets
from hashlib import sha256
from typing import Final

from ccflared.secret import Secret

PREFIX: Final = "ccf_"


def new_key() -> tuple[Secret, str]:
    """Return a key of 256 bits, and its SHA-256, which is all that is kept."""
    key = PREFIX + secrets.token_urlsafe(32)
    return Secret(key), sha256(key.encode()).hexdigest()
