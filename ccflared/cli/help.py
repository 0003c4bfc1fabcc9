"""What ``--help`` says of each command: what it does, how it exits, an example. The options are elsewhere."""

from typing import NamedTuple

from ccflared.cli.help_edits import EDITS
from ccflared.cli.help_numbers import NUMBERS

TOP = """
A daemon that serves Claude and OpenAI clients from several accounts. Without a command it shows the status,
or the first steps where no daemon runs.
"""

TOP_END = """
exit codes:
  0  fine
  1  the answer is no: mistakes in the file, an account that needs a person, a refused edit, history off
  2  usage, or no configuration
  3  the daemon is not running
  4  refused, or it could not be applied

examples:
  ccflared demo --traffic
  ccflared init
  ccflared check
  ccflared status --watch
  ccflared dashboard
  ccflared requests -f
  ccflared usage --by model --since 30d

ccflared COMMAND --help tells more about each.
"""


class Help(NamedTuple):
    """The help of one command. ``exits`` are its exit codes and their meaning."""

    summary: str
    text: str
    exits: tuple[tuple[int, str], ...]
    examples: tuple[str, ...]

    def end(self) -> str:
        """Return what stands below the options."""
        codes = "".join(f"  {code}  {meaning}\n" for code, meaning in self.exits)
        return f"exit codes:\n{codes}\nexamples:\n" + "".join(f"  {example}\n" for example in self.examples)


_NO_FILE = (2, "there is no configuration")
_NOT_RUNNING = (3, "the daemon is not running")
_NO_ANSWER = "it does not let you, does not answer, or is not ccflared"
_NO_SUCH = "there is no such account; or the daemon " + _NO_ANSWER.removeprefix("it ")

