"""What /metrics tells, read by Prometheus' own parser: its form, its names, and that it is what the history says."""

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path
from time import time

import pytest
import trio
from entries import plain
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from scrapes import parsed, scraped
from stage import QUESTION, staged

from ccflared import __version__
from ccflared.daemon.alarms.alert import Alarm
from ccflared.daemon.metrics.counters import KINDS, Metrics
from ccflared.daemon.metrics.exposition import Histogram, Page, number
from ccflared.daemon.metrics.process import resident
from ccflared.daemon.metrics.scrape import scrape
from ccflared.demo.script import Answer, Failing, Limited, Window
from ccflared.pool.states import STATES
from ccflared.wire import Attempt, Entry

CLIENTS = """
[clients.laptop]
key = "key-of-laptop"
budget = { daily = 10.0 }
[clients.desk]
key = "key-of-desk"
"""
LAPTOP, DESK = {"x-api-key": "key-of-laptop"}, {"x-api-key": "key-of-desk"}
PUBLIC = "[metrics]\npublic = true\n"
MORE = PUBLIC + CLIENTS
SUFFIX = {"counter": "_total", "histogram": "_seconds"}
UNITS = re.compile(
    r".*_(seconds|bytes|ratio|usd|info|state|ready|running|up|entries|memories|fds|successful|open)$"
)
HOSTILE = 'evil"} 1\nccflared_forged_total{x="\\'


async def test_the_page_is_in_the_format_and_every_family_has_help_and_type(tmp_path: Path) -> None:
    async with staged(tmp_path, more=MORE) as stage:
        stage.headers |= LAPTOP
        await stage.ask()
        answer = await stage.client.get(stage.url + "/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.text.endswith("\n")
        scrape = parsed(answer.text)
        lines = answer.text.splitlines()
        for family in scrape.families.values():
            name = family.name + "_total" if family.type == "counter" else family.name
            assert sum(line.startswith(f"# HELP {name} ") for line in lines) == 1
            assert sum(line.startswith(f"# TYPE {name} ") for line in lines) == 1
            assert family.documentation.endswith(".")
            assert name.startswith(("ccflared_", "process_"))
            assert name.endswith(SUFFIX.get(family.type, "")), name
            if family.type == "gauge":
                assert UNITS.fullmatch(name), name
        seen = Counter((name, labels) for name, labels, _ in scrape.samples())
        assert max(seen.values()) == 1
        assert scrape.value("ccflared_build_info", version=__version__) == 1


def by_series(family: Metric) -> dict[frozenset[tuple[str, str]], dict[str, float]]:
    """Return the buckets of each histogram of a family by their bound, with its ``sum`` and ``count``."""
    found: dict[frozenset[tuple[str, str]], dict[str, float]] = {}
    for sample in family.samples:
        labels = dict(sample.labels)
        part = labels.pop("le", sample.name.rpartition("_")[2])
        found.setdefault(frozenset(labels.items()), {})[part] = sample.value
    return found


async def test_histograms_add_up_and_end_with_infinity(tmp_path: Path) -> None:
    async with staged(tmp_path, more=PUBLIC) as stage:
        for _ in range(3):
            await stage.ask()
        await stage.ask(stream=True)
        await stage.rows()
        scrape = await scraped(stage)
        histograms = [family for family in scrape.families.values() if family.type == "histogram"]
        assert {family.name for family in histograms} == {
            "ccflared_request_duration_seconds",
            "ccflared_first_byte_seconds",
            "ccflared_overhead_seconds",
            "ccflared_loop_lag_seconds",
        }
        for family in histograms:
            for parts in by_series(family).values():
                count, total = parts.pop("count"), parts.pop("sum")
                assert list(parts)[-1] == "+Inf"
                assert parts["+Inf"] == count
                assert all(low <= high for low, high in pairwise(parts.values()))
                bounds = [float(bound) for bound in parts]
                assert bounds == sorted(bounds)
                assert total >= 0
        assert scrape.value("ccflared_overhead_seconds_count") == 4
        assert scrape.value("ccflared_request_duration_seconds_count", account="first") == 4
        assert scrape.value("ccflared_request_duration_seconds_count", account="second") == 0
        assert "0.0001" in next(iter(by_series(scrape.families["ccflared_overhead_seconds"]).values()))


async def test_every_account_and_client_of_the_file_begins_at_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path, more=MORE) as stage:
        scrape = await scraped(stage)
        for account in ("first", "second", ""):
            for client in ("laptop", "desk"):
                for outcome in ("complete", "truncated", "error", "client_gone", "refused"):
                    labels = {"account": account, "client": client, "origin": "client", "outcome": outcome}
                    assert scrape.value("ccflared_requests_total", **labels) == 0
        assert scrape.value("ccflared_attempts_total", account="second", kind="served") == 0
        assert scrape.value("ccflared_config_reloads_total", verdict="refused") == 0


