"""contrib/grafana asks for nothing that /metrics does not tell: dashboard and alert rules against a live scrape."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import pytest
import trustme
from scrapes import Scrape, scraped
from stage import free_port, staged

from ccflared.demo.script import Answer, Limited, Window
from ccflared.pool.states import STATES
from ccflared.wire import Outcome

PLACE = Path(__file__).parent.parent.parent / "contrib" / "grafana"
BOARD: dict[str, Any] = json.loads((PLACE / "ccflared.json").read_text())
RULES = (PLACE / "alerts.yml").read_text()
MORE = '[metrics]\npublic = true\n[clients.laptop]\nkey = "key-of-laptop"\nbudget = { daily = 10.0 }\n'

NAME = re.compile(r"\b(?:ccflared|process)_[a-z_]+")
SELECTOR = re.compile(r"((?:ccflared|process)_[a-z_]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
GROUPED = re.compile(r"\bby \(([^)]*)\)")
OF_PROMETHEUS = {"instance", "job"}


def expressions() -> list[tuple[str, str]]:
    """Return every expression of dashboard and rules, each with where it stands."""
    found = [
        (panel["title"], target["expr"]) for panel in BOARD["panels"] for target in panel.get("targets", ())
    ]
    found += [(each["name"], each["definition"]) for each in variables() if each["type"] == "query"]
    rules = re.split(r"^ +- alert: ", RULES, flags=re.MULTILINE)[1:]
    for rule in rules:
        expr = re.search(r"^ +expr: (?:>-\n)?(.*?)(?=^ +(?:for|labels):)", rule, re.MULTILINE | re.DOTALL)
        assert expr is not None, rule
        found.append((rule.split()[0], " ".join(expr[1].split())))
    return found


def variables() -> list[dict[str, Any]]:
    return list(BOARD["templating"]["list"])


async def live(tmp_path: Path) -> Scrape:
    """Return a scrape in which every family has samples."""
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    tls = '{ address = "127.0.0.1:0", tls = { cert = "both.pem", key = "both.pem" } }'
    async with staged(tmp_path, more=MORE, server=f'listen = ["127.0.0.1:{free_port()}", {tls}]') as stage:
        stage.headers |= {"x-api-key": "key-of-laptop"}
        stage.provider.play("sk-first", Answer(five_hour=Window(0.25, 3600.0)), Limited())
        await stage.fresh()
        await stage.fresh()
        await stage.rows()
        return await scraped(stage)


async def test_every_expression_asks_for_metrics_and_labels_that_there_are(tmp_path: Path) -> None:
    scrape = await live(tmp_path)
    labels: dict[str, set[str]] = {}
    values: dict[tuple[str, str], set[str]] = {}
    for name, given, _ in scrape.samples():
        labels.setdefault(name, set()).update(dict(given))
        for label, value in given:
            values.setdefault((name, label), set()).add(value)
    assert all(family.samples for family in scrape.families.values())
    for where, expression in expressions():
        asked = set(NAME.findall(expression))
        assert asked <= labels.keys(), where
        for name, matchers in SELECTOR.findall(expression):
            for label, operator, value in MATCHER.findall(matchers):
                assert label in labels[name] | OF_PROMETHEUS, f"{where}: {name} has no label {label}"
                if operator in ("=", "!=") and label not in ("billing", "job"):
                    assert value in values[name, label], f"{where}: {name} has no {label} {value}"
        for group in GROUPED.findall(expression):
            for label in group.split(", "):
                assert any(label in labels[name] | OF_PROMETHEUS for name in asked), f"{where}: {label}"


@pytest.mark.parametrize(("where", "expression"), expressions(), ids=[where for where, _ in expressions()])
def test_brackets_of_an_expression_match(where: str, expression: str) -> None:
    bare = re.sub(r'"[^"]*"', "", expression)
    open_: list[str] = []
    for character in bare:
        if character in "([{":
            open_.append({"(": ")", "[": "]", "{": "}"}[character])
        elif character in ")]}":
            assert open_[-1:] == [character], where
            open_.pop()
    assert not open_, where


def test_states_and_outcomes_of_the_dashboard_are_those_of_the_program() -> None:
    (panel,) = [each for each in BOARD["panels"] if each["title"] == "States of the accounts"]
    expression = panel["targets"][0]["expr"]
    asked = re.findall(r'(\d+) \* sum by \(account\) \([^)]*state="([^"]*)"', expression)
    assert {state for _, state in asked} == {row.state for row in STATES}
    told = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    assert {number: each["text"] for number, each in told.items()} == dict(asked)
    named = set(re.findall(r'outcome=~?"([^"]*)"', RULES)[0].split("|"))
    assert named <= set(get_args(Outcome))
    rule = re.findall(r'state=~"([^"]*)"', RULES)[0].split("|")
    assert set(rule) <= {row.state for row in STATES}


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each)


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    panels = BOARD["panels"]
    assert BOARD["schemaVersion"] >= 41
    assert BOARD["uid"] == "ccflared"
    assert "id" not in BOARD
    ids = [panel["id"] for panel in panels]
    assert len(ids) == len(set(ids))
    titles = [panel["title"] for panel in panels]
    assert len(titles) == len(set(titles))
    assert [each["name"] for each in variables() if each["type"] == "datasource"] == ["datasource"]
    for each in leaves(BOARD):
        if isinstance(source := each.get("datasource"), dict):
            assert source == {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels:
        grid = panel["gridPos"]
        assert grid["x"] in range(24)
        assert grid["x"] + grid["w"] <= 24
        refs = [target["refId"] for target in panel.get("targets", ())]
        assert len(refs) == len(set(refs))
        assert refs or panel["type"] == "row"
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, "two panels overlap"


def test_every_metric_but_of_detail_has_its_place_in_the_dashboard() -> None:
    asked = {name for _, expression in expressions() for name in NAME.findall(expression)}
    for name in ("requests_total", "attempts_total", "tokens_total", "cost_usd_total", "account_state"):
        assert f"ccflared_{name}" in asked
    for name in ("request_duration", "first_byte", "overhead", "loop_lag"):
        assert f"ccflared_{name}_seconds_bucket" in asked


def test_rules_and_the_example_of_a_scrape_are_laid_out_as_yaml_wants_it() -> None:
    for text in (RULES, (PLACE / "prometheus.yml").read_text()):
        assert "\t" not in text
        for line in text.splitlines():
            assert (len(line) - len(line.lstrip())) % 2 == 0, line
            assert line == line.rstrip()
    names = re.findall(r"- alert: (\w+)", RULES)
    assert len(names) == len(set(names)) == 10
    for key in ("expr:", "labels: { severity: ", "annotations:", 'summary: "'):
        assert RULES.count(key) == len(names), key
    assert "metrics_path" in (PLACE / "prometheus.yml").read_text()
