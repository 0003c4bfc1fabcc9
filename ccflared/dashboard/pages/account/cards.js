// @ts-check
// Cards of an account's page: whether it would be asked for a model, which models there are, what it served.

import { get, messageOf, post } from "../../core/api.js";
import { h, replace } from "../../core/dom.js";
import { compact, counted, money, ms } from "../../core/format.js";
import { link } from "../../core/router.js";
import { badge, button, card, empty, failed, note, skeleton, table } from "../../parts/basics.js";
import { field } from "../../parts/field.js";
import { when } from "../../parts/time.js";
import { toastFailure } from "../../parts/toast.js";
import { modelList, usualModel } from "../accounts/line.js";
import { accountLink, joined } from "../accounts/told.js";

/** @typedef {import("../../core/scope.js").Scope} Scope */

/**
 * @param {Scope} scope
 * @param {string} name
 */
export function lineCard(scope, name) {
  const list = modelList(scope);
  const model = field({ name: "Model", mono: true, list: list.id });
  const told = h("div", { class: "stack" }, skeleton(120));
  const anew = scope.every(15, async (signal) => {
    const input = /** @type {HTMLInputElement} */ (model.input);
    try {
      if (!input.value && document.activeElement !== input) input.value = await usualModel(signal);
      if (!model.value()) return;
      const explained = await get("api/explain", { query: { model: model.value() }, signal });
      replace(told, answer(explained, name));
    } catch (error) {
      if (!signal.aborted) replace(told, note("warn", messageOf(error)));
    }
  });
  scope.on(model.input, "change", () => void anew());
  return card({ title: "Who would be asked", hint: "for a model" }, model.element, list, told);
}

/**
 * @param {any} explained
 * @param {string} name
 */
function answer({ candidates, passed, chain, strategy, refusal }, name) {
  const against = passed.find((/** @type {any} */ each) => each.account === name);
  return [
    refusal ? note("warn", `No account would serve it: ${refusal.status}, ${refusal.message}`) : null,
    h(
      "ol",
      { class: "line-order" },
      candidates.map((/** @type {any} */ each) =>
        h(
          "li",
          { class: each.account === name ? "me" : null },
          h("a", { href: accountLink(each.account) }, each.account),
          h("span", { class: "muted small" }, " ", joined([each.why, h("code", null, each.model)])),
        ),
      ),
    ),
    against
      ? h("p", null, h("strong", null, name), " is not asked: ", against.reason ?? against.state)
      : null,
    h(
      "p",
      { class: "muted small" },
      chain ? `by the chain for ${chain}, then ` : "",
      `strategy: ${strategy}`,
    ),
  ];
}

/**
 * @param {Scope} scope
 * @param {string} name
 */
export function modelsCard(scope, name) {
  const body = h("div", { class: "row model-list" }, skeleton(120));
  const hint = h("span");
  /** @param {any} told */
  const show = ({ models }) => {
    const mine = models.filter((/** @type {any} */ each) => each.accounts.includes(name));
    replace(hint, mine.length ? counted(mine.length, "model") : null);
    replace(
      body,
      mine.length
        ? mine.map((/** @type {any} */ each) =>
            badge(h("code", null, each.id), "quiet", { plain: true, title: each.displayName }),
          )
        : empty("No models known.", "The provider has listed none, and the file names none."),
    );
  };
  const first = () =>
    get("api/models", { signal: scope.signal }).then(
      show,
      (error) => scope.over || replace(body, failed(error, first)),
    );
  void first();
  const ask = button("Ask the provider", {
    icon: "refresh",
    on: async () => {
      ask.disabled = true;
      try {
        show(await post("api/models/refresh"));
      } catch (error) {
        toastFailure(error);
      } finally {
        ask.disabled = false;
      }
    },
  });
  return card({ title: "Models", hint, actions: ask }, body);
}

const SHOWN = 10;

/** @type {import("../../parts/basics.js").Column[]} */
const COLUMNS = [
  {
    name: "When",
    cell: (row) => [
      h("a", { href: link(["requests", row.id]) }, when(row.timestamp && Date.parse(row.timestamp))),
      row.origin === "client"
        ? null
        : [" ", badge(row.origin, "quiet", { plain: true, title: "Not counted above." })],
    ],
  },
  { name: "Model", cell: (row) => h("code", null, row.model ?? row.originalModel ?? "–") },
  {
    name: "Outcome",
    cell: (row) =>
      badge(row.statusCode ?? row.outcome, row.success ? "good" : "bad", {
        title: row.errorMessage ?? row.outcome,
      }),
  },
  { name: "Took", number: true, cell: (row) => ms(row.responseTimeMs) },
  { name: "Tokens", number: true, cell: (row) => compact(row.totalTokens) },
  { name: "Cost", number: true, cell: (row) => money(row.costUsd) },
];

/**
 * @param {Scope} scope
 * @param {string} name
 */
export function requestsCard(scope, name) {
  const body = h("div", null, skeleton(200));
  let before = "";
  const anew = scope.every(10, async (signal) => {
    try {
      const rows = await get("api/requests", { query: { account: name, limit: SHOWN }, signal });
      const text = JSON.stringify(rows);
      if (text === before) return;
      before = text;
      replace(
        body,
        rows.length ? table("Latest requests", COLUMNS, rows) : empty("It has not served any requests yet."),
      );
    } catch (error) {
      if (!signal.aborted && !before)
        replace(
          body,
          failed(error, () => anew()),
        );
    }
  });
  const all = h("a", { href: link(["requests"], { account: name }) }, "all requests");
  return card({ title: "Latest requests", actions: all }, body);
}
