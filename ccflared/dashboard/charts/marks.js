// @ts-check
/**
 * What tells series apart: a colour that the colour-blind can tell from the others, and a dash and a shape
 * besides.
 *
 *   mark(place, colour)  {colour, dash, shape}    colour: 1 to 8, a tone ("good", "bad", "muted" …) or
 *       undefined: by place; dash and shape are by place
 *   swatch(mark)         a little picture of it for legends and tooltips
 *   dot(mark, x, y)      the shape, for a point of a chart
 */

import { s } from "../core/dom.js";

const DASHES = ["", "6 3", "2 3", "9 3 2 3", "12 4", "4 2", "1 2 6 2", "7 2 2 2 2 2"];
const SHAPES = [
  "M0-3.6a3.6 3.6 0 1 0 .01 0Z",
  "M-3.2-3.2h6.4v6.4h-6.4Z",
  "M0-4.4 4.2 3H-4.2Z",
  "M0-4.6 4.6 0 0 4.6-4.6 0Z",
  "M0 4.4 4.2-3H-4.2Z",
  "M-1.4-4.2h2.8v2.8h2.8v2.8H1.4v2.8h-2.8V1.4h-2.8v-2.8h2.8Z",
  "M-4.2-1.8h8.4v3.6h-8.4Z",
  "M-1.8-4.2h3.6v8.4h-3.6Z",
];

/** @typedef {{colour: string, dash: string, shape: string}} Mark */

/** @param {number} place @param {number | string} [colour] @returns {Mark} */
export function mark(place, colour) {
  const index = place % 8;
  const token = typeof colour === "string" ? colour : `series-${colour ?? index + 1}`;
  return { colour: `var(--${token})`, dash: DASHES[index], shape: SHAPES[index] };
}

/** @param {Mark} of @param {boolean} [filled]  a block, as of bars and areas, and not a line */
export function swatch(of, filled = false) {
  const picture = filled
    ? s("rect", { x: 4, y: 1, width: 10, height: 10, rx: 2, class: "fill" })
    : [
        s("path", { d: "M0 6H18", class: "line", "stroke-dasharray": of.dash || null }),
        s("path", { d: of.shape, transform: "translate(9 6)", class: "fill" }),
      ];
  const props = { class: "swatch", viewBox: "0 0 18 12", width: 18, height: 12, "aria-hidden": "true" };
  return s("svg", { ...props, style: { "--c": of.colour } }, picture);
}

/** @param {Mark} of @param {number} x @param {number} y */
export function dot(of, x, y) {
  return s("path", {
    d: of.shape,
    transform: `translate(${x} ${y})`,
    class: "dot",
    style: { "--c": of.colour },
  });
}
