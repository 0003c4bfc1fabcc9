// @ts-check
/**
 * A week by its hours: 7 lines of 24 fields, the more the brighter (darker in the light). Steps of colour
 * are mixed in Oklab, where equal steps look equal; a field of nothing is hollow, not merely pale.
 *
 *   const chart = heatmap({label: "Requests by hour", unit: "count", scope});
 *   chart.update([{weekday: 0, hour: 13, value: 42}, …]);     weekday 0: Monday; absent ones are nothing,
 *       null is not known
 *
 * Options: label; unit; empty; scope.
 * measure(unit, label): what is measured from the next update on.
 */

import { dress, h, replace, s } from "../core/dom.js";
import { frame } from "./frame.js";
import { probe } from "./probe.js";
import { extent, sane } from "./scale.js";
import { unit } from "./units.js";

const LINE = 24;
const LEFT = 36;
const TOP = 4;
const HEIGHT = TOP + 7 * LINE + 22;
// A Monday, whatever the zone.
const DAYS = [0, 1, 2, 3, 4, 5, 6].map((day) => new Date(2024, 0, 1 + day, 12));
const told = (/** @type {"short" | "long"} */ weekday) => new Intl.DateTimeFormat(undefined, { weekday });
const SHORT = DAYS.map((day) => told("short").format(day));
const LONG = DAYS.map((day) => told("long").format(day));

/** @typedef {{weekday: number, hour: number, value: number | null}} Field */
/**
 * @typedef {object} Options
 * @property {string} label
 * @property {import("./units.js").UnitName} [unit]
 * @property {string} [empty]
 * @property {import("./frame.js").Scope} [scope]
 */

/**
 * @typedef {object} State
 * @property {Options} options
 * @property {import("./units.js").Unit} format
 * @property {(number | null)[]} values  weekday after weekday
 * @property {number} most
 * @property {number} cell  the width of a field
 */

/** @param {Options} options */
export function heatmap(options) {
  const { label } = options;
  /** @type {State} */
  const state = {
    options,
    format: unit(options.unit ?? "count"),
    values: new Array(168).fill(0),
    most: 0,
    cell: 1,
  };
  const cursor = s("rect", { class: "cell-cursor", hidden: true });
  const reader = probe({
    label,
    count: () => 168,
    at: (x, y) => fieldAt(state, x, y),
    step,
    note: (index) => note(state, index),
    place(index) {
      const { x, y } = place(state, index);
      return { x: x + state.cell / 2, y: y + LINE / 2 };
    },
    show(index) {
      cursor.toggleAttribute("hidden", index === null);
      if (index !== null) dress(cursor, box(state, index));
    },
  });
  const draw = (/** @type {number} */ width) => {
    state.cell = (width - LEFT) / 24;
    replace(
      stand.picture,
      labels(state),
      state.values.map((value, index) => field(state, value, index)),
      cursor,
    );
    reader.again();
  };
  const stand = frame({ ...options, height: HEIGHT, probe: reader, draw, table: () => table(state) });
  const high = h("span");
  const scale = h("div", { class: "heat-scale" }, h("span", null, "0"), h("span", { class: "ramp" }), high);
  stand.element.insertBefore(scale, stand.element.querySelector("details"));

  return {
    element: stand.element,
    /** @param {import("./units.js").UnitName} name @param {string} told  its label */
    measure(name, told) {
      state.format = unit(name);
      state.options = { ...state.options, label: told };
    },
    /** @param {Field[]} fields @param {string} [empty]  what is said where there are none */
    update(fields, empty) {
      state.values = new Array(168).fill(0);
      for (const { weekday, hour, value } of fields) state.values[weekday * 24 + hour] = sane(value);
      state.most = extent(state.values)?.[1] ?? 0;
      high.textContent = state.format.full(state.most);
      scale.classList.toggle("away", state.most <= 0);
      stand.say(state.most > 0 ? "ready" : "empty", gist(state), empty);
    },
  };
}

/** @param {State} state @param {number} index */
const place = ({ cell }, index) => ({
  x: LEFT + (index % 24) * cell,
  y: TOP + Math.floor(index / 24) * LINE,
});

/** @param {State} state @param {number} index */
function box(state, index) {
  const { x, y } = place(state, index);
  return { x: x + 0.5, y: y + 0.5, width: Math.max(1, state.cell - 2), height: LINE - 2, rx: 3 };
}

/** @param {State} state @param {number} x @param {number} y */
function fieldAt({ cell }, x, y) {
  const [hour, weekday] = [Math.floor((x - LEFT) / cell), Math.floor((y - TOP) / LINE)];
  return hour >= 0 && hour < 24 && weekday >= 0 && weekday < 7 ? weekday * 24 + hour : null;
}

/** @param {number} index @param {string} key */
function step(index, key) {
  const next = index + ({ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -24, ArrowDown: 24 }[key] ?? 0);
  return next < 0 || next > 167 ? index : next;
}

/** @param {State} state */
function labels({ cell }) {
  const every = cell < 16 ? 6 : 3;
  const days = SHORT.map((name, day) => s("text", { x: 0, y: TOP + day * LINE + 16, class: "tick" }, name));
  const along = [0, 3, 6, 9, 12, 15, 18, 21].filter((hour) => hour % every === 0);
  return [
    ...days,
    ...along.map((hour) => s("text", { x: LEFT + hour * cell, y: HEIGHT - 6, class: "tick" }, clock(hour))),
  ];
}

/** @param {State} state @param {number | null} value @param {number} index */
function field(state, value, index) {
  const level = value && state.most > 0 ? value / state.most : 0;
  const kind = value === null ? "unknown" : level === 0 && "none";
  return s("rect", { ...box(state, index), class: ["cell", kind], style: { "--level": String(level) } });
}

/** @param {State} state @param {number} index @returns {import("./probe.js").Note} */
function note({ options, values, format }, index) {
  const [weekday, hour] = [Math.floor(index / 24), index % 24];
  return {
    title: `${LONG[weekday]}, ${hours(hour)}`,
    rows: [{ name: options.label, value: format.full(values[index]) }],
  };
}

/** @param {State} state @returns {import("./frame.js").Table} */
function table({ values, format }) {
  const line = (/** @type {number} */ hour) => SHORT.map((_, day) => format.full(values[day * 24 + hour]));
  return {
    head: ["", ...SHORT],
    rows: Array.from({ length: 24 }, (_, hour) => [hours(hour), ...line(hour)]),
  };
}

/** @param {State} state */
function gist({ options: { label }, values, most, format }) {
  if (most <= 0) return `${label}: nothing in this time`;
  const peak = values.indexOf(most);
  const when = `${LONG[Math.floor(peak / 24)]}, ${hours(peak % 24)}`;
  return `${label}, by weekday and hour. Most, ${format.full(most)}: ${when}.`;
}

/** @param {number} hour */
const clock = (hour) => `${String(hour % 24).padStart(2, "0")}:00`;
/** @param {number} hour */
const hours = (hour) => `${clock(hour)}–${clock(hour + 1)}`;
