// @ts-check
// Accounts: all of them in the order of routing, how they are, and what can be done with them.
//
// `#/accounts/add` adds one, `#/accounts/NAME` is the page of one.

import { get } from "../core/api.js";
import { h, keyed, replace, say } from "../core/dom.js";
import { counted } from "../core/format.js";
import { link } from "../core/router.js";
import { PERSON } from "../parts/account.js";
import { empty, failed, pageHead, skeleton } from "../parts/basics.js";
import { icon } from "../parts/icon.js";
import { changes, load } from "./accounts/actions.js";
import { asker, turnsOf } from "./accounts/line.js";
import { row, update } from "./accounts/row.js";

/** @typedef {import("../core/scope.js").Scope} Scope */

/** Milliseconds in which changes that come together are asked for once. */
const TOGETHER = 150;

export default {
  title: "Accounts",
  /**
   * @param {HTMLElement} root
   * @param {Scope} scope
   * @param {string[]} params
   */
  async mount(root, scope, params) {
    const [name, more] = params;
    if (name === "add" && more === undefined) return (await import("./accounts/add.js")).page(root, scope);
    if (name !== undefined) return (await import("./account.js")).page(root, scope, name);
    return list(root, scope);
  },
};

/**
 * @param {HTMLElement} root
 * @param {Scope} scope
 */
async function list(root, scope) {
  const known = { status: /** @type {any} */ (null), settings: new Map(), used: new Map(), turns: new Map() };
  const hint = h("span");
  const body = h("div", null, h("div", { class: "stack" }, skeleton(118), skeleton(118), skeleton(118)));
  const line = asker(scope, () => anew());
  const deeds = {
    done: () => Promise.all([anew(), slowly()]),
    changes: (/** @type {any} */ account, /** @type {any} */ settings) =>
      changes(account, settings, deeds.done),
    move: async (/** @type {string} */ name, /** @type {boolean} */ up) =>
      (await load()).move(known.status.accounts, name, up, deeds.done),
  };
  const draw = drawn(body, hint, line, deeds);
  let usable = () => {};
  const first = new Promise((resolve) => (usable = () => resolve(null)));
  const anew = scope.every(5, async (signal) => {
    try {
      const [status, explained] = await Promise.all([get("api/status", { signal }), line.explained(signal)]);
      Object.assign(known, { status, turns: turnsOf(explained) });
      draw(known);
    } catch (error) {
      // Where something is shown already, the frame says that the daemon is away.
      const told = failed(error, () => anew());
      if (!signal.aborted && !known.status) replace(body, told);
    } finally {
      usable();
    }
  });
  const slowly = scope.every(30, async (signal) => {
    try {
      Object.assign(known, await slow(signal));
      if (known.status) draw(known);
    } catch {
      // what the fast turn shows is enough, and it says what is wrong
    }
  });
  const soon = scope.calmly(TOGETHER, anew);
  scope.stream("accounts", { event: soon, missed: soon });
  root.append(head(hint), line.element, body);
  await first;
}

/** @param {HTMLElement} hint */
const head = (hint) =>
  pageHead("Accounts", {
    hint,
    actions: h("a", { class: "button main", href: link(["accounts", "add"]) }, icon("add"), "Add an account"),
  });

/**
 * What is asked for less often: settings, and what was used.
 * @param {AbortSignal} signal
 */
async function slow(signal) {
  const [settings, used] = await Promise.all([
    get("api/accounts", { signal }),
    get("api/usage", { query: { by: "account", since: "24h" }, signal }).catch(() => ({ rows: [] })),
  ]);
  return {
    settings: new Map(settings.map((/** @type {any} */ each) => [each.name, each])),
    used: new Map(used.rows.map((/** @type {any} */ each) => [each.key, each])),
  };
}

/**
 * Return what shows the accounts.
 * @param {HTMLElement} body
 * @param {HTMLElement} hint
 * @param {{ element: HTMLElement }} line
 * @param {import("./accounts/row.js").Deeds} deeds
 */
function drawn(body, hint, line, deeds) {
  const rows = h("ul", { class: "account-list" });
  return (/** @type {any} */ known) => {
    const { accounts } = known.status;
    say(hint, sentence(accounts));
    line.element.hidden = !accounts.length;
    if (!accounts.length) return replace(body, none());
    if (rows.parentElement !== body) replace(body, rows);
    keyed(
      rows,
      accounts.map((/** @type {any} */ account) => ({
        account,
        settings: known.settings.get(account.name),
        used: known.used.get(account.name),
        turn: known.turns.get(account.name),
        now: known.status.now,
      })),
      (/** @type {import("./accounts/row.js").Shown} */ shown) => shown.account.name,
      (shown) => row(shown, deeds),
      update,
    );
  };
}

/** How they are, in one line. @param {any[]} accounts */
function sentence(accounts) {
  if (!accounts.length) return "";
  const ready = accounts.filter((each) => each.state === "ready").length;
  const people = accounts.filter((each) => PERSON.has(each.state)).length;
  return [
    `${ready} of ${counted(accounts.length, "account")} ready`,
    people ? `${people} ${people === 1 ? "needs" : "need"} you` : "",
    "in the order of routing",
  ]
    .filter(Boolean)
    .join(" · ");
}

const none = () =>
  empty(
    "There is no account yet.",
    h("p", null, h("a", { href: link(["start"]) }, "The first steps"), " lead through adding one."),
    180,
  );
