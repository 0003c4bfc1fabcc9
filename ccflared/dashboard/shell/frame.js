// @ts-check
// The frame around every page: where one can go, by links and by keys, how the daemon is, the theme, and leaving.

import { ask, door, get } from "../core/api.js";
import { h, replace, say } from "../core/dom.js";
import { prefer, preferred, setTheme, theme, THEMES } from "../core/preferences.js";
import { go, link } from "../core/router.js";
import { Scope } from "../core/scope.js";
import { PERSON, SERVING } from "../parts/account.js";
import { badge, button } from "../parts/basics.js";
import { dialog } from "../parts/dialog.js";
import { check } from "../parts/field.js";
import { icon } from "../parts/icon.js";
import { when } from "../parts/time.js";

/**
 * Where one can go: in the address, in words, as a picture, and by which key after g.
 * @type {readonly (readonly [string, string, import("../parts/icon.js").IconName, string])[]}
 */
const PLACES = [
  ["", "Overview", "home", "o"],
  ["analytics", "Analytics", "chart", "n"],
  ["requests", "Requests", "requests", "r"],
  ["accounts", "Accounts", "accounts", "a"],
  ["clients", "Clients", "clients", "c"],
  ["alerts", "Alerts", "bell", "t"],
  ["configuration", "Configuration", "file", "f"],
  ["logs", "Logs", "logs", "l"],
];
const FACES = /** @type {const} */ ({ auto: "auto", dark: "moon", light: "sun" });

/**
 * Make the frame.
 * @param {{ by: string }} session  how the reader was admitted
 */
export function frame(session) {
  const scope = new Scope();
  const count = h("span", { class: "count", hidden: true });
  const links = PLACES.map(([name, word, face]) =>
    h(
      "a",
      { href: link(name ? [name] : []), "data-name": name, title: word },
      icon(face),
      h("span", { class: "label" }, word),
      name === "alerts" ? count : null,
    ),
  );
  const daemon = h("div", { class: "daemon" });
  const bars = h("div", { class: "stack", role: "status" });
  const root = h("div");
  const main = h("main", { id: "main", tabindex: -1 }, bars, root);
  const element = h(
    "div",
    { class: "shell" },
    skipTo(main),
    h(
      "header",
      { class: "side" },
      h(
        "a",
        { class: "brand", href: link([]), title: "ccflared" },
        icon("shield"),
        h("span", { class: "name" }, "ccflared"),
      ),
      h("nav", { class: "nav", "aria-label": "Pages" }, links),
      h(
        "div",
        { class: "foot" },
        daemon,
        h("div", { class: "row" }, themeButton(), keysButton(), session.by === "session" ? leave() : null),
      ),
    ),
    main,
  );
  watch(scope, daemon, bars, count);
  obeyKeys(scope);
  /** @param {string} name */
  const at = (name) => {
    for (const each of links) {
      if (each.dataset["name"] === name) each.setAttribute("aria-current", "page");
      else each.removeAttribute("aria-current");
    }
  };
  return { element, main, root, scope, at };
}

/** @param {HTMLElement} main */
const skipTo = (main) =>
  h(
    "a",
    {
      class: "skip",
      href: "#main",
      on: {
        click: (/** @type {Event} */ event) => {
          event.preventDefault();
          main.focus();
        },
      },
    },
    "Skip to the content",
  );

function themeButton() {
  const told = () => `Theme: ${theme() === "auto" ? "same as the system" : theme()}`;
  const knob = button("", {
    label: told(),
    tone: "quiet",
    icon: FACES[theme()],
    on: () => {
      const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length] ?? "auto";
      setTheme(next);
      replace(knob, icon(FACES[next]));
      knob.setAttribute("aria-label", told());
      knob.title = told();
    },
  });
  return knob;
}

const leave = () =>
  button(h("span", { class: "label" }, "Log out"), {
    tone: "quiet",
    icon: "out",
    title: "Log out",
    on: async () => {
      await ask("DELETE", "api/session");
      location.reload();
    },
  });

/**
 * Keep an eye on the daemon: whether it can be reached, how it is, and what wants to be known.
 * @param {Scope} scope
 * @param {HTMLElement} daemon
 * @param {HTMLElement} bars
 * @param {HTMLElement} count
 */
function watch(scope, daemon, bars, count) {
  const away = h(
    "div",
    { class: "bar", hidden: true },
    "The daemon cannot be reached; showing the last known state.",
  );
  const behind = h(
    "div",
    { class: "bar", hidden: true },
    "The daemon has been updated.",
    h("span", { class: "actions" }, button("Reload this page", { on: () => location.reload() })),
  );
  bars.append(away, behind);
  let version = "";
  let heard = 0;
  /** @type {Record<string, (told: any) => void>} */
  const shows = {
    "api/status": (status) => {
      heard = Date.now();
      version ||= status.version;
      behind.hidden = status.version === version;
      replace(
        daemon,
        h("div", null, how(status)),
        h(
          "span",
          { title: `process ${status.pid}` },
          `${status.version}, up `,
          when(status.started_at * 1000, "for"),
        ),
      );
    },
    "api/insights/alerts": (alerts) => {
      const open = alerts.filter(
        (/** @type {any} */ alert) => alert.resolved_at === null && !alert.acknowledged,
      ).length;
      count.hidden = !open;
      say(count, String(open));
      count.setAttribute("aria-label", `${open} open`);
    },
  };
  // Some pages ask for the same: then it is not asked for twice.
  scope.on(door, "told", ({ detail: { path, told } }) => shows[path]?.(told));
  const look = scope.every(15, async (signal) => {
    if (!heard) await new Promise((resolve) => setTimeout(resolve, 1000));
    if (signal.aborted || Date.now() - heard < 14_000) return;
    await Promise.all(Object.keys(shows).map((path) => get(path, { signal }))).catch(() => {
      // `away` says it, or the page itself
    });
  });
  scope.on(door, "away", () => {
    away.hidden = false;
    replace(daemon, badge("not reached", "bad"));
  });
  scope.on(door, "back", () => {
    away.hidden = true;
    void look();
  });
}

