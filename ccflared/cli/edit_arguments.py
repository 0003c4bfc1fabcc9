"""The options of the commands that edit the file: edit, and the words of account and client that change it."""

import argparse
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ccflared.cli.parser import Parser

Command = Callable[[Any, str, str], "Parser"]
"""Adds a command with its help: given the commands, its name, and the word that it belongs to."""


def add_edit(commands: Any, command: Command) -> None:
    """Add ``ccflared edit``."""
    edit = command(commands, "edit", "")
    edit.add_argument(
        "--file", metavar="F", type=_path, help="edit this file that the main one includes, instead of it"
    )


def add_account_words(words: Any, command: Command) -> None:
    """Add the words of ``ccflared account`` that change the file."""
    add = _named(words, command, "add", "account", "name of the new account")
    add.usage = "ccflared account add NAME (--provider P | --mode M) [options]"
    kind = add.add_mutually_exclusive_group()
    kind.add_argument("--provider", metavar="P", help="built-in provider, or one of [providers]")
    kind.add_argument(
        "--mode", metavar="M", help="the same by better-ccflare's name: max, console, zai, vertex-ai, ..."
    )
    add.add_argument("--priority", metavar="N", type=_whole, help="lower is preferred (default 0)")
    add.add_argument(
        "--tier", metavar="N", type=_number, help="capacity: Pro 1, Max 5x 5, Max 20x 20 (default 1)"
    )
    add.add_argument("--base-url", metavar="U", help="custom endpoint")
    _key_options(add)
    add.add_argument(
        "--model",
        metavar="NAME=UPSTREAM",
        action="append",
        default=[],
        help="what the upstream calls a model: opus=big-1; several times for several",
    )
    add.add_argument(
        "--file", metavar="F", type=_path, help="write it into this included file, not the main one"
    )
    change = _named(words, command, "set", "account", "name of the account, as in the file")
    change.add_argument(
        "settings",
        metavar="KEY=VALUE",
        nargs="*",
        help="a key of the account and its value as TOML, or a bare word; KEY= takes the key out",
    )
    change.add_argument(
        "--api-key-stdin", action="store_true", help="read a new key from standard input and store it"
    )
    change.rest = "settings"
    rename = command(words, "rename", "account")
    rename.add_argument("name", metavar="OLD", help="name of the account, as in the file")
    rename.add_argument("new", metavar="NEW", help="its new name")
    _json(rename)
    remove = _named(words, command, "remove", "account", "name of the account, as in the file")
    remove.add_argument(
        "--force", action="store_true", help="take it out of the chains and clients that name it, too"
    )
    _allow_less(remove)


def add_client_words(words: Any, command: Command) -> None:
    """Add the words of ``ccflared client`` that change the file."""
    add = _named(words, command, "add", "client", "name of the new client")
    add.usage = "ccflared client add NAME [options]"
    add.add_argument(
        "--accounts", metavar="A", nargs="+", help="accounts it may use, names or globs (default: all)"
    )
    add.add_argument("--models", metavar="M", nargs="+", help="models it may ask for (default: all)")
    add.add_argument("--pin", action="store_true", help="it may choose an account by x-ccflared-account")
    add.add_argument("--expires", metavar="DAY", help="the day from which its key counts no more: 2027-01-01")
    add.add_argument("--requests-per-hour", metavar="N", type=_whole, help="how often it may ask")
    add.add_argument("--budget-daily", metavar="USD", type=_number, help="what it may use up in a day")
    add.add_argument("--budget-monthly", metavar="USD", type=_number, help="what it may use up in a month")
    rotate = _named(words, command, "rotate", "client", "name of the client, as in the file")
    how = rotate.add_mutually_exclusive_group()
    how.add_argument("--keep-old", action="store_true", help="the old key counts, too, until --drop-old")
    how.add_argument(
        "--drop-old", action="store_true", help="make no new key; only the newest counts from now on"
    )
    remove = _named(words, command, "remove", "client", "name of the client, as in the file")
    _allow_less(remove)


def _named(words: Any, command: Command, word: str, of: str, what: str) -> "Parser":
    made = command(words, word, of)
    made.add_argument("name", metavar="NAME", help=what)
    _json(made)
    return made


def _json(made: "Parser") -> None:
    made.add_argument("--json", action="store_true", help="print what was done as JSON")


def _allow_less(made: "Parser") -> None:
    made.add_argument(
        "--allow-less", action="store_true", help="even if it is the last one, or takes protection away"
    )


def _key_options(made: "Parser") -> None:
    key = made.add_mutually_exclusive_group()
    key.add_argument(
        "--api-key-env", metavar="V", help="the daemon finds the key in this environment variable"
    )
    key.add_argument("--api-key-file", metavar="F", help="the daemon reads the key from this file")
    key.add_argument(
        "--api-key-stdin", action="store_true", help="read the key from standard input and store it"
    )


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("a path is missing")
    return Path(text).expanduser()


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]} is no whole number") from None


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no number") from None
    if not isfinite(number):
        raise argparse.ArgumentTypeError(f"{text} is no number that could be meant")
    return int(number) if number.is_integer() else number
