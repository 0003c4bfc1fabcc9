// @ts-check
/**
 * The picture of a timeline, as nodes: axes with marks, then lines, areas or bars. timeline.js
 * decides what is drawn, this file where.
 *
 *   paint(plan)  {nodes, x(index), time(pixel), show(index | null)}
 */

import { replace, s } from "../core/dom.js";
import { dot } from "./marks.js";
import { runs, thin } from "./points.js";
import { linear, timeTicks } from "./scale.js";

/** @typedef {import("./timeline.js").Drawn} Drawn */
/**
 * @typedef {object} Plan
 * @property {number} width
 * @property {number} height
 * @property {"line" | "area" | "bars"} kind
 * @property {boolean} stacked
 * @property {Drawn[]} rows
 * @property {number[]} times
 * @property {number} since
 * @property {number} until
 * @property {number} step
 * @property {number} [gap]
 * @property {import("./scale.js").Axis} axis
 * @property {import("./units.js").Unit} format
 * @property {{t: number, label: string, tone?: string}[]} marks
 */
/**
 * @typedef {object} Painted
 * @property {Node[]} nodes
 * @property {(index: number) => number} x
 * @property {(pixel: number) => number} time
 * @property {(index: number | null) => void} show  mark a moment
 */
/** @typedef {{left: number, right: number, top: number, bottom: number}} Edges */
/** @typedef {Edges & {x: (t: number) => number, y: (value: number) => number}} Field */

const LETTER = 6.3;

/** @param {Plan} plan @returns {Painted} */
export function paint(plan) {
  const labels = plan.axis.ticks.map((tick) => plan.format.axis(tick));
  const left = Math.max(40, 12 + LETTER * Math.max(...labels.map((text) => text.length)));
  const edges = { left, right: plan.width - 8, top: 10, bottom: plan.height - 24 };
  const x = linear([plan.since, plan.until], [edges.left, edges.right]);
  const y = linear([plan.axis.low, plan.axis.high], [edges.bottom, edges.top]);
  const field = { ...edges, x, y };
  const middle = (/** @type {number} */ index) => x(plan.times[index] + plan.step / 2);
  const cursor = s("g", { class: "cursor" });
  const series = plan.rows.map((row, place) => {
    if (plan.kind === "bars") return bars(plan, field, row, place);
    return line(plan, field, row, middle);
  });
  return {
    nodes: [...grid(plan, field, labels), ...series, ...limits(plan, field), cursor],
    x: middle,
    time: linear([edges.left, edges.right], [plan.since, plan.until]),
    show(index) {
      replace(cursor);
      if (index === null || index >= plan.times.length) return;
      const at = middle(index);
      cursor.append(s("path", { d: `M${at} ${edges.top}V${edges.bottom}`, class: "hair" }));
      if (plan.kind === "bars") return;
      for (const row of plan.rows) {
        const value = row.spans ? row.spans[index]?.[1] : row.values[index];
        if (typeof value === "number") cursor.append(dot(row.mark, at, y(value)));
      }
    },
  };
}

/** @param {Plan} plan @param {Field} field @param {string[]} labels */
function grid(plan, field, labels) {
  const { left, right, bottom, x, y } = field;
  const across = plan.axis.ticks.map((tick, index) => {
    const at = Math.round(y(tick)) + 0.5;
    return s(
      "g",
      null,
      s("path", { d: `M${left} ${at}H${right}`, class: index === 0 ? "base" : "rule" }),
      s("text", { x: left - 8, y: at + 4, class: "tick end" }, labels[index]),
    );
  });
  const along = timeTicks(plan.since, plan.until, (right - left) / 66, plan.step).map(
    ({ t, label, strong }) => {
      const at = x(t);
      const half = (label.length * LETTER) / 2;
      const end = at + half > plan.width ? "end" : "middle";
      return s(
        "g",
        null,
        s("path", { d: `M${Math.round(at) + 0.5} ${bottom}v4`, class: "base" }),
        s(
          "text",
          { x: end === "end" ? plan.width : at, y: bottom + 18, class: ["tick", end, strong && "strong"] },
          label,
        ),
      );
    },
  );
  return [...across, ...along];
}

/** @param {Plan} plan @param {Field} field */
function limits(plan, { right, top, bottom, x }) {
  return plan.marks
    .filter(({ t }) => t >= plan.since && t <= plan.until)
    .map(({ t, label, tone = "muted" }) => {
      const late = x(t) + label.length * LETTER + 6 > right;
      return s(
        "g",
        { class: "limit", style: { "--c": `var(--${tone})` } },
        s("path", { d: `M${x(t)} ${top}V${bottom}` }),
        s("text", { x: x(t) + (late ? -5 : 5), y: bottom - 6, class: late ? "end" : null }, label),
      );
    });
}

/** @param {Plan} plan @param {Field} field @param {Drawn} row @param {(index: number) => number} middle */
function line(plan, field, row, middle) {
  const { y } = field;
  const { dash, colour } = row.mark;
  const group = s("g", {
    class: ["series", plan.stacked && "stacked", row.dashed && "expected"],
    style: { "--c": colour },
  });
  const height = (/** @type {number} */ index) =>
    y(row.spans ? (row.spans[index]?.[1] ?? 0) : (row.values[index] ?? 0));
  const base = (/** @type {number} */ index) => y(row.spans?.[index]?.[0] ?? plan.axis.low);
  for (const run of runs(row.values, plan.times, row.dashed ? undefined : plan.gap)) {
    const kept = thin(run, middle, height);
    const top = kept.map((index) => `${pixel(middle(index))} ${pixel(height(index))}`);
    if (kept.length === 1) {
      group.append(dot(row.mark, middle(kept[0]), height(kept[0])));
      continue;
    }
    if (plan.kind === "area" || plan.stacked) {
      const floor = [...kept].reverse().map((index) => `${pixel(middle(index))} ${pixel(base(index))}`);
      group.append(s("path", { d: `M${top.join("L")}L${floor.join("L")}Z`, class: "area" }));
    }
    const dashes = row.dashed ? "3 4" : dash;
    group.append(s("path", { d: `M${top.join("L")}`, class: "line", "stroke-dasharray": dashes || null }));
  }
  return group;
}

/** @param {Plan} plan @param {Field} field @param {Drawn} row @param {number} place */
function bars(plan, { x, y }, row, place) {
  const slot = x(plan.since + plan.step) - x(plan.since);
  const full = Math.max(1, slot - Math.min(3, slot * 0.25));
  const wide = plan.stacked ? full : full / plan.rows.length;
  const shift = (slot - full) / 2 + (plan.stacked ? 0 : place * wide);
  const group = s("g", { class: "bars", style: { "--c": row.mark.colour } });
  row.values.forEach((value, index) => {
    if (typeof value !== "number" || value === 0) return;
    const [low, high] = row.spans?.[index] ?? [plan.axis.low, value];
    const [from, to] = [y(low), y(high)];
    const box = {
      x: pixel(x(plan.times[index]) + shift),
      y: pixel(to),
      width: pixel(wide),
      height: pixel(Math.max(1, from - to)),
    };
    group.append(s("rect", box));
  });
  return group;
}

/** @param {number} value */
const pixel = (value) => Math.round(value * 10) / 10;
