// @ts-check
// What a request took: its tries as bars on an axis of time, the accounts that were passed over, its tokens by kind,
// and what each kind cost.

import { h } from "../../core/dom.js";
import { counted, money, ms, number, percent, UNKNOWN } from "../../core/format.js";
import { link } from "../../core/router.js";
import { toneOf, whyOf } from "../../parts/account.js";
import { badge, card, empty, table } from "../../parts/basics.js";
import { plain } from "../../parts/plain.js";
import { paidBy } from "../requests/words.js";

/** Kinds of tries, in words; others are told as they are. @type {Record<string, string>} */
const KINDS = {
  served: "served",
  limit: "limited",
  "cannot be told": "not asked: cannot be told in its dialect",
  estimated: "estimated here",
  token: "not asked: no token",
};

/** @param {any} row */
export function timeline(row) {
  /** @type {any[]} */
  const tries = row.attempts;
  if (!tries.length) return card({ title: "Attempts" }, h("p", { class: "muted" }, "No account was asked."));
  const whole = Math.max(1, row.responseTimeMs, ...tries.map((each) => each.startedMs + each.tookMs));
  const share = (/** @type {number} */ n) => `${((100 * n) / whole).toFixed(3)}%`;
  return card(
    { title: "Attempts", hint: `${counted(tries.length, "attempt")} in ${ms(row.responseTimeMs)}` },
    h(
      "ol",
      { class: "tries" },
      tries.map((each, at) => attempt(row, each, at === tries.length - 1, share)),
    ),
    axis(whole, share),
  );
}

/**
 * @param {any} row
 * @param {any} each
 * @param {boolean} last
 * @param {(n: number) => string} share
 */
function attempt(row, each, last, share) {
  const served = each.kind === "served";
  const tone = served
    ? each.status < 400 || each.status === null
      ? "good"
      : "bad"
    : each.kind === "limit"
      ? "warn"
      : "bad";
  const told = served && tone === "bad" ? "passed on" : (KINDS[each.kind] ?? plain(each.kind));
  const end = each.startedMs + each.tookMs;
  // A try ends for the router where its answer begins: what then comes is told of the request.
  const pours = last && served && row.responseTimeMs > end;
  const first = pours ? Math.max(each.startedMs, row.firstTokenMs ?? row.firstByteMs ?? end) : end;
  const over = pours
    ? Math.max(first, row.stream ? (row.lastTokenMs ?? row.responseTimeMs) : row.responseTimeMs)
    : end;
  const words = `${each.account}: ${told}, from ${ms(each.startedMs)} to ${ms(over)}`;
  return h(
    "li",
    { class: "try" },
    h(
      "div",
      { class: "who" },
      h("a", { href: link(["accounts", each.account]) }, h("bdi", null, plain(each.account))),
      h("span", { class: "muted small" }, plain(each.provider)),
    ),
    h(
      "div",
      { class: "try-track", role: "img", "aria-label": plain(words) },
      bar(tone, each.startedMs, first, share, "wait"),
      pours && over > first ? bar(tone, first, over, share, "pour") : null,
    ),
    h(
      "div",
      { class: "what" },
      h(
        "div",
        { class: "row" },
        badge(told, tone),
        each.status === null ? null : h("span", { class: "muted" }, `status ${each.status}`),
        h("span", null, ms(each.tookMs)),
        each.model ? h("bdi", { class: "muted" }, plain(each.model)) : null,
      ),
      h("p", { class: "small" }, h("span", { class: "muted" }, "chosen: "), plain(each.why)),
      each.reason ? h("p", { class: ["small", tone] }, plain(each.reason)) : null,
    ),
  );
}

/**
 * @param {string} tone
 * @param {number} from
 * @param {number} to
 * @param {(n: number) => string} share
 * @param {string} kind  wait: nothing of the answer has come; pour: it comes
 */
const bar = (tone, from, to, share, kind) =>
  h("span", {
    class: ["try-bar", tone, kind],
    title: `${kind === "pour" ? "streaming" : "waiting"}: ${ms(from)} to ${ms(to)}`,
    style: { "--from": share(from), "--wide": share(Math.max(0, to - from)) },
  });

