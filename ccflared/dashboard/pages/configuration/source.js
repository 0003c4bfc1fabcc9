// @ts-check
// The configuration's files as text: with the numbers of lines, in light colours, mistakes at the lines they are in.

import { get } from "../../core/api.js";
import { h, replace } from "../../core/dom.js";
import { moment } from "../../core/format.js";
import { button, card, empty, note, segments } from "../../parts/basics.js";
import { copyButton, toml } from "../../parts/code.js";
import { when } from "../../parts/time.js";
import { places } from "./verdicts.js";

/** Lines that are drawn at first. */
const MOST = 3000;
const PLACE = /^(.*):(\d+):(\d+)$/;
/** @typedef {{ path: string, text: string | null, truncated: boolean, modified_at: number | null, problem: string | null, judged: boolean }} File */

/** @param {import("../../core/scope.js").Scope} scope */
export function files(scope) {
  const element = h("div", { class: "stack" });
  let chosen = "";
  /** @type {any} */
  let told = null;
  const show = () => {
    /** @type {File[]} */
    const all = told.files;
    const file = all.find((each) => each.path === chosen) ?? all[0];
    if (!file) return;
    const names = all.map((each) => /** @type {const} */ ([each.path, short(each.path, all)]));
    replace(
      element,
      all.length > 1
        ? h(
            "div",
            { class: "row" },
            segments("File", names, file.path, (path) => ((chosen = path), show())),
          )
        : null,
      source(file, marks(told.verdict, file)),
    );
  };
  scope.on(places, "chosen", (event) => {
    const [, path = "", line = ""] = PLACE.exec(event.detail) ?? [];
    if (path !== chosen) {
      chosen = path;
      show();
    }
    const target = element.querySelector(`[data-line="${line}"]`);
    target?.scrollIntoView({ block: "center" });
  });
  return {
    element,
    async load() {
      const now = await get("api/config/file", { signal: scope.signal });
      if (told && JSON.stringify(now) === JSON.stringify(told)) return;
      told = now;
      show();
    },
  };
}

/**
 * Return what is wrong by line, where the verdict is on the text that is shown.
 * @param {any} verdict
 * @param {File} file
 */
function marks(verdict, file) {
  /** @type {Map<number, string[]>} */
  const found = new Map();
  for (const { place, message } of file.judged ? verdict.mistakes : []) {
    const [, path, line] = PLACE.exec(place) ?? [];
    if (path === file.path) found.set(Number(line), [...(found.get(Number(line)) ?? []), message]);
  }
  return found;
}

/**
 * @param {File} file
 * @param {Map<number, string[]>} marked
 */
function source(file, marked) {
  const { path, text, modified_at: changed } = file;
  const hint = changed
    ? h("span", { title: moment(changed * 1000) }, "changed ", when(changed * 1000))
    : null;
  const actions =
    text === null ? null : copyButton(() => text, { label: "Copy the text, without its secrets" });
  const content = text === null ? empty("This file cannot be read.", file.problem) : lines(text, marked);
  return card(
    { title: h("span", { class: "mono" }, path), label: path, hint, actions },
    file.judged || text === null ? null : note("info", "Just changed; the daemon reads it in a moment."),
    content,
    file.truncated ? h("p", { class: "muted" }, "The file is longer; this is its beginning.") : null,
    h("p", { class: "muted small" }, "Secrets are masked, and so is what looks like one in a comment."),
  );
}

/**
 * @param {string} text
 * @param {Map<number, string[]>} marked
 */
function lines(text, marked) {
  const all = text.replace(/\n$/, "").split("\n");
  const digits = String(all.length).length;
  const box = h("div", {
    class: "source",
    tabindex: 0,
    role: "region",
    "aria-label": "Text of the file",
    style: { "--digits": `${digits}ch` },
  });
  box.append(...all.slice(0, MOST).map((line, at) => row(line, at + 1, marked.get(at + 1))));
  if (all.length <= MOST) return box;
  const rest = button(`Show all ${all.length} lines`, {
    on: () => {
      box.append(...all.slice(MOST).map((line, at) => row(line, MOST + at + 1, marked.get(MOST + at + 1))));
      rest.remove();
    },
  });
  return [box, rest];
}

/**
 * @param {string} line
 * @param {number} number
 * @param {string[] | undefined} wrong
 */
const row = (line, number, wrong) =>
  h(
    "div",
    { class: ["code-line", wrong && "marked"], "data-line": number },
    h("span", { class: "no", "aria-hidden": "true" }, number),
    h("span", { class: "what" }, line ? toml(line) : " "),
    wrong?.map((message) => h("span", { class: "remark" }, "↑ ", message)),
  );

/**
 * The end of a path that tells it from the others.
 * @param {string} path
 * @param {File[]} all
 */
function short(path, all) {
  const parts = path.split("/");
  for (let length = 1; length < parts.length; length += 1) {
    const tail = parts.slice(-length).join("/");
    if (all.every((each) => each.path === path || !each.path.endsWith(`/${tail}`))) return tail;
  }
  return path;
}
