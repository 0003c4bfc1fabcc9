// @ts-check
// How full a limit is, in words and as a bar: meter for money and the like, usage for an account's usage windows.

import { h, replace, say } from "../core/dom.js";
import { ago, moment, percent, seconds } from "../core/format.js";
import { when } from "./time.js";

/**
 * @typedef {object} Window
 * @property {string} name  "5h", "7d opus"
 * @property {string | null} [family]
 * @property {number | null} utilization  0 to 1, or above
 * @property {number | null} resets_at  seconds since 1970
 * @property {boolean} spent
 * @property {number} age  seconds
 * @property {string} [source]
 */
/** @typedef {"fine" | "high" | "spent" | "unknown" | "anew"} State */

const LENGTHS = new Map(Object.entries({ m: 60, h: 3600, d: 86_400, w: 7 * 86_400, mo: 30.44 * 86_400 }));
/** Nearly full; better-ccflare warns from there, too. */
const HIGH = 0.9;
/** Told longer ago than that, it says so: polls come every ten minutes or so. */
const STALE = 20 * 60;
/** Points away from the pace that are worth a word. */
const ASIDE = 5;

/** How long a window is, in seconds; null: its name does not tell. @param {string} name */
function lengthOf(name) {
  const match = /^(\d+)(mo|[mhdw])\b/.exec(name);
  const unit = match ? LENGTHS.get(match[2] ?? "") : undefined;
  return match && unit ? Number(match[1]) * unit : null;
}

/** @param {Window} window @param {number} now  seconds */
export function judge(window, now) {
  const { name, utilization, resets_at: end, spent, age } = window;
  const length = lengthOf(name);
  const left = end === null ? null : end - now;
  const running = length !== null && left !== null && left > 0 && left <= length * 1.01;
  const expected = running ? Math.max(0, Math.min(100, 100 * (1 - left / length))) : null;
  const used = utilization === null ? null : 100 * utilization;
  /** @type {State} */
  let state = "fine";
  if (left !== null && left <= 0) state = "anew";
  else if (spent || (utilization ?? 0) >= 1) state = "spent";
  else if (utilization === null) state = "unknown";
  else if (utilization >= HIGH) state = "high";
  return { state, percent: used, expected, stale: age > STALE, ...words(state, used, expected) };
}

/** @param {State} state @param {number | null} used @param {number | null} expected */
function words(state, used, expected) {
  if (state === "unknown") return { said: "unknown", pace: "" };
  if (state === "anew")
    return { said: used === null ? "just reset" : `just reset (was ${percent(used)})`, pace: "" };
  const said = state === "spent" ? (used === null ? "spent" : `spent, ${percent(used)}`) : percent(used);
  if (expected === null || used === null || state === "spent") return { said, pace: "" };
  const aside = Math.round(used - expected);
  const pace =
    Math.abs(aside) < ASIDE ? "on pace" : `${Math.abs(aside)} points ${aside > 0 ? "above" : "below"} pace`;
  return { said, pace };
}

export function usage() {
  const name = h("span", { class: "name" });
  const said = h("span", { class: "said" });
  const under = h("span", { class: "pace-said" });
  const reset = h("span", { class: "reset" });
  const fill = h("span", { class: "fill" });
  const pace = h("span", { class: "pace" });
  const track = h("div", { class: "usage-track" }, fill, pace);
  const head = h("div", { class: "usage-head" }, name, said);
  const element = h("div", { class: "usage" }, head, track, h("div", { class: "usage-foot" }, under, reset));
  let end = NaN;
  return {
    element,
    /** @param {Window} window @param {number} [now]  seconds */
    update(window, now = Date.now() / 1000) {
      const told = judge(window, now);
      element.dataset.state = told.state;
      element.classList.toggle("stale", told.stale);
      say(name, window.name);
      say(said, told.said);
      const source = told.stale ? `as of ${ago(1000 * (now - window.age), 1000 * now)}` : "";
      say(under, [told.pace, source].filter(Boolean).join(", "));
      const used = told.state === "anew" ? 0 : (told.percent ?? (told.state === "spent" ? 100 : 0));
      fill.style.setProperty("--used", `${Math.max(0, Math.min(100, used))}%`);
      pace.hidden = told.expected === null;
      pace.style.setProperty("--at", `${told.expected ?? 0}%`);
      pace.title = `${percent(told.expected)} of it has passed`;
      const next = window.resets_at === null ? NaN : 1000 * window.resets_at;
      if (!Object.is(next, end) || told.state === "anew") {
        end = next;
        replace(
          reset,
          Number.isNaN(end) ? null : told.state === "anew" ? "" : ["resets ", when(end, "ahead")],
        );
      }
      describe(track, window, told, now);
    },
  };
}

/**
 * Say in words what the bar shows.
 * @param {HTMLElement} track @param {Window} window
 * @param {ReturnType<typeof judge>} told @param {number} now
 */
function describe(track, window, told, now) {
  const left = window.resets_at === null ? null : window.resets_at - now;
  const text = [
    told.said,
    told.expected === null ? null : `${percent(told.expected)} of the window has passed`,
    left === null || left <= 0 ? null : `resets in ${seconds(left)}`,
    `told ${ago(1000 * (now - window.age), 1000 * now)}`,
  ];
  const known = told.percent !== null && told.state !== "anew";
  const sentence = text.filter(Boolean).join(", ");
  track.setAttribute("role", known ? "meter" : "img");
  track.setAttribute("aria-label", known ? `Usage of ${window.name}` : `${window.name}: ${sentence}`);
  const end = left === null ? "" : ` (${moment(1000 * (now + left))})`;
  track.title = `${window.name}: ${sentence}${end}`;
  const values = { valuemin: 0, valuemax: 100, valuenow: Math.round(Math.min(100, told.percent ?? 0)) };
  for (const [key, value] of Object.entries({ ...values, valuetext: sentence })) {
    if (known) track.setAttribute(`aria-${key}`, String(value));
    else track.removeAttribute(`aria-${key}`);
  }
}

// -- A bar that shows how much of a limit is used. What it shows stands beside it in words.

/** @typedef {import("../core/dom.js").Child} Child */

/** Shares from which on a limit is near. */
const NEAR = 80;

/**
 * @param {string} label  of what it is the limit, for those who do not see it
 * @param {Child} name
 * @param {Child} told  such as "$3.20 of $10.00"
 * @param {number} share  0 to 1; beyond is possible
 * @param {Child} [under]
 */
export function meter(label, name, told, share, under) {
  const used = Math.max(0, share * 100);
  const tone = used >= 100 ? "bad" : used >= NEAR ? "warn" : "";
  const word = used >= 100 ? "spent" : used >= NEAR ? "nearly spent" : null;
  return h(
    "div",
    { class: ["limit-bar", tone] },
    h("div", { class: "limit-head" }, h("span", null, name), h("span", { class: "told" }, told)),
    h(
      "div",
      {
        class: "track",
        role: "meter",
        "aria-label": label,
        "aria-valuemin": 0,
        "aria-valuemax": 100,
        "aria-valuenow": Math.round(Math.min(100, used)),
        "aria-valuetext": percent(used),
      },
      h("div", { class: "fill", style: { "--share": `${Math.min(100, used)}%` } }),
    ),
    h(
      "div",
      { class: "under" },
      h("span", { class: "much" }, percent(used), word ? `, ${word}` : null),
      under ? h("span", null, under) : null,
    ),
  );
}
