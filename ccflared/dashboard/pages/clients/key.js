// @ts-check
// A new key: shown this once, with lines that make Claude Code use it.

import { base, get } from "../../core/api.js";
import { h } from "../../core/dom.js";
import { button, note } from "../../parts/basics.js";
import { snippet } from "../../parts/code.js";
import { dialog } from "../../parts/dialog.js";

/**
 * Show a key until the reader says that it is kept.
 * @param {string} name
 * @param {string} key
 * @param {Where} where  its requests go
 */
export async function showKey(name, key, where) {
  const { url } = where;
  const shell = `export ANTHROPIC_BASE_URL=${url}\nexport ANTHROPIC_AUTH_TOKEN=${key}\nclaude`;
  const shown = dialog(
    { title: `The key of ${name}`, width: 700 },
    note("warn", "It is shown only once: the file keeps just its SHA-256. Copy it now to where it is used."),
    snippet("Key", key),
    snippet("Claude Code", shell),
    h(
      "p",
      { class: "muted small" },
      "Other programs send it as ",
      h("code", null, "x-api-key"),
      " or ",
      h("code", null, "Authorization: Bearer"),
      ".",
    ),
    h("p", { class: "muted small" }, fromElsewhere(where)),
  );
  // The page may have to ask for a log-in now; the key would be gone. So it would be by an Escape in passing.
  shown.element.setAttribute("data-keep", "");
  shown.element.addEventListener("cancel", (event) => event.preventDefault());
  shown.footer.append(button("I have saved it", { tone: "main", on: () => shown.close(true) }));
  await shown.closed;
}

/** @typedef {{ url: string, alone: boolean }} Where  alone: whether no other machine reaches it */

/** How programs on other machines reach the daemon. @param {Where} where */
export function fromElsewhere({ url, alone }) {
  const { port } = new URL(url);
  if (!alone)
    return [
      "From another machine, use an address of this one that it can reach, such as ",
      h("code", null, url),
      ".",
    ];
  return [
    "This daemon listens on this machine only. For others, set ",
    h("code", null, `listen = "0.0.0.0:${port || 80}"`),
    " and, for names, ",
    h("code", null, 'allowed_hosts = ["HOST"]'),
    " in [server], and use ",
    h("code", null, `http://HOST:${port || 80}`),
    ". Without TLS, or a proxy that has it, keys travel unencrypted.",
  ];
}

/**
 * Lines that give the daemon an admin token.
 * @param {string} file  the daemon's configuration
 */
export const tokenRecipe = (file) => [
  snippet("In a shell", `(umask 077; openssl rand -hex 32 > ${file.replace(/[^/]*$/, "admin.token")})`),
  snippet(["In ", h("code", null, file)], '[admin]\ntoken = { file = "admin.token" }', "Lines of the file"),
];

/**
 * Return the URL for clients: that of this page, unless requests are served elsewhere only.
 * @param {any[]} listeners
 * @returns {Where}
 */
export function whereRequestsGo(listeners) {
  const here = base.href.replace(/\/$/, "");
  const serving = listeners.filter(({ serve, url }) => serve.includes("requests") && url);
  const own = serving.some(({ url }) => new URL(url).port === base.port);
  const url = own || !serving.length || base.protocol === "https:" ? here : serving[0].url.replace(/\/$/, "");
  const alone =
    serving.every(({ reach }) => reach === "loopback") && /^(127\.|localhost|\[::1)/.test(new URL(url).host);
  return { url, alone };
}

/** The same for who does not know them; this page's where they cannot be asked for. */
export const urlForClients = () =>
  get("api/status").then(
    ({ listeners }) => whereRequestsGo(listeners),
    () => whereRequestsGo([]),
  );
