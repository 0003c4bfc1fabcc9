// @ts-check
// The parts of a message, as text and nothing else: whatever stands in them, it does nothing here; and what is folded
// away until it is asked for.

import { append, h } from "../../core/dom.js";
import { bytes, number } from "../../core/format.js";
import { badge, button } from "../../parts/basics.js";
import { plain } from "../../parts/plain.js";

/** @typedef {import("../../core/dom.js").Child} Child */
/** @typedef {Map<string, string>} Names  of tools, by the ids of their calls */

/** Pictures that a browser shows and that can do nothing. */
const SHOWABLE = /^image\/(png|jpeg|gif|webp|avif)$/;
const PREVIEW = 140;

/**
 * @param {any} part
 * @param {Names} names
 * @returns {Child}
 */
export function partOf(part, names) {
  switch (part.kind) {
    case "text":
      return bounded(part.text, prose, part.cut);
    case "thinking":
      return thinking(part);
    case "tool_call":
      return call(part);
    case "tool_result":
      return result(part, names);
    case "image":
      return image(part);
    case "document":
      return paper(part);
    default:
      return fold([badge(plain(part.type ?? "part"), "quiet", { plain: true }), preview(part.value)], () =>
        json(part.value, part),
      );
  }
}

/** What a part says in a line, for a message that is folded. @param {any} part @returns {string} */
export function gist(part) {
  switch (part.kind) {
    case "text":
      return part.text;
    case "thinking":
      return "";
    case "tool_call":
      return `calls ${part.name}`;
    case "tool_result":
      return part.parts.map(gist).find(Boolean) ?? "no result";
    case "image":
      return "an image";
    case "document":
      return part.title ?? "a document";
    default:
      return part.type;
  }
}

/** @param {unknown} value */
const preview = (value) => {
  const text = typeof value === "string" ? value : JSON.stringify(value ?? null);
  return h("span", { class: "preview" }, line(text));
};

/** One line of a text. @param {string} text */
export const line = (text) => {
  const begun = text
    .slice(0, 4 * PREVIEW)
    .replace(/\s+/g, " ")
    .trim();
  return plain(begun.length > PREVIEW ? `${begun.slice(0, PREVIEW)}…` : begun);
};

/** @param {any} part */
function thinking(part) {
  const sealed = part.sealed ? `sealed, ${number(part.sealed)} characters that only its maker can read` : "";
  if (!part.text)
    return h(
      "p",
      { class: "muted small" },
      `Thinking${sealed ? ` (${sealed})` : ", not shown by its maker"}`,
    );
  return fold(
    [h("span", null, "Thinking"), h("span", { class: "preview" }, line(part.text))],
    () => [
      bounded(part.text, prose, part.cut),
      sealed ? h("p", { class: "muted small" }, `Also ${sealed}.`) : null,
    ],
    { class: "thinking" },
  );
}

/** @param {any} part */
function call(part) {
  const empty = typeof part.arguments === "object" && part.arguments && !Object.keys(part.arguments).length;
  return fold(
    [
      h("span", null, "Calls ", h("code", null, plain(part.name || "a tool without a name"))),
      empty ? null : preview(part.arguments),
      part.broken ? badge("broken", "warn", { title: part.broken }) : null,
    ],
    () => [
      part.broken
        ? h("p", { class: "warn small" }, `Its arguments are not JSON: ${plain(part.broken)}`)
        : null,
      json(part.arguments, part),
      part.id ? h("p", { class: "muted small" }, plain(part.id)) : null,
    ],
    { class: "tool" },
  );
}

/** @param {any} part @param {Names} names */
function result(part, names) {
  const name = names.get(part.id) ?? part.id;
  return fold(
    [
      h("span", null, name ? ["Result of ", h("code", null, plain(name))] : "Result"),
      part.error ? badge("failed", "bad") : null,
      h("span", { class: "preview" }, line(gist(part))),
    ],
    () =>
      part.parts.length
        ? part.parts.map((/** @type {any} */ each) =>
            each.kind === "text" ? text(each) : partOf(each, names),
          )
        : h("p", { class: "muted" }, "Empty."),
    { class: "tool" },
  );
}

