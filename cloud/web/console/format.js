// Numbers and times as people read them. Pure. What is not known is a dash, never a zero.

export const DASH = "–";
const two = (value) => String(value).padStart(2, "0");

/** `1 record`, `3 records`; `many` where an s does not do. */
export const counted = (count, one, many = `${one}s`) => `${grouped(count)} ${count === 1 ? one : many}`;

/** A number with thin spaces between thousands. */
export const grouped = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");

export const percent = (share) => `${Math.round(share * 100)}\u202f%`;

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
  return `${value.toFixed(at === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2)}\u202f${units[at]}`;
}

/** `4 s`, `2 min 05 s`, `3 h 07 min`, `2 d 4 h`. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return DASH;
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s}\u202fs`;
  if (s < 3600) return `${Math.floor(s / 60)}\u202fmin ${two(s % 60)}\u202fs`;
  if (s < 86400) return `${Math.floor(s / 3600)}\u202fh ${two(Math.floor((s % 3600) / 60))}\u202fmin`;
  return `${Math.floor(s / 86400)}\u202fd ${Math.floor((s % 86400) / 3600)}\u202fh`;
}

/** How long ago, roughly; a clock that is ahead counts as now. */
export function ago(ms, nowMs) {
  const seconds = Math.max(0, Math.round((nowMs - ms) / 1000));
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${counted(Math.floor(seconds / 86400), "day")} ago`;
}

/** `14:03:27 UTC+01:00`: 24 hours, in the reader's own zone, which is said. */
export function clockTime(ms) {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())} ${zoneOf(at)}`;
}

/** `2026-11-21 14:03:27 UTC+01:00`. */
export function moment(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clockTime(ms)}`;
}

/** The moment for programs, by RFC 3339; empty for what is no moment. */
export function rfc3339(ms) {
  const at = new Date(ms);
  return Number.isNaN(at.getTime()) ? "" : at.toISOString();
}

/** `something is wrong` as `Something is wrong.` */
export function sentence(text) {
  const plain = String(text ?? "").trim();
  if (!plain) return "";
  return plain.charAt(0).toUpperCase() + plain.slice(1) + (/[.!?…]$/.test(plain) ? "" : ".");
}

function zoneOf(at) {
  const minutes = -at.getTimezoneOffset();
  const ahead = Math.abs(minutes);
  return minutes === 0 ? "UTC" : `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
}
