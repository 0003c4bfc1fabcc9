// @ts-check
// What a new account is: the provider, chosen in groups or by search; its name, its key or token, where it is, how
// much it is preferred.

import { h, replace } from "../../core/dom.js";
import { badge, button, note, segments } from "../../parts/basics.js";
import { edit } from "../../parts/edit.js";
import { field, numberOf, searchField, wrongName, wrongUrl } from "../../parts/field.js";
import { keyForm, secretField } from "./forms.js";
import { TERMS } from "./login.js";

/**
 * @typedef {object} Part
 * @property {import("../../core/dom.js").Child} element
 * @property {(name: string) => Record<string, any> | undefined} read  undefined: something is wrong,
 *   which it says then
 */

/**
 * @param {any} provider  as the list of providers has it
 * @param {string[]} taken  names of accounts
 * @param {(name: string, complete: boolean) => unknown} added  complete: no login is needed any more
 */
export function newAccount(provider, taken, added) {
  const name = field({
    name: "Name",
    value: freeName(provider.name, taken),
    hint: "The name used in the file, the history and commands.",
    required: true,
  });
  /** @type {Part[]} */
  const parts = [credential(provider), endpoint(provider), priority()];
  const form = h(
    "form",
    { class: "stack new-account", novalidate: true },
    name.element,
    parts.map(({ element }) => element),
    h("div", { class: "row" }, button("Review", { tone: "main", type: "submit" })),
  );
  name.input.addEventListener("input", () => name.wrong(wrongName(name.value(), taken)));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wrong = wrongName(name.value(), taken);
    name.wrong(wrong);
    const read = parts.map((part) => part.read(name.value()));
    if (wrong || read.includes(undefined)) {
      /** @type {HTMLElement | null} */ (form.querySelector('[aria-invalid="true"]'))?.focus();
      return;
    }
    const body = Object.assign({ name: name.value(), provider: provider.name }, ...read);
    const written = await edit({ title: `Add ${body.name}`, method: "POST", path: "api/accounts", body });
    if (written) await added(body.name, provider.auth !== "oauth" || Boolean(body.accessToken));
  });
  return form;
}

/** @param {string} wanted @param {string[]} taken */
function freeName(wanted, taken) {
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? wanted : `${wanted}-${count}`;
    if (!taken.includes(name)) return name;
  }
}

/** @param {any} provider @returns {Part} */
function credential(provider) {
  if (provider.auth === "none") return { element: null, read: () => ({}) };
  if (provider.auth === "oauth") return tokens(provider);
  return keyForm("API key");
}

/** A login, or tokens that somebody has. @param {any} provider @returns {Part} */
function tokens({ login_lacks: lacks, name }) {
  let byLogin = !lacks.length;
  const access = secretField(
    "Access token",
    "One of your own; by itself it is long-lived and never refreshed.",
  );
  const refresh = secretField("Refresh token", "If you have one; the token is renewed from then on.");
  const login = h(
    "div",
    { class: "stack" },
    h("p", { class: "muted" }, TERMS),
    lacks.length ? lacking(lacks, name) : null,
  );
  const given = h("div", { class: "stack" }, access.element, refresh.element);
  const show = () => {
    login.hidden = !byLogin;
    given.hidden = byLogin;
  };
  show();
  const choice = segments(
    "Credential",
    /** @type {const} */ ([
      ["login", "Log in"],
      ["token", "I have a token"],
    ]),
    byLogin ? "login" : "token",
    (chosen) => {
      byLogin = chosen === "login";
      show();
    },
  );
  return {
    element: h("div", { class: "stack" }, h("div", null, choice), login, given),
    read: () => {
      if (byLogin) return {};
      access.wrong(access.value() ? null : "A token is needed, or a login.");
      if (!access.value()) return undefined;
      return { accessToken: access.value(), ...(refresh.value() ? { refreshToken: refresh.value() } : {}) };
    },
  };
}

/** @param {string[]} lacks @param {string} provider */
const lacking = (lacks, provider) =>
  note(
    "warn",
    h(
      "p",
      null,
      `A login needs a ${lacks.join(" and ")}, and none is shipped: put the one issued to you into the file, `,
      "then log in.",
    ),
    h(
      "pre",
      { class: "code" },
      `[providers.${provider}.oauth]\n${lacks.map((key) => `${key} = "…"`).join("\n")}`,
    ),
  );

/** @param {any} provider @returns {Part} */
function endpoint({ base_url: usual, account_keys: keys, dialect }) {
  const openai = dialect.startsWith("openai");
  const key = keys.find((/** @type {any} */ each) => each.name === "base_url");
  if (!key) return { element: null, read: () => ({}) };
  const url = field({
    name: key.required ? "Base URL" : "Base URL, if different",
    type: "url",
    placeholder: usual ?? `https://llm.example.com${openai ? "/v1" : ""}`,
    hint: key.required
      ? `The address without ${openai ? "/chat/completions" : "/v1/messages"}.`
      : "Empty: the provider's own.",
    required: key.required,
    mono: true,
  });
  return {
    element: url.element,
    read: () => {
      const wrong = url.value() ? wrongUrl(url.value()) : key.required ? "An address is needed." : null;
      url.wrong(wrong);
      return wrong ? undefined : url.value() ? { base_url: url.value() } : {};
    },
  };
}

