// @ts-check
// What is said where something is not known.

import { counted } from "../../core/format.js";
import { note } from "../../parts/basics.js";

/**
 * Why a part of the answer is empty, where it cannot be told; undefined where nothing happened.
 * @param {any} meta @param {string} part  its name in the answer
 */
export function unavailable(meta, part) {
  if (!(meta.omitted ?? []).includes(part)) return undefined;
  return notKept(meta) ?? "Not kept for this range and filter";
}

/** What is said of all but numbers of requests, where those are all that is kept. @param {any} meta */
export const notKept = (meta) => (meta.countsOnly ? "Not kept by outcome" : undefined);

/** @param {any} analytics */
export function remarks({ meta, totals }) {
  const which = meta.status === "error" ? "the failed ones" : "those that succeeded";
  const kept = "Beyond six hours, only the number of requests is kept by outcome";
  const counts = `${kept}: tokens, costs and times of ${which} are not known.`;
  const many = counted(totals.unpricedRequests ?? 0, "request");
  return [
    meta.countsOnly ? note("info", counts) : null,
    totals.unpricedRequests > 0
      ? note("warn", `The cost of ${many} is not known and is not included in the sums.`)
      : null,
  ];
}

/** @param {number | null | undefined} many */
export const unpriced = (many) => (many ? `${counted(many, "request")} of unknown cost` : null);
