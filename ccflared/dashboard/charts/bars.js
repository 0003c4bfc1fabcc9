// @ts-check
/**
 * Amounts as horizontal bars: one for each (bars), or one of them all (share, below).
 *
 * One line an item, the label, the bar, the value. The values are text, so there is no picture to describe;
 * where a bar has parts, their values are in a table as well.
 *
 *   const chart = bars({label: "Cost by model", unit: "money", rows: 10});
 *   chart.update([{id, label, value, parts: [{name, value}], note, href}, …]);
 *
 * Options: label; unit (units.js); rows: room kept from the beginning; parts: names of the parts, for the legend;
 *   empty. A full bar stands for the largest value, or 100 of per cent.
 * Items: value null: not known, and no bar; parts (in the order of the legend; their sum is the bar); note:
 *   small, behind the value; href: the label leads there; colour: 1–8 or a tone, where there are no parts.
 */

import { h, keyed, replace } from "../core/dom.js";
import { percent } from "../core/format.js";
import { NOTHING, valueTable } from "./frame.js";
import { mark, swatch } from "./marks.js";
import { extent } from "./scale.js";
import { unit } from "./units.js";

/**
 * @typedef {object} Item
 * @property {string} id
 * @property {string} label
 * @property {number | null} value
 * @property {{name: string, value: number | null}[]} [parts]
 * @property {string | null} [note]
 * @property {string} [href]
 * @property {number | string} [colour]
 */
/**
 * @typedef {object} Options
 * @property {string} label
 * @property {import("./units.js").UnitName} [unit]
 * @property {number} [rows]
 * @property {string[]} [parts]
 * @property {string} [empty]
 */

/** @param {Options} options */
export function bars(options) {
  const { label, rows: room = 0, parts: names = [], empty: nothing = NOTHING } = options;
  let format = unit(options.unit ?? "count");
  /** @type {Item[]} */
  let items = [];
  const list = h("ul", { class: "bar-list", "aria-label": label });
  const stage = stageOf(list, room);
  const legend = h(
    "div",
    { class: "legend" },
    names.map((name, index) => entry(name, index)),
  );
  const values = valueTable(label, () => ({
    head: ["", "All", ...names],
    rows: items.map((item) => [
      item.label,
      format.full(item.value),
      ...names.map((name) => format.full(part(item, name))),
    ]),
  }));
  const element = h(
    "figure",
    { class: "chart", "aria-label": label },
    names.length ? legend : null,
    stage.element,
  );
  if (names.length) element.append(values.element);

  return {
    element,
    /** @param {import("./units.js").UnitName} name */
    measure(name) {
      format = unit(name);
    },
    /** @param {Item[]} now @param {string} [empty]  what is said where there are none */
    update(now, empty = nothing) {
      items = now;
      stage.say(now.length ? "" : empty);
      const most = format.options.cap ?? extent(now.map((item) => item.value))?.[1] ?? 0;
      keyed(
        list,
        now,
        (item) => item.id,
        () => h("li", { class: "bar-row" }),
        (row, item) => {
          replace(row, ...line(item, most, format, names));
        },
      );
      values.renew();
    },
  };
}

/** Where a list stands, or what is said in its place. @param {HTMLElement} list @param {number} room  rows */
function stageOf(list, room) {
  const notice = h("p", { class: "notice" });
  const props = { class: "bar-stage", "data-state": "loading", style: { "--rows": String(room) } };
  const element = h("div", props, list, notice);
  return {
    element,
    /** @param {string} text  "": the list is shown */
    say(text) {
      element.dataset["state"] = text ? "empty" : "ready";
      notice.textContent = text;
    },
  };
}

/** @param {string} name @param {number} index */
const entry = (name, index) => h("span", { class: "entry" }, swatch(mark(index), true), name);

/** @param {Item} item @param {string} name */
const part = (item, name) => item.parts?.find((each) => each.name === name)?.value ?? null;

/**
 * @param {Item} item @param {number} most
 * @param {import("./units.js").Unit} format @param {string[]} names  of the parts
 */
function line(item, most, format, names) {
  const share = (/** @type {number | null} */ value) =>
    most > 0 && value ? Math.max(0, Math.min(100, (100 * value) / most)) : 0;
  const blocks = item.parts
    ? names.map((name, index) =>
        block(share(part(item, name)), mark(index).colour, `${name}: ${format.full(part(item, name))}`),
      )
    : [block(share(item.value), mark(0, item.colour).colour)];
  return [
    h(item.href ? "a" : "span", { class: "label", href: item.href, title: item.label }, item.label),
    h("span", { class: "track", "aria-hidden": "true" }, blocks),
    h("span", { class: "value" }, format.full(item.value), item.note ? h("small", null, item.note) : null),
  ];
}

