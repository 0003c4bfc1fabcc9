// @ts-check
/**
 * From values to pixels: straight scales, axes that end on round numbers, and below the marks of time axes. Pure.
 *
 *   sane(value)                       a finite number, or null
 *   extent(values)                    [lowest, highest] of the sane ones, or null
 *   linear([a, b], [y0, y1])          (value) => pixel
 *   axis(low, high, {count, whole, steps, cap})   {low, high, step, ticks}: round, and never of no height
 */

/** @typedef {{low: number, high: number, step: number, ticks: number[]}} Axis */

/** @param {unknown} value @returns {number | null} */
export function sane(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** @param {Iterable<unknown>} values @returns {[number, number] | null} */
export function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    const number = sane(value);
    if (number === null) continue;
    low = Math.min(low, number);
    high = Math.max(high, number);
  }
  return low > high ? null : [low, high];
}

/** @param {[number, number]} domain @param {[number, number]} range @returns {(value: number) => number} */
export function linear(domain, range) {
  const [from, to] = domain;
  const span = to - from;
  if (!(Math.abs(span) > 0)) return () => range[0];
  return (value) => range[0] + ((value - from) / span) * (range[1] - range[0]);
}

/** The next round number (1, 2, 5 times a power of ten) that is no less. @param {number} rough */
function roundStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/**
 * @param {number} low @param {number} high
 * @param {{count?: number, whole?: boolean, steps?: number[], cap?: number}} [options]
 *   whole: no ticks between whole numbers; steps: sizes to choose of before falling back to round ones;
 *   cap: the axis ends there (100 of per cent)
 * @returns {Axis}
 */
export function axis(low, high, { count = 4, whole = false, steps = [], cap = Infinity } = {}) {
  let from = sane(low) ?? 0;
  let to = sane(high) ?? from;
  if (to < from) [from, to] = [to, from];
  if (to - from <= Math.abs(to) * 1e-12) to = from === 0 ? 1 : from + Math.abs(from);
  const rough = (to - from) / count;
  let step = steps.find((each) => each >= rough) ?? roundStep(rough);
  if (whole) step = Math.max(1, Math.round(step));
  const first = Math.floor(from / step + 1e-9);
  const last = Math.ceil(to / step - 1e-9);
  const ticks = [];
  for (let at = first; at <= last; at += 1) {
    const tick = Number((at * step).toPrecision(12));
    if (tick <= cap) ticks.push(tick);
  }
  const end = Math.min(cap, last * step);
  return { low: ticks[0] ?? from, high: Math.max(end, ticks[ticks.length - 1] ?? end), step, ticks };
}

/**
 * Where a time axis has its marks and what they say: whole minutes, hours, days, weeks, months in the
 * reader's zone, also on the two days a year that have not 24 hours. Pure but for the zone of the machine.
 *
 *   timeTicks(since, until, count, least)   [{t, label, strong}], at most about `count`; strong: a new day,
 *       or a new year
 *   spanText(t, step)                "Thu 26 Nov, 14:00–15:00" of a bucket; of an instant, where step is 0
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @typedef {{t: number, label: string, strong: boolean}} Tick */
/** @typedef {{unit: "minute" | "hour" | "day" | "month" | "year", many: number, about: number}} Step */

/** @type {Step[]} */
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((many) => step("minute", many, MINUTE)),
  ...[1, 2, 3, 6, 12].map((many) => step("hour", many, HOUR)),
  ...[1, 2, 7, 14].map((many) => step("day", many, DAY)),
  ...[1, 2, 3, 6].map((many) => step("month", many, 30.44 * DAY)),
  ...[1, 2, 5, 10].map((many) => step("year", many, 365.25 * DAY)),
];

/** @param {Step["unit"]} unit @param {number} many @param {number} one @returns {Step} */
function step(unit, many, one) {
  return { unit, many, about: many * one };
}