/**
 * @param {number} whole
 * @param {(n: number) => string} share
 */
function axis(whole, share) {
  const step = niceStep(whole / 4);
  const marks = [];
  for (let at = 0; at <= whole; at += step) marks.push(at);
  return h(
    "div",
    { class: "try try-axis", "aria-hidden": "true" },
    h("div"),
    h(
      "div",
      { class: "try-scale" },
      marks.map((at) =>
        h(
          "span",
          { class: at / whole > 0.9 ? "at-end" : null, style: { "--at": share(at) } },
          at ? ms(at) : "0",
        ),
      ),
    ),
    h(
      "div",
      { class: "muted small try-legend" },
      h("span", { class: "try-bar wait good" }),
      "waiting ",
      h("span", { class: "try-bar pour good" }),
      "streaming",
    ),
  );
}

/** The next 1, 2, 5, 10 … @param {number} n */
function niceStep(n) {
  const size = 10 ** Math.floor(Math.log10(Math.max(1, n)));
  return size * (n / size > 5 ? 10 : n / size > 2 ? 5 : n / size > 1 ? 2 : 1);
}

/** @param {any} row */
export const passedOver = (row) =>
  row.passed.length
    ? card(
        { title: "Passed over", hint: "accounts that were not asked, and why" },
        table(
          "Accounts that were passed over",
          [
            {
              name: "Account",
              cell: (each) =>
                h("a", { href: link(["accounts", each.account]) }, h("bdi", null, plain(each.account))),
            },
            { name: "State", cell: (each) => badge(each.state, toneOf(each.state)) },
            { name: "Why", cell: (each) => (each.reason ? plain(each.reason) : (whyOf(each) ?? "–")) },
          ],
          row.passed,
        ),
      )
    : null;

// -- Tokens by kind, and what each kind cost.

const TOKENS = /** @type {const} */ ([
  ["Input", "inputTokens", "input", "not from a cache"],
  ["Read from the cache", "cacheReadInputTokens", "cacheRead", ""],
  ["Written to the cache, 5 min", "cacheCreation5mInputTokens", "cacheWrite5m", ""],
  ["Written to the cache, 1 h", "cacheCreation1hInputTokens", "cacheWrite1h", ""],
  ["Output", "outputTokens", "output", "thinking included"],
]);

/** @param {any} row */
export function costs(row) {
  const told = TOKENS.filter(([, field]) => row[field] !== null);
  if (!told.length)
    return card({ title: "Tokens and cost" }, empty("No tokens were reported.", "The cost is unknown.", 120));
  const by = row.costByKind;
  /** @type {import("../../parts/basics.js").Column[]} */
  const columns = [
    {
      name: "Kind",
      cell: ([word, hint]) => [word, hint ? h("span", { class: "muted small" }, ` ${hint}`) : null],
    },
    { name: "Tokens", number: true, cell: ([, , tokens]) => number(tokens) },
    { name: "Cost", number: true, cell: ([, , , usd]) => (usd === undefined ? UNKNOWN : money(usd)) },
  ];
  const rows = told.map(([word, field, kind, hint]) => [word, hint, row[field], by?.[kind]]);
  const all = ["All", cached(row), row.totalTokens, row.costUsd];
  return card(
    { title: "Tokens and cost", hint: source(row), class: "with-sum" },
    table("Tokens by kind", columns, [...rows, all]),
    by || row.costUsd === null
      ? null
      : h(
          "p",
          { class: "muted small" },
          row.costSource === "reported"
            ? "The upstream reported the cost as a whole."
            : "Prices have changed since: only the sum is known.",
        ),
  );
}

/** @param {any} row */
const cached = (row) =>
  row.promptTokens && row.cacheReadInputTokens
    ? `${percent((100 * row.cacheReadInputTokens) / row.promptTokens)} of the prompt from the cache`
    : "";

/** @param {any} row */
function source(row) {
  if (row.costUsd === null) return "no price is known";
  const paid = row.billingType ? `${paidBy(row)}, ` : "";
  if (row.costSource === "reported") return `${paid}as the upstream reported it`;
  return `${paid}prices: ${row.priceSource ?? "unknown"}`;
}
