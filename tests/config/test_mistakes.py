"""What people are told about a file that is wrong: everything at once, in words, at the place where it is."""

from pathlib import Path

import pytest
from filebook import config, mistakes, only, shown

ACCOUNT = """
[accounts.work]
provider = "anthropic"
api_key = { env = "KEY" }
"""


def test_an_unknown_key_is_reported_with_the_closest_name(tmp_path: Path) -> None:
    text = '[accounts.work]\nprovider = "anthropic"\nprioritty = 10\n'
    assert only(tmp_path, text) == '3:1: unknown key "prioritty" in [accounts.work]; did you mean "priority"?'


def test_a_key_of_another_section_is_sent_there(tmp_path: Path) -> None:
    text = '[server]\nstrategy = "session"\n'
    assert only(tmp_path, text) == '2:1: unknown key "strategy" in [server]; it belongs in [routing]'


def test_all_mistakes_of_all_files_are_reported_at_once_in_their_order(tmp_path: Path) -> None:
    text = """\
include = ["more.toml"]
timezone = "Europe/Berlim"
[server]
max_body = 1.5
drain = [1, 2]
[accounts.a]
provider = "antropic"
budget = { daly = 3, daily = -1 }
[[fallback]]
models = ["opus"]
try = [["a", "nobody"]]
"""
    assert mistakes(tmp_path, text, more='[accounts.b]\nenabled = "yes"\n') == [
        '2:12: there is no time zone "Europe/Berlim" (expected one such as "Europe/Berlin")',
        '4:12: expected a size such as "32MiB", found the number 1.5',
        '5:9: expected a duration such as "5m" or "0s", found a list of integers',
        '7:12: there is no provider "antropic"; did you mean "anthropic"?',
        '8:12: unknown key "daly" in [accounts.a.budget]; did you mean "daily"?',
        "8:30: expected an amount of USD, found the integer -1",
        '11:14: there is no account "nobody"',
        'more.toml:1:11: [accounts.b] needs the key "provider"',
        'more.toml:2:11: expected true or false, found the text "yes"',
    ]


def test_a_mistake_is_shown_with_its_line_and_a_caret_below_the_place(tmp_path: Path) -> None:
    text = '[server]\n  max_body = "64 MegaBytes"   # much\n'
    assert shown(tmp_path, text).splitlines() == [
        f'{tmp_path}/ccflare.toml:2:14: expected a size such as "32MiB", found the text "64 MegaBytes"',
        '    max_body = "64 MegaBytes"   # much',
        "               ^^^^^^^^^^^^^^",
    ]


def test_a_long_line_is_cut_around_the_caret(tmp_path: Path) -> None:
    hosts = ", ".join(f'"host{n}.example"' for n in range(30))
    lines = shown(tmp_path, f'[server]\nallowed_hosts = [{hosts}, "b ad", {hosts}]\n').splitlines()
    assert lines[1].startswith("    …")
    assert lines[1].endswith("…")
    assert len(lines[1]) < 120
    at = lines[2].index("^")
    assert lines[1][at : at + 6] == '"b ad"'


def test_a_syntax_error_has_its_place(tmp_path: Path) -> None:
    assert (
        only(tmp_path, '[server]\nlisten = = "x"\n')
        == "2:10: this is not TOML: no value begins like this; texts stand in quotes"
    )


@pytest.mark.parametrize("quotes", ["\u201c\u201d", "\u2018\u2019", "\u201e\u201c"])
def test_typographic_quotes_are_named(tmp_path: Path, quotes: str) -> None:
    text = f"[accounts.a]\nprovider = {quotes[0]}anthropic{quotes[1]}\n"
    assert only(tmp_path, text) == '2:12: this is not TOML: this quote is a typographic one; write " instead'


@pytest.mark.parametrize("name", ["address", "bind", "host", "port"])
def test_what_others_call_the_address_is_told_its_name(tmp_path: Path, name: str) -> None:
    said = only(tmp_path, f"[server]\n{name} = 8080\n")
    assert said == f'2:1: unknown key "{name}" in [server]; the address is one text, listen = "HOST:PORT"'


