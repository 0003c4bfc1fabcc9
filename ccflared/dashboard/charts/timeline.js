// @ts-check
/**
 * Values over time: lines, areas or bars of one or several series, stacked or not.
 *
 *   const chart = timeline({label: "Requests", unit: "count", kind: "area", height: 260, scope});
 *   card(…, chart.element);
 *   chart.update({since, until, step, series: [{id, name, missing: "zero",
 *     points: [[ms, value | null], …]}]});
 *   chart.busy(true);      while newer data are on their way
 *   chart.become({kind: "bars", unit: "money"});      from the next update on
 *
 * Options: label; unit (units.js); kind "line" (default) | "area" | "bars"; stacked; height (default 240);
 *   low, high (the axis reaches at least there; it begins at 0 by default);
 *   legend: true keeps its line free from the beginning; empty (what is said of no data); scope
 *   (destroys it); foot(t) → text | null, a remark of that moment in the tip.
 * Data: since, until: ms, the ends of the axis; step: ms, the width of a bucket, 0 or absent: samples; gap:
 *   ms, samples farther apart are not joined; marks [{t, label, tone}]: moments to point out; series: id,
 *   name, points (null: not known, the line breaks), missing ("gap": a bucket that is absent is not known;
 *   "zero": it is nothing), colour (1–8 or a tone), dashed (expected, not measured).
 */

import { replace } from "../core/dom.js";
import { paint } from "./draw.js";
import { frame } from "./frame.js";
import { mark } from "./marks.js";
import { align, nearest, stack } from "./points.js";
import { probe } from "./probe.js";
import { axis, extent, spanText } from "./scale.js";
import { unit } from "./units.js";

/**
 * @typedef {object} Options
 * @property {string} label
 * @property {import("./units.js").UnitName} [unit]
 * @property {"line" | "area" | "bars"} [kind]
 * @property {boolean} [stacked]
 * @property {number} [height]
 * @property {number} [low]
 * @property {number} [high]
 * @property {boolean} [legend]
 * @property {string} [empty]
 * @property {import("./frame.js").Scope} [scope]
 * @property {(t: number) => string | null} [foot]
 */
/**
 * @typedef {object} Data
 * @property {number} [since]
 * @property {number} [until]
 * @property {number} [step]
 * @property {number} [gap]
 * @property {{t: number, label: string, tone?: string}[]} [marks]
 * @property {import("./points.js").Series[]} series
 */
/** @typedef {{mark: import("./marks.js").Mark, spans: ([number, number] | null)[] | null}} Place */
/** @typedef {import("./points.js").Row & Place} Drawn */

/**
 * What a timeline is made of: what was asked for, the data, and what is hidden of them.
 * @typedef {object} State
 * @property {Options} options
 * @property {import("./units.js").Unit} format
 * @property {number[]} times
 * @property {Drawn[]} rows
 * @property {Data} data
 * @property {Set<string>} hidden
 * @property {import("./draw.js").Painted | null} painted
 */

/** @param {Options} options */
export function timeline(options) {
  const { label, height = 240 } = options;
  const format = unit(options.unit ?? "count");
  /** @type {State} */
  const state = {
    options,
    format,
    times: [],
    rows: [],
    data: { series: [] },
    hidden: new Set(),
    painted: null,
  };
  const reader = probe({
    label,
    count: () => state.times.length,
    at: (x) => at(state, x),
    step: (index, key) => index + ({ ArrowLeft: -1, ArrowDown: -1, PageUp: -10, PageDown: 10 }[key] ?? 1),
    note: (index) => note(state, index),
    place: (index) => ({ x: state.painted?.x(index) ?? 0, y: height / 2 }),
    show: (index) => state.painted?.show(index),
  });
  const draw = (/** @type {number} */ width) => {
    state.painted = paint(plan(state, width, height));
    replace(stand.picture, state.painted.nodes);
    reader.again();
  };
  const stand = frame({ ...options, height, probe: reader, draw, table: () => table(state) });
  const names = () => {
    const items = state.rows.map(({ id, name, mark: of }) => ({
      id,
      name,
      mark: of,
      filled: filled(state.options),
    }));
    stand.names(items, state.hidden, (id) => {
      if (!state.hidden.delete(id)) state.hidden.add(id);
      names();
      stand.redraw();
    });
  };

  return {
    element: stand.element,
    busy: stand.busy,
    /** Draw or measure otherwise from the next update on. @param {Partial<Options>} changes */
    become(changes) {
      state.options = { ...state.options, ...changes };
      state.format = unit(state.options.unit ?? "count");
    },
    /** @param {Data} data @param {string} [empty]  what is said where there are none */
    update(data, empty) {
      const { times, rows } = align(data.series, data);
      state.times = times;
      state.rows = rows.map((row, index) => ({ ...row, mark: mark(index, row.colour), spans: null }));
      state.data = data;
      const some = rows.some((row) => row.values.some((value) => typeof value === "number"));
      names();
      stand.say(some ? "ready" : "empty", some ? gist(state) : `${state.options.label}: none`, empty);
    },
  };
}

