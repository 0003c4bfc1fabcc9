// @ts-check
// The simplest parts: cards, figures, badges, buttons, facts, tables, and what stands where nothing is yet.

import { messageOf } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { icon } from "./icon.js";

/** @typedef {import("../core/dom.js").Child} Child */
/** @typedef {"good" | "warn" | "bad" | "info" | "quiet"} Tone */

/**
 * A card with a heading.
 * @param {{ title?: Child, hint?: Child, actions?: Child, class?: string, label?: string }} head
 * @param {...Child} children
 */
export function card({ title, hint, actions, class: more, label }, ...children) {
  return h(
    "section",
    { class: ["card", more], "aria-label": label ?? (typeof title === "string" ? title : null) },
    title || actions
      ? h(
          "div",
          { class: "card-head" },
          title ? h("h2", null, title) : null,
          hint ? h("span", { class: "hint" }, hint) : null,
          actions ? h("div", { class: "actions" }, actions) : null,
        )
      : null,
    ...children,
  );
}

/**
 * The head of a page. Its title is the document's heading.
 * @param {Child} title
 * @param {{ hint?: Child, actions?: Child }} [more]
 */
export const pageHead = (title, { hint, actions } = {}) =>
  h(
    "div",
    { class: "page-head" },
    h("h1", null, title),
    hint ? h("span", { class: "hint" }, hint) : null,
    actions ? h("div", { class: "actions" }, actions) : null,
  );

/**
 * A figure with its name, and a line below.
 * @param {Child} name
 * @param {Child} value
 * @param {{ under?: Child, title?: string, word?: boolean }} [more]  word: the value is one, and no number
 */
export const stat = (name, value, { under, title, word } = {}) =>
  h(
    "div",
    { class: "stat", title },
    h("span", { class: "name" }, name),
    h("span", { class: ["value", word && "word"] }, value),
    h("span", { class: "under" }, under),
  );

/**
 * A word about a state. The shape beside it says the tone, too.
 * @param {Child} text
 * @param {Tone} [tone]
 * @param {{ plain?: boolean, title?: string }} [more]  plain: no shape beside it
 */
export const badge = (text, tone = "quiet", { plain, title } = {}) =>
  h("span", { class: ["badge", tone, plain && "plain"], title }, text);

/**
 * @param {Child} text
 * @param {{
 *   on?: (event: Event) => unknown, tone?: "main" | "quiet" | "bad", icon?: import("./icon.js").IconName, label?: string,
 *   pressed?: boolean, disabled?: boolean, type?: string, title?: string
 * }} [more]  label: for those who do not see the icon, where there is no text
 */
export const button = (
  text,
  { on, tone, icon: name, label, pressed, disabled, type = "button", title } = {},
) =>
  h(
    "button",
    {
      type,
      class: ["button", tone, !text && "icon-only"],
      "aria-label": label,
      title: title ?? (text ? null : label),
      "aria-pressed": pressed === undefined ? null : String(pressed),
      disabled,
      on: on ? { click: on } : {},
    },
    name ? icon(name) : null,
    text,
  );

/**
 * A few choices of which one holds, side by side.
 * @template {string} V
 * @param {string} label
 * @param {readonly (readonly [V, string])[]} choices  value and word
 * @param {V} chosen
 * @param {(value: V) => unknown} choose
 */
export function segments(label, choices, chosen, choose) {
  const buttons = choices.map(([value, word]) =>
    button(word, {
      pressed: value === chosen,
      on: () => {
        buttons.forEach((each, at) => each.setAttribute("aria-pressed", String(choices[at]?.[0] === value)));
        choose(value);
      },
    }),
  );
  return h("div", { class: "segments", role: "group", "aria-label": label }, buttons);
}

/**
 * Choices of which one decides how the latest data are drawn.
 * @template {string} V
 * @param {string} label
 * @param {readonly [readonly [V, string], ...(readonly [V, string])[]]} choices  the first holds at first
 * @param {(data: any, chosen: V) => unknown} draw
 */
