// @ts-check
// Lines of files, shells and programs: in light colours, as a diff, to copy.

import { h } from "../core/dom.js";
import { button } from "./basics.js";
import { toast } from "./toast.js";

/** @typedef {import("../core/dom.js").Child} Child */

/** A comment, a text, a name before "=", a number, a date or a truth; what is between stays as it is. */
const TOKEN = new RegExp(
  [
    "(?<comment>#.*)",
    "(?<name>(?:[\\w-]+|\"[^\"]*\"|'[^']*')(?:\\s*\\.\\s*(?:[\\w-]+|\"[^\"]*\"|'[^']*'))*)(?=\\s*=)",
    "(?<text>\"(?:[^\"\\\\]|\\\\.)*\"?|'[^']*'?)",
    "(?<value>\\b(?:true|false|inf|nan)\\b|(?<![\\w-])[+-]?\\d[\\w:.+-]*)",
  ].join("|"),
  "g",
);
const HEADER = /^\s*\[\[?[^\]#]+\]\]?/;

/**
 * @param {string} line
 * @returns {(string | HTMLElement)[]}
 */
export function toml(line) {
  const header = /^\s*\[\s*["']/.test(line) && !line.includes(".") ? null : HEADER.exec(line);
  if (header && /^\s*(#.*)?$/.test(line.slice(header[0].length))) {
    const rest = line.slice(header[0].length);
    return [h("span", { class: "t-header" }, header[0]), h("span", { class: "t-comment" }, rest)];
  }
  const pieces = [];
  let at = 0;
  for (const match of line.matchAll(TOKEN)) {
    const kind = Object.entries(match.groups ?? {}).find(([, found]) => found !== undefined)?.[0];
    if (match.index > at) pieces.push(line.slice(at, match.index));
    pieces.push(h("span", { class: `t-${kind}` }, match[0]));
    at = match.index + match[0].length;
  }
  pieces.push(line.slice(at));
  return pieces;
}

/**
 * TOML to read, and to copy by hand.
 * @param {string} text
 * @param {string} label
 */
export const tomlBlock = (text, label) =>
  h(
    "pre",
    { class: "code", tabindex: 0, role: "region", "aria-label": label },
    text.split("\n").map((line) => [toml(line), "\n"]),
  );

// -- A unified diff as people read it: what goes and what comes, told by sign and colour, with the numbers of the
// lines.

const HEAD = /^@@ -(\d+),\d+ \+(\d+),\d+ @@/;

/**
 * @param {string} text  hunks, as the API tells them
 * @param {string} label  of what it is the diff
 */
export function diff(text, label) {
  let before = 0;
  let after = 0;
  let first = true;
  const lines = text.split("\n").map((line) => {
    const head = HEAD.exec(line);
    if (head) {
      [before, after] = [Number(head[1]), Number(head[2])];
      const gap = first ? null : h("span", { class: "gap", "aria-hidden": "true" }, "⋯");
      first = false;
      return gap;
    }
    const sign = line[0] ?? " ";
    const number = sign === "-" ? before : after;
    if (sign !== "+") before += 1;
    if (sign !== "-") after += 1;
    const content = [
      h("span", { class: "no", "aria-hidden": "true" }, number),
      h("span", { class: "sign" }, sign),
      h("span", { class: "what" }, toml(line.slice(1))),
    ];
    return h(sign === "+" ? "ins" : sign === "-" ? "del" : "span", { class: "code-line" }, content);
  });
  return h("div", { class: "diff", tabindex: 0, role: "region", "aria-label": label }, lines);
}

// -- A button that copies text.

/**
 * @param {() => string | Promise<string>} text  asked when it is pressed
 * @param {{ text?: string, label?: string, tone?: "main" | "quiet" }} [more]
 */
export const copyButton = (text, { text: word = "Copy", label, tone } = {}) =>
  button(word, {
    icon: "copy",
    label,
    tone,
    on: async () =>
      toast((await copied(await text())) ? "Copied." : "This browser does not allow copying here.", "info"),
  });

/** @param {string} text */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain HTTP from another machine there is no clipboard; the old way still works there.
    return copiedTheOldWay(text);
  }
}

/** @param {string} text */
function copiedTheOldWay(text) {
  const within = [...document.querySelectorAll("dialog[open]")].pop() ?? document.body;
  const area = document.createElement("textarea");
  area.className = "sr-only";
  area.value = text;
  within.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

/**
 * Lines to copy, below what they are for.
 * @param {Child} where
 * @param {string} text
 * @param {string} [label]  for those who do not see what stands above
 */
export const snippet = (where, text, label = typeof where === "string" ? where : "Lines to copy") =>
  h(
    "figure",
    { class: "snippet" },
    h(
      "figcaption",
      { class: "row" },
      h("span", { class: "muted small" }, where),
      copyButton(() => text, { tone: "quiet" }),
    ),
    h("pre", { class: "code", tabindex: 0, role: "region", "aria-label": label }, text),
  );

/**
 * Give text as a file.
 * @param {string} name
 * @param {string} type
 * @param {string[]} pieces
 */
export function download(name, type, pieces) {
  const url = URL.createObjectURL(new Blob(pieces, { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
