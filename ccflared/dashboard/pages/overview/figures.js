// @ts-check
// What went through in the range: figures, each with how it was in the span of the same length before; charts of how
// much and how well; and shares of models, clients and accounts.

import { share } from "../../charts/bars.js";
import { align, spanOf } from "../../charts/points.js";
import { spark } from "../../charts/spark.js";
import { timeline } from "../../charts/timeline.js";
import { h, replace } from "../../core/dom.js";
import { compact, counted, money, ms, number, percent, UNKNOWN } from "../../core/format.js";
import { card, stat } from "../../parts/basics.js";

/**
 * @typedef {object} Figure
 * @property {string} name
 * @property {(totals: any) => import("../../core/dom.js").Child} value
 * @property {(point: any) => number | null} at  what the line below shows
 * @property {string} [key]  of the totals, to compare; none: not compared
 * @property {boolean} [sum]  a step in which nothing went through is nothing, not unknown
 * @property {"more" | "less"} [better]
 * @property {boolean} [points]  the difference is told in points, not per cent
 * @property {(totals: any) => string | null} [under]
 */

/** @type {Figure[]} */
const FIGURES = [
  {
    name: "Requests",
    value: (totals) => (totals.requests < 1e6 ? number : compact)(totals.requests),
    at: (point) => point.requests,
    sum: true,
    key: "requests",
  },
  {
    name: "Success",
    value: (totals) =>
      percent(totals.successRate, totals.successRate > 99 && totals.successRate < 100 ? 2 : 1),
    at: (point) => point.successRate,
    key: "successRate",
    better: "more",
    points: true,
  },
  {
    name: "First byte",
    value: (totals) => ms(totals.p50FirstByte),
    at: (point) => point.p50FirstByte,
    key: "p50FirstByte",
    better: "less",
    under: (totals) =>
      totals.p95FirstByte === null ? "median" : `median; 95 % within ${ms(totals.p95FirstByte)}`,
  },
  {
    name: "Tokens",
    value: (totals) => compact(totals.totalTokens),
    at: (point) => point.tokens,
    sum: true,
    key: "totalTokens",
    under: (totals) =>
      totals.cacheHitRate === null ? null : `${percent(totals.cacheHitRate)} of input from caches`,
  },
  {
    name: "Plan value",
    value: (totals) => money(totals.planCostUsd),
    at: (point) => point.planCostUsd,
    sum: true,
    key: "planCostUsd",
    under: (totals) => daily(totals.avgDailyPlanCostUsd) ?? "at list prices, covered by plans",
  },
  {
    name: "API cost",
    value: (totals) => money(totals.apiCostUsd),
    at: (point) => point.apiCostUsd,
    sum: true,
    key: "apiCostUsd",
    better: "less",
    under: (totals) =>
      totals.unpricedRequests
        ? `${counted(totals.unpricedRequests, "request")} without a known price`
        : daily(totals.avgDailyApiCostUsd),
  },
  {
    name: "Output speed",
    value: (totals) =>
      totals.avgTokensPerSecond === null
        ? UNKNOWN
        : [compact(totals.avgTokensPerSecond), h("small", null, " tok/s")],
    at: (point) => point.avgTokensPerSecond,
    key: "avgTokensPerSecond",
    better: "more",
  },
];

/** Make the row of figures. */
export function figures() {
  const cards = FIGURES.map((figure) => {
    const line = spark({ height: 28 });
    const told = h("div");
    replace(told, stat(figure.name, "…", { under: " " }));
    return { figure, line, told, element: card({ label: figure.name, class: "figure" }, told, line.element) };
  });
  return {
    element: h(
      "div",
      { class: "figures" },
      cards.map((each) => each.element),
    ),
    /** @param {any} analytics */
    update({ totals, previous, timeSeries, meta }) {
      const { rows } = align(
        FIGURES.map(({ name, at, sum }) => ({
          id: name,
          name,
          missing: sum ? "zero" : "gap",
          points: timeSeries.map((/** @type {any} */ point) => [point.ts, at(point)]),
        })),
        spanOf(meta),
      );
      for (const [place, { figure, line, told }] of cards.entries()) {
        replace(
          told,
          stat([figure.name, trend(figure, totals, previous, meta.range)], figure.value(totals), {
            under: figure.under?.(totals) ?? " ",
          }),
        );
        line.update(rows[place]?.values ?? []);
      }
    },
  };
}

