// @ts-check
// Logs: what the daemon says, back as far as it keeps it, and live.

import { get } from "../core/api.js";
import { h, replace, say } from "../core/dom.js";
import { counted, number } from "../core/format.js";
import { prefer, preferred } from "../core/preferences.js";
import { query, setQuery } from "../core/router.js";
import { badge, button, failed, pageHead, skeleton } from "../parts/basics.js";
import { download } from "../parts/code.js";
import { searchField } from "../parts/field.js";
import { icon } from "../parts/icon.js";
import { asText, LEVELS, LineList, Lines, MOST } from "./logs/list.js";

/** @typedef {import("./logs/list.js").Level} Level */
/** @typedef {import("./logs/list.js").Line} Line */
/** @typedef {import("./logs/list.js").Given} Given */
/** @typedef {import("../core/scope.js").Scope} Scope */

const WORDS = { DEBUG: "Debug", INFO: "Info", WARN: "Warn", ERROR: "Error" };
const STATES = /** @type {const} */ ({
  open: ["live", "good"],
  connecting: ["connecting", "warn"],
  broken: ["not connected", "bad"],
});

export default {
  title: "Logs",
  /**
   * @param {HTMLElement} root
   * @param {Scope} scope
   */
  mount: (root, scope) => new Logs(root, scope).begin(),
};

class Logs {
  /**
   * @param {HTMLElement} root
   * @param {Scope} scope
   */
  constructor(root, scope) {
    this.scope = scope;
    this.lines = new Lines();
    /** @type {Given[]} */
    this.arrived = [];
    /** How many wait that are not in `arrived` any more. */
    this.beyond = 0;
    this.paused = false;
    this.frame = 0;
    this.connection = h("span", { role: "status" });
    this.told = h("span", { class: "muted small" });
    this.down = button("To the newest", { icon: "down", on: () => this.list.toEnd() });
    this.down.hidden = true;
    this.down.classList.add("to-newest");
    this.list = new LineList(scope, (following) => (this.down.hidden = following));
    this.nothing = h("div", { class: "nothing muted", hidden: true });
    this.trouble = h("div", null, skeleton(48));
    this.pausing = button("Pause", { icon: "pause", on: () => this.toggle() });
    this.pausing.setAttribute("aria-keyshortcuts", "p");
    this.field = searchField({ label: "Search in the lines" }, (text) => {
      setQuery({ q: text });
      this.read();
    });
    this.knobs = LEVELS.map((level) => levelKnob(level, () => this.turn(level)));
    /** @type {Set<Level>} */
    this.levels = new Set(LEVELS);
    this.needle = "";
    const save = button("Download", {
      icon: "down",
      title: "The lines that are shown, as text",
      on: () => this.save(),
    });
    root.append(
      pageHead("Logs", { hint: this.connection, actions: [this.pausing, save] }),
      h(
        "div",
        { class: "log-tools row" },
        this.field,
        h("div", { class: "row", role: "group", "aria-label": "Levels" }, this.knobs),
        wrapKnob(this.list.element),
        this.told,
      ),
      this.trouble,
      h("div", { class: "log-frame" }, this.list.element, this.nothing, this.down),
    );
    this.read();
  }

  async begin() {
    const { scope } = this;
    scope.defer(() => cancelAnimationFrame(this.frame));
    scope.stream("logs", {
      event: (line, id) => this.take([{ ...line, id }]),
      state: (state) => {
        const [word, tone] = STATES[state];
        replace(this.connection, badge(word, tone));
        // What was said while there was no connection is in the history, or else the numbers show that it is gone.
        if (state === "open") void this.back();
      },
      missed: () => void this.back(),
    });
    await this.back();
  }

  /** Read the lines of before. */
  async back() {
    try {
      const given = await get("api/logs/history", { signal: this.scope.signal });
      this.trouble.hidden = true;
      this.take(given);
    } catch (error) {
      if (this.scope.over) return;
      this.trouble.hidden = false;
      replace(
        this.trouble,
        failed(error, () => this.back()),
      );
    }
  }

