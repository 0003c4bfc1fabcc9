// @ts-check
// How much went through over time, by one of several measures, as it came or added up, in all or by model; how much
// of it failed and was read from caches; and of what kinds the tokens were.

import { share } from "../../charts/bars.js";
import { align, spanOf } from "../../charts/points.js";
import { timeline } from "../../charts/timeline.js";
import { h } from "../../core/dom.js";
import { compact, counted, percent } from "../../core/format.js";
import { button, card, segments } from "../../parts/basics.js";
import { notKept, unavailable } from "./words.js";

/**
 * @typedef {object} Metric
 * @property {string} name
 * @property {import("../../charts/units.js").UnitName} unit
 * @property {boolean} [sum]  can be added up, and a bucket in which nothing was is nothing
 * @property {[string, (point: any) => number | null][]} lines  drawn of all models together
 * @property {(point: any) => number | null} [model]  drawn by model; none: it is not known by model and time
 */

/** Of what has the same colour elsewhere. @type {Record<string, number | string>} */
const COLOURS = { Answered: 2, Failed: "bad", "API cost": 2 };

/** @param {any} point */
const failures = (point) => Math.round((point.requests * (point.errorRate ?? 0)) / 100);

/** @type {Record<string, Metric>} */
const METRICS = {
  requests: {
    ...{ name: "Requests", unit: "count", sum: true, model: (point) => point.requests },
    lines: [
      ["Answered", (point) => point.requests - failures(point)],
      ["Failed", failures],
    ],
  },
  tokens: one("Tokens", "tokens", (point) => point.tokens, true),
  plan: one("Plan value", "money", (point) => point.planCostUsd, true),
  api: one("API cost", "money", (point) => point.apiCostUsd, true),
  ttfb: {
    ...{ name: "Time to first byte", unit: "ms" },
    lines: [
      ["Half within", (point) => point.p50FirstByte],
      ["95 % within", (point) => point.p95FirstByte],
    ],
  },
  time: {
    ...{ name: "Response time", unit: "ms", model: (point) => point.avgResponseTime },
    lines: [
      ["Half within", (point) => point.p50ResponseTime],
      ["95 % within", (point) => point.p95ResponseTime],
      ["Mean", (point) => point.avgResponseTime],
    ],
  },
  speed: one("Output speed", "speed", (point) => point.avgTokensPerSecond),
};

/**
 * @param {string} name @param {import("../../charts/units.js").UnitName} unit
 * @param {(point: any) => number | null} at @param {boolean} [sum]
 * @returns {Metric}
 */
function one(name, unit, at, sum) {
  return { name, unit, sum, lines: [[name, at]], model: at };
}

/** Beyond so many models, the rest are drawn as one. */
const MODELS = 7;

/**
 * @param {import("./view.js").View} view
 * @param {import("../../core/scope.js").Scope} scope
 * @param {{redraw: () => unknown, ask: () => unknown}} on  ask: other data are wanted
 */
export function traffic(view, scope, on) {
  /** @type {Map<number, number>} */
  let unpriced = new Map();
  const foot = (/** @type {number} */ t) => {
    const many = metric(view).unit === "money" ? (unpriced.get(t) ?? 0) : 0;
    return many ? `${counted(many, "request")} of unknown cost, in no sum` : null;
  };
  const chart = timeline({ label: "Traffic", height: 280, legend: true, scope, foot });
  const note = h("span", { class: "hint" });
  const split = button("By model", { pressed: view.split, on: () => toggle() });
  const mode = segments(
    "As it came, or added up",
    [
      ["normal", "Per interval"],
      ["cumulative", "Cumulative"],
    ],
    view.cumulative ? "cumulative" : "normal",
    (chosen) => {
      view.cumulative = chosen === "cumulative";
      on.redraw();
    },
  );
  const select = h(
    "select",
    { class: "input measure", "aria-label": "Measure" },
    Object.entries(METRICS).map(([id, { name }]) =>
      h("option", { value: id, selected: id === view.metric }, name),
    ),
  );
  select.addEventListener("change", () => {
    view.metric = select.value;
    on.ask();
  });
  const toggle = () => {
    view.split = !view.split;
    on.ask();
  };
  return {
    element: card({ title: "Traffic", hint: note, actions: [select, split, mode] }, chart.element),
    /** @param {any} analytics  with a model in each point where the view is split */
    update(analytics) {
      const { meta, timeSeries } = analytics;
      const chosen = metric(view);
      const apart = divided(view);
      const added = Boolean(view.cumulative && chosen.sum);
      split.disabled = !chosen.model;
      split.title = chosen.model ? "" : "Not kept by model and time";
      split.setAttribute("aria-pressed", String(view.split));
      for (const each of mode.querySelectorAll("button")) each.disabled = !chosen.sum;
      note.textContent = apart && analytics.modelDistribution.length >= 10 ? "the ten busiest models" : "";
      unpriced = new Map();
      for (const { ts, unpricedRequests } of timeSeries) {
        unpriced.set(ts, (unpriced.get(ts) ?? 0) + (unpricedRequests ?? 0));
      }
      const stacked = Boolean(chosen.sum) && (apart || chosen.lines.length > 1);
      chart.become({ label: chosen.name, unit: chosen.unit, stacked, kind: kind(chosen, added) });
      const span = spanOf(meta);
      const given = apart ? byModel(analytics, chosen) : whole(timeSeries, chosen, meta.status);
      const series = added ? addedUp(given, span) : given;
      chart.update({ ...span, series }, unavailable(meta, "timeSeries"));
    },
  };
}

/** @param {import("./view.js").View} view @returns {Metric} */
const metric = ({ metric: id }) => /** @type {Metric} */ (METRICS[id] ?? METRICS.requests);

