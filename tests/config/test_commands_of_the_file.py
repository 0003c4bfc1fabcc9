"""check, init, config and schema, as they are typed."""

import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import trustme
from filebook import write

from ccflared.config.starter import STARTER, STARTER_HELD, STARTER_PAGE

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="another group takes root")


def run(*words: str, cwd: Path, **environ: str) -> tuple[int, str, str]:
    """Run the real program; return exit code, output and complaints."""
    done = subprocess.run(
        [sys.executable, "-m", "ccflared", *words],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


MAIN = '[accounts.work]\nprovider = "anthropic"\napi_key = { env = "KEY" }\n'


def test_check_says_what_it_found_and_exits_0(tmp_path: Path) -> None:
    path = write(tmp_path, main='include = "more.toml"\n' + MAIN, more='[log]\nlevel = "debug"\n')
    code, out, err = run("check", "--config", str(path), cwd=tmp_path, KEY="k")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"{path} is fine.",
        "  includes   more.toml",
        "  listeners  127.0.0.1:8080",
        "  accounts   work",
        "  Without [clients], only this machine may send requests, without a key.",
    ]


OPEN = """
[server]
listen = ["127.0.0.1:1", "0.0.0.0:8080", "unix:/run/x.sock"]
{server}
[clients.c]
key = "k"
[admin]
token = "t"
"""


def test_check_says_what_travels_unencrypted(tmp_path: Path) -> None:
    path = write(tmp_path, main=OPEN.format(server=""))
    code, out, _ = run("check", "--config", str(path), cwd=tmp_path)
    assert code == 0
    said = " ".join(out.split())
    note = (
        "Prompts and answers, client keys and the admin token travel unencrypted to 0.0.0.0:8080: "
        "set tls in [server], or let a proxy with TLS stand in front."
    )
    assert said.count(note) == said.count("unencrypted") == 1
    code, out, _ = run("check", "--json", "--config", str(path), cwd=tmp_path)
    assert json.loads(out)["notes"] == [note]


@pytest.mark.parametrize(
    "server", ['trusted_proxies = ["10.0.0.1"]', 'tls = { cert = "c.pem", key = "k.pem" }']
)
def test_check_says_no_such_thing_where_something_encrypts(tmp_path: Path, server: str) -> None:
    path = write(tmp_path, main=OPEN.format(server=server))
    pair = trustme.CA().issue_cert("localhost")
    pair.cert_chain_pems[0].write_to_path(path.parent / "c.pem")
    pair.private_key_pem.write_to_path(path.parent / "k.pem")
    code, out, _ = run("check", "--config", str(path), cwd=tmp_path)
    assert code == 0, out
    assert "unencrypted" not in out


def test_init_says_that_the_dashboard_leads_through_the_first_account(tmp_path: Path) -> None:
    path = tmp_path / "c" / "ccflare.toml"
    code, out, _ = run("init", "--config", str(path), cwd=tmp_path)
    assert code == 0
    said = " ".join(out.split())
    assert f"`ccflared run --config {path}`, then open http://127.0.0.1:8080/ in a browser" in said
    assert f'"{STARTER_PAGE.split("/")[2]}"' in STARTER


def test_the_file_for_a_socket_unit_names_no_address_and_the_unit_instead() -> None:
    text = STARTER_HELD.format(unit="ccflared@work")
    assert "\nlisten" not in text
    assert "`systemctl edit ccflared@work.socket`" in text
    before, after = STARTER.splitlines(), text.splitlines()
    assert [line for line in before if line not in after] == [
        line for line in before if line.startswith("listen")
    ]


def test_check_names_every_mistake_and_exits_1(tmp_path: Path) -> None:
    path = write(tmp_path, main='[log]\nlvel = "debug"\nformat = "xml"\n')
    code, out, _ = run("check", "--config", str(path), cwd=tmp_path)
    assert code == 1
    assert out.splitlines() == [
        f'{path}:2:1: unknown key "lvel" in [log]; did you mean "level"?',
        '    lvel = "…"',
        "    ^^^^",
        f'{path}:3:10: expected "auto", "text", "journald" or "json", found the text "xml"',
        '    format = "xml"',
        "             ^^^^^",
        "",
        "2 mistakes.",
    ]


