// @ts-check
// Short words on what has been done, at the corner: those on a fault stay until they are read.

import { messageOf } from "../core/api.js";
import { h } from "../core/dom.js";
import { button, prose } from "./basics.js";

const STAYS = 6000;
const MOST = 4;
const shelf = h("div", { class: "toasts", role: "status", "aria-live": "polite" });

/**
 * @param {import("../core/dom.js").Child} text
 * @param {import("./basics.js").Tone} [tone]
 */
export function toast(text, tone = "good") {
  // An open dialog lies above everything else: there it is shown in the dialog.
  const above = [...document.querySelectorAll("dialog[open]")].pop() ?? document.body;
  if (shelf.parentElement !== above) above.append(shelf);
  const shown = h(
    "div",
    { class: ["toast", tone] },
    h("p", null, typeof text === "string" ? prose(text) : text),
  );
  shown.append(button("", { icon: "close", label: "Dismiss", tone: "quiet", on: () => shown.remove() }));
  shelf.append(shown);
  while (shelf.childElementCount > MOST) shelf.firstElementChild?.remove();
  if (tone !== "bad") setTimeout(() => shown.remove(), STAYS);
}

/** Say what has failed. @param {unknown} error */
export function toastFailure(error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  toast(messageOf(error), "bad");
}
