// @ts-check
// Times that tell how long ago, or in how long, and in full when they are pointed at. One clock moves them all.

import { h, say } from "../core/dom.js";
import { ago, ahead, moment, seconds } from "../core/format.js";

/** @typedef {"ago" | "ahead" | "for"} Manner */
/** @type {Record<Manner, (t: number, now: number) => string>} */
const MANNERS = { ago, ahead, for: (t, now) => seconds((now - t) / 1000) };

/**
 * @param {number | null | undefined} t  milliseconds since 1970
 * @param {Manner} [manner]  ahead: a countdown; for: how long it has been so
 */
export function when(t, manner = "ago") {
  if (t === null || t === undefined || !Number.isFinite(t)) return h("span", { class: "muted" }, "never");
  // It moves every second: in a part that is read out when it changes, it alone is not.
  return h(
    "time",
    {
      datetime: new Date(t).toISOString(),
      title: moment(t),
      "data-manner": manner,
      "data-at": t,
      "aria-live": "off",
    },
    MANNERS[manner](t, Date.now()),
  );
}

/** Move the clock; once, by the page's main module. */
export function tick() {
  const now = Date.now();
  for (const element of document.querySelectorAll("time[data-at]")) {
    const { at, manner } = /** @type {HTMLElement} */ (element).dataset;
    say(element, MANNERS[/** @type {Manner} */ (manner)](Number(at), now));
  }
}
