"""Keys of clients that REST makes: whoever has the digest of one, in the file or in an answer, is told the key."""

import re
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from rest import call
from stage import staged

from ccflared.config.editing import NotEdited, Prepared, commit

ADMIN = '[admin]\ntoken = "t-1"\n[clients.old]\nkey = "ccf_of_before_0123456789"\n'
CASES = [
    ("/api/clients", {"name": "new"}, "new"),
    ("/api/api-keys", {"name": "new"}, "new"),
    ("/api/clients/old/rotate", {}, "old"),
    ("/api/clients/old/rotate", {"keepOld": True}, "old"),
]


def refuse(prepared: Prepared) -> NotEdited:
    file = prepared.files.main
    return NotEdited("not writable", f"{file} may not be written.", paste=prepared.paste, file=file)


def digest_of(key: str) -> str:
    return sha256(key.encode()).hexdigest()


@pytest.mark.parametrize(("path", "body", "name"), CASES)
async def test_toml_to_write_by_hand_comes_with_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any], name: str
) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        stage.headers = {"x-api-key": "t-1"}
        monkeypatch.setattr("ccflared.daemon.edits.commit", refuse)
        answer = await call(stage, "POST", path, body)
        assert (answer.status_code, answer.json()["kind"]) == (409, "not writable")
        key = answer.json()["key"]
        assert key in answer.json()["message"]
        table = tomllib.loads(answer.json()["toml"])["clients"][name]
        assert table["key_sha256"] == digest_of(key)


@pytest.mark.parametrize(("path", "body", "name"), CASES)
async def test_a_key_that_is_written_but_not_in_force_is_told_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any], name: str
) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        stage.headers = {"x-api-key": "t-1"}

        def spoil(prepared: Prepared) -> object:
            done = commit(prepared)
            stage.config.write_text(stage.config.read_text() + "oops\n")
            return done

        monkeypatch.setattr("ccflared.daemon.edits.commit", spoil)
        answer = await call(stage, "POST", path, body)
        assert (answer.status_code, answer.json()["kind"]) == (409, "refused")
        assert (
            f'"{digest_of(answer.json()["key"])}"'
            in stage.config.read_text().partition(f"[clients.{name}]")[2]
        )
        assert answer.json()["key"] in answer.json()["message"]


@pytest.mark.parametrize(("path", "body", "name"), CASES)
async def test_what_only_looks_makes_no_key_and_offers_no_digest(
    tmp_path: Path, path: str, body: dict[str, Any], name: str
) -> None:
    async with staged(tmp_path, more=ADMIN) as stage:
        stage.headers = {"x-api-key": "t-1"}
        seen = await call(stage, "POST", f"{path}?preview=true", body)
        # The text of a table in another spelling, into which nothing can be added: refused with TOML to paste.
        stage.config.write_text(stage.config.read_text().replace("[clients.old]", "[clients]\n[clients.old]"))
        for answer in (seen, await call(stage, "POST", f"{path}?preview=true", body)):
            assert name in answer.text
            assert "ccf_" not in answer.text
            assert not re.search("[0-9a-f]{64}", answer.text)
            assert not answer.json()["toml"]
