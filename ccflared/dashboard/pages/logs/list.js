// @ts-check
// The lines of the log: those that the page knows, and the list in which they are read.

import { h } from "../../core/dom.js";
import { clock, counted, day, moment } from "../../core/format.js";
import { plain, told } from "../../parts/plain.js";

/** Pixels above the end at which a reader is still said to be there. */
const NEAR = 24;

export class LineList {
  /**
   * @param {import("../../core/scope.js").Scope} scope
   * @param {(following: boolean) => unknown} turned  called when it begins or ceases to follow
   */
  constructor(scope, turned) {
    this.list = h("div", { class: "lines" });
    this.element = h(
      "div",
      { class: "log-view", tabindex: 0, role: "log", "aria-live": "off", "aria-label": "Lines of the log" },
      this.list,
    );
    this.turned = turned;
    this.following = true;
    this.top = 0;
    this.shown = 0;
    this.day = "";
    /** @type {Set<string>} */
    this.open = new Set();
    scope.on(this.element, "scroll", () => this.moved());
    // Lines that were not in sight get their true height late, and windows are resized.
    const watch = new ResizeObserver(() => this.following && this.toEnd());
    watch.observe(this.list);
    watch.observe(this.element);
    scope.defer(() => watch.disconnect());
  }

  moved() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const end = scrollTop + clientHeight >= scrollHeight - NEAR;
    if (end) this.follow(true);
    else if (scrollTop < this.top) this.follow(false);
    this.top = scrollTop;
  }

  /** @param {boolean} wanted */
  follow(wanted) {
    if (wanted === this.following) return;
    this.following = wanted;
    this.turned(wanted);
  }

  toEnd() {
    this.follow(true);
    this.element.scrollTop = this.element.scrollHeight;
    this.top = this.element.scrollTop;
  }

  /**
   * Show these lines and no others.
   * @param {readonly Line[]} lines
   * @param {string} needle
   */
  show(lines, needle) {
    this.list.replaceChildren();
    this.shown = 0;
    this.day = "";
    this.add(lines, needle);
  }

  /**
   * Show further lines at the end; the first ones leave beyond as many as are kept.
   * @param {readonly Line[]} lines
   * @param {string} needle  in lower case
   */
  add(lines, needle) {
    const fresh = document.createDocumentFragment();
    for (const line of lines) {
      const date = day(line.ts);
      if (date !== this.day) fresh.append(h("div", { class: "day" }, h("span", null, date)));
      this.day = date;
      if (line.gap) fresh.append(gap(line.gap));
      fresh.append(this.row(line, needle));
    }
    this.list.append(fresh);
    this.shown += lines.length;
    this.trim();
    if (this.following) this.toEnd();
  }

  /** Let go of the first lines; the date above those that stay stays, too. */
  trim() {
    while (this.shown > MOST) {
      const [date, first, next] = [...Array(3).keys()].map((at) => this.list.children[at]);
      if (!date || !first) return;
      if (first.classList.contains("line")) {
        this.shown -= 1;
        this.open.delete(first.getAttribute("data-id") ?? "");
      }
      first.remove();
      if (next?.classList.contains("day")) date.remove();
    }
  }

  /**
   * @param {Line} line
   * @param {string} needle
   */
  row(line, needle) {
    return h(
      "div",
      { class: ["line", line.level.toLowerCase()], "data-id": line.id },
      h("time", { datetime: new Date(line.ts).toISOString(), title: moment(line.ts) }, clock(line.ts)),
      h("span", { class: "level" }, line.level),
      h(
        "span",
        { class: "logger", title: line.logger },
        told(line.logger.replace(/^ccflared\./, ""), needle),
      ),
      this.text(line, needle),
    );
  }

  /**
   * @param {Line} line
   * @param {string} needle
   */
  text({ id, msg }, needle) {
    const end = msg.indexOf("\n");
    if (end < 0) return h("span", { class: "text" }, told(msg, needle));
    const rest = msg.slice(end + 1);
    const found = needle && plain(rest).toLowerCase().includes(needle);
    const details = h(
      "details",
      { class: "text", open: Boolean(found) || this.open.has(id) },
      h(
        "summary",
        null,
        told(msg.slice(0, end), needle),
        h("span", { class: "more" }, `${counted(rest.split("\n").length, "more line")}`),
      ),
      h("pre", null, told(rest, needle)),
    );
    details.addEventListener("toggle", () => this.open[details.open ? "add" : "delete"](id));
    return details;
  }
}

