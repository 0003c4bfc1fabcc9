// @ts-check
// Chains of accounts for some models, before the pool: [[fallback]] of the file, the first that matches counts.

import { get } from "../../core/api.js";
import { h } from "../../core/dom.js";
import { badge, button, card, empty } from "../../parts/basics.js";
import { askIn, dialog } from "../../parts/dialog.js";
import { toastFailure } from "../../parts/toast.js";
import { field, listOf } from "../../parts/field.js";

/** @typedef {string | string[] | { account: string | string[], model?: string }} Step */
/** @typedef {{ models: string | string[], try: Step[], then?: string }} Chain */
/** @typedef {(wish: any) => Promise<boolean>} Change */
/** @typedef {(make: (now: Chain[]) => Chain[], title: string, more?: any) => Promise<boolean>} Setting */

/**
 * @param {Chain[] | null} all  null: the file has mistakes
 * @param {string[]} accounts
 * @param {Change} change
 */
export function chains(all, accounts, change) {
  const head = { title: "Fallback chains", hint: "the first that matches counts" };
  if (!all) return card(head, empty("The file has errors.", "Fix these to change chains.", 60));
  /** @type {Setting} */
  const set = async (make, title, more = {}) => {
    // As the file is now: they are set as a whole, and somebody else may have changed another one.
    const told = await get("api/config/file").catch(toastFailure);
    return told ? change({ title, body: { fallback: make(told.fallback ?? all) }, ...more }) : false;
  };
  const add = () => ask(null, accounts, (chain) => set((now) => [...now, chain], "A new chain"));
  return card(
    { ...head, actions: button("Add", { icon: "add", on: add }) },
    all.length
      ? h(
          "ol",
          { class: "chains" },
          all.map((chain, at) => item(chain, at, accounts, set)),
        )
      : empty("There is none.", "Every model is served by the pool.", 60),
  );
}

/**
 * @param {Chain} chain
 * @param {number} at
 * @param {string[]} accounts
 * @param {Setting} set
 */
function item(chain, at, accounts, set) {
  const named = list(chain.models).join(", ");
  const is = (/** @type {Chain} */ each) => JSON.stringify(each) === JSON.stringify(chain);
  const sooner = () =>
    set((now) => before(now, now.findIndex(is)), `The chain for ${named}, one place sooner`);
  const changed = () =>
    ask(chain, accounts, (next) =>
      set((now) => now.map((each) => (is(each) ? next : each)), `The chain for ${named}`),
    );
  const removed = () =>
    set((now) => now.filter((each) => !is(each)), `Without the chain for ${named}`, {
      yes: "Remove",
      tone: "bad",
    });
  return h(
    "li",
    null,
    h(
      "span",
      { class: "chain-models" },
      list(chain.models).map((model) => badge(model, "info", { plain: true })),
    ),
    h(
      "span",
      { class: "chain-steps" },
      chain.try.map((step, number) => [number ? " → " : null, h("strong", null, spoken(step))]),
      chain.then === "fail" ? " → nothing else" : " → the pool",
    ),
    h(
      "span",
      { class: "chain-knobs" },
      at
        ? button("", {
            icon: "up",
            label: `Put the chain for ${named} one place sooner`,
            tone: "quiet",
            on: sooner,
          })
        : null,
      button("", { icon: "edit", label: `Change the chain for ${named}`, tone: "quiet", on: changed }),
      button("", { icon: "trash", label: `Remove the chain for ${named}`, tone: "quiet", on: removed }),
    ),
  );
}

/**
 * @param {Chain | null} chain
 * @param {string[]} accounts
 * @param {(chain: Chain) => unknown} done
 */
async function ask(chain, accounts, done) {
  const shown = dialog({ title: chain ? "A chain" : "A new chain", width: 520 });
  const models = field({
    name: "Models",
    hint: "Families (opus), exact ids or globs (claude-*), separated by commas.",
    value: chain ? list(chain.models).join(", ") : "",
    mono: true,
  });
  const steps = field({
    name: "Accounts, in order",
    hint: `A step on each line. Several accounts of one step stand between commas; "account -> model" asks it for a model of its own. There are: ${accounts.join(", ")}.`,
    value: chain ? chain.try.map(written).join("\n") : "",
    rows: 4,
  });
  const then = field({
    name: "Then",
    choices: [
      ["pool", "the pool: the accounts not yet tried"],
      ["fail", "nothing else: the request is refused"],
    ],
    value: chain?.then ?? "pool",
  });
  const chosen = await askIn(shown, [models.element, steps.element, then.element], () => {
    const given = listOf(models.value());
    const tried = steps
      .value()
      .split("\n")
      .map(read)
      .filter((step) => step !== null);
    if (!given.length) return models.wrong("A model is expected.");
    if (!tried.length) return steps.wrong("An account is expected.");
    return {
      models: given,
      try: tried,
      ...(then.value() === "fail" || chain?.then ? { then: then.value() } : {}),
    };
  });
  if (chosen) done(chosen);
}

/**
 * Return chains with one of them a place sooner.
 * @param {Chain[]} all
 * @param {number} at
 */
function before(all, at) {
  const next = [...all];
  if (at > 0) next.splice(at - 1, 0, ...next.splice(at, 1));
  return next;
}

/** @template T @param {T | T[]} value */
const list = (value) => (Array.isArray(value) ? value : [value]);

/** A step as a line of the form. @param {Step} step */
function written(step) {
  if (typeof step === "string" || Array.isArray(step)) return list(step).join(", ");
  return `${list(step.account).join(", ")}${step.model ? ` -> ${step.model}` : ""}`;
}

/** A step in words. @param {Step} step */
function spoken(step) {
  if (typeof step === "string" || Array.isArray(step)) return list(step).join(" or ");
  return `${list(step.account).join(" or ")}${step.model ? ` as ${step.model}` : ""}`;
}

/** The step that a line of the form says; null for an empty one. @param {string} line @returns {Step | null} */
function read(line) {
  const [left = "", model = ""] = line.split("->").map((each) => each.trim());
  const given = listOf(left);
  if (!given.length) return null;
  const step = given.length === 1 ? /** @type {string} */ (given[0]) : given;
  return model ? { account: step, model } : step;
}
