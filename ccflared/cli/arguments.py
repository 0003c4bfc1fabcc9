"""The parser of the command line: which commands there are and which options each takes. Runs nothing."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ccflared import __version__
from ccflared.cli.edit_arguments import add_account_words, add_client_words, add_edit
from ccflared.cli.help import HELP, TOP, TOP_END
from ccflared.cli.number_arguments import add_care, add_numbers
from ccflared.cli.parser import Parser

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction["Parser"]  # noqa: SLF001 - typeshed has no other name for it


COMPLETED = ("accounts", "clients", "models", "requests")
"""What ``ccflared complete`` prints names of, a line each."""


def parser() -> Parser:
    """Return the parser of the whole command line. ``command`` is None for ``ccflared`` alone."""
    top = Parser(prog="ccflared", description=TOP, epilog=TOP_END, parents=[_where()])
    top.add_argument("-V", "--version", action="version", version=f"ccflared {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)
    _configuration(commands)
    _daemon(commands)
    _status(commands)
    _reload(commands)
    _account(commands)
    _client(commands)
    _login(commands)
    _explain(commands)
    _models(commands)
    add_numbers(commands, _command)
    add_care(commands, _command, Parser)
    return top


def _configuration(commands: "_Commands") -> None:
    init = _command(commands, "init")
    init.add_argument("--force", action="store_true", help="replace a file that is there")
    check = _command(commands, "check")
    check.add_argument(
        "file", metavar="FILE", nargs="?", type=_path, help="the file to check (default: as with --config)"
    )
    check.add_argument(
        "--secrets", action="store_true", help="a secret that cannot be read is a mistake, too"
    )
    check.add_argument("--json", action="store_true", help="print what was found as JSON")
    config = _command(commands, "config")
    config.add_argument("--defaults", action="store_true", help="also show what the file leaves out")
    config.add_argument("--json", action="store_true", help="print it as JSON")
    _command(commands, "schema")
    add_edit(commands, _command)


def _daemon(commands: "_Commands") -> None:
    _command(commands, "run")
    demo = _command(commands, "demo")
    demo.add_argument(
        "--listen", metavar="ADDRESS", help="HOST:PORT to listen on (default: one of this machine only)"
    )
    demo.add_argument("--traffic", action="store_true", help="send some requests all the time")


def _status(commands: "_Commands") -> None:
    status = _command(commands, "status")
    status.add_argument(
        "--watch",
        metavar="SECONDS",
        nargs="?",
        type=_seconds,
        const=2.0,
        help="show it again every 2 seconds, or as many as given, until q or Ctrl-C",
    )
    form = status.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the API's answer")
    form.add_argument("--line", action="store_true", help="print one short line, for prompts and status bars")
    _command(commands, "top")
    dashboard = _command(commands, "dashboard")
    dashboard.add_argument("--json", action="store_true", help="print the API's answer")


def _reload(commands: "_Commands") -> None:
    reload = _command(commands, "reload")
    what = reload.add_mutually_exclusive_group()
    what.add_argument("--allow-less", action="store_true", help="apply it even if it takes something away")
    what.add_argument(
        "--log",
        action="store_true",
        help="print the verdicts since the start, newest first, and reload nothing",
    )
    reload.add_argument("--json", action="store_true", help="print the API's answer")


def _account(commands: "_Commands") -> None:
    account = _command(commands, "account")
    words = account.add_subparsers(
        dest="word",
        metavar="list|add|set|rename|remove|pause|resume|reset|trust|test",
        title="words",
        parser_class=Parser,
        required=True,
    )
    listed = _command(words, "list", of="account")
    listed.add_argument("--json", action="store_true", help="print the API's answer")
    add_account_words(words, _command)
    for word in ("pause", "resume", "reset", "trust", "test"):
        one = _command(words, word, of="account")
        one.add_argument("name", metavar="NAME", help="name of the account, as in the file")
        one.add_argument("--json", action="store_true", help="print the API's answer")


def _client(commands: "_Commands") -> None:
    client = _command(commands, "client")
    words = client.add_subparsers(
        dest="word", metavar="list|add|rotate|remove", title="words", parser_class=Parser, required=True
    )
    listed = _command(words, "list", of="client")
    listed.add_argument("--json", action="store_true", help="print the API's answer")
    add_client_words(words, _command)


def _login(commands: "_Commands") -> None:
    login = _command(commands, "login")
    login.add_argument("name", metavar="NAME", help="name of the account, as in the file")
    login.add_argument(
        "--code-stdin",
        action="store_true",
        help="read the code from the standard input though it is no terminal",
    )
    logout = _command(commands, "logout")
    logout.add_argument("name", metavar="NAME", help="name of the account, as in the file")


def _explain(commands: "_Commands") -> None:
    explain = _command(commands, "explain")
    explain.add_argument(
        "what",
        metavar="MODEL|REQUEST-ID",
        help="a model as clients name it, or the id of a request (of one of the latest, its first 4 letters or "
        "more after req_)",
    )
    explain.add_argument("--client", metavar="NAME", help="for this client of [clients] (default: for any)")
    explain.add_argument("--account", metavar="NAME", help="for a request that is pinned to this account")
    explain.add_argument(
        "--conversation",
        metavar="KEY",
        help="for this conversation, named as in the history (default: a new one)",
    )
    explain.add_argument("--json", action="store_true", help="print the API's answer")


def _models(commands: "_Commands") -> None:
    models = _command(commands, "models")
    models.add_argument(
        "--client", metavar="NAME", help="as this client of [clients] sees them (default: as any)"
    )
    models.add_argument("--json", action="store_true", help="print the API's answer")
    complete = commands.add_parser("complete")  # without help it is not listed: for completions of shells
    complete.add_argument("what", choices=COMPLETED, nargs="+")


def _command(commands: "_Commands", name: str, of: str = "") -> Parser:
    said = HELP[f"{of} {name}".strip()]
    return commands.add_parser(
        name, help=said.summary, description=said.text, epilog=said.end(), parents=[_where()]
    )


def _where() -> Parser:
    """Return the two options that every command takes, before its words and after."""
    where = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = where.add_argument_group("where")
    group.add_argument(
        "--config", metavar="PATH", type=_path, help="the configuration file ($CCFLARED_CONFIG)"
    )
    group.add_argument(
        "--socket", metavar="PATH", type=_path, help="the daemon's control socket ($CCFLARED_SOCKET)"
    )
    return where


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("a path is missing")
    return Path(text).expanduser()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds between 0.1 and 86400")
    return seconds
