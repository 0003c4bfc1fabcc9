// @ts-check
// Pointing programs at the daemon: what is set, for each, with the address and the key that count here.

import { get } from "../../core/api.js";
import { h, replace } from "../../core/dom.js";
import { button, failed, note, segments, skeleton } from "../../parts/basics.js";
import { copyButton, snippet } from "../../parts/code.js";
import { edit } from "../../parts/edit.js";
import { field, wrongName } from "../../parts/field.js";
import { usualModel } from "../accounts/line.js";
import { fromElsewhere, tokenRecipe, whereRequestsGo } from "../clients/key.js";
import { PROGRAMS } from "./programs.js";

/** @typedef {import("../../core/scope.js").Scope} Scope */
/** @typedef {{ url: string, alone: boolean, key: string, model: string }} Here */

/** What stands for a key that is not known here, or is not needed. */
const ANY = "anything";
const YOURS = "YOUR_CLIENT_KEY";
const NO_CLIENTS =
  "There are no [clients]: on this machine any key works. Programs on other machines need the key of a client.";

/** @param {Scope} scope */
export function pointing(scope) {
  const element = h("div", { class: "stack" }, skeleton(220));
  const begin = async () => {
    try {
      const [session, status, clients, model] = await Promise.all([
        get("api/session", { signal: scope.signal }),
        get("api/status", { signal: scope.signal }),
        get("api/clients", { signal: scope.signal }),
        usualModel(scope.signal),
      ]);
      const where = whereRequestsGo(status.listeners);
      const here = { ...where, key: clients.length ? YOURS : ANY, model };
      // Where nothing protects administration, the first client would close it over TCP, and this page with it.
      const closes = session.by === "open" && !clients.length;
      replace(element, ...sheet(here, clients, closes ? status.config.file : null));
    } catch (error) {
      if (!scope.over) replace(element, failed(error, begin));
    }
  };
  return { element, ready: begin() };
}

/**
 * @param {Here} here
 * @param {any[]} clients
 * @param {string | null} unprotected  the file, where it needs an admin token first
 */
function sheet(here, clients, unprotected) {
  const shown = h("div", { class: "stack" });
  let program = PROGRAMS.at(0);
  const draw = () =>
    replace(
      shown,
      program?.parts(here).map(({ where, text }) => snippet(where, text)),
    );
  draw();
  const choice = segments(
    "Program",
    PROGRAMS.map(({ name }) => /** @type {const} */ ([name, name])),
    PROGRAMS[0]?.name ?? "",
    (name) => {
      program = PROGRAMS.find((each) => each.name === name) ?? program;
      draw();
    },
  );
  const keys = h("div", { class: "stack" });
  const got = (/** @type {string} */ key) => {
    here.key = key;
    draw();
    replace(keys, made(key));
  };
  replace(keys, unprotected ? tokenFirst(unprotected, here) : keyWords(clients, here, got));
  return [keys, h("div", { class: "start-choice" }, choice), shown];
}

/**
 * @param {any[]} clients
 * @param {Here} here
 * @param {(key: string) => unknown} got
 */
function keyWords(clients, here, got) {
  const form = h("div", { class: "start-inset" });
  const open = button(clients.length ? "Make a key for another client" : "Make a key", {
    icon: "key",
    on: () => {
      open.hidden = true;
      replace(form, newClient(clients, got));
    },
  });
  const words = clients.length
    ? `Programs need the key of a client. It is shown once, when it is made; put it in place of ${YOURS}.`
    : NO_CLIENTS;
  return [
    h("p", { class: "muted" }, words),
    h("div", null, open),
    form,
    here.alone
      ? h(
          "details",
          null,
          h("summary", null, "For programs on other machines"),
          h("p", { class: "start-inset" }, fromElsewhere(here)),
        )
      : null,
  ];
}

/**
 * What is to be done before there can be a client.
 * @param {string} file
 * @param {Here} here
 */
function tokenFirst(file, here) {
  return [
    h("p", { class: "muted" }, NO_CLIENTS),
    h(
      "details",
      null,
      h("summary", null, "For programs on other machines"),
      h(
        "div",
        { class: "stack start-inset" },
        h(
          "p",
          null,
          "From the first client on, this page needs a token. ",
          "Set one first, log in with it, then make a client here:",
        ),
        tokenRecipe(file),
        h("p", null, fromElsewhere(here)),
      ),
    ),
  ];
}

/** @param {string} key */
const made = (key) =>
  note(
    "good",
    "The key of the new client. It is shown only once, and is filled in below:",
    h(
      "div",
      { class: "row" },
      h("code", { class: "key-shown" }, key),
      copyButton(() => key),
    ),
  );

/**
 * @param {any[]} clients
 * @param {(key: string) => unknown} got
 */
function newClient(clients, got) {
  const taken = clients.map((/** @type {any} */ each) => each.name);
  const name = field({
    name: "Name of the client",
    placeholder: "laptop",
    hint: "The machine or person that sends requests.",
    required: true,
  });
  const form = h(
    "form",
    { class: "stack new-account", novalidate: true },
    clients.length
      ? null
      : note("info", "With the first client every request needs a key, also those from this machine."),
    name.element,
    h("div", null, button("Review", { tone: "main", type: "submit" })),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wrong = wrongName(name.value(), taken);
    name.wrong(wrong);
    if (wrong) return;
    await edit({
      title: `Add client ${name.value()}`,
      method: "POST",
      path: "api/clients",
      body: { name: name.value() },
      done: ({ key }) => got(key),
    });
  });
  return form;
}
