// @ts-check
// First steps: an account, a program that is pointed here, and its first request as it comes.

import { get } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { ms } from "../core/format.js";
import { link } from "../core/router.js";
import { stateBadge } from "../parts/account.js";
import { button, card, failed, note, pageHead, skeleton } from "../parts/basics.js";
import { when } from "../parts/time.js";
import { wizard } from "./accounts/add.js";
import { accountLink } from "./accounts/told.js";
import { pointing } from "./start/pointing.js";

/** @typedef {import("../core/scope.js").Scope} Scope */

/** Accounts that are named; of the others it is told how many there are. */
const SHOWN = 6;

export default {
  title: "First steps",
  /**
   * @param {HTMLElement} root
   * @param {Scope} scope
   */
  async mount(root, scope) {
    const accounts = h("div", { class: "stack" }, skeleton(120));
    const point = pointing(scope);
    root.append(
      pageHead("First steps", {
        hint: "From nothing to a first answer",
        actions: h("a", { class: "button", href: link([]) }, "To the overview"),
      }),
      card(
        { label: "First steps" },
        h(
          "ol",
          { class: "step-list start-steps" },
          h("li", null, h("h2", null, "Add an account"), accounts),
          h("li", null, h("h2", null, "Point a program here"), point.element),
          h("li", null, h("h2", null, "The first request"), arrival(scope)),
        ),
      ),
    );
    await Promise.all([first(scope, accounts), point.ready]);
  },
};

/**
 * Show the accounts that there are; where there are none, how one is added.
 * @param {Scope} scope
 * @param {HTMLElement} place
 */
async function first(scope, place) {
  const inside = h("div", { class: "start-inset" });
  const told = h("div", { class: "row" });
  const more = button("Add another", { icon: "add", on: () => replace(inside, wizard(scope)) });
  const show = async () => {
    const { accounts } = await get("api/status", { signal: scope.signal });
    const rest = accounts.length - SHOWN;
    replace(
      told,
      accounts.slice(0, SHOWN).map(accountWord),
      rest > 0 ? h("a", { href: link(["accounts"]) }, `and ${rest} more`) : null,
    );
    more.hidden = !accounts.length || inside.hasChildNodes();
    return accounts.length;
  };
  try {
    const any = await show();
    replace(
      place,
      h(
        "p",
        { class: "muted" },
        "An account is a plan, an API key or an endpoint of yours. ",
        "The first available account in priority order serves; the others are fallbacks.",
      ),
      told,
      h("div", null, more),
      inside,
    );
    if (!any) replace(inside, wizard(scope, show));
    const soon = scope.calmly(200, () => void show().catch(() => undefined));
    scope.stream("accounts", { event: soon, missed: soon });
  } catch (error) {
    if (!scope.over)
      replace(
        place,
        failed(error, () => first(scope, place)),
      );
  }
}

/** @param {any} account */
const accountWord = (account) =>
  h("span", { class: "row" }, h("a", { href: accountLink(account.name) }, account.name), stateBadge(account));

// -- Waiting for the first request, and telling of it when it comes.

/** @param {Scope} scope */
function arrival(scope) {
  const element = h("div", { class: "stack", role: "status", "aria-live": "polite" }, waiting());
  scope.stream("requests", {
    event: (event) => {
      if (event.type === "start") replace(element, note("info", "A request is running …"));
      else if (event.type === "summary" && event.payload.origin === "client")
        replace(element, came(event.payload, true));
    },
  });
  get("api/requests", { query: { limit: 1, origin: "client" }, signal: scope.signal })
    .then(([latest]) => latest && element.querySelector(".waiting") && replace(element, came(latest, false)))
    .catch(() => undefined); // the stream tells, too
  return element;
}

const waiting = () =>
  h(
    "p",
    { class: "waiting muted" },
    h("span", { class: "start-pulse", "aria-hidden": "true" }),
    "Waiting for a request. This changes by itself when it comes.",
  );

/**
 * @param {any} row
 * @param {boolean} fresh  it came while somebody was looking
 */
const came = (row, fresh) =>
  note(
    row.success ? "good" : "warn",
    h(
      "p",
      null,
      fresh ? "It came: " : ["The latest came ", when(Date.parse(row.timestamp)), ": "],
      h("code", null, row.originalModel ?? row.path),
      row.accountUsed ? [" by ", h("strong", null, row.accountUsed)] : null,
      `, ${row.statusCode ?? row.outcome} in ${ms(row.responseTimeMs)}. `,
      row.errorMessage ? `${row.errorMessage} ` : null,
      h("a", { href: link(["requests", row.id]) }, "Look at it"),
    ),
    row.success && fresh
      ? h(
          "p",
          null,
          "All set. ",
          h("a", { href: link([]) }, "The overview"),
          " shows what happens from here on.",
        )
      : null,
  );
