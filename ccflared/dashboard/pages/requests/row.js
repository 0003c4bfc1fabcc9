// @ts-check
// One row of the list: a request that has ended, or one that is still running.

import { h, replace } from "../../core/dom.js";
import { clock, compact, day, moment, money, ms, number, UNKNOWN } from "../../core/format.js";
import { link } from "../../core/router.js";
import { badge } from "../../parts/basics.js";
import { plain } from "../../parts/plain.js";
import { when } from "../../parts/time.js";
import { askedAs, BILLING, outcomeOf } from "./words.js";

/** @typedef {import("../../core/dom.js").Child} Child */

/** The heads of the columns, in the order of the cells. */
const HEADS = [
  "Time",
  "Outcome",
  "Model",
  "Account",
  "Client",
  "Tokens",
  "Cost",
  "First byte",
  "Duration",
  "Speed",
];

export const head = () =>
  h(
    "div",
    { class: "request-row request-head", "aria-hidden": "true" },
    HEADS.map((name) => h("span", null, name)),
  );

/**
 * Make a row that `fill` fills.
 * @param {any} row
 */
export const makeRow = (row) =>
  h("li", null, h("a", { class: "request-row", href: link(["requests", row.id]) }));

/**
 * @param {HTMLElement} element
 * @param {any} row
 */
export function fill(element, row) {
  const anchor = /** @type {HTMLElement} */ (element.firstElementChild);
  // What has ended does not change any more.
  const state = row.running ? "running" : "ended";
  if (anchor.dataset["state"] === state) return;
  anchor.dataset["state"] = state;
  replace(anchor, row.running ? running(row) : ended(row));
}

/** @param {any} row */
const running = (row) => [
  time(row.at),
  h("span", { class: "rq-outcome" }, badge("running", "info")),
  h("span", { class: "rq-model muted" }, h("span", { class: "clip" }, plain(`${row.method} ${row.path}`))),
  h("span", { class: "rq-account" }),
  h("span", { class: "rq-client" }),
  h("span", { class: "rq-tokens" }),
  h("span", { class: "rq-cost" }),
  h("span", { class: "rq-first" }),
  cell("duration", "running for", when(row.at * 1000, "for")),
  h("span", { class: "rq-speed" }),
];

/** @param {any} row */
function ended(row) {
  const [word, tone] = outcomeOf(row);
  const asked = askedAs(row);
  return [
    time(row.at),
    h("span", { class: "rq-outcome" }, badge(word, tone)),
    cell(
      "model",
      "model",
      h(
        "bdi",
        { class: "clip", title: row.model && plain(row.model) },
        row.model ? plain(row.model) : plain(row.path),
      ),
      asked ? under("asked as ", h("bdi", null, asked)) : null,
    ),
    cell(
      "account",
      "account",
      row.accountUsed
        ? h("bdi", { class: "clip" }, plain(row.accountUsed))
        : h("span", { class: "muted" }, "none"),
      row.tries > 1 ? under(`${number(row.tries)} attempts`) : null,
    ),
    client(row),
    tokens(row),
    cell(
      "cost",
      "cost",
      row.costUsd === null ? h("span", { class: "muted" }, "unknown") : money(row.costUsd),
      row.billingType ? under(BILLING[row.billingType]) : null,
    ),
    cell("first", "first byte", ms(row.firstByteMs)),
    cell("duration", "duration", ms(row.responseTimeMs)),
    cell(
      "speed",
      "speed",
      row.tokensPerSecond === null ? UNKNOWN : [number(row.tokensPerSecond), unit(" tok/s")],
    ),
    row.success || !row.errorMessage
      ? null
      : h("span", { class: "rq-why clip", title: plain(row.errorMessage) }, plain(row.errorMessage)),
  ];
}

/** @param {number} at  seconds */
function time(at) {
  const t = at * 1000;
  const today = new Date(t).toDateString() === new Date().toDateString();
  return h(
    "span",
    { class: "rq-time" },
    h("time", { datetime: new Date(t).toISOString(), title: moment(t) }, clock(t)),
    today ? null : under(day(t)),
  );
}

/** @param {any} row */
function client(row) {
  const who = [row.client, row.project].filter(Boolean);
  if (!who.length) return h("span", { class: "rq-client muted" }, UNKNOWN);
  return cell(
    "client",
    "client",
    h("bdi", { class: "clip" }, plain(who[0])),
    who[1] ? under(h("bdi", { class: "clip" }, plain(who[1]))) : null,
  );
}

/** @param {any} row */
function tokens(row) {
  if (row.totalTokens === null) return h("span", { class: "rq-tokens muted" }, UNKNOWN);
  const cached = row.cacheReadInputTokens;
  return cell(
    "tokens",
    "tokens",
    h("span", { title: `${number(row.promptTokens)} in, ${number(row.outputTokens)} out` }, [
      compact(row.promptTokens),
      unit(" in · "),
      compact(row.outputTokens),
      unit(" out"),
    ]),
    cached && row.promptTokens ? under(`${Math.round((100 * cached) / row.promptTokens)} % cached`) : null,
  );
}

/** @param {string} text */
const unit = (text) => h("span", { class: "muted" }, text);

/** @param {...Child} children */
const under = (...children) => h("span", { class: "rq-under" }, ...children);

/**
 * A cell; its name is read out, and not seen: the column says it.
 * @param {string} kind
 * @param {string} name
 * @param {...Child} children
 */
const cell = (kind, name, ...children) =>
  h("span", { class: `rq-${kind}` }, h("span", { class: "sr-only" }, `, ${name} `), ...children);
