"""Secrets from all their sources, and what is said of one that cannot be read."""

import os
from pathlib import Path

import pytest
from filebook import config

from ccflared.config.load import Secrets, read_secrets
from ccflared.config.model import Config, SecretRef
from ccflared.secret import Secret


def secrets_of(
    found: Config, directory: Path, environ: dict[str, str] | None = None, previous: Secrets | None = None
) -> Secrets:
    return read_secrets(found, environ=environ or {}, state_directory=directory / "state", previous=previous)


def key(found: Config) -> SecretRef:
    ref = found.accounts["a"].api_key
    assert ref is not None
    return ref


def one(directory: Path, given: str) -> Config:
    return config(directory, f'[accounts.a]\nprovider = "zai"\napi_key = {given}\n')


@pytest.mark.parametrize(
    "given", ['"k1"', '{ env = "KEY" }', '{ file = "k" }', '{ credential = "c" }', '{ stored = "s s" }']
)
def test_each_source_gives_its_secret_without_one_trailing_newline(tmp_path: Path, given: str) -> None:
    (tmp_path / "k").write_text("k1\n")
    (tmp_path / "state" / "secrets").mkdir(parents=True)
    (tmp_path / "state" / "secrets" / "s s").write_text("k1")
    (tmp_path / "creds").mkdir()
    (tmp_path / "creds" / "c").write_text("k1\r\n")
    found = one(tmp_path, given)
    read = secrets_of(found, tmp_path, {"KEY": "k1\n", "CREDENTIALS_DIRECTORY": str(tmp_path / "creds")})
    assert read.get(key(found)) == Secret("k1")
    assert read.problem(key(found)) is None
    assert read.problems == ()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ('""', "the text in the file is empty"),
        ('"a\\nb"', "the text in the file holds a line break or control character in the middle"),
        ('{ env = "NO" }', "the environment variable NO is not set"),
        ('{ env = "EMPTY" }', "the environment variable EMPTY is empty"),
        ('{ env = "BYTES" }', "the environment variable BYTES is not UTF-8 text"),
        ('"k "', "the text in the file begins or ends with a space, which no header can carry"),
        ('{ env = "SPACE" }', "the environment variable SPACE begins or ends with a space, which no header can carry"),
        ('{ file = "/no/such" }', "the file /no/such does not exist"),
        ('{ file = "/etc/hostname/x" }', "the file /etc/hostname/x does not exist"),
        ('{ file = "/tmp" }', "the file /tmp cannot be read: it is a directory"),
        ('{ credential = "c" }', "the credential c needs $CREDENTIALS_DIRECTORY, which is not set (LoadCredential= of the unit)"),
        ('{ stored = "s" }', "the stored secret s does not exist"),
    ],
)  # fmt: skip
def test_a_secret_that_cannot_be_read_is_none_with_a_sentence(
    tmp_path: Path, given: str, problem: str
) -> None:
    found = one(tmp_path, given)
    read = secrets_of(found, tmp_path, {"EMPTY": "\n", "BYTES": "k\udcff", "SPACE": " k"})
    assert read.get(key(found)) is None
    assert read.problem(key(found)) == problem
    assert read.problems == (f"accounts.a.api_key: {problem}",)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"k\n\n", "holds a line break or control character in the middle"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"x" * (64 * 1024 + 1), "is longer than 64 KiB"),
        (b"x" * (1024 * 1024), "is longer than 64 KiB"),
    ],
)
def test_a_file_that_holds_no_secret_is_described_without_its_content(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    (tmp_path / "k").write_bytes(content)
    found = one(tmp_path, '{ file = "k" }')
    assert secrets_of(found, tmp_path).problem(key(found)) == f"the file {tmp_path}/k {problem}"


def test_sixty_four_kibibytes_and_a_newline_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "k").write_bytes(b"x" * (64 * 1024) + b"\n")
    found = one(tmp_path, '{ file = "k" }')
    secret = secrets_of(found, tmp_path).get(key(found))
    assert secret is not None
    assert len(secret.reveal()) == 64 * 1024


