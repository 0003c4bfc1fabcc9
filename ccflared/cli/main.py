"""From the words of the command line to the command, and from its failure to the exit code."""

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ccflared.cli.arguments import parser
from ccflared.cli.number_arguments import COMMANDS
from ccflared.errors import CcflaredError, NotRunning, Refused, UsageError

if TYPE_CHECKING:
    from ccflared.cli import status

FORMER = {
    "--serve": "ccflared run",
    "--stats": "ccflared usage (and ccflared status for the last hour)",
    "--logs": "ccflared logs -f",
    "--analyze": "nothing to do: the history keeps itself in order; ccflared doctor looks whether it is",
    "--reset-stats": "nothing, as totals are kept for ever; to begin anew, stop the daemon, move ccflared.db and "
    "ccflared.db-wal away and start it again: a new one is begun",
    "--clear-history": "[storage] keep_requests in the file (rows), and ccflared payloads purge (bodies)",
    "--compact": "nothing to do: what is erased gives its room back by itself; [storage] max_size bounds it",
    "--repair-db": "ccflared doctor --full, and ccflared doctor --rebuild-totals",
    "--list": "ccflared account list",
    "--show-config": "ccflared config",
    "--force-reset-rate-limit": "ccflared account reset NAME",
    "--doctor": "ccflared doctor",
    "--port": 'listen = "127.0.0.1:PORT" in [server] of ccflare.toml',
    "--add-account": "ccflared account add NAME --mode MODE [--priority N] [--tier N]",
    "--remove": "ccflared account remove NAME",
    "--set-priority": "ccflared account set NAME priority=N",
    "--reauthenticate": "ccflared login NAME",
    "--list-api-keys": "ccflared client list",
    "--generate-api-key": "ccflared client add NAME",
    "--delete-api-key": "ccflared client remove NAME",
    "--pause": "ccflared account pause NAME",
    "--resume": "ccflared account resume NAME",
}
"""What users of better-ccflare type, and what it is here."""


_NO_TEXT = (
    "A word of the command has letters that are none in this locale, so nobody can be asked for them.\n"
    "Where the terminal writes UTF-8: LC_ALL=C.UTF-8 ccflared ..."
)


def run_command(words: Sequence[str]) -> int:
    """Run the command that ``words`` ask for and return its exit code. Says on stderr what went wrong."""
    try:
        code = _run(list(words))
    except UsageError as error:
        code = _fail(error, 2)
    except NotRunning as error:
        code = _fail(error, 3)
    except CcflaredError as error:
        code = _fail(error, 4)
    except SystemExit as end:  # argparse, for --help and for words it does not understand
        code = end.code if isinstance(end.code, int) else 2
    except UnicodeEncodeError:
        code = _fail(UsageError(_NO_TEXT), 2)
    except BrokenPipeError:
        code = 0
    return _flushed() or code


def _flushed() -> int:
    """Write out what is buffered. Returns 4 if it cannot be written, 0 if the reader has seen enough."""
    try:
        if sys.stdout is not None:  # as it is where descriptor 1 is closed
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter complains once more at its end
        if isinstance(error, BrokenPipeError):  # `ccflared status | head -1`
            return 0
        return _fail(Refused(f"The output cannot be written: {error.strerror}"), 4)
    return 0


def _run(words: list[str]) -> int:
    _welcome_from_elsewhere(words)
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    asked = parser().parse_args(words)
    config: Path | None = getattr(asked, "config", None)
    socket: Path | None = getattr(asked, "socket", None)
    match asked.command:
        case "init" | "check" | "config" | "schema":
            return _configuration(asked, config)
        case "edit":
            return _edit(asked, _question(config, socket))
        case "client" if asked.word != "list":
            return _edit(asked, _question(config, socket))
        case "account" if asked.word in ("add", "set", "rename", "remove"):
            return _edit(asked, _question(config, socket))
        case "run":
            _outlive_hangup()
            from ccflared.cli.daemon import run_daemon  # noqa: PLC0415 - heavy: after the signal handlers

            return run_daemon(config)
        case "demo":
            _outlive_hangup()
            from ccflared.cli.demo import run_demo  # noqa: PLC0415 - heavy: after the signal handlers

            return run_demo(listen=asked.listen, traffic=asked.traffic)
        case None:
            return _alone(config, socket)
        case _:
            return _ask(asked, config, socket)


def _configuration(asked: Namespace, config: Path | None) -> int:
    from ccflared.cli import configuration  # noqa: PLC0415 - only what the command needs

    match asked.command:
        case "init":
            from ccflared.cli.init import init  # noqa: PLC0415 - as above

            return init(config, force=asked.force)
        case "check":
            if asked.file is not None and config is not None:
                raise UsageError("ccflared check: two files are named; FILE and --config mean the same")
            config = asked.file or config
            return configuration.check(
                config, secrets=asked.secrets, json=asked.json, question=_question(config, None)
            )
        case "config":
            return configuration.show_config(config, defaults=asked.defaults, json=asked.json)
        case _:
            return configuration.schema()


