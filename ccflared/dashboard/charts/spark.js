// @ts-check
/**
 * A trend in the size of a word, for cards. It says no numbers: the card does.
 *
 *   const line = spark({height: 28});
 *   line.update([3, 5, null, 8]);        oldest first; null: not known
 *
 * It is an ornament, hidden from assistive technology, and fills the width it is given.
 */

import { replace, s } from "../core/dom.js";
import { runs } from "./points.js";
import { extent, linear, sane } from "./scale.js";

const WIDTH = 100;
const HEIGHT = 30;

/** @param {{height: number}} options */
export function spark({ height }) {
  const viewBox = `0 0 ${WIDTH} ${HEIGHT}`;
  const props = { class: "spark", viewBox, preserveAspectRatio: "none", height, "aria-hidden": "true" };
  const element = s("svg", { ...props, style: { "--c": "var(--accent)" } });
  return {
    element,
    /** @param {(number | null | undefined)[]} given */
    update(given) {
      const values = given.map(sane);
      const [lowest, highest] = extent(values) ?? [0, 0];
      const bottom = Math.min(0, lowest);
      const x = linear([0, Math.max(1, values.length - 1)], [0, WIDTH]);
      // A level line lies at its height, of nothing at the bottom.
      const y = linear([bottom, highest > bottom ? highest : bottom + 1], [HEIGHT - 1.5, 1.5]);
      const paths = runs(
        values,
        values.map((_, index) => index),
      ).flatMap((run) => {
        const points = (run.length > 1 ? run : [run[0] - 0.5, run[0] + 0.5]).map((index) => {
          const value = values[Math.round(run.length > 1 ? index : run[0])] ?? 0;
          return `${x(index).toFixed(2)} ${y(value).toFixed(2)}`;
        });
        const ends = [points[points.length - 1], points[0]].map(
          (point) => `${point.split(" ")[0]} ${HEIGHT}`,
        );
        return [
          s("path", { d: `M${points.join("L")}L${ends.join("L")}Z`, class: "area" }),
          s("path", { d: `M${points.join("L")}`, class: "line" }),
        ];
      });
      replace(element, paths);
    },
  };
}
