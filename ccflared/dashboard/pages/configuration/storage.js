// @ts-check
// What the history takes on the disk, whether it is sound, and the machine that the daemon runs on.

import { get, post } from "../../core/api.js";
import { h, replace } from "../../core/dom.js";
import { bytes, counted, number, seconds } from "../../core/format.js";
import { badge, button, card, facts, failed, note, table } from "../../parts/basics.js";
import { confirmed } from "../../parts/dialog.js";
import { toast, toastFailure } from "../../parts/toast.js";
import { when } from "../../parts/time.js";

/** @type {Record<string, [string, import("../../parts/basics.js").Tone]>} */
const STATES = {
  unchecked: ["not checked since the start", "quiet"],
  running: ["is being checked", "info"],
  ok: ["sound", "good"],
  corrupt: ["damaged", "bad"],
  unknown: ["could not be checked", "warn"],
};

/** @param {import("../../core/scope.js").Scope} scope */
export function storage(scope) {
  const disk = h("div");
  const machine = h("div", { class: "stack" });
  const result = h("div", { class: "stack", role: "status" });
  const element = h("div", { class: "grid" }, disk, machine);
  const { signal } = scope;
  const look = async () => {
    const [kept, info, status] = await Promise.all([
      get("api/storage", { signal }),
      get("api/system/info", { signal }),
      get("api/status", { signal }),
    ]);
    replace(disk, diskCard(kept, result, look));
    replace(machine, machineCard(info, status), listenersCard(status.listeners));
    if (kept.integrity.status === "running")
      setTimeout(() => scope.over || void look().catch(() => {}), 1500);
  };
  return { element, load: look };
}

/**
 * @param {any} kept
 * @param {HTMLElement} result
 * @param {() => Promise<void>} look
 */
function diskCard(kept, result, look) {
  const [word, tone] = STATES[kept.integrity.status] ?? [kept.integrity.status, "quiet"];
  const checked = kept.integrity.at;
  return card(
    { title: "Storage", hint: h("span", { class: "mono" }, kept.directory) },
    kept.error ? note("bad", `The history: ${kept.error}`) : null,
    kept.retention_error ? note("warn", `Retention: ${kept.retention_error}`) : null,
    use(kept),
    facts(
      [
        "Requests",
        kept.rows === null
          ? null
          : [number(kept.rows), kept.oldest_row ? [", the oldest ", when(kept.oldest_row * 1000)] : null],
      ],
      ["Payloads", kept.payload_count === null ? null : number(kept.payload_count)],
      [
        "Kept",
        `requests ${seconds(kept.keep_requests)}, ${kept.keep_payloads ? `payloads ${seconds(kept.keep_payloads)}` : "no payloads"}`,
      ],
      ["Totals since", kept.totals_since ? when(kept.totals_since * 1000) : null],
      ["Last clean-up", kept.last_sweep ? when(kept.last_sweep.at * 1000) : "not yet"],
      [
        "Integrity",
        [
          badge(word, tone),
          checked
            ? [" ", h("span", { class: "muted small" }, kept.integrity.kind, " ", when(checked * 1000))]
            : null,
        ],
      ],
      [
        "",
        kept.integrity.faults.length ? h("pre", { class: "code" }, kept.integrity.faults.join("\n")) : null,
      ],
    ),
    h("div", { class: "row" }, actions(result, look)),
    result,
  );
}

/** The parts of what is used, as a bar of what may be. @param {any} kept */
function use(kept) {
  const parts = /** @type {const} */ ([
    ["history", kept.db_bytes, "--series-2"],
    ["write-ahead log", kept.wal_bytes, "--series-3"],
    ["payloads", kept.payloads_bytes, "--series-1"],
  ]);
  const most = Math.max(kept.max_size, kept.bytes, 1);
  return h(
    "div",
    { class: "stack disk-use" },
    h(
      "div",
      null,
      h("strong", null, bytes(kept.bytes)),
      h("span", { class: "muted" }, ` of ${bytes(kept.max_size)}`),
    ),
    h(
      "div",
      { class: "disk-meter", "aria-hidden": "true" },
      parts.map(([, size, colour]) =>
        h("span", { style: { "--part": `${(100 * size) / most}%`, "--colour": `var(${colour})` } }),
      ),
    ),
    h(
      "ul",
      { class: "legend" },
      parts.map(([name, size, colour]) =>
        h(
          "li",
          null,
          h("span", { class: "dot", style: { "--colour": `var(${colour})` } }),
          `${name} ${bytes(size)}`,
        ),
      ),
    ),
  );
}

