"""Renamings that did not come about: nobody who gets the new name later inherits anything."""

from pathlib import Path

from issuer import FakeIssuer
from logins import issued
from rest import at_home
from test_login import NAMES, log_in
from test_tokens import _access

from ccflared.daemon.renames import EXPECTED, Renames
from ccflared.store.memories import Memory
from ccflared.store.renaming import Renaming


def begun(*, written: bool) -> Renames:
    kept: list[Memory] = []
    renames = Renames(kept.append)
    renaming = Renaming("old", "new", 0.0)
    renames.begin(renaming)
    if written:
        renames.written(renaming, 1.0)
    return renames


def test_one_that_was_written_and_taken_back_is_over() -> None:
    renames = begun(written=True)
    assert renames.due({"old"}, 2.0) == []
    assert not renames.names
    assert renames.due({"old", "new"}, 3.0) == []
    assert renames.due({"new"}, 4.0) == []


def test_one_that_was_written_and_is_in_the_file_is_followed_however_late() -> None:
    renames = begun(written=True)
    assert [each.new for each in renames.due({"new"}, 1e6)] == ["new"]


def test_one_that_nobody_wrote_is_over_when_told_so_and_after_a_while() -> None:
    renames = begun(written=False)
    renames.give_up("old", "new", 1.0)
    assert not renames.names
    late = begun(written=False)
    assert late.due({"old"}, EXPECTED + 1.0) == []
    assert not late.names


async def test_a_command_that_could_not_write_leaves_no_expectation_behind(tmp_path: Path) -> None:
    issuer = FakeIssuer()
    async with issued(tmp_path, issuer, names=NAMES) as stage:
        await log_in(stage, issuer)
        token = _access(stage)
        await at_home(stage, "POST", "/api/accounts/plan/expect-rename", {"name": "other"})
        assert stage.running.house.renames.names == {"plan", "other"}
        await at_home(stage, "POST", "/api/accounts/plan/expect-rename", {"name": "other", "over": True})
        assert not stage.running.house.renames.names
        text = stage.config.read_text()
        stage.edit(text.replace("[accounts.plan]", "[accounts.other]"))
        await stage.running.reloads.reload("command")
        await stage.fresh()
        assert stage.provider.seen[-1].key == "sk-second" != token
