// @ts-check
// Clients: who may send requests, what each may and has used, and what can be done with it.

import { get } from "../core/api.js";
import { h, keyed, replace } from "../core/dom.js";
import { compact, counted, money, number } from "../core/format.js";
import { link } from "../core/router.js";
import { badge, button, card, empty, facts, failed, pageHead, skeleton, table } from "../parts/basics.js";
import { menu } from "../parts/menu.js";
import { plain } from "../parts/plain.js";
import { when } from "../parts/time.js";
import { snippet } from "../parts/code.js";
import { meter } from "../parts/usage.js";
import { addClient, editClient, removeClient, rotateKey } from "./clients/form.js";

/** @typedef {import("../core/scope.js").Scope} Scope */

export default {
  title: "Clients",
  /**
   * @param {HTMLElement} root
   * @param {Scope} scope
   */
  async mount(root, scope) {
    const trouble = h("div", { hidden: true });
    const nobody = h("div", null, skeleton(220));
    const list = h("div", { class: "grid clients-grid" });
    /** @type {any[]} */
    let clients = [];
    const add = button("Add a client", {
      icon: "add",
      tone: "main",
      on: async () => {
        if (await addClient(clients)) void read();
      },
    });
    const connect = h("a", { class: "button", href: link(["start"]) }, "Connect a program");
    root.append(
      pageHead("Clients", { hint: "who may send requests", actions: [connect, add] }),
      trouble,
      nobody,
      list,
    );
    const read = scope.every(15, async (signal) => {
      try {
        clients = await get("api/clients", { signal });
      } catch (error) {
        if (signal.aborted) return;
        trouble.hidden = false;
        replace(
          trouble,
          failed(error, () => read()),
        );
        return;
      }
      trouble.hidden = true;
      nobody.hidden = clients.length > 0;
      replace(nobody, clients.length ? null : explained());
      keyed(
        list,
        clients,
        (client) => client.name,
        (client) => clientCard(client, () => clients, read),
        (made, client) => update(made, client),
      );
    });
  },
};

/** @param {Element} made @param {any} client */
const update = (made, client) => made.dispatchEvent(new CustomEvent("client", { detail: client }));

function explained() {
  const lines =
    '[clients.laptop]\nkey = { file = "/etc/ccflared/laptop.key" }\naccounts = ["*"]\nbudget = { daily = 10.0 }';
  return card(
    {},
    empty("There are no clients.", "Only this machine may send requests, and needs no key for it.", 64),
    h(
      "div",
      { class: "stack explained" },
      h(
        "p",
        null,
        "A client is a computer, a person or a program that may send requests from elsewhere. Each has a key of its " +
          "own, which tells who is asking; it may be limited to some accounts and models, given a budget and an expiry date. As soon " +
          "as there is one, every request needs a key, also from this machine.",
      ),
      snippet(
        "In the file it looks like this; a key that is made here is kept as its SHA-256 alone.",
        lines,
        "Lines of the file",
      ),
    ),
  );
}

// -- A client: what it may, what it has used, and what can be done with it.

/** @typedef {import("../core/dom.js").Child} Child */

/** @type {Record<string, import("../parts/basics.js").Tone>} */
const TONES = { ready: "good", spent: "warn", expired: "bad", "no key": "bad" };

/**
 * Make its card, which an event `client` brings up to date.
 * @param {any} first
 * @param {() => any[]} all
 * @param {() => unknown} changed  called when the file was changed
 */
function clientCard(first, all, changed) {
  let client = first;
  let before = "";
  const state = h("span");
  const body = h("div", { class: "stack" });
  /** @param {(client: any) => Promise<unknown>} act */
  const doing = (act) => async () => {
    if (await act(client)) changed();
  };
  const actions = menu({ label: `More for ${first.name}` }, () => [
    { text: "Change rights and limits", icon: "edit", on: doing(editClient) },
    { text: "New key", icon: "key", on: doing(rotateKey) },
    { text: "Its requests", icon: "requests", href: link(["requests"], { client: client.name }) },
    {
      text: "Remove",
      icon: "trash",
      bad: true,
      on: doing((given) => removeClient(given, all().length === 1)),
    },
  ]);
  const element = card({ title: first.name, hint: state, actions, class: "client" }, body);
  element.addEventListener("client", (event) => {
    client = /** @type {CustomEvent} */ (event).detail;
    // What nobody has changed stays, with the focus and selections in it.
    const now = JSON.stringify(client);
    if (now === before) return;
    before = now;
    replace(state, standing(client));
    replace(body, limits(client), used(client), rights(client));
  });
  return element;
}

