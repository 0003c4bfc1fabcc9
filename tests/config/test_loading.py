"""From files on disk to a configuration: includes, who may have written them, what has to be watched."""

import hashlib
import os
import ssl
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, run

import pytest
import trustme
from filebook import ENVIRON, config, mistakes, only, read, write
from hypothesis import given
from hypothesis import strategies as st

from ccflared.config.load import Loaded, Rejected, load, startable
from ccflared.config.load.certificates import read_pair, validity
from ccflared.config.model import Tls
from ccflared.config.report import render_all
from ccflared.providers.presets import builtin

ONE = '[accounts.one]\nprovider = "ollama"\n'
TWO = '[accounts.two]\nprovider = "ollama"\n'


def loaded(directory: Path, **files: str) -> Loaded:
    result = read(directory, **files)
    assert isinstance(result, Loaded), render_all(result.mistakes)
    return result


def test_an_empty_file_is_valid_and_has_the_defaults(tmp_path: Path) -> None:
    found = loaded(tmp_path, main="")
    assert found.config.accounts == {}
    assert found.config.server.listen[0].address == "127.0.0.1:8080"
    assert not found.config.server.listen_given
    assert found.config.providers == builtin()


def test_whether_listen_is_in_the_file_is_known(tmp_path: Path) -> None:
    assert loaded(tmp_path, main='[server]\nlisten = "127.0.0.1:8080"\n').config.server.listen_given


def test_files_are_read_in_the_order_named_and_globs_sorted(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        main='include = ["z.toml", "[ab].toml"]\n',
        b=TWO,
        a=ONE,
        z='[accounts.last]\nprovider = "ollama"\n',
    )
    assert [path.name for path in found.files] == ["ccflare.toml", "z.toml", "a.toml", "b.toml"]
    assert list(found.config.accounts) == ["last", "one", "two"]


def test_a_glob_may_match_nothing_and_its_directory_is_watched(tmp_path: Path) -> None:
    found = loaded(tmp_path, main='include = ["conf.d/*.toml"]\n')
    assert tmp_path / "conf.d" in found.watch
    assert tmp_path / "ccflare.toml" in found.watch


def test_a_plain_path_must_exist_and_is_waited_for(tmp_path: Path) -> None:
    rejected = read(tmp_path, main='include = ["missing.toml"]\n')
    assert isinstance(rejected, Rejected)
    assert str(rejected.mistakes[0]).endswith(f"ccflare.toml:1:12: there is no file {tmp_path}/missing.toml")
    assert tmp_path / "missing.toml" in rejected.watch


def test_the_main_file_may_lie_among_those_a_glob_matches(tmp_path: Path) -> None:
    found = loaded(tmp_path, main='include = "*.toml"\n' + ONE, more=TWO)
    assert list(found.config.accounts) == ["one", "two"]


def test_an_include_cannot_include(tmp_path: Path) -> None:
    found = only(tmp_path, 'include = "a.toml"\n', a='include = ["b.toml"]\n', b=ONE)
    assert found == "a.toml:1:1: an included file cannot include others; only the main file can"


def test_tables_merge_key_by_key_over_files(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        main='include = "a.toml"\n[routing]\nattempts = 3\n[accounts.one]\nprovider = "ollama"\n',
        a="[routing]\nattempts_within = 60\n[accounts.one]\npriority = 5\n[accounts.one.budget]\ndaily = 1\n",
    )
    assert (found.config.routing.attempts, found.config.routing.attempts_within) == (3, 60)
    assert found.config.accounts["one"].priority == 5
    assert found.places["accounts", "one", "priority"].file == tmp_path / "a.toml"
    assert found.places["accounts", "one", "provider"].line == 5


def test_the_same_key_in_two_files_names_both(tmp_path: Path) -> None:
    found = only(tmp_path, 'include = "a.toml"\n' + ONE, a='\n[accounts.one]\nprovider = "zai"\n')
    assert found == 'a.toml:3:1: "accounts.one.provider" is already set in ccflare.toml:3'