async def test_the_numbers_are_those_of_the_rows(tmp_path: Path) -> None:
    async with staged(tmp_path, more=MORE) as stage:
        provider = stage.provider
        provider.play("sk-first", Answer(input_tokens=10, output_tokens=20), Failing(500), Limited())
        stage.headers |= LAPTOP
        for turn in range(4):
            await stage.fresh(stream=turn % 2 == 0)
        stage.headers |= DESK
        await stage.fresh()
        await stage.fresh(model="an-unpriced-model")
        provider.play("sk-second", then=Failing(400))
        await stage.fresh()
        await stage.client.post(stage.url + "/v1/messages", content=b"no json", headers=DESK)
        rows = await stage.rows()
        scrape = await scraped(stage)
        assert len(rows) == 8

        counted = Counter((r.account or "", r.client or "", r.origin, r.outcome) for r in rows)
        told = {
            tuple(dict(labels)[key] for key in ("account", "client", "origin", "outcome")): value
            for name, labels, value in scrape.samples()
            if name == "ccflared_requests_total" and value
        }
        assert told == counted
        attempts = Counter((a.account, a.kind) for row in rows for a in row.attempts)
        for (account, kind), count in attempts.items():
            assert scrape.value("ccflared_attempts_total", account=account, kind=kind) == count
        assert scrape.total("ccflared_attempts_total") == attempts.total()
        for kind in ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h"):
            assert scrape.total("ccflared_tokens_total", type=kind) == sum(
                getattr(row.tokens, kind) or 0 for row in rows
            )
        assert scrape.total("ccflared_tokens_total", client="laptop", type="input") > 0
        cost = sum(row.cost or 0 for row in rows)
        assert cost > 0
        assert scrape.total("ccflared_cost_usd_total") == pytest.approx(cost / 1e6)
        assert scrape.total("ccflared_unpriced_requests_total") == 1
        assert scrape.total("ccflared_request_duration_seconds_count") == len(rows)
        assert scrape.total("ccflared_request_duration_seconds_sum") == pytest.approx(
            sum(row.total_ms for row in rows) / 1000
        )
        assert scrape.value("ccflared_overhead_seconds_sum") == pytest.approx(
            sum(row.overhead_us or 0 for row in rows) / 1e6
        )
        assert scrape.value("ccflared_history_written_total") == len(rows)
        assert scrape.value("ccflared_history_up") == 1
        spent = scrape.value("ccflared_budget_spent_usd", scope="client", name="laptop", period="day")
        assert spent == pytest.approx(scrape.total("ccflared_cost_usd_total", client="laptop"))
        assert scrape.value("ccflared_budget_limit_usd", scope="client", name="laptop", period="day") == 10


async def test_the_budget_of_all_is_told_too(tmp_path: Path) -> None:
    budget = '[budget]\nmonthly = 20.0\ncounts = "value"\n'
    async with staged(tmp_path, more=PUBLIC + budget) as stage:
        await stage.ask()
        await stage.rows()
        scrape = await scraped(stage)
        of_all = {"scope": "all", "name": "", "period": "month"}
        assert scrape.value("ccflared_budget_limit_usd", **of_all) == 20
        spent = scrape.value("ccflared_budget_spent_usd", **of_all)
        assert spent == pytest.approx(scrape.total("ccflared_cost_usd_total")) != 0


async def test_open_alerts_and_what_waits_for_a_webhook_are_told(tmp_path: Path) -> None:
    async with staged(tmp_path, more=PUBLIC) as stage:
        assert (await scraped(stage)).total("ccflared_alerts_open") == 0
        house = stage.running.house
        house.alerts.hold([Alarm("needs_login", "first", "A title", "Words.")], time(), 60.0)
        scrape = await scraped(stage)
        assert scrape.value("ccflared_alerts_open", type="needs_login", severity="critical") == 1
        assert scrape.value("ccflared_webhook_queue_entries") == 0
        assert scrape.value("ccflared_payloads_up") == 1


