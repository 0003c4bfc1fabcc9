// @ts-check
// What was sent and what came, as it was: headers and bodies; and the request as a line for the shell.

import { base, get } from "../../core/api.js";
import { h, replace } from "../../core/dom.js";
import { bytes, number } from "../../core/format.js";
import { card, facts, fill, note, segments, skeleton } from "../../parts/basics.js";
import { copyButton } from "../../parts/code.js";
import { plain } from "../../parts/plain.js";
import { bounded, fold } from "./parts.js";

/** @typedef {import("../../core/scope.js").Scope} Scope */
/** @typedef {{ headers: Record<string, string>, body: string, bytes: number, truncated: boolean, status?: number | null }} Side */

/** Characters of a body that are laid out as JSON. */
const LAID_OUT = 1_000_000;
/** Headers that belong to the connection that the request came by. */
const OF_CONNECTION =
  /^(host|connection|content-length|content-encoding|transfer-encoding|accept-encoding|keep-alive|te|upgrade|expect|forwarded|x-forwarded-.*|x-real-ip|via|authorization|x-api-key|cookie)$/i;

/** @type {WeakMap<any, Promise<any>>} */
const payloads = new WeakMap();

/** @param {any} row @param {Scope} scope */
function payload(row, scope) {
  const asked =
    payloads.get(row) ?? get(`api/requests/payload/${encodeURIComponent(row.id)}`, { signal: scope.signal });
  payloads.set(row, asked);
  asked.catch(() => payloads.delete(row));
  return asked;
}

/** @param {any} row @param {Scope} scope */
export function rawCard(row, scope) {
  if (!row.hasPayload) return null;
  /** @param {"request" | "response"} side @param {(side: Side) => import("../../core/dom.js").Child} make */
  const of = (side, make) => () => {
    const place = h("div", null, skeleton(80));
    void fill(place, scope, async () => make((await payload(row, scope))[side]));
    return place;
  };
  return card(
    { title: "As it was sent and answered", hint: "credentials are not kept" },
    h(
      "div",
      { class: "folds" },
      fold("Headers of the request", of("request", headers)),
      fold("Body of the request", of("request", body)),
      fold("Headers of the answer", of("response", headers)),
      fold("Body of the answer", of("response", body)),
    ),
  );
}

/** @param {Side} side */
function headers(side) {
  const all = Object.entries(side.headers);
  if (!all.length) return h("p", { class: "muted" }, "None.");
  return facts(
    ...all.map(
      ([name, value]) => /** @type {const} */ ([h("code", null, plain(name)), h("code", null, plain(value))]),
    ),
  );
}

/** @param {Side} side */
function body(side) {
  if (!side.body)
    return h("p", { class: "muted" }, side.bytes ? `${bytes(side.bytes)}, not kept.` : "Empty.");
  const text = textOf(side);
  const pretty = text.length <= LAID_OUT ? laidOut(text) : null;
  const place = h("div", null, bounded(pretty ?? text));
  return h(
    "div",
    { class: "stack" },
    h(
      "div",
      { class: "row" },
      pretty
        ? segments(
            "How it is shown",
            /** @type {const} */ ([
              ["pretty", "Laid out"],
              ["raw", "Raw"],
            ]),
            "pretty",
            (how) => replace(place, bounded(how === "raw" ? text : pretty)),
          )
        : null,
      copyButton(() => text),
      h("span", { class: "muted small" }, `${number(side.bytes)} bytes`),
    ),
    side.truncated ? note("warn", "Not all of it is kept.") : null,
    place,
  );
}

/** @param {Side} side */
const textOf = (side) => new TextDecoder().decode(raw(side));

/** @param {Side} side */
const raw = (side) => Uint8Array.from(atob(side.body), (letter) => letter.charCodeAt(0));

/** @param {string} text */
function laidOut(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

/** @param {any} row @param {Scope} scope */
export const curlButton = (row, scope) =>
  copyButton(async () => asCurl(row, (await payload(row, scope)).request), { text: "Copy as curl" });

/**
 * The request as a line for the shell, to this daemon, with a word in place of the key.
 * @param {any} row
 * @param {Side} side
 */
function asCurl(row, side) {
  const kept = Object.entries(side.headers).filter(([name, value]) => !OF_CONNECTION.test(name) && value);
  const key = row.path.startsWith("/v1/messages")
    ? /** @type {const} */ (["x-api-key", "YOUR_KEY"])
    : /** @type {const} */ (["authorization", "Bearer YOUR_KEY"]);
  const told = side.truncated || !side.bytes ? null : exact(side);
  const line = curl({
    method: row.method,
    url: new URL(row.path.replace(/^\/+/, ""), base).href,
    headers: [...kept, key],
    body: told,
  });
  return told === null && side.bytes
    ? `# Its body is not kept as a whole: give it by --data-binary @FILE.\n${line}`
    : line;
}

/** The text of a body, if it is one that a shell can hold. @param {Side} side */
function exact(side) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw(side));
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}

// -- A request as a line for the shell, quoted so that it stays what it was.

const PLAIN = /^[\w/:=.,@%+-]+$/;
// In single quotes everything stands for itself; but these do something to a terminal, or to how a line is read.
const ODD = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/;
/** Characters that are given as an argument; Linux takes 128 KiB in one. */
const LONGEST = 100_000;

/**
 * Return a text as one word of bash and zsh.
 * @param {string} text
 */
export function quoted(text) {
  if (PLAIN.test(text)) return text;
  return ODD.test(text) ? `$'${escaped(text)}'` : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** @param {string} text */
function escaped(text) {
  let told = "";
  for (const letter of text) {
    if (letter === "\\" || letter === "'") told += `\\${letter}`;
    // The shell may look for its history at an exclamation mark, and three digits end where they end.
    else if (letter === "!" || (letter !== "\n" && ODD.test(letter))) told += octal(letter);
    else told += letter;
  }
  return told;
}

/** @param {string} letter */
const octal = (letter) =>
  [...new TextEncoder().encode(letter)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");

/**
 * @param {{ method: string, url: string, headers: (readonly [string, string])[], body: string | null }} request
 */
export function curl({ method, url, headers, body }) {
  const parts = [
    `curl -sS ${method === (body === null ? "GET" : "POST") ? "" : `-X ${quoted(method)} `}${quoted(url)}`,
  ];
  for (const [name, value] of headers) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body === null) return parts.join(" \\\n  ");
  if (body.length <= LONGEST) return [...parts, `--data-binary ${quoted(body)}`].join(" \\\n  ");
  return `printf %s ${quoted(body)} | ${[...parts, "--data-binary @-"].join(" \\\n  ")}`;
}
