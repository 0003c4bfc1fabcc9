// @ts-check
// What the file says of an account, key by key, and what counts where it says nothing.

import { get } from "../../core/api.js";
import { h, replace } from "../../core/dom.js";
import { counted } from "../../core/format.js";
import { button, card, failed, skeleton } from "../../parts/basics.js";
import { load, pathOf } from "../accounts/actions.js";

/** @typedef {import("../../core/scope.js").Scope} Scope */

/** Where there is room, all keys are shown at once. */
const wide = matchMedia("(min-width: 760px)");

/**
 * @param {Scope} scope
 * @param {string} name
 * @param {() => unknown} done  asked when something was changed
 */
export function settingsCard(scope, name, done) {
  const hint = h("span");
  const body = h("div", null, skeleton(400));
  const anew = async () => {
    try {
      const told = await get(pathOf(name), { signal: scope.signal });
      replace(hint, told.file ? `${told.file}${told.line ? `, line ${told.line}` : ""}` : null);
      replace(body, sheet(told, name, done));
    } catch (error) {
      if (!scope.over) replace(body, failed(error, anew));
    }
  };
  void anew();
  return { element: card({ title: "What the file says", hint }, body), anew };
}

/**
 * @param {any} told
 * @param {string} name
 * @param {() => unknown} done
 */
function sheet({ settings, defaults, keys }, name, done) {
  const given = keys.filter((/** @type {any} */ key) => key.name in settings);
  const rest = keys.filter((/** @type {any} */ key) => !(key.name in settings));
  /** @param {any} key */
  const line = (key) => keyLine(key, settings[key.name], defaults[key.name], name, done);
  return h(
    "div",
    { class: "account-keys" },
    given.map(line),
    h(
      "details",
      { open: wide.matches },
      h("summary", { class: "muted small" }, `Not set: ${counted(rest.length, "key")}`),
      rest.map(line),
    ),
  );
}

/**
 * @param {any} key
 * @param {any} value  undefined: the file says nothing
 * @param {any} usual
 * @param {string} name
 * @param {() => unknown} done
 */
function keyLine(key, value, usual, name, done) {
  const set = value !== undefined;
  const asked = key.name === "api_key" ? "apiKey" : key.name;
  const editable = key.editable || key.name === "api_key";
  const usually = usual === null || usual === undefined ? key.absent : toml(usual);
  return h(
    "div",
    { class: "account-key" },
    h("code", { class: "key-name" }, key.name),
    h(
      "div",
      { class: ["account-key-value", set ? "" : "muted"] },
      set ? h("code", null, toml(value)) : h("span", null, usually ? `default: ${usually}` : "–"),
    ),
    h("div", { class: "account-key-about muted small" }, key.describes),
    editable
      ? button("", {
          icon: "edit",
          tone: "quiet",
          label: `Change ${key.name}`,
          on: async () => (await load()).change(name, asked, done),
        })
      : h(
          "span",
          { class: "muted small", title: "This can only be changed in the file itself." },
          "file only",
        ),
  );
}

/**
 * A value as the file has it.
 * @param {any} value
 * @returns {string}
 */
function toml(value) {
  if (Array.isArray(value)) return `[${value.map(toml).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    const pairs = Object.entries(value).map(([key, each]) => `${bare(key)} = ${toml(each)}`);
    return pairs.length ? `{ ${pairs.join(", ")} }` : "{}";
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** @param {string} key */
const bare = (key) => (/^[\w-]+$/.test(key) ? key : JSON.stringify(key));