  /** @param {Given[]} lines */
  take(lines) {
    this.arrived.push(...lines);
    if (this.arrived.length > 2 * MOST)
      this.beyond += this.arrived.splice(0, this.arrived.length - MOST).length;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (this.paused) this.tellWaiting();
      else this.flush();
    });
  }

  /** Show what has arrived. */
  flush() {
    const fresh = this.lines.add(this.arrived.splice(0));
    this.beyond = 0;
    if (fresh === null) this.showAll();
    else
      this.list.add(
        fresh.filter((line) => this.wanted(line)),
        this.needle,
      );
    this.tell();
  }

  showAll() {
    this.list.show(this.matching(), this.needle);
  }

  /** @returns {Line[]} */
  matching() {
    return this.lines.all.filter((line) => this.wanted(line));
  }

  /** @param {Line} line */
  wanted(line) {
    return this.levels.has(line.level) && (!this.needle || line.sought.includes(this.needle));
  }

  tell() {
    const { all, count } = this.lines;
    const shown = this.list.shown;
    say(
      this.told,
      shown === all.length ? counted(shown, "line") : `${number(shown)} of ${counted(all.length, "line")}`,
    );
    LEVELS.forEach((level, at) => {
      const told = this.knobs[at]?.querySelector(".n");
      if (told) say(told, number(count[level]));
    });
    this.nothing.hidden = shown > 0;
    say(this.nothing, all.length ? "No matching lines." : "Nothing logged yet.");
  }

  tellWaiting() {
    const { known } = this.lines;
    const waiting = this.beyond + this.arrived.filter((line) => !known.has(line.id)).length;
    replace(this.pausing, icon("play"), waiting ? `Resume (${number(waiting)} waiting)` : "Resume");
  }

  /** Pause, or go on. */
  toggle() {
    this.paused = !this.paused;
    this.pausing.classList.toggle("main", this.paused);
    if (this.paused) return this.tellWaiting();
    replace(this.pausing, icon("pause"), "Pause");
    this.flush();
  }

  /** Take levels and search from the address. */
  read() {
    const asked = query();
    const given = asked.get("levels")?.toUpperCase().split(",");
    this.levels = new Set(LEVELS.filter((level) => !given || given.includes(level)));
    const q = asked.get("q") ?? "";
    this.needle = q.toLowerCase();
    if (this.field.value.trim() !== q) this.field.value = q;
    LEVELS.forEach((level, at) =>
      this.knobs[at]?.setAttribute("aria-pressed", String(this.levels.has(level))),
    );
    this.showAll();
    this.tell();
  }

  /** @param {Level} level */
  turn(level) {
    const levels = LEVELS.filter((each) => this.levels.has(each) !== (each === level));
    setQuery({ levels: levels.length === LEVELS.length ? null : levels.join(",").toLowerCase() || "none" });
    this.read();
  }

  /** Give the lines that are shown as a file. */
  save() {
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "");
    download(`ccflared-${stamp}.log`, "text/plain", this.matching().map(asText));
  }
}

/**
 * @param {Level} level
 * @param {() => unknown} turn
 */
function levelKnob(level, turn) {
  const title = level === "DEBUG" ? 'Written where the file says [log] level = "debug"' : undefined;
  const knob = button([h("span", null, WORDS[level]), h("span", { class: "n" }, "0")], {
    pressed: true,
    on: turn,
    title,
  });
  knob.classList.add("level-knob", level.toLowerCase());
  return knob;
}

/** @param {HTMLElement} view */
function wrapKnob(view) {
  const knob = button("Wrap", {
    pressed: true,
    title: "Break long lines",
    on: () => {
      prefer("logWrap", !preferred("logWrap", true));
      show();
    },
  });
  const show = () => {
    const on = preferred("logWrap", true);
    knob.setAttribute("aria-pressed", String(on));
    view.classList.toggle("wrap", on);
  };
  show();
  return knob;
}