/** @param {number | "restart"} missing */
const gap = (missing) =>
  h(
    "div",
    { class: "gap" },
    missing === "restart"
      ? "The daemon was restarted."
      : `${counted(missing, "line is", "lines are")} missing here: more came than are kept.`,
  );

// -- The lines of the log that the page knows: joined from what was and what comes, in order, none twice, so many at
// most.

/** @typedef {"DEBUG" | "INFO" | "WARN" | "ERROR"} Level */
/** @typedef {{ id: string, ts: number, level: Level, msg: string, data: { logger: string, request?: string } }} Given */
/**
 * @typedef {object} Line
 * @property {string} id  a run of the daemon, and a number in it
 * @property {string} run
 * @property {number} number
 * @property {number} ts
 * @property {Level} level
 * @property {string} logger
 * @property {string} msg
 * @property {string} sought  what a search looks through, in lower case
 * @property {number | "restart"} gap  how many are missing before it, or that the daemon was started anew
 */

export const MOST = 2000;
/** @type {readonly Level[]} */
export const LEVELS = ["DEBUG", "INFO", "WARN", "ERROR"];

export class Lines {
  constructor() {
    /** @type {Line[]} */
    this.all = [];
    /** @type {Set<string>} */
    this.known = new Set();
    /** @type {Record<Level, number>} */
    this.count = { DEBUG: 0, INFO: 0, WARN: 0, ERROR: 0 };
  }

  /**
   * Take in lines.
   * @param {readonly Given[]} given
   * @returns {Line[] | null}  those that came to the end; null where some have their place among those before
   */
  add(given) {
    const fresh = [];
    for (const each of given) {
      if (this.known.has(each.id)) continue;
      this.known.add(each.id);
      fresh.push(line(each));
    }
    fresh.sort(order);
    for (const each of fresh) this.count[each.level] += 1;
    const first = fresh[0];
    const last = this.all[this.all.length - 1];
    const between = Boolean(first && last && order(first, last) < 0);
    this.all.push(...fresh);
    if (between) this.all.sort(order);
    this.number(between ? 0 : this.all.length - fresh.length);
    this.forget();
    return between ? null : fresh.slice(-MOST);
  }

  /** Say from a place on what is missing before each. @param {number} from */
  number(from) {
    for (let at = Math.max(1, from); at < this.all.length; at += 1) {
      const before = this.all[at - 1];
      const each = this.all[at];
      if (before && each) each.gap = each.run === before.run ? each.number - before.number - 1 : "restart";
    }
  }

  forget() {
    for (const gone of this.all.splice(0, Math.max(0, this.all.length - MOST))) {
      this.count[gone.level] -= 1;
      this.known.delete(gone.id);
    }
  }
}

/** @param {Given} given @returns {Line} */
function line({ id, ts, level, msg, data }) {
  const dash = id.lastIndexOf("-");
  const { logger, request } = data;
  const [first, ...rest] = msg.split("\n");
  const whole = request ? [`${first} [${request}]`, ...rest].join("\n") : msg;
  const known = LEVELS.includes(level) ? level : "INFO";
  return {
    id,
    run: id.slice(0, dash),
    number: Number(id.slice(dash + 1)),
    ts,
    level: known,
    logger,
    msg: whole,
    sought: `${logger} ${whole}`.toLowerCase(),
    gap: 0,
  };
}

/** @param {Line} a @param {Line} b */
const order = (a, b) => (a.run === b.run ? a.number - b.number : a.run < b.run ? -1 : 1);

/** A line as it stands in a file. @param {Line} line */
export const asText = ({ ts, level, logger, msg }) =>
  `${new Date(ts).toISOString()} ${level.padEnd(5)} ${logger}: ${msg}\n`;