/** @returns {Part} */
function priority() {
  const given = field({
    name: "Priority",
    inputmode: "numeric",
    placeholder: "0",
    hint: "Lower is preferred. Empty: 0.",
  });
  return {
    element: given.element,
    read: () => {
      const found = numberOf(given, { whole: true, least: null });
      return found === undefined ? undefined : found === null ? {} : { priority: found };
    },
  };
}

// -- Choosing a provider: in groups by what is needed for it, and by search.

/** @type {readonly (readonly [string, string, (provider: any) => boolean])[]} */
const GROUPS = [
  ["Claude plans, by login", "Pro and Max: you log in, the plan pays.", ({ auth }) => auth === "oauth"],
  ["From your file", "[providers] of ccflare.toml", ({ builtin }) => !builtin],
  ["Compatible endpoints", "Any server that speaks one of these APIs.", ({ base_url: url }) => url === null],
  ["By API key", "", ({ auth }) => auth === "key"],
  ["Without a key", "Free, on this machine.", () => true],
];

/**
 * @param {any[]} providers
 * @param {(provider: any, pointed: boolean) => unknown} choose
 */
export function providerChoice(providers, choose) {
  const chosen = h("span", { class: "muted" });
  const groups = grouped(providers, (provider, pointed) => {
    replace(chosen, provider.name);
    choose(provider, pointed);
  });
  const list = h(
    "div",
    { class: "stack provider-groups", role: "radiogroup", "aria-label": "Provider" },
    groups.map(({ element }) => element),
  );
  const nothing = h("p", { class: "muted", hidden: true }, "No provider of that name.");
  const search = searchField({ label: "Search providers", wait: 0 }, (text) => {
    const words = text.toLowerCase();
    const shown = groups.map((group) => group.show(words));
    nothing.hidden = shown.some(Boolean);
  });
  const body = h("div", { class: "stack" }, search, list, nothing);
  return {
    element: h("li", null, h("div", { class: "row" }, h("h3", null, "The provider"), chosen), body),
    close: () => {
      body.hidden = true;
    },
  };
}

/**
 * @param {any[]} providers
 * @param {(provider: any, pointed: boolean) => unknown} choose
 */
function grouped(providers, choose) {
  const left = new Set(providers);
  return GROUPS.map(([title, hint, fits]) => {
    const mine = [...left].filter(fits);
    mine.forEach((each) => left.delete(each));
    const cards = mine.map((provider) => ({
      words: `${provider.name} ${provider.describes} ${provider.base_url ?? ""}`.toLowerCase(),
      element: choiceCard(provider, choose),
    }));
    const element = h(
      "fieldset",
      { class: "provider-group", hidden: !mine.length },
      h("legend", null, title, hint ? h("span", { class: "muted small" }, " ", hint) : null),
      h(
        "div",
        { class: "provider-cards" },
        cards.map((each) => each.element),
      ),
    );
    return {
      element,
      /** @param {string} words @returns {boolean} whether any is shown */
      show: (words) => {
        for (const each of cards) each.element.hidden = !each.words.includes(words);
        element.hidden = cards.every((each) => each.element.hidden);
        return !element.hidden;
      },
    };
  });
}

/** How an account there is paid for, in a word or two. @param {any} provider */
function pays({ auth, billing, describes }) {
  if (auth === "none") return "free";
  if (billing === "plan") return "plan";
  return describes.includes("a plan pays") ? "plan or by use" : "by use";
}

/**
 * @param {any} provider
 * @param {(provider: any, pointed: boolean) => unknown} choose
 */
function choiceCard(provider, choose) {
  const input = h("input", {
    type: "radio",
    name: "provider",
    value: provider.name,
    disabled: Boolean(provider.unavailable),
    "aria-label": provider.name,
    "aria-description": provider.unavailable ?? provider.describes,
  });
  // Whoever chooses by the arrow keys goes on choosing: nothing is moved under their eyes then.
  input.addEventListener("change", () => choose(provider, !input.matches(":focus-visible")));
  return h(
    "label",
    { class: ["provider-card", provider.unavailable && "unavailable"] },
    input,
    h(
      "span",
      { class: "stack tight" },
      h(
        "span",
        { class: "row" },
        h("strong", null, provider.name),
        badge(pays(provider), "quiet", { plain: true }),
      ),
      h("span", { class: "muted small" }, provider.unavailable ?? provider.describes),
      provider.login_lacks.length
        ? h(
            "span",
            { class: "small" },
            `Logging in needs a ${provider.login_lacks.join(" and ")} of your own.`,
          )
        : null,
    ),
  );
}
