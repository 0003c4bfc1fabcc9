// @ts-check
// Adding an account: the provider, what it needs, the change as it will be written; then the login, and a
// test.

import { get, post } from "../../core/api.js";
import { h, replace } from "../../core/dom.js";
import { link } from "../../core/router.js";
import { button, card, failed, note, pageHead, skeleton } from "../../parts/basics.js";
import { pathOf } from "./actions.js";
import { newAccount, providerChoice } from "./fresh.js";
import { logInSteps } from "./login.js";
import { accountLink } from "./told.js";

/** @typedef {import("../../core/scope.js").Scope} Scope */

/**
 * @param {HTMLElement} root
 * @param {Scope} scope
 */
export function page(root, scope) {
  document.title = "Add an account · ccflared";
  root.append(
    h(
      "div",
      { class: "stack tight" },
      h("a", { class: "small", href: link(["accounts"]) }, "‹ All accounts"),
      pageHead("Add an account"),
    ),
    card({ label: "Add an account" }, wizard(scope)),
  );
}

/**
 * The steps of adding an account.
 * @param {Scope} scope
 * @param {(name: string) => unknown} [added]  told when the file has it
 */
export function wizard(scope, added) {
  const element = h("div", null, skeleton(360));
  const begin = async () => {
    try {
      const [providers, accounts] = await Promise.all([
        get("api/providers", { signal: scope.signal }),
        get("api/accounts", { signal: scope.signal }),
      ]);
      const taken = accounts.map((/** @type {any} */ each) => each.name);
      replace(element, steps(providers, taken, begin, added));
    } catch (error) {
      if (!scope.over) replace(element, failed(error, begin));
    }
  };
  void begin();
  return element;
}

/**
 * @param {any[]} providers
 * @param {string[]} taken
 * @param {() => unknown} again
 * @param {((name: string) => unknown) | undefined} added
 */
function steps(providers, taken, again, added) {
  const second = h("li", { hidden: true });
  const third = h("li", { hidden: true, tabindex: -1 });
  const choice = providerChoice(providers, (provider, pointed) => {
    second.hidden = false;
    third.hidden = true;
    replace(
      second,
      h("h3", null, `The account at ${provider.name}`),
      newAccount(provider, taken, async (name, loggedIn) => {
        replace(second, h("h3", null, `${name} is in the file`));
        choice.close();
        third.hidden = false;
        const last = () => replace(third, ...finished(name, again));
        if (loggedIn) last();
        else replace(third, h("h3", null, `Log ${name} in`), logInSteps(name, last));
        third.scrollIntoView({ block: "nearest" });
        // The button that had the focus is gone.
        third.focus({ preventScroll: true });
        await added?.(name);
      }),
    );
    if (pointed) second.scrollIntoView({ block: "nearest" });
  });
  return h("ol", { class: "step-list" }, choice.element, second, third);
}

/**
 * @param {string} name
 * @param {() => unknown} again
 */
function finished(name, again) {
  const outcome = h("div", { role: "status" });
  const test = button("Test it", {
    tone: "main",
    icon: "requests",
    on: async () => {
      test.disabled = true;
      replace(outcome, h("p", { class: "muted" }, "Sending one small request …"));
      try {
        const told = await post(pathOf(name, "test"));
        replace(outcome, note(told.success ? "good" : "warn", told.message));
      } catch (error) {
        replace(outcome, failed(error));
      } finally {
        test.disabled = false;
      }
    },
  });
  return [
    h("h3", null, "Done"),
    h("p", { class: "muted" }, `${name} now takes part in routing. A test sends it one small request.`),
    h(
      "div",
      { class: "row" },
      test,
      h("a", { class: "button", href: accountLink(name) }, `Look at ${name}`),
      button("Add another", { icon: "add", on: again }),
    ),
    outcome,
  ];
}