def test_a_secret_that_cannot_be_read_is_a_warning_and_with_secrets_a_no(tmp_path: Path) -> None:
    path = write(tmp_path, main=MAIN)
    code, out, _ = run("check", "--config", str(path), cwd=tmp_path)
    assert code == 0
    assert out.startswith("accounts.work.api_key: the environment variable KEY is not set\n")
    assert f"{path} has no mistakes; what stands above should be known." in out
    code, out, _ = run("check", "--secrets", "--config", str(path), cwd=tmp_path)
    assert code == 1
    assert "no mistakes" not in out
    assert run("check", "--secrets", "--config", str(path), cwd=tmp_path, KEY="k")[0] == 0


def test_check_without_a_file_exits_2_and_suggests_init(tmp_path: Path) -> None:
    code, out, err = run("check", "--config", "no.toml", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert "There is no file" in err
    assert "ccflared init" in err


def test_check_takes_the_file_as_a_word(tmp_path: Path) -> None:
    path = write(tmp_path, main=MAIN)
    assert run("check", path.name, cwd=path.parent) == run("check", "--config", path.name, cwd=path.parent)
    code, out, err = run("check", path.name, "--config", path.name, cwd=path.parent)
    assert (code, out) == (2, "")
    assert "FILE and --config mean the same" in err


def test_check_as_json(tmp_path: Path) -> None:
    path = write(tmp_path, main="[log]\nlvel = 1\n")
    code, out, _ = run("check", "--json", "--config", str(path), cwd=tmp_path)
    assert code == 1
    assert json.loads(out)["mistakes"] == [
        {
            "file": str(path),
            "line": 2,
            "column": 1,
            "message": 'unknown key "lvel" in [log]; did you mean "level"?',
        }
    ]
    path = write(tmp_path, main=MAIN)
    code, out, _ = run("check", "--json", "--config", str(path), cwd=tmp_path)
    assert (code, json.loads(out)["ok"]) == (0, True)
    assert json.loads(out)["secrets"][0]["key"] == "accounts.work.api_key"


def test_init_writes_a_file_for_the_owner_alone_that_check_accepts(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ccflare.toml"
    code, out, err = run("init", "--config", str(path), cwd=tmp_path)
    assert (code, err) == (0, "")
    assert str(path) in out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert run("check", "--config", str(path), cwd=tmp_path)[0] == 0


@ROOT
def test_what_root_writes_into_the_directory_of_a_group_is_for_that_group_to_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o2750)
    os.chown(tmp_path, 0, 4321)
    path = tmp_path / "ccflare.toml"
    code, out, err = run("init", "--config", str(path), cwd=tmp_path)
    assert (code, err) == (0, "")
    assert f"Wrote {path} (mode 0640, group 4321)." in " ".join(out.split())
    made = path.stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (0, 4321, 0o640)
    code, out, err = run("check", "--config", str(path), cwd=tmp_path)
    assert (code, err) == (0, "")
    added = ("account", "add", "local", "--provider", "ollama", "--config", str(path))
    assert run(*added, cwd=tmp_path, STATE_DIRECTORY=str(tmp_path / "state"))[0] == 0
    made = path.stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (0, 4321, 0o640)


@ROOT
def test_a_file_that_root_forces_is_for_the_group_to_read_as_well(tmp_path: Path) -> None:
    os.chown(tmp_path, 0, 4321)
    path = write(tmp_path, main=MAIN)
    assert run("init", "--force", "--config", str(path), cwd=tmp_path)[0] == 0
    assert (path.stat().st_gid, stat.S_IMODE(path.stat().st_mode)) == (4321, 0o640)


@ROOT
def test_files_that_a_group_may_read_or_write_are_no_matter(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    key = tmp_path / "work.key"
    key.write_text("a-secret")
    more = tmp_path / "conf.d" / "work.toml"
    more.write_text('[accounts.work]\nprovider = "anthropic"\napi_key = { file = "../work.key" }\n')
    path = write(tmp_path, main='include = ["conf.d/*.toml"]\n')
    for file, mode in (
        (tmp_path, 0o2770),
        (tmp_path / "conf.d", 0o2750),
        (path, 0o660),
        (more, 0o640),
        (key, 0o640),
    ):
        os.chown(file, 0, 4321)
        file.chmod(mode)
    code, out, err = run("check", "--secrets", "--config", str(path), cwd=tmp_path)
    assert (code, err) == (0, "")
    assert "mode" not in out
    _, out, _ = run("doctor", "--config", str(path), cwd=tmp_path, STATE_DIRECTORY=str(tmp_path / "state"))
    assert "nobody else may change the configuration, or read a secret in it" in " ".join(out.split())


def test_the_examples_in_the_starter_file_are_valid_once_uncommented(tmp_path: Path) -> None:
    path = tmp_path / "ccflare.toml"
    run("init", "--config", str(path), cwd=tmp_path)
    text = re.sub(r"(?m)^# (?=\[|\w+ = )", "", path.read_text())
    path.write_text(text)
    code, out, _ = run("check", "--config", str(path), cwd=tmp_path, ANTHROPIC_API_KEY="k")
    assert code == 0, out
    assert set(tomllib.loads(text)["accounts"]) == {"work", "gateway", "plan"}
    assert set(tomllib.loads(text)["clients"]) == {"laptop"}


def test_init_does_not_touch_a_file_that_is_there(tmp_path: Path) -> None:
    path = write(tmp_path, main=MAIN)
    code, out, err = run("init", "--config", str(path), cwd=tmp_path)
    assert (code, out) == (4, "")
    assert "is there already" in err
    assert path.read_text() == MAIN


def test_init_replaces_it_when_forced_through_a_symbolic_link(tmp_path: Path) -> None:
    path = write(tmp_path, main=MAIN)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    assert run("init", "--force", "--config", str(link), cwd=tmp_path)[0] == 0
    assert link.is_symlink()
    assert "ccflared check" in path.read_text()


def test_init_that_may_not_write_says_so_and_exits_4(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = run("init", "--config", str(tmp_path / "file" / "x.toml"), cwd=tmp_path)
    assert code == 4
    assert "cannot be written" in err


def test_config_prints_values_with_their_places_and_no_secret(tmp_path: Path) -> None:
    path = write(tmp_path, main='include = "m.toml"\n' + MAIN, m='[admin]\ntoken = "very-secret"\n')
    code, out, err = run("config", "--config", str(path), cwd=tmp_path)
    assert (code, err) == (0, "")
    assert [line.replace("  ", "") for line in out.splitlines()] == [
        f"# {path}",
        'include = "m.toml"# ccflare.toml:1',
        "",
        "[admin]",
        'token = "[secret]"# the text in the file, m.toml:2',
        "",
        "[accounts.work]",
        'provider = "anthropic"# ccflare.toml:3',
        'api_key = "[secret]"# the environment variable KEY, ccflare.toml:4',
    ]


def test_config_with_defaults_is_toml_that_shows_every_key(tmp_path: Path) -> None:
    path = write(tmp_path, main=MAIN)
    code, out, _ = run("config", "--defaults", "--config", str(path), cwd=tmp_path)
    assert code == 0
    shown = tomllib.loads(out)
    assert shown["routing"]["idle_timeout"] == "5m"
    assert shown["accounts"]["work"]["priority"] == 0
    assert "# directory: $STATE_DIRECTORY" in out


def test_config_as_json_names_file_and_source(tmp_path: Path) -> None:
    path = write(tmp_path, main=MAIN)
    code, out, _ = run("config", "--json", "--config", str(path), cwd=tmp_path)
    assert code == 0
    assert json.loads(out)["values"] == [
        {"key": "accounts.work.provider", "value": "anthropic", "source": "file", "at": f"{path}:2"},
        {
            "key": "accounts.work.api_key",
            "value": "[secret]",
            "source": "file",
            "at": f"{path}:3",
            "secret": ["the environment variable KEY"],
        },
    ]


def test_config_of_a_broken_file_complains_and_exits_1(tmp_path: Path) -> None:
    code, out, err = run("config", "--config", str(write(tmp_path, main="x")), cwd=tmp_path)
    assert (code, out) == (1, "")
    assert "ccflare.toml:1:2" in err


def test_schema_is_json(tmp_path: Path) -> None:
    code, out, _ = run("schema", cwd=tmp_path)
    assert code == 0
    assert json.loads(out)["properties"]["accounts"]


@pytest.mark.parametrize("name", ["minimal.toml", "pool.toml", "dialects.toml"])
def test_the_examples_pass_check(tmp_path: Path, name: str) -> None:
    example = Path(__file__).parents[2] / "examples" / name
    path = write(tmp_path, main=example.read_text())
    assert run("check", "--config", str(path), cwd=tmp_path)[0] == 0
