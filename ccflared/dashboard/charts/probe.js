// @ts-check
/**
 * Reading a chart's values one by one: with the pointer, a finger, or the arrow keys. To assistive
 * technology it is a slider, which is what it does: moving along, and telling what is there.
 *
 *   probe({label, count, at, step, note, place, show})  {element, again(), end()}
 *     count()        how many things there are to read
 *     at(x, y)       index of the one there (pixels in the plot), or null
 *     step(index, key)   the index that an arrow key leads to
 *     note(index)    what the tip says       place(index)  {x, y} of it in the plot
 *     show(index | null)   mark it in the picture
 */

import { h, replace } from "../core/dom.js";
import { swatch } from "./marks.js";

/**
 * @typedef {object} Asked
 * @property {string} label
 * @property {() => number} count
 * @property {(x: number, y: number) => number | null} at
 * @property {(index: number, key: string) => number} step
 * @property {(index: number) => Note} note
 * @property {(index: number) => {x: number, y: number}} place
 * @property {(index: number | null) => void} show
 */

const KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];

/** @param {Asked} asked */
export function probe(asked) {
  const note = tip();
  /** @type {number | null} */
  let chosen = null;
  const element = h("div", {
    class: "probe",
    role: "slider",
    tabindex: "0",
    "aria-label": `${asked.label}: values, by arrow keys`,
    "aria-valuemin": "0",
    "aria-valuemax": "0",
    "aria-valuenow": "0",
    "aria-valuetext": "none",
  });

  /** @param {number | null} index */
  function choose(index) {
    chosen = index;
    asked.show(index);
    if (index === null) return note.hide();
    const told = asked.note(index);
    const { x, y } = asked.place(index);
    const box = element.getBoundingClientRect();
    note.show(told, box.left + x, box.top + y);
    element.setAttribute("aria-valuenow", String(index));
    const values = told.rows.map((row) => `${row.name} ${row.value}`);
    element.setAttribute(
      "aria-valuetext",
      `${told.title}: ${values.join(", ")}${told.foot ? `. ${told.foot}` : ""}`,
    );
  }

  /** @param {PointerEvent} event */
  function point(event) {
    const box = element.getBoundingClientRect();
    const index = asked.count() > 0 ? asked.at(event.clientX - box.left, event.clientY - box.top) : null;
    if (index !== chosen) choose(index);
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    if (event.key === "Escape") return choose(null);
    const many = asked.count();
    if (!KEYS.includes(event.key) || many === 0) return;
    event.preventDefault();
    const last = many - 1;
    const next =
      event.key === "Home" ? 0 : event.key === "End" ? last : asked.step(chosen ?? last, event.key);
    choose(chosen === null && event.key !== "Home" ? last : Math.max(0, Math.min(last, next)));
  }

  const away = () => choose(null);
  element.addEventListener("pointermove", point);
  element.addEventListener("pointerdown", point);
  element.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && away());
  element.addEventListener("keydown", press);
  element.addEventListener("blur", away);
  // The tip stands where the chart was: it does not follow when the page moves below it.
  addEventListener("scroll", away, { passive: true, capture: true });
  return {
    element,
    note: note.element,
    /** The data have changed: what is shown may be another. */
    again() {
      const last = Math.max(0, asked.count() - 1);
      element.setAttribute("aria-valuemax", String(last));
      if (chosen === null) element.setAttribute("aria-valuenow", String(last));
      else choose(Math.min(chosen, last));
    },
    end() {
      removeEventListener("scroll", away, { capture: true });
    },
  };
}

/**
 * The note beside what is pointed at. It never leaves the window, and takes no pointer itself.
 *
 *   tip()  {element, show(note, x, y), hide()}    x, y in the window; note: {title, rows: [{mark, name,
 *       value}], foot}
 */

/**
 * @typedef {object} Line
 * @property {import("./marks.js").Mark} [mark]
 * @property {boolean} [filled]
 * @property {string} name
 * @property {string} value
 * @property {boolean} [strong]
 */
/** @typedef {{title: string, rows: Line[], foot?: string | null}} Note */

export function tip() {
  const element = h("div", { class: "tip", hidden: true, "aria-hidden": "true" });
  return {
    element,
    /** @param {Note} note @param {number} x @param {number} y */
    show(note, x, y) {
      replace(
        element,
        h("div", { class: "title" }, note.title),
        h("div", { class: "lines" }, note.rows.map(line)),
        note.foot ? h("div", { class: "foot" }, note.foot) : null,
      );
      element.hidden = false;
      const { offsetWidth: width, offsetHeight: height } = element;
      const right = x + 16 + width <= innerWidth - 4;
      const left = right ? x + 16 : x - 16 - width;
      element.style.setProperty("left", `${within(left, innerWidth - width)}px`);
      element.style.setProperty("top", `${within(y - height / 2, innerHeight - height)}px`);
    },
    hide() {
      element.hidden = true;
    },
  };
}

/** @param {number} at @param {number} room */
const within = (at, room) => Math.max(4, Math.min(at, room - 4));

/** @param {Line} of */
function line({ mark, filled, name, value, strong }) {
  return [
    mark ? swatch(mark, filled) : h("span"),
    h("span", { class: ["name", strong && "strong"] }, name),
    h("span", { class: ["value", strong && "strong"] }, value),
  ];
}
