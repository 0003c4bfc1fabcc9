// @ts-check
// One account as a row of the list: made once, and brought up to date in place, so that focus and open
// menus stay.

import { h, replace } from "../../core/dom.js";
import { button } from "../../parts/basics.js";
import { icon } from "../../parts/icon.js";
import { menu } from "../../parts/menu.js";
import { actions, pause, resume } from "./actions.js";
import {
  accountLink,
  footOf,
  isPausedByHand,
  joined,
  slot,
  stateOf,
  tags,
  usedWords,
  windowBars,
} from "./told.js";

/** @typedef {import("../../core/dom.js").Child} Child */

/** @typedef {import("./told.js").Shown} Shown */

/**
 * @typedef {object} Deeds
 * @property {() => unknown} done  asked when something was done
 * @property {(account: any, settings: any) => (import("../../parts/menu.js").Item | null)[]} changes
 * @property {(name: string, up: boolean) => unknown} move
 */

/** @type {WeakMap<Element, (shown: Shown) => void>} */
const updates = new WeakMap();

/** Bring a row up to date. @param {Element} element @param {Shown} shown */
export const update = (element, shown) => updates.get(element)?.(shown);

/**
 * @param {Shown} first
 * @param {Deeds} deeds
 */
export function row(first, deeds) {
  const { name } = first.account;
  let now = first;
  const parts = {
    place: slot("div", "place", place),
    who: slot("div", "who stack", who),
    state: slot("div", "state stack", (shown) => stateOf(shown, deeds.done)),
    windows: windowBars(),
    foot: slot("div", "stack", footOf),
    hold: hold(first.account.name, deeds.done),
  };
  const element = h(
    "li",
    { class: "card account-row", "aria-label": name },
    h(
      "div",
      { class: "rank" },
      parts.place.element,
      mover(name, true, deeds.move),
      mover(name, false, deeds.move),
    ),
    parts.who.element,
    parts.state.element,
    h("div", { class: "windows stack" }, parts.windows.element, parts.foot.element),
    h(
      "div",
      { class: "acts" },
      parts.hold.element,
      menu({ icon: "edit", label: `Change ${name}` }, () => deeds.changes(now.account, now.settings)),
      menu({ label: `More for ${name}` }, () => actions(now.account, deeds.done)),
    ),
  );
  updates.set(element, (shown) => {
    now = shown;
    element.classList.toggle("waits", !shown.account.order);
    for (const part of Object.values(parts)) part.show(shown);
  });
  return element;
}

/** @param {Shown} shown */
const place = ({ account }) =>
  account.order
    ? h("span", { class: "order", title: `number ${account.order} in the order of routing` }, account.order)
    : h("span", { class: "order unasked", title: "not in line at the moment" }, "–");

/** @param {Shown} shown */
const who = ({ account, settings, used }) => [
  h("a", { class: "account-name", href: accountLink(account.name) }, account.name),
  h(
    "div",
    { class: "muted small" },
    joined([
      account.provider,
      `priority ${account.priority}`,
      account.tier === 1 ? null : `tier ${account.tier}`,
      settings?.billingType,
    ]),
  ),
  h("div", { class: "row tags" }, tags(settings)),
  h("div", { class: "muted small" }, joined(usedWords(account, used))),
];

/**
 * The button that pauses, or resumes.
 * @param {string} name
 * @param {() => unknown} done
 */
function hold(name, done) {
  let pausing = false;
  const element = button("", {
    icon: "pause",
    tone: "quiet",
    label: `Pause ${name}`,
    on: () => (pausing ? resume(name, done) : pause(name, done)),
  });
  return {
    element,
    /** @param {Shown} shown */
    show: ({ account }) => {
      if (pausing === isPausedByHand(account)) return;
      pausing = !pausing;
      const word = `${pausing ? "Resume" : "Pause"} ${name}`;
      replace(element, icon(pausing ? "play" : "pause"));
      element.setAttribute("aria-label", word);
      element.title = word;
    },
  };
}

/**
 * @param {string} name
 * @param {boolean} up
 * @param {Deeds["move"]} move
 */
const mover = (name, up, move) =>
  button("", {
    icon: up ? "up" : "down",
    tone: "quiet",
    label: `Move ${name} ${up ? "up" : "down"}`,
    on: () => move(name, up),
  });
