// @ts-check
// What alerts are about, when they come, what can be done; the lines of the file that say so, and whether the webhook
// works.

import { get, post } from "../../core/api.js";
import { h, replace } from "../../core/dom.js";
import { number, seconds } from "../../core/format.js";
import { link } from "../../core/router.js";
import { badge, button, facts, failed, fill, note } from "../../parts/basics.js";
import { plain } from "../../parts/plain.js";
import { snippet } from "../../parts/code.js";

/** @typedef {import("../../core/dom.js").Child} Child */
/** @typedef {import("../../core/scope.js").Scope} Scope */

/**
 * Fill a place with what raises alerts.
 * @param {HTMLElement} place
 * @param {Scope} scope
 */
export const causes = (place, scope) =>
  fill(place, scope, async (signal) => {
    const config = await get("api/insights/alerts/config", { signal });
    return h(
      "div",
      { class: "stack" },
      h(
        "ul",
        { class: "causes" },
        config.types.map((/** @type {any} */ each) => item(each, config)),
      ),
      h(
        "p",
        { class: "muted small" },
        `An alert that still holds is repeated after ${seconds(config.again)}, unless somebody has acknowledged it.`,
      ),
      lines(config),
      webhook(config.webhook),
    );
  });

/**
 * @param {{ type: string, severity: string }} given
 * @param {any} config
 */
function item({ type, severity }, config) {
  const { word, tone } = SEVERITIES[severity] ?? { word: severity, tone: "info" };
  return h(
    "li",
    null,
    h("div", { class: "row" }, h("span", null, NAMES[type] ?? type), badge(word, tone)),
    h("div", { class: "muted small" }, cause(type, config)),
  );
}

/** The lines of the file, as they hold now. @param {any} config */
function lines(config) {
  const text = [
    "[alerts]",
    config.daily_spend === null ? "# daily_spend = 25.0" : `daily_spend = ${config.daily_spend}`,
    `runaway = ${config.runaway}`,
    `again = ${JSON.stringify(seconds(config.again).replaceAll(" ", "").replace("min", "m"))}`,
    config.webhook
      ? `webhook = { url = "…", format = "${config.webhook.format}"${config.webhook.signed ? ", secret = …" : ""} }`
      : '# webhook = { url = "https://example.com/hook", format = "json" }',
  ].join("\n");
  const where = [
    "These are the values in force. Change them in the file (",
    h("code", null, "ccflared edit"),
    "); they apply as soon as it is saved.",
  ];
  return snippet(where, text, "Lines of the file");
}

/** @param {any} hook */
function webhook(hook) {
  if (!hook) {
    return h(
      "p",
      { class: "muted" },
      "There is no webhook: alerts appear here, in status and in the log only. ntfy, Slack, Discord and plain JSON " +
        "are supported.",
    );
  }
  const answer = h("div", { role: "status" });
  const knob = button("Send a test", {
    icon: "bell",
    on: async () => {
      knob.disabled = true;
      replace(answer, h("p", { class: "muted" }, "Sending…"));
      try {
        replace(answer, outcome(await post("api/alerts/test")));
      } catch (error) {
        replace(answer, failed(error, null));
      } finally {
        knob.disabled = false;
      }
    },
  });
  return h(
    "div",
    { class: "stack" },
    facts(
      ["Webhook", hook.format],
      ["Signed", hook.signed ? "yes" : "no: there is no secret"],
      ["Waiting", number(hook.waiting)],
      ["Given up", number(hook.lost)],
    ),
    h("div", { class: "row" }, knob),
    answer,
  );
}

/** @param {any} told @returns {Child} */
function outcome({ sent, status, error }) {
  if (sent)
    return note("good", h("p", null, `Delivered${status ? `: the webhook answered ${status}` : ""}.`));
  return note(
    "bad",
    h("p", null, `Not accepted${status ? ` (${status})` : ""}: ${plain(error ?? "no reason given")}`),
  );
}

// -- What alerts are about, in words: what each says, when it comes, and what can be done.

/** @type {Record<string, string>} */
export const NAMES = {
  daily_spend: "Daily spend exceeded",
  budget_spent: "A budget is spent",
  needs_login: "An account needs you",
  pool_exhausted: "No account could serve",
  runaway_conversation: "A conversation sends very many requests",
  history_off: "The history is not being written",
  test: "A test",
};

/** @type {Record<string, { word: string, tone: "bad" | "warn" | "info" }>} */
export const SEVERITIES = {
  critical: { word: "critical", tone: "bad" },
  warning: { word: "warning", tone: "warn" },
  info: { word: "notice", tone: "info" },
};

/** @param {string[]} path @param {Child} text @param {Record<string, any>} [query] */
const to = (path, text, query) => h("a", { href: link(path, query) }, text);

/**
 * What a person can do about an alert.
 * @param {any} alert
 * @returns {Child}
 */
export function advice(alert) {
  const { type, account, client, conversation, request_id: request } = alert;
  switch (type) {
    case "daily_spend":
      return [
        "See ",
        to(["analytics"], "where it went", { range: "24h" }),
        ". A budget would stop it; this is only a notice.",
      ];
    case "budget_spent":
      if (client) return ["Wait until it resets, or raise it for ", to(["clients"], client), "."];
      if (account) return ["Wait until it resets, or raise it for ", to(["accounts", account], account), "."];
      return [
        "Wait until it resets, or raise it in ",
        to(["configuration"], "Configuration", { view: "settings" }),
        ".",
      ];
    case "needs_login":
      return ["Log in, or give another credential, at ", to(["accounts", account], account), "."];
    case "pool_exhausted":
      return [
        "See what the ",
        to(["accounts"], "accounts"),
        " are waiting for; add one, or raise their limits.",
        ...(request ? [" The request: ", to(["requests", request], request)] : []),
      ];
    case "runaway_conversation":
      return [
        "See whether it goes in circles: ",
        request ? to(["requests", request], "its latest request") : "its requests",
        ". Stop that agent, or give its client fewer requests_per_hour.",
        conversation ? h("span", { class: "muted" }, ` Conversation ${conversation}.`) : null,
      ];
    case "history_off":
      return [
        "Check for a full disk or another program that locks the database; the ",
        to(["logs"], "log", { levels: "warn,error" }),
        " says more.",
      ];
    default:
      return null;
  }
}

/**
 * When alerts of a type come.
 * @param {string} type
 * @param {any} config  of /api/insights/alerts/config
 * @returns {Child}
 */
export function cause(type, config) {
  switch (type) {
    case "daily_spend":
      return config.daily_spend === null
        ? "Off: daily_spend is not set."
        : `Once a day, when the accounts together have been billed ${config.daily_spend} USD.`;
    case "budget_spent":
      return "Once per day or month, when the budget of an account, of a client or of all accounts is spent.";
    case "needs_login":
      return "When an account cannot serve until somebody logs it in or gives it another credential.";
    case "pool_exhausted":
      return "When a request was refused because no account could serve it.";
    case "runaway_conversation":
      return config.runaway
        ? `When one conversation sends more than ${config.runaway} requests within an hour.`
        : "Off: runaway is 0.";
    case "history_off":
      return "When the history cannot be written for more than a few seconds.";
    default:
      return "When somebody sends a test.";
  }
}
