// @ts-check
// Alerts: what a person should know of, what there was, what raises them, and the budgets.

import { door, get, post } from "../core/api.js";
import { h, keyed, replace } from "../core/dom.js";
import { counted, money, moment, seconds } from "../core/format.js";
import { link } from "../core/router.js";
import { badge, button, card, empty, failed, pageHead, skeleton, table } from "../parts/basics.js";
import { meter } from "../parts/usage.js";
import { plain, told } from "../parts/plain.js";
import { when } from "../parts/time.js";
import { toast, toastFailure } from "../parts/toast.js";
import { advice, causes, NAMES, SEVERITIES } from "./alerts/causes.js";

/** @typedef {import("../core/scope.js").Scope} Scope */

/** As many as the daemon keeps. */
const KEPT = 500;
const FIRST = 50;

export default {
  title: "Alerts",
  /**
   * @param {HTMLElement} root
   * @param {Scope} scope
   */
  mount: (root, scope) => new Alerts(root, scope).begin(),
};

class Alerts {
  /**
   * @param {HTMLElement} root
   * @param {Scope} scope
   */
  constructor(root, scope) {
    this.scope = scope;
    /** @type {Map<string, any>} */
    this.known = new Map();
    this.most = FIRST;
    this.beforeText = "";
    this.all = button("Acknowledge all", { icon: "check", on: () => this.acknowledgeAll() });
    this.all.hidden = true;
    this.trouble = h("div", { hidden: true });
    this.now = h("div", { class: "stack", "aria-live": "polite" });
    this.nothing = h("div", null, skeleton(64));
    this.before = h("div", null, skeleton(160));
    this.budgets = h("div", null, skeleton(64));
    this.config = h("div", null, skeleton(200));
    root.append(
      pageHead("Alerts", { hint: "what needs your attention", actions: this.all }),
      this.trouble,
      card({ title: "Now" }, this.nothing, this.now),
      h(
        "div",
        { class: "grid alert-grid" },
        h(
          "div",
          { class: "stack wide-gap" },
          card({ title: "Budgets", hint: "once spent, requests are held back" }, this.budgets),
          card({ title: "Earlier" }, this.before),
        ),
        card({ title: "What triggers alerts", hint: "[alerts] in the file" }, this.config),
      ),
    );
  }

  async begin() {
    const { scope } = this;
    scope.stream("alerts", {
      event: (alert) => {
        this.known.set(alert.id, alert);
        this.show();
      },
      state: (state) => {
        if (state === "open") void this.read();
      },
      missed: () => void this.read(),
    });
    scope.every(30, (signal) => this.readBudgets(signal));
    await Promise.all([this.read(), causes(this.config, scope)]);
  }

  async read() {
    try {
      const given = await get("api/insights/alerts", { query: { limit: KEPT }, signal: this.scope.signal });
      this.known = new Map(given.map((/** @type {any} */ alert) => [alert.id, alert]));
      this.trouble.hidden = true;
      this.show();
    } catch (error) {
      if (this.scope.over) return;
      this.trouble.hidden = false;
      replace(
        this.trouble,
        failed(error, () => this.read()),
      );
    }
  }

  /** @param {AbortSignal} signal */
  async readBudgets(signal) {
    try {
      const { budgets } = await get("api/status", { signal });
      replace(
        this.budgets,
        budgets.length ? h("div", { class: "stack" }, budgets.map(budgetBar)) : noBudgets(),
      );
    } catch (error) {
      if (!signal.aborted) replace(this.budgets, failed(error, null));
    }
  }

  show() {
    const all = [...this.known.values()].sort((a, b) => b.at - a.at);
    const now = all.filter((alert) => alert.resolved_at === null);
    // What nobody has acknowledged comes first.
    now.sort((a, b) => weight(a) - weight(b));
    const before = all.filter((alert) => !now.includes(alert));
    this.all.hidden = all.every((alert) => alert.acknowledged);
    this.nothing.hidden = now.length > 0;
    replace(this.nothing, empty("All quiet.", "New alerts appear here.", 64));
    keyed(
      this.now,
      now,
      // One that has changed is made anew.
      (alert) => `${alert.id} ${alert.acknowledged} ${alert.resolved_at}`,
      (alert) => this.item(alert, all),
    );
    const text = JSON.stringify(before);
    // What stands there stays as it is, opened or not, unless it is something else.
    if (text !== this.beforeText) this.showBefore(before);
    this.beforeText = text;
    // The frame counts those that are open.
    door.dispatchEvent(new CustomEvent("told", { detail: { path: "api/insights/alerts", told: all } }));
  }

