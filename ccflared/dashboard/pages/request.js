// @ts-check
// One request: what happened, the tries, tokens and cost, the conversation, headers and bodies where they are kept.

import { get } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { compact, money, moment, ms, number } from "../core/format.js";
import { link } from "../core/router.js";
import { badge, card, facts, failed, note, pageHead, skeleton, stat } from "../parts/basics.js";
import { copyButton } from "../parts/code.js";
import { plain } from "../parts/plain.js";
import { when } from "../parts/time.js";
import { costs, passedOver, timeline } from "./request/took.js";
import { conversation } from "./request/conversation.js";
import { curlButton, rawCard } from "./request/raw.js";
import { askedAs, outcomeOf, paidBy, sentence } from "./requests/words.js";

/** @typedef {import("../core/scope.js").Scope} Scope */

/** Seconds between two looks whether a request that runs has ended, beside the stream. */
const LOOK = 5;

/**
 * @param {HTMLElement} root
 * @param {Scope} scope
 * @param {string} id
 */
export async function mount(root, scope, id) {
  document.title = `${id} · ccflared`;
  replace(root, pageHead(back(id)), skeleton(420));
  const waiting = scope.child();
  /** @type {number | null} */
  let began = null;
  const look = async () => {
    try {
      const { signal } = waiting;
      // Asked for as a list, it is no failure that there is none yet.
      const known = await get("api/requests", { query: { id, limit: 1 }, signal });
      if (!known.length) return void replace(root, pageHead(back(id)), stillRunning(began));
      const row = await get(`api/requests/${encodeURIComponent(id)}`, { signal });
      if (waiting.over) return;
      waiting.end();
      show(root, scope, row);
    } catch (error) {
      if (waiting.over) return;
      replace(
        root,
        pageHead(back(id)),
        failed(error, () => void look()),
      );
    }
  };
  // The stream first: what ends between the two is not missed.
  waiting.stream("requests", {
    event: (event) => {
      if (event.type === "start" && event.id === id) began = event.at * 1000;
      else if (event.type === "summary" && event.payload.id === id) void look();
    },
    missed: () => void look(),
  });
  await look();
  if (!waiting.over) waiting.every(LOOK, look);
}

/** @param {string} id */
const back = (id) => [
  h("a", { class: "request-back", href: link(["requests"]) }, "Requests"),
  h("span", { class: "muted" }, " / "),
  h("code", { class: "request-id" }, plain(id)),
];

/** @param {number | null} began */
const stillRunning = (began) =>
  note(
    "info",
    h(
      "p",
      null,
      began === null
        ? "The history does not know this request. If it is still running, it will be shown here when it has ended."
        : ["It has been running for ", when(began, "for"), "; it will be shown here when it has ended."],
    ),
  );

/**
 * @param {HTMLElement} root
 * @param {Scope} scope
 * @param {any} row
 */
function show(root, scope, row) {
  const [word, tone] = outcomeOf(row);
  replace(
    root,
    pageHead(back(row.id), {
      actions: [
        neighbours(row),
        row.hasPayload ? curlButton(row, scope) : null,
        copyButton(() => JSON.stringify(row, null, 2), { text: "Copy JSON" }),
      ],
    }),
    h(
      "section",
      { class: "card", "aria-label": "What happened" },
      h("div", { class: "row" }, badge(word, tone), h("strong", { class: "request-said" }, sentence(row))),
      row.success || !row.errorMessage
        ? null
        : h("p", { class: ["request-error", tone] }, plain(row.errorMessage)),
      figures(row),
    ),
    timeline(row),
    passedOver(row),
    h("div", { class: "grid stretch" }, costs(row), about(row)),
    conversation(row, scope),
    rawCard(row, scope),
  );
}

/** @param {any} row */
const figures = (row) =>
  h(
    "div",
    { class: "request-figures" },
    stat("Began", h("time", { title: moment(row.at * 1000) }, when(row.at * 1000)), {
      under: moment(row.at * 1000),
      word: true,
    }),
    stat("First byte", ms(row.firstByteMs), { under: "of the answer, to the client" }),
    stat("Duration", ms(row.responseTimeMs), {
      under: row.overheadUs === null ? null : `${ms(row.overheadUs / 1000)} of it in ccflared`,
    }),
    stat("Output speed", row.tokensPerSecond === null ? "–" : `${number(row.tokensPerSecond)}`, {
      under: row.tokensPerSecond === null ? "not streamed, or too short" : "tokens a second",
    }),
    stat("Tokens", compact(row.totalTokens), {
      under: untold(row)
        ? "none were reported"
        : `${compact(row.promptTokens)} in, ${compact(row.outputTokens)} out`,
    }),
    stat("Cost", money(row.costUsd), { under: costOf(row), word: row.costUsd === null }),
  );

/** @param {any} row */
const untold = (row) => row.totalTokens === null;

/** @param {any} row */
function costOf(row) {
  if (row.costUsd !== null) return row.billingType ? paidBy(row) : null;
  return untold(row) ? "no tokens were reported" : "no price is known";
}

/** @param {any} row */
function about(row) {
  const asked = askedAs(row);
  const conversationId = row.clientSessionId;
  return card(
    { title: "Details" },
    facts(
      ["Asked for", h("code", null, plain(`${row.method} ${row.path}`))],
      ["Model", row.model && h("bdi", null, plain(row.model))],
      ["Asked as", asked && h("bdi", null, asked)],
      [
        "Account",
        row.accountUsed && h("a", { href: link(["accounts", row.accountUsed]) }, plain(row.accountUsed)),
      ],
      ["Client", row.client && h("bdi", null, plain(row.client))],
      ["Project", row.project && [h("bdi", null, plain(row.project)), by(row.projectSource)]],
      ["User agent", row.userAgent && h("bdi", null, plain(row.userAgent))],
      ["Status", row.statusCode === null ? "none: the client left before" : number(row.statusCode)],
      [
        "Answer",
        [row.stream ? "streamed" : "at once", row.stopReason ? `, ended by ${plain(row.stopReason)}` : ""],
      ],
      ["Fallback", row.comboName && h("bdi", null, plain(row.comboName))],
      ["Asked by", row.origin === "client" ? null : plain(row.origin)],
      [
        "Conversation",
        conversationId && [
          h("code", null, plain(conversationId)),
          h("br"),
          h("a", { href: link(["requests"], { conversation: conversationId }) }, "all its requests"),
        ],
      ],
    ),
  );
}

/** @param {string | null} source */
const by = (source) =>
  source
    ? h("span", { class: "muted" }, source === "header" ? ", as the client says" : ", by its directory")
    : null;

/** Links to the requests of the same conversation before and after. @param {any} row */
function neighbours(row) {
  const others = row.conversation_requests.filter((/** @type {any} */ each) => each.id !== row.id);
  const before = others.filter((/** @type {any} */ each) => each.at < row.at).at(-1);
  const after = others.find((/** @type {any} */ each) => each.at > row.at);
  if (!before && !after) return null;
  /** @param {any} to @param {string} text @param {string} title */
  const step = (to, text, title) =>
    to ? h("a", { class: "button", href: link(["requests", to.id]), title }, text) : null;
  return [
    step(before, "← Older", "The request before it in the same conversation"),
    step(after, "Newer →", "The request after it in the same conversation"),
  ];
}
