// @ts-check
// What the charts of the page show, as tables to export, in CSV (RFC 4180).

import { download } from "../../parts/code.js";

const MONEY = ["costUsd", "planCostUsd", "apiCostUsd", "unpricedRequests"];
const POINT = [
  ...["requests", "tokens", ...MONEY],
  ...["successRate", "errorRate", "cacheHitRate", "avgResponseTime", "avgTokensPerSecond"],
];
const TIMES = ["First", "Response"].flatMap((what) =>
  ["p50", "p95", "p99"].map((share) => `${share}${what === "First" ? "FirstByte" : "ResponseTime"}`),
);

/**
 * @param {string} name @param {any[]} rows
 * @param {string[]} keys  columns, called as the API calls them
 * @returns {Sheet}
 */
const sheet = (name, rows, keys) => ({
  name,
  head: keys,
  rows: rows.map((row) => keys.map((key) => row[key])),
});

/**
 * Exports by their words in the menu.
 * @param {any} analytics @param {any} traffic  with the breakdown, if there is one
 */
export function sheets(analytics, traffic) {
  const split = traffic.timeSeries.some((/** @type {any} */ point) => "model" in point);
  const times = traffic.timeSeries.map((/** @type {any} */ point) => ({
    ...{ ...point, time: new Date(point.ts).toISOString() },
  }));
  const fewer = split ? POINT : [...POINT, ...TIMES.filter((key) => !key.startsWith("p99"))];
  /** @type {[string, Sheet][]} */
  const all = [
    ["Over time", sheet("traffic", times, ["time", ...(split ? ["model"] : []), ...fewer])],
    [
      "Models",
      sheet("models", models(analytics), [
        "model",
        "requests",
        "totalTokens",
        ...MONEY,
        "errorRate",
        "avgResponseTime",
        "avgTokensPerSecond",
        ...TIMES,
      ]),
    ],
    ["Accounts", sheet("accounts", analytics.accountPerformance, ["name", ...POINT, ...TIMES])],
    ["Clients", sheet("clients", analytics.apiKeyPerformance, ["id", "name", ...POINT])],
    ["Projects", sheet("projects", analytics.projectPerformance, ["name", ...POINT])],
    ["Days", sheet("days", analytics.costByDay, ["day", "requests", "tokens", ...MONEY])],
    [
      "Hours of the week",
      sheet("hours", analytics.heatmap, ["weekday", "hour", "requests", "tokens", "costUsd"]),
    ],
    [
      "Accounts and models",
      sheet("accounts-models", analytics.accountModelUsage, ["account", "model", "count"]),
    ],
  ];
  return all.filter(([, { rows }]) => rows.length > 0);
}

/** Costs and times of models in one table. @param {any} analytics */
function models({ costByModel, modelPerformance }) {
  const costs = new Map(costByModel.map((/** @type {any} */ row) => [row.model, row]));
  return modelPerformance.map((/** @type {any} */ row) => ({ ...costs.get(row.model), ...row }));
}

// -- Tables as CSV (RFC 4180). Pure, but for the download.

/** @typedef {string | number | null | undefined} Cell */
/** @typedef {{name: string, head: string[], rows: Cell[][]}} Sheet */

/** What is not known is empty, and not 0. @param {Sheet} sheet */
export const csv = ({ head, rows }) =>
  [head, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");

/** @param {Cell} value */
export function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  // Names come from clients; a spreadsheet would run one that begins so as a formula.
  const safe = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** @param {Sheet} sheet @param {string} range */
export const save = (sheet, range) =>
  download(
    `ccflared-${sheet.name}-${range}-${new Date().toISOString().slice(0, 10)}.csv`,
    "text/csv;charset=utf-8",
    [csv(sheet)],
  );
