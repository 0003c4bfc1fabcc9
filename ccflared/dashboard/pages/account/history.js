// @ts-check
// How full an account's usage windows were, and when they will be used up if it goes on like this.

import { timeline } from "../../charts/timeline.js";
import { get, messageOf } from "../../core/api.js";
import { h, replace } from "../../core/dom.js";
import { query, setQuery } from "../../core/router.js";
import { card, note, segments } from "../../parts/basics.js";
import { when } from "../../parts/time.js";

/** @typedef {import("../../core/scope.js").Scope} Scope */

const RANGES = /** @type {const} */ ([
  ["6h", "6 h"],
  ["24h", "24 h"],
  ["7d", "7 days"],
  ["30d", "30 days"],
]);
/** Samples that are farther apart are not joined. */
const GAP = 3 * 3600e3;
/** The share of the range that is kept free for what is expected. */
const AHEAD = 0.25;

/**
 * @param {Scope} scope
 * @param {string} name
 */
export function historyCard(scope, name) {
  let range = RANGES.find(([each]) => each === query().get("range"))?.[0] ?? "24h";
  const chart = timeline({
    label: "Usage",
    unit: "percent",
    kind: "line",
    height: 220,
    scope,
    low: 0,
    high: 100,
    legend: true,
  });
  const expected = h("div", { class: "row small muted" });
  const anew = scope.every(60, async (signal) => {
    try {
      const told = await get("api/usage-history", { query: { account: name, range }, signal });
      chart.update(drawn(told));
      replace(expected, told.windows.map(expectedWords));
    } catch (error) {
      if (!signal.aborted) replace(expected, note("warn", messageOf(error)));
    } finally {
      chart.busy(false);
    }
  });
  const choice = segments("Range", RANGES, range, (chosen) => {
    range = chosen;
    setQuery({ range });
    chart.busy(true);
    void anew();
  });
  return card({ title: "Usage history", actions: choice }, chart.element, expected);
}

/** @param {any} told */
function drawn({ since, windows }) {
  const now = Date.now();
  const span = now - since * 1000;
  const ends = windows
    .map((/** @type {any} */ each) => Date.parse(each.prediction.exhaustsAt ?? ""))
    .filter((/** @type {number} */ at) => at > now && at - now < span * AHEAD);
  const until = Math.max(now, ...ends.map((/** @type {number} */ at) => at + span * 0.02));
  return {
    since: since * 1000,
    until,
    gap: GAP,
    series: windows.flatMap((/** @type {any} */ each, /** @type {number} */ at) =>
      linesOf(each, at + 1, until),
    ),
    marks: ends.map((/** @type {number} */ t) => ({ t, label: "used up", tone: "bad" })),
  };
}

/**
 * @param {any} window
 * @param {number} colour
 * @param {number} until
 */
function linesOf({ window: name, samples, prediction }, colour, until) {
  const points = samples.map((/** @type {any} */ each) => [each.ts, Math.min(100, each.utilization)]);
  const lines = [{ id: name, name, colour, points }];
  const end = Date.parse(prediction.exhaustsAt ?? "");
  const last = points.at(-1);
  if (prediction.state === "rising" && end > Date.now() && last) {
    const share = Math.min(1, (until - last[0]) / (end - last[0]));
    const there = [last[0] + share * (end - last[0]), last[1] + share * (100 - last[1])];
    return [
      ...lines,
      { id: `${name} expected`, name: `${name}, expected`, colour, dashed: true, points: [last, there] },
    ];
  }
  return lines;
}

/** @param {any} window */
function expectedWords({ window: name, prediction }) {
  const { state, exhaustsAt, perHour, confidence } = prediction;
  const at = Date.parse(exhaustsAt ?? "");
  const pace = perHour ? ` at ${perHour.toFixed(1)} points an hour` : "";
  const words =
    state === "exhausted"
      ? "used up"
      : state === "stable"
        ? "steady"
        : state === "rising" && at
          ? ["used up ", when(at, "ahead"), pace]
          : state === "rising"
            ? `rises${pace}, and resets before it is used up`
            : "not enough data for a forecast";
  return h(
    "span",
    null,
    h("strong", null, name),
    " ",
    words,
    confidence === "low" && state === "rising" ? " (a rough guess)" : null,
  );
}
