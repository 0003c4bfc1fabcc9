// @ts-check
// Changes of an account in the file: what is asked for, and then the change as it will be written.

import { get } from "../../core/api.js";
import { h, replace } from "../../core/dom.js";
import { failed, skeleton } from "../../parts/basics.js";
import { askIn, dialog } from "../../parts/dialog.js";
import { edit } from "../../parts/edit.js";
import { field, wrongName } from "../../parts/field.js";
import { pathOf } from "./actions.js";
import { formOf } from "./forms.js";

/** @typedef {import("./forms.js").Form} Form */

/**
 * Ask for the new value of a key, and write it.
 * @param {string} name
 * @param {string} key  as the file has it, or apiKey
 * @param {() => unknown} done
 */
export async function change(name, key, done) {
  const title = `${WORDS[key] ?? key} of ${name}`;
  const shown = dialog({ title }, skeleton(80));
  try {
    const account = await get(pathOf(name));
    const form = formOf(key, account);
    const described = account.keys.find((/** @type {any} */ each) => each.name === key);
    const changed = ask(shown, form, described?.describes, (body) =>
      edit({ title, method: "PATCH", path: pathOf(name), body }),
    );
    if (await changed) await done();
  } catch (error) {
    replace(shown.body, failed(error));
  }
}

/** @type {Record<string, string>} */
const WORDS = {
  priority: "Priority",
  tier: "Tier",
  auto_fallback: "Auto-fallback",
  auto_refresh: "Auto-refresh",
  overage: "Paid extra usage",
  models: "Models",
  base_url: "Endpoint",
  apiKey: "Key",
  max_concurrency: "Requests at once",
  billing: "Billing",
  budget: "Budget",
  pause_schedule: "Pause schedule",
  enabled: "On or off",
};

/**
 * Show a form in a dialog, and do with what it gives until that has been done, or the dialog is closed.
 * @param {import("../../parts/dialog.js").Dialog} shown
 * @param {Form} form
 * @param {string | undefined} describes
 * @param {(given: any) => Promise<boolean>} act
 * @returns {Promise<any>}  true once it was done
 */
const ask = (shown, form, describes, act) =>
  askIn(shown, [describes ? h("p", { class: "muted" }, describes) : null, form.element], () => {
    const given = form.read();
    return given !== undefined && act(given);
  });

/**
 * Write a value that needs no asking.
 * @param {string} name
 * @param {string} key
 * @param {any} value
 * @param {() => unknown} done
 */
export async function put(name, key, value, done) {
  const title = `${WORDS[key] ?? key} of ${name}: ${value === true ? "on" : value === false ? "off" : value}`;
  if (await edit({ title, method: "PATCH", path: pathOf(name), body: { [key]: value } })) await done();
}

/**
 * Prefer an account to the one before it in the order of priorities, or put it behind the one after it.
 * @param {any[]} accounts  as status has them
 * @param {string} name
 * @param {boolean} up
 * @param {() => unknown} done
 */
export async function move(accounts, name, up, done) {
  const order = [...accounts].sort((one, other) => one.priority - other.priority);
  const at = order.findIndex((each) => each.name === name);
  const other = order[at + (up ? -1 : 1)];
  if (!other) return put(name, "priority", order[at].priority + (up ? -1 : 1), done);
  const priority = other.priority + (up ? -1 : 1);
  const title = `${name} ${up ? "before" : "behind"} ${other.name}: priority ${priority}`;
  if (await edit({ title, method: "PATCH", path: pathOf(name), body: { priority } })) await done();
}

/**
 * @param {string} name
 * @param {(now: string) => unknown} done  given the new name
 */
export async function rename(name, done) {
  const shown = dialog({ title: `Rename ${name}` });
  const given = field({ name: "New name", value: name, required: true });
  const taken = (await get("api/accounts")).map((/** @type {any} */ each) => each.name);
  const renamed = await ask(
    shown,
    {
      element: h(
        "div",
        { class: "stack" },
        h("p", null, "State, tokens and history move along, and every mention in the file is changed."),
        given.element,
      ),
      read: () => {
        const wrong = given.value() === name ? "That is its name." : wrongName(given.value(), taken);
        given.wrong(wrong);
        return wrong ? undefined : { name: given.value() };
      },
    },
    undefined,
    (body) => edit({ title: `Rename ${name}`, method: "POST", path: pathOf(name, "rename"), body }),
  );
  if (renamed) await done(given.value());
}

/**
 * Remove an account: its name is typed, so that it is meant.
 * @param {string} name
 * @param {() => unknown} done
 */
export async function remove(name, done) {
  const shown = dialog({ title: `Remove ${name}` });
  const typed = field({ name: ["Type ", h("strong", null, name), " to confirm"], required: true });
  const element = h(
    "div",
    { class: "stack" },
    h("p", null, "It is removed from the file; its tokens and stored secrets are erased. Its history stays."),
    typed.element,
  );
  const read = () => {
    const same = typed.value() === name;
    typed.wrong(same ? null : "That is not its name.");
    return same ? { confirm: name } : undefined;
  };
  const removed = await ask(shown, { element, read }, undefined, (body) =>
    edit({
      title: `Remove ${name}`,
      method: "DELETE",
      path: pathOf(name),
      body,
      yes: "Remove",
      tone: "bad",
      force: "Take it out of the chains that name it, too.",
    }),
  );
  if (removed) await done();
}