def test_chains_of_all_files_follow_each_other_and_keep_their_places(tmp_path: Path) -> None:
    chain = '[[fallback]]\nmodels = ["{}"]\ntry = ["{}"]\n'
    main = 'include = "a.toml"\n' + ONE + chain.format("opus", "one")
    found = loaded(tmp_path, main=main, a=chain.format("haiku", "one"))
    assert [item.models for item in found.config.fallback] == [("opus",), ("haiku",)]
    assert found.places["fallback", 1, "try"].file == tmp_path / "a.toml"
    wrong = mistakes(tmp_path, main, a=chain.format("haiku", "noone"))
    assert wrong == ['a.toml:3:8: there is no account "noone"; did you mean "one"?']


def test_paths_are_relative_to_the_file_they_stand_in(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    write(tmp_path / "conf.d", main='[accounts.one]\nprovider = "zai"\napi_key = { file = "one.key" }\n')
    found = loaded(
        tmp_path,
        main='include = "conf.d/*.toml"\n[storage]\ndirectory = "~/state"\n[control]\nsocket = "s"\n',
    )
    assert found.config.storage.directory == Path("/home/ada/state")
    assert found.config.control.socket == tmp_path / "s"
    assert tmp_path / "conf.d" / "one.key" in found.watch


def test_each_file_has_the_digest_of_its_exact_content(tmp_path: Path) -> None:
    found = loaded(tmp_path, main='include = "a.toml"\r\n', a=ONE)
    for path in found.files:
        assert found.digests[path] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_table_of_a_built_in_name_merges_over_the_built_in_one(tmp_path: Path) -> None:
    text = """
        [providers.claude-oauth]
        models = { opus = "=" }
        [providers.claude-oauth.oauth]
        client_id = "mine"
        [providers.mine]
        dialect = "openai-chat"
    """
    providers = config(tmp_path, text).providers
    assert providers["claude-oauth"].base_url == "https://api.anthropic.com"
    assert providers["claude-oauth"].billing == "plan"
    assert providers["claude-oauth"].models == {"opus": ("=",)}
    assert providers["claude-oauth"].oauth is not None
    assert providers["claude-oauth"].oauth.client_id == "mine"
    assert providers["claude-oauth"].oauth.token_url is not None
    assert providers["mine"].dialect == "openai-chat"
    assert list(providers)[-1] == "mine"


# --- files that are not as they should be ---------------------------------------------------------------------


def test_a_file_that_everyone_may_write_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, main=ONE)
    path.chmod(0o666)
    rejected = load(path, environ=ENVIRON, builtin=builtin())
    assert isinstance(rejected, Rejected)
    assert rejected.mistakes[0].message == (
        f"everyone may write the file {path} (mode 0666); `chmod o-w {path}` puts that right"
    )


def test_a_file_that_its_group_may_write_is_accepted(tmp_path: Path) -> None:
    path = write(tmp_path, main=ONE)
    path.chmod(0o664)
    assert isinstance(load(path, environ=ENVIRON, builtin=builtin()), Loaded)


def test_a_directory_that_everyone_may_write_is_refused_unless_sticky(tmp_path: Path) -> None:
    path = write(tmp_path, main=ONE)
    tmp_path.chmod(0o777)
    rejected = load(path, environ=ENVIRON, builtin=builtin())
    assert isinstance(rejected, Rejected)
    assert rejected.mistakes[0].message.startswith(f"everyone may write the directory {tmp_path} (mode 0777)")
    tmp_path.chmod(0o1777)
    assert isinstance(load(path, environ=ENVIRON, builtin=builtin()), Loaded)