/** Whether the data are wanted by model. @param {import("./view.js").View} view */
export const divided = (view) => view.split && Boolean(metric(view).model);

/** @param {Metric} chosen @param {boolean} added */
function kind({ sum }, added) {
  if (!sum) return "line";
  return added ? "area" : "bars";
}

/** @typedef {import("../../charts/points.js").Series} Series */

/** How they ended where only such are looked at. @type {Record<string, string>} */
const ENDED = { success: "Answered", error: "Failed" };

/** @param {any[]} points @param {Metric} chosen @param {string} status @returns {Series[]} */
function whole(points, { lines, sum, unit }, status) {
  const ended = unit === "count" ? ENDED[status] : undefined;
  /** @type {Metric["lines"]} */
  const drawn = ended ? [[ended, (point) => point.requests]] : lines;
  return drawn.map(([name, at], index) => ({
    ...{ id: name, name, colour: COLOURS[name] ?? index + 1, missing: sum ? "zero" : "gap" },
    points: points.map((point) => [point.ts, at(point)]),
  }));
}

/** @param {any} analytics @param {Metric} chosen @returns {Series[]} */
function byModel({ timeSeries, modelDistribution }, { model: at, sum }) {
  /** @type {Map<string | null, Series>} */
  const found = new Map();
  const busiest = modelDistribution.map((/** @type {any} */ row) => row.model);
  const many = busiest.length <= MODELS + 1 ? MODELS + 1 : MODELS;
  const first = new Set(busiest.slice(0, many));
  for (const name of first) found.set(name, series(name ?? "no model", sum));
  const others = series(`${busiest.length - many} others`, sum, "muted");
  for (const point of timeSeries) {
    const value = at?.(point) ?? null;
    const own = found.get(point.model);
    if (own) own.points.push([point.ts, value]);
    else others.points.push([point.ts, value]);
  }
  // Means of several models are no mean of all of them.
  const rest = sum && others.points.length ? [{ ...others, points: summed(others.points) }] : [];
  return [...found.values(), ...rest];
}

/** @param {string} name @param {boolean | undefined} sum @param {string} [colour] @returns {Series} */
const series = (name, sum, colour) => ({ id: name, name, missing: sum ? "zero" : "gap", colour, points: [] });

/** @typedef {import("../../charts/points.js").Point} Point */

/** @param {Point[]} points @returns {Point[]} */
function summed(points) {
  /** @type {Map<number, number | null>} */
  const sums = new Map();
  for (const [t, value] of points) {
    const before = sums.get(t) ?? null;
    sums.set(t, value === null ? before : (before ?? 0) + value);
  }
  return [...sums];
}

/**
 * The same added up. What is not known adds nothing: that some of it is not is said beside.
 * @param {Series[]} given @param {{since: number, until: number, step: number}} span
 * @returns {Series[]}
 */
function addedUp(given, span) {
  const { times, rows } = align(
    given.map((each) => ({ ...each, missing: "zero" })),
    span,
  );
  return given.map((each, index) => {
    const values = rows[index]?.values ?? [];
    const known = each.points.length === 0 || each.points.some(([, value]) => value !== null);
    let sum = 0;
    /** @type {Point[]} */
    const points = times.map((t, at) => [t, known ? (sum += values[at] ?? 0) : null]);
    return { ...each, points, missing: "gap" };
  });
}

// -- How much failed, how much was read from caches, and of what kinds the tokens were.

/** @param {import("../../core/scope.js").Scope} scope */
export function rates(scope) {
  const chart = timeline({ label: "Rates", unit: "percent", high: 100, height: 220, legend: true, scope });
  return {
    element: card({ title: "Success and cache hit rates" }, chart.element),
    /** @param {any} analytics */
    update({ meta, totals, timeSeries }) {
      /** @param {string} id @param {string} name @param {number | string} colour */
      const line = (id, name, colour) => ({
        ...{ id, name: named(name, totals[id]), colour },
        points: timeSeries.map((/** @type {any} */ point) => [point.ts, point[id]]),
      });
      const series = [
        line("successRate", "Successful requests", 3),
        line("cacheHitRate", "Input from caches", 2),
      ];
      chart.update({ ...spanOf(meta), series }, notKept(meta));
    },
  };
}

/** @param {string} name @param {number | null} share  of the whole range */
const named = (name, share) => (share === null ? name : `${name} (${percent(share, 1)})`);

/** Kinds of tokens in the order of a request, by their names in the answer. */
const KINDS = /** @type {const} */ ([
  ["cacheReadInputTokens", "Input, read from a cache", 3],
  ["cacheCreation5mInputTokens", "Input, written to a cache for 5 minutes", 5],
  ["cacheCreation1hInputTokens", "Input, written to a cache for an hour", 8],
  ["inputTokens", "Uncached input", 2],
  ["outputTokens", "Output", 1],
]);

export function tokens() {
  const chart = share({ label: "Tokens by kind", unit: "tokens", rows: 5 });
  const sum = h("span", { class: "hint" });
  return {
    element: card({ title: "Tokens", hint: sum }, chart.element),
    /** @param {any} analytics */
    update({ meta, totals, tokenBreakdown }) {
      const known = KINDS.filter(
        ([id]) => tokenBreakdown?.[id] !== null && tokenBreakdown?.[id] !== undefined,
      );
      sum.textContent = totals.totalTokens === null ? "" : `${compact(totals.totalTokens)} in total`;
      const parts = known.map(([id, name, colour]) => ({ id, name, colour, value: tokenBreakdown[id] }));
      chart.update(totals.totalTokens ? parts : [], notKept(meta));
    },
  };
}
