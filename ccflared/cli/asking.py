"""What is asked of a person at a terminal, and what is read from standard input where none is there."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ccflared.config.load import secret_of
from ccflared.errors import Refused, UsageError
from ccflared.secret import Secret

_LARGEST = 64 * 1024 + 3
_UNCHANGED = "Nothing was changed."


def can_ask() -> bool:
    """Whether a person is there to answer. Without a terminal nothing ever prompts."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask_line(question: str, *, otherwise: str = _UNCHANGED) -> str:
    """Ask a person for a line. Raises Refused, which says ``otherwise``, where they leave instead."""
    with _interruptible(otherwise):
        sys.stderr.write(question)
        sys.stderr.flush()
        line = sys.stdin.readline()
    if not line:
        sys.stderr.write("\n")
        raise Refused(otherwise)
    return line.strip()


def ask_secret(question: str) -> Secret:
    """Ask a person for a secret, which is not shown. Raises Refused where they leave, or what is typed is none."""
    import getpass  # noqa: PLC0415 - only where somebody types

    with _interruptible():
        try:
            typed = getpass.getpass(question, stream=sys.stderr)
        except EOFError:
            raise Refused(_UNCHANGED) from None
    return _checked(typed, "what was typed")


def read_secret(question: str) -> Secret:
    """Read a secret from standard input, to its end; from a terminal, ask for it. Raises UsageError, Refused."""
    if sys.stdin.isatty():
        if not can_ask():
            raise UsageError("--api-key-stdin: the key is to come through a pipe, or be typed at a terminal.")
        return ask_secret(question)
    content = sys.stdin.buffer.read(_LARGEST)
    try:
        return _checked(content.decode(), "standard input")
    except UnicodeDecodeError:
        raise UsageError("--api-key-stdin: standard input is not UTF-8 text.") from None


def _checked(text: str, source: str) -> Secret:
    secret, problem = secret_of(text, source)
    if secret is None:
        raise UsageError(f"There is no key: {problem}.")
    return secret


@contextmanager
def _interruptible(otherwise: str = _UNCHANGED) -> Iterator[None]:
    """Let signals come as exceptions, so that the terminal gets its echo back. Raises Refused for one."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        raise Refused(otherwise) from None
    finally:
        for number, action in before.items():
            signal.signal(number, action)