/**
 * Say how a figure has changed against the span before; nothing where that is not known.
 * @param {Figure} figure
 * @param {any} now
 * @param {any} before
 * @param {string} range
 */
function trend({ key, better, points }, now, before, range) {
  const [is, was] = [now[key ?? ""], before?.[key ?? ""]];
  if (typeof is !== "number" || typeof was !== "number" || (!points && was === 0)) return null;
  const change = points ? is - was : ((is - was) / was) * 100;
  if (Math.abs(change) < (points ? 0.05 : 0.5)) return null;
  const amount = points
    ? `${Math.abs(change).toFixed(1)} pt`
    : change > 999
      ? "a lot"
      : `${Math.abs(change).toFixed(0)} %`;
  const up = change > 0;
  const tone = better ? (up === (better === "more") ? "good" : "bad") : "muted";
  const title = `${amount.replace(" pt", " points")} ${up ? "more" : "less"} than in the ${range} before`;
  return h(
    "span",
    { class: ["trend", tone], title },
    up ? "▲" : "▼",
    " ",
    amount,
    h("span", { class: "sr-only" }, title),
  );
}

/** @param {number | null} usd */
const daily = (usd) => (usd ? `${money(usd)} a day lately` : null);

// -- How much went through and how well, over the range; and by which model, client and account.

/** @param {import("../../core/scope.js").Scope} scope */
export function traffic(scope) {
  const volume = timeline({
    label: "Requests over time",
    unit: "count",
    kind: "bars",
    stacked: true,
    height: 200,
    scope,
  });
  const success = timeline({
    label: "Success over time",
    unit: "percent",
    kind: "line",
    high: 100,
    height: 200,
    legend: true,
    scope,
  });
  return {
    element: h(
      "div",
      { class: "grid", style: { "--least": "420px" } },
      card({ title: "Requests over time" }, volume.element),
      card({ title: "Success and cache hit rates" }, success.element),
    ),
    /** @param {any} analytics */
    update({ meta, timeSeries }) {
      const span = spanOf(meta);
      /** @param {(point: any) => number | null} at @returns {[number, number | null][]} */
      const points = (at) => timeSeries.map((/** @type {any} */ point) => [point.ts, at(point)]);
      /** @param {any} point */
      const bad = (point) => Math.round((point.requests * (point.errorRate ?? 0)) / 100);
      volume.update({
        ...span,
        series: [
          {
            id: "fine",
            name: "answered",
            colour: 2,
            missing: "zero",
            points: points((p) => p.requests - bad(p)),
          },
          { id: "bad", name: "failed", colour: "bad", missing: "zero", points: points(bad) },
        ],
      });
      success.update({
        ...span,
        series: [
          { id: "success", name: "success", colour: 3, points: points((point) => point.successRate) },
          {
            id: "cache",
            name: "input from caches",
            colour: 2,
            points: points((point) => point.cacheHitRate),
          },
        ],
      });
    },
  };
}

export function shares() {
  const models = share({ label: "Requests by model", rows: 4, most: 5 });
  const clients = share({
    label: "Requests by client",
    rows: 4,
    most: 5,
    empty: "No request came with a client's key.",
  });
  const accounts = share({ label: "Requests by account", rows: 4, most: 5 });
  return {
    element: h(
      "div",
      { class: "grid" },
      card({ title: "By model" }, models.element),
      card({ title: "By account" }, accounts.element),
      card({ title: "By client" }, clients.element),
    ),
    /** @param {any} analytics */
    update({ modelDistribution, accountPerformance, apiKeyPerformance }) {
      models.update(modelDistribution.map((/** @type {any} */ m) => part(m.model ?? "no model", m.count)));
      accounts.update(
        accountPerformance.map((/** @type {any} */ a) => part(a.name ?? "no account", a.requests)),
      );
      clients.update(
        apiKeyPerformance.map((/** @type {any} */ c) => part(c.name ?? "no client", c.requests)),
      );
    },
  };
}

/** @param {string} name @param {number} value */
const part = (name, value) => ({ id: name, name, value });
