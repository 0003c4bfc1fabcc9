// @ts-check
// The icons, drawn here: 24 × 24, lines in the colour of the text. They say nothing alone: a label stands beside
// them.

import { s } from "../core/dom.js";

const PATHS = {
  accounts: "M4 7h16v10H4zM4 11h16M8 15h3",
  add: "M12 5v14M5 12h14",
  alert: "M12 4 3 19h18zM12 10v4M12 16.8v.2",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l1.5 2h-15zM10 21h4",
  chart: "M4 20V4M4 20h16M8 16v-4M12 16V8M16 16v-6",
  check: "M5 12.5 10 17 19 7",
  chevron: "m9 6 6 6-6 6",
  clients:
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3.5 2.5-6 6-6s6 2.5 6 6M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14.5c2 .8 3 2.9 3 5.5",
  close: "M6 6l12 12M18 6 6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  down: "M12 5v14M6 13l6 6 6-6",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  file: "M6 3h8l4 4v14H6zM14 3v4h4M9 13h6M9 17h6",
  filter: "M4 5h16l-6 8v6l-4-2v-4z",
  home: "M4 11 12 4l8 7v9h-5v-6H9v6H4z",
  key: "M15.5 13a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM12.3 11.7 4 20M6.5 17.5 9 20M10 14l2 2",
  logs: "M4 6h16M4 10h10M4 14h16M4 18h8",
  menu: "M12 6v.1M12 12v.1M12 18v.1",
  moon: "M20 14.500A8 8 0 1 1 9.5 4a6.5 6.5 0 0 0 10.5 10.500z",
  out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  pause: "M8 5v14M16 5v14",
  play: "M7 5v14l12-7z",
  refresh: "M20 5v5h-5M19.5 10A8 8 0 1 0 20 14",
  requests: "M4 7h13l-3-3M20 17H7l3 3",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 21 21",
  shield: "M12 3 5 6v6c0 4.5 3 7.5 7 9 4-1.5 7-4.5 7-9V6z",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M4.9 4.900l1.4 1.400M17.7 17.700l1.4 1.400M2 12h2M20 12h2M4.9 19.100l1.4-1.400M17.7 6.300l1.4-1.4",
  auto: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 4v16",
  up: "M12 19V5M6 11l6-6 6 6",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
};

/** @typedef {keyof typeof PATHS} IconName */

/** @param {IconName} name */
export const icon = (name) =>
  s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: PATHS[name] }));
