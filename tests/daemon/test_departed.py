"""An account that leaves the file is remembered for 30 days from then, however old what is known of it is."""

from pathlib import Path
from time import time

import pytest
from rest import call
from stage import restaged, staged

from ccflared.daemon.departed import KEPT, Departed
from ccflared.store.memories import Memory


def test_it_counts_from_when_its_leaving_was_seen() -> None:
    written: list[Memory] = []
    first = Departed(written.append)
    assert first.see({"a", "b"}, {"a"}, 1000.0) == set()
    assert [(memory.key, memory.value is not None) for memory in written] == [("b", True)]
    later = Departed(written.append)
    later.recall(written[:1])
    assert later.see({"b"}, {"a"}, 1000.0 + KEPT) == set()
    assert later.see({"b"}, {"a"}, 1001.0 + KEPT) == {"b"}


def test_coming_back_in_between_begins_anew() -> None:
    written: list[Memory] = []
    known = Departed(written.append)
    known.see({"b"}, set(), 1000.0)
    known.see({"b"}, {"b"}, 2000.0)
    assert written[-1] == Memory("departed", "b", None, 2000.0)
    assert known.see({"b"}, set(), 1001.0 + KEPT) == set()


@pytest.mark.parametrize(("days", "state"), [(29, "paused"), (31, "ready")])
async def test_an_account_that_comes_back_in_time_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, state: str
) -> None:
    async with staged(tmp_path, ["first", "second"]) as stage:
        await call(stage, "POST", "/api/accounts/first/pause")
        whole = stage.config.read_text()
        begin, end = whole.index("[accounts.first]"), whole.index("[accounts.second]")
        stage.edit(whole[:begin] + whole[end:])
        await call(stage, "POST", "/api/reload", {})
        provider, port = stage.provider, stage.provider_port
    monkeypatch.setattr("ccflared.daemon.house.time", lambda: time() + days * 86400)
    async with restaged(tmp_path, provider, port) as stage:
        await stage.running.house.recorder.settled()
    async with restaged(tmp_path, provider, port) as stage:
        stage.edit(whole)
        await call(stage, "POST", "/api/reload", {})
        assert (await stage.account("first"))["state"] == state
