// @ts-check
// Dark or light: as the system has it, until the reader says otherwise.

import { prefer, preferred } from "./preferences.js";

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
