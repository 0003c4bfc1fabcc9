// @ts-check
// What is looked at: range, filters, measure. It stands in the address, so that a view can be linked; and the filters
// above the charts.

import { get } from "../../core/api.js";
import { h } from "../../core/dom.js";
import { query, setQuery } from "../../core/router.js";
import { button, segments } from "../../parts/basics.js";
import { checks } from "../../parts/menu.js";

export const RANGES = /** @type {const} */ (["1h", "6h", "24h", "7d", "30d", "90d", "1y"]);
/** Filters by their names in the address, with the API's, and what stands for none. */
const FILTERS = /** @type {const} */ ([
  { id: "accounts", text: "Accounts", asked: "accounts", by: "account", none: ["no_account", "no account"] },
  { id: "models", text: "Models", asked: "models", by: "model", none: ["no_model", "no model"] },
  { id: "clients", text: "Clients", asked: "apiKeys", by: "client", none: ["no_api_key", "no client"] },
  { id: "projects", text: "Projects", asked: "projects", by: "project", none: ["no_project", "no project"] },
]);
export const STATUSES = /** @type {const} */ ([
  ["all", "All"],
  ["success", "Succeeded"],
  ["error", "Failed"],
]);

/** @typedef {"accounts" | "models" | "clients" | "projects"} FilterId */
/**
 * @typedef {object} View
 * @property {(typeof RANGES)[number]} range
 * @property {"all" | "success" | "error"} status
 * @property {Record<FilterId, string[]>} filters
 * @property {string} metric
 * @property {boolean} split  by model
 * @property {boolean} cumulative
 */

/** @returns {View} */
export function read() {
  const asked = query();
  const [range, status] = [asked.get("range"), asked.get("status")];
  return {
    range: RANGES.find((each) => each === range) ?? "24h",
    status: STATUSES.find(([each]) => each === status)?.[0] ?? "all",
    filters: {
      accounts: asked.getAll("accounts"),
      models: asked.getAll("models"),
      clients: asked.getAll("clients"),
      projects: asked.getAll("projects"),
    },
    metric: asked.get("metric") ?? "requests",
    split: asked.get("by") === "model",
    cumulative: asked.get("mode") === "cumulative",
  };
}

/** Keep it in the address; what is as ever is left out. @param {View} view */
export function keep(view) {
  setQuery({
    range: view.range === "24h" ? null : view.range,
    status: view.status === "all" ? null : view.status,
    ...view.filters,
    metric: view.metric === "requests" ? null : view.metric,
    by: view.split ? "model" : null,
    mode: view.cumulative ? "cumulative" : null,
  });
}

/** The same for the API. @param {View} view */
export function asked({ range, status, filters }) {
  const named = FILTERS.map(({ id, asked: name }) => [name, filters[id]]);
  return { range, status: status === "all" ? null : status, ...Object.fromEntries(named) };
}

/** @param {View} view */
export const filtered = ({ status, filters }) =>
  status !== "all" || FILTERS.some(({ id }) => filters[id].length > 0);

/** Seconds until it is asked again: long ranges change slowly, and take longer. @param {View} view */
export const pause = ({ range }) => (["1h", "6h", "24h"].includes(range) ? 30 : 300);

/** How the API calls a span of time up to now. @param {View} view */
export const since = ({ range }) => (range === "1y" ? "365d" : range);

// -- The filters above the charts.

/** @typedef {(typeof FILTERS)[number]} Filter */

/**
 * @param {View} view
 * @param {import("../../core/scope.js").Scope} scope
 * @param {() => unknown} changed
 */
export function filters(view, scope, changed) {
  /** @type {Map<string, Promise<[string, string][]>>} */
  const known = new Map();
  /** What there is to choose from is asked for when somebody wants to choose. @param {Filter} filter */
  const choices = (filter) => {
    const key = `${filter.by} ${view.range}`;
    const found = known.get(key) ?? names(filter, view, scope.signal);
    known.set(key, found);
    found.catch(() => known.delete(key));
    return found;
  };
  const clear = button("Clear filters", { tone: "quiet", on: () => forget() });
  const change = () => {
    clear.hidden = !filtered(view);
    changed();
  };
  const menus = FILTERS.map((filter) =>
    checks(
      { text: filter.text },
      () => choices(filter),
      () => view.filters[filter.id],
      (chosen) => {
        view.filters[filter.id] = chosen;
        change();
      },
    ),
  );
  const status = () =>
    segments("How they ended", STATUSES, view.status, (value) => {
      view.status = value;
      change();
    });
  const place = h("div", null, status());
  const forget = () => {
    for (const { id } of FILTERS) view.filters[id] = [];
    view.status = "all";
    for (const menu of menus) menu.show();
    place.replaceChildren(status());
    change();
    menus[0]?.element.querySelector("button")?.focus();
  };
  clear.hidden = !filtered(view);
  return h(
    "div",
    { class: "row filters" },
    menus.map((menu) => menu.element),
    place,
    clear,
  );
}

/**
 * @param {Filter} filter @param {View} view @param {AbortSignal} signal
 * @returns {Promise<[string, string][]>}
 */
async function names({ id, by, none }, view, signal) {
  const { rows } = await get("api/usage", { query: { by, since: since(view) }, signal });
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const { key } of rows) found.set(key === null ? none[0] : key, key ?? none[1]);
  // What is chosen can be taken back, even where nothing of it is in the range.
  for (const name of view.filters[id])
    if (!found.has(name)) found.set(name, name === none[0] ? none[1] : name);
  return [...found].sort(([, a], [, b]) => a.localeCompare(b));
}