/** What a tool said: laid out where it is JSON, else as it stands. @param {any} part */
function text(part) {
  if (/^\s*[[{]/.test(part.text) && !part.cut && part.text.length < 500_000) {
    try {
      return bounded(JSON.stringify(JSON.parse(part.text), null, 2));
    } catch {
      // text that begins like JSON
    }
  }
  return bounded(part.text, pre, part.cut);
}

/** @param {unknown} value @param {any} part */
const json = (value, part) =>
  bounded(typeof value === "string" ? value : JSON.stringify(value ?? null, null, 2), pre, part.cut);

/** @param {any} part */
function image(part) {
  if (part.url) return elsewhere("Image", part.url);
  const told = `${part.mediaType ?? "image"}, ${bytes(part.bytes)}`;
  if (!part.data || !SHOWABLE.test(part.mediaType ?? ""))
    return h(
      "p",
      { class: "muted small" },
      `Image (${told}), ${part.data ? "of a kind that is not shown" : "too large to be shown"}`,
    );
  return h(
    "figure",
    { class: "shown-image" },
    h("img", {
      src: `data:${part.mediaType};base64,${part.data}`,
      alt: `Image, ${told}`,
      loading: "lazy",
      decoding: "async",
    }),
    h("figcaption", { class: "muted small" }, told),
  );
}

/** @param {any} part */
function paper(part) {
  const title = part.title ? plain(part.title) : "without a title";
  if (typeof part.text === "string")
    return fold([h("span", null, "Document "), h("bdi", null, title)], () =>
      bounded(part.text, pre, part.cut),
    );
  if (part.url) return elsewhere(`Document ${title}`, part.url);
  const kind = [
    part.mediaType && plain(part.mediaType),
    part.bytes !== undefined && bytes(part.bytes),
  ].filter(Boolean);
  return h("p", { class: "muted small" }, `Document ${title}${kind.length ? ` (${kind.join(", ")})` : ""}`);
}

/** @param {string} what @param {string} url */
const elsewhere = (what, url) =>
  h(
    "p",
    { class: "small" },
    h("span", { class: "muted" }, `${what}, not fetched, at `),
    h("code", null, plain(url)),
  );

// -- What is folded away until it is asked for, and made only then; texts of any length, of which the beginning is
// shown.

/** Characters of a text that are shown at first. */
const SHOWN = 6000;
/** Characters that one press shows more. */
const MORE = 50_000;

/**
 * @param {Child} summary
 * @param {() => Child} make  called when it is opened for the first time
 * @param {{ open?: boolean, class?: string }} [more]
 */
export function fold(summary, make, { open, class: name } = {}) {
  const element = h("details", { class: ["fold", name] }, h("summary", null, summary));
  let made = false;
  const fill = () => {
    if (made) return;
    made = true;
    element.append(h("div", { class: "inside" }));
    append(/** @type {Element} */ (element.lastElementChild), [make()]);
  };
  if (open) {
    fill();
    element.open = true;
  }
  element.addEventListener("toggle", () => element.open && fill());
  return element;
}

/**
 * A text as it stands: the beginning, and a button for more.
 * @param {string} text
 * @param {(text: string) => Child} [lay]  how a piece is laid out
 * @param {number} [cut]  characters that the API left out
 */
export function bounded(text, lay = pre, cut = 0) {
  const element = h("div", { class: "bounded" });
  let shown = 0;
  const show = (/** @type {number} */ most) => {
    let next = Math.min(text.length, shown + most);
    // Not between the halves of a letter.
    if (/[\ud800-\udbff]/.test(text.charAt(next - 1))) next += 1;
    element.querySelector(":scope > .more")?.remove();
    append(element, [lay(text.slice(shown, next))]);
    shown = next;
    if (shown < text.length) {
      const rest = button(`Show more of the other ${number(text.length - shown)} characters`, {
        on: () => show(MORE),
      });
      append(element, [h("div", { class: "more" }, rest)]);
    } else if (cut)
      append(element, [h("p", { class: "muted small" }, `${number(cut)} more characters are not told.`)]);
  };
  show(SHOWN);
  return element;
}

/** @param {string} text */
export const pre = (text) => h("pre", { class: "code wrap", tabindex: 0 }, plain(text));

/**
 * Text as people write it to models: paragraphs as they are, and code between fences.
 * @param {string} text
 */
export function prose(text) {
  /** @type {HTMLElement[]} */
  const blocks = [];
  /** @type {string[]} */
  let lines = [];
  let fence = "";
  const end = (/** @type {boolean} */ code) => {
    const told = plain(lines.join("\n"));
    if (code) blocks.push(h("pre", { class: "code", tabindex: 0 }, told));
    else if (told.trim()) blocks.push(h("p", { class: "prose" }, told.replace(/^\n+|\n+$/g, "")));
    lines = [];
  };
  for (const line of text.split("\n")) {
    const mark = /^\s{0,3}(`{3,}|~{3,})[^`]*$/.exec(line)?.[1] ?? "";
    if (fence ? mark.startsWith(fence) && line.trim() === mark : mark) {
      end(Boolean(fence));
      fence = fence ? "" : mark;
    } else lines.push(line);
  }
  end(Boolean(fence));
  return blocks;
}