def test_the_directory_a_symbolic_link_leads_to_counts_too(tmp_path: Path) -> None:
    real, names = tmp_path / "real", tmp_path / "names"
    real.mkdir()
    names.mkdir()
    (names / "ccflare.toml").symlink_to(write(real, main=ONE))
    assert isinstance(load(names / "ccflare.toml", environ=ENVIRON, builtin=builtin()), Loaded)
    real.chmod(0o777)
    rejected = load(names / "ccflare.toml", environ=ENVIRON, builtin=builtin())
    assert isinstance(rejected, Rejected)
    assert str(real) in rejected.mistakes[0].message


def test_a_directory_that_a_glob_reads_must_not_be_open_even_if_sticky(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d").chmod(0o1777)
    found = only(tmp_path, 'include = "conf.d/*.toml"\n')
    assert found.startswith(f"1:11: everyone may add files to the directory {tmp_path}/conf.d (mode 1777)")


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    rejected = load(tmp_path / "no.toml", environ=ENVIRON, builtin=builtin())
    assert isinstance(rejected, Rejected)
    assert str(rejected.mistakes[0]) == f"{tmp_path}/no.toml:1:1: there is no such file"
    assert rejected.watch == {tmp_path / "no.toml"}


def test_a_directory_and_a_pipe_are_no_configuration(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    for name, said in (("", "a directory"), ("pipe.toml", "no regular file")):
        rejected = load(tmp_path / name, environ=ENVIRON, builtin=builtin())
        assert isinstance(rejected, Rejected)
        assert rejected.mistakes[0].message == f"the file cannot be read: it is {said}"


def test_bytes_that_are_no_utf8_are_pointed_at(tmp_path: Path) -> None:
    path = write(tmp_path, main="")
    path.write_bytes(b'[log]\nlevel = "\xe9"\n')
    rejected = load(path, environ=ENVIRON, builtin=builtin())
    assert isinstance(rejected, Rejected)
    assert str(rejected.mistakes[0]).endswith(":2:10: this is not UTF-8 text (the byte 0xe9)")


def test_a_byte_order_mark_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, main="")
    path.write_bytes(b"\xef\xbb\xbf[log]\n")
    rejected = load(path, environ=ENVIRON, builtin=builtin())
    assert isinstance(rejected, Rejected)
    assert "byte order mark" in rejected.mistakes[0].message


def test_a_file_out_of_all_proportion_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, main="# " + "x" * 9_000_000)
    rejected = load(path, environ=ENVIRON, builtin=builtin())
    assert isinstance(rejected, Rejected)
    assert rejected.mistakes[0].message == "the file is larger than 8 MiB"


def test_lists_nested_without_end_are_a_mistake_and_no_crash(tmp_path: Path) -> None:
    assert only(tmp_path, "x = " + "[" * 5000 + "]" * 5000).endswith("nested too deeply")


# --- certificates ---------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    pair = trustme.CA().issue_cert("localhost")
    pair.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    pair.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    return tmp_path


GOOD = ssl.PEM_cert_to_DER_cert(trustme.CA().issue_cert("localhost").cert_chain_pems[0].bytes().decode())
TLS = '[server]\ntls = { cert = "cert.pem", key = "key.pem" }\n'


def test_certificate_and_key_are_watched(certificate: Path) -> None:
    assert {certificate / "cert.pem", certificate / "key.pem"} <= loaded(certificate, main=TLS).watch


def test_a_certificate_that_is_not_there_is_a_mistake_and_is_waited_for(certificate: Path) -> None:
    (certificate / "cert.pem").unlink()
    rejected = startable(read(certificate, main=TLS))
    assert isinstance(rejected, Rejected)
    assert str(rejected.mistakes[0]).endswith(
        f":2:16: {certificate}/cert.pem cannot be read: No such file or directory"
    )
    assert certificate / "cert.pem" in rejected.watch


