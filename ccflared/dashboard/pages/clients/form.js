// @ts-check
// Changes of clients: what is asked for each, and what has to be known before. The file's change is shown before it
// is written.

import { get } from "../../core/api.js";
import { h, replace } from "../../core/dom.js";
import { note } from "../../parts/basics.js";
import { askIn, dialog } from "../../parts/dialog.js";
import { edit } from "../../parts/edit.js";
import { check, field, listOf, numberOf, wrongName } from "../../parts/field.js";
import { showKey, tokenRecipe, urlForClients } from "./key.js";

/** @typedef {import("../../core/dom.js").Child} Child */

/**
 * Ask for a new client, add it, and show its key.
 * @param {any[]} clients  those there are
 * @returns {Promise<boolean>}  whether it was added
 */
export async function addClient(clients) {
  // Before, as afterwards this page may not be admitted any more.
  const url = await urlForClients();
  const { notes, agreed } = clients.length ? NOTHING : await firstNotes();
  const name = field({
    name: "Name",
    hint: "of the computer, person or program; letters, digits, spaces, . _ -",
    required: true,
    placeholder: "laptop",
  });
  const asked = rightsFields(null);
  const added = await askIn(
    dialog({ title: "Add a client", width: 600 }),
    [...notes, name.element, asked.element],
    async () => {
      const given = name.value();
      const taken = clients.map((each) => each.name);
      const wrong = wrongName(given, taken);
      name.wrong(wrong);
      const rights = asked.changes();
      if (!agreed() || wrong || !rights) return null;
      const body = { name: given, ...rights };
      return made({ title: `Add client ${given}`, method: "POST", path: "api/clients", body });
    },
  );
  if (!added) return false;
  await showKey(added.name, added.key, url);
  return true;
}

/**
 * Ask for other rights and limits of a client, and write them.
 * @param {any} client
 * @returns {Promise<boolean>}
 */
export async function editClient(client) {
  const asked = rightsFields(client);
  const done = await askIn(
    dialog({ title: `Change client ${client.name}`, width: 600 }),
    [asked.element],
    async () => {
      const body = asked.changes();
      if (!body) return null;
      if (!Object.keys(body).length) return true;
      return edit({ title: `Change client ${client.name}`, method: "PATCH", path: address(client), body });
    },
  );
  return Boolean(done);
}

/**
 * Ask whether the key of before goes on, make another, and show it.
 * @param {any} client
 * @returns {Promise<boolean>}
 */
export async function rotateKey(client) {
  const url = await urlForClients();
  const keep = check(
    "Keep the old key valid as well",
    true,
    undefined,
    "until it is removed from the file, or another new key replaces both",
  );
  const done = await askIn(
    dialog({ title: `New key for ${client.name}`, width: 600 }),
    [
      h("p", null, "A new key is made and shown once. Programs that use the old one need the new one."),
      keep.element,
    ],
    () =>
      made({
        title: `New key for ${client.name}`,
        method: "POST",
        path: `${address(client)}/rotate`,
        body: { keepOld: keep.input.checked },
      }),
  );
  if (!done) return false;
  await showKey(client.name, done.key, url);
  return true;
}

/**
 * Ask for the name of a client, and remove it.
 * @param {any} client
 * @param {boolean} last  whether no other is left then
 * @returns {Promise<boolean>}
 */
export async function removeClient(client, last) {
  const typed = field({ name: `Type ${client.name} to remove it`, required: true });
  const done = await askIn(
    dialog({ title: `Remove client ${client.name}`, width: 600 }),
    [
      h("p", null, "Its key stops working at once. What it has used stays in the history."),
      last
        ? note(
            "warn",
            "It is the last client. Without any, only this machine may send requests, and needs no key for it; " +
              "where the daemon listens to others, too, it refuses that.",
          )
        : null,
      typed.element,
    ],
    async () => {
      const same = typed.value() === client.name;
      typed.wrong(same ? null : "That is not its name.");
      if (!same) return null;
      const body = { confirm: client.name, ...(last ? { allowLess: true } : {}) };
      return edit({
        title: `Remove client ${client.name}`,
        method: "DELETE",
        tone: "bad",
        yes: "Remove",
        path: address(client),
        body,
      });
    },
    "bad",
  );
  return Boolean(done);
}

/**
 * Make an edit whose answer is needed: a key is in it. Null where it was not made.
 * @param {import("../../parts/edit.js").Wish} wish
 * @returns {Promise<any>}
 */
async function made(wish) {
  /** @type {any} */
  let answer = null;
  await edit({ ...wish, done: (given) => (answer = given) });
  return answer;
}

/** @param {{ name: string }} client */
const address = ({ name }) => `api/clients/${encodeURIComponent(name)}`;

const NOTHING = { notes: /** @type {Child[]} */ ([]), agreed: () => true };

