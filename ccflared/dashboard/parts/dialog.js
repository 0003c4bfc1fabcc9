// @ts-check
// Dialogs: the browser's own, so that focus stays within, Escape closes, and it comes back to where it was.

import { h, replace } from "../core/dom.js";
import { button } from "./basics.js";
import { toastFailure } from "./toast.js";

/** @typedef {import("../core/dom.js").Child} Child */

/**
 * @typedef {object} Dialog
 * @property {HTMLDialogElement} element
 * @property {HTMLElement} body
 * @property {HTMLElement} footer
 * @property {(value?: any) => void} close  with what `closed` then is
 * @property {Promise<any>} closed  undefined where it was dismissed
 */

/**
 * Open a dialog. It leaves the document when it is closed, and when the reader goes to another page.
 * @param {{ title: Child, width?: number }} head
 * @param {...Child} children
 * @returns {Dialog}
 */
export function dialog({ title, width }, ...children) {
  const heading = h("h2", { id: `dialog-${(serial += 1)}` }, title);
  const body = h("div", { class: "body" }, ...children);
  const footer = h("footer");
  const dismiss = button("", { icon: "close", label: "Close", tone: "quiet", on: () => close() });
  const element = h(
    "dialog",
    { "aria-labelledby": heading.id, style: width ? { "--width": `${width}px` } : {} },
    h("div", { class: "dialog" }, h("header", null, heading, dismiss), body, footer),
  );
  /** @type {any} */
  let result;
  /** @param {any} [value] */
  const close = (value) => {
    result = value;
    element.close();
  };
  const away = new AbortController();
  const closed = new Promise((resolve) => {
    element.addEventListener("close", () => {
      away.abort();
      element.remove();
      resolve(result);
    });
  });
  window.addEventListener("hashchange", () => close(), { signal: away.signal });
  document.body.append(element);
  element.showModal();
  return { element, body, footer, close, closed };
}

let serial = 0;

/**
 * Ask in a dialog for what a change of the file needs. It stays open, with what was typed, until something was done or
 * it is dismissed.
 * @param {Dialog} shown
 * @param {Child[]} children
 * @param {() => any} act  what it resolves with, if it is anything, closes the dialog
 * @param {"main" | "bad"} [tone]
 * @returns {Promise<any>}  what was done; undefined where nothing was
 */
export function askIn(shown, children, act, tone = "main") {
  const form = h("form", { class: "stack", id: `form-${(serial += 1)}`, novalidate: true }, children);
  const next = button("Review", { tone, type: "submit" });
  next.setAttribute("form", form.id);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    next.disabled = true;
    try {
      const done = await act();
      if (done) shown.close(done);
    } catch (error) {
      toastFailure(error);
    } finally {
      next.disabled = false;
    }
  });
  replace(shown.body, form);
  replace(shown.footer, button("Cancel", { on: () => shown.close() }), next);
  /** @type {HTMLElement | null} */ (form.querySelector(".input") ?? form.querySelector("input"))?.focus();
  return shown.closed;
}

/**
 * Ask whether something is meant.
 * @param {{ title: Child, yes: string, tone?: "main" | "bad" }} question
 * @param {...Child} children
 * @returns {Promise<boolean>}
 */
export async function confirmed({ title, yes, tone = "main" }, ...children) {
  const asked = dialog({ title, width: 460 }, ...children);
  asked.footer.append(
    button("Cancel", { on: () => asked.close(false) }),
    button(yes, { tone, on: () => asked.close(true) }),
  );
  return (await asked.closed) === true;
}
