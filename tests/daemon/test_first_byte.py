"""The time to the first byte: that of answers, not of how quickly somebody is refused."""

from pathlib import Path

from stage import staged

from ccflared.demo.script import Answer, Failing, Limited


async def test_only_what_an_account_answered_has_a_time_to_the_first_byte(tmp_path: Path) -> None:
    async with staged(tmp_path, ("first",)) as stage:
        stage.provider.play("sk-first", Answer(), Failing(400), Limited(600))
        assert (await stage.ask()).status_code == 200
        assert (await stage.ask()).status_code == 400  # in the words of the account, but no answer
        for _ in range(3):
            assert (await stage.ask()).status_code == 429
        rows = await stage.rows()
        assert [(row.first_byte_ms is not None, row.total_ms >= 0) for row in rows if row.status == 200] == [
            (True, True)
        ]
        assert [row.first_byte_ms for row in rows if row.status != 200] == [None] * 4
        (answered,) = (row.first_byte_ms for row in rows if row.status == 200)
        told = (await stage.client.get(stage.url + "/api/status")).json()["traffic"]["first_byte_ms"]
        assert told == {"p50": answered, "p95": answered}
        page = (await stage.client.get(stage.url + "/metrics")).text
        assert 'ccflared_first_byte_seconds_count{account="first"} 1\n' in page


async def test_an_answer_after_a_failover_has_one(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.provider.play("sk-first", Failing(500))
        assert (await stage.ask()).status_code == 200
        (row,) = await stage.rows()
        assert len(row.attempts) == 2
        assert row.first_byte_ms is not None
