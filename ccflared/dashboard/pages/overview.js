// @ts-check
// The first page: what is happening now, how much is left, what it costs, what went wrong and why.

import { get } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { go, link, query, setQuery } from "../core/router.js";
import { failed, note, pageHead, segments } from "../parts/basics.js";
import { accountCards } from "./overview/accounts.js";
import { figures, shares, traffic } from "./overview/figures.js";
import { notices } from "./overview/notices.js";
import { trouble } from "./overview/trouble.js";

/** What is asked for of the numbers: no more than is shown. */
const SHOWN = "previous,timeSeries,shares";
const RANGES = /** @type {const} */ (["1h", "6h", "24h", "7d", "30d"]);

export default {
  title: "Overview",
  /**
   * @param {HTMLElement} root
   * @param {import("../core/scope.js").Scope} scope
   */
  async mount(root, scope) {
    const asked = query().get("range");
    const view = { range: RANGES.find((range) => range === asked) ?? "24h" };
    const said = h("div", { class: "stack" });
    const parts = {
      notices: notices(),
      figures: figures(),
      traffic: traffic(scope),
      accounts: accountCards(),
      shares: shares(),
      trouble: trouble(),
    };
    /** @type {(() => Promise<void>) | null} */
    let errors = null;
    const numbers = scope.every(30, async (signal) => {
      root.classList.add("loading");
      try {
        const analytics = await get("api/analytics", { query: { range: view.range, parts: SHOWN }, signal });
        parts.figures.update(analytics);
        parts.traffic.update(analytics);
        parts.shares.update(analytics);
        replace(said, analytics.totals.requests ? null : nothing());
      } catch (error) {
        if (!signal.aborted) replace(said, failed(error));
      }
      if (!signal.aborted) root.classList.remove("loading");
    });
    root.append(
      pageHead("Overview", {
        actions: segments(
          "Range of time",
          RANGES.map((range) => [range, range]),
          view.range,
          (range) => {
            view.range = range;
            setQuery({ range });
            void numbers();
            void errors?.();
          },
        ),
      }),
      said,
      parts.notices.element,
      parts.figures.element,
      parts.traffic.element,
      parts.accounts.element,
      parts.shares.element,
      parts.trouble.element,
    );
    await Promise.all([numbers(), follow(scope, parts)]);
    if (scope.over) return;
    // What stands below can come a little later: the figures need not share the daemon's time with it.
    errors = scope.every(30, async (signal) => {
      const asked = get("api/errors", { query: { range: view.range }, signal });
      parts.trouble.errors(await asked.then(({ groups }) => groups, unless(signal)));
    });
    const alerts = scope.every(15, async (signal) => {
      parts.trouble.alerts(await get("api/insights/alerts", { signal }).catch(unless(signal)));
    });
    scope.stream("alerts", { event: scope.calmly(250, alerts) });
  },
};

const nothing = () =>
  note(
    "info",
    h(
      "p",
      null,
      "No requests in this range. To send one, ",
      h("a", { href: link(["start"]) }, "connect a program"),
      ".",
    ),
  );

/**
 * Return what makes a failure a thing to show, unless nobody waits for it any more.
 * @param {AbortSignal} signal
 */
const unless = (signal) => (/** @type {Error} */ error) => {
  if (signal.aborted) throw error;
  return error;
};

/**
 * Follow the daemon's state: every few seconds, and when an account has changed.
 * @param {import("../core/scope.js").Scope} scope
 * @param {any} parts
 */
async function follow(scope, parts) {
  let first = true;
  const look = scope.every(5, async (signal) => {
    try {
      const status = await get("api/status", { signal });
      if (first && !status.accounts.length) return go(["start"]);
      first = false;
      parts.notices.update(status);
      parts.accounts.update(status);
    } catch {
      // the frame tells that the daemon is not reached
    }
  });
  scope.stream("accounts", { event: scope.calmly(250, look) });
  await look();
}
