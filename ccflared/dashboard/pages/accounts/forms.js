// @ts-check
// The forms in which the keys of an account are changed: what the file has now, and what is made of what was given.

import { h } from "../../core/dom.js";
import { button, note } from "../../parts/basics.js";
import { field, listOf, numberOf, wrongUrl } from "../../parts/field.js";

/**
 * @typedef {object} Form
 * @property {HTMLElement} element
 * @property {() => Record<string, any> | undefined} read  the body of the call; undefined where something
 *   is wrong, which
 *   it has said then
 */

/** @type {Record<string, readonly (readonly [string, string])[]>} */
const CHOICES = {
  overage: [
    ["", "default: never"],
    ["never", "never: the account pauses instead"],
    ["last-resort", "last resort: after all others"],
    ["allow", "allow: like the plan itself"],
  ],
  billing: [
    ["", "as the provider says"],
    ["plan", "plan: a subscription pays, requests cost no money"],
    ["api", "api: each request costs money"],
  ],
};
/** @type {Record<string, { name: string, hint: string, whole?: boolean, least: number | null, above?: boolean }>} */
const NUMBERS = {
  priority: {
    name: "Priority",
    hint: "Lower is preferred; equals are chosen among by the strategy.",
    whole: true,
    least: null,
  },
  tier: {
    name: "Tier",
    hint: "Capacity relative to others of the same priority: Pro 1, Max 5x 5, Max 20x 20.",
    least: 0,
    above: true,
  },
  max_concurrency: { name: "Requests at once", hint: "Empty: no limit.", whole: true, least: 1 },
};

/**
 * @param {string} key
 * @param {any} account  as its own page's answer has it
 * @returns {Form}
 */
export function formOf(key, account) {
  const value = account.settings[key];
  if (key in NUMBERS) return numberForm(key, value, account.defaults[key]);
  if (key in CHOICES) return choiceForm(key, CHOICES[key] ?? [], value ?? "");
  if (key === "models") return modelRows(value ?? {});
  if (key === "pause_schedule") return pauseRows(value ?? []);
  if (key === "budget") return budgetForm(value ?? {});
  if (key === "base_url") return endpointForm(account, value);
  if (key === "apiKey") return keyForm("New key");
  return choiceForm(key, flagsOf(account.defaults[key]), value === undefined ? "" : String(value));
}

/** @param {boolean} usual @returns {readonly (readonly [string, string])[]} */
const flagsOf = (usual) => [
  ["", `default: ${usual ? "on" : "off"}`],
  ["true", "on"],
  ["false", "off"],
];

/**
 * @param {string} key
 * @param {readonly (readonly [string, string])[]} choices
 * @param {string} value
 * @returns {Form}
 */
function choiceForm(key, choices, value) {
  const chosen = field({ name: "Value", choices, value });
  return { element: chosen.element, read: () => ({ [key]: choiceOf(chosen.value()) }) };
}

/** @param {string} text */
const choiceOf = (text) => (text === "" ? null : text === "true" ? true : text === "false" ? false : text);

/**
 * @param {string} key
 * @param {any} value
 * @param {any} usual
 * @returns {Form}
 */
function numberForm(key, value, usual) {
  const { name, hint, whole, least, above } = /** @type {(typeof NUMBERS)[string]} */ (NUMBERS[key]);
  const given = field({
    name,
    hint: usual === null || usual === undefined ? hint : `${hint} Empty: ${usual}.`,
    value: value ?? "",
    inputmode: whole ? "numeric" : "decimal",
  });
  return {
    element: given.element,
    read: () => {
      const found = numberOf(given, { whole, least, above });
      return found === undefined ? undefined : { [key]: found };
    },
  };
}

/** @param {any} value @returns {Form} */
function budgetForm(value) {
  const parts = /** @type {const} */ (["daily", "monthly"]).map((part) => ({
    part,
    given: field({
      name: part === "daily" ? "USD a day" : "USD a month",
      value: value[part] ?? "",
      inputmode: "decimal",
      hint: "Empty: no limit.",
    }),
  }));
  return {
    element: h(
      "div",
      { class: "budget-pair" },
      parts.map(({ given }) => given.element),
    ),
    read: () => {
      const found = parts.map(
        ({ part, given }) => /** @type {const} */ ([part, numberOf(given, { least: 0 })]),
      );
      if (found.some(([, amount]) => amount === undefined)) return undefined;
      const told = Object.fromEntries(found.filter(([, amount]) => amount !== null));
      return { budget: Object.keys(told).length ? told : null };
    },
  };
}

/** @param {any} account @param {string | undefined} value @returns {Form} */
function endpointForm(account, value) {
  const url = field({
    name: "Base URL",
    type: "url",
    value: value ?? "",
    placeholder: account.defaults.base_url ?? "https://llm.example.com",
    hint: "Empty: the provider's own.",
    mono: true,
  });
  const key = secretField("Key", "The current key or a new one, if it may be sent there.");
  return {
    element: h(
      "div",
      { class: "stack" },
      url.element,
      key.element,
      note(
        "info",
        h(
          "p",
          null,
          "A credential is only sent to the host it was given for. With another host and no key for it, the account rests as ",
          h("em", null, "endpoint not trusted"),
          " until ",
          h("code", null, `ccflared account trust ${account.name}`),
          " on the machine itself.",
        ),
      ),
    ),
    read: () => {
      const wrong = url.value() ? wrongUrl(url.value()) : null;
      url.wrong(wrong);
      return wrong
        ? undefined
        : { base_url: url.value() || null, ...(key.value() ? { apiKey: key.value() } : {}) };
    },
  };
}

