// @ts-check
// How fast: percentiles of the first byte and of the whole answer, and output speed, by model and account.

import { bars } from "../../charts/bars.js";
import { h, replace } from "../../core/dom.js";
import { ms, number } from "../../core/format.js";
import { card, empty, skeleton, switched, table } from "../../parts/basics.js";
import { notKept } from "./words.js";

/** @typedef {"model" | "account"} By */
const BY = /** @type {const} */ ([
  ["model", "By model"],
  ["account", "By account"],
]);

/** @param {any} analytics @param {By} by @returns {any[]} */
function rowsOf({ modelPerformance, accountPerformance }, by) {
  const rows = by === "model" ? modelPerformance : accountPerformance;
  return (rows ?? []).map((/** @type {any} */ row) => ({
    ...row,
    name: (by === "model" ? row.model : row.name) ?? `no ${by}`,
  }));
}

export function latency() {
  const place = h("div", null, skeleton(200));
  const shown = switched("Times of", BY, (last, by) => {
    const rows = rowsOf(last, by).filter((row) => row.p50ResponseTime !== null || row.p50FirstByte !== null);
    const most = Math.max(1, ...rows.map((row) => row.p99ResponseTime ?? row.p95ResponseTime ?? 0));
    const said = notKept(last.meta) ?? "Nothing was measured in this time";
    replace(place, rows.length ? table("Times by percentile", columns(by, most), rows) : empty(said));
  });
  const hint = "median, 95th and 99th percentile";
  return { element: card({ title: "Times", hint, actions: shown.element }, place), update: shown.update };
}

/** @param {By} by @param {number} most @returns {import("../../parts/basics.js").Column[]} */
function columns(by, most) {
  /** @param {string} name @param {string} key */
  const time = (name, key) => ({ name, number: true, cell: (/** @type {any} */ row) => ms(row[key]) });
  return [
    { name: by === "model" ? "Model" : "Account", cell: (row) => h("span", { class: "nowrap" }, row.name) },
    { name: "Requests", number: true, cell: (row) => number(row.requests) },
    time("First byte 50 %", "p50FirstByte"),
    time("95 %", "p95FirstByte"),
    time("99 %", "p99FirstByte"),
    time("Whole 50 %", "p50ResponseTime"),
    time("95 %", "p95ResponseTime"),
    time("99 %", "p99ResponseTime"),
    { name: h("span", { "aria-hidden": "true" }, "50 to 99 %"), cell: (row) => reach(row, most) },
  ];
}

/** From the median to the 99th percentile, with a mark at the 95th. @param {any} row @param {number} most */
function reach({ p50ResponseTime: low, p95ResponseTime: middle, p99ResponseTime: high }, most) {
  if (low === null) return null;
  const at = (/** @type {number | null} */ value) => `${(100 * (value ?? low)) / most}%`;
  const style = { "--from": at(low), "--to": at(high), "--mark": at(middle) };
  return h("span", { class: "reach", "aria-hidden": "true", style });
}

export function speed() {
  const chart = bars({ label: "Output speed", unit: "speed", rows: 3 });
  const shown = switched("Speed of", BY, (last, by) => {
    const rows = rowsOf(last, by).filter((row) => row.avgTokensPerSecond !== null);
    rows.sort((a, b) => b.avgTokensPerSecond - a.avgTokensPerSecond);
    chart.update(
      rows.map((row) => ({ id: row.name, label: row.name, value: row.avgTokensPerSecond, colour: 2 })),
      notKept(last.meta),
    );
  });
  return {
    element: card({ title: "Output speed", actions: shown.element }, chart.element),
    update: shown.update,
  };
}
