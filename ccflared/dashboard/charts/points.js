// @ts-check
/**
 * The points of a timeline made ready to draw: all series on one row of moments, gaps where nothing is
 * known, sums where they are stacked, fewer points than pixels. Pure.
 *
 *   align(series, {since, until, step})   {times, rows: [{id, name, …, values}]}
 *   stack(rows)                           [[low, high] | null, …] of each row
 *   runs(values, times, gap)              [[index, …], …]: the stretches that are drawn unbroken
 *   thin(indexes, xs, ys)                 of a run the indexes that can be seen: ends, lowest and highest
 *       a pixel
 *   nearest(times, t)                     index
 *   stepOf(bucket)                        how long "1m", "5m", "1h", "1d" is, in ms
 *
 * A value is a number, null (nothing is known: the line breaks) or undefined (no sample just then: the line
 * goes on).
 */

import { sane } from "./scale.js";

/** @typedef {[number, number | null]} Point */
/** @typedef {number | null | undefined} Value */
/**
 * @typedef {object} Series
 * @property {string} id
 * @property {string} name
 * @property {Point[]} points
 * @property {"gap" | "zero"} [missing]  what a bucket that is absent means
 * @property {number | string} [colour]  1 to 8, or a tone
 * @property {boolean} [dashed]          drawn as expected, not as measured
 */
/** @typedef {{id: string, name: string, colour?: number | string, dashed?: boolean, values: Value[]}} Row */

/** @type {Record<string, number>} */
const STEPS = { "1m": 60_000, "5m": 300_000, "1h": 3_600_000, "1d": 86_400_000 };

/** @param {string} bucket */
export const stepOf = (bucket) => STEPS[bucket] ?? 0;

/** The span and the step of an answer of /api/analytics. @param {any} meta */
export const spanOf = ({ since, until, bucket }) => ({
  since: 1000 * since,
  until: 1000 * until,
  step: stepOf(bucket),
});

/**
 * @param {Series[]} series
 * @param {{since?: number, until?: number, step?: number}} span  step: the width of a bucket; none: samples
 * @returns {{times: number[], rows: Row[]}}
 */
export function align(series, { since, until, step = 0 }) {
  const found = new Set();
  for (const each of series) for (const [t] of each.points) if (Number.isFinite(t)) found.add(t);
  const sorted = [...found].sort((a, b) => a - b);
  const times = step > 0 ? fill(sorted, step, since, until) : sorted;
  const rows = series.map(({ id, name, points, missing, colour, dashed }) => {
    const known = new Map(points.map(([t, value]) => [t, sane(value)]));
    const absent = step > 0 ? (missing === "zero" ? 0 : null) : undefined;
    return { id, name, colour, dashed, values: times.map((t) => (known.has(t) ? known.get(t) : absent)) };
  });
  return { times, rows };
}

/**
 * The moments with those between and around them. Days of 23 and 25 hours count as one step.
 * @param {number[]} sorted @param {number} step @param {number} [since] @param {number} [until]
 */
function fill(sorted, step, since, until) {
  if (sorted.length === 0) return [];
  const times = [];
  const first = sorted[0];
  const ahead = since === undefined ? 0 : Math.max(0, Math.round((first - since) / step));
  for (let many = Math.min(ahead, 5000); many > 0; many -= 1) times.push(first - many * step);
  for (const [index, t] of sorted.entries()) {
    times.push(t);
    const next = sorted[index + 1];
    const between = next === undefined ? 0 : Math.min(5000, Math.round((next - t) / step) - 1);
    for (let many = 1; many <= between; many += 1) times.push(t + (many * (next - t)) / (between + 1));
  }
  if (until !== undefined) {
    for (let t = sorted[sorted.length - 1] + step; t < until && times.length < 20_000; t += step)
      times.push(t);
  }
  return times;
}

/** @param {Row[]} rows @returns {([number, number] | null)[][]} */
export function stack(rows) {
  const sums = (rows[0]?.values ?? []).map(() => 0);
  return rows.map(({ values }) =>
    values.map((value, index) => {
      if (value === null || value === undefined) return null;
      const low = sums[index];
      sums[index] = low + Math.max(0, value);
      return [low, sums[index]];
    }),
  );
}

/**
 * @param {readonly (Value | [number, number])[]} values @param {number[]} times
 * @param {number} [gap]  farther apart than that is a break, too
 */
export function runs(values, times, gap = Infinity) {
  /** @type {number[][]} */
  const found = [];
  /** @type {number[]} */
  let run = [];
  values.forEach((value, index) => {
    if (value === undefined) return;
    const before = run[run.length - 1];
    if (run.length > 0 && (value === null || times[index] - times[before] > gap)) {
      found.push(run);
      run = [];
    }
    if (value !== null) run.push(index);
  });
  if (run.length > 0) found.push(run);
  return found;
}

/** @param {number[]} indexes @param {(index: number) => number} x @param {(index: number) => number} y */
export function thin(indexes, x, y) {
  if (indexes.length < 3) return indexes;
  const width = x(indexes[indexes.length - 1]) - x(indexes[0]);
  if (indexes.length <= 3 * Math.max(1, width)) return indexes;
  /** @type {Map<number, number[]>} */
  const columns = new Map();
  for (const index of indexes) {
    const column = Math.floor(x(index));
    const [first, low, high] = columns.get(column) ?? [index, index, index];
    columns.set(column, [first, y(index) < y(low) ? index : low, y(index) > y(high) ? index : high, index]);
  }
  return [...new Set([...columns.values()].flatMap((each) => [...each].sort((a, b) => a - b)))];
}

/** @param {number[]} times sorted @param {number} t */
export function nearest(times, t) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < t) low = middle + 1;
    else high = middle;
  }
  return low > 0 && t - times[low - 1] < times[low] - t ? low - 1 : low;
}
