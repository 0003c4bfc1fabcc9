// @ts-check
// The conversation of a request: what the model was told, and what it answered. Long ones are folded, but for the
// end.

import { get } from "../../core/api.js";
import { h } from "../../core/dom.js";
import { bytes, counted, number, seconds } from "../../core/format.js";
import { link } from "../../core/router.js";
import { badge, button, card, fill, note, skeleton } from "../../parts/basics.js";
import { plain } from "../../parts/plain.js";
import { bounded, fold, gist, line, partOf } from "./parts.js";

/** Messages at the end that are open at once. */
const OPEN = 3;
/** Messages that are listed at first, and that one press lists more. */
const LISTED = 40;

/**
 * @param {any} row
 * @param {import("../../core/scope.js").Scope} scope
 */
export function conversation(row, scope) {
  const place = h("div", { class: "stack" }, skeleton(row.hasPayload ? 260 : 90));
  const element = card({ title: "Conversation" }, place);
  void fill(place, scope, async (signal) =>
    row.hasPayload
      ? shown(await get(`api/requests/${encodeURIComponent(row.id)}/conversation`, { signal }))
      : notKept((await get("api/status", { signal })).payloads),
  );
  return element;
}

/** @param {{ on: boolean, error: string | null, kept_for: number | null }} payloads */
const notKept = ({ on, error, kept_for }) =>
  note(
    "info",
    "The content of this request was not kept.",
    on
      ? h(
          "p",
          { class: "muted" },
          `Conversations are kept for ${seconds(kept_for)}: this one is older, came before they were kept, or was deleted to make room.`,
        )
      : [
          error ? h("p", { class: "bad" }, plain(error)) : null,
          h("p", { class: "muted" }, "To keep conversations from now on, set:"),
          h("pre", { class: "code" }, '[storage]\nkeep_payloads = "7d"'),
          h("p", null, h("a", { href: link(["configuration"]) }, "Configuration")),
        ],
  );

/** @param {any} told */
function shown(told) {
  /** @type {Map<string, string>} */
  const names = new Map();
  for (const { parts } of [...told.messages, told.answer ?? { parts: [] }]) {
    for (const part of parts) if (part.kind === "tool_call" && part.id) names.set(part.id, part.name);
  }
  return [
    told.notes.length
      ? note("warn", ...told.notes.map((/** @type {string} */ each) => h("p", null, plain(each))))
      : null,
    h("div", { class: "folds" }, system(told.system, names), tools(told.tools)),
    messages(told.messages, names),
    told.answer ? answer(told.answer, names) : h("p", { class: "muted" }, "No answer is kept."),
  ];
}

/** @param {any[]} parts @param {Map<string, string>} names */
function system(parts, names) {
  if (!parts.length) return null;
  const size = parts.reduce((sum, part) => sum + (part.text?.length ?? 0) + (part.cut ?? 0), 0);
  return fold(
    [h("span", null, "System prompt"), h("span", { class: "preview" }, `${number(size)} characters`)],
    () => parts.map((part) => partOf(part, names)),
  );
}

/** @param {any[]} listed */
function tools(listed) {
  if (!listed.length) return null;
  const size = listed.reduce((sum, tool) => sum + (tool.bytes ?? 0), 0);
  return fold(
    [h("span", null, counted(listed.length, "tool")), h("span", { class: "preview" }, bytes(size))],
    () =>
      h(
        "ul",
        { class: "list" },
        listed.map((tool) =>
          h(
            "li",
            null,
            h(
              "div",
              { class: "row" },
              h("code", null, plain(tool.name)),
              h("span", { class: "muted small" }, bytes(tool.bytes)),
            ),
            tool.description
              ? h(
                  "div",
                  { class: "muted small" },
                  bounded(tool.description, (text) => h("p", { class: "prose" }, plain(text)), tool.cut),
                )
              : null,
          ),
        ),
      ),
  );
}

/** @param {any[]} all @param {Map<string, string>} names */
function messages(all, names) {
  const place = h("div", { class: "turn-list" });
  let from = all.length;
  const more = () => {
    const before = Math.max(0, from - LISTED);
    const made = all
      .slice(before, from)
      .map((each, at) => message(each, names, before + at >= all.length - OPEN));
    place.querySelector(":scope > .more")?.remove();
    place.prepend(...made);
    from = before;
    if (from) {
      const words = `${counted(Math.min(LISTED, from), "earlier message")} of ${number(from)}`;
      place.prepend(h("div", { class: "more" }, button(`Show ${words}`, { on: more })));
    }
  };
  more();
  return place;
}

/** @param {{ role: string, parts: any[] }} given @param {Map<string, string>} names @param {boolean} open */
function message({ role, parts }, names, open) {
  const results = parts.length > 0 && parts.every((part) => part.kind === "tool_result");
  const who = results ? "tool" : role;
  return fold(
    [
      h("span", { class: "role" }, results ? "tool results" : plain(role)),
      h("span", { class: "preview" }, line(parts.map(gist).find(Boolean) ?? "")),
    ],
    () => (parts.length ? parts.map((part) => partOf(part, names)) : h("p", { class: "muted" }, "Empty.")),
    { open, class: `turn ${["user", "assistant", "tool"].includes(who) ? who : "system"}` },
  );
}

/** @param {any} told @param {Map<string, string>} names */
function answer(told, names) {
  return h(
    "section",
    { class: "turn answer", "aria-label": "Answer" },
    h(
      "div",
      { class: "row" },
      h("span", { class: "role" }, "answer"),
      told.model ? h("bdi", { class: "muted small" }, plain(told.model)) : null,
      told.stop ? badge(`ended by ${plain(told.stop)}`, "quiet", { plain: true }) : null,
      told.whole ? null : badge("not whole", "warn"),
    ),
    told.parts.map((/** @type {any} */ part) => partOf(part, names)),
    told.error
      ? note(
          "bad",
          h(
            "p",
            null,
            told.error.kind ? [h("code", null, plain(told.error.kind)), " "] : null,
            plain(told.error.message),
          ),
        )
      : null,
    !told.parts.length && !told.error ? h("p", { class: "muted" }, "Nothing was said.") : null,
  );
}