def test_an_unclosed_list_ends_with_the_file(tmp_path: Path) -> None:
    found = only(tmp_path, '[server]\nlisten = ["x"\n')
    assert (
        found == '2:14: this is not TOML: expected a comma or the closing "]" of the list; the file ends here'
    )


def test_a_key_set_twice_names_both_lines(tmp_path: Path) -> None:
    text = "[routing]\nattempts = 3\n\nattempts = 4\n"
    assert only(tmp_path, text) == '4:1: "attempts" is already set in line 2'


def test_a_table_written_twice_names_both_lines(tmp_path: Path) -> None:
    text = "[log]\n[routing]\nattempts = 3\n[log]\n"
    assert only(tmp_path, text) == '4:2: "log" is already set in line 1'


def test_carriage_returns_do_not_shift_places(tmp_path: Path) -> None:
    text = "[routing]\r\nattempts = 3\r\nattemts = 4\r\n"
    assert only(tmp_path, text) == '3:1: unknown key "attemts" in [routing]; did you mean "attempts"?'


def test_one_broken_file_does_not_hide_the_mistakes_of_another(tmp_path: Path) -> None:
    text = 'include = "*.toml"\n[accounts.a]\nprovider = "mine"\nprority = 1\n'
    assert mistakes(tmp_path, text, conf="[providers.mine\n") == [
        '4:1: unknown key "prority" in [accounts.a]; did you mean "priority"?',
        'conf.toml:1:16: this is not TOML: expected the closing "]" of the table\'s name',
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("attempts = 0", "expected an integer of at least 1, found the integer 0"),
        ("attempts = true", "expected an integer of at least 1, found true"),
        ("attempts = 8.0", "expected an integer of at least 1, found the number 8.0"),
        ('ping_after = "12 parsecs"', 'expected a duration such as "12s", found the text "12 parsecs"'),
        ("ping_after = 0", 'expected a duration such as "12s"; it must be longer than nothing'),
        ("ping_after = -3", 'expected a duration such as "12s", found the integer -3'),
        ("ping_after = inf", 'expected a duration such as "12s", found the number inf'),
        ("ping_after = nan", 'expected a duration such as "12s", found the number nan'),
        (
            'strategy = "sesion"',
            (
                'expected "session", "affinity", "drain-soonest" or "least-used", found the text "sesion"; '
                'did you mean "session"?'
            ),
        ),
        ("cooldown = 3", "expected a table, found an integer"),
        ('cooldown = { first = "10m" }', "the first cooldown is longer than the longest"),
        ("cooldown = { factor = 0.5 }", "expected a number of at least 1, found the number 0.5"),
        ('refresh_model = ""', 'expected the name of a model, found the text ""'),
    ],
)
def test_a_value_of_the_wrong_kind_is_described_in_words(tmp_path: Path, line: str, message: str) -> None:
    assert only(tmp_path, f"[routing]\n{line}\n").partition(": ")[2] == message


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ('"8080"', 'an address needs a host; write "127.0.0.1:8080" for this machine alone, "0.0.0.0:8080" for every address'),
        ('":8080"', 'an address needs a host; write "127.0.0.1:8080" for this machine alone, "0.0.0.0:8080" for every address'),
        ('"::1:8080"', 'the text "::1:8080" is no address: IPv6 goes in brackets, "[::1]:8080"'),
        ('"127.0.0.1"', 'expected an address such as "127.0.0.1:8080", "[::1]:8080", "unix:PATH" or "systemd", found the text "127.0.0.1"'),
        ('"127.0.0.1:70000"', 'expected an address such as "127.0.0.1:8080", "[::1]:8080", "unix:PATH" or "systemd", found the text "127.0.0.1:70000"'),
        ('"127.0.0.256:1"', 'expected an address such as "127.0.0.1:8080", "[::1]:8080", "unix:PATH" or "systemd", found the text "127.0.0.256:1"'),
        ("[]", "expected an address or a list of them, found an empty list"),
        ('["127.0.0.1:80", "127.0.0.1:80"]', '"127.0.0.1:80" is listened on twice'),
        ('["127.0.0.1:80", "0.0.0.0:80"]', '"127.0.0.1:80" is covered by "0.0.0.0:80" already; leave one of them out'),
        ('{ tls = { cert = "c", key = "k" } }', '[server.listen] needs the key "address"'),
        ('{ address = "127.0.0.1:80", serve = ["request"] }', 'expected "requests", "admin" or "metrics", found the text "request"; did you mean "requests"?'),
        ('{ address = "127.0.0.1:80", tls = { cert = "c" } }', '[server.listen.tls] needs the key "key"'),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_listened_on_says_what_to_write(
    tmp_path: Path, listen: str, message: str
) -> None:
    assert only(tmp_path, f"[server]\nlisten = {listen}\n").partition(": ")[2] == message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('allowed_hosts = ["https://a.example"]', 'a host name has neither scheme, port nor slash; write "a.example"'),
        ('allowed_hosts = ["a.example:8080"]', 'a host name has neither scheme, port nor slash; write "a.example"'),
        ('allowed_hosts = ["*"]', "any Host at all would let web pages reach the daemon by DNS rebinding; name the hosts"),
        ('allowed_origins = ["*"]', 'the text "*" would admit every web page; name them: an origin such as "https://app.example.com"'),
        ('allowed_origins = ["https://a.example/chat"]', 'expected an origin such as "https://app.example.com", found the text "https://a.example/chat"'),
        ('trusted_proxies = ["10.0.0.1/8"]', 'the text "10.0.0.1/8" has bits set behind its prefix; write "10.0.0.0/8"'),
        ('trusted_proxies = ["proxy.example"]', 'expected an address, a network such as "10.0.0.0/8", or "unix", found the text "proxy.example"'),
        ('base_path = "ccflared"', 'expected a path such as "/ccflared", or "", found the text "ccflared"'),
        ('base_path = "/a/../b"', 'expected a path such as "/ccflared", or "", found the text "/a/../b"'),
    ],
)  # fmt: skip
def test_what_the_web_rules_need_is_checked(tmp_path: Path, line: str, message: str) -> None:
    assert only(tmp_path, f'[server]\n{line}\n[clients.a]\nkey = "k"\n').partition(": ")[2] == message


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('provider = "max"\n', 'there is no provider "max"; did you mean "claude-oauth"?'),
        ('provider = "openai-compatible"\n', '[accounts.x] needs base_url: the provider "openai-compatible" has none'),
        ('base_url = "llm.example.com"\n', 'expected a URL such as "https://llm.example.com/v1", found the text "llm.example.com"; did you mean "https://llm.example.com"?'),
        ('base_url = "ftp://llm.example.com"\n', 'expected a URL such as "https://llm.example.com/v1", found the text "ftp://llm.example.com"'),
        ('base_url = "https://a:b@llm.example.com"\n', "a URL here must not hold a user or password; give the credential as api_key"),
        ('base_url = "https://llm.example.com/v1/chat/completions"\n', "/chat/completions is appended: leave it out at the end of a base URL"),
        ('base_url = "https://llm.example.com/?a=1"\n', "a URL here has neither a query (?…) nor a fragment (#…)"),
        ('base_url = "http://8.8.8.8"\n', "http to 8.8.8.8 would send the credential readable to everyone on the way; write https, or add insecure = true to the account"),
        ('base_url = "https://169.254.169.254"\n', "169.254.169.254 is a link-local or metadata address, where clouds hand out credentials; if it is really meant, add link_local = true to the account"),
        ('base_url = "https://[fd00:ec2::254]/"\n', "fd00:ec2::254 is a link-local or metadata address, where clouds hand out credentials; if it is really meant, add link_local = true to the account"),
        ("tier = 0\n", "expected a number above 0, found the integer 0"),
        ("budget = {}\n", "a budget needs daily or monthly, in USD"),
        ("budget = { daily = 10, monthly = 5 }\n", "the daily budget is larger than the monthly one, so it would never count"),
        ('budget = { daily = 10, counts = "value" }\n', 'unknown key "counts" in [accounts.x.budget]; it belongs in [budget]'),
        ('pause_schedule = [{ from = "14:00" }]\n', '[accounts.x.pause_schedule[0]] needs the key "to"'),
        ('pause_schedule = [{ from = "14:00", to = "25:00" }]\n', 'expected a time of day such as "14:30", found the text "25:00"'),
        ('pause_schedule = [{ from = "14:00", to = "15:00", days = ["noday"] }]\n', 'expected "mon", "tue", "wed", "thu", "fri", "sat" or "sun", found the text "noday"'),
        ('passthrough = ["/api"]\n', 'expected a path prefix such as "/v1/files", found the text "/api"'),
        ('credentials_file = "~ada/x"\n', 'only "~/" is understood, not another user\'s home directory'),
        ('proxy = "proxy.example.com:3128"\n', "expected a URL that begins with http:// or https://"),
        ("models = { opus = [] }\n", "expected the name of a model or a list of names, found an empty list"),
    ],
)  # fmt: skip
def test_an_account_that_cannot_work_says_why(tmp_path: Path, lines: str, message: str) -> None:
    start = '[accounts.x]\napi_key = { env = "K" }\n'
    if "provider" not in lines:
        start += 'provider = "anthropic"\n'
    if "credentials_file" in lines:
        start = start.replace('api_key = { env = "K" }\n', "")
    assert only(tmp_path, start + lines).partition(": ")[2] == message


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('provider = "claude-oauth"\napi_key = { env = "K" }', 'the provider "claude-oauth" logs in by OAuth; a token of your own goes into oauth = { access_token = … }'),
        ('provider = "claude-oauth"\noauth = { access_token = "t" }\ncredentials_file = "c.json"', "[accounts.x] has both oauth and credentials_file; give one"),
        ('provider = "anthropic"\napi_key = { env = "K", file = "f" }', 'a secret comes from exactly one of "env", "file", "credential" or "stored"'),
        ('provider = "anthropic"\napi_key = {}', 'a secret comes from exactly one of "env", "file", "credential" or "stored"'),
        ('provider = "anthropic"\napi_key = { evn = "K" }', 'a secret has no key "evn"; did you mean "env"?'),
        ('provider = "anthropic"\napi_key = { env = "sk-ant-pasted" }', "expected the name of an environment variable; this text is none"),
        ('provider = "anthropic"\napi_key = { credential = "../etc" }', "expected the name of a credential; this text is none"),
        ('provider = "anthropic"\napi_key = { stored = "../../etc/passwd" }', "expected the name of a stored secret; this text is none"),
        ('provider = "anthropic"\napi_key = 5', "expected a secret: a text, or a table with one of env, file, credential, stored; found an integer"),
    ],
)  # fmt: skip
def test_a_credential_that_cannot_be_meant_is_refused(tmp_path: Path, lines: str, message: str) -> None:
    assert only(tmp_path, f"[accounts.x]\n{lines}\n").partition(": ")[2] == message


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection"])
def test_a_provider_may_not_set_headers_that_frame_a_message(tmp_path: Path, name: str) -> None:
    text = f'[providers.mine]\nheaders = {{ "{name}" = "x" }}\n'
    assert only(tmp_path, text) == f'2:13: "{name.lower()}" belongs to the connection and cannot be set'


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "Cookie", "Proxy-Authorization"])
def test_a_provider_may_not_set_credential_headers(tmp_path: Path, name: str) -> None:
    text = f'[providers.mine]\nheaders = {{ "{name}" = "x" }}\n'
    assert (
        only(tmp_path, text) == f'2:13: "{name.lower()}" carries a credential; use api_key and auth instead'
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[admin]\n", "[admin] has neither token nor token_sha256; give exactly one of them"),
        ('[admin]\nedit = "all"\n', "[admin] has neither token nor token_sha256; give exactly one of them"),
        (f'[admin]\ntoken = "t"\ntoken_sha256 = "{"a" * 64}"\n', "[admin] has both token and token_sha256; give exactly one of them"),
        ("[clients.a]\n", 'a client needs a key; write key = { file = "PATH" }, or key_sha256 = "…"'),
        ('[clients.a]\nkey_sha256 = "sk-not-a-digest"\n', "expected a SHA-256 of 64 hexadecimal digits, found a text of 15 characters"),
        ('[clients.a]\nkey = "k"\n[clients.b]\nkey = "k"\n', "[clients.b] has the same key as [clients.a]; give it one of its own"),
        ('[admin]\ntoken = "k"\n[clients.b]\nkey = "k"\n', "[clients.b] has the same key as [admin]; give it one of its own"),
        ('[clients.a]\nkey = "k"\nexpires = "2027-02-30"\n', 'there is no day "2027-02-30"'),
        ('[clients.a]\nkey = "k"\nexpires = 2027-01-01T00:00:00Z\n', 'expected a date such as "2027-01-01", found a date with time'),
        ('[clients.a]\nkey = "k"\naccounts = ["wrok"]\n[accounts.work]\nprovider = "ollama"\n', 'there is no account "wrok"; did you mean "work"?'),
        ('[clients."a/b"]\nkey = "k"\n', 'expected a name of letters, digits, inner spaces and . _ - (at most 64), found the text "a/b"'),
        ('[metrics]\npublic = true\ntoken = "t"\n', "[metrics] is public and has a token; give one of them"),
        ('[alerts]\nwebhook = { url = "hook" }\n', "expected a URL that begins with http:// or https://"),
        ('[control]\nmode = "0999"\n', 'expected permissions such as "0600", found the text "0999"'),
        ('[pricing."m"]\ninput = -1\n', "expected USD per million tokens, found the integer -1"),
        ("port = 8080\n", 'unknown key "port"; the port belongs into [server] listen = "127.0.0.1:PORT"'),
    ],
)  # fmt: skip
def test_other_sections_are_checked(tmp_path: Path, text: str, message: str) -> None:
    assert only(tmp_path, text).partition(": ")[2] == message


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ('["wrok"]', '3:8: there is no account "wrok"; did you mean "work"?'),
        ('[["work", "wrok"]]', '3:17: there is no account "wrok"; did you mean "work"?'),
        ('[{ account = "wrok" }]', '3:20: there is no account "wrok"; did you mean "work"?'),
        ('["x-*"]', '3:8: no account matches "x-*"'),
        ('[{ acount = "work" }]', '3:10: a step has no key "acount"; did you mean "account"?'),
        ('[{ model = "m" }]', '3:8: a step needs the key "account"'),
        ("[3]", "3:8: expected an account, a list of accounts, or a table with account and model, found an integer"),
        ('"work"', '3:7: expected a list such as [["primary", "work"], { account = "router", model = "vendor/big" }], found the text "work"'),
    ],
)  # fmt: skip
def test_a_chain_names_accounts_that_are_there(tmp_path: Path, steps: str, message: str) -> None:
    text = f'[[fallback]]\nmodels = ["opus"]\ntry = {steps}\n{ACCOUNT}'
    assert only(tmp_path, text) == message


def test_globs_of_a_chain_become_the_accounts_they_match_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """
        [accounts.b-1]
        provider = "ollama"
        [accounts.a]
        provider = "ollama"
        [accounts.b-0]
        provider = "ollama"
        [[fallback]]
        models = "opus"
        try = [["a", "b-*", "*"]]
    """
    assert config(tmp_path, text).fallback[0].steps[0].accounts == ("a", "b-1", "b-0")


def test_an_account_with_a_broken_key_still_counts_as_there(tmp_path: Path) -> None:
    text = '[accounts.work]\npriority = "low"\n[[fallback]]\nmodels = ["opus"]\ntry = ["work"]\n'
    assert mistakes(tmp_path, text) == [
        '1:11: [accounts.work] needs the key "provider"',
        '2:12: expected an integer, found the text "low"',
    ]