def _outlive_hangup() -> None:
    """Let a SIGHUP during the imports pass: the file is about to be read anyway."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _alone(config: Path | None, socket: Path | None) -> int:
    from ccflared.cli import status  # noqa: PLC0415 - only what the command needs

    try:
        return status.show(_question(config, socket), json=False, line=False)
    except NotRunning as error:
        if socket is not None or os.environ.get("CCFLARED_SOCKET"):
            return _fail(error, 3)
    from ccflared.cli.first_steps import first_steps  # noqa: PLC0415 - the same
    from ccflared.cli.terminal import stdout  # noqa: PLC0415 - the same

    terminal = stdout()
    terminal.write(first_steps(config, os.environ, terminal.sheet()))
    return 3


def _ask(asked: Namespace, config: Path | None, socket: Path | None) -> int:
    question = _question(config, socket)
    if asked.command == "status":
        from ccflared.cli import status  # noqa: PLC0415 - only what the command needs

        if asked.watch is not None:
            return status.watch(question, asked.watch, json=asked.json, line=asked.line)
        return status.show(question, json=asked.json, line=asked.line)
    if asked.command == "dashboard":
        from ccflared.cli.dashboard import dashboard  # noqa: PLC0415 - the same

        return dashboard(question, json=asked.json)
    if asked.command == "top":
        from ccflared.cli.top import top  # noqa: PLC0415 - the same

        return top(question)
    if asked.command == "models":
        from ccflared.cli.models import models  # noqa: PLC0415 - the same

        return models(question, client=asked.client, json=asked.json)
    if asked.command == "explain":
        from ccflared.cli import explain  # noqa: PLC0415 - the same

        subject = explain.Subject(asked.what, asked.client, asked.account, asked.conversation)
        return explain.explain(question, subject, json=asked.json)
    if asked.command == "account":
        return _account(asked, question)
    if asked.command == "client":
        return _client(asked, question)
    if asked.command in ("login", "logout"):
        from ccflared.cli import login  # noqa: PLC0415 - the same

        if asked.command == "login":
            return login.login(question, asked.name, code_stdin=asked.code_stdin)
        return login.logout(question, asked.name)
    if asked.command in COMMANDS:
        from ccflared.cli.numbers import run  # noqa: PLC0415 - the same

        return run(asked, question)
    from ccflared.cli import control  # noqa: PLC0415 - the same

    if asked.log:
        return control.reload_log(question, json=asked.json)
    return control.reload(question, allow_less=asked.allow_less, json=asked.json)


def _account(asked: Namespace, question: "status.Question") -> int:
    from ccflared.cli import account  # noqa: PLC0415 - only what the command needs

    match asked.word:
        case "list":
            return account.list_accounts(question, json=asked.json)
        case "test":
            return account.test(question, asked.name, json=asked.json)
        case word:
            return account.change(question, word, asked.name, json=asked.json)


def _client(asked: Namespace, question: "status.Question") -> int:
    from ccflared.cli import clients  # noqa: PLC0415 - only what the command needs

    return clients.list_clients(question, json=asked.json)


def _edit(asked: Namespace, question: "status.Question") -> int:
    from ccflared.cli.edits import site  # noqa: PLC0415 - only what the command needs

    if asked.command == "edit":
        from ccflared.cli.edit import edit  # noqa: PLC0415 - the same

        return edit(site(question, json=False), asked.file)
    at = site(question, json=asked.json)
    if asked.command == "client":
        from ccflared.cli import client_edits  # noqa: PLC0415 - the same

        return client_edits.run(at, asked)
    from ccflared.cli import account_edits  # noqa: PLC0415 - the same

    match asked.word:
        case "add":
            return account_edits.add(at, asked)
        case "set":
            return account_edits.change(at, asked)
        case "rename":
            return account_edits.rename(at, asked.name, asked.new)
        case _:
            return account_edits.remove(at, asked.name, force=asked.force, allow_less=asked.allow_less)


def _question(config: Path | None, socket: Path | None) -> "status.Question":
    from ccflared.cli import status  # noqa: PLC0415 - only what the command needs
    from ccflared.cli.client import Daemon  # noqa: PLC0415 - the same
    from ccflared.cli.first_steps import remark_on, start_hint  # noqa: PLC0415 - the same
    from ccflared.cli.places import config_file, socket_places  # noqa: PLC0415 - the same

    places = socket_places(socket, config_file(config, os.environ), os.environ)
    return status.Question(
        Daemon(places, start_hint(config, os.environ), remark_on(config, os.environ)), config
    )


def _welcome_from_elsewhere(words: list[str]) -> None:
    """Say what an option of better-ccflare is called here. Raises UsageError."""
    for word in words[:1]:
        here = FORMER.get(word.partition("=")[0])
        if here is not None:
            raise UsageError(
                f"{word.partition('=')[0]} is an option of better-ccflare; here it is: {here}\n"
                "ccflared --help lists all commands."
            )


def _fail(error: CcflaredError, code: int) -> int:
    from ccflared.cli.terminal import complain  # noqa: PLC0415 - only where there is something to say

    complain(str(error))
    return code
