// @ts-check
// A request in words: how it ended, what happened.

import { money, ms } from "../../core/format.js";
import { plain } from "../../parts/plain.js";

/** @typedef {import("../../parts/basics.js").Tone} Tone */

/**
 * How a request ended, in a word or two.
 * @param {any} row
 * @returns {[string, Tone]}
 */
export function outcomeOf(row) {
  const status = row.statusCode;
  switch (row.outcome) {
    case "client_gone":
      return ["client left", "quiet"];
    case "truncated":
      return ["broke off", "bad"];
    case "refused":
      return [status ? `refused, ${status}` : "refused", "warn"];
    case "complete":
      if (status === 429) return ["limited, 429", "warn"];
      return status >= 400 ? [`error ${status}`, "bad"] : ["ok", "good"];
    default:
      return [status && status >= 400 ? `error ${status}` : "failed", "bad"];
  }
}

/**
 * What happened, in a sentence.
 * @param {any} row  with its tries
 */
export function sentence(row) {
  const who = row.accountUsed ? plain(row.accountUsed) : null;
  const took = ms(row.responseTimeMs);
  const others = (row.attempts?.length ?? 1) - 1;
  const tried = others > 0 ? `, after ${others} other ${others === 1 ? "attempt" : "attempts"}` : "";
  if (row.outcome === "refused")
    return who ? `Refused after ${took}; ${who} was tried last.` : "Refused before any account was asked.";
  if (row.outcome === "client_gone")
    return `The client left after ${took}${who ? `, while ${who} answered` : ", before any account did"}${tried}.`;
  if (row.outcome === "truncated")
    return `The answer of ${who ?? "the upstream"} broke off after ${took}${tried}.`;
  if (!row.success) {
    const how = row.statusCode >= 400 ? `answered with status ${row.statusCode}` : "failed";
    return `${who ?? "ccflared itself"} ${how} after ${took}${tried}.`;
  }
  const model = row.model ? ` with ${plain(row.model)}` : "";
  return `${who ?? "ccflared itself"} answered${model} in ${took}${tried}${paid(row)}.`;
}

/** @param {any} row */
function paid(row) {
  if (row.costUsd === null) return row.totalTokens === null ? "" : "; its cost is unknown";
  return `, for ${money(row.costUsd)}${row.billingType === "plan" ? " of its plan" : ""}`;
}

/** Who pays, in a word. @type {Record<string, string>} */
export const BILLING = { plan: "plan", api: "API", overage: "overage" };

/** The model that was asked for, where it is another one than what served. @param {any} row */
export const askedAs = (row) =>
  row.originalModel && row.model && row.originalModel !== row.model ? plain(row.originalModel) : null;

/** Who pays, in a few words. @param {any} row */
export const paidBy = ({ billingType }) =>
  billingType === "plan" ? "covered by the plan" : `billed (${BILLING[billingType]})`;