/** How the daemon is, in a word or two that lead to why. @param {any} status */
function how({ state, accounts, config, listeners, storage, history, payloads }) {
  const serving = accounts.some((/** @type {any} */ each) => SERVING.has(each.state));
  const people = accounts.filter(
    (/** @type {any} */ each) => PERSON.has(each.state) || (each.token?.problem && each.token.todo),
  );
  const others = [storage.error ?? history?.ok === false, payloads?.error, ...listeners.map(broken)];
  const more = others.filter(Boolean).length;
  const needs = people.length + more + (config.refused ? 1 : 0);
  /** @param {import("../parts/basics.js").Tone} tone @param {string} word @param {string[]} place */
  const to = (tone, word, ...place) => h("a", { href: link(place) }, badge(word, tone));
  if (state !== "running") return to("warn", state);
  if (!accounts.length) return to("warn", "no account yet", "start");
  if (!serving) return to("bad", "no account can serve", "accounts");
  if (!needs) return badge("running", "good");
  const place = needs === people.length ? "accounts" : config.refused && needs === 1 ? "configuration" : "";
  return to(
    "warn",
    needs === 1 ? "1 thing needs you" : `${needs} things need you`,
    ...(place ? [place] : []),
  );
}

/** @param {any} listener */
const broken = ({ error }) => error;

// -- Keys for those who would rather not reach for the mouse, and the sheet that tells them. Whoever speaks to a
// computer, or hits keys by accident, can switch them off there; that is reached by a button as well.

/** Milliseconds within which the second key of two counts. */
const TOGETHER = 1500;

/** Whether single keys do something. */
const keysWork = () => preferred("keys", true);

/**
 * Obey keys until the scope ends.
 * @param {import("../core/scope.js").Scope} scope
 */
function obeyKeys(scope) {
  let gone = -Infinity;
  // At the window, so that a page that obeys keys of its own comes first.
  scope.on(window, "keydown", (/** @type {KeyboardEvent} */ event) => {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !keysWork()) return;
    const within = target instanceof Element && target.closest("input, select, textarea, .sheet");
    if (within || document.querySelector("dialog[open]")) return;
    const second = event.timeStamp - gone < TOGETHER;
    gone = key === "g" && !second ? event.timeStamp : -Infinity;
    const place = second && PLACES.find(([, , , letter]) => letter === key);
    if (place) go(place[0] ? [place[0]] : []);
    else if (key === "?") tellKeys();
    else if (!press(key)) return;
    event.preventDefault();
  });
}

/** Do what the page that is shown has for a key; false where it has nothing. @param {string} key */
function press(key) {
  if (key === "/") {
    const field = /** @type {HTMLElement | null} */ (document.querySelector("main input[type=search]"));
    field?.focus();
    return field !== null;
  }
  if (key !== "p") return false;
  const knob = /** @type {HTMLElement | null} */ (document.querySelector('main [aria-keyshortcuts="p"]'));
  knob?.click();
  return knob !== null;
}

/** The button that tells the keys. */
function keysButton() {
  const knob = button("?", { label: "Keyboard", tone: "quiet", title: "Keyboard", on: tellKeys });
  knob.classList.add("keys-button");
  return knob;
}

/** Tell which keys there are. */
function tellKeys() {
  const works = check("Single keys work", keysWork(), (checked) => prefer("keys", checked));
  const rows = [
    ...PLACES.map(([, word, , letter]) => [
      [h("kbd", null, "g"), " ", h("kbd", null, letter)],
      `go to ${word}`,
    ]),
    [h("kbd", null, "/"), "search, where possible"],
    [h("kbd", null, "p"), "pause or resume live updates (Requests, Logs)"],
    [[h("kbd", null, "j"), " ", h("kbd", null, "k")], "next, previous (Requests)"],
    [h("kbd", null, "?"), "this"],
    [h("kbd", null, "Esc"), "close a dialog or menu"],
  ];
  const shown = dialog(
    { title: "Keyboard", width: 460 },
    h(
      "dl",
      { class: "facts" },
      rows.map(([key, word]) => [h("dt", null, key), h("dd", null, word)]),
    ),
    works.element,
    h(
      "p",
      { class: "muted small" },
      "They are off while you type in a field. Tab, Enter, Space and the arrows work in any case.",
    ),
  );
  shown.footer.append(button("Close", { on: () => shown.close() }));
}
