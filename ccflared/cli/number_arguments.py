"""The options of the commands about what happened: usage, requests, request, logs, doctor, backup, payloads, alert."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccflared.cli.render.choices import ALSO, BY, LEVELS

if TYPE_CHECKING:
    from ccflared.cli.parser import Parser

Command = Callable[[Any, str, str], "Parser"]
"""Adds a command with its help: given the commands, its name, and the word that it belongs to."""
COMMANDS = frozenset({"usage", "requests", "request", "logs", "doctor", "backup", "payloads", "alert"})
_MOST = 1000
"""Rows, or lines, that the daemon gives at once."""


def add_numbers(commands: Any, command: Command) -> None:
    """Add usage, requests, request and logs."""
    usage = command(commands, "usage", "")
    usage.add_argument(
        "--by",
        metavar="WHAT",
        type=_by,
        default="account",
        help=f"what makes a row: {', '.join(BY)} (default: account)",
    )
    usage.add_argument(
        "--since",
        metavar="WHEN",
        help="a span of time such as 12h or 30d, rounded to whole hours or days, or a day: 2026-11-01, today, "
        "yesterday (default: 7d; by hour: 24h)",
    )
    form = usage.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the API's answer")
    form.add_argument("--csv", action="store_true", help="print rows for a spreadsheet, with plain numbers")
    _add_requests(commands, command)
    request = command(commands, "request", "")
    request.add_argument(
        "id",
        metavar="ID",
        help="the id of a request; of one of the latest, its first 4 letters or more after req_",
    )
    request.add_argument(
        "--body",
        action="store_true",
        help="print what was asked and answered, where [storage] keep_payloads keeps it",
    )
    request.add_argument("--json", action="store_true", help="print the API's answer")
    logs = command(commands, "logs", "")
    _follow(logs, "line")
    logs.add_argument(
        "--level",
        metavar="L",
        type=_level,
        help=f"only lines of this level and graver: {', '.join(LEVELS)}",
    )
    logs.add_argument("--account", metavar="A", help="only lines about this account")
    logs.add_argument(
        "--request", metavar="ID", help="only lines about this request, or about all whose ids begin so"
    )
    logs.add_argument("--json", action="store_true", help="print the lines as JSON; with -f one in each line")


def _add_requests(commands: Any, command: Command) -> None:
    requests = command(commands, "requests", "")
    _follow(requests, "request")
    requests.add_argument(
        "--search",
        metavar="TEXT",
        type=_text,
        help="look in what was said in bodies that are kept, and in errors: all words have to be there; "
        'the last may be the beginning of one, and "words in quotation marks" stand together',
    )
    requests.add_argument("--account", metavar="A", help="that this account served")
    requests.add_argument(
        "--status", metavar="S", help="answered with this status: a number such as 429, success, error or all"
    )
    requests.add_argument("--client", metavar="NAME", help="of this client")
    requests.add_argument("--model", metavar="M", help="that asked for this model")
    requests.add_argument("--project", metavar="P", help="of this project")
    requests.add_argument("--conversation", metavar="KEY", help="of this conversation")
    requests.add_argument(
        "--json", action="store_true", help="print the API's answer; with -f a request in each line"
    )


def add_care(commands: Any, command: Command, parser: "type[Parser]") -> None:
    """Add doctor, backup, payloads and alert."""
    doctor = command(commands, "doctor", "")
    doctor.add_argument("--full", action="store_true", help="also hold indexes against tables; takes a while")
    doctor.add_argument(
        "--rebuild-totals",
        action="store_true",
        help="have the daemon add up hours and days anew from the rows",
    )
    doctor.add_argument("--json", action="store_true", help="print what was found as JSON")
    backup = command(commands, "backup", "")
    backup.add_argument("path", metavar="PATH", type=_path, help="the file to write")
    backup.add_argument(
        "--force", action="store_true", help="replace an earlier copy, or another database, that is there"
    )
    backup.add_argument(
        "--payloads",
        action="store_true",
        help="also copy the kept bodies, to PATH with .payloads in its name",
    )
    payloads = command(commands, "payloads", "")
    words = payloads.add_subparsers(
        dest="word", metavar="purge", title="words", parser_class=parser, required=True
    )
    purge = command(words, "purge", "payloads")
    purge.add_argument("--yes", action="store_true", help="do not ask")
    purge.add_argument("--json", action="store_true", help="print the API's answer")
    _add_alert(commands, command, parser)


def _add_alert(commands: Any, command: Command, parser: "type[Parser]") -> None:
    alert = command(commands, "alert", "")
    words = alert.add_subparsers(
        dest="word", metavar="list|acknowledge|test", title="words", parser_class=parser, required=True
    )
    listed = command(words, "list", "alert")
    listed.add_argument("--json", action="store_true", help="print the API's answer")
    known = command(words, "acknowledge", "alert")
    known.add_argument(
        "id", metavar="ID|all", help="the id of an alert, as ccflared alert list shows it, or all"
    )
    known.add_argument("--json", action="store_true", help="print the API's answer")
    test = command(words, "test", "alert")
    test.add_argument("--json", action="store_true", help="print the API's answer")


def _follow(to: "Parser", what: str) -> None:
    to.add_argument(
        "-f", "--follow", action="store_true", help=f"go on with each {what} that comes, until Ctrl-C"
    )
    to.add_argument(
        "-n",
        "--number",
        metavar="N",
        type=_number,
        default=20,
        help=f"how many {what}s, 1 to {_MOST} (default: 20); with -f also 0: only those to come",
    )


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1
    if not 0 <= number <= _MOST:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 to {_MOST}")
    return number


def _text(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the text to look for is missing")
    return text


def _by(text: str) -> str:
    if text not in BY:
        raise argparse.ArgumentTypeError(f"there is no usage by {text}; there is: {', '.join(BY)}")
    return text


def _level(text: str) -> str:
    level = ALSO.get(text.lower(), text.lower())
    if level not in LEVELS:
        raise argparse.ArgumentTypeError(f"{text} is no level; there are: {', '.join(LEVELS)}")
    return level


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("a path is missing")
    return Path(text).expanduser()
