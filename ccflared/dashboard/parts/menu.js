// @ts-check
// Menus: a button that opens a sheet of actions, or of boxes to check.

import { h, replace } from "../core/dom.js";
import { icon } from "./icon.js";

/** @typedef {import("../core/dom.js").Child} Child */
/** @typedef {(readonly [string, string])[]} Choices */
/** @typedef {{ text: Child, on?: () => unknown, href?: string, bad?: boolean, icon?: import("./icon.js").IconName }} Item */

/**
 * A menu of actions.
 * @param {{ text?: Child, label: string, icon?: import("./icon.js").IconName, start?: boolean }} head  start: the sheet
 *   begins at the button's left edge
 * @param {() => (Item | null | false)[]} items  asked each time that it opens
 */
export function menu({ text, label, icon: name = "menu", start }, items) {
  const sheet = h("div", {
    class: ["sheet", start && "start"],
    role: "menu",
    hidden: true,
    "aria-label": label,
  });
  const { element, close } = opening({ text, label, icon: name, role: "menu" }, sheet, () => {
    replace(
      sheet,
      items().map((item) => {
        if (!item) return null;
        const props = { class: ["item", item.bad && "bad"], role: "menuitem", href: item.href };
        const made = item.href ? h("a", props) : h("button", { ...props, type: "button" });
        made.append(...(item.icon ? [icon(item.icon)] : []), h("span", null, item.text));
        made.addEventListener("click", () => {
          close();
          item.on?.();
        });
        return made;
      }),
    );
  });
  return element;
}

/**
 * A menu of boxes to check. `values`: value and word, or a promise of them; asked each time that it opens.
 * @param {{ text: string, label?: string }} head
 * @param {() => Choices | Promise<Choices>} values
 * @param {() => readonly string[]} chosen
 * @param {(chosen: string[]) => unknown} choose
 * @returns {{ element: HTMLElement, show: () => void }}  show: the number of those chosen, anew
 */
export function checks({ text, label = text }, values, chosen, choose) {
  const sheet = h("div", { class: "sheet start", role: "group", hidden: true, "aria-label": label });
  const told = h("span");
  /** @param {Choices} given */
  const fill = (given) =>
    replace(
      sheet,
      given.length ? null : h("div", { class: "item muted" }, "nothing to choose from"),
      given.map(([value, word]) => {
        const box = h("input", { type: "checkbox", checked: chosen().includes(value) });
        box.addEventListener("change", () => {
          const rest = chosen().filter((each) => each !== value);
          choose(box.checked ? [...rest, value] : rest);
          show();
        });
        return h("label", { class: "item" }, box, word);
      }),
    );
  const { element } = opening({ text: told, label: null, icon: "chevron", role: "true" }, sheet, () => {
    const given = values();
    if (!(given instanceof Promise)) return fill(given);
    replace(sheet, h("div", { class: "item muted", role: "status" }, "loading"));
    given.then(
      (found) => {
        fill(found);
        if (!sheet.hidden) focusable(sheet)[0]?.focus();
      },
      (error) => replace(sheet, h("div", { class: "item bad", role: "alert" }, String(error.message))),
    );
  });
  const show = () => replace(told, chosen().length ? `${text} (${chosen().length})` : text);
  show();
  return { element, show };
}

/**
 * @param {{ text?: Child, label: string | null, icon: import("./icon.js").IconName, role: string }} head
 * @param {HTMLElement} sheet
 * @param {() => void} fill
 */
function opening({ text, label, icon: name, role }, sheet, fill) {
  const knob = h(
    "button",
    {
      type: "button",
      class: ["button", !text && "icon-only quiet"],
      "aria-haspopup": role,
      "aria-expanded": "false",
      "aria-label": text ? null : label,
      title: text ? null : label,
    },
    text,
    icon(name),
  );
  const element = h("div", { class: "menu" }, knob, sheet);
  let open = new AbortController();
  const close = (back = true) => {
    open.abort();
    sheet.hidden = true;
    knob.setAttribute("aria-expanded", "false");
    if (back && element.contains(document.activeElement)) knob.focus();
  };
  knob.addEventListener("click", () => {
    if (!sheet.hidden) return close();
    fill();
    sheet.hidden = false;
    keepInside(sheet);
    knob.setAttribute("aria-expanded", "true");
    open = new AbortController();
    const { signal } = open;
    document.addEventListener(
      "pointerdown",
      (event) => element.contains(/** @type {Node} */ (event.target)) || close(false),
      { signal },
    );
    element.addEventListener(
      "focusout",
      (event) => {
        if (event.relatedTarget && !element.contains(/** @type {Node} */ (event.relatedTarget))) close(false);
      },
      { signal },
    );
    element.addEventListener("keydown", (event) => keys(event, sheet, close), { signal });
    focusable(sheet)[0]?.focus();
  });
  return { element, close };
}

/** @param {HTMLElement} sheet */
function keepInside(sheet) {
  sheet.style.removeProperty("translate");
  const { left, right } = sheet.getBoundingClientRect();
  const wide = document.documentElement.clientWidth;
  const shift = left < 8 ? 8 - left : right > wide - 8 ? wide - 8 - right : 0;
  if (shift) sheet.style.setProperty("translate", `${shift}px 0`);
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement} sheet
 * @param {() => void} close
 */
function keys(event, sheet, close) {
  const all = focusable(sheet);
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  if (event.key === "Escape") close();
  else if (event.key === "ArrowDown") all[(at + 1) % all.length]?.focus();
  else if (event.key === "ArrowUp") all[(at - 1 + all.length) % all.length]?.focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** @param {HTMLElement} sheet @returns {HTMLElement[]} */
const focusable = (sheet) => [...sheet.querySelectorAll(/** @type {"button"} */ ("button, a, input"))];
