// @ts-check
// What is told of an account, in the list and on its own page: its state and why, its tokens, its
// windows, its money.

import { h, keyed, replace } from "../../core/dom.js";
import { compact, counted, money } from "../../core/format.js";
import { link } from "../../core/router.js";
import { PERSON, SERVING, stateBadge, whyOf } from "../../parts/account.js";
import { badge, button } from "../../parts/basics.js";
import { when } from "../../parts/time.js";
import { meter, usage } from "../../parts/usage.js";

/** @typedef {import("../../core/dom.js").Child} Child */

/**
 * A link to an account's page. `add` is the place where one is added, so an account of that name has another.
 * @param {string} name
 */
export const accountLink = (name) => link(["accounts", name, ...(name === "add" ? ["account"] : [])]);

/** Whether somebody has paused it by hand, whatever else is said against it. @param {any} account */
export const isPausedByHand = (account) =>
  account.paused_since !== null && account.paused_since !== undefined;

/**
 * Why an account is in its state, and until when.
 * @param {any} account  as status has it
 * @returns {Child[]}
 */
const whyWords = (account) =>
  joined([
    whyOf(account),
    account.state === "paused" && isPausedByHand(account)
      ? ["for ", when(account.paused_since * 1000, "for")]
      : null,
  ]);

/**
 * What else is said against an account: not what its first reason says once more.
 * @param {any} account
 * @returns {{ state: string, words: Child }[]}
 */
export const others = ({ state, until, also }) =>
  also
    .filter(
      (/** @type {any} */ other) => other.single || other.state !== state || !until || other.until !== until,
    )
    .map((/** @type {any} */ other) => ({ state: other.state, words: whyOf(other) }));

/** @type {Record<string, string>} */
const KINDS = {
  login: "logged in",
  seed: "token of the file",
  "long-lived": "long-lived token",
  "credentials file": "token of another program",
  none: "no token",
};

/**
 * How an account's OAuth tokens are.
 * @param {any} token
 * @returns {Child[]}
 */
const tokenWords = (token) =>
  joined([
    KINDS[token.kind] ?? token.kind,
    token.kind === "none" ? null : holding(token),
    token.refreshed_at ? ["renewed ", when(token.refreshed_at * 1000)] : null,
  ]);

/** @param {any} token @returns {Child} */
function holding({ kind, valid_until: until }) {
  if (until === null) return kind === "long-lived" ? "valid until revoked" : "expiry unknown";
  return until * 1000 <= Date.now() ? ["ended ", when(until * 1000)] : ["ends ", when(until * 1000, "ahead")];
}

/**
 * What is wrong with an account's tokens, where its state does not say so already.
 * @param {any} account
 * @returns {Child[]}
 */
const tokenTrouble = ({ token, reason }) =>
  token?.problem && token.problem.reason !== reason
    ? joined([
        token.problem.reason,
        token.problem.since ? ["for ", when(token.problem.since * 1000, "for")] : null,
      ])
    : [];

/**
 * What is spent of a budget: amounts, and a bar for each part.
 * @param {any} budget
 * @returns {Child[]}
 */
function budgetBars(budget) {
  const parts = [
    { span: "today", spent: budget?.spent_today, limit: budget?.daily },
    { span: "this month", spent: budget?.spent_this_month, limit: budget?.monthly },
  ];
  return parts.map(({ span, spent, limit }) =>
    limit === null || limit === undefined
      ? null
      : meter(
          `Budget ${span}`,
          `Budget ${span}`,
          `${money(spent)} of ${money(limit)}`,
          limit ? spent / limit : 1,
        ),
  );
}

/**
 * Put a dot between what there is.
 * @param {Child[]} words
 * @returns {Child[]}
 */
export const joined = (words) =>
  words
    .filter((each) => each !== null && each !== undefined && each !== false && each !== "")
    .map((each, at) => (at ? [h("span", { "aria-hidden": "true" }, " · "), each] : each));

/**
 * What is shown of an account.
 * @typedef {object} Shown
 * @property {any} account  as status has it
 * @property {any} settings  as the list of accounts has it
 * @property {any} used  of the last 24 hours; undefined where it is not known
 * @property {any} turn  as the explanation has it
 * @property {number} now  seconds, by the daemon's clock
 */

/**
 * A place whose content is made anew only where it would be another.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} name
 * @param {(shown: Shown) => Child} content
 */
export function slot(tag, name, content) {
  const element = h(tag, { class: name });
  let last = "";
  return {
    element,
    /** @param {Shown} shown */
    show: (shown) => {
      const fresh = h("div", null, content(shown));
      const key = signature(fresh);
      if (key === last) return;
      last = key;
      replace(element, ...fresh.childNodes);
    },
  };
}

/** What an element looks like, without the words of its clocks, which move by themselves. @param {Element} element */
function signature(element) {
  const copy = /** @type {Element} */ (element.cloneNode(true));
  for (const time of copy.querySelectorAll("time[data-at]")) time.textContent = "";
  return copy.outerHTML;
}