/** @param {any} client @returns {Child} */
function standing({ state, reason, until }) {
  return [
    badge(state, TONES[state] ?? "quiet"),
    reason ? ` ${plain(reason)}` : null,
    until ? [", refused until then: ", when(until * 1000, "ahead")] : null,
  ];
}

/** @param {any} client @returns {Child} */
function limits({ name, budget, requests_per_hour: most, requests_last_hour: asked }) {
  const of = budget?.counts === "money" ? "money billed" : "list price, plans included";
  /** @type {(readonly [string, number | null | undefined, number])[]} */
  const periods = [
    ["Today", budget?.daily, budget?.spent_today],
    ["This month", budget?.monthly, budget?.spent_this_month],
  ];
  return [
    periods.map(([word, limit, spent]) =>
      limit === null || limit === undefined
        ? null
        : meter(
            `Budget of ${name}: ${word.toLowerCase()}`,
            [word, h("span", { class: "muted small" }, `, ${of}`)],
            [money(spent), " of ", money(limit)],
            limit ? spent / limit : 1,
          ),
    ),
    most
      ? meter(
          `Requests of ${name} in the last hour`,
          "Last hour",
          `${number(asked)} of ${counted(most, "request")}`,
          asked / most,
        )
      : null,
  ];
}

/** @param {any} client */
function used(client) {
  const rows = [
    ["Today", client.today],
    ["This month", client.this_month],
  ];
  return table(`What ${client.name} has used`, COLUMNS, rows);
}

/** @type {import("../parts/basics.js").Column[]} */
const COLUMNS = [
  { name: "Used", cell: ([word]) => word },
  {
    name: "Requests",
    number: true,
    cell: ([, of]) =>
      of
        ? [
            number(of.requests),
            of.refused ? h("div", { class: "muted small" }, `${number(of.refused)} refused`) : null,
          ]
        : "unknown",
  },
  { name: "Tokens", number: true, cell: ([, of]) => (of ? tokens(of.tokens) : "unknown") },
  {
    name: "Value",
    number: true,
    cell: ([, of]) => cost(of, "value"),
  },
  {
    name: "API cost",
    number: true,
    cell: ([, of]) => cost(of, "money"),
  },
];

/** @param {any} of  tokens by kind */
function tokens(of) {
  const counts = /** @type {(number | null)[]} */ (Object.values(of));
  const sum = counts.reduce((/** @type {number} */ all, each) => all + (each ?? 0), 0);
  return h("span", { title: number(sum) }, compact(sum));
}

/**
 * @param {any} of
 * @param {"value" | "money"} kind
 */
function cost(of, kind) {
  if (!of) return "unknown";
  const { of_unknown_cost: unknown } = of;
  // Where nothing is known, nothing is said that looks like a sum.
  const sum = unknown && unknown === of.requests ? "unknown" : money(of[kind]);
  return [
    sum,
    unknown && kind === "value"
      ? h("div", { class: "muted small" }, `and ${counted(unknown, "request")} of unknown cost`)
      : null,
  ];
}

/** @param {any} client */
function rights({ accounts, models, pin, keys, expires, expired, last_used: last }) {
  return facts(
    ["Accounts", which(accounts)],
    ["Models", which(models)],
    ["May choose an account", pin ? "yes, by x-ccflared-account" : "no"],
    ["Keys", keys > 1 ? `${keys}, all valid` : String(keys)],
    ["Expires", expires ? (expired ? `${expires} (expired)` : expires) : "never"],
    ["Last used", when(last === null ? null : last * 1000)],
  );
}

/** @param {string[]} patterns @returns {Child} */
const which = (patterns) =>
  patterns.length === 1 && patterns[0] === "*" ? "all" : h("code", null, patterns.join(", "));