/**
 * @param {HTMLElement} result
 * @param {() => Promise<void>} look
 */
function actions(result, look) {
  /** @param {string} path @param {any} body @param {(told: any) => import("../../core/dom.js").Child} say */
  const act = (path, body, say) => async (/** @type {Event} */ event) => {
    const knob = /** @type {HTMLButtonElement} */ (event.currentTarget);
    knob.disabled = true;
    try {
      const told = await post(path, body);
      await look();
      replace(result, say(told));
    } catch (error) {
      replace(result, failed(error));
    } finally {
      knob.disabled = false;
    }
  };
  const check = (/** @type {string} */ kind) =>
    act("api/storage/integrity/check", { kind }, (told) => (told.advice ? note("bad", told.advice) : null));
  return [
    button("Quick check", { on: check("quick") }),
    button("Full check", { on: check("full"), title: "Reads all of the file; it may take minutes." }),
    button("Check totals", {
      on: act("api/storage/totals/check", undefined, (told) => totals(told, result)),
    }),
    button("Clean up now", { on: act("api/maintenance/cleanup", undefined, cleaned) }),
  ];
}

/** @param {any} told */
const cleaned = (told) =>
  note(
    "good",
    `Deleted: ${counted(told.removedRequests, "request")}, ${counted(told.removedPayloads, "payload")}.`,
  );

/**
 * @param {any} told
 * @param {HTMLElement} result
 */
function totals(told, result) {
  const looked = `${counted(told.hours, "hour")} and ${counted(told.days, "day")} compared with the rows`;
  if (!told.differences.length) return note("good", `The totals are right: ${looked}.`);
  const rebuild = async () => {
    const title = "Rebuild the totals?";
    const why =
      "The hours and days whose rows are all still there are counted again; older ones stay as they are.";
    if (!(await confirmed({ title, yes: "Rebuild" }, h("p", null, why)))) return;
    try {
      const made = await post("api/storage/totals/rebuild");
      replace(result);
      toast(`${counted(made.days, "day")} recounted, from ${counted(made.rows, "row")}.`);
    } catch (error) {
      toastFailure(error);
    }
  };
  return note(
    "warn",
    `The totals differ from the rows in ${number(told.differences.length + told.more)} places; ${looked}.`,
    h("div", null, button("Rebuild…", { on: rebuild })),
  );
}

/**
 * @param {any} info
 * @param {any} status
 */
const machineCard = (info, status) =>
  card(
    { title: "System" },
    facts(
      ["ccflared", info.version],
      ["Running for", when(status.started_at * 1000, "for")],
      ["Memory", info.memoryBytes === null ? null : bytes(info.memoryBytes)],
      ["Process", info.pid],
      ["Platform", `${info.platform} ${info.arch}`],
      ["Python, SQLite", `${info.python}, ${info.sqlite}`],
      ["Control socket", h("code", null, status.control.socket)],
    ),
  );

/** @param {any[]} listeners */
const listenersCard = (listeners) =>
  card(
    { title: "Listeners" },
    table(
      "Listeners",
      [
        { name: "Address", cell: (each) => h("code", null, each.url ?? each.address) },
        { name: "Serves", cell: (each) => each.serve.join(", ") },
        { name: "Reached from", cell: (each) => each.reach },
        {
          name: "",
          cell: (each) =>
            each.error ? badge(each.error, "bad") : each.tls ? badge("TLS", "good", { plain: true }) : null,
        },
      ],
      listeners,
    ),
  );
