"""The file that ``ccflared init`` writes: short, commented, and valid as it stands."""

STARTER_PAGE = "http://127.0.0.1:8080/"
"""Where the daemon of that file has its dashboard."""
STARTER = """\
# ccflared: one account a table, everything else has a default.
# `ccflared check` names every mistake, `ccflared config --defaults` shows every key with its value,
# ccflare.toml(5) says what each does. Changes count as soon as the file is saved.
#
# An editor with taplo completes and checks it as you type: `ccflared schema > ccflare.schema.json` beside this
# file, and as its first line:
#   #:schema ./ccflare.schema.json

[server]
listen = "127.0.0.1:8080"        # clients: ANTHROPIC_BASE_URL=http://127.0.0.1:8080

# Take the # away from one of these tables, write your own, or have `ccflared account add` write it. The account
# with the lowest priority number is asked first, equals in the order of this file; the others take over when it
# cannot serve.

# [accounts.work]
# provider = "anthropic"                          # the Claude API, by key
# api_key = { env = "ANTHROPIC_API_KEY" }         # or { file = "PATH" }, { credential = "NAME" }, "the key"
# priority = 10

# [accounts.gateway]
# provider = "anthropic-compatible"               # anything that speaks the Anthropic Messages API
# base_url = "https://llm.example.com"
# api_key = { file = "gateway.key" }              # relative to this file
# priority = 20

# [accounts.plan]
# provider = "claude-oauth"                       # the login of a plan: `ccflared login plan`
# oauth = { client_id = "the-one-issued-to-you" } # none is shipped; or a token of your own, or credentials_file

# Without [clients] only this machine may send requests, without a key. Other addresses need some:

# [clients.laptop]
# key = { file = "laptop.key" }
"""

_LISTEN = 'listen = "127.0.0.1:8080"        # clients: ANTHROPIC_BASE_URL=http://127.0.0.1:8080\n'
STARTER_HELD = (
    STARTER.replace("{", "{{")
    .replace("}", "}}")
    .replace(
        _LISTEN,
        "# The address is that of {unit}.socket: `systemctl edit {unit}.socket` changes it, ccflared-systemd(7).\n",
    )
)
"""The same where a socket unit holds the address, to be formatted with the name of the unit."""
