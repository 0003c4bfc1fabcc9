// @ts-check
// Settings that are changed here, prices of models among them: each by an edit of the file, whose diff is shown
// first.

import { get } from "../../core/api.js";
import { h } from "../../core/dom.js";
import { button, card, empty, table } from "../../parts/basics.js";
import { askIn, dialog } from "../../parts/dialog.js";
import { edit } from "../../parts/edit.js";
import { field } from "../../parts/field.js";
import { chains } from "./chains.js";

/** @typedef {{ name: string, describes: string, kind: string, expects: string, choices: string[] | null, absent: string | null }} Key */
/** @typedef {{ settings: Record<string, any>, defaults: Record<string, any>, keys: Key[] }} Section */

/** Those that are set most; the others unfold. */
const FIRST = ["strategy", "session_length", "cache_cold", "attempts"];

/**
 * @param {import("../../core/scope.js").Scope} scope
 * @param {() => Promise<void>} refresh
 */
export function settings(scope, refresh) {
  const { signal } = scope;
  const [routes, kept, spent, chained, priced] = [lasting(), lasting(), lasting(), lasting(), lasting()];
  const beside = h("div", { class: "stack" }, kept.first, spent.first);
  /** @param {any} wish */
  const change = async (wish) => {
    const written = await edit({ method: "PATCH", path: "api/config", ...wish });
    if (written) await refresh();
    return written;
  };
  return {
    element: h("div", { class: "grid settings" }, routes.first, beside, chained.first, priced.first),
    async load() {
      const [told, { fallback }, { accounts, prices: shipped }] = await Promise.all([
        get("api/config/settings", { signal }),
        get("api/config/file", { signal }),
        get("api/status", { signal }),
      ]);
      const names = accounts.map((/** @type {any} */ account) => account.name).sort();
      const { routing, storage, budget, pricing } = told;
      /** @param {string} title @param {string} hint @param {string} name */
      const section = (title, hint, name) => () => form(title, hint, name, told[name], change);
      routes.update(routing, section("Routing", "how accounts are chosen and tried", "routing"));
      kept.update(storage, section("Retention", "what is kept, and for how long", "storage"));
      spent.update(budget, section("Budget", "of all accounts together, in USD", "budget"));
      chained.update([fallback, names], () => chains(fallback, names, change));
      priced.update([pricing, shipped], () => prices(pricing, shipped, change));
    },
  };
}

/** A card that stays as it is, with what somebody is typing, until what it shows has become something else. */
function lasting() {
  const first = h("div");
  /** @type {HTMLElement} */
  let element = first;
  let before = "";
  return {
    first,
    /** @param {any} data @param {() => HTMLElement} make */
    update(data, make) {
      const now = JSON.stringify(data);
      if (now === before) return;
      before = now;
      const made = make();
      element.replaceWith(made);
      element = made;
    },
  };
}

/**
 * A form of a section's keys.
 * @param {string} title
 * @param {string} hint
 * @param {string} name
 * @param {Section} section
 * @param {(wish: any) => Promise<boolean>} change
 */
function form(title, hint, name, section, change) {
  const inputs = section.keys.filter((key) => key.kind !== "table").map((key) => input(key, section));
  const save = button("Review", { tone: "main", type: "submit", disabled: true });
  const shown = inputs.filter(({ key }) => name !== "routing" || FIRST.includes(key.name));
  const more = inputs.filter((each) => !shown.includes(each));
  const changed = () => inputs.filter((each) => each.changed());
  const element = h(
    "form",
    { class: "stack settings-form", novalidate: true },
    shown.map((each) => each.element),
    more.length
      ? h(
          "details",
          null,
          h("summary", null, "More"),
          h(
            "div",
            { class: "stack" },
            more.map((each) => each.element),
          ),
        )
      : null,
    h("div", { class: "row" }, save),
  );
  element.addEventListener("input", () => (save.disabled = !changed().length));
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = changed();
    if (!given.length) return;
    const body = Object.fromEntries(given.map((each) => [each.key.name, each.value()]));
    const emptied = name === "budget" && inputs.every((each) => !each.given() || each.key.name === "counts");
    void change({ title, body: { [name]: emptied ? null : body } });
  });
  return card({ title, hint }, element);
}

/**
 * @param {Key} key
 * @param {Section} section
 */
