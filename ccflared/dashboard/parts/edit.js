// @ts-check
// Changing the file: what would be written is shown first, as a diff, and written when that is what was meant.
//
//   const written = await edit({ title, method, path, body });
//
// title   heads the dialog: "Priority of work"
// method  "POST", "PATCH" or "DELETE" of a route that edits the file (all of them take ?preview=true)
// path    such as `api/accounts/${encodeURIComponent(name)}`
// body    the JSON body, as it is sent
// yes     the word on the button; "Save" unless told
// tone    "main", or "bad" for what takes something away
// force   where something else may name it (an account in chains): what `"force": true` in the body does then, in words
// done    gets the answer once it is written (a new key is in it), in place of the short word at the corner
// Returns true once it is written; false where it was cancelled, could not be, or was so already.

import { ask, Refusal } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { link } from "../core/router.js";
import { button, note, skeleton } from "./basics.js";
import { copyButton, diff, tomlBlock } from "./code.js";
import { dialog } from "./dialog.js";
import { toast } from "./toast.js";
import { check } from "./field.js";

/** @typedef {import("../core/dom.js").Child} Child */
/**
 * @typedef {object} Wish
 * @property {Child} title
 * @property {"POST" | "PATCH" | "DELETE"} method
 * @property {string} path
 * @property {any} [body]
 * @property {string} [yes]
 * @property {"main" | "bad"} [tone]
 * @property {string} [force]
 * @property {(answer: any) => unknown} [done]
 */

/**
 * Show what an edit would do, and do it if that is meant; see above.
 * @param {Wish} wish
 * @returns {Promise<boolean>}
 */
export async function edit(wish) {
  const shown = dialog({ title: wish.title, width: 760 });
  shown.element.classList.add("edit");
  await preview({ ...wish, body: wish.body ?? {} }, shown);
  return (await shown.closed) === true;
}

/**
 * @param {Wish} wish
 * @param {import("./dialog.js").Dialog} shown
 */
async function preview(wish, shown) {
  const cancel = button("Cancel", { on: () => shown.close(false) });
  replace(shown.body, skeleton(180));
  replace(shown.footer, cancel);
  try {
    const found = await ask(wish.method, wish.path, wish.body, { query: { preview: true } });
    replace(shown.body, whatItDoes(wish, found));
    // Where there is no TOML, it has a key that only the edit itself makes, and answers with the TOML.
    if (!found.diffs.length || !(found.writable || !found.toml)) {
      replace(shown.footer, button("Close", { on: () => shown.close(false) }));
      return;
    }
    const write = button(found.writable ? (wish.yes ?? "Save") : "Show TOML and key", {
      tone: wish.tone ?? "main",
      on: () => make(wish, shown, write),
    });
    replace(shown.footer, cancel, write);
    write.focus();
  } catch (error) {
    refused(wish, shown, error);
  }
}

/**
 * @param {Wish} wish
 * @param {import("./dialog.js").Dialog} shown
 * @param {HTMLButtonElement} write
 */
async function make(wish, shown, write) {
  write.disabled = true;
  try {
    const answer = await ask(wish.method, wish.path, wish.body);
    shown.close(true);
    if (wish.done) wish.done(answer);
    else toast(answer.message);
  } catch (error) {
    refused(wish, shown, error);
  }
}

/**
 * @param {Wish} wish
 * @param {any} found  the answer of a preview
 */
function whatItDoes(wish, found) {
  if (!found.diffs.length) return note("info", "Nothing to change: it is already so.");
  return [
    found.writable ? null : notWritable(found.obstacle, found.toml, found.diffs[0].file),
    found.untrusted ? note("warn", untrusted(wish, found.untrusted)) : null,
    found.warnings.map((/** @type {string} */ warning) => note("warn", warning)),
    found.changes.length
      ? h(
          "ul",
          { class: "changes", "aria-label": "What changes" },
          found.changes.map((/** @type {string} */ change) => h("li", null, inWords(change))),
        )
      : null,
    found.diffs.map((/** @type {{ file: string, diff: string }} */ each) =>
      h(
        "figure",
        { class: "stack" },
        h("figcaption", { class: "muted small mono" }, each.file),
        diff(each.diff, `Changes of ${each.file}`),
      ),
    ),
  ];
}

