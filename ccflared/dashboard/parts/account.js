// @ts-check
// An account's state, in words, with why and until when; as `ccflared status` tells it.

import { h } from "../core/dom.js";
import { moment } from "../core/format.js";
import { badge, prose } from "./basics.js";
import { when } from "./time.js";

/** States in which an account is asked; doubt only orders. */
export const SERVING = new Set(["ready", "half-open", "doubtful"]);
/** States that somebody wants. */
const CALM = new Set(["off", "paused", "not asked"]);
/** States that no waiting mends. */
export const PERSON = new Set([
  "needs login",
  "no credential",
  "expired",
  "rejected",
  "unsupported",
  "endpoint not trusted",
]);

/** @param {string} state @returns {import("./basics.js").Tone} */
export function toneOf(state) {
  if (state === "ready") return "good";
  if (PERSON.has(state)) return "bad";
  return CALM.has(state) ? "quiet" : "warn";
}

/** @param {{ state: string }} account */
export const stateBadge = ({ state }) =>
  badge(state, toneOf(state), {
    title: state === "half-open" ? "The next request shows whether it serves again." : undefined,
  });

/**
 * Why an account is in its state, and until when; null where there is nothing to say.
 * @param {{ state: string, reason: string | null, until: number | null }} account  an account of /api/status, or one of
 *   its further reasons
 */
export function whyOf({ state, reason, until }) {
  if (!reason && until === null) return null;
  return h(
    "span",
    null,
    reason && prose(reason),
    reason && until !== null ? " · " : null,
    until === null ? null : ends(state, until),
  );
}

/** @param {string} state @param {number} until  Unix seconds */
function ends(state, until) {
  const at = until * 1000;
  if (at <= Date.now()) return "tried again with the next request";
  const word = SERVING.has(state) ? "asked last until then: " : "again ";
  return h("span", { title: moment(at) }, word, when(at, "ahead"));
}
