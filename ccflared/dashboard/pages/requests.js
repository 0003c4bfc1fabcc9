// @ts-check
// Requests: what runs and what has ended, live, filtered, searched; a request by itself is in request.js.

import { h, keyed, replace, say } from "../core/dom.js";
import { counted, number } from "../core/format.js";
import { preferred } from "../core/preferences.js";
import { badge, button, empty, failed, note, pageHead, skeleton } from "../parts/basics.js";
import { filters, Wanted } from "./requests/wanted.js";
import { List, Loader } from "./requests/list.js";
import { fill, head, makeRow } from "./requests/row.js";

/** @typedef {import("../core/scope.js").Scope} Scope */

/** Milliseconds between two drawings of a list in which much happens. */
const BEAT = 250;

export default {
  title: "Requests",
  /**
   * @param {HTMLElement} root
   * @param {Scope} scope
   * @param {string[]} params
   */
  async mount(root, scope, params) {
    if (params[0]) return (await import("./request.js")).mount(root, scope, params[0]);
    const page = new Page(root, scope);
    page.follow(scope);
    await page.loader.reload();
  },
};

class Page {
  list = new List();
  wanted = new Wanted();
  connection = "connecting";
  /** How many rows the foot speaks of; null: it is to be told anew; NaN: it tells of a failure. @type {number | null} */
  counted = NaN;
  state = h("span", { class: "row" });
  said = h("div", { role: "status" });
  rows = h("ol", { class: "request-rows", "aria-label": "Requests, the newest first" });
  under = h("div", { class: "request-more" }, skeleton(400));
  word = h("span", null, "Pause");
  pause = button(this.word, { icon: "pause", pressed: false, on: () => this.turn(!this.list.paused) });
  newest = button("To the newest", { icon: "refresh", on: () => this.loader.reload() });

  /**
   * @param {HTMLElement} root
   * @param {Scope} scope
   */
  constructor(root, scope) {
    this.loader = new Loader(scope, this.list, this.wanted, {
      read: (found) => {
        this.fields.seen(found);
        this.counted = null;
        this.draw();
      },
      failed: (error, again) => {
        this.counted = NaN;
        replace(this.under, failed(error, again));
      },
      busy: (busy) => {
        root.classList.toggle("loading", busy);
        if (!busy) replace(this.said);
      },
    });
    this.fields = filters(scope, this.wanted, () => this.loader.reload());
    this.newest.hidden = true;
    root.append(
      pageHead("Requests", { hint: this.state, actions: [this.newest, this.pause] }),
      this.fields.element,
      this.said,
      h("section", { class: "card request-card", "aria-label": "List" }, head(), this.rows, this.under),
      h(
        "p",
        { class: "muted small request-keys" },
        ...hint("j", "k", " move, "),
        ...hint("Enter", " opens, "),
        ...hint("/", " searches, "),
        ...hint("p", " pauses."),
      ),
    );
    this.pause.setAttribute("aria-keyshortcuts", "p");
    scope.on(document, "keydown", (event) => this.press(event));
  }

  /** Begin to look on. @param {Scope} scope */
  follow(scope) {
    const eye = new IntersectionObserver(
      (seen) => seen.some((each) => each.isIntersecting) && void this.loader.older(),
      { rootMargin: "400px" },
    );
    eye.observe(this.under);
    scope.defer(() => eye.disconnect());
    const calmly = scope.calmly(BEAT, () => this.draw());
    scope.stream("requests", {
      event: (event) => {
        if (event.type === "start") this.list.started(event);
        else if (event.type === "summary") this.list.ended(event.payload, this.wanted.admits(event.payload));
        calmly();
      },
      state: (now) => {
        this.connection = now;
        calmly();
      },
      missed: () => void this.missed(),
    });
  }

  /** Move in the list by keyboard; search and pause are the frame's keys. @param {KeyboardEvent} event */
  press(event) {
    const { key, ctrlKey, metaKey, altKey } = event;
    const target = /** @type {HTMLElement} */ (event.target);
    const typing = target.closest("input, select, textarea, dialog, .sheet");
    if (!preferred("keys", true) || ctrlKey || metaKey || altKey || typing) return;
    const inside = this.rows.contains(target);
    if (key === "j" || (inside && key === "ArrowDown")) step(this.rows, "nextElementSibling");
    else if (key === "k" || (inside && key === "ArrowUp")) step(this.rows, "previousElementSibling");
    else return;
    event.preventDefault();
  }

  async missed() {
    this.loader.stale = true;
    if (!this.list.paused) await this.loader.reload();
    const done = this.list.paused ? "the list is reloaded when it resumes" : "the list was reloaded";
    replace(this.said, note("info", `Some updates were missed while the connection was down; ${done}.`));
  }

  /** @param {boolean} paused */
  turn(paused) {
    this.list.pause(paused);
    if (!paused && this.loader.stale) void this.loader.reload();
    this.pause.setAttribute("aria-pressed", String(paused));
    this.draw();
  }

  draw() {
    const { list } = this;
    const shown = this.wanted.narrow ? list.rows : [...list.running(), ...list.rows];
    keyed(this.rows, shown, (row) => row.id, makeRow, fill);
    replace(this.state, stateOf(this.connection, list, Boolean(this.wanted.of("search"))));
    say(this.word, list.paused ? (list.waiting ? `Resume, ${number(list.waiting)} new` : "Resume") : "Pause");
    this.newest.hidden = !list.detached;
    if (!Number.isNaN(this.counted) && this.counted !== list.rows.length) this.foot();
  }

  /** Say what stands below the last row. */
  foot() {
    const { narrow } = this.wanted;
    const many = (this.counted = this.list.rows.length);
    if (!many)
      replace(
        this.under,
        empty(
          narrow ? "No matching requests." : "No requests yet.",
          narrow ? "Fewer filters may help." : "They appear here as soon as a client sends one.",
          200,
        ),
      );
    else if (this.loader.end)
      replace(
        this.under,
        h("p", { class: "muted small" }, `${counted(many, "request")}; there are no older ones.`),
      );
    else replace(this.under, button("Older", { icon: "down", on: () => this.loader.older() }));
  }
}

/**
 * Put the focus on the row beside the one that has it, or on the first.
 * @param {HTMLElement} rows
 * @param {"nextElementSibling" | "previousElementSibling"} beside
 */
function step(rows, beside) {
  const current = document.activeElement?.closest("li");
  const next = current && rows.contains(current) ? current[beside] : rows.firstElementChild;
  /** @type {HTMLElement | null | undefined} */ (next?.firstElementChild)?.focus();
}

/** @param {...string} words  the last says what the keys before it do */
const hint = (...words) => [...words.slice(0, -1).map((key) => [h("kbd", null, key), " "]), words.at(-1)];

/**
 * @param {string} connection
 * @param {List} list
 * @param {boolean} searching
 */
function stateOf(connection, list, searching) {
  if (connection === "broken") return badge("not connected, trying again", "bad");
  if (connection === "connecting") return badge("connecting", "warn");
  if (list.paused) return badge(`paused, ${number(list.waiting)} waiting`, "warn");
  if (searching)
    return badge("search results", "quiet", { title: "New requests are not searched as they arrive." });
  return list.detached ? badge(`older ones, ${number(list.waiting)} new`, "quiet") : badge("live", "good");
}
