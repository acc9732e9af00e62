// Numbers, times and machine words as people read them. Pure. A value that is not known is a dash, never a zero.

export const DASH = "–";

/** `12.3 ms`; `digits` after the point. */
export function quantity(value, unit, digits = 0) {
  return Number.isFinite(value) ? `${number(value, digits)}${unit ? `\u202f${unit}` : ""}` : DASH;
}

/** A number with thin spaces between thousands. */
export function number(value, digits = 0) {
  if (!Number.isFinite(value)) return DASH;
  const [whole, rest] = value.toFixed(digits).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return rest ? `${grouped}.${rest}` : grouped;
}

/** `1 label`, `3 labels`; `many` where an s does not do. */
export function counted(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** What was said in a session: `3 labels`, `trace of 240 points`, or both. */
export function saidWords({ said = 0, traced = 0, labels = [] }) {
  const points = labels.filter(({ source }) => source === "trace").length;
  const [spoken, trace] = [Math.max(said, labels.length - points), Math.max(traced, points)];
  return [spoken || !trace ? counted(spoken, "label") : "", trace ? `trace of ${counted(trace, "point")}` : ""].filter(Boolean).join(" · ");
}

/** A share of one as `87 %`. */
export function percent(share, digits = 0) {
  return quantity(share * 100, "%", digits);
}

/** `412 B`, `3.4 MB`, `1.20 GB`; powers of a thousand, as disks are sold. */
export function bytes(count) {
  if (!Number.isFinite(count)) return DASH;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let at = 0;
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return quantity(value, units[at], at === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/** `4 s`, `2 min 05 s`, `3 h 07 min`, `2 d 4 h`. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return DASH;
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** Time of day, `14:03:27`, in the reader's own zone. */
export function clockTime(ms) {
  if (!Number.isFinite(ms)) return DASH;
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Time of day, with the date before it if it is not the day of `nowMs`. */
export function moment(ms, nowMs) {
  if (!Number.isFinite(ms)) return DASH;
  const at = new Date(ms);
  const sameDay = at.toDateString() === new Date(nowMs).toDateString();
  return sameDay ? clockTime(ms) : `${dayOf(ms)} ${clockTime(ms)}`;
}

/** The date, `2026-11-21`, in the reader's own zone. */
export function dayOf(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** The zone in which this browser shows times: `UTC`, `UTC+01:00`. */
export function zoneOf(ms) {
  const minutes = -new Date(ms).getTimezoneOffset();
  const ahead = Math.abs(minutes);
  return minutes === 0 ? "UTC" : `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
}

/** `sudden_motion` as `Sudden motion`; a sentence stays as it is. */
export function words(text) {
  const plain = String(text ?? "").trim();
  const spaced = /\s/.test(plain) ? plain : plain.replace(/[_-]+/g, " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** A text whose long lines were broken by hand flows as wide as its place; empty lines, short lines and lists stay. */
export function unwrapped(text) {
  return text.replace(/([^\n]{50,})\n(?=\p{L})/gu, "$1 ");
}

/** The reasons of an anomaly without empty ones and repetitions. */
export function reasons(list) {
  return [...new Set((Array.isArray(list) ? list : []).map(words).filter(Boolean))];
}

const SEVERITIES = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];

/** One of LOW, MEDIUM, HIGH, CRITICAL; an unknown word counts as HIGH, so that it is not overlooked. */
export function severity(text) {
  return SEVERITIES.includes(text) ? text : "HIGH";
}

/** IDLE, MOTION or ALERT; anything else counts as IDLE (S1.9). */
export function activity(text) {
  return text === "MOTION" || text === "ALERT" ? text : "IDLE";
}

function two(value) {
  return String(value).padStart(2, "0");
}
