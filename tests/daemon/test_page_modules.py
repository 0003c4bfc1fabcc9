"""Modules joined into files: what is together, in which order it runs, and what is refused."""

import pytest

from ccflared.daemon.page.modules import UnjoinableError, joined

FIRST = ("main.js", "pages/overview.js")
PAGES = {
    "main.js": 'import { h } from "./core/dom.js";\nh(() => [import("./pages/overview.js"), import("./pages/logs.js")]);\n'
    'h(() => import("./pages/start.js"));\n',
    "core/dom.js": "export const h = (x) => x;\nexport function s() {}\n",
    "core/api.js": 'import { s as made } from "./dom.js";\nexport async function get() {\nreturn made();\n}\n',
    "pages/overview.js": 'import { get } from "../core/api.js";\nexport default { mount: get };\n',
    "pages/logs.js": 'import {\nrow,\n} from "../parts/row.js";\nimport { get } from "../core/api.js";\nexport default [row, get];\n',
    "pages/start.js": 'import { row } from "../parts/row.js";\nexport default row;\n',
    "parts/row.js": "export class row {}\n",
}


def test_the_first_page_is_one_file_and_each_other_page_its_own() -> None:
    files = joined(PAGES, FIRST)
    assert set(files) == {"main.js", "pages/logs.js", "pages/start.js", "parts/row.js"}


def test_a_module_stands_behind_those_that_it_needs_and_gives_what_it_exports() -> None:
    assert joined(PAGES, FIRST)["main.js"] == (
        "const $core_dom = (() => {\nconst h = (x) => x;\nfunction s() {}\nreturn { h, s };\n})();\n"
        "const $main = (() => {\nconst { h } = $core_dom;\n"
        'h(() => [import("./main.js").then((file) => file.$pages_overview), '
        'import("./pages/logs.js").then((file) => file.$pages_logs)]);\n'
        'h(() => import("./pages/start.js").then((file) => file.$pages_start));\nreturn {  };\n})();\n'
        "const $core_api = (() => {\nconst { s: made } = $core_dom;\n"
        "async function get() {\nreturn made();\n}\nreturn { get };\n})();\n"
        "const $pages_overview = (() => {\nconst { get } = $core_api;\n"
        "const $default = { mount: get };\nreturn { default: $default };\n})();\n"
        "export { $core_dom, $main, $core_api, $pages_overview };\n"
    )


def test_what_several_pages_need_is_loaded_once_and_by_those_alone() -> None:
    files = joined(PAGES, FIRST)
    assert files["pages/logs.js"] == (
        'import { $parts_row } from "../parts/row.js";\nimport { $core_api } from "../main.js";\n'
        "const $pages_logs = (() => {\nconst { row } = $parts_row;\nconst { get } = $core_api;\n"
        "const $default = [row, get];\nreturn { default: $default };\n})();\nexport { $pages_logs };\n"
    )
    assert "row" not in files["main.js"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("export let x = 1;", "main.js: export let x = 1;"),
        ("export { h };", "main.js: export"),
        ('import * as dom from "./core/dom.js";', "main.js: import"),
        ('import "./core/dom.js";', "main.js: import"),
        ("x(import.meta.url);", "main.js: import.meta"),
        ("x(import(name));", "main.js: import("),
        ('import { x } from "./core/gone.js";', "there is no core/gone.js"),
        ('import { x } from "./main.js";', "a circle: main.js needs main.js"),
    ],
)
def test_what_is_not_understood_is_refused(line: str, said: str) -> None:
    with pytest.raises(UnjoinableError) as refused:
        joined(PAGES | {"main.js": f"{PAGES['main.js']}{line}\n"}, FIRST)
    assert said in str(refused.value)


def test_a_module_that_nobody_loads_is_told() -> None:
    with pytest.raises(UnjoinableError, match=r"nobody loads parts/old\.js"):
        joined(PAGES | {"parts/old.js": "export const x = 1;\n"}, FIRST)
