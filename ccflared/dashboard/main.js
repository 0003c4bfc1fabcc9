// @ts-check
// The page as a whole: who may see it, the frame, and which page is in it.

import { door, get, Refusal } from "./core/api.js";
import { h, replace } from "./core/dom.js";
import { here, link } from "./core/router.js";
import { Scope } from "./core/scope.js";
import { show as showTheme } from "./core/theme.js";
import { empty, failed, pageHead } from "./parts/basics.js";
import { tick } from "./parts/time.js";
import { toast } from "./parts/toast.js";
import { frame } from "./shell/frame.js";
import { login, redeemLink } from "./shell/login.js";

/**
 * @typedef {object} Page
 * @property {string} title
 * @property {(root: HTMLElement, scope: Scope, params: string[]) => unknown} mount  puts the page into `root`; what it
 *   begins belongs to `scope`; `params` are the parts of the path after the page's name. Done, or its promise, when the
 *   page can be used.
 */

/** @type {Record<string, () => Promise<{ default: Page }>>} */
const PAGES = {
  "": () => import("./pages/overview.js"),
  analytics: () => import("./pages/analytics.js"),
  requests: () => import("./pages/requests.js"),
  accounts: () => import("./pages/accounts.js"),
  clients: () => import("./pages/clients.js"),
  alerts: () => import("./pages/alerts.js"),
  configuration: () => import("./pages/configuration.js"),
  logs: () => import("./pages/logs.js"),
  start: () => import("./pages/start.js"),
};

/** @type {Page} */
const NOTHING = {
  title: "Nothing here",
  mount: (root) =>
    root.append(
      pageHead("Nothing here"),
      empty("There is no such page.", h("a", { href: link([]) }, "To the overview")),
    ),
};

/** @type {Scope | null} */
let shown = null;
/** @type {ReturnType<typeof frame> | null} */
let framed = null;

async function begin() {
  showTheme();
  const refused = await redeemLink();
  const session = await get("api/session");
  if (!session.admitted) return askForLogin(session, refused);
  leave();
  framed = frame(session);
  document.body.prepend(framed.element);
  if (refused) toast(refused, "bad");
  await turn();
}

/**
 * @param {any} session
 * @param {string | null} [refused]  why the link did not let the reader in
 */
function askForLogin(session, refused = null) {
  leave();
  document.title = "Log in · ccflared";
  document.body.prepend(login(session, () => location.reload(), refused));
}

/** End what is shown. A key that is shown this once stays until its reader has kept it. */
function leave() {
  shown?.end();
  framed?.scope.end();
  shown = framed = null;
  for (const each of [...document.body.children]) if (!each.matches("dialog[data-keep]")) each.remove();
}

/** Show the page that the address names. */
async function turn() {
  if (!framed) return;
  const [name = "", ...params] = here().path;
  shown?.end();
  const scope = (shown = new Scope());
  const { main, root } = framed;
  framed.at(name);
  try {
    const page = await loaded(name);
    if (scope.over) return;
    const moved = root.childElementCount > 0;
    document.title = `${page.title} · ccflared`;
    const fresh = h("div", { class: `page ${name || "overview"}` });
    root.replaceChildren(fresh);
    window.scrollTo(0, 0);
    // Whoever does not see the page hears of the new one, and goes on from its beginning.
    if (moved) main.focus({ preventScroll: true });
    await page.mount(fresh, scope, params);
    performance.mark("ccflared:ready");
  } catch (error) {
    if (scope.over) return;
    // What could not be had because nobody was there is had once somebody is.
    if (error instanceof Refusal && !error.status) scope.on(door, "back", () => location.reload());
    replace(
      root,
      failed(error, () => location.reload()),
    );
    if (!(error instanceof Refusal)) throw error;
  }
}

/**
 * @param {string} name
 * @returns {Promise<Page>}
 */
async function loaded(name) {
  const load = Object.hasOwn(PAGES, name) ? PAGES[name] : undefined;
  try {
    return load ? (await load()).default : NOTHING;
  } catch (error) {
    // The files of a version are only there as long as it runs.
    if (error instanceof TypeError)
      throw new Refusal(0, "The daemon was updated, or cannot be reached.", null);
    throw error;
  }
}

window.addEventListener("hashchange", () => {
  void (location.hash.startsWith("#link=") ? start() : turn());
});
door.addEventListener("lost", async () => {
  const session = await get("api/session");
  // Several requests may have been refused at once; what is typed after the first shall stay.
  if (!session.admitted && framed) askForLogin(session);
});
setInterval(() => document.hidden || tick(), 1000);
const start = () =>
  begin().catch((error) => {
    leave();
    document.body.prepend(failed(error, () => location.reload()));
  });
void start();