/** What changes with the first client, and whether the reader agrees where it closes this page. */
async function firstNotes() {
  const every = note(
    "info",
    "This is the first client: from now on every request needs a client's key, also from this machine. Programs that " +
      "send requests already will need one, too.",
  );
  const { by } = await get("api/session");
  if (by !== "open") return { ...NOTHING, notes: [every] };
  const { config } = await get("api/status");
  const box = check("Continue without a token; this page closes.");
  const wrong = h("p", { class: "bad small", role: "alert" });
  const notes = [
    every,
    note(
      "warn",
      h("p", null, h("strong", null, "You will be locked out of this page.")),
      h(
        "p",
        null,
        "There is no [admin] token. Without one, this page is open to this machine only while there are no clients. ",
        "Set one first, log in with it, and add the client then:",
      ),
      tokenRecipe(config.file),
      h("p", { class: "small" }, "Without a token, the commands still work on the machine itself."),
      box.element,
      wrong,
    ),
  ];
  const agreed = () => {
    replace(wrong, box.input.checked ? null : "Set a token first, or agree to be locked out.");
    if (!box.input.checked) box.input.focus();
    return box.input.checked;
  };
  return { notes, agreed };
}

/**
 * The fields of what a client may.
 * @param {any} client  as it is; null for a new one
 */
function rightsFields(client) {
  const budget = client?.budget;
  const all = {
    accounts: field({
      name: "Accounts",
      hint: "names or globs, separated by commas; empty: all",
      value: listed(client?.accounts),
      mono: true,
    }),
    models: field({
      name: "Models",
      hint: "as requested, names or globs; empty: all",
      value: listed(client?.models),
      mono: true,
    }),
    daily: field({
      name: "Daily budget, USD",
      hint: "empty: none",
      inputmode: "decimal",
      value: budget?.daily,
    }),
    monthly: field({
      name: "Monthly budget, USD",
      hint: "empty: none",
      inputmode: "decimal",
      value: budget?.monthly,
    }),
    counts: field({
      name: "The budget counts",
      choices: [
        ["value", "list price, plans included"],
        ["money", "money billed"],
      ],
      value: budget?.counts ?? "value",
    }),
    hourly: field({
      name: "Requests per hour",
      hint: "empty: no limit",
      inputmode: "numeric",
      value: client?.requests_per_hour,
    }),
    expires: field({
      name: "Expires on",
      hint: "empty: never",
      type: "date",
      value: client?.expires,
    }),
  };
  const pin = check(
    "May choose an account",
    client?.pin ?? false,
    undefined,
    "by the header x-ccflared-account",
  );
  const element = h(
    "div",
    { class: "stack" },
    h("div", { class: "pair" }, all.accounts.element, all.models.element),
    h("div", { class: "pair" }, all.daily.element, all.monthly.element),
    h("div", { class: "pair" }, all.counts.element, all.hourly.element),
    h("div", { class: "pair" }, all.expires.element, pin.element),
  );
  return { element, changes: () => changes(client, all, pin.input.checked) };
}

/**
 * Return what is other than it was, as the file has it; null where something given is wrong.
 * @param {any} client
 * @param {Record<"accounts" | "models" | "daily" | "monthly" | "counts" | "hourly" | "expires", import("../../parts/field.js").Field>} all
 * @param {boolean} pin
 */
function changes(client, all, pin) {
  const daily = numberOf(all.daily, { least: 0 });
  const monthly = numberOf(all.monthly, { least: 0 });
  const hourly = numberOf(all.hourly, { whole: true, least: 1 });
  if (daily === undefined || monthly === undefined || hourly === undefined) return null;
  const counts = all.counts.value();
  /** @type {Record<string, any>} */
  const budget = {};
  if (daily !== null) budget["daily"] = daily;
  if (monthly !== null) budget["monthly"] = monthly;
  if (counts !== "value") budget["counts"] = counts;
  const before = client ?? { accounts: ["*"], models: ["*"], pin: false, expires: null };
  const old = before.budget;
  /** @type {Record<string, [any, any]>} */
  const both = {
    accounts: [many(listed(before.accounts)), many(all.accounts.value())],
    models: [many(listed(before.models)), many(all.models.value())],
    pin: [before.pin, pin],
    budget: [
      old ? [old.daily, old.monthly, old.counts] : null,
      daily === null && monthly === null ? null : [daily, monthly, counts],
    ],
    requests_per_hour: [before.requests_per_hour ?? null, hourly],
    expires: [before.expires, all.expires.value() || null],
  };
  /** @type {Record<string, any>} */
  const changed = {};
  for (const [key, [was, is]] of Object.entries(both)) {
    if (JSON.stringify(was) !== JSON.stringify(is)) changed[key] = key === "budget" && is ? budget : is;
  }
  return changed;
}

/** @param {string[] | undefined} patterns */
const listed = (patterns) =>
  patterns && !(patterns.length === 1 && patterns[0] === "*") ? patterns.join(", ") : "";

/** @param {string} text @returns {string[] | null} */
function many(text) {
  const found = listOf(text);
  return found.length ? found : null;
}