/** @param {string} name @returns {Form} */
export function keyForm(name) {
  const key = secretField(name, "Stored in the state directory, not in the file.");
  return {
    element: key.element,
    read: () => {
      key.wrong(key.value() ? null : "A key is needed.");
      return key.value() ? { apiKey: key.value() } : undefined;
    },
  };
}

/** @param {string} name @param {string} hint */
export const secretField = (name, hint) =>
  field({ name, hint, type: "password", autocomplete: "new-password", mono: true });

// -- Keys of an account that are lists, as rows that can be added and taken out: the map of models, the
// hours of pauses.

/** @typedef {{ element: HTMLElement, read: () => any }} Row  read: null where it is empty, undefined where it is wrong */

/**
 * @param {string} label
 * @param {Row[]} rows
 * @param {() => Row} make  an empty one
 * @param {string} word  what is added
 */
function growing(label, rows, make, word) {
  const list = h("ul", { class: "entry-list", "aria-label": label });
  /** @param {Row} row */
  const put = (row) => {
    const item = h("li", null, row.element);
    item.append(
      button("", {
        icon: "trash",
        tone: "quiet",
        label: "Take this row out",
        on: () => {
          rows.splice(rows.indexOf(row), 1);
          item.remove();
          add.focus();
        },
      }),
    );
    list.append(item);
  };
  const add = button(word, {
    icon: "add",
    on: () => {
      const row = make();
      rows.push(row);
      put(row);
      /** @type {HTMLElement | null} */ (row.element.querySelector("input"))?.focus();
    },
  });
  rows.forEach(put);
  return h("div", { class: "stack" }, list, h("div", null, add));
}

/** @param {string} label @param {string} value @param {Record<string, any>} [more] */
const entry = (label, value, more) =>
  h("input", {
    class: "input",
    "aria-label": label,
    value,
    autocomplete: "off",
    spellcheck: "false",
    ...more,
  });

/** @param {HTMLInputElement} input @param {boolean} wrong */
const mark = (input, wrong) => input.setAttribute("aria-invalid", String(wrong));

/**
 * The map of models: what clients ask for, and what is sent.
 * @param {Record<string, string | string[]>} value
 * @returns {Form}
 */
function modelRows(value) {
  const rows = Object.entries(value).map(([asked, sent]) => modelRow(asked, [sent].flat().join(", ")));
  if (!rows.length) rows.push(modelRow("", ""));
  return {
    element: h(
      "div",
      { class: "stack" },
      h(
        "div",
        { class: "entry-heads muted small" },
        h("span", null, "Asked for"),
        h("span", null, "Sent; several are tried in order"),
      ),
      growing("Models", rows, () => modelRow("", ""), "Another model"),
    ),
    read: () => {
      const read = rows.map((row) => row.read());
      if (read.includes(undefined)) return undefined;
      const told = Object.fromEntries(read.filter((each) => each !== null));
      return { models: Object.keys(told).length ? told : null };
    },
  };
}

/** @param {string} asked @param {string} sent @returns {Row} */
function modelRow(asked, sent) {
  const from = entry("Model that is asked for", asked, { class: "input mono", placeholder: "opus" });
  const to = entry("Models that are sent", sent, {
    class: "input mono",
    placeholder: "vendor/big, vendor/mid",
  });
  return {
    element: h("div", { class: "entry-cells entry-model" }, from, to),
    read: () => {
      const targets = listOf(to.value);
      const name = from.value.trim();
      if (!name && !targets.length) return null;
      mark(from, !name);
      mark(to, !targets.length);
      if (!name || !targets.length) return undefined;
      return [name, targets.length === 1 ? targets[0] : targets];
    },
  };
}

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const TIME = /^([01]?\d|2[0-3]):[0-5]\d$/;

/**
 * The hours in which an account rests.
 * @param {any[]} value
 * @returns {Form}
 */
function pauseRows(value) {
  const rows = value.map(pauseRow);
  if (!rows.length) rows.push(pauseRow({}));
  return {
    element: growing("Pauses", rows, () => pauseRow({}), "Another pause"),
    read: () => {
      const read = rows.map((row) => row.read());
      if (read.includes(undefined)) return undefined;
      const told = read.filter((each) => each !== null);
      return { pause_schedule: told.length ? told : null };
    },
  };
}

/** @param {any} value @returns {Row} */
function pauseRow({ from = "", to = "", timezone = "", days = DAYS }) {
  const start = entry("Pause from", from, { type: "time" });
  const end = entry("Pause until", to, { type: "time" });
  const zone = entry("Time zone", timezone, { placeholder: "as the file has it" });
  const boxes = DAYS.map((day) => ({
    day,
    box: h("input", { type: "checkbox", checked: days.includes(day) }),
  }));
  return {
    element: h(
      "div",
      { class: "entry-cells entry-pause" },
      h("div", { class: "row" }, start, h("span", { class: "muted" }, "to"), end, zone),
      h(
        "div",
        { class: "row entry-days" },
        boxes.map(({ day, box }) => h("label", { class: "check small" }, box, day)),
      ),
    ),
    read: () => {
      if (!start.value && !end.value) return null;
      mark(start, !TIME.test(start.value));
      mark(end, !TIME.test(end.value));
      if (!TIME.test(start.value) || !TIME.test(end.value)) return undefined;
      const chosen = boxes.filter(({ box }) => box.checked).map(({ day }) => day);
      return {
        from: start.value,
        to: end.value,
        ...(zone.value.trim() ? { timezone: zone.value.trim() } : {}),
        ...(chosen.length && chosen.length < DAYS.length ? { days: chosen } : {}),
      };
    },
  };
}
