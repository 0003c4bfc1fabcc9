// @ts-check
// One account: how it is, what the file says of it, how its usage went, what it served.

import { Refusal, get } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { counted } from "../core/format.js";
import { go, link } from "../core/router.js";
import { button, card, empty, facts, pageHead, skeleton } from "../parts/basics.js";
import { menu } from "../parts/menu.js";
import { when } from "../parts/time.js";
import { lineCard, modelsCard, requestsCard } from "./account/cards.js";
import { historyCard } from "./account/history.js";
import { settingsCard } from "./account/settings.js";
import { actions, changes, load, test } from "./accounts/actions.js";
import { accountLink, footOf, joined, slot, stateOf, tags, usedWords, windowBars } from "./accounts/told.js";

/** @typedef {import("../core/scope.js").Scope} Scope */
/** @typedef {import("./accounts/told.js").Shown} Shown */

const TOGETHER = 150;

/**
 * @param {HTMLElement} root
 * @param {Scope} scope
 * @param {string} name
 */
export async function page(root, scope, name) {
  document.title = `${name} · ccflared`;
  const now = { shown: /** @type {Shown | null} */ (null) };
  const settings = settingsCard(scope, name, () => done());
  const parts = stateCards(name, () => done());
  const history = historyCard(scope, name);
  const body = h("div", { class: "stack" }, skeleton(190));
  const draw = (/** @type {Shown | null} */ shown) => {
    now.shown = shown;
    if (!shown) return replace(body, gone(name));
    if (parts.element.parentElement !== body) {
      replace(
        body,
        parts.element,
        history,
        h("div", { class: "grid stretch broad" }, lineCard(scope, name), modelsCard(scope, name)),
        settings.element,
        requestsCard(scope, name),
      );
    }
    parts.show(shown);
    history.hidden = !shown.account.usage && !shown.account.polling;
  };
  let usable = () => {};
  const first = new Promise((resolve) => (usable = () => resolve(null)));
  const anew = scope.every(5, async (signal) => {
    try {
      draw(await shownOf(name, signal));
    } catch (error) {
      if (!(error instanceof Refusal) || now.shown) return; // the frame says that the daemon is away
      replace(body, empty(error.message));
    } finally {
      usable();
    }
  });
  const done = () => Promise.all([anew(), settings.anew()]);
  const soon = scope.calmly(TOGETHER, anew);
  scope.stream("accounts", { event: soon, missed: soon });
  root.append(head(name, now, done), body);
  await first;
}

/**
 * Return what is known of an account; null where there is none.
 * @param {string} name
 * @param {AbortSignal} signal
 * @returns {Promise<Shown | null>}
 */
async function shownOf(name, signal) {
  const [status, listed, used] = await Promise.all([
    get("api/status", { signal }),
    get("api/accounts", { signal }),
    get("api/usage", { query: { by: "account", since: "24h" }, signal }).catch(() => ({ rows: [] })),
  ]);
  const account = status.accounts.find((/** @type {any} */ each) => each.name === name);
  if (!account) return null;
  return {
    account,
    settings: listed.find((/** @type {any} */ each) => each.name === name),
    used: used.rows.find((/** @type {any} */ each) => each.key === name),
    turn: null,
    now: status.now,
  };
}

/**
 * @param {string} name
 * @param {{ shown: Shown | null }} now
 * @param {() => unknown} done
 */
function head(name, now, done) {
  const places = {
    rename: async () =>
      (await load()).rename(name, (to) => {
        location.hash = accountLink(to);
      }),
    remove: async () => (await load()).remove(name, () => go(["accounts"])),
  };
  const ofFile = () => changes(now.shown?.account ?? { name, state: "" }, now.shown?.settings, done, places);
  return h(
    "div",
    { class: "stack tight" },
    h("a", { class: "small", href: link(["accounts"]) }, "‹ All accounts"),
    pageHead(name, {
      actions: [
        button("Test", { icon: "requests", on: () => test(name, done) }),
        menu({ text: "Change", icon: "chevron", label: `Change ${name}` }, ofFile),
        menu({ label: `More for ${name}` }, () => (now.shown ? actions(now.shown.account, done) : [])),
      ],
    }),
  );
}

/** @param {string} name */
const gone = (name) =>
  empty(`There is no account ${name}.`, h("a", { href: link(["accounts"]) }, "All accounts"), 200);

/**
 * How it is, and its usage windows.
 * @param {string} name
 * @param {() => unknown} done
 */
function stateCards(name, done) {
  const state = slot("div", "state stack", (shown) => stateOf(shown, done));
  const known = slot("div", "stack", (shown) => factsOf(shown));
  const bars = windowBars();
  const foot = slot("div", "stack", (shown) => [
    shown.account.usage?.windows.length || shown.account.budget ? null : empty("No usage data yet."),
    footOf(shown),
    askedWords(shown.account),
  ]);
  return {
    element: h(
      "div",
      { class: "grid stretch broad account-state" },
      card({ title: "State" }, state.element, known.element),
      card({ title: "Usage windows", label: `Usage windows of ${name}` }, bars.element, foot.element),
    ),
    /** @param {Shown} shown */
    show: (shown) => {
      for (const part of [state, known, bars, foot]) part.show(shown);
    },
  };
}

/** @param {Shown} shown */
const factsOf = ({ account, settings, used }) =>
  facts(
    ["Provider", account.provider],
    ["In line", account.order ? `number ${account.order}` : "not at the moment"],
    ["Priority, tier", `${account.priority}, ${account.tier}`],
    ["Billing", settings?.billingType],
    ["Settings", settings && tagsOf(settings)],
    ["Used", h("span", null, usedSentence(account, used))],
  );

/** @param {any} account @param {any} used */
const usedSentence = (account, used) => {
  const words = joined(usedWords(account, used));
  return words.length ? words : "not since the start";
};

/** @param {any} settings */
const tagsOf = (settings) => {
  const found = tags(settings);
  return found?.length ? h("div", { class: "row" }, found) : null;
};

/** When its usage was asked for, and will be. @param {any} account */
const askedWords = ({ polling, usage }) =>
  polling
    ? h(
        "div",
        { class: "muted small" },
        joined([
          polling.asked_at ? ["asked for ", when(polling.asked_at * 1000)] : "not asked for yet",
          polling.failures ? counted(polling.failures, "failure") : null,
          polling.problem ? null : ["again ", when(polling.next_at * 1000, "ahead")],
          usage?.source === "traffic" ? "as of the latest answer" : null,
        ]),
      )
    : null;
