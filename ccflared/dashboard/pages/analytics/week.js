// @ts-check
// When in the week: hours as fields; and which accounts served which models.

import { bars } from "../../charts/bars.js";
import { heatmap } from "../../charts/heatmap.js";
import { h } from "../../core/dom.js";
import { card, switched } from "../../parts/basics.js";
import { notKept } from "./words.js";

const MEASURES = /** @type {const} */ ([
  ["requests", "Requests"],
  ["tokens", "Tokens"],
  ["costUsd", "Cost"],
]);
const UNITS = /** @type {const} */ ({ requests: "count", tokens: "tokens", costUsd: "money" });

/** @param {import("../../core/scope.js").Scope} scope */
export function week(scope) {
  const chart = heatmap({ label: "Hours of the week", scope });
  const zone = h("span", { class: "hint" });
  const shown = switched("Measure", MEASURES, ({ heatmap: fields, meta }, measure) => {
    zone.textContent = meta.timezone ? `in ${meta.timezone}` : "in the daemon's time zone";
    chart.measure(UNITS[measure], MEASURES.find(([id]) => id === measure)?.[1] ?? "");
    const short = ["1h", "6h"].includes(meta.range)
      ? "A range of a day or more shows the hours of the week"
      : undefined;
    const said = measure === "requests" ? short : (notKept(meta) ?? short);
    chart.update(
      (fields ?? []).map((/** @type {any} */ field) => ({ ...field, value: field[measure] })),
      said,
    );
  });
  return {
    element: card({ title: "Hours of the week", hint: zone, actions: shown.element }, chart.element),
    update: shown.update,
  };
}

/** So many models have a colour of their own. */
const MODELS = 6;

export function pairs() {
  /** @type {ReturnType<typeof bars> | null} */
  let chart = null;
  let drawn = "";
  const place = h("div");
  return {
    element: card({ title: "Requests by account and model" }, place),
    /** @param {any} analytics */
    update({ accountModelUsage: rows, modelDistribution }) {
      const busiest = modelDistribution
        .slice(0, MODELS)
        .map((/** @type {any} */ row) => row.model ?? "no model");
      const names = modelDistribution.length > MODELS ? [...busiest, "others"] : busiest;
      if (!chart || drawn !== names.join("\n")) {
        drawn = names.join("\n");
        chart = bars({ label: "Requests by account and model", rows: 3, parts: names });
        place.replaceChildren(chart.element);
      }
      chart.update(items(rows ?? [], busiest));
    },
  };
}

/** @param {any[]} rows @param {string[]} busiest */
function items(rows, busiest) {
  /** @type {Map<string, Map<string, number>>} */
  const accounts = new Map();
  for (const { account, model, count } of rows) {
    const own = accounts.get(account ?? "no account") ?? new Map();
    const name = busiest.includes(model ?? "no model") ? (model ?? "no model") : "others";
    accounts.set(account ?? "no account", own.set(name, (own.get(name) ?? 0) + count));
  }
  const all = [...accounts].map(([name, own]) => ({
    ...{ id: name, label: name, value: [...own.values()].reduce((sum, count) => sum + count, 0) },
    parts: [...own].map(([model, value]) => ({ name: model, value })),
  }));
  return all.sort((a, b) => b.value - a.value);
}