/** @param {number} share @param {string} colour @param {string} [title] */
function block(share, colour, title) {
  return share > 0
    ? h("span", { class: "block", title, style: { "--share": `${share}%`, "--c": colour } })
    : null;
}

/**
 * Shares of a whole, as one bar with a list below. Not a pie: lengths beside each other are compared more
 * easily than angles, small shares keep their names, and it takes three lines instead of two hundred
 * pixels.
 *
 *   const chart = share({label: "Requests by model", unit: "count", rows: 5});
 *   chart.update([{id, name, value}, …]);       largest first; beyond `most` they are taken together
 *
 * Options: label; unit; rows: room kept from the beginning; most (default 7); empty. Items: colour 1–8 or a
 *   tone, so that a model has one colour all over a page; note: small, behind the value; value null: not
 *   known.
 */

/**
 * @typedef {object} Part
 * @property {string} id
 * @property {string} name
 * @property {number | null} value
 * @property {number | string} [colour]
 * @property {string | null} [note]
 */
/**
 * @typedef {object} ShareOptions
 * @property {string} label
 * @property {import("./units.js").UnitName} [unit]
 * @property {number} [rows]
 * @property {number} [most]
 * @property {string} [empty]
 */

/** @param {ShareOptions} options */
export function share(options) {
  const { label, rows: room = 0, most = 7, empty: nothing = NOTHING } = options;
  const format = unit(options.unit ?? "count");
  const bar = h("div", { class: "share-bar", "aria-hidden": "true" });
  const list = h("ul", { class: "share-list", "aria-label": label });
  const stage = stageOf(list, room);
  const element = h("figure", { class: "chart share", "aria-label": label }, bar, stage.element);

  /** @param {string | null} id  one that is pointed at: the others step back */
  const point = (id) => {
    for (const node of element.querySelectorAll("[data-id]")) {
      node.classList.toggle("away", id !== null && /** @type {HTMLElement} */ (node).dataset.id !== id);
    }
  };
  element.addEventListener("pointerover", (event) => {
    const at = /** @type {Element} */ (event.target).closest("[data-id]");
    point(at ? (/** @type {HTMLElement} */ (at).dataset.id ?? null) : null);
  });
  element.addEventListener("pointerleave", () => point(null));

  return {
    element,
    /** @param {Part[]} parts @param {string} [empty]  what is said where there are none */
    update(parts, empty = nothing) {
      const told = together(parts, most);
      const whole = told.reduce((sum, part) => sum + (part.value ?? 0), 0);
      stage.say(told.length ? "" : empty);
      const places = new Map(told.map((part, index) => [part.id, mark(index, part.colour)]));
      const one = (/** @type {Part} */ part) => (whole > 0 ? (100 * (part.value ?? 0)) / whole : 0);
      const make = (/** @type {"li" | "span"} */ tag) => (/** @type {Part} */ part) =>
        h(tag, { "data-id": part.id });
      keyed(
        bar,
        told.filter((part) => one(part) > 0),
        (part) => part.id,
        make("span"),
        (node, part) => {
          node.setAttribute("class", "block");
          node.setAttribute("title", `${part.name}: ${format.full(part.value)}`);
          node.style.setProperty("--share", String(one(part)));
          node.style.setProperty("--c", places.get(part.id)?.colour ?? "");
        },
      );
      keyed(
        list,
        told,
        (part) => part.id,
        make("li"),
        (row, part) => {
          const of = places.get(part.id) ?? mark(0);
          replace(
            row,
            swatch(of, true),
            h("span", { class: "label", title: part.name }, part.name),
            h(
              "span",
              { class: "value" },
              format.full(part.value),
              part.note ? h("small", null, part.note) : null,
            ),
            h("span", { class: "of" }, whole > 0 && part.value !== null ? few(one(part)) : ""),
          );
        },
      );
    },
  };
}

/** @param {number} share */
const few = (share) => (share > 0 && share < 1 ? "< 1 %" : percent(share));

/** @param {Part[]} parts @param {number} most @returns {Part[]} */
export function together(parts, most) {
  if (parts.length <= most) return parts;
  const rest = parts.slice(most - 1);
  const known = rest.filter((part) => part.value !== null);
  const sum = known.length ? known.reduce((all, part) => all + (part.value ?? 0), 0) : null;
  return [
    ...parts.slice(0, most - 1),
    { id: " others", name: `${rest.length} others`, value: sum, colour: "muted" },
  ];
}
