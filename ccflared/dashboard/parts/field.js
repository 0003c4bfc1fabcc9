// @ts-check
// Fields of forms: a name, the input, a hint, what is wrong with what was given, and what it says.

import { h, replace } from "../core/dom.js";

/** @typedef {import("../core/dom.js").Child} Child */
/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */
/** @typedef {{ element: HTMLElement, input: Control, value: () => string, wrong: (message: string | null) => void }} Field */

let serial = 0;

/**
 * A field of text, or of whatever `type` says; with `choices` a choice; with `rows` of several lines.
 * @param {{
 *   name: Child, hint?: Child, value?: string | number | null, type?: string, choices?: readonly (readonly [string, string])[],
 *   rows?: number, placeholder?: string, required?: boolean, autocomplete?: string, inputmode?: string, mono?: boolean, list?: string
 * }} given
 * @returns {Field}
 */
export function field({ name, hint, value = "", type = "text", choices, rows, mono, ...more }) {
  const id = `field-${(serial += 1)}`;
  const props = {
    id,
    class: ["input", mono && "mono"],
    "aria-describedby": `${id}-hint ${id}-wrong`,
    autocomplete: "off",
    spellcheck: "false",
    ...more,
  };
  /** @type {Control} */
  const input = choices
    ? h(
        "select",
        props,
        choices.map(([each, word]) => h("option", { value: each, selected: each === value }, word)),
      )
    : rows
      ? h("textarea", { ...props, rows, value: value ?? "" })
      : h("input", { ...props, type, value: value ?? "" });
  const wrong = h("span", { class: "wrong", id: `${id}-wrong`, role: "alert" });
  const element = h(
    "div",
    { class: "field" },
    h("label", { class: "name", for: id }, name),
    input,
    h("span", { class: "hint", id: `${id}-hint`, hidden: !hint }, hint),
    wrong,
  );
  return {
    element,
    input,
    value: () => input.value.trim(),
    wrong: (message) => {
      input.setAttribute("aria-invalid", String(Boolean(message)));
      replace(wrong, message);
    },
  };
}

/**
 * A field in which is searched when nothing was typed for a moment.
 * @param {{ label: string, placeholder?: string, value?: string, wait?: number }} given  wait: milliseconds
 * @param {(text: string) => unknown} sought
 */
export function searchField({ label, placeholder = "Search", value = "", wait = 120 }, sought) {
  const input = h("input", {
    ...{ class: "input", type: "search", "aria-label": label, placeholder, value },
    autocomplete: "off",
    spellcheck: "false",
  });
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => input.isConnected && sought(input.value.trim()), wait);
  });
  return input;
}

/**
 * A box to check.
 * @param {Child} name
 * @param {boolean} [checked]
 * @param {(checked: boolean) => unknown} [change]
 * @param {Child} [hint]
 */
export function check(name, checked = false, change, hint) {
  const input = h("input", { type: "checkbox", checked });
  if (change) input.addEventListener("change", () => change(input.checked));
  const element = h(
    "label",
    { class: "check" },
    input,
    h("span", null, name, hint ? h("span", { class: "muted small" }, " ", hint) : null),
  );
  return { element, input };
}

/** What an account or a client may be called. */
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9._-])?$/;

/**
 * Return what is wrong with a name; null: nothing.
 * @param {string} name
 * @param {readonly string[]} taken
 */
export function wrongName(name, taken) {
  if (!name) return "A name is needed.";
  if (!NAME.test(name))
    return "Letters, digits, inner spaces and . _ - only, at most 64; a letter or digit first.";
  return taken.includes(name) ? "There is one of that name already." : null;
}

/** Return what is wrong with the address of a server; null: nothing. @param {string} url */
export const wrongUrl = (url) =>
  /^https?:\/\/[^/\s]/i.test(url) && URL.canParse(url)
    ? null
    : "A full address is expected, such as https://HOST.";

/**
 * Read a number; null: none was given; undefined: it is none, and the field says so.
 * @param {Field} given
 * @param {{ whole?: boolean, least: number | null, above?: boolean }} rule
 */
export function numberOf(given, { whole, least, above }) {
  const text = given.value().replace(",", ".");
  given.wrong(null);
  if (text === "") return null;
  const number = Number(text);
  const small = least !== null && (above ? number <= least : number < least);
  if (!Number.isFinite(number) || (whole && !Number.isInteger(number)) || small) {
    const floor = least === null ? "" : above ? ` above ${least}` : ` of at least ${least}`;
    given.wrong(`${whole ? "A whole number" : "A number"}${floor} is expected.`);
    return undefined;
  }
  return number;
}

/** What stands between commas. @param {string} text */
export const listOf = (text) =>
  text
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);