def test_a_key_of_another_certificate_is_a_mistake(certificate: Path) -> None:
    trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(str(certificate / "key.pem"))
    rejected = startable(read(certificate, main=TLS))
    assert isinstance(rejected, Rejected)
    said = f"ccflare.toml:2:7: the key {certificate}/key.pem is not that of the certificate {certificate}/cert.pem"
    assert said in str(rejected.mistakes[0])


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(certificate: Path) -> None:
    run(
        ["openssl", "pkey", "-in", "key.pem", "-aes256", "-passout", "pass:x", "-out", "locked.pem"],
        cwd=certificate,
        check=True,
        stdin=DEVNULL,
    )
    rejected = startable(read(certificate, main=TLS.replace("key.pem", "locked.pem")))
    assert isinstance(rejected, Rejected)
    assert "locked.pem is encrypted" in str(rejected.mistakes[0])


def test_a_private_key_that_everyone_may_read_is_warned_of(certificate: Path) -> None:
    (certificate / "key.pem").chmod(0o644)
    (warning,) = loaded(certificate, main=TLS).warnings
    assert str(warning).endswith(
        f":2:34: everyone may read the private key {certificate}/key.pem; `chmod o-r {certificate}/key.pem`"
    )
    (certificate / "key.pem").chmod(0o640)
    assert loaded(certificate, main=TLS).warnings == ()


@pytest.mark.parametrize("days", [1, 30000])
def test_the_validity_of_a_certificate_is_read_as_openssl_reads_it(tmp_path: Path, days: int) -> None:
    for curve in ("prime256v1", "secp384r1"):
        made = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            f"ec_paramgen_curve:{curve}",
            "-nodes",
        ]
        made += ["-keyout", "k.pem", "-out", "c.pem", "-days", str(days), "-subj", "/CN=example.com"]
        run(made, cwd=tmp_path, check=True, capture_output=True)
        told = run(
            ["openssl", "x509", "-in", "c.pem", "-noout", "-enddate"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        read_here = read_pair(Tls(tmp_path / "c.pem", tmp_path / "k.pem"))
        assert read_here.ends == ssl.cert_time_to_seconds(told.strip().removeprefix("notAfter="))
        assert read_here.ends - read_here.begins == days * 86400


@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 255))
def test_a_damaged_certificate_ends_in_words(noise: bytes, at: int, byte: int) -> None:
    der = bytearray(GOOD)
    der[at % len(der)] = byte
    for given_ in (noise, bytes(der), GOOD[:at]):
        with suppress(ValueError, IndexError):
            validity(given_)


# --- what is allowed but probably not meant -------------------------------------------------------------------


def test_an_account_without_a_credential_is_worth_a_warning(tmp_path: Path) -> None:
    (warning,) = loaded(tmp_path, main='[accounts.a]\nprovider = "anthropic"\n').warnings
    assert warning.message == "[accounts.a] has no api_key; it cannot serve until it has one"


def test_a_credential_in_a_file_for_everyone_is_worth_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path, main='[accounts.a]\nprovider = "zai"\napi_key = "k"\n')
    path.chmod(0o644)
    found = load(path, environ=ENVIRON, builtin=builtin())
    assert isinstance(found, Loaded)
    assert [w.message for w in found.warnings] == [
        f"everyone may read this file, and it holds a credential; `chmod o-r {path}`"
    ]


def test_an_opening_that_opens_nothing_is_worth_a_warning(tmp_path: Path) -> None:
    text = '[server]\nallow_unauthenticated = true\n[clients.a]\nkey = "k"\n'
    (warning,) = loaded(tmp_path, main=text).warnings
    assert (warning.line, warning.message) == (
        2,
        "allow_unauthenticated has no effect while there are [clients]",
    )


def test_a_client_whose_globs_match_no_account_is_worth_a_warning(tmp_path: Path) -> None:
    (warning,) = loaded(tmp_path, main='[clients.a]\nkey = "k"\naccounts = ["x-*"]\n').warnings
    assert (warning.line, warning.message) == (3, 'no account matches "x-*"')
