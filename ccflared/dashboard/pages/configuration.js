// @ts-check
// Configuration: the file with the last verdict on it, settings, the history of reloads, storage and the machine.

import { get } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { query, setQuery } from "../core/router.js";
import { button, failed, pageHead, segments, skeleton } from "../parts/basics.js";
import { toast } from "../parts/toast.js";
import { history, reload, standing } from "./configuration/verdicts.js";
import { settings } from "./configuration/settings.js";
import { files } from "./configuration/source.js";
import { storage } from "./configuration/storage.js";

/** @typedef {import("../core/scope.js").Scope} Scope */
/**
 * @typedef {object} View  one of the four
 * @property {HTMLElement} element
 * @property {() => Promise<void>} load  reads what it shows, anew
 */

const VIEWS = /** @type {const} */ (["file", "settings", "history", "storage"]);
const WORDS = { file: "File", settings: "Settings", history: "History", storage: "Storage" };

export default {
  title: "Configuration",
  /**
   * @param {HTMLElement} root
   * @param {Scope} scope
   */
  async mount(root, scope) {
    const asked = query().get("view");
    let shown = VIEWS.find((view) => view === asked) ?? "file";
    const said = standing();
    const place = h("div", null, skeleton(480));
    /** @type {Scope | null} */
    let part = null;
    /** @type {View | null} */
    let view = null;
    const show = async () => {
      part?.end();
      const mine = (part = scope.child());
      view = make(shown, mine, refresh);
      try {
        await view.load();
        if (!mine.over) replace(place, view.element);
      } catch (error) {
        if (!mine.over) replace(place, failed(error, show));
      }
    };
    const refresh = async () => {
      try {
        said.update(await get("api/config/file", { signal: scope.signal }));
        await view?.load();
      } catch {
        // the frame tells that the daemon is not reached; what is shown was so
      }
    };
    const choices = VIEWS.map((each) => /** @type {const} */ ([each, WORDS[each]]));
    const again = button("Reload", { icon: "refresh", on: () => reload(refresh) });
    const tabs = segments("Part of the configuration", choices, shown, (each) => {
      shown = each;
      setQuery({ view: each === "file" ? null : each });
      void show();
    });
    root.append(pageHead("Configuration", { hint: said.hint, actions: [tabs, again] }), said.element, place);
    const first = get("api/config/file", { signal: scope.signal }).then(said.update);
    await Promise.all([first, show()]);
    watch(scope, refresh);
  },
};

/**
 * @param {typeof VIEWS[number]} view
 * @param {Scope} scope
 * @param {() => Promise<void>} refresh
 * @returns {View}
 */
function make(view, scope, refresh) {
  switch (view) {
    case "settings":
      return settings(scope, refresh);
    case "history":
      return history(scope);
    case "storage":
      return storage(scope);
    default:
      return files(scope);
  }
}

/**
 * Look every few seconds whether somebody else has changed the file.
 * @param {Scope} scope
 * @param {() => Promise<void>} refresh
 */
function watch(scope, refresh) {
  let before = "";
  scope.every(3, async (signal) => {
    const { config } = await get("api/status", { signal }).catch(() => ({ config: null }));
    if (!config) return;
    const number = config.refused?.number ?? config.serial;
    const now = `${number} ${config.pending_restart}`;
    if (before && now !== before) {
      await refresh();
      if ((config.refused ?? config).cause === "file") {
        if (config.refused) toast("The changed file has errors and was not applied.", "warn");
        else toast(`The file was changed: configuration ${number} is in force.`, "info");
      }
    }
    before = now;
  });
}
