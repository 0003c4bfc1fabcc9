"""What ``--help`` says of the commands about what happened. The fields are those of ``help.Help``."""

_Said = tuple[str, str, tuple[tuple[int, str], ...], tuple[str, ...]]

_NOT_RUNNING = (3, "the daemon is not running")
_NO_ANSWER = (4, "the daemon does not let you, does not answer, or is not ccflared")

NUMBERS: dict[str, _Said] = {
    "usage": (
        "show what was used, and what it cost",
        """
Adds up requests, tokens and costs by account, model, client, project, day or hour. Tokens of the cache, read from
it or written to it, have a column of their own beside those in and out. What a plan paid for has one, too, its value
by list price, which is no money; money is what was billed, extra usage of a plan included. What nobody knows the
price of is counted as unpriced, and in no sum; the lines of [pricing] that are missing are named. Days are those of
the daemon's time zone, which the heading names.
""",
        ((0, "printed"), (2, "--since is no span of time"), _NOT_RUNNING, _NO_ANSWER),
        (
            "ccflared usage",
            "ccflared usage --by day --since 30d",
            "ccflared usage --by client --since 2026-11-01",
            "ccflared usage --by model --csv > models.csv",
        ),
    ),
    "requests": (
        "list the latest requests, look for some, or follow them",
        """
Lists the latest requests, the last one at the end: how each ended, by how many tries more than the first (+1),
the beginning of its id, which ccflared request takes, the account, the model, how long it took, tokens in (with
those of the cache) and out, and its cost in USD: in parentheses what a plan paid for, by list price; ? where
nobody knows the price. -f goes on with each request that ends, also over a restart of the daemon. Where no
terminal is, every row has its date and its whole id.
""",
        (
            (0, "printed, or ended by Ctrl-C"),
            (
                2,
                "--status is none, -n out of its range, --search empty, or an account or client never was",
            ),
            _NOT_RUNNING,
            _NO_ANSWER,
        ),
        (
            "ccflared requests -f",
            "ccflared requests --status error -n 50",
            "ccflared requests --search 'rate limit' --account work",
            "ccflared requests -f --json | jq -r '[.model, .costUsd] | @tsv'",
        ),
    ),
    "request": (
        "show all of one request",
        """
Shows one request: its tries on one time axis and what came of each, who was passed over, its tokens by kind,
what it cost and by which prices, how quick it was, and the other requests of its conversation. The id is in the
response header x-ccflared-request-id; of one of the latest, the first 4 letters or more after req_ are enough.
--body prints what was asked and answered, where [storage] keep_payloads keeps that.
""",
        (
            (0, "printed"),
            (2, "the id is none, or too short"),
            _NOT_RUNNING,
            (4, "there is no such request, or nothing of it is kept; or the daemon does not answer"),
        ),
        (
            "ccflared request req_0123456789abcdef01234567",
            "ccflared request 01234567",
            "ccflared request 01234567 --body | less",
        ),
    ),
    "logs": (
        "show the daemon's log, or follow it",
        """
Shows the last lines of the daemon's log, which it keeps in memory whatever becomes of its standard error output.
-f goes on with each line that comes, also over a restart of the daemon. Where [log] level drops lines, they are
not here either: with level "debug" each request and each try has one.
""",
        ((0, "printed, or ended by Ctrl-C"), (2, "-n is out of its range"), _NOT_RUNNING, _NO_ANSWER),
        ("ccflared logs -n 100", "ccflared logs -f --level warning", "ccflared logs --request 01234567"),
    ),
    "doctor": (
        "look whether everything is as it should be",
        """
Looks through the configuration and its secrets, permissions, the daemon and its listeners, the databases and
their sizes, the disk, the accounts and the prices, and says of each whether it is well and what to do where it is
not. Works with the daemon running or not, and changes nothing unless --rebuild-totals is given. --full also holds
the indexes of the databases against their tables.
""",
        (
            (0, "nothing is wrong, though something may be worth knowing"),
            (1, "something is wrong"),
            (3, "nothing runs at --socket"),
            (4, "--rebuild-totals: no daemon runs, or it refused"),
        ),
        (
            "ccflared doctor",
            "ccflared doctor --full",
            "ccflared doctor --json | jq '.checks[] | select(.state != \"ok\")'",
        ),
    ),
    "backup": (
        "write a copy of the history",
        """
Writes a whole and compact copy of the history (requests, totals, what was learnt) to a file, while the daemon goes
on, or without one. It holds no tokens and no secrets: those are tokens.db and secrets/ in the state directory. To
use it, stop the daemon and put it in the place of ccflared.db there.
""",
        ((0, "written"), (2, "PATH is a directory"), (4, "it is there already, or cannot be written")),
        ("ccflared backup /var/backups/ccflared.db", "ccflared backup ~/ccflared-$(date +%F).db"),
    ),
    "payloads": (
        "erase what is kept of requests and answers",
        """
Acts on the bodies of requests and answers that [storage] keep_payloads keeps.
""",
        ((0, "done"), _NOT_RUNNING, _NO_ANSWER),
        ("ccflared payloads purge",),
    ),
    "payloads purge": (
        "erase the kept bodies of all requests and answers",
        """
Erases all bodies that are kept, and what is indexed of them. The rows of the history stay, with their numbers.
Without --yes it asks, where a terminal is; all but y or yes means no.
""",
        (
            (0, "erased"),
            (2, "nobody is there to ask, and --yes is missing"),
            _NOT_RUNNING,
            (4, "the answer was no, so nothing was erased; or " + _NO_ANSWER[1]),
        ),
        ("ccflared payloads purge", "ccflared payloads purge --yes"),
    ),
    "alert": (
        "list alerts, say that you know of them, or try the webhook",
        """
Acts on alerts: see [alerts] of the file.
""",
        ((0, "done"), (1, "alert test: the webhook did not take it"), _NOT_RUNNING, _NO_ANSWER),
        ("ccflared alert list", "ccflared alert acknowledge all", "ccflared alert test"),
    ),
    "alert list": (
        "list the open alerts, and the latest of the others",
        """
Lists the alerts that hold and that nobody has acknowledged, with their ids, then the latest that are over or
acknowledged, the newest first.
""",
        ((0, "listed"), _NOT_RUNNING, _NO_ANSWER),
        (
            "ccflared alert list",
            "ccflared alert list --json | jq -r '.[] | select(.acknowledged | not) | .title'",
        ),
    ),
    "alert acknowledge": (
        "say that somebody knows of an alert, or of all",
        """
Takes an alert off the status: it is not told again while it lasts. What comes back later is told anew.
""",
        (
            (0, "acknowledged, or it was already"),
            _NOT_RUNNING,
            (4, "there is no such alert; or " + _NO_ANSWER[1]),
        ),
        ("ccflared alert acknowledge alert_0123456789abcdef", "ccflared alert acknowledge all"),
    ),
    "alert test": (
        "send a test to the webhook",
        """
Has the daemon send an alert that is marked as a test to the webhook of [alerts], signed as all are, and says what
it answered.
""",
        (
            (0, "the webhook took it"),
            (1, "it did not"),
            _NOT_RUNNING,
            (4, "there is no webhook; or " + _NO_ANSWER[1]),
        ),
        ("ccflared alert test",),
    ),
}
