// @ts-check
// Money: what it cost, over time and by model, account, client and project, and what prompt caches saved.

import { bars } from "../../charts/bars.js";
import { stepOf } from "../../charts/points.js";
import { timeline } from "../../charts/timeline.js";
import { h, replace } from "../../core/dom.js";
import { counted, money, number, percent } from "../../core/format.js";
import { link } from "../../core/router.js";
import { card, note, stat, switched } from "../../parts/basics.js";
import { notKept, unavailable, unpriced } from "./words.js";

const PARTS = ["Plan value", "API cost"];

/** @param {import("../../core/scope.js").Scope} scope */
export function costOverTime(scope) {
  const title = h("span", null, "Cost over time");
  const sum = h("span", { class: "hint" });
  /** @type {Map<number, number>} */
  const unknown = new Map();
  const foot = (/** @type {number} */ t) => unpriced(unknown.get(t));
  const chart = timeline({
    label: "Cost",
    unit: "money",
    kind: "bars",
    stacked: true,
    height: 220,
    legend: true,
    scope,
    foot,
  });
  return {
    element: card({ title, hint: sum, label: "Cost over time" }, chart.element),
    /** @param {any} analytics */
    update({ meta, totals, timeSeries, costByDay }) {
      const daily = costByDay?.length > 0;
      replace(title, daily ? "Cost by day" : "Cost over time");
      sum.textContent =
        totals.totalCostUsd === null ? "" : `${money(totals.totalCostUsd)} in total${average(totals, daily)}`;
      const points = daily
        ? costByDay.map((/** @type {any} */ row) => ({ ...row, ts: midnight(row.day) }))
        : timeSeries;
      unknown.clear();
      for (const { ts, unpricedRequests } of points) unknown.set(ts, unpricedRequests ?? 0);
      /** @param {string} id @param {number} index @returns {import("../../charts/points.js").Series} */
      const series = (id, index) => ({
        ...{ id, name: PARTS[index] ?? "", missing: "zero", colour: index + 1 },
        points: points.map((/** @type {any} */ point) => [point.ts, point[id]]),
      });
      const step = daily ? stepOf("1d") : stepOf(meta.bucket);
      const since = daily ? +new Date(new Date(1000 * meta.since).setHours(0, 0, 0, 0)) : 1000 * meta.since;
      chart.update(
        { since, until: 1000 * meta.until, step, series: ["planCostUsd", "apiCostUsd"].map(series) },
        notKept(meta) ?? unavailable(meta, "costByDay"),
      );
    },
  };
}

/** The beginning of a day of the daemon's calendar, here. @param {string} day */
function midnight(day) {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return +new Date(year, month - 1, date);
}

/** @param {any} totals @param {boolean} daily */
function average({ avgDailyPlanCostUsd: plan, avgDailyApiCostUsd: api }, daily) {
  if (!daily || (plan === null && api === null)) return "";
  return `, ${money((plan ?? 0) + (api ?? 0))} a day lately`;
}

const NO_CLIENT = "No request came with a client's key";

/** Whose costs are told, with where in the answer they are. */
const SIDES = [
  { title: "Cost by model", part: "costByModel", name: "model", none: "no model", page: null },
  {
    title: "Cost by account",
    part: "accountPerformance",
    name: "name",
    none: "no account",
    page: "accounts",
  },
  {
    title: "Cost by client",
    part: "apiKeyPerformance",
    name: "name",
    none: "no client",
    page: null,
    empty: NO_CLIENT,
  },
  { title: "Cost by project", part: "projectPerformance", name: "name", none: "no project", page: null },
];

export function costsBy() {
  const sides = SIDES.map((side) => ({
    ...side,
    chart: bars({ label: side.title, unit: "money", rows: 3, parts: PARTS, empty: side.empty }),
  }));
  return {
    element: h(
      "div",
      { class: "grid stretch", style: { "--least": "400px" } },
      sides.map(({ title, chart }) => card({ title }, chart.element)),
    ),
    /** @param {any} analytics */
    update(analytics) {
      for (const { chart, part, name, none, page } of sides) {
        const rows = [...(analytics[part] ?? [])].filter((row) => row.costUsd || row.unpricedRequests);
        rows.sort((a, b) => (b.costUsd ?? -1) - (a.costUsd ?? -1));
        chart.update(
          rows.map((row) => item(row, row[name], none, page)),
          notKept(analytics.meta),
        );
      }
    },
  };
}

