// @ts-check
// Logging an account in: the provider's page in another tab, and the code that is brought back from there.

import { messageOf, post, Refusal } from "../../core/api.js";
import { h, replace } from "../../core/dom.js";
import { ahead } from "../../core/format.js";
import { button, note, skeleton } from "../../parts/basics.js";
import { copyButton } from "../../parts/code.js";
import { dialog } from "../../parts/dialog.js";
import { toast } from "../../parts/toast.js";
import { field } from "../../parts/field.js";

export const TERMS =
  "What a plan's account may be used for is decided by the plan's terms: log in with an account of your own.";

/**
 * Log an account in, in a dialog.
 * @param {string} name
 * @param {() => unknown} done
 */
export function logIn(name, done) {
  const shown = dialog({ title: `Log ${name} in`, width: 620 });
  shown.body.append(
    logInSteps(name, (told) => {
      shown.close();
      toast(`${told.message}.`);
      return done();
    }),
  );
}

/**
 * The steps of a login, which is begun when this is called, and anew when it has failed.
 * @param {string} name  of an account that the file has
 * @param {(told: any) => unknown} done
 */
export function logInSteps(name, done) {
  const element = h("div", { class: "stack login" });
  const begin = async () => {
    replace(element, skeleton(220));
    try {
      const begun = await post("api/oauth/init", { name });
      replace(element, steps(begun, done, begin));
    } catch (error) {
      replace(element, refused(error, begin));
    }
  };
  void begin();
  return element;
}

/**
 * @param {any} begun
 * @param {(told: any) => unknown} done
 * @param {() => unknown} again
 */
function steps({ authUrl, sessionId, expiresIn }, done, again) {
  const code = field({
    name: "The code shown there",
    hint: ["It looks like ", h("code", null, "code#state"), " and is good once."],
    placeholder: "code#state",
    required: true,
    mono: true,
  });
  const finish = button("Log in", { tone: "main", type: "submit" });
  const trouble = h("div");
  const form = h("form", { class: "stack" }, code.element, trouble, h("div", { class: "row" }, finish));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    code.wrong(null);
    finish.disabled = true;
    try {
      done(await post("api/oauth/callback", { sessionId, code: code.value() }));
    } catch (error) {
      // 400: not the code, which may be pasted again. Else this login is over.
      if (error instanceof Refusal && error.status === 400) code.wrong(error.message);
      else replace(trouble, refused(error, again));
    } finally {
      finish.disabled = false;
    }
  });
  return h(
    "ol",
    { class: "step-list" },
    h(
      "li",
      null,
      h("h3", null, "Open the login page"),
      h("p", { class: "muted" }, "In any browser, on any machine; log in there. ", TERMS),
      h(
        "div",
        { class: "row" },
        h(
          "a",
          { class: "button main", href: safe(authUrl), target: "_blank", rel: "noopener noreferrer" },
          "Open the login page",
        ),
        copyButton(() => authUrl, { text: "Copy its address" }),
        h("span", { class: "muted small" }, `good for ${ahead(expiresIn * 1000, 0).slice(3)}`),
      ),
    ),
    h("li", null, h("h3", null, "Bring the code back"), form),
  );
}

/** An address that a browser may be sent to, and no script. @param {string} url */
const safe = (url) => (/^https?:\/\//i.test(url) ? url : null);

/** @param {unknown} error @param {() => unknown} again */
const refused = (error, again) =>
  note(
    "warn",
    h("p", { class: "as-lines" }, messageOf(error)),
    h("div", null, button("Start again", { icon: "refresh", on: again })),
  );