async def test_a_request_of_the_daemons_own_is_told_apart_from_those_of_clients(tmp_path: Path) -> None:
    async with staged(tmp_path, more=PUBLIC) as stage:
        assert (await stage.client.post(stage.url + "/api/accounts/first/test")).status_code == 200
        scrape = await scraped(stage)
        labels = {"account": "first", "client": "", "outcome": "complete"}
        assert scrape.value("ccflared_requests_total", **labels, origin="test") == 1
        assert scrape.value("ccflared_requests_total", **labels, origin="client") == 0
        assert scrape.total("ccflared_request_duration_seconds_count") == 0


async def test_nothing_that_a_client_says_becomes_a_label(tmp_path: Path) -> None:
    async with staged(tmp_path, more=MORE) as stage:
        before = await scraped(stage)
        for number in range(3):
            headers = LAPTOP | {
                "x-ccflared-project": f"project-evil-{number}",
                "user-agent": f"agent-evil-{number}",
                "x-claude-code-session-id": f"session-evil-{number}",
            }
            body = QUESTION | {"model": f"model-evil-{number} {HOSTILE}"}
            await stage.client.post(stage.url + "/v1/messages", json=body, headers=headers)
        await stage.client.get(stage.url + "/v1/messages", headers=LAPTOP | {"x-evil": "evil"})
        await stage.client.get(stage.url + "/v1/evil", headers=LAPTOP)
        await stage.client.get(stage.url + "/v1/models/evil", headers={"x-api-key": "evil-key"})
        await stage.rows()
        after = await scraped(stage)
        assert "evil" not in after.text
        assert "forged" not in after.text
        made = {(name, labels) for name, labels, _ in after.samples()} - {
            (name, labels) for name, labels, _ in before.samples()
        }
        # The kinds of tries that were not met before, and the account "" whom nobody asked.
        assert {dict(labels).get("account") for _, labels in made} <= {"first", "second", ""}
        assert len(made) < 60


async def test_no_secret_is_told(tmp_path: Path) -> None:
    more = CLIENTS + '[metrics]\ntoken = "metrics-secret"\n[admin]\ntoken = "admin-secret"\n'
    async with staged(tmp_path, more=more) as stage:
        stage.headers |= LAPTOP
        await stage.ask()
        text = (await scraped(stage, authorization="Bearer metrics-secret")).text
        for secret in ("sk-first", "sk-second", "key-of-laptop", "metrics-secret", "admin-secret"):
            assert secret not in text


async def test_an_account_is_in_one_state_and_tells_when_it_recovers_and_how_full_its_windows_are(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, more=PUBLIC) as stage:
        answer = Answer(five_hour=Window(0.25, 3600.0))
        stage.provider.play("sk-first", answer, Limited(reset_in=600.0))
        await stage.fresh()
        await stage.fresh()
        scrape = await scraped(stage)
        states = {row.state for row in STATES}
        for account, state in (("first", "resting"), ("second", "ready")):
            for each in states:
                found = scrape.value("ccflared_account_state", account=account, state=each)
                assert found == (each == state), (account, each)
            assert scrape.value("ccflared_account_ready", account=account) == (state == "ready")
        status = await stage.account("first")
        until = scrape.value("ccflared_account_recovers_timestamp_seconds", account="first")
        assert until == pytest.approx(status["until"])
        windows = {window["name"]: window["utilization"] for window in status["usage"]["windows"]}
        assert windows
        for name, utilization in windows.items():
            labels = {"account": "first", "window": name}
            assert scrape.value("ccflared_account_window_utilization_ratio", **labels) == utilization
            assert 0 <= scrape.value("ccflared_account_window_age_seconds", **labels) < 60


async def test_reloads_are_counted_and_names_that_left_the_file_are_gone(tmp_path: Path) -> None:
    async with staged(tmp_path, more=PUBLIC) as stage:
        await stage.ask()
        first = await scraped(stage)
        assert first.value("ccflared_config_last_reload_successful") == 1
        whole = stage.config.read_text()
        stage.edit(whole.replace("priority = 0", "priority = nought"))
        assert not (await stage.running.reloads.reload("command")).applied
        refused = await scraped(stage)
        assert refused.value("ccflared_config_reloads_total", verdict="refused") == 1
        assert refused.value("ccflared_config_last_reload_successful") == 0
        at = refused.value("ccflared_config_last_reload_success_timestamp_seconds")
        assert at == first.value("ccflared_config_last_reload_success_timestamp_seconds")
        stage.edit(whole.replace("[accounts.first]", "[accounts.other]"))
        assert (await stage.running.reloads.reload("command")).applied
        after = await scraped(stage)
        assert after.value("ccflared_config_reloads_total", verdict="applied") == 1
        assert after.value("ccflared_config_last_reload_successful") == 1
        assert 'account="first"' not in after.text
        assert 'account="other"' in after.text
        assert after.value("ccflared_config_last_reload_success_timestamp_seconds") > at