/** @param {Intl.DateTimeFormatOptions} options */
const told = (options) => new Intl.DateTimeFormat(undefined, options);
const CLOCK = told({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DATE = told({ day: "numeric", month: "short" });
const MONTH = told({ month: "short" });
const WEEKDAY = told({ weekday: "short" });
const YEAR = told({ year: "numeric" });

/**
 * @param {number} since @param {number} until @param {number} [count]
 * @param {number} [least]  not closer than that: days are not divided into hours
 * @returns {Tick[]}
 */
export function timeTicks(since, until, count = 6, least = 0) {
  if (!Number.isFinite(since) || !Number.isFinite(until) || until <= since) return [];
  const rough = Math.max((until - since) / Math.max(1, count), 0.9 * least);
  const chosen = STEPS.find((each) => each.about >= rough) ?? STEPS[STEPS.length - 1];
  const ticks = [];
  for (const t of moments(since, until, chosen)) ticks.push({ t, ...label(t, chosen) });
  return ticks;
}

/** @param {number} since @param {number} until @param {Step} chosen @returns {Generator<number>} */
function* moments(since, until, chosen) {
  const { unit, many } = chosen;
  if (chosen.about <= HOUR) {
    // Elapsed time, so that an hour which comes twice has its marks twice.
    const offset = new Date(since).getTimezoneOffset() * MINUTE;
    let t = Math.ceil((since - offset) / chosen.about) * chosen.about + offset;
    for (; t <= until; t += chosen.about) yield t;
    return;
  }
  let before = -Infinity;
  for (let index = 0; index < 1000; index += 1) {
    const t = nth(new Date(since), unit, many, index);
    if (t > until) return;
    // An hour that a day has not would be the next mark's again.
    if (t >= since && t > before) yield t;
    before = Math.max(before, t);
  }
}

/** @param {Date} from @param {Step["unit"]} unit @param {number} many @param {number} index */
function nth(from, unit, many, index) {
  const [year, month, day] = [from.getFullYear(), from.getMonth(), from.getDate()];
  const floor = (/** @type {number} */ value) => Math.floor(value / many) * many;
  if (unit === "hour") return +new Date(year, month, day, floor(from.getHours()) + index * many);
  if (unit === "month") return +new Date(year, floor(month) + index * many, 1);
  if (unit === "year") return +new Date(floor(year) + index * many, 0, 1);
  // Weeks begin on Monday. Pairs of days are counted alike whatever is shown, so that marks stay in place.
  const monday = (from.getDay() + 6) % 7;
  const back = many % 7 === 0 ? monday : Math.floor(Date.UTC(year, month, day) / DAY) % many;
  return +new Date(year, month, day - back + index * many);
}

/** @param {number} t @param {Step} chosen */
function label(t, chosen) {
  const at = new Date(t);
  const midnight = at.getHours() === 0 && at.getMinutes() === 0;
  const newYear = at.getMonth() === 0 && at.getDate() === 1;
  if (chosen.unit === "year") return { label: YEAR.format(at), strong: false };
  if (chosen.unit === "month")
    return { label: newYear ? YEAR.format(at) : MONTH.format(at), strong: newYear };
  if (chosen.unit === "day" || midnight) return { label: DATE.format(at), strong: chosen.unit !== "day" };
  return { label: CLOCK.format(at), strong: false };
}

/** @param {number} t @param {number} [step] @returns {string} */
export function spanText(t, step = 0) {
  const at = new Date(t);
  const year = at.getFullYear() === new Date().getFullYear() ? "" : ` ${YEAR.format(at)}`;
  const day = `${WEEKDAY.format(at)} ${DATE.format(at)}${year}`;
  // A day of the daemon's zone may begin at another hour here: then it says from when.
  if (step >= 0.9 * DAY)
    return at.getHours() === 0 && at.getMinutes() === 0 ? day : `${day}, from ${CLOCK.format(at)}`;
  if (step > MINUTE) return `${day}, ${CLOCK.format(at)}–${CLOCK.format(new Date(t + step))}`;
  return `${day}, ${CLOCK.format(at)}`;
}
