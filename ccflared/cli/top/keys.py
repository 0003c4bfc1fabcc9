"""The keys of ``ccflared top``: what each does, and on which page. Bindings, footer, help and manual are made of it."""

from typing import Final, NamedTuple

PAGES: Final = ("Accounts", "Requests", "Conversations", "Costs", "Logs", "Charts")
ACCOUNTS, REQUESTS, CONVERSATIONS, COSTS, LOGS, CHARTS = PAGES
_LISTS: Final = (ACCOUNTS, REQUESTS, CONVERSATIONS)


class Key(NamedTuple):
    """One key. ``key``: textual's name, several with commas between; ``shown``: what is printed on it."""

    key: str
    shown: str
    action: str
    word: str
    """In the footer; nothing where the footer need not tell of it."""
    does: str
    pages: tuple[str, ...] = ()
    """Where it does something; nothing: everywhere."""
    chosen: bool = False
    """It does something with what is chosen, and nothing where nothing can be."""


KEYS: Final = (
    Key("p", "p", "act('pause')", "pause", "pause the account", (ACCOUNTS,), chosen=True),
    Key("r", "r", "act('resume')", "resume", "resume the account", (ACCOUNTS,), chosen=True),
    Key(
        "x",
        "x",
        "act('reset')",
        "reset",
        "forget what was learnt of the account's limits",
        (ACCOUNTS,),
        chosen=True,
    ),
    Key(
        "m,plus,minus",
        "m",
        "act('priority')",
        "priority",
        "set the account's priority; + and - do, too",
        (ACCOUNTS,),
        chosen=True,
    ),
    Key("a", "a", "act('add')", "add", "add an account", (ACCOUNTS,)),
    Key("l", "l", "act('login')", "log in", "log the account in", (ACCOUNTS,), chosen=True),
    Key("L", "L", "act('logout')", "", "log the account out, after a question", (ACCOUNTS,), chosen=True),
    Key(
        "d", "d", "act('remove')", "remove", "remove the account, after a question", (ACCOUNTS,), chosen=True
    ),
    Key("n", "n", "act('rename')", "rename", "rename the account", (ACCOUNTS,), chosen=True),
    Key(
        "t", "t", "act('test')", "test", "send a small request through the account", (ACCOUNTS,), chosen=True
    ),
    Key(
        "enter",
        "Enter",
        "open",
        "open",
        "the requests of an account or a conversation; all of one request",
        _LISTS,
        chosen=True,
    ),
    Key(
        "slash",
        "/",
        "filter",
        "filter",
        "show only what has a text in it; Enter keeps it, Esc ends it",
        (REQUESTS, CONVERSATIONS, LOGS),
    ),
    Key(
        "space", "Space", "hold", "hold", "hold the list as it is; once more: let it go on", (REQUESTS, LOGS)
    ),
    Key("b", "b", "by", "by", "by account, model, client, project or day", (COSTS,)),
    Key("s", "s", "span", "span", "another span of time", (COSTS, CHARTS)),
    Key("v", "v", "level", "level", "from debug, info, warning or error on", (LOGS,)),
    Key("R", "R", "reload", "reload file", "have the daemon read its file anew"),
    Key("question_mark", "?", "keys", "help", "all keys"),
    Key("q", "q", "quit", "quit", "end; the daemon goes on"),
    Key("ctrl+c", "Ctrl-C", "quit", "", "the same, also out of a dialog"),
    Key("1,2,3,4,5,6", "1 to 6", "", "", "the page of that number"),
    Key("tab", "Tab", "turn(1)", "", "the next page"),
    Key("shift+tab", "Shift-Tab", "turn(-1)", "", "the page before"),
    Key("up,k", "Up k", "move(-1)", "", "one row up"),
    Key("down,j", "Down j", "move(1)", "", "one row down"),
    Key("pageup", "PgUp", "leaf(-1)", "", "a screen up"),
    Key("pagedown", "PgDn", "leaf(1)", "", "a screen down"),
    Key("home,g", "Home g", "edge(-1)", "", "to the beginning"),
    Key("end,G", "End G", "edge(1)", "", "to the end"),
    Key("escape", "Esc", "back", "", "close a dialog; take back a filter"),
    Key("ctrl+z", "Ctrl-Z", "suspend_process", "", "stop for a while; fg goes on"),
)


def fits(key: Key, page: str) -> bool:
    """Whether a key does something on a page."""
    return not key.pages or page in key.pages


def useful(key: Key, page: str, *, chosen: bool) -> bool:
    """Whether a key does something on a page as it is now. ``chosen``: whether something on it is."""
    return fits(key, page) and (chosen or not key.chosen)