def test_labels_and_help_are_escaped_as_prometheus_reads_them() -> None:
    page = Page()
    page.gauge("x_info", "Two\nlines and a \\.", [({"name": HOSTILE}, 1)])
    scrape = parsed(page.text().decode())
    assert scrape.value("x_info", name=HOSTILE) == 1
    assert scrape.families["x_info"].documentation == "Two\nlines and a \\."
    assert len(scrape.families) == 1


def test_numbers_are_written_as_prometheus_reads_them() -> None:
    for value in (0, 3, 2**70, 0.1, 1e-7, 1e22, 123456789.5, float("inf"), float("-inf")):
        assert float(number(value)) == float(value)
    assert number(5.0) == "5"
    assert number(float("nan")) == "NaN"


def test_a_value_at_a_bound_is_no_more_than_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 9.0):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 1]
    assert histogram.sum == 14.0


def test_kinds_of_tries_are_bounded() -> None:
    metrics = Metrics()
    for each in range(3 * KINDS):
        metrics.count(entry(f"kind {each}"))
    assert len({kind for _, kind in metrics.attempts}) == KINDS + 1
    assert metrics.attempts["first", "other"] == 2 * KINDS


def entry(kind: str) -> Entry:
    return plain(
        id="req_1",
        at=1.0,
        account="first",
        provider=None,
        attempts=(Attempt("first", "p", "", 0, 0, 200, kind, ""),),
    )


@pytest.mark.usefixtures("autojump_clock")
async def test_how_late_the_loop_is_is_looked_at_every_second() -> None:
    metrics = Metrics()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(metrics.watch_loop)
        await trio.sleep(3.5)
        nursery.cancel_scope.cancel()
    assert sum(metrics.lag.counts) == 3


async def test_of_very_many_accounts_and_clients_only_those_that_met_have_series(tmp_path: Path) -> None:
    clients = "".join(f'[clients.c{number}]\nkey = "key-{number}"\n' for number in range(12))
    names = [f"account-{number}" for number in range(12)]
    async with staged(tmp_path, names, more=PUBLIC + clients) as stage:
        stage.headers |= {"x-api-key": "key-3"}
        await stage.ask()
        await stage.rows()
        scrape = await scraped(stage)
        met = {
            (dict(labels)["account"], dict(labels)["client"])
            for name, labels, _ in scrape.samples()
            if name == "ccflared_requests_total"
        }
        assert met == {("account-0", "c3")}
        assert scrape.value("ccflared_account_ready", account="account-11") == 1


async def test_others_have_their_turn_while_very_many_series_are_written(tmp_path: Path) -> None:
    names = [f"account-{number}" for number in range(20)]
    async with staged(tmp_path, names, more=PUBLIC) as stage:
        await stage.ask()
        (row,) = await stage.rows()
        house = stage.running.house
        house.metrics.keep = lambda _accounts, _clients: None  # type: ignore[assignment, method-assign]
        for account, client in product(names, range(50)):
            house.metrics.count(replace(row, account=account, client=f"c{client}"))
        turns = 0

        async def another() -> None:
            nonlocal turns
            while True:
                turns += 1
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(another)
            page = await scrape(house)
            nursery.cancel_scope.cancel()
        assert page.count(b"\n") > 10_000
        assert turns > page.count(b"\n") / 500


async def test_the_process_tells_of_itself(tmp_path: Path) -> None:
    async with staged(tmp_path, more=PUBLIC) as stage:
        scrape = await scraped(stage)
        assert scrape.value("process_cpu_seconds_total") > 0
        started = stage.running.house.started_at
        assert scrape.value("process_start_time_seconds") == pytest.approx(started)
        if resident() is not None:
            assert scrape.value("process_resident_memory_bytes") > 10_000_000
            assert scrape.value("process_open_fds") > 5


@given(st.dictionaries(st.sampled_from(["account", "client", "kind"]), st.text(max_size=12), min_size=1))
def test_any_text_comes_back_from_a_label_as_it_was(labels: dict[str, str]) -> None:
    page = Page()
    page.counter("x_total", "Help.", [(labels, 3), ({"other": "label"}, 4)])
    scrape = parsed(page.text().decode())
    assert scrape.value("x_total", **labels) == 3
    assert scrape.value("x_total", other="label") == 4