/** @param {any} row @param {string | null} name @param {string} none @param {string | null} page */
function item(row, name, none, page) {
  return {
    id: name ?? " ",
    label: name ?? none,
    value: row.costUsd,
    parts: [
      { name: PARTS[0] ?? "", value: row.planCostUsd },
      { name: PARTS[1] ?? "", value: row.apiCostUsd },
    ],
    note: unpriced(row.unpricedRequests),
    href: page && name ? link([page, name]) : undefined,
  };
}

// -- What prompt caches saved, by what, and where little is read from them.

const BY = /** @type {const} */ ([
  ["byModel", "Model"],
  ["byAccount", "Account"],
  ["byClient", "Client"],
  ["byProject", "Project"],
]);
const MOST = 10;
/** Requests from which on a hit rate is worth a word. */
const ENOUGH = 20;
/** @param {number | null} usd */
const saved = (usd) => (usd !== null && usd !== 0 && Math.abs(usd) < 0.01 ? "under $0.01" : money(usd));

export function caches() {
  const figures = h("div", { class: "row cache-figures" });
  const chart = bars({ label: "Saved by caches", unit: "money", rows: 3 });
  const little = h("div");
  const shown = switched("Savings by", BY, (last, by) => {
    const word = BY.find(([id]) => id === by)?.[1].toLowerCase() ?? "";
    // Where no price is known, what can be told is how much was read.
    const priced = last[by].some((/** @type {any} */ row) => row.savingsUsd !== null);
    const key = priced ? "savingsUsd" : "cacheHitRate";
    const rows = [...last[by]].sort((a, b) => (b[key] ?? -Infinity) - (a[key] ?? -Infinity));
    chart.measure(priced ? "money" : "percent");
    chart.update(rows.slice(0, MOST).map((row) => saving(row, word, priced)));
  });
  return {
    element: card(
      {
        title: "Caches",
        hint: h("span", { class: "scope-hint" }),
        actions: shown.element,
      },
      figures,
      chart.element,
      little,
    ),
    /** @param {any} answer  of /api/insights/cache @param {boolean} filtered */
    update(answer, filtered) {
      const { totals, flagged, range } = answer;
      const hints = [
        ["1h", "6h"].includes(range) ? "of a day" : null,
        filtered ? "of all requests: filters do not apply" : null,
      ];
      const hint = this.element.querySelector(".scope-hint");
      if (hint) hint.textContent = hints.filter(Boolean).join(", ");
      replace(
        figures,
        stat("Saved", saved(totals.savingsUsd), {
          word: totals.savingsUsd === null,
          title: "What the input would have cost without caches, less what it did",
          under: totals.unpricedRequests
            ? `without ${counted(totals.unpricedRequests, "request")} of unknown price`
            : "",
        }),
        stat("Read from caches", percent(totals.cacheHitRate, 1), {
          under: `${number(totals.cacheReadInputTokens)} tokens`,
        }),
      );
      // Of a few requests nothing can be concluded, nor is there a client to look at where there is none.
      const worth = flagged.filter((/** @type {any} */ row) => row.key !== null && row.requests >= ENOUGH);
      replace(little, worth.length ? told(worth) : null);
      shown.update(answer);
    },
  };
}

/** @param {any} row @param {string} word @param {boolean} priced */
function saving(row, word, priced) {
  const estimated = row.savingsEstimated ? ", estimated" : "";
  return {
    id: row.key ?? " ",
    label: row.key ?? `no ${word}`,
    value: priced ? row.savingsUsd : row.cacheHitRate,
    colour: 3,
    note: priced ? `${percent(row.cacheHitRate)} from caches${estimated}` : null,
  };
}

/** @param {any[]} flagged */
function told(flagged) {
  return note(
    "warn",
    "For these, less than half of the input comes from caches:",
    h(
      "ul",
      { class: "plain-list" },
      flagged.map((row) =>
        h(
          "li",
          null,
          `${row.kind} ${row.key ?? "none"}: `,
          `${percent(row.cacheHitRate)}, ${counted(row.requests, "request")}`,
        ),
      ),
    ),
  );
}