def test_a_pipe_without_a_writer_does_not_stop_anything(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "k")
    found = one(tmp_path, '{ file = "k" }')
    assert (
        secrets_of(found, tmp_path).problem(key(found))
        == f"the file {tmp_path}/k cannot be read: it is no regular file"
    )


def test_a_file_that_vanishes_keeps_its_last_value_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "k").write_text("first")
    found = one(tmp_path, '{ file = "k" }')
    before = secrets_of(found, tmp_path)
    (tmp_path / "k").unlink()
    after = secrets_of(found, tmp_path, previous=before)
    assert after.get(key(found)) == Secret("first")
    assert after.problem(key(found)) == f"the file {tmp_path}/k does not exist; its last value is used"
    again = secrets_of(found, tmp_path, previous=after)
    assert again.get(key(found)) == Secret("first")


def test_a_file_that_is_emptied_loses_its_value(tmp_path: Path) -> None:
    (tmp_path / "k").write_text("first")
    found = one(tmp_path, '{ file = "k" }')
    before = secrets_of(found, tmp_path)
    (tmp_path / "k").write_text("")
    assert secrets_of(found, tmp_path, previous=before).get(key(found)) is None


def test_every_secret_of_every_section_is_read_and_its_file_watched(tmp_path: Path) -> None:
    names = ["proxy", "header", "client", "admin", "hook", "sign", "metrics", "access", "refresh"]
    for name in names:
        (tmp_path / name).write_text(f"http://{name}")
    found = config(
        tmp_path,
        """
        [providers.p]
        base_url = "https://p.example"
        headers = { "X-A" = { file = "header" } }
        [accounts.a]
        provider = "p"
        proxy = { file = "proxy" }
        oauth = { access_token = { file = "access" }, refresh_token = { file = "refresh" } }
        [clients.c]
        key = ["literal", { file = "client" }]
        [admin]
        token = { file = "admin" }
        [alerts]
        webhook = { url = { file = "hook" }, secret = { file = "sign" } }
        [metrics]
        token = { file = "metrics" }
        """,
    )
    read = secrets_of(found, tmp_path)
    assert read.files == {tmp_path / name for name in names}
    assert read.problems == ()
    assert read.get(found.providers["p"].headers["X-A"]) == Secret("http://header")
    assert read.get(found.clients["c"].key[0]) == Secret("literal")


def test_credentials_of_systemd_are_not_watched_because_they_change_only_with_a_restart(
    tmp_path: Path,
) -> None:
    (tmp_path / "c").write_text("k")
    found = one(tmp_path, '{ credential = "c" }')
    assert secrets_of(found, tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)}).files == frozenset()


def test_secrets_show_nothing_of_themselves(tmp_path: Path) -> None:
    found = one(tmp_path, '"very-secret"')
    read = secrets_of(found, tmp_path)
    assert repr(read) == "Secrets(1 named, 0 with a problem)"
    assert read == secrets_of(found, tmp_path)
    assert read != secrets_of(one(tmp_path, '"other"'), tmp_path)


def test_a_credential_that_was_not_loaded_says_what_the_unit_needs(tmp_path: Path) -> None:
    found = one(tmp_path, '{ credential = "zai" }')
    read = secrets_of(found, tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert (
        read.problem(key(found))
        == "the credential zai does not exist: the unit has to load it, by LoadCredential=zai:/PATH"
    )


def test_a_credential_of_the_shipped_unit_that_is_not_there_says_where_it_is_put(tmp_path: Path) -> None:
    found = one(tmp_path, '{ credential = "key_zai" }')
    read = secrets_of(found, tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert (
        read.problem(key(found))
        == "the credential key_zai does not exist: the unit loads credentials/zai beside ccflare.toml when it "
        "starts, or another file by LoadCredential=key_zai:/PATH"
    )


def test_a_credential_may_be_readable_by_its_group(tmp_path: Path) -> None:
    (tmp_path / "zai").write_text("k1\n")
    (tmp_path / "zai").chmod(0o440)
    found = one(tmp_path, '{ credential = "zai" }')
    read = secrets_of(found, tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert (read.get(key(found)), read.problems) == (Secret("k1"), ())
