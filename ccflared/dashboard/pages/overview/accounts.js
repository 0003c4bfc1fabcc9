// @ts-check
// The accounts as live cards, in the order in which a new conversation would be given to them.

import { h, keyed, replace } from "../../core/dom.js";
import { counted, money, percent } from "../../core/format.js";
import { link } from "../../core/router.js";
import { stateBadge, whyOf } from "../../parts/account.js";
import { badge, card, empty, skeleton } from "../../parts/basics.js";
import { when } from "../../parts/time.js";
import { usage } from "../../parts/usage.js";

/** Further reasons that are told on a card; the rest stand on the account's page. */
const REASONS = 2;

export function accountCards() {
  const pool = h("span", { class: "hint" });
  const cards = h("div", { class: "grid account-cards" });
  const waiting = skeleton(170);
  /** @type {WeakMap<Element, ReturnType<typeof accountCard>>} */
  const drawn = new WeakMap();
  return {
    element: card(
      {
        title: "Accounts",
        hint: pool,
        actions: h("a", { href: link(["accounts"]) }, "all of them"),
        label: "Accounts",
      },
      waiting,
      cards,
    ),
    /** @param {any} status */
    update({ accounts, running, now }) {
      waiting.remove();
      replace(pool, capacity(accounts), running ? ` · ${counted(running, "request")} running` : null);
      if (!accounts.length) return cards.replaceChildren(empty("There is no account yet."));
      const first = accounts.find((/** @type {any} */ account) => account.order === 1);
      keyed(
        cards,
        accounts,
        (account) => account.name,
        (account) => {
          const made = accountCard(account.name);
          drawn.set(made.element, made);
          return made.element;
        },
        (element, account) => drawn.get(element)?.update(account, { next: account === first, now }),
      );
    },
  };
}

/**
 * Make the card of one account; `update` draws what has changed of it.
 * @param {string} name
 */
function accountCard(name) {
  const place = h("span", { class: "end" });
  const words = h("div", { class: "stack tight" });
  const windows = h("div", { class: "stack tight" });
  const foot = h("div", { class: "row small muted foot" });
  const provider = h("span", { class: "muted small" });
  const title = h("a", { class: "name", href: link(["accounts", name]) }, name);
  const element = h(
    "article",
    { class: "account-card", "aria-label": name },
    h("div", { class: "row" }, title, provider, place),
    words,
    windows,
    foot,
  );
  /** @type {Map<string, ReturnType<typeof usage>>} */
  const bars = new Map();
  let before = "";
  /**
   * @param {any} account
   * @param {{ next: boolean, now: number }} seen  now: Unix seconds, by the daemon's clock
   */
  const update = (account, { next, now }) => {
    const told = account.usage?.windows ?? [];
    keyed(
      windows,
      told,
      (window) => window.name,
      (window) => {
        const bar = usage();
        bars.set(window.name, bar);
        return bar.element;
      },
    );
    for (const window of told) bars.get(window.name)?.update(window, now);
    // What has not changed is not drawn anew: a pointer may rest on it, or a selection begin in it.
    const text = JSON.stringify([{ ...account, usage: [account.usage?.overage, told.length] }, next]);
    if (text === before) return;
    before = text;
    element.classList.toggle("next", next);
    provider.textContent = account.provider;
    replace(place, stateBadge(account));
    replace(words, ...wordsOf(account, next));
    replace(
      foot,
      account.running ? h("span", { class: "good" }, `${account.running} running`) : null,
      account.last_used === null
        ? "not used since the start"
        : h("span", null, "used ", when(account.last_used * 1000)),
    );
  };
  return { element, update };
}

/**
 * @param {any} account
 * @param {boolean} next
 */
function wordsOf(account, next) {
  const why = whyOf(account);
  return [
    h(
      "div",
      { class: "row small" },
      next ? badge("next in line", "info", { plain: true }) : null,
      account.session ? badge("holds the session", "info", { plain: true }) : null,
      account.usage?.overage === "in use" ? badge("paid extra usage", "warn", { plain: true }) : null,
      h("span", { class: "muted" }, reasons(account, next)),
    ),
    why ? h("p", { class: "small clip2" }, why) : null,
    ...further(account),
    account.usage?.windows.length
      ? null
      : h("p", { class: "muted small" }, account.polling?.problem ?? "No usage data yet."),
    account.budget ? spending(account.budget) : null,
  ];
}

/**
 * Say why an account stands where it stands.
 * @param {any} account
 * @param {boolean} next
 */
function reasons({ order, priority, tier }, next) {
  if (order === null) return `not in line; priority ${priority}`;
  const place = next ? "" : `${ordinal(order)}; `;
  return `${place}priority ${priority}${tier === 1 ? "" : `, tier ${tier}`}`;
}

/** @param {number} n */
const ordinal = (n) => (n === 2 ? "second in line" : n === 3 ? "third in line" : `number ${n} in line`);

/** @param {any} account */
function further({ also, until, reason }) {
  const others = also.filter((/** @type {any} */ other) => other.until !== until && other.reason !== reason);
  const more = others.length - REASONS;
  return [
    others
      .slice(0, REASONS)
      .map((/** @type {any} */ other) => h("p", { class: "muted small clip2" }, whyOf(other))),
    more > 0 ? h("p", { class: "muted small" }, `and ${counted(more, "more reason")}`) : null,
  ];
}

/** @param {any} budget */
function spending({ daily, spent_today, monthly, spent_this_month }) {
  const facts = [
    daily === null ? null : `${money(spent_today)} of ${money(daily)} today`,
    monthly === null ? null : `${money(spent_this_month)} of ${money(monthly)} this month`,
  ];
  return h("p", { class: "small" }, "Budget: ", facts.filter(Boolean).join(", "));
}

/**
 * What is left of all accounts together, by window, each weighed by its tier.
 * @param {any[]} accounts
 */
function capacity(accounts) {
  /** @type {Map<string, [number, number]>} */
  const sums = new Map();
  for (const { usage: told, tier, state } of accounts) {
    if (state === "off") continue;
    for (const { name, family, utilization } of told?.windows ?? []) {
      if (family !== null || utilization === null) continue;
      const [left, whole] = sums.get(name) ?? [0, 0];
      sums.set(name, [left + Math.max(0, 1 - utilization) * tier, whole + tier]);
    }
  }
  const words = [...sums]
    .slice(0, 3)
    .map(([name, [left, whole]]) => `${name} ${percent((left / whole) * 100)} left`);
  return words.length ? `pool: ${words.join(", ")}` : null;
}
