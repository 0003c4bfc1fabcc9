// @ts-check
// Analytics: what the history adds up to over a range of time, for what is filtered.

import { get } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { failed, pageHead, segments } from "../parts/basics.js";
import { menu } from "../parts/menu.js";
import { caches, costOverTime, costsBy } from "./analytics/costs.js";
import { save, sheets } from "./analytics/sheets.js";
import { asked, filtered, filters, keep, pause, RANGES, read } from "./analytics/view.js";
import { divided, rates, tokens, traffic } from "./analytics/traffic.js";
import { latency, speed } from "./analytics/speed.js";
import { pairs, week } from "./analytics/week.js";
import { remarks } from "./analytics/words.js";
import { figures } from "./overview/figures.js";

/** @typedef {{whole: any, traffic: any, cache: any}} Answers */

export default {
  title: "Analytics",
  /**
   * @param {HTMLElement} root
   * @param {import("../core/scope.js").Scope} scope
   */
  async mount(root, scope) {
    const view = read();
    const said = h("div", { class: "stack", "aria-live": "polite" });
    /** @type {Answers | null} */
    let last = null;
    let due = 0;
    const redraw = () => {
      keep(view);
      if (last) chart.update(last.traffic);
    };
    const ask = () => {
      keep(view);
      due = 0;
      return turn();
    };
    const chart = traffic(view, scope, { redraw, ask });
    const parts = cards(scope);
    const cached = caches();
    root.append(
      head(view, () => last, ask),
      filters(view, scope, ask),
      said,
      ...laidOut(parts, chart.element, cached.element),
    );
    /** @type {() => void} */
    let used = () => {};
    const ready = new Promise((resolve) => (used = () => resolve(null)));
    const turn = scope.every(30, async (signal) => {
      if (Date.now() < due) return;
      root.classList.add("loading");
      try {
        last = await answers(view, signal);
        due = Date.now() + 1000 * pause(view) - 500;
        replace(said, remarks(last.whole));
        for (const part of Object.values(parts)) part.update(last.whole);
        chart.update(last.traffic);
        cached.update(last.cache, filtered(view));
      } catch (error) {
        if (!signal.aborted) replace(said, failed(error, ask));
      }
      if (!signal.aborted) root.classList.remove("loading");
      used();
    });
    await ready;
  },
};

/** What is drawn of the whole answer. @param {import("../core/scope.js").Scope} scope */
const cards = (scope) => ({
  totals: figures(),
  rates: rates(scope),
  tokens: tokens(),
  cost: costOverTime(scope),
  sides: costsBy(),
  times: latency(),
  speed: speed(),
  pairs: pairs(),
  week: week(scope),
});

/** @param {ReturnType<typeof cards>} parts @param {HTMLElement} traffic @param {HTMLElement} cached */
const laidOut = (parts, traffic, cached) => [
  parts.totals.element,
  traffic,
  two(parts.rates.element, parts.tokens.element),
  parts.cost.element,
  parts.sides.element,
  parts.times.element,
  two(parts.week.element, cached),
  two(parts.pairs.element, parts.speed.element),
];

/**
 * @param {import("./analytics/view.js").View} view @param {AbortSignal} signal
 * @returns {Promise<Answers>}
 */
async function answers(view, signal) {
  const query = asked(view);
  const split = divided(view);
  const [whole, apart, cache] = await Promise.all([
    get("api/analytics", { query, signal }),
    split ? get("api/analytics", { query: { ...query, modelBreakdown: true }, signal }) : null,
    get("api/insights/cache", { query: { range: view.range }, signal }),
  ]);
  return { whole, traffic: apart ?? whole, cache };
}

/**
 * @param {import("./analytics/view.js").View} view @param {() => Answers | null} last
 * @param {() => unknown} ask
 */
function head(view, last, ask) {
  const ranges = segments(
    "Range of time",
    RANGES.map((range) => [range, range]),
    view.range,
    (range) => {
      view.range = range;
      void ask();
    },
  );
  const exported = menu({ text: "Export", label: "Export as CSV", icon: "down" }, () => {
    const answers = last();
    const found = answers ? sheets(answers.whole, answers.traffic) : [];
    if (!found.length) return [{ text: "There is nothing to export" }];
    return found.map(([text, sheet]) => ({ text: `${text} (CSV)`, on: () => save(sheet, view.range) }));
  });
  return pageHead("Analytics", { actions: [ranges, exported] });
}

/** @param {HTMLElement[]} cards */
const two = (...cards) => h("div", { class: "grid stretch", style: { "--least": "420px" } }, cards);
