// @ts-check
// Keys for those who would rather not reach for the mouse, and the sheet that tells them. Whoever speaks to a
// computer, or hits keys by accident, can switch them off there; that is reached by a button as well.

import { h } from "../core/dom.js";
import { prefer, preferred } from "../core/preferences.js";
import { go } from "../core/router.js";
import { button } from "../parts/basics.js";
import { dialog } from "../parts/dialog.js";
import { check } from "../parts/field.js";
import { PLACES } from "./places.js";

/** Milliseconds within which the second key of two counts. */
const TOGETHER = 1500;

/** Whether single keys do something. */
const keysWork = () => preferred("keys", true);

/**
 * Obey keys until the scope ends.
 * @param {import("../core/scope.js").Scope} scope
 */
export function obeyKeys(scope) {
  let gone = -Infinity;
  // At the window, so that a page that obeys keys of its own comes first.
  scope.on(window, "keydown", (/** @type {KeyboardEvent} */ event) => {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !keysWork()) return;
    const within = target instanceof Element && target.closest("input, select, textarea, .sheet");
    if (within || document.querySelector("dialog[open]")) return;
    const second = event.timeStamp - gone < TOGETHER;
    gone = key === "g" && !second ? event.timeStamp : -Infinity;
    const place = second && PLACES.find(([, , , letter]) => letter === key);
    if (place) go(place[0] ? [place[0]] : []);
    else if (key === "?") tellKeys();
    else if (!press(key)) return;
    event.preventDefault();
  });
}

/** Do what the page that is shown has for a key; false where it has nothing. @param {string} key */
function press(key) {
  if (key === "/") {
    const field = /** @type {HTMLElement | null} */ (document.querySelector("main input[type=search]"));
    field?.focus();
    return field !== null;
  }
  if (key !== "p") return false;
  const knob = /** @type {HTMLElement | null} */ (document.querySelector('main [aria-keyshortcuts="p"]'));
  knob?.click();
  return knob !== null;
}

/** The button that tells the keys. */
export function keysButton() {
  const knob = button("?", { label: "Keyboard", tone: "quiet", title: "Keyboard", on: tellKeys });
  knob.classList.add("keys-button");
  return knob;
}

/** Tell which keys there are. */
function tellKeys() {
  const works = check("Single keys work", keysWork(), (checked) => prefer("keys", checked));
  const rows = [
    ...PLACES.map(([, word, , letter]) => [
      [h("kbd", null, "g"), " ", h("kbd", null, letter)],
      `go to ${word}`,
    ]),
    [h("kbd", null, "/"), "search, where possible"],
    [h("kbd", null, "p"), "pause or resume live updates (Requests, Logs)"],
    [[h("kbd", null, "j"), " ", h("kbd", null, "k")], "next, previous (Requests)"],
    [h("kbd", null, "?"), "this"],
    [h("kbd", null, "Esc"), "close a dialog or menu"],
  ];
  const shown = dialog(
    { title: "Keyboard", width: 460 },
    h(
      "dl",
      { class: "facts" },
      rows.map(([key, word]) => [h("dt", null, key), h("dd", null, word)]),
    ),
    works.element,
    h(
      "p",
      { class: "muted small" },
      "They are off while you type in a field. Tab, Enter, Space and the arrows work in any case.",
    ),
  );
  shown.footer.append(button("Close", { on: () => shown.close() }));
}