HELP = {
    "init": Help(
        "write a commented file to start from",
        """
Writes a commented starter configuration, readable by you only (mode 0600), to --config or the usual place.
Root's in /etc/ccflared, and that of an instance, /etc/ccflared/NAME/ccflare.toml, is readable by the service as
well (group ccflared-admin, mode 0640). Never overwrites a file unless --force is given.
""",
        ((0, "written"), (4, "there is a file already, or it cannot be written")),
        ("ccflared init", "ccflared init --config ./ccflare.toml"),
    ),
    "check": Help(
        "read the file and name every mistake",
        """
Reads the configuration by the very path that the daemon uses, includes and all, and names every mistake
with its file, line and column. Needs no running daemon and changes nothing; what one that runs from this
file refuses to lose is told, too. A secret that cannot be read is a warning only, because the daemon may
be able to read it.
""",
        ((0, "the daemon would take it"), (1, "it has mistakes"), _NO_FILE),
        ("ccflared check", "ccflared check new.toml && mv new.toml ccflare.toml"),
    ),
    "config": Help(
        "show the values in force, and where each comes from",
        """
Prints the effective values of the configuration, each with the file and line it stands in. Secrets are
not shown. Needs no running daemon.
""",
        ((0, "printed"), (1, "the file has mistakes"), _NO_FILE),
        ("ccflared config", "ccflared config --defaults"),
    ),
    "schema": Help(
        "print the JSON Schema of the file",
        """
Prints the JSON Schema of ccflare.toml, for editors that complete and check while you type.
""",
        ((0, "printed"),),
        ("ccflared schema > ccflare.schema.json",),
    ),
    "run": Help(
        "run the daemon in the foreground",
        """
Runs the daemon until SIGTERM or Ctrl-C, which let the running answers end ([server] drain); a second one
ends it at once. An edited file is taken over by itself, and on SIGHUP. The file is --config, else
$CCFLARED_CONFIG, else $XDG_CONFIG_HOME/ccflared/ccflare.toml (~/.config), else
/etc/ccflared/ccflare.toml.
""",
        (
            (0, "stopped as asked"),
            (1, "the file has mistakes"),
            _NO_FILE,
            (4, "it cannot start: an address is taken, another daemon uses the state directory, ..."),
        ),
        ("ccflared run", "ccflared run --config ./ccflare.toml"),
    ),
    "demo": Help(
        "see it work, without account or network",
        """
Runs the daemon with a built-in fake provider and a state directory that is thrown away: three accounts,
one of which runs into its limit every few requests. Prints what to try. Nothing leaves this machine.
""",
        ((0, "stopped as asked"), (4, "it cannot start")),
        ("ccflared demo", "ccflared demo --listen 127.0.0.1:9090 --traffic"),
    ),
    "status": Help(
        "show how the daemon is",
        """
Shows how the daemon is: the accounts in the order in which they are asked, their usage windows and why some are
not asked, chains, the day and the last hour, clients, where it listens, which configuration is in force or why a
newer one was refused, and what needs a person.
""",
        (
            (0, "fine"),
            (
                1,
                "an account or its token needs a person, an edit stands refused, or history or payloads are off",
            ),
            (2, "--watch is out of its range"),
            _NOT_RUNNING,
            (4, _NO_ANSWER),
        ),
        (
            "ccflared status",
            "ccflared status --watch 5",
            "ccflared status --json | jq .accounts",
            """tmux set -g status-right '#(ccflared status --line)'""",
        ),
    ),
    "top": Help(
        "watch accounts, requests and costs, and act on them",
        """
Shows the daemon on the whole screen: accounts, the requests that run, conversations, costs, the log and
charts, and takes keys to pause, resume or reset an account, change its priority, add one, log it in or
remove it, to reload the file and to look into a request. The keys stand at the bottom; ? lists them all.
Speaks to the control socket only, also over ssh. Needs the extra tui: pip install 'ccflared[tui]'.
""",
        (
            (0, "ended with q"),
            (2, "textual is not installed, or this is no terminal"),
            _NOT_RUNNING,
            (4, _NO_ANSWER),
        ),
        ("ccflared top",),
    ),
    "dashboard": Help(
        "print the address of the dashboard, which logs you in",
        """
Prints an address that opens the dashboard in a browser. Where [admin] sets a token, the address lets one browser
in, once, within 10 minutes; nothing of it is sent but to the daemon, and none of it gets into a log. The nearest
listener that serves administration is named: one of this machine first. Where the output is no terminal, the
address is all that is printed.
""",
        (
            (0, "printed"),
            _NOT_RUNNING,
            (4, "no browser would be let in, and it says what to add to the file; or " + _NO_ANSWER),
        ),
        ("ccflared dashboard", "ccflared dashboard --json"),
    ),
    "reload": Help(
        "have the file read again, and say what came of it",
        """
Has the daemon read its configuration now, waits, and prints the verdict: what changed, or each mistake. A
file with mistakes never replaces a good one. An edit that takes protection away, or the last account, is
refused unless --allow-less is given.
""",
        (
            (0, "in force, also when nothing has changed"),
            (1, "the file has mistakes"),
            _NOT_RUNNING,
            (4, "it would take something away; or the daemon " + _NO_ANSWER.removeprefix("it ")),
        ),
        ("ccflared reload", "ccflared reload --log"),
    ),
    "account": Help(
        "list, add, change, rename, remove, pause, resume, reset, trust or test accounts",
        """
Shows the accounts, and acts on one of them. add, set, rename and remove edit the configuration file, with or
without a running daemon; the others act on the running daemon and change no file.
""",
        (
            (0, "fine"),
            (1, "account test: it did not serve"),
            _NOT_RUNNING,
            (4, _NO_SUCH),
        ),
        (
            "ccflared account list",
            "ccflared account add work --provider anthropic --api-key-env ANTHROPIC_API_KEY",
            "ccflared account set work priority=10",
            "ccflared account pause work",
        ),
    ),
    "account list": Help(
        "list the accounts in the order in which they are tried",
        """
Lists the accounts of the running daemon in the order in which they are tried, each with its state and the
reason. Where no daemon runs, it lists what the file says.
""",
        ((0, "listed"), _NO_FILE, (3, "nothing runs at --socket"), (4, _NO_ANSWER)),
        ("ccflared account list", "ccflared account list --json | jq -r '.[].name'"),
    ),
    "account pause": Help(
        "take an account out until it is resumed",
        """
Takes an account out: no new request is given to it, running ones go on. It stays so through reloads and
restarts, until ccflared account resume.
""",
        ((0, "paused, or it was already"), _NOT_RUNNING, (4, _NO_SUCH)),
        ("ccflared account pause work",),
    ),
    "account resume": Help(
        "let a paused account serve again",
        """
Ends a pause by hand. What else keeps the account from serving (a limit, a pause_schedule, a spent budget)
stays, and is named.
""",
        ((0, "resumed, or it was not paused by hand"), _NOT_RUNNING, (4, _NO_SUCH)),
        ("ccflared account resume work",),
    ),
    "account reset": Help(
        "forget what was learnt about an account",
        """
Clears everything that the daemon learnt about an account: cooldowns, doubt, a rejected credential. Usage,
tokens and a pause by hand stay. It has taken effect when the command returns.
""",
        ((0, "done"), _NOT_RUNNING, (4, _NO_SUCH)),
        ("ccflared account reset work",),
    ),
    "account trust": Help(
        "let an account's credential go where the file says",
        """
Confirms an endpoint. Who sets another base_url over the network without the credential for it cannot have the
old credential sent there: the account rests as "endpoint not trusted" until this command. What is written into
the file by hand, or by these commands, is trusted.
""",
        ((0, "trusted, or it was already"), _NOT_RUNNING, (4, _NO_SUCH)),
        ("ccflared account trust work",),
    ),
    "account test": Help(
        "send an account one minimal request",
        """
Has the daemon ask the account for one token, whatever its state, and prints what came of it; it waits for a
minute at most. A success counts as one of any request does, a failure changes nothing. The request stands
in the history and uses up a little of what the account may do. [routing] refresh_model is asked for.
""",
        (
            (0, "it served"),
            (1, "it did not serve"),
            _NOT_RUNNING,
            (4, "it cannot be asked; " + _NO_SUCH),
        ),
        ("ccflared account test work", "ccflared account test work --json | jq .took_ms"),
    ),
    "client list": Help(
        "list the clients with their limits and what they have used",
        """
Lists the clients of the running daemon: whether each may ask now, what the file allows it, what is spent of its
budget, and its requests, tokens and costs of today and of this month. Costs are by list price ("value"), whoever
paid, and the part of them that was paid in money. Where no daemon runs, the file tells what each may; what was
used only a daemon knows.
""",
        ((0, "done"), (2, "there is no configuration"), (4, "the daemon " + _NO_ANSWER.removeprefix("it "))),
        (
            "ccflared client list",
            "ccflared client list --json | jq -r '.[] | [.name, .this_month.value] | @tsv'",
        ),
    ),
    "login": Help(
        "log an account in, by an address and a pasted code",
        """
Prints the address of the provider's login page, reads the code that is shown there, and exchanges it for
tokens, which are kept in the state directory (tokens.db, mode 0600) and renewed by the daemon. The browser
may be on any machine, so it works over ssh and in containers. The account must be in the file, and its oauth
table must have the client_id that was issued to you (ccflared account set NAME oauth.client_id=ID). Works with
the daemon running or not. One command prints the address and takes the code: with --code-stdin, too, it waits
for the code until the standard input ends.
What a plan's account may be used for is decided by the plan's terms.
""",
        (
            (0, "logged in"),
            (2, "nobody is there to paste a code, or there is no configuration"),
            (3, "the daemon that --socket names is not running"),
            (4, "there is no such account, it cannot log in, or the code was not accepted"),
        ),
        (
            "ccflared login primary",
            "ssh -t server ccflared login primary",
            "docker exec -it ccflared ccflared login primary",
        ),
    ),
    "logout": Help(
        "forget the tokens of an account",
        """
Erases the tokens of an account from the state directory; it then needs a login. Tokens that the file gives
count no more either, until they change.
""",
        (
            (0, "logged out"),
            (2, "there is no configuration"),
            (3, "the daemon that --socket names is not running"),
            (4, "there is no such account, or it has no tokens of its own"),
        ),
        ("ccflared logout primary",),
    ),
    "models": Help(
        "list the models that can be asked for, and who serves each",
        """
Lists the models that clients are offered, from the file and from what providers list, each with its price per
million tokens and the accounts that would serve it now, in their order, with the name it has there where that is
another. What nobody would serve now is told with the reason, and so is where other names go. Providers are asked
for their lists first, each once an hour at most.
""",
        (
            (0, "printed"),
            _NOT_RUNNING,
            (4, "there is no such client; or the daemon " + _NO_ANSWER.removeprefix("it ")),
        ),
        (
            "ccflared models",
            "ccflared models --client laptop",
            "ccflared models --json | jq -r '.offered[].id'",
        ),
    ),
    "explain": Help(
        "say which account serves a model, or served a request, and why",
        """
For a model: the accounts in the order in which a request for it would be given to them now, each with the
reason, then those that would not be asked, with their state. Nothing is sent. For a request (its id is in
the response header x-ccflared-request-id; of one of the latest, the first 4 letters or more after req_ are
enough): each try with its reason and result, and who was passed over.
""",
        (
            (0, "printed"),
            (1, "nobody would serve the model now"),
            (2, "the beginning of an id is too short"),
            _NOT_RUNNING,
            (
                4,
                "the daemon knows no such request, client or account; or it "
                + _NO_ANSWER.removeprefix("it "),
            ),
        ),
        (
            "ccflared explain claude-opus-4-5",
            "ccflared explain claude-opus-4-5 --client laptop",
            "ccflared explain req_0123456789abcdef01234567",
            "ccflared explain 01234567",
        ),
    ),
    **{words: Help(*said) for words, said in (EDITS | NUMBERS).items()},
}
"""By the words of the command."""
