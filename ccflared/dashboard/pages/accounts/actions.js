// @ts-check
// What can be done with an account, as items of menus: at once (pause, resume, reset, test, usage, logging out), and
// by changes of the file, whose dialogs come when one is chosen.

import { post, Refusal } from "../../core/api.js";
import { h } from "../../core/dom.js";
import { confirmed } from "../../parts/dialog.js";
import { toast, toastFailure } from "../../parts/toast.js";
import { isPausedByHand } from "./told.js";

/** @typedef {import("../../parts/menu.js").Item} Item */

/** The path of a call about an account. @param {string} name @param {string} [call] */
export const pathOf = (name, call) =>
  // By its own name, one called stream would be the stream of all.
  `api/accounts/${encodeURIComponent(name).replace(/^stream$/, "%73tream")}${call ? `/${call}` : ""}`;

/**
 * Do it, and tell what came of it.
 * @param {string} name
 * @param {string} call
 * @param {() => unknown} done  asked for the state anew
 * @param {string} [words]  in place of the answer's, which are for those who type commands
 */
async function act(name, call, done, words) {
  try {
    const told = await post(pathOf(name, call));
    toast(words ?? told.message, told.success === false ? "warn" : "good");
  } catch (error) {
    // 429: it was asked a moment ago, which is no fault.
    if (error instanceof Refusal && error.status === 429) toast(error.message, "info");
    else toastFailure(error);
  }
  await done();
}

/** @param {string} name @param {() => unknown} done */
export const pause = (name, done) => act(name, "pause", done, `${name} is paused. Resume brings it back.`);

/** @param {string} name @param {() => unknown} done */
export const resume = (name, done) => act(name, "resume", done);

/** @param {string} name @param {() => unknown} done */
export const test = (name, done) => {
  toast(`Asking ${name} …`, "info");
  return act(name, "test", done);
};

/** @param {string} name @param {() => unknown} done */
async function reset(name, done) {
  const meant = await confirmed(
    { title: `Forget what was learnt about ${name}?`, yes: "Forget it" },
    h(
      "p",
      null,
      "Its cooldowns, doubts and rejections are forgotten, and it is tried again from now on. ",
      "A limit that still holds shows with the next request.",
    ),
  );
  if (meant) await act(name, "force-reset-rate-limit", done);
}

/** @param {string} name @param {() => unknown} done */
async function logOut(name, done) {
  const meant = await confirmed(
    { title: `Log ${name} out?`, yes: "Log out", tone: "bad" },
    h("p", null, "Its tokens are erased. It serves nothing until somebody logs it in again."),
  );
  if (meant) await act(name, "logout", done);
}

/**
 * The actions that there are for an account, as items of a menu.
 * @param {any} account  as status has it
 * @param {() => unknown} done
 * @returns {(Item | null)[]}
 */
export function actions(account, done) {
  const { name, token, polling } = account;
  const pausing = isPausedByHand(account);
  const ours = token && token.kind !== "credentials file";
  return [
    pausing
      ? { text: "Resume", icon: "play", on: () => resume(name, done) }
      : { text: "Pause", icon: "pause", on: () => pause(name, done) },
    { text: "Test: one small request", icon: "requests", on: () => test(name, done) },
    polling ? { text: "Refresh usage", icon: "refresh", on: () => act(name, "refresh-usage", done) } : null,
    { text: "Forget cooldowns and doubts", icon: "auto", on: () => reset(name, done) },
    ours
      ? {
          text: account.state === "needs login" ? "Log in" : "Log in again",
          icon: "key",
          on: async () => (await import("./login.js")).logIn(name, done),
        }
      : null,
    ours && account.state !== "needs login"
      ? { text: "Log out", icon: "out", bad: true, on: () => logOut(name, done) }
      : null,
  ];
}

// -- What of an account can be changed in the file, as items of a menu. The dialogs themselves come when one
// is chosen.

export const load = () => import("./changes.js");

/**
 * @param {any} account  as status has it
 * @param {any} settings  as the list of accounts has it; undefined until it is known
 * @param {() => unknown} done
 * @param {{ rename?: () => unknown, remove?: () => unknown }} [places]  what is done where its page
 *   changes with it
 * @returns {(Item | null)[]}
 */
export function changes({ name, state }, settings, done, places = {}) {
  /** @param {string} text @param {string} key @returns {Item} */
  const of = (text, key) => ({ text, on: async () => (await load()).change(name, key, done) });
  /** @param {string} text @param {string} key @param {boolean} value @returns {Item} */
  const to = (text, key, value) => ({
    text: `${text}: turn ${value ? "on" : "off"}`,
    on: async () => (await load()).put(name, key, value, done),
  });
  return [
    of("Priority …", "priority"),
    to("Auto-fallback", "auto_fallback", !settings?.autoFallbackEnabled),
    to("Auto-refresh", "auto_refresh", !settings?.autoRefreshEnabled),
    of("Paid extra usage …", "overage"),
    of("Models …", "models"),
    of("Endpoint …", "base_url"),
    of("Key …", "apiKey"),
    of("Tier …", "tier"),
    of("Requests at once …", "max_concurrency"),
    of("Billing …", "billing"),
    of("Budget …", "budget"),
    of("Pause schedule …", "pause_schedule"),
    state === "off" ? to("Account", "enabled", true) : to("Account", "enabled", false),
    { text: "Rename …", icon: "edit", on: places.rename ?? (async () => (await load()).rename(name, done)) },
    {
      text: "Remove …",
      icon: "trash",
      bad: true,
      on: places.remove ?? (async () => (await load()).remove(name, done)),
    },
  ];
}
