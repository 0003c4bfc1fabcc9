// @ts-check
/**
 * What every chart stands in: a picture of fixed height that follows the width, its legend, its values as a
 * table, and what is said while there is nothing to draw.
 *
 *   frame({label, height, empty, scope, legend, draw, table, probe})
 *     → {element, picture, say(state, gist), names(items), redraw(), busy(flag)}
 *     draw(width)  called when there is something to draw, and at every new width
 *     table()      {head: [text, …], rows: [[text, …], …]}, asked for only while it is open
 */

import { h, keyed, replace, s } from "../core/dom.js";
import { swatch } from "./marks.js";

/** @typedef {{defer: (end: () => void) => void}} Scope */
/** @typedef {{head: string[], rows: string[][]}} Table */
/** @typedef {{id: string, name: string, mark: import("./marks.js").Mark, filled: boolean}} Named */
/**
 * @typedef {object} Framed
 * @property {string} label
 * @property {number} height
 * @property {string} [empty]
 * @property {Scope} [scope]
 * @property {boolean} [legend]  keep a line free for it from the beginning
 * @property {(width: number) => void} draw
 * @property {() => Table} table
 * @property {{element: HTMLElement, note: HTMLElement, end: () => void}} [probe]
 */

export const NOTHING = "Nothing in this time";

/** @param {Framed} asked */
export function frame({ label, height, empty: nothing = NOTHING, scope, legend, draw, table, probe }) {
  const picture = s("svg", { class: "picture", role: "img", "aria-label": `${label}: loading`, height });
  const notice = h("p", { class: "notice", hidden: true });
  const stage = h("div", { class: "stage", "data-state": "loading", style: { "--height": `${height}px` } });
  stage.append(picture, notice, ...(probe ? [probe.element] : []));
  const names = h("div", {
    class: ["legend", legend && "kept"],
    role: "group",
    "aria-label": `Series of ${label}`,
  });
  names.hidden = !legend;
  const values = valueTable(label, table);
  const element = h(
    "figure",
    { class: "chart", "aria-label": label },
    names,
    stage,
    values.element,
    probe?.note,
  );
  let width = 0;
  let state = "loading";

  const redraw = () => {
    if (width > 0 && state === "ready") draw(width);
  };
  const watch = new ResizeObserver(() => {
    const now = Math.floor(stage.clientWidth);
    if (now === width || now === 0) return;
    width = now;
    picture.setAttribute("width", String(now));
    redraw();
  });
  watch.observe(stage);
  scope?.defer(() => {
    watch.disconnect();
    probe?.end();
  });

  return {
    element,
    picture,
    redraw,
    /**
     * @param {"ready" | "empty"} now
     * @param {string} gist  for those who do not see the picture
     * @param {string} [empty]
     */
    say(now, gist, empty = nothing) {
      state = now;
      stage.dataset.state = now;
      notice.hidden = now !== "empty";
      notice.textContent = empty;
      picture.setAttribute("aria-label", gist);
      if (probe) probe.element.hidden = now !== "ready";
      if (now === "empty") replace(picture);
      values.element.classList.toggle("away", now === "empty");
      values.renew();
      redraw();
    },
    /** @param {Named[]} items @param {Set<string>} hidden @param {(id: string) => void} toggle */
    names(items, hidden, toggle) {
      names.hidden = !legend && items.length < 2;
      keyed(
        names,
        items,
        (item) => item.id,
        (item) => entry(item, toggle),
        (button, item) => {
          button.setAttribute("aria-pressed", String(!hidden.has(item.id)));
          replace(button, swatch(item.mark, item.filled), item.name);
        },
      );
    },
    /** Newer data are on their way: these are dimmed. @param {boolean} flag */
    busy(flag) {
      element.classList.toggle("stale", flag);
      element.setAttribute("aria-busy", String(flag));
    },
  };
}

/** @param {Named} item @param {(id: string) => void} toggle */
function entry(item, toggle) {
  return h("button", { type: "button", class: "entry", on: { click: () => toggle(item.id) } });
}

/** @param {string} label @param {() => Table} table */
export function valueTable(label, table) {
  const place = h("div", {
    class: "values",
    tabindex: "0",
    role: "region",
    "aria-label": `${label}, as a table`,
  });
  const element = h("details", { class: "as-table" }, h("summary", null, "Show as table"), place);
  const renew = () => {
    if (!element.open) return replace(place);
    const { head, rows } = table();
    const cells = (/** @type {string[]} */ row) =>
      row.map((text, index) => (index === 0 ? h("th", { scope: "row" }, text) : h("td", null, text)));
    replace(
      place,
      h(
        "table",
        null,
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            head.map((text) => h("th", { scope: "col" }, text)),
          ),
        ),
        h(
          "tbody",
          null,
          rows.map((row) => h("tr", null, cells(row))),
        ),
      ),
    );
  };
  element.addEventListener("toggle", renew);
  return { element, renew };
}
