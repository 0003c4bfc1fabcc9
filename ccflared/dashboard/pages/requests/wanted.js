// @ts-check
// Which requests are wanted: what the address says, what the API is asked for, whether a new one is among them, and
// the fields by which they are narrowed down.

import { get } from "../../core/api.js";
import { h, replace } from "../../core/dom.js";
import { query, setQuery } from "../../core/router.js";
import { badge, button } from "../../parts/basics.js";
import { searchField } from "../../parts/field.js";
import { icon } from "../../parts/icon.js";
import { plain } from "../../parts/plain.js";

/** Fields of which one value is wanted: name, and word. */
export const CHOICES = /** @type {const} */ ([
  ["account", "Account"],
  ["model", "Model asked for"],
  ["client", "Client"],
  ["project", "Project"],
]);
/** How requests ended: its name in the address, words, and what the API is asked for. @type {[string, string, Record<string, string>][]} */
const OUTCOMES = [
  ["ok", "went well", { status: "success" }],
  ["bad", "went wrong", { status: "error" }],
  ["left", "client left", { outcome: "client_gone" }],
  ["off", "broke off", { outcome: "truncated" }],
  ["refused", "refused here", { outcome: "refused" }],
  ["400", "400 invalid", { status: "400" }],
  ["401", "401 not admitted", { status: "401" }],
  ["404", "404 not found", { status: "404" }],
  ["429", "429 limited", { status: "429" }],
  ["500", "500 failed", { status: "500" }],
  ["529", "529 overloaded", { status: "529" }],
];
const NAMES = [...CHOICES.map(([name]) => name), "outcome", "search", "conversation", "since", "until"];
/** The span of time, in Unix seconds. */
const ENDS = /** @type {const} */ ([
  ["since", "From"],
  ["until", "To"],
]);

/** What rows have in those fields. @param {any} row @returns {[string, string | null][]} */
const valuesOf = (row) => [
  ["account", row.accountUsed],
  ["model", row.originalModel],
  ["client", row.client],
  ["project", row.project],
];

export class Wanted {
  constructor() {
    /** @type {Record<string, string>} */
    this.values = Object.fromEntries(NAMES.map((name) => [name, query().get(name) ?? ""]));
  }

  /** @param {string} name */
  of(name) {
    return this.values[name] ?? "";
  }

  /**
   * Want something else; whether it is.
   * @param {string} name
   * @param {string} value  "": anything
   */
  set(name, value) {
    if (this.of(name) === value) return false;
    this.values[name] = value;
    setQuery({ [name]: value });
    return true;
  }

  clear() {
    for (const name of NAMES) this.values[name] = "";
    setQuery(this.values);
  }

  /** Whether not all are wanted. */
  get narrow() {
    return Object.values(this.values).some(Boolean);
  }

  /** What the API is asked for. */
  query() {
    const { outcome, ...rest } = this.values;
    return { ...rest, ...endedSo(outcome) };
  }

  /** Whether a request that has just ended is wanted. What was said in it nobody knows here. @param {any} row */
  admits(row) {
    const conversation = this.of("conversation");
    if (this.of("search") || (conversation && row.clientSessionId !== conversation)) return false;
    if (valuesOf(row).some(([name, value]) => this.of(name) && this.of(name) !== value)) return false;
    const at = Date.parse(row.timestamp) / 1000;
    if (at < Number(this.of("since")) || at >= Number(this.of("until") || Infinity)) return false;
    const { status, outcome } = endedSo(this.of("outcome"));
    if (outcome) return row.outcome === outcome;
    if (status === "success" || status === "error") return row.success === (status === "success");
    return !status || String(row.statusCode) === status;
  }
}

/** @param {string | undefined} name @returns {Record<string, string>} */
const endedSo = (name) => OUTCOMES.find(([each]) => each === name)?.[2] ?? {};

// -- The fields by which the list is narrowed down.

/** @typedef {import("../../core/scope.js").Scope} Scope */
/** @typedef {(name: string, value: string) => void} Want */

/** Milliseconds after the last key in which nothing is searched. */
const PATIENCE = 350;

/**
 * @param {Scope} scope
 * @param {Wanted} wanted
 * @param {() => unknown} changed  something else is wanted
 */