/** Settings that are not as usual. @param {any} settings */
export function tags(settings) {
  if (!settings) return null;
  const mapped = Object.keys(settings.modelMappings);
  /** @type {[boolean, string, string][]} */
  const all = [
    [settings.autoFallbackEnabled, "auto-fallback", "Requests return to it as soon as its window resets."],
    [settings.autoRefreshEnabled, "auto-refresh", "The next usage window is started when one ends."],
    [!settings.autoPauseOnOverageEnabled, "paid extra usage", "Paid extra usage may serve requests."],
    [settings.peakHoursPauseEnabled, "pause schedule", "It rests at certain hours."],
    [Boolean(settings.customEndpoint), "custom endpoint", settings.customEndpoint],
    [mapped.length > 0, counted(mapped.length, "model mapped", "models mapped"), mapped.join(", ")],
  ];
  return all.filter(([on]) => on).map(([, word, title]) => badge(word, "quiet", { plain: true, title }));
}

/** @param {any} account @param {any} used */
export const usedWords = (account, used) => [
  account.running ? h("span", { class: "good" }, `${account.running} running`) : null,
  used?.requests ? `${counted(used.requests, "request")} in 24 h` : null,
  used?.requests ? `${compact(tokens(used.tokens))} tokens` : null,
  used?.requests ? cost(used) : null,
  account.last_used ? ["used ", when(account.last_used * 1000)] : null,
];

/** @param {any} used */
const cost = ({ cost_usd: usd, unpriced }) =>
  unpriced
    ? h(
        "span",
        { title: `the cost of ${counted(unpriced, "request")} is not known` },
        usd ? `${money(usd)} and more` : "cost unknown",
      )
    : money(usd);

/** @param {Record<string, number>} kinds */
const tokens = (kinds) => Object.values(kinds).reduce((sum, each) => sum + each, 0);

/**
 * Its state, with all reasons.
 * @param {Pick<Shown, "account" | "turn">} shown
 * @param {() => unknown} done  asked when it was logged in
 */
export const stateOf = ({ account, turn }, done) => [
  h(
    "div",
    { class: "row" },
    stateBadge(account),
    account.session ? badge("holds the session", "info", { plain: true }) : null,
    account.state !== "paused" && isPausedByHand(account) ? badge("paused by hand", "quiet") : null,
  ),
  says(whyWords(account), PERSON.has(account.state) ? "bad" : ""),
  others(account).map(({ state: word, words }) => says([`also ${word}: `, words], "muted small")),
  account.token ? says(tokenWords(account.token), "muted small") : null,
  says(tokenTrouble(account), "warn small"),
  account.token?.todo ? h("div", { class: "small" }, "Next: ", h("code", null, account.token.todo)) : null,
  account.state === "needs login" ? h("div", null, logInButton(account.name, done)) : null,
  turn ? says(turnWords(turn, account), "muted small") : null,
];

/** @param {string} name @param {() => unknown} done */
const logInButton = (name, done) =>
  button("Log in", { icon: "key", on: async () => (await import("./login.js")).logIn(name, done) });

/** @param {Child[]} words @param {string} tone */
export const says = (words, tone) => (words.length ? h("div", { class: ["says", tone] }, words) : null);

/**
 * Where it stands in line for a model, and why. What keeps it from serving at all is said by its state already.
 * @param {any} turn
 * @param {any} account
 * @returns {Child[]}
 */
function turnWords({ model, candidate, passed }, account) {
  if (candidate) {
    const sent = candidate.model === model ? null : ["asked for ", h("code", null, candidate.model)];
    return joined([h("span", { class: "in-line" }, ordinal(candidate.order)), candidate.why, sent]);
  }
  return SERVING.has(account.state)
    ? joined(["not asked for this model", passed?.reason ?? passed?.state])
    : [];
}

/** @param {number} n */
const ordinal = (n) => (n === 1 ? "next in line" : n === 2 ? "second in line" : `number ${n} in line`);

/**
 * What is said below the bars of its windows. Nothing, where nothing is to be expected.
 * @param {Pick<Shown, "account" | "settings">} shown
 */
export const footOf = ({ account, settings }) => [
  account.usage?.windows.length
    ? null
    : account.polling
      ? h("div", { class: "muted small" }, "No usage data yet.")
      : settings?.billingType === "plan"
        ? h("div", { class: "muted small" }, "This provider reports no usage.")
        : null,
  budgetBars(account.budget),
  account.usage?.overage === "in use"
    ? h("div", { class: "warn small" }, "Paid extra usage is in use.")
    : null,
  account.polling?.problem
    ? says(
        joined([
          `Usage could not be updated: ${account.polling.problem}`,
          ["asked again ", when(account.polling.next_at * 1000, "ahead")],
        ]),
        "warn small",
      )
    : null,
];

/** Return an element with the bars of an account's windows, and what brings them up to date. */
export function windowBars() {
  const element = h("div", { class: "window-bars" });
  /** @type {Map<string, ReturnType<typeof usage>>} */
  const bars = new Map();
  return {
    element,
    /** @param {{ account: any, now: number }} shown */
    show({ account, now }) {
      keyed(
        element,
        account.usage?.windows ?? [],
        (/** @type {any} */ window) => window.name,
        ({ name }) => {
          const bar = usage();
          bars.set(name, bar);
          return bar.element;
        },
        (_, window) => bars.get(window.name)?.update(window, now),
      );
    },
  };
}