  /**
   * @param {any} alert
   * @param {any[]} all
   */
  item(alert, all) {
    const { word, tone } = SEVERITIES[alert.severity] ?? { word: alert.severity, tone: "info" };
    const same = all.filter((each) => alike(each) === alike(alert));
    const first = Math.min(...same.map((each) => each.at));
    const done = advice(alert);
    const knob = button("Acknowledge", { icon: "check", on: () => this.acknowledge(alert, knob) });
    return h(
      "article",
      { class: ["alert", alert.acknowledged ? "quiet" : tone], "aria-label": alert.title },
      h(
        "div",
        { class: "alert-body" },
        h(
          "div",
          { class: "row" },
          badge(word, tone),
          h("h3", null, plain(alert.title)),
          alert.acknowledged ? badge("acknowledged", "quiet") : null,
        ),
        h("p", null, told(alert.message)),
        done ? h("p", null, h("span", { class: "muted" }, "What to do: "), done) : null,
        h(
          "p",
          { class: "muted small" },
          ["since ", moment(alert.at * 1000), " (", when(alert.at * 1000), ")"],
          same.length > 1 ? `, ${counted(same.length, "time")} since ${moment(first * 1000)}` : null,
        ),
      ),
      alert.acknowledged ? null : h("div", { class: "actions" }, knob),
    );
  }

  /** @param {any[]} alerts */
  showBefore(alerts) {
    const more = alerts.length - this.most;
    const all = button(`Show all ${alerts.length}`, {
      on: () => {
        this.most = KEPT;
        this.showBefore(alerts);
      },
    });
    replace(
      this.before,
      alerts.length
        ? table("Earlier alerts", COLUMNS, alerts.slice(0, this.most))
        : empty("No earlier alerts.", "The latest 500 are kept.", 96),
      more > 0 ? h("div", { class: "row" }, all) : null,
    );
  }

  /**
   * @param {any} alert
   * @param {HTMLButtonElement} knob
   */
  async acknowledge(alert, knob) {
    knob.disabled = true;
    try {
      const changed = await post(`api/insights/alerts/${encodeURIComponent(alert.id)}`);
      const focused = knob.contains(document.activeElement) || document.activeElement === document.body;
      this.known.set(changed.id, changed);
      this.show();
      // The button is gone with what it was for: whoever pressed it goes on with the next.
      const next = [this.now.querySelector("button"), document.querySelector("main")].find(Boolean);
      if (focused) /** @type {HTMLElement} */ (next)?.focus({ preventScroll: true });
    } catch (error) {
      knob.disabled = false;
      toastFailure(error);
    }
  }

  async acknowledgeAll() {
    this.all.disabled = true;
    try {
      const { acknowledged } = await post("api/insights/alerts/acknowledge-all");
      await this.read();
      toast(`${counted(acknowledged, "alert is", "alerts are")} acknowledged.`);
    } catch (error) {
      toastFailure(error);
    } finally {
      this.all.disabled = false;
    }
  }
}

const URGENT = ["critical", "warning", "info"];
/** @type {Record<string, string>} */
const PERIODS = { day: "daily", month: "monthly" };

/** @param {any} alert */
const weight = ({ acknowledged, severity }) => (acknowledged ? 10 : 0) + URGENT.indexOf(severity);

/** What makes two alerts be about the same. @param {any} alert */
const alike = ({ type, account, client, conversation }) =>
  JSON.stringify([type, account, client, conversation]);

/** @type {import("../parts/basics.js").Column[]} */
const COLUMNS = [
  {
    name: "What",
    cell: (alert) => [
      h("div", null, plain(alert.title)),
      h(
        "details",
        { class: "muted small" },
        h("summary", null, NAMES[alert.type] ?? alert.type),
        h("p", null, told(alert.message)),
      ),
    ],
  },
  {
    name: "Severity",
    cell: ({ severity, acknowledged }) => [
      badge(SEVERITIES[severity]?.word ?? severity, "quiet", { plain: true }),
      acknowledged ? null : h("div", { class: "muted small" }, "not acknowledged"),
    ],
  },
  { name: "When", cell: ({ at }) => when(at * 1000) },
  {
    name: "Lasted",
    number: true,
    cell: (alert) => (alert.type === "test" ? "" : seconds(alert.resolved_at - alert.at)),
  },
];

/** @param {any} budget  a row of /api/status */
function budgetBar({
  of,
  name,
  period,
  counts,
  limit_usd: limit,
  spent_usd: spent,
  share,
  blocked_until: blocked,
  resets_at: resets,
}) {
  const whose =
    of === "all"
      ? "All accounts"
      : h("a", { href: of === "client" ? link(["clients"]) : link(["accounts", name]) }, name);
  const what = counts === "value" ? "list price, plans included" : "money billed";
  return meter(
    `Budget of ${of === "all" ? "all" : `${of} ${name}`} for the ${period}`,
    [
      whose,
      h(
        "span",
        { class: "muted small" },
        `${of === "all" ? "" : ` (${of})`}, ${PERIODS[period] ?? period}, ${what}`,
      ),
    ],
    [money(spent), " of ", money(limit)],
    share,
    [blocked ? "requests held back, resets " : "resets ", when(resets * 1000, "ahead")],
  );
}

const noBudgets = () =>
  empty(
    "There are no budgets.",
    [
      "An account's or a client's is set on its page (",
      h("a", { href: link(["accounts"]) }, "accounts"),
      ", ",
      h("a", { href: link(["clients"]) }, "clients"),
      "); one for all accounts together in ",
      h("a", { href: link(["configuration"], { view: "settings" }) }, "Configuration, Settings"),
      ".",
    ],
    64,
  );
