// @ts-check
// Numbers, money, times as people read them, in the reader's own language where it decides about digits.

const plain = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const cents = new Intl.NumberFormat(undefined, {
  style: "currency",
  currency: "USD",
  currencyDisplay: "narrowSymbol",
});
const parts = new Intl.NumberFormat(undefined, {
  style: "currency",
  currency: "USD",
  currencyDisplay: "narrowSymbol",
  maximumSignificantDigits: 2,
});
const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const momentFormat = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "medium",
  hourCycle: "h23",
});

/** What stands where a number is not known. */
export const UNKNOWN = "–";

/** @typedef {number | null | undefined} Maybe */

/** A whole number with its groups. @param {Maybe} n */
export const number = (n) => (known(n) ? plain.format(n) : UNKNOWN);

/** A number in few digits: 12.3K. @param {Maybe} n */
export const compact = (n) => (!known(n) ? UNKNOWN : Math.abs(n) < 1000 ? plain.format(n) : short.format(n));

/**
 * Per cent of a share from 0 to 100.
 * @param {Maybe} share
 * @param {number} [digits]
 */
export const percent = (share, digits = 0) => (known(share) ? `${share.toFixed(digits)} %` : UNKNOWN);

/** US dollars; an unknown cost is unknown, and not nothing. @param {Maybe} usd */
export function money(usd) {
  if (!known(usd)) return "unknown";
  if (usd !== 0 && Math.abs(usd) < 0.1) return parts.format(usd);
  return Math.abs(usd) >= 10_000 ? `$${short.format(usd)}` : cents.format(usd);
}

/** Milliseconds: 840 ms, 2.3 s, 2 min 5 s. @param {Maybe} n */
export function ms(n) {
  if (!known(n)) return UNKNOWN;
  if (n < 1000) return `${Math.round(n)} ms`;
  return n < 60_000 ? `${(n / 1000).toFixed(1)} s` : seconds(n / 1000);
}

/** A duration in its two largest units. @param {Maybe} n  seconds */
export function seconds(n) {
  if (!known(n)) return UNKNOWN;
  let left = Math.max(0, Math.round(n));
  const told = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    if (count || (size === 1 && !told.length)) told.push(`${count} ${unit}`);
    else if (told.length) break;
    if (told.length === 2) break;
    left -= count * size;
  }
  return told.join(" ");
}

/** @type {[string, number][]} */
const UNITS = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

/** @param {Maybe} n */
export function bytes(n) {
  if (!known(n)) return UNKNOWN;
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (n >= 1024 && at < names.length - 1) {
    n /= 1024;
    at += 1;
  }
  return `${at && n < 10 ? n.toFixed(1) : Math.round(n)} ${names[at]}`;
}

/** The time of the day. @param {Maybe} t  milliseconds since 1970, as everywhere here */
export const clock = (t) => (known(t) ? clockFormat.format(t) : UNKNOWN);

/** @param {Maybe} t */
export const day = (t) => (known(t) ? dayFormat.format(t) : UNKNOWN);

/** Day and time, in full. @param {Maybe} t */
export const moment = (t) => (known(t) ? momentFormat.format(t) : UNKNOWN);

/**
 * How long ago.
 * @param {Maybe} t
 * @param {number} [now]
 */
export function ago(t, now = Date.now()) {
  if (!known(t)) return "never";
  const past = (now - t) / 1000;
  return past < 2 ? "just now" : `${seconds(past < 60 ? past : largest(past))} ago`;
}

/**
 * In how long.
 * @param {Maybe} t
 * @param {number} [now]
 */
export function ahead(t, now = Date.now()) {
  if (!known(t)) return UNKNOWN;
  return t <= now ? "now" : `in ${seconds((t - now) / 1000)}`;
}

/** Cut to the largest unit. @param {number} n  seconds */
function largest(n) {
  const size = n >= 86_400 ? 86_400 : n >= 3600 ? 3600 : 60;
  return Math.floor(n / size) * size;
}

/**
 * "1 request", "2 requests".
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 */
export const counted = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

/** @param {Maybe} n @returns {n is number} */
const known = (n) => typeof n === "number" && Number.isFinite(n);