/** Whether its marks are blocks, and not lines. @param {Options} options */
const filled = ({ kind, stacked }) => kind === "bars" || stacked === true;

/** @param {State} state @param {number} x */
function at({ painted, times, data: { step = 0 } }, x) {
  return painted ? nearest(times, painted.time(x) - step / 2) : null;
}

/** The rows that are not hidden, stacked without those that are. @param {State} state @returns {Drawn[]} */
function seen({ options, rows: all, hidden }) {
  const rows = all.filter((row) => !hidden.has(row.id));
  if (!options.stacked) return rows;
  const spans = stack(rows);
  return rows.map((row, index) => ({ ...row, spans: spans[index] ?? null }));
}

/** @param {State} state @param {number} width @param {number} height @returns {import("./draw.js").Plan} */
function plan(state, width, height) {
  const { options, times, data, format } = state;
  const { kind = "line", stacked = false, low = 0, high } = options;
  const { since, until, step = 0, gap, marks = [] } = data;
  const rows = seen(state);
  const values = rows.flatMap((row) => (row.spans ? row.spans.flatMap((span) => span ?? []) : row.values));
  const [lowest, highest] = extent([...values, high]) ?? [0, 0];
  const first = times[0] ?? 0;
  const end = (times[times.length - 1] ?? 0) + step;
  return {
    ...{ width, height, kind, stacked, rows, times, step, gap, marks, format },
    since: Math.min(since ?? first, first),
    until: Math.max(until ?? end, end),
    axis: axis(Math.min(low, lowest), highest, { count: height < 160 ? 3 : 4, ...format.options }),
  };
}

/** @param {State} state @param {number} index @returns {import("./probe.js").Note} */
function note(state, index) {
  const { options, times, data, format } = state;
  const t = times[index] ?? 0;
  const { step = 0, until = Infinity } = data;
  const shown = seen(state);
  /** @type {import("./probe.js").Line[]} */
  const rows = shown.map((row) => ({
    ...{ mark: row.mark, filled: filled(options) },
    ...{ name: row.name, value: format.full(last(row.values, index)) },
  }));
  if (options.stacked && rows.length > 1) {
    const sum = shown.reduce((all, row) => all + (row.values[index] ?? 0), 0);
    rows.push({ name: "Together", value: format.full(sum), strong: true });
  }
  const open = step > 0 && t + step > until && t < until;
  return { title: `${spanText(t, step)}${open ? ", so far" : ""}`, rows, foot: options.foot?.(t) };
}

/** @param {State} state @returns {import("./frame.js").Table} */
function table({ times, rows, data, format }) {
  const lines = times.map((t, index) => [
    spanText(t, data.step),
    ...rows.map((row) => format.full(row.values[index])),
  ]);
  return { head: ["Time", ...rows.map((row) => row.name)], rows: lines };
}

/**
 * The value at an index, or where just then was no sample, the one before.
 * @param {import("./points.js").Value[]} values @param {number} index
 */
function last(values, index) {
  while (index > 0 && values[index] === undefined) index -= 1;
  return values[index];
}

/** The picture in a sentence or two. @param {State} state */
function gist({ options: { label }, times, rows, data: { step }, format }) {
  const told = rows.slice(0, 4).map(({ name, values }) => {
    const range = extent(values);
    if (!range) return `${name}: nothing`;
    const [low, high] = range.map(format.full);
    const when = spanText(times[values.indexOf(range[1])] ?? 0, step);
    const now = format.full(last(values, values.length - 1));
    return `${name}: between ${low} and ${high}, highest ${when}, last ${now}`;
  });
  const more = rows.length > 4 ? `; and ${rows.length - 4} more` : "";
  const span = `${spanText(times[0] ?? 0)} to ${spanText(times[times.length - 1] ?? 0)}`;
  return `${label}, ${span}. ${told.join("; ")}${more}.`;
}
