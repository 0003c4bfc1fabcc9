// @ts-check
// Where one can go.

/**
 * Where one can go: in the address, in words, as a picture, and by which key after g.
 * @type {readonly (readonly [string, string, import("../parts/icon.js").IconName, string])[]}
 */
export const PLACES = [
  ["", "Overview", "home", "o"],
  ["analytics", "Analytics", "chart", "n"],
  ["requests", "Requests", "requests", "r"],
  ["accounts", "Accounts", "accounts", "a"],
  ["clients", "Clients", "clients", "c"],
  ["alerts", "Alerts", "bell", "t"],
  ["configuration", "Configuration", "file", "f"],
  ["logs", "Logs", "logs", "l"],
];
