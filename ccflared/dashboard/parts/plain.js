// @ts-check
// Text from elsewhere, shown so that it can do nothing but be read: what steers a terminal or turns the direction of
// writing becomes a sign that can be seen. What was searched for is marked; ids of requests lead to them.

import { h } from "../core/dom.js";
import { link } from "../core/router.js";

/** @typedef {import("../core/dom.js").Child} Child */

// Controls (but the tabulator and the line's end), marks of direction, what has no width (but the joiners, which some
// scripts need), lone surrogates.
const STEERING =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udfff]/g;
/** Ids that this daemon gives; those of providers look otherwise. */
const REQUEST = /\breq_[0-9a-f]{24}\b/g;

/**
 * Return a text in which whatever cannot be seen can.
 * @param {string} text
 */
export const plain = (text) => text.replaceAll("\r\n", "\n").replace(STEERING, sign);

/** @param {string} found */
function sign(found) {
  const code = found.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : `\u27e8${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
}

/**
 * Return a text as nodes: `needle` (in lower case) is marked wherever it stands, and requests are links.
 * @param {string} text
 * @param {string} [needle]
 * @returns {Child[]}
 */
export function told(text, needle = "") {
  const shown = plain(text);
  /** @type {Child[]} */
  const nodes = [];
  let from = 0;
  for (const found of shown.matchAll(REQUEST)) {
    nodes.push(marked(shown.slice(from, found.index), needle));
    nodes.push(h("a", { href: link(["requests", found[0]]) }, marked(found[0], needle)));
    from = found.index + found[0].length;
  }
  nodes.push(marked(shown.slice(from), needle));
  return nodes;
}

/**
 * @param {string} text
 * @param {string} needle
 * @returns {Child}
 */
function marked(text, needle) {
  const lower = text.toLowerCase();
  // Where a letter's lower case is longer, places in one are not those in the other.
  if (!needle || lower.length !== text.length) return text;
  /** @type {Child[]} */
  const nodes = [];
  let from = 0;
  for (let at = lower.indexOf(needle); at >= 0; at = lower.indexOf(needle, from)) {
    nodes.push(text.slice(from, at), h("mark", null, text.slice(at, at + needle.length)));
    from = at + needle.length;
  }
  nodes.push(text.slice(from));
  return nodes;
}
