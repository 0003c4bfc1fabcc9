// @ts-check
// The frame around every page: where one can go, how the daemon is, the theme, and leaving.

import { ask, door, get } from "../core/api.js";
import { h, replace, say } from "../core/dom.js";
import { link } from "../core/router.js";
import { Scope } from "../core/scope.js";
import { setTheme, theme, THEMES } from "../core/theme.js";
import { PERSON, SERVING } from "../parts/account.js";
import { badge, button } from "../parts/basics.js";
import { icon } from "../parts/icon.js";
import { when } from "../parts/time.js";
import { keysButton, obeyKeys } from "./keys.js";
import { PLACES } from "./places.js";

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