/** @param {string} change  `key: old -> new` @returns {Child} */
function inWords(change) {
  const [, key, before, after] = /^(.*?): (.*) -> (.*)$/.exec(change) ?? [];
  return key ? [h("code", null, key), ": ", h("s", null, before), " → ", h("strong", null, after)] : change;
}

/**
 * @param {Wish} wish
 * @param {string} origin
 */
function untrusted({ path }, origin) {
  const name = decodeURIComponent(path.split("/")[2] ?? "NAME");
  return h(
    "p",
    null,
    `Its credential was not given for ${origin}. The account will rest until you run `,
    h("code", null, `ccflared account trust ${/^[\w.-]+$/.test(name) ? name : `"${name}"`}`),
    " on the machine itself, unless its key comes together with the address.",
  );
}

/**
 * @param {string} why
 * @param {string | null} text
 * @param {string | null} file
 */
const notWritable = (why, text, file) =>
  h(
    "div",
    { class: "stack" },
    note("warn", `The daemon may not write the file: ${why}`),
    text
      ? [
          h(
            "div",
            { class: "row" },
            h("span", null, "Write it by hand", file ? [", into ", h("code", null, file)] : null, ":"),
            copyButton(() => text),
          ),
          tomlBlock(text, "TOML to write by hand"),
        ]
      : null,
  );

/**
 * Say why nothing was, or would be, written; and let go on where it takes a word more.
 * @param {Wish} wish
 * @param {import("./dialog.js").Dialog} shown
 * @param {unknown} error
 */
function refused(wish, shown, error) {
  const told = error instanceof Refusal && error.status ? (error.body ?? {}) : {};
  const again = condition(wish, told);
  const mistakes =
    told.verdict?.mistakes ?? (told.mistakes ?? []).map((/** @type {string} */ message) => ({ message }));
  replace(
    shown.body,
    told.kind === "not writable"
      ? notWritable(told.message, told.toml, told.file)
      : [
          note(
            "bad",
            h(
              "p",
              null,
              mistakes.length ? firstOf(told.message) : String(/** @type {any} */ (error).message),
            ),
          ),
          mistakes.length ? h("ul", { class: "mistakes" }, mistakes.map(mistake)) : null,
          BROKEN.test(told.message)
            ? h("p", null, h("a", { href: link(["configuration"]) }, "Configuration"))
            : null,
          told.toml && !again
            ? [h("p", null, "This was to be written:"), tomlBlock(told.toml, "TOML")]
            : null,
        ],
    again?.box.element,
  );
  const next =
    again &&
    button("Review", {
      disabled: true,
      on: () => preview({ ...wish, body: { ...wish.body, ...again.adds } }, shown),
    });
  again?.box.input.addEventListener("change", () => {
    if (next) next.disabled = !again.box.input.checked;
  });
  replace(shown.footer, button("Close", { on: () => shown.close(false) }), next);
}

/**
 * Return what has to be agreed to, and what is sent with it then; null where nothing helps.
 * @param {Wish} wish
 * @param {any} told
 */
function condition(wish, told) {
  if (told.kind !== "not allowed") return null;
  if (told.losses?.length) return { box: check("This is intended."), adds: { allowLess: true } };
  return wish.force && !wish.body.force ? { box: check(wish.force), adds: { force: true } } : null;
}

/** @param {{ place?: string, message: string, excerpt?: string }} each */
const mistake = ({ place, message, excerpt }) =>
  h(
    "li",
    null,
    place ? h("code", null, `${place}: `) : null,
    message,
    excerpt ? h("pre", null, excerpt) : null,
  );

/** What is said where the file was broken before. */
const BROKEN = /already has errors/;

/** The first sentence: the others are the mistakes, which are listed. @param {string} message */
const firstOf = (message) => /^.*?\.(?= |$)/.exec(message)?.[0] ?? message;
