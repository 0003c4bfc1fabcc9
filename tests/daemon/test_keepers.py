"""Keyed tasks follow the file: begun for who comes, ended for who leaves, and left alone for who stays."""

from collections import Counter
from pathlib import Path

import trio
import trio.testing
from stage import staged, toml

from ccflared.daemon.keepers import Keepers


async def test_a_reload_begins_and_ends_tasks_and_leaves_the_others_alone(tmp_path: Path) -> None:
    begun: Counter[str] = Counter()
    running: set[str] = set()

    async def keep(name: str) -> None:
        begun[name] += 1
        running.add(name)
        try:
            await trio.sleep_forever()
        finally:
            running.remove(name)

    async with staged(tmp_path) as stage, trio.open_nursery() as nursery:
        house = stage.running.house
        nursery.start_soon(Keepers(house, lambda world: frozenset(world.config.accounts), keep).run)
        for names in (("first", "second"), ("second", "third"), ("first", "second", "third"), ("second",)):
            stage.edit(toml(stage.state, stage.provider_port, names))
            assert (await stage.running.reloads.reload("command")).applied
            with trio.fail_after(5):
                while running != set(names):
                    await trio.sleep(0.01)
        assert begun == {"first": 2, "second": 1, "third": 1}
        nursery.cancel_scope.cancel()
    assert running == set()
