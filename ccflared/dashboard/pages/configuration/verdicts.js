// @ts-check
// What came of the file: the last verdict with its mistakes as `ccflared check` prints them, those before, and
// reading it anew.

import { get, post, Refusal } from "../../core/api.js";
import { h, keyed, replace } from "../../core/dom.js";
import { counted, moment } from "../../core/format.js";
import { badge, card, note } from "../../parts/basics.js";
import { confirmed } from "../../parts/dialog.js";
import { toast, toastFailure } from "../../parts/toast.js";
import { when } from "../../parts/time.js";

/** @typedef {import("../../core/dom.js").Child} Child */

/** @type {Record<string, string>} */
const CAUSES = {
  start: "at the start",
  file: "the file was changed",
  signal: "by a signal",
  command: "asked for",
  edit: "edited over the network",
};
/** Told of the place of a mistake that was chosen: `detail` is `FILE:LINE:COLUMN`. */
export const places = new EventTarget();

/** How the configuration stands: what is refused, what waits, what should be known. */
export function standing() {
  const element = h("div", { class: "stack", role: "status", hidden: true });
  const hint = h("span");
  let before = "";
  return {
    element,
    hint,
    /** @param {any} told  the answer of api/config/file */
    update(told) {
      const now = JSON.stringify([told.verdict.number, told.pending_restart, told.obstacle, told.edit]);
      if (now === before) return;
      before = now;
      const { verdict } = told;
      replace(
        element,
        verdict.applied ? null : refusal(verdict, told.in_force),
        told.pending_restart.length
          ? note("info", h("p", null, "Waiting for a restart: ", codes(told.pending_restart), "."))
          : null,
        verdict.warnings.map((/** @type {string} */ warning) => note("warn", warning)),
        closed(told),
      );
      element.hidden = !element.childElementCount;
      replace(
        hint,
        verdict.applied
          ? [badge("in force", "good"), ` configuration ${verdict.number}, `, when(verdict.at * 1000)]
          : [badge("refused", "bad"), ` configuration ${told.in_force} is in force`],
      );
    },
  };
}

/** @param {any} told */
function closed({ edit, obstacle }) {
  if (edit !== "all") {
    const said = ["The file says ", h("code", null, `[admin] edit = "${edit}"`), ": it is changed by hand."];
    return note("info", h("p", null, said));
  }
  return obstacle
    ? note("info", `The daemon may not write the file: ${obstacle} Changes are shown as TOML to paste.`)
    : null;
}

/**
 * @param {any} verdict
 * @param {number} inForce
 */
const refusal = (verdict, inForce) =>
  note(
    "bad",
    h("p", null, `The file is refused; configuration ${inForce} stays in force. `, ...why(verdict)),
    h("div", { class: "verdict" }, verdict.mistakes.map(mistake)),
    verdict.losses.length
      ? h(
          "p",
          null,
          "If this is intended, reload it here, or run ",
          h("code", null, "ccflared reload --allow-less"),
          ".",
        )
      : null,
  );

/** @param {any} verdict @returns {Child[]} */
function why({ losses, mistakes }) {
  if (losses.length) return [losses.join(" ")];
  return mistakes.length ? [`It has ${counted(mistakes.length, "mistake")}:`] : [];
}

/** A mistake with its line and the caret below it. @param {{ place: string, message: string, excerpt: string }} each */
export function mistake({ place, message, excerpt }) {
  const [line = "", caret = ""] = excerpt.split("\n");
  const go = () => places.dispatchEvent(new CustomEvent("chosen", { detail: place }));
  return h(
    "div",
    { class: "mistake" },
    h(
      "p",
      null,
      place
        ? h(
            "button",
            { type: "button", class: "place", title: `Show ${place}`, on: { click: go } },
            place.split("/").pop(),
          )
        : null,
      place ? ": " : null,
      message,
    ),
    line ? h("pre", { tabindex: 0 }, line, "\n", h("span", { class: "bad" }, caret)) : null,
  );
}

/** @param {import("../../core/scope.js").Scope} scope */
export function history(scope) {
  const list = h("div", { class: "verdicts" });
  return {
    element: card({ title: "History of reloads", hint: "since the daemon was started, latest first" }, list),
    async load() {
      const all = await get("api/reload", { signal: scope.signal });
      const current = all.find((/** @type {any} */ verdict) => verdict.applied);
      keyed(
        list,
        all,
        (verdict) => `${verdict.number} ${verdict === current}`,
        (verdict) => row(verdict, verdict === current),
      );
    },
  };
}

/**
 * @param {any} verdict
 * @param {boolean} current
 */
function row(verdict, current) {
  const { number, at, cause, applied, changes, losses, mistakes, warnings, needs_restart: restart } = verdict;
  const inside = [
    changes.length ? h("ul", { class: "changes mono small" }, changes.map(item)) : null,
    mistakes.map(mistake),
    losses.map((/** @type {string} */ loss) => h("p", null, loss)),
    restart.length ? h("p", null, "Waits for a restart: ", codes(restart)) : null,
    warnings.map((/** @type {string} */ warning) => h("p", { class: "warn" }, warning)),
  ].flat();
  const head = [
    h("span", { class: "nr" }, `#${number}`),
    !applied ? badge("refused", "bad") : current ? badge("in force", "good") : badge("applied"),
    h("span", { class: "what" }, summary(verdict)),
    h(
      "span",
      { class: "muted small cause", title: moment(at * 1000) },
      CAUSES[cause] ?? cause,
      " · ",
      when(at * 1000),
    ),
  ];
  return inside.some(Boolean)
    ? h("details", { class: "verdict" }, h("summary", { class: "verdict-line" }, head), inside)
    : h("div", { class: "verdict" }, h("div", { class: "verdict-line" }, head));
}

/** @param {any} verdict */
function summary({ applied, changes, cause, losses, mistakes }) {
  if (applied) {
    if (cause === "start") return "at the start of the daemon";
    return changes.length ? counted(changes.length, "change") : "no effective change";
  }
  return mistakes.length ? counted(mistakes.length, "mistake") : losses.join(" ");
}

/** @param {string} change */
const item = (change) => h("li", null, change);

/** @param {string[]} keys */
const codes = (keys) => keys.map((key, at) => [at ? ", " : null, h("code", null, key)]);

// -- Having the daemon read the file anew, with what it says to that.

/**
 * @param {() => Promise<void>} refresh
 * @param {boolean} [allowLess]
 */
export async function reload(refresh, allowLess = false) {
  try {
    const verdict = await post("api/reload", allowLess ? { allowLess } : {});
    const changes = verdict.changes.length;
    toast(changes ? `Configuration ${verdict.number} is in force.` : "Reloaded; nothing has changed.");
  } catch (error) {
    const losses = error instanceof Refusal ? (error.body?.losses ?? []) : [];
    if (losses.length && !allowLess && (await meant(losses))) return reload(refresh, true);
    if (error instanceof Refusal && error.body?.mistakes) toast("The file is refused.", "warn");
    else toastFailure(error);
  }
  await refresh();
}

/** @param {string[]} losses */
const meant = (losses) =>
  confirmed(
    { title: "This takes something away", yes: "Apply it", tone: "bad" },
    h(
      "ul",
      { class: "losses" },
      losses.map((loss) => h("li", null, loss)),
    ),
    h("p", { class: "muted" }, "The current configuration stays in force until you agree."),
  );