export function filters(scope, wanted, changed) {
  /** @type {Want} */
  const want = (name, value) => {
    if (!wanted.set(name, value)) return;
    clear.hidden = !wanted.narrow;
    changed();
  };
  const search = searchField(
    {
      label: "Search in errors and conversations",
      placeholder: "Words of an error or a conversation",
      value: wanted.of("search"),
      wait: PATIENCE,
    },
    (text) => want("search", text),
  );
  const choices = new Choices(wanted, want);
  const conversation = h(
    "span",
    { hidden: !wanted.of("conversation") },
    badge("of one conversation", "info"),
  );
  const clear = button("Clear", {
    tone: "quiet",
    icon: "close",
    on: () => {
      wanted.clear();
      search.value = "";
      clear.hidden = conversation.hidden = true;
      choices.show();
      changed();
    },
  });
  clear.hidden = !wanted.narrow;
  void choices.learn(scope);
  return {
    element: h(
      "div",
      { class: "request-filters", role: "search", "aria-label": "Requests" },
      h("div", { class: "search" }, icon("search"), search),
      folding(choices.element),
      choices.element,
      conversation,
      clear,
    ),
    /** Learn of values that rows have. */
    seen: (/** @type {any[]} */ rows) => choices.seen(rows),
  };
}

/** On narrow screens the choices are folded; elsewhere this button is not there. @param {HTMLElement} folded */
function folding(folded) {
  const knob = button("Filters", {
    icon: "filter",
    on: () => knob.setAttribute("aria-expanded", String(folded.classList.toggle("open"))),
  });
  knob.classList.add("folding");
  knob.setAttribute("aria-expanded", "false");
  return knob;
}

/** As a field of a date has it, by the reader's clock. @param {string} seconds */
function localTime(seconds) {
  const at = new Date(Number(seconds) * 1000);
  if (!seconds || Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The choices of one value, each of those that are known. */
class Choices {
  /**
   * @param {Wanted} wanted
   * @param {Want} want
   */
  constructor(wanted, want) {
    this.wanted = wanted;
    /** @type {Record<string, Set<string>>} */
    this.known = {};
    /** @type {Record<string, HTMLSelectElement>} */
    this.selects = {};
    for (const [name, word] of [...CHOICES, /** @type {const} */ (["outcome", "Outcome"])]) {
      this.known[name] = new Set(wanted.of(name) ? [wanted.of(name)] : []);
      const select = h("select", { class: "input", "aria-label": word });
      select.addEventListener("change", () => {
        select.classList.toggle("chosen", Boolean(select.value));
        want(name, select.value);
      });
      this.selects[name] = select;
    }
    this.ends = ENDS.map(([name]) => {
      const input = h("input", { class: "input", type: "datetime-local" });
      input.addEventListener("change", () =>
        want(name, input.value && String(new Date(input.value).getTime() / 1000)),
      );
      return input;
    });
    this.element = h(
      "div",
      { class: "narrow" },
      Object.values(this.selects),
      ENDS.map(([, word], at) => h("label", { class: "span muted" }, word, this.ends[at])),
    );
    this.show();
  }

  show() {
    ENDS.forEach(([name], at) => {
      const input = this.ends[at];
      if (input) input.value = localTime(this.wanted.of(name));
    });
    for (const [name, word] of CHOICES) {
      const values = [...(this.known[name] ?? [])].sort();
      this.#options(
        name,
        word,
        values.map((value) => [value, plain(value)]),
      );
    }
    this.#options(
      "outcome",
      "Outcome",
      OUTCOMES.map(([value, word]) => [value, word]),
    );
  }

  /**
   * @param {string} name
   * @param {string} word
   * @param {[string, string][]} values
   */
  #options(name, word, values) {
    const select = this.selects[name];
    if (!select) return;
    replace(
      select,
      h("option", { value: "" }, `${word}: any`),
      values.map(([value, told]) => h("option", { value }, told)),
    );
    select.value = this.wanted.of(name);
    select.classList.toggle("chosen", Boolean(select.value));
  }

  /** @param {any[]} rows */
  seen(rows) {
    this.#add(rows.flatMap(valuesOf));
  }

  /** @param {[string, string | null][]} values */
  #add(values) {
    let more = false;
    for (const [name, value] of values) {
      if (!value || this.known[name]?.has(value)) continue;
      this.known[name]?.add(value);
      more = true;
    }
    if (more) this.show();
  }

  /** Learn which accounts, clients and projects there are. What cannot be had is learned from the rows. @param {Scope} scope */
  async learn(scope) {
    try {
      const told = await get("api/analytics", {
        query: { range: "30d", parts: "shares" },
        signal: scope.signal,
      });
      const lists = {
        account: "accountPerformance",
        client: "apiKeyPerformance",
        project: "projectPerformance",
      };
      for (const [name, list] of Object.entries(lists)) {
        this.#add((told[list] ?? []).map((/** @type {any} */ each) => [name, each.name]));
      }
    } catch {
      // the list itself says what is wrong
    }
  }
}
