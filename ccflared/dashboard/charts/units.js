// @ts-check
/**
 * What a chart measures: how its axis is divided and how its values read. Pure.
 *
 *   unit("count" | "tokens" | "percent" | "money" | "ms" | "speed")
 *     → {axis(value), full(value), options}   short for axes, in full for tooltips and tables, options of
 *         scale.axis
 */

import { compact, money, ms, number, percent } from "../core/format.js";

/** @typedef {"count" | "tokens" | "percent" | "money" | "ms" | "speed"} UnitName */
/** @typedef {number | null | undefined} Maybe */
/**
 * @typedef {object} Unit
 * @property {(value: number) => string} axis
 * @property {(value: Maybe) => string} full
 * @property {{whole?: boolean, steps?: number[], cap?: number}} options
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const SECONDS = [1, 2, 5, 10, 20, 50, 100, 200, 500].concat(
  [1, 2, 5, 10, 15, 30].map((many) => many * SECOND),
);
const MINUTES = [1, 2, 5, 10, 15, 30, 60, 120, 360].map((many) => many * MINUTE);
const few = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });

/** @param {number} value */
function dollars(value) {
  if (value === 0) return "$0";
  return Math.abs(value) >= 1000 ? `$${compact(value)}` : `$${few.format(value)}`;
}

/** @param {number} value */
function time(value) {
  if (value === 0) return "0";
  if (value < SECOND) return `${few.format(value)} ms`;
  return value < MINUTE ? `${few.format(value / SECOND)} s` : `${few.format(value / MINUTE)} min`;
}

/** @param {(value: Maybe) => string} told @param {string} word @returns {(value: Maybe) => string} */
const named = (told, word) => (value) => (typeof value === "number" ? `${told(value)} ${word}` : told(value));

/** @type {Record<UnitName, Unit>} */
const UNITS = {
  count: { axis: short, full: number, options: { whole: true } },
  tokens: { axis: short, full: number, options: { whole: true } },
  percent: {
    axis: (value) => `${few.format(value)} %`,
    full: (value) => percent(value, 1),
    options: { cap: 100 },
  },
  money: { axis: dollars, full: money, options: {} },
  ms: { axis: time, full: ms, options: { steps: [...SECONDS, ...MINUTES] } },
  speed: { axis: short, full: named((value) => few.format(value ?? NaN), "tok/s"), options: {} },
};

/** @param {number} value */
function short(value) {
  return Math.abs(value) < 1000 ? few.format(value) : compact(value);
}

/** @param {UnitName} name @returns {Unit} */
export function unit(name) {
  return UNITS[name];
}