function input(key, { settings: set, defaults }) {
  const before = key.name in set ? String(set[key.name]) : "";
  const usual = defaults[key.name] ?? key.absent;
  const hint =
    key.kind === "choice" || usual === null ? key.describes : `${key.describes} Default: ${usual}.`;
  const choices = key.choices?.map((word) => /** @type {const} */ ([word, word]));
  const numeric = key.kind === "whole" || key.kind === "number";
  const made = field({
    name: label(key),
    hint,
    value: before,
    placeholder: usual === null ? "" : String(usual),
    inputmode: numeric ? "decimal" : undefined,
    choices: choices ? [["", usual === null ? "not set" : `default (${usual})`], ...choices] : undefined,
  });
  const given = made.value;
  return {
    key,
    element: made.element,
    given,
    changed: () => given() !== before,
    value: () => (given() === "" ? null : numeric ? amount(given()) : given()),
  };
}

// -- Prices of models that the file sets over the shipped ones.

/**
 * @param {{ settings: Record<string, Record<string, number>>, keys: Key[] }} pricing
 * @param {any} shipped  what status says of prices
 * @param {(wish: any) => Promise<boolean>} change
 */
export function prices({ settings, keys }, shipped, change) {
  const models = Object.keys(settings);
  const columns = [
    { name: "Model", cell: (/** @type {string} */ model) => h("code", null, model) },
    ...keys.map((key) => ({
      name: h("span", { title: key.describes }, label(key)),
      number: true,
      cell: (/** @type {string} */ model) => settings[model]?.[key.name] ?? "–",
    })),
    {
      name: h("span", { class: "sr-only" }, "Change"),
      number: true,
      cell: (/** @type {string} */ model) => [
        button("", {
          icon: "edit",
          label: `Change the price of ${model}`,
          tone: "quiet",
          on: () => ask(model, settings[model] ?? {}, keys, change),
        }),
        button("", {
          icon: "trash",
          label: `Remove the price of ${model}`,
          tone: "quiet",
          on: () =>
            change({
              title: `Price of ${model}`,
              body: { pricing: { [model]: null } },
              yes: "Remove",
              tone: "bad",
            }),
        }),
      ],
    },
  ];
  const source = shipped.source === "list" ? "of the price list" : "shipped";
  return card(
    {
      title: "Prices",
      hint: "USD per million tokens",
      class: "wide",
      actions: button("Add", { icon: "add", on: () => ask(null, {}, keys, change) }),
    },
    models.length ? table("Prices of the file", columns, models) : empty("The file sets no price.", null, 60),
    h(
      "p",
      { class: "muted small" },
      `All else has the price that is ${source}: ${shipped.models} models, of ${shipped.date}.`,
    ),
  );
}

/**
 * @param {string | null} model
 * @param {Record<string, number>} price
 * @param {Key[]} keys
 * @param {(wish: any) => Promise<boolean>} change
 */
async function ask(model, price, keys, change) {
  const shown = dialog({ title: model ? `Price of ${model}` : "A price", width: 480 });
  const name = field({ name: "Model", hint: "Its id, or a glob of ids.", required: true, mono: true });
  const fields = keys.map((key) => ({
    key,
    ...field({
      name: label(key),
      hint: key.describes,
      value: price[key.name] ?? "",
      inputmode: "decimal",
    }),
  }));
  const inputs = [model ? null : name.element, fields.map((each) => each.element)];
  const chosen = await askIn(shown, inputs, () => {
    const id = model ?? name.value();
    const given = fields.filter((each) => each.value() || each.key.name in price);
    if (!id) return name.wrong("The id of a model is expected.");
    if (!given.length) return fields[0]?.wrong("A price is expected.");
    const set = given.map((each) => [each.key.name, each.value() ? amount(each.value()) : null]);
    return { title: `Price of ${id}`, body: { pricing: { [id]: Object.fromEntries(set) } } };
  });
  if (chosen) void change(chosen);
}

/** What is no number is sent as it is: the daemon says what it expects. @param {string} text */
export const amount = (text) => (Number.isFinite(Number(text)) && text ? Number(text) : text);

/** The name of a key as that of a field. @param {Key} key */
export const label = ({ name }) => `${name[0]?.toUpperCase()}${name.slice(1).replaceAll("_", " ")}`;
