// @ts-check
// What went wrong: errors of the range by kind, and alerts.

import { h, replace } from "../../core/dom.js";
import { number } from "../../core/format.js";
import { link } from "../../core/router.js";
import { badge, card, empty, failed, skeleton } from "../../parts/basics.js";
import { when } from "../../parts/time.js";

const MOST = 6;

export function trouble() {
  const errors = h("div", null, skeleton(120));
  const alerts = h("div", null, skeleton(120));
  const drawErrors = lister(errors, group, ["No errors.", "Every request in this range was answered."]);
  const drawAlerts = lister(alerts, alert, ["No alerts.", "See Alerts for what triggers them."]);
  return {
    element: h(
      "div",
      { class: "grid stretch" },
      card({ title: "Errors", hint: "by kind, in the range" }, errors),
      card({ title: "Alerts", actions: h("a", { href: link(["alerts"]) }, "all alerts") }, alerts),
    ),
    /** Both take what was told, or why it could not be had. */
    errors: drawErrors,
    alerts: drawAlerts,
  };
}

/**
 * Return what draws a list, unless it is the one that stands there: a selection may begin in it.
 * @param {Element} element
 * @param {(each: any) => HTMLElement} item
 * @param {[string, string]} nothing
 */
function lister(element, item, nothing) {
  let before = "";
  /** @param {any[] | Error} all */
  return (all) => {
    if (all instanceof Error) {
      before = "";
      return replace(element, failed(all));
    }
    const now = JSON.stringify(all.slice(0, MOST));
    if (now === before) return;
    before = now;
    replace(
      element,
      all.length ? h("ul", { class: "list" }, all.slice(0, MOST).map(item)) : empty(...nothing, 120),
    );
  };
}

/** @param {any} each */
const group = (each) =>
  h(
    "li",
    null,
    h(
      "div",
      { class: "row" },
      badge(each.errorCode, "bad"),
      h("strong", null, `${each.atLeast ? "at least " : ""}${number(each.count)} ×`),
      h(
        "span",
        null,
        [each.account, each.model].filter(Boolean).join(" · ") || "before an account was chosen",
      ),
      h(
        "span",
        { class: "muted small end" },
        h("a", { href: link(["requests", each.requestId]) }, "the latest"),
        " ",
        when(each.last * 1000),
      ),
    ),
    each.errorMessage
      ? h("p", { class: "muted small clip", title: each.errorMessage }, each.errorMessage)
      : null,
  );

/** @param {any} each */
const alert = (each) =>
  h(
    "li",
    null,
    h(
      "div",
      { class: "row" },
      standing(each),
      h("strong", null, each.title),
      h("span", { class: "muted small end" }, when(each.at * 1000)),
    ),
    h("p", { class: "muted small clip", title: each.message }, each.message),
  );

/** @param {any} each */
function standing({ resolved_at, acknowledged, severity }) {
  if (resolved_at !== null) return badge("over");
  if (acknowledged) return badge("known", "info");
  return badge("open", severity === "critical" ? "bad" : "warn");
}