export function switched(label, choices, draw) {
  let [[chosen]] = choices;
  /** @type {any} */
  let last = null;
  const show = () => last && draw(last, chosen);
  const element = segments(label, choices, chosen, (value) => {
    chosen = value;
    show();
  });
  return {
    element,
    /** @param {any} data */
    update(data) {
      last = data;
      show();
    },
  };
}

/**
 * Names and what they are.
 * @param {...(readonly [Child, Child] | null | false)} rows  those without a value are left out
 */
export const facts = (...rows) =>
  h(
    "dl",
    { class: "facts" },
    rows.map((row) =>
      row && row[1] !== null && row[1] !== undefined && row[1] !== ""
        ? [h("dt", null, row[0]), h("dd", null, row[1])]
        : null,
    ),
  );

/**
 * @typedef {object} Column
 * @property {Child} name
 * @property {boolean} [number]  stands at the right
 * @property {(row: any) => Child} cell
 */

/**
 * A table.
 * @param {string} label
 * @param {Column[]} columns
 * @param {any[]} rows
 */
export const table = (label, columns, rows) =>
  h(
    "div",
    { class: "table-wrap", tabindex: 0, role: "region", "aria-label": label },
    h(
      "table",
      { class: "table" },
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          columns.map((column) =>
            h("th", { scope: "col", class: column.number ? "number" : null }, column.name),
          ),
        ),
      ),
      h(
        "tbody",
        null,
        rows.map((row) =>
          h(
            "tr",
            null,
            columns.map((column) => h("td", { class: column.number ? "number" : null }, column.cell(row))),
          ),
        ),
      ),
    ),
  );

/**
 * What stands where there is nothing.
 * @param {Child} what
 * @param {Child} [hint]
 * @param {number} [height]  pixels, those of what would be there
 */
export const empty = (what, hint, height) =>
  h(
    "div",
    { class: "empty", style: height ? { "--height": `${height}px` } : {} },
    h("div", { class: "what" }, what),
    hint ? h("div", null, hint) : null,
  );

/**
 * What stands where something will be soon, in the same size.
 * @param {number} height  pixels
 */
export const skeleton = (height) =>
  h("div", {
    class: "skeleton",
    style: { "--height": `${height}px` },
    role: "status",
    "aria-label": "Loading",
  });

/** A sentence of the daemon's, in which what stands between backticks is code. @param {string} text @returns {Child[]} */
export const prose = (text) =>
  text.split("\u0060").map((piece, at) => (at % 2 ? h("code", null, piece) : piece));

/**
 * A remark.
 * @param {Tone} tone
 * @param {...Child} children  a text is a paragraph
 */
export const note = (tone, ...children) =>
  h(
    "div",
    { class: ["note", tone], role: tone === "bad" ? "alert" : null },
    h(
      "div",
      { class: "stack" },
      children.map((each) => (typeof each === "string" ? h("p", null, prose(each)) : each)),
    ),
  );

/**
 * What stands where something could not be had.
 * @param {unknown} error
 * @param {(() => unknown) | null} [again]
 */
export const failed = (error, again) =>
  note(
    "bad",
    messageOf(error),
    again ? h("div", null, button("Try again", { on: again, icon: "refresh" })) : null,
  );

/**
 * Put into a place what has to be asked for; where it cannot be had, why, with a button to try again.
 * @param {Element} place
 * @param {import("../core/scope.js").Scope} scope
 * @param {(signal: AbortSignal) => Promise<Child>} load
 * @returns {Promise<void>}
 */
export async function fill(place, scope, load) {
  try {
    replace(place, await load(scope.signal));
  } catch (error) {
    if (!scope.over)
      replace(
        place,
        failed(error, () => fill(place, scope, load)),
      );
  }
}
