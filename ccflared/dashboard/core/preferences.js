// @ts-check
// What the reader of this browser prefers. Never a credential: that is the cookie's, which no script can read.

const KEY = "ccflared";

/** @type {Record<string, any>} */
let held = {};
try {
  held = JSON.parse(localStorage.getItem(KEY) ?? "{}");
} catch {
  // no storage here, or something else is in it: the defaults hold until the page is closed
}

/**
 * @template T
 * @param {string} name
 * @param {T} fallback
 * @returns {T}
 */
export const preferred = (name, fallback) => (name in held ? held[name] : fallback);

/**
 * @param {string} name
 * @param {any} value
 */
export function prefer(name, value) {
  held = { ...held, [name]: value };
  try {
    localStorage.setItem(KEY, JSON.stringify(held));
  } catch {
    // as above
  }
}
