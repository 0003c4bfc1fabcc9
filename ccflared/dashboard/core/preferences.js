// @ts-check
// What the reader of this browser prefers, the theme above all. Never a credential: that is the cookie's, which no
// script can read.

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

// -- Dark or light: as the system has it, until the reader says otherwise.

/** @typedef {"auto" | "dark" | "light"} Theme */
/** @type {readonly Theme[]} */
export const THEMES = ["auto", "dark", "light"];

/** @returns {Theme} */
export function theme() {
  const kept = preferred("theme", "auto");
  return THEMES.includes(kept) ? kept : "auto";
}

/** Put the theme in force. @param {Theme} wanted */
export function setTheme(wanted) {
  prefer("theme", wanted);
  show();
}

/** Show the page in the theme that is in force. */
export function show() {
  const kept = theme();
  if (kept === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.setAttribute("data-theme", kept);
}
