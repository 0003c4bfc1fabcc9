// @ts-check
// What a person has to know of, or do something about; nothing where all is well. As `ccflared status` tells it.

import { h, keyed } from "../../core/dom.js";
import { counted } from "../../core/format.js";
import { link } from "../../core/router.js";
import { PERSON, SERVING } from "../../parts/account.js";
import { note } from "../../parts/basics.js";
import { when } from "../../parts/time.js";

/** @typedef {import("../../core/dom.js").Child} Child */
/** @typedef {[tone: "warn" | "bad" | "info", ...text: Child[]]} Notice */

/** Accounts of which is told one by one. */
const TOLD = 4;
/** Rows that wait for a disk that is slow. */
const QUEUED = 1000;

export function notices() {
  // What stays is not touched, so that only what is new is read out.
  const element = h("div", { class: "stack", "aria-live": "polite" });
  return {
    element,
    /** @param {any} status */
    update(status) {
      const all = [...ofAccounts(status.accounts), ...ofFile(status.config), ...ofDaemon(status)];
      element.hidden = !all.length;
      keyed(
        element,
        all.sort((a, b) => TONES.indexOf(a[0]) - TONES.indexOf(b[0])),
        (notice) => notice.map(plainly).join(""),
        ([tone, ...text]) => {
          const made = note(tone, h("p", null, text));
          made.removeAttribute("role");
          return made;
        },
      );
    },
  };
}

const TONES = ["bad", "warn", "info"];

/** The words of a child, and the moments rather than how far they are. @param {Child} child @returns {string} */
function plainly(child) {
  if (Array.isArray(child)) return child.map(plainly).join("");
  if (child instanceof HTMLTimeElement) return child.dateTime;
  return child instanceof Node ? (child.textContent ?? "") : String(child);
}

/** @param {any[]} accounts @returns {Notice[]} */
function ofAccounts(accounts) {
  /** @type {Notice[]} */
  const all = [];
  /** @param {string} name */
  const named = (name) => h("a", { href: link(["accounts", name]) }, name);
  for (const { name, state, reason, token, usage } of accounts) {
    if (PERSON.has(state))
      all.push(["bad", "Account ", named(name), `: ${state}${reason ? ` (${reason})` : ""}.`]);
    else if (token?.problem && token.todo)
      all.push([
        "bad",
        "The token of ",
        named(name),
        ` cannot be renewed: ${token.problem}. Next: `,
        h("code", null, token.todo),
      ]);
    else if (usage?.overage === "in use" && SERVING.has(state))
      all.push(["warn", named(name), " is on paid extra usage, beyond its plan."]);
  }
  const more = all.splice(TOLD).length;
  if (more)
    all.push([
      "bad",
      `${counted(more, "more account")} to look at: `,
      h("a", { href: link(["accounts"]) }, "Accounts"),
      ".",
    ]);
  const able = accounts.some((each) => each.order !== null);
  if (accounts.length && !able) all.unshift(["bad", ...nobody(accounts)]);
  return all;
}

/** @param {any[]} accounts @returns {Child[]} */
function nobody(accounts) {
  const soonest = Math.min(...accounts.map((each) => each.until ?? Infinity));
  return Number.isFinite(soonest)
    ? ["No account can serve now; the first is expected ", when(soonest * 1000, "ahead"), "."]
    : [
        "No account can serve until you do something: ",
        accounts
          .slice(0, TOLD)
          .map(({ name, state }, at) => [
            at ? ", " : "",
            h("a", { href: link(["accounts", name]) }, name),
            ` (${state})`,
          ]),
        accounts.length > TOLD
          ? [" and ", h("a", { href: link(["accounts"]) }, `${accounts.length - TOLD} more`)]
          : "",
        ".",
      ];
}

/** @param {any} config @returns {Notice[]} */
function ofFile({ refused, pending_restart: waiting, warnings }) {
  /** @type {Notice[]} */
  const all = [];
  const there = () => h("a", { href: link(["configuration"]) }, "Configuration");
  if (refused) {
    const why = refused.losses?.length
      ? "The changed file would take something away and was not applied"
      : "The changed file has errors";
    all.push(["bad", `${why}; the previous configuration stays in force. `, there()]);
  }
  if (warnings?.length) all.push(["warn", `The file has ${counted(warnings.length, "warning")}. `, there()]);
  if (waiting.length) all.push(["info", `Waiting for a restart: ${waiting.join(", ")}. `, there()]);
  return all;
}

/** @param {any} status @returns {Notice[]} */
function ofDaemon({ state, storage, history, payloads, prices, listeners, traffic }) {
  /** @type {Notice[]} */
  const all = [];
  const off = storage.error ?? history?.error;
  if (state === "draining")
    all.push(["warn", "The daemon is stopping: it finishes running requests and takes no new ones."]);
  if (off || history?.ok === false)
    all.push(["bad", `The history is not being written${off ? `: ${off}` : ""}. Requests are still served.`]);
  else if (!traffic.known) all.push(["warn", "The history cannot be read."]);
  if (payloads?.error) all.push(["bad", `Payloads are not kept: ${payloads.error}.`]);
  for (const { address, error } of listeners)
    if (error) all.push(["bad", `${address} is not served: ${error}`]);
  if (history?.dropped)
    all.push(["warn", `${counted(history.dropped, "request")} not recorded since the start.`]);
  if (history?.queued > QUEUED)
    all.push(["warn", `${counted(history.queued, "row")} to be written yet: the disk is slow.`]);
  if (prices?.error)
    all.push(["warn", `There is no newer price list: ${prices.error}. Prices are of ${prices.date}.`]);
  return all;
}
