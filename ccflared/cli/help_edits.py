"""What ``--help`` says of the commands that edit the file. The fields are those of ``help.Help``."""

_Said = tuple[str, str, tuple[tuple[int, str], ...], tuple[str, ...]]

_DONE = (0, "done, and in force if the daemon runs")
_NO_FILE = (2, "there is no configuration, or something is missing that only a terminal is asked for")
_REFUSED = (4, "refused, and nothing was written; or the daemon did not take it")

EDITS: dict[str, _Said] = {
    "edit": (
        "edit the file in your editor, and see it checked before it counts",
        """
Opens a copy of the configuration in $VISUAL or $EDITOR. When the editor ends, the copy is checked as the
daemon would check it, and only then takes the place of the file, with its owner and mode. With mistakes it
asks whether to edit again. A change by somebody else meanwhile is noticed and never overwritten. What was
written and could not be saved is kept beside the file, and its name is told.
""",
        (_DONE, (2, "there is no configuration, or no terminal"), _REFUSED),
        ("ccflared edit", "EDITOR=nano ccflared edit --file conf.d/team.toml"),
    ),
    "account add": (
        "add an account to the file",
        """
Writes an [accounts.NAME] table and has the daemon take it over. --mode takes better-ccflare's names. On a
terminal it asks for what is missing; elsewhere it names the flag. A key that is read from standard input or
typed goes into the state directory, readable by its owner only, never into the file. An account that logs in
by OAuth needs no key: the next command is printed.
""",
        (_DONE, _NO_FILE, _REFUSED),
        (
            "ccflared account add primary --mode max --priority 0 --tier 20",
            "ccflared account add work --provider anthropic --api-key-env ANTHROPIC_API_KEY",
            "pass show zai | ccflared account add coder --mode zai --api-key-stdin",
            "ccflared account add gate --provider openai --api-key-file gate.key --model opus=big-1",
        ),
    ),
    "account set": (
        "change keys of an account in the file",
        """
Sets keys of [accounts.NAME]: values are TOML, and what is no TOML is taken as text. KEY= takes a key out.
Keys within tables have dots. All are applied, or none. A stored key that nothing names any more is erased.
""",
        (_DONE, _NO_FILE, _REFUSED),
        (
            "ccflared account set work priority=10 auto_fallback=true",
            "ccflared account set work models.opus=big-1 budget.daily=5 proxy=",
            "ccflared account set work 'api_key={ env = \"OTHER_KEY\" }'",
        ),
    ),
    "account rename": (
        "rename an account, and wherever the file names it",
        """
Changes the name of the table and of every reference to it: chains and clients. Globs stay as they are. What
is known of the account goes along with it.
""",
        (_DONE, _NO_FILE, _REFUSED),
        ("ccflared account rename work office",),
    ),
    "account remove": (
        "take an account out of the file",
        """
Takes the [accounts.NAME] table out. An account that chains or clients name stays unless --force is given,
which takes it out there, too, and with it chains of which no step is left. The last account, and the last of a
chain with then = "fail", goes only with --allow-less. A stored key that nothing names any more is erased.
""",
        (_DONE, _NO_FILE, _REFUSED),
        ("ccflared account remove work", "ccflared account remove work --force"),
    ),
    "client": (
        "list, add or remove clients, or give one a new key",
        """
Shows the [clients] of the file, who may send requests, with what each has used; and adds, changes and removes
them. The file holds only the SHA-256 of a key.
""",
        (_DONE, _NO_FILE, _REFUSED),
        ("ccflared client list", "ccflared client add laptop", "ccflared client rotate laptop --keep-old"),
    ),
    "client add": (
        "add a client and show its key, once",
        """
Makes a key of 256 bits, writes its SHA-256 into a [clients.NAME] table and prints the key; it cannot be shown
again. Into a pipe it prints the key alone. With the first client, every request needs a key from then on, and
administration over TCP the token of [admin].
""",
        (_DONE, _NO_FILE, _REFUSED),
        (
            "ccflared client add laptop",
            "ccflared client add ci --models haiku --budget-daily 2 --expires 2027-01-01",
            "ccflared client add team --accounts 'team-*' --requests-per-hour 600",
        ),
    ),
    "client rotate": (
        "give a client a new key and show it, once",
        """
Makes a new key in place of the old one. With --keep-old both count, so that the client can change over;
--drop-old ends that, and only the newest counts.
""",
        (_DONE, _NO_FILE, _REFUSED),
        (
            "ccflared client rotate laptop",
            "ccflared client rotate laptop --keep-old",
            "ccflared client rotate laptop --drop-old",
        ),
    ),
    "client remove": (
        "take a client out of the file",
        """
Takes the [clients.NAME] table out; its key counts no more. The last client goes only with --allow-less,
because requests need no key then.
""",
        (_DONE, _NO_FILE, _REFUSED),
        ("ccflared client remove laptop",),
    ),
}
