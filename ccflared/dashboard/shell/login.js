// @ts-check
// Logging in: with the admin token, or by a one-time link, whose token stands in the address's fragment.

import { messageOf, post } from "../core/api.js";
import { h } from "../core/dom.js";
import { button, card, note } from "../parts/basics.js";
import { field } from "../parts/field.js";

/**
 * Take the token of a one-time link out of the address, and log in with it.
 * @returns {Promise<string | null>}  why it let nobody in; null where it did, or there was none
 */
export async function redeemLink() {
  const found = /^#link=([\w-]+)$/.exec(location.hash);
  if (!found) return null;
  // It is worth nothing any more once it was used, but it need not stay in the history either.
  history.replaceState(null, "", "#/");
  try {
    await post("api/session", { link: found[1] });
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Return the page that asks to log in, or says why nobody can here.
 * @param {{ asks: string | null, message: string | null }} session
 * @param {() => unknown} done
 * @param {string | null} [refused]  why a link did not let the reader in
 */
export function login(session, done, refused = null) {
  return h(
    "main",
    { class: "alone" },
    card(
      { title: h("span", { class: "brand" }, "ccflared") },
      session.asks === "token" ? tokenForm(done, refused) : note("warn", session.message),
      h(
        "p",
        { class: "muted small" },
        "On the machine itself, ",
        h("code", null, "ccflared dashboard"),
        session.asks === "token" ? " prints a one-time log-in link." : " says what to do.",
      ),
    ),
  );
}

/**
 * @param {() => unknown} done
 * @param {string | null} refused
 */
function tokenForm(done, refused) {
  const token = field({
    name: "Admin token",
    hint: "[admin] token of ccflare.toml",
    type: "password",
    autocomplete: "current-password",
    required: true,
  });
  token.wrong(refused);
  const enter = button("Log in", { tone: "main", type: "submit" });
  const form = h("form", { class: "stack" }, token.element, enter);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    token.wrong(null);
    enter.disabled = true;
    try {
      await post("api/session", { token: token.value() });
      done();
    } catch (error) {
      token.wrong(messageOf(error));
      /** @type {HTMLInputElement} */ (token.input).select();
    } finally {
      enter.disabled = false;
    }
  });
  queueMicrotask(() => token.input.focus());
  return form;
}
