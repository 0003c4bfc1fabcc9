// @ts-check
// Who is next in line for a model, and why: as the daemon explains it.

import { get, messageOf, Refusal } from "../../core/api.js";
import { h, replace, say } from "../../core/dom.js";
import { query, setQuery } from "../../core/router.js";

/** @typedef {import("../../core/scope.js").Scope} Scope */

let serial = 0;

/**
 * The models that are known of, for a field to choose from.
 * @param {Scope} scope
 */
export function modelList(scope) {
  const element = h("datalist", { id: `models-${(serial += 1)}` });
  get("api/models", { signal: scope.signal })
    .then(({ models }) => {
      const names = new Set(models.map((/** @type {any} */ each) => each.id));
      replace(
        element,
        [...names].map((name) => h("option", { value: name })),
      );
    })
    .catch(() => undefined); // the field takes any name all the same
  return element;
}

/**
 * Return the model that was asked for last, else the one that the file has for small requests.
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
export async function usualModel(signal) {
  const [latest] = await get("api/requests", { query: { limit: 1, origin: "client" }, signal });
  return latest?.originalModel ?? (await get("api/config", { signal })).routing.refresh_model;
}

/** Milliseconds after which a change was heard of by what reads it out. */
const READ_OUT = 1000;

/**
 * The line in which one says for which model; it stays in the address.
 * @param {Scope} scope
 * @param {() => unknown} changed
 */
export function asker(scope, changed) {
  const list = modelList(scope);
  const input = h("input", {
    class: "input mono",
    list: list.id,
    "aria-label": "For which model",
    autocomplete: "off",
    spellcheck: "false",
    value: query().get("model") ?? "",
  });
  const told = h("span", { class: "muted small" });
  scope.on(input, "change", () => {
    // Read out to whoever asks; not when only the time until an account is expected has moved.
    told.setAttribute("aria-live", "polite");
    setQuery({ model: input.value.trim() });
    void changed();
  });
  return {
    element: h(
      "div",
      { class: "line-for row" },
      h("label", { class: "row" }, "Order for model", input),
      list,
      told,
    ),
    /** @param {AbortSignal} signal @returns {Promise<any>} null where nobody knows */
    explained: async (signal) => {
      try {
        if (!input.value) input.value = await usualModel(signal);
        const model = input.value.trim();
        const answer = await get("api/explain", { query: { model }, signal });
        say(told, lineWords(answer));
        setTimeout(() => told.removeAttribute("aria-live"), READ_OUT);
        return answer;
      } catch (error) {
        // Where the daemon is away, the frame says so.
        const away = error instanceof Refusal && !error.status;
        if (!signal.aborted) say(told, away ? "" : messageOf(error));
        return null;
      }
    },
  };
}

/** @param {any} explained */
const lineWords = ({ strategy, chain, refusal }) =>
  [
    chain ? `by the chain for ${chain}` : null,
    `strategy: ${strategy}`,
    refusal ? `no account would serve it: ${refusal.status}, ${refusal.message}` : null,
  ]
    .filter(Boolean)
    .join(" · ");

/**
 * Return by account where it stands in line, or why it does not.
 * @param {any} explained
 */
export function turnsOf(explained) {
  /** @type {Map<string, any>} */
  const turns = new Map();
  if (!explained) return turns;
  const { model } = explained;
  for (const passed of explained.passed) turns.set(passed.account, { model, passed });
  for (const candidate of explained.candidates) {
    if (!turns.get(candidate.account)?.candidate) turns.set(candidate.account, { model, candidate });
  }
  return turns;
}
